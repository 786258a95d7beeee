import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Use } from './process.js'
import type { Dependency } from './world.js'

/** One dependency that hangs for one tenant at one rate, and what another tenant saw of it. */
export interface Cell {
  readonly dependency: Dependency
  readonly host: 'shared' | 'own'
  readonly perSecond: number
  readonly alone: Seen
  readonly beside: Seen
  /** Of the tenant in trouble: how long its own calls took. */
  readonly theirs: { readonly p50: number; readonly p99: number }
}

export interface Seen {
  readonly answers: number
  readonly p50: number
  readonly p99: number
  readonly failures: number
  readonly most: Use
}

const RATIO_MOST = 1.5
const names = { backend: 'Backend API', cognito: 'Cognito', sts: 'STS', table: 'table', ssm: 'SSM' } as const
const head =
  '| hangs for one tenant | host | calls/s | p50 alone → beside, ms | p99 alone → beside, ms | p99 ratio | failures | RSS, MB | sockets | CPU, % | its own p50 / p99, ms |\n|---|---|---|---|---|---|---|---|---|---|---|'

export const ratioOf = ({ alone, beside }: Cell): number => beside.p99 / alone.p99

function rowOf(cell: Cell): string {
  const { dependency, host, perSecond, alone, beside, theirs } = cell
  const ratio = ratioOf(cell)
  const columns = [
    names[dependency],
    host,
    perSecond,
    `${alone.p50.toFixed(1)} → ${beside.p50.toFixed(1)}`,
    `${alone.p99.toFixed(1)} → ${beside.p99.toFixed(1)}`,
    ratio <= RATIO_MOST ? ratio.toFixed(2) : `**${ratio.toFixed(2)}**`,
    `${alone.failures} → ${beside.failures}`,
    `${alone.most.rssMb.toFixed(0)} → ${beside.most.rssMb.toFixed(0)}`,
    `${alone.most.sockets} → ${beside.most.sockets}`,
    `${alone.most.cpu.toFixed(0)} → ${beside.most.cpu.toFixed(0)}`,
    `${theirs.p50.toFixed(0)} / ${theirs.p99.toFixed(0)}`,
  ]
  return `| ${columns.join(' | ')} |`
}

/** The table, and what it comes to. */
export function toMarkdown(cells: readonly Cell[]): string {
  const over = cells.filter((cell) => ratioOf(cell) > RATIO_MOST)
  const failures = cells.reduce((sum, { beside }) => sum + beside.failures, 0)
  const worst = Math.max(...cells.map(ratioOf))
  const answers = cells.reduce((sum, { alone, beside }) => sum + alone.answers + beside.answers, 0)
  return [
    [head, ...cells.map(rowOf)].join('\n'),
    `Worst ratio of p99: ${worst.toFixed(2)} (reach: ${RATIO_MOST}); ${over.length} of ${cells.length} over it. Failures beside: ${failures}. Answers measured: ${answers}.`,
  ].join('\n\n')
}

const RESULTS = 'test/bench/RESULTS.md'

/** Puts a measurement's figures between its marks in RESULTS.md, with when and on what they were taken. */
export function writeResults(name: string, markdown: string): void {
  const git = (...words: string[]) => execFileSync('git', words, { encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', '.', `:!${RESULTS}`) !== ''
  const commit = `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes' : ''}`
  const taken = `Commit ${commit}, ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, two shared cores.`
  const marked = new RegExp(`(<!-- bench: ${name} -->\\n)[\\s\\S]*?(<!-- /bench -->)`)
  const text = readFileSync(RESULTS, 'utf8')
  if (!marked.test(text)) throw new Error(`${RESULTS} has no marks for ${name}`)
  writeFileSync(
    RESULTS,
    text.replace(marked, (_all, from, to) => `${from}${taken}\n\n${markdown}\n${to}`),
  )
}

import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { type Diagnosis, diagnose } from '../../operator/causes/diagnose.js'
import { assertComparable } from '../../operator/causes/examine.js'
import { findAll } from '../../operator/causes/faults.js'
import type { Fold } from '../../operator/causes/fold.js'
import { type Interval, intervalOf, type Selection } from '../../operator/lines/select.js'
import { timeText } from '../../operator/lines/when.js'
import { logGroupFlag, tellNotes, withLogSource } from '../../operator/log-source.js'
import { type Reader, readerOf } from '../../operator/reader.js'
import { operatorCall, withUpstreams } from '../../operator/upstreams.js'
import { readWatchState, writeWatchState } from '../../operator/watch/keep.js'
import { LATE_MS } from '../../operator/watch/look.js'
import { factsOf, headOf, NAMES_MAX, runbookOf } from '../../operator/watch/notice.js'
import { advance, type Notice, type WatchState } from '../../operator/watch/state.js'
import { readTableState, writeTableState } from '../../operator/watch/table.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { counted, textAt } from '../../terminal/text.js'

/** What is compared, if it is not said: a day, so that the night is known. */
const BACK_MS = 86_400_000

interface Options extends Pick<Selection, 'since' | 'until' | 'utc'> {
  readonly state?: string
  readonly logGroup?: readonly string[]
  readonly json?: boolean
}

/** `watch`: one look at the latest lines, and a notice for each cause whose state has changed since the look before. */
export function watchCommand(io: CommandIo): Command {
  const path = 'corbado-gateway watch'
  return defineCommand(io, {
    path,
    summary:
      'Looks at the latest log lines and says what has changed since the last look: one notice a cause, not one a tenant. To be run every few minutes. ' +
      'Without files, on a terminal or with --log-group, the lines are those of CloudWatch.',
    examples: [
      `${path} --log-group /aws/lambda/corbado-cognito-gateway`,
      `${path} lines.json --state watch.json`,
      `${path} lines.json.gz --state watch.json --until 02:10 --json`,
    ],
  })
    .argument('[file...]', 'files of lines, plain or gzip; - is standard input')
    .option('--state <file>', 'keeps what is known from look to look; the table does if left out')
    .option('--since <time>', 'what is compared: 15m, 2h, 02:10, or ISO 8601; from 24 h before its end on if left out')
    .option('--until <time>', 'up to when the lines were read; now if left out')
    .option('--utc', 'a time without a zone is of UTC; local if left out')
    .addOption(logGroupFlag())
    .option('--json', 'print { kind: "watch", at, lines, notices, causes }')
    .action((files: string[], options: Options) => watch(io, files, options))
}

async function watch(io: CommandIo, files: readonly string[], options: Options): Promise<void> {
  const { state: file } = options
  // What cannot be asked is told before anybody signs in.
  const now = io.clock.now()
  const { from, to } = intervalOf(options, now)
  const interval = { from: Number.isFinite(from) ? from : Math.min(to, now) - BACK_MS, to }
  if (file !== undefined) {
    const before = await readWatchState(file)
    return await look(io, files, options, interval, before, (state) => writeWatchState(file, state))
  }
  await withUpstreams(io, async (upstreams) => {
    const table = { states: upstreams.states, call: () => operatorCall() }
    const before = await readTableState(table, io.clock.now())
    await look(io, files, options, interval, before.state, (state, pools) =>
      writeTableState(table, before, state, pools, io.clock.now()),
    )
  })
}

/** Looks once; `keep` takes the new state, and the pool of each tenant that was seen. */
async function look(
  io: CommandIo,
  files: readonly string[],
  options: Options,
  interval: Interval,
  before: WatchState,
  keep: (state: WatchState, pools: ReadonlyMap<string, string>) => Promise<void>,
): Promise<void> {
  const at = Math.min(interval.to, io.clock.now())
  const { logGroup } = options
  await withLogSource(io, { files, again: true, ...(logGroup && { logGroup }) }, async (opened) => {
    const reader = readerOf(opened, { from: interval.from, to: at })
    const { fold, names } = await reader.fold(undefined)
    assertComparable(fold)
    if (fold.lines === 0)
      throw new NotPossible(
        `no line of the gateway between ${timeText(interval.from)} and ${timeText(at)}: nothing can be told, and the state stays as it was`,
      )
    const found = findAll(fold, { until: at - LATE_MS, open: true })
    const { state, notices } = advance(before, found, at)
    const diagnoses = await diagnosesOf(reader, fold, notices)
    // A notice that was not printed is told again; one that was is not lost.
    write(io, options, { at, lines: fold.lines, notices, diagnoses, state })
    await keep(state, new Map([...names].map(([pool, tenant]) => [tenant, pool])))
    if (Object.values(state.causes).some(({ health }) => health !== 'recovered' && health !== 'new')) io.foundProblems()
    tellNotes(io, opened.source)
  })
}

async function diagnosesOf(
  reader: Reader,
  fold: Fold,
  notices: readonly Notice[],
): Promise<ReadonlyMap<Notice, Diagnosis>> {
  const open = notices.flatMap((notice) => (notice.finding === undefined ? [] : [{ notice, finding: notice.finding }]))
  if (open.length === 0) return new Map()
  const evidence = await reader.evidence(open.map(({ finding }) => finding))
  return new Map(
    open.flatMap(({ notice, finding }, index) => {
      const seen = evidence[index]
      return seen === undefined ? [] : [[notice, diagnose(fold, finding, seen)]]
    }),
  )
}

interface Look {
  readonly at: number
  readonly lines: number
  readonly notices: readonly Notice[]
  readonly diagnoses: ReadonlyMap<Notice, Diagnosis>
  readonly state: ReturnType<typeof advance>['state']
}

function write(io: CommandIo, { json }: Options, { at, lines, notices, diagnoses, state }: Look): void {
  if (json) {
    writeAnswer(io, 'watch', {
      at: timeText(at),
      lines,
      notices: notices.map((notice) => {
        const { what, reason, was, health, everywhere, tenants, first, last } = notice
        const { cause, owner, fix } = diagnoses.get(notice) ?? {}
        return {
          ...{ what, reason, was, health, everywhere, tenants: tenants.length, names: tenants.slice(0, NAMES_MAX) },
          ...{ first: timeText(first), last: timeText(last), cause, owner, fix, runbook: runbookOf(notice) },
        }
      }),
      causes: Object.values(state.causes).map(({ what, health, first, last, tenants }) => {
        return { what, health, first: timeText(first), last: timeText(last), tenants: Object.keys(tenants).length }
      }),
    })
    return
  }
  const { stdout } = io
  const paint = createPaint(stdout, io.env)
  for (const notice of notices) {
    const head = textAt(0, headOf(notice), stdout)
    stdout.write(`${paint(notice.health === 'recovered' ? 'green' : 'red', head)}\n`)
    const facts = factsOf(notice, diagnoses.get(notice), at)
    for (const [name, text] of facts)
      stdout.write(`${paint('dim', `   ${name.padEnd(9)}`)}${textAt(12, text, stdout)}\n`)
  }
  const bad = Object.values(state.causes).filter(({ health }) => health !== 'recovered' && health !== 'new')
  io.stderr.write(
    `${counted(lines, 'line')}; ${counted(notices.length, 'notice')}, ${counted(bad.length, 'cause')} going on\n`,
  )
}

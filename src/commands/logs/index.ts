import { type Command, Option } from 'commander'
import { SETTINGS } from '../../env.js'
import { isUserPoolId } from '../../ids.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { allowed, type LambdaLine, type Line } from '../../operator/lines/line.js'
import { closed, type Interval, intervalOf, type Selection, timeFlags } from '../../operator/lines/select.js'
import type { LineCounts, LineSource } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { whereOf } from '../../operator/lines/where.js'
import { createWhose, type Whose } from '../../operator/lines/whose.js'
import { logGroupFlag, type Opened, tellNotes, withLogSource } from '../../operator/log-source.js'
import { resolveUser } from '../../operator/pseudonym.js'
import { fetchRecords } from '../../operator/records/find.js'
import { tenantIdOf } from '../../operator/records/record.js'
import { OUTCOMES, reasons } from '../../reasons.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint, writeNote } from '../../terminal/io.js'
import { counted } from '../../terminal/text.js'
import { askLambda, type Broken, createBroken } from './broken.js'
import { followLines } from './follow.js'
import { assertKnown, createNames, type Names } from './names.js'
import { lineText } from './text.js'

const LINES_MAX = 200
/** Pools whose tenant is not known; more are not named. */
const POOLS_MAX = 3

/** How far back lines are looked for in CloudWatch, if it is not said. */
const BACK_MS = 3_600_000

interface Options extends Selection {
  readonly logGroup?: readonly string[]
  readonly follow?: boolean
  readonly last?: string
  readonly json?: boolean
}

/** `logs`: the gateway's lines, those that are asked for, as a person reads them. */
export function logsCommand(io: CommandIo): Command {
  const path = 'corbado-gateway logs'
  const command = defineCommand(io, {
    path,
    summary:
      'Shows log lines of the gateway, of CloudWatch, in files or piped in: those of a tenant, a login, a user, a ' +
      'reason. Without files, on a terminal, they are those of CloudWatch.',
    examples: [
      `${path} --tenant acme-shop --since 2h`,
      `${path} --tenant acme-shop --level error --follow`,
      `${path} lines.json.gz --level error --last 50`,
      `${path} lines.json --ref 0c7f8a0e-2f0b-4d53-9d2e-3c1d5a9f7b11 --json`,
    ],
  })
    .argument('[file...]', 'files of lines, plain or gzip; - is standard input')
    .option('--tenant <tenantId>', 'of this tenant')
    .option('--pool <userPoolId>', 'of this user pool')
    .option('--customer <name>', 'of this customer')
    .option('--step <step>', 'of triggers or actions with this in their name, e.g. verify')
    .option('--outcome <outcome>', 'with this outcome')
    .option('--reason <reason>', 'with this reason')
    .addOption(new Option('--level <level>', 'of this level').choices(['info', 'warn', 'error']))
    .option('--flow <flowId>', 'of this login')
    .option('--ref <requestId>', 'of the invocation that an error message names as ref')
    .option('--client <clientId>', 'of app clients with this in their id')
    .option('--release <version>', 'of this version of the gateway')
    .option('--user <user>', 'of this user: the pseudonym on the lines, or with --tenant an e-mail or user name')
  for (const flag of timeFlags()) command.addOption(flag)
  return command
    .addOption(logGroupFlag())
    .option('--follow', 'go on with the lines that come, with --json one on each line')
    .option('--last <count>', `at most so many, the latest (${LINES_MAX}); 0 for all`)
    .option('--json', 'print { kind: "lines", lines, left, read }')
    .action((files: string[], options: Options) => showLines(io, files, options))
}

async function showLines(io: CommandIo, files: readonly string[], options: Options): Promise<void> {
  const last = countOf(options.last)
  const { follow = false, json = false, logGroup, tenant, ref } = options
  if (follow && options.last !== undefined) throw new WrongUsage('--follow begins with what comes, and has no --last')
  assertKnown('--reason', options.reason, reasons)
  assertKnown('--outcome', options.outcome, OUTCOMES)
  const now = io.clock.now()
  const named = intervalOf(options, now)
  await withLogSource(io, { files, ...(logGroup && { logGroup }) }, async (opened) => {
    const user = await resolveUser(io, opened, tenant ?? options.pool, options.user)
    const selection = { ...options, ...(user && { user }) }
    const known = tenant === undefined ? [] : await recordsOf(io, opened)
    const pools = new Set(known.flatMap((record) => (record.tenantId === tenant ? record.userPoolId : [])))
    const where = whereOf(selection, pools)
    if (follow) {
      const from = Number.isFinite(named.from) ? named.from : now
      const { take } = createWhose(selection, named, pools)
      await followLines(io, opened, { take, where, from, until: named.to, json })
      return
    }
    const interval = opened.kind === 'files' ? named : closed(named, BACK_MS, now)
    const whose = createWhose(selection, interval, pools)
    const names = createNames(options)
    const broken = createBroken(ref)
    const take = (line: Line) => {
      names.see(line)
      return whose.take(line)
    }
    const asked = { take, seeLambda: broken.see, where, interval }
    const found = last === 0 && !json ? await streamLines(io, opened, asked) : await collectLines(opened, asked, last)
    const counts = { ...opened.source.counts }
    const notes = found.shown > 0 ? [] : await whyNothing(opened, { names, broken, interval }, known, options)
    if (tenant !== undefined) notes.push(...poolNotes(opened, whose, pools))
    if (json)
      writeAnswer(io, 'lines', { lines: found.lines.map(({ fields }) => fields), left: found.cut, read: counts.lines })
    else for (const line of found.lines) writeLine(io, line)
    tellCounts(io, opened, counts, interval, found, options.last !== undefined)
    for (const note of notes) writeNote(io, 'note', note)
  })
}

function writeLine({ stdout, env, clock }: CommandIo, line: Line): void {
  stdout.write(`${lineText(line, createPaint(stdout, env), stdout, clock.now())}\n`)
}

/** The tenants of the table, for CloudWatch, which gives no line of another one; none if it cannot be read. */
async function recordsOf(io: CommandIo, opened: Opened): Promise<readonly Known[]> {
  if (opened.kind === 'files' || !io.env[SETTINGS.tenantTable.name]) return []
  try {
    const records = await fetchRecords(opened.upstreams)
    return records.map((record) => ({ tenantId: tenantIdOf(record), userPoolId: record.userPoolId }))
  } catch {
    // Who may read lines need not be one who may read the table.
    return []
  }
}

interface Known {
  readonly tenantId: string
  readonly userPoolId: string
}

interface Looked {
  readonly names: Names
  readonly broken: Broken
  readonly interval: Interval
}

/**
 * Why no line is shown, as far as it is known.
 * @throws WrongUsage with a name that is like one that was asked for
 */
async function whyNothing(
  opened: Opened,
  { names, broken, interval }: Looked,
  known: readonly Known[],
  { ref, tenant }: Options,
): Promise<string[]> {
  names.add(
    'tenant',
    known.map(({ tenantId }) => tenantId),
  )
  const nowhere = names.check()
  if (ref !== undefined && opened.kind === 'cloudwatch') await askLambda(opened, ref, interval, broken.see)
  const told = broken.note(tenant)
  // CloudWatch gives nothing but what was asked for, and is no proof that there is no such name.
  const none = opened.kind === 'files' ? nowhere.map((flag) => `no line that was read has what ${flag} names`) : []
  return [...none, ...(told === undefined ? [] : [told])]
}

/**
 * Lines with only a pool that may be missing, as nothing says whose it is.
 * @param known pools that the table names
 */
function poolNotes({ kind }: Opened, whose: Whose, known: ReadonlySet<string>): string[] {
  if (kind === 'cloudwatch') {
    if (known.size > 0) return []
    const [pool = '<userPoolId>'] = [...whose.pools].filter(isUserPoolId)
    return [`what failed before the tenant was known has only a pool, and is under --pool ${pool}`]
  }
  if (whose.pools.size > 0) return []
  const pools = [...whose.waiting()].filter(isUserPoolId)
  if (pools.length === 0) return []
  const more = pools.length > POOLS_MAX ? `, and of ${pools.length - POOLS_MAX} more` : ''
  return [
    `lines with only a pool are left out, as none says whose it is: --pool ${pools.slice(0, POOLS_MAX).join(', --pool ')}${more}`,
  ]
}

interface Asking {
  /** Gives the lines that are now known to be asked for. */
  readonly take: (line: Line) => readonly Line[]
  readonly seeLambda: (line: LambdaLine) => void
  readonly where: ReturnType<typeof whereOf>
  readonly interval: Interval
}

interface Found {
  /** To be shown. */
  readonly lines: readonly Line[]
  readonly shown: number
  /** How many there are besides; at least, where not all was read. */
  readonly cut: number
}

/** Shows each line when it is read; only of several files they are put in order before. */
async function streamLines(io: CommandIo, opened: Opened, asking: Asking): Promise<Found> {
  if (opened.kind === 'files' && opened.files.length > 1) return collectLines(opened, asking, 0)
  const { take, seeLambda, where, interval } = asking
  let shown = 0
  const show = (line: Line) => {
    for (const one of take(line)) {
      shown += 1
      writeLine(io, allowed(one))
    }
  }
  await opened.source.each(show, undefined, { where, interval }, seeLambda)
  return { lines: [], shown, cut: 0 }
}

/** The latest lines. CloudWatch gives them first, and is asked no further than to one more. */
async function collectLines(
  opened: Opened,
  { take, seeLambda, where, interval }: Asking,
  last: number,
): Promise<Found> {
  const newestFirst = opened.kind === 'cloudwatch' && last > 0
  const found: Line[] = []
  let matched = 0
  const keep = (line: Line): boolean => {
    for (const one of take(line)) {
      matched += 1
      if (newestFirst && matched > last) return false
      found.push(allowed(one))
    }
    // Now and then, as each removal moves all others.
    if (!newestFirst && last > 0 && found.length >= 2 * last) found.splice(0, found.length - last)
    return true
  }
  await opened.source.each(keep, undefined, { where, interval, newestFirst }, seeLambda)
  const lines = (last > 0 ? found.slice(newestFirst ? 0 : -last) : found).sort((a, b) => a.at - b.at)
  return { lines, shown: lines.length, cut: matched - lines.length }
}

function tellCounts(
  io: CommandIo,
  { kind, source }: Opened,
  counts: LineCounts,
  interval: Interval,
  { shown, cut }: Found,
  limited: boolean,
): void {
  const unread = counts.others + counts.tooLong
  const from = Number.isFinite(interval.from) ? ` from ${timeText(interval.from)}` : ''
  const to = Number.isFinite(interval.to) ? ` to ${timeText(interval.to)}` : ''
  const when = from + to === '' ? '' : `,${from}${to}`
  io.stderr.write(
    `${counted(shown, 'line')} of ${counted(counts.lines, 'line')} read${unread > 0 ? `, ${unread} of them not the gateway's` : ''}${when}\n`,
  )
  tellNotes(io, source as LineSource)
  if (counts.tooLong > 0) {
    io.stderr.write(`${counted(counts.tooLong, 'line')} over 1 MiB could not be read\n`)
    io.foundProblems()
  }
  if (cut === 0) return
  io.stderr.write(
    kind === 'files'
      ? `${counted(cut, 'earlier line')} left out: --last 0 shows all\n`
      : 'earlier lines left out: --last 0 shows all\n',
  )
  // Who said how many got what was asked for.
  if (!limited) io.foundProblems()
}

function countOf(text: string | undefined): number {
  if (text === undefined) return LINES_MAX
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new WrongUsage(`--last ${JSON.stringify(text)} is no number of lines`)
}

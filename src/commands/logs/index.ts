import { type Command, Option } from 'commander'
import { SETTINGS } from '../../env.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { allowed, type Line, textOf } from '../../operator/lines/line.js'
import {
  closed,
  createSelect,
  type Interval,
  intervalOf,
  type Selection,
  timeFlags,
} from '../../operator/lines/select.js'
import type { LineSource } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { whereOf } from '../../operator/lines/where.js'
import { logGroupFlag, type Opened, tellNotes, withLogSource } from '../../operator/log-source.js'
import { resolveUser } from '../../operator/pseudonym.js'
import { fetchRecords } from '../../operator/records/find.js'
import { tenantIdOf } from '../../operator/records/record.js'
import { OUTCOMES, reasons } from '../../reasons.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint } from '../../terminal/io.js'
import { closestNames, counted } from '../../terminal/text.js'
import { followLines } from './follow.js'
import { lineText } from './text.js'

const LINES_MAX = 200
/** More names are not told at once. */
const NAMED_MAX = 40
/** Names among which one that was mistyped is looked for. */
const TENANTS_MAX = 10_000

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
  const { follow = false, json = false, logGroup } = options
  if (follow && options.last !== undefined) throw new WrongUsage('--follow begins with what comes, and has no --last')
  assertKnown('--reason', options.reason, reasons)
  assertKnown('--outcome', options.outcome, OUTCOMES)
  const now = io.clock.now()
  const named = intervalOf(options, now)
  await withLogSource(io, { files, ...(logGroup && { logGroup }) }, async (opened) => {
    const user = await resolveUser(io, opened, options.tenant ?? options.pool, options.user)
    const selection = { ...options, ...(user && { user }) }
    const where = whereOf(selection)
    if (follow) {
      const from = Number.isFinite(named.from) ? named.from : now
      await followLines(io, opened, { isAsked: createSelect(selection, named), where, from, until: named.to, json })
      return
    }
    const interval = opened.kind === 'files' ? named : closed(named, BACK_MS, now)
    const select = createSelect(selection, interval)
    const tenants = new Set<string>()
    const isAsked = (line: Line) => {
      const tenantId = textOf(line.fields, 'tenantId')
      if (tenantId !== undefined && tenants.size < TENANTS_MAX) tenants.add(tenantId)
      return select(line)
    }
    const asked = { isAsked, where, interval }
    const found = last === 0 && !json ? await streamLines(io, opened, asked) : await collectLines(opened, asked, last)
    if (found.shown === 0 && options.tenant !== undefined)
      assertKnown('--tenant', options.tenant, await tenantsOf(io, opened, tenants), false)
    if (json)
      writeAnswer(io, 'lines', {
        lines: found.lines.map(({ fields }) => fields),
        left: found.cut,
        read: opened.source.counts.lines,
      })
    else
      for (const line of found.lines) io.stdout.write(`${lineText(line, createPaint(io.stdout, io.env), io.stdout)}\n`)
    tellCounts(io, opened, interval, found, options.last !== undefined)
  })
}

/**
 * Refuses a name that is none of those that there are: no line would have it.
 * @param whole there are no others; else a name that is like none of them may be right
 * @throws WrongUsage with the names that are like it
 */
function assertKnown(flag: string, name: string | undefined, names: readonly string[], whole = true): void {
  if (name === undefined || names.includes(name)) return
  const closest = closestNames(names, name)
  if (!whole && closest.length === 0) return
  const hint = closest.length > 0 ? `did you mean ${closest.join(' or ')}?` : `there are ${names.join(', ')}`
  throw new WrongUsage(
    `${flag} ${JSON.stringify(name)} is on no line: ${names.length > NAMED_MAX && closest.length === 0 ? 'corbado-gateway reasons lists all' : hint}`,
  )
}

/** The tenants that there are: of the lines that were read, and those of the table, as CloudWatch gives no line of another. */
async function tenantsOf(io: CommandIo, opened: Opened, seen: ReadonlySet<string>): Promise<readonly string[]> {
  if (opened.kind === 'files' || !io.env[SETTINGS.tenantTable.name]) return [...seen]
  try {
    return [...seen, ...(await fetchRecords(opened.upstreams)).map(tenantIdOf)]
  } catch {
    // Who may read lines need not be one who may read the table.
    return [...seen]
  }
}

interface Asking {
  readonly isAsked: (line: Line) => boolean
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
async function streamLines(io: CommandIo, opened: Opened, { isAsked, where, interval }: Asking): Promise<Found> {
  if (opened.kind === 'files' && opened.files.length > 1) return collectLines(opened, { isAsked, where, interval }, 0)
  const paint = createPaint(io.stdout, io.env)
  let shown = 0
  const show = (line: Line) => {
    if (!isAsked(line)) return
    shown += 1
    io.stdout.write(`${lineText(allowed(line), paint, io.stdout)}\n`)
  }
  await opened.source.each(show, undefined, { where, interval })
  return { lines: [], shown, cut: 0 }
}

/** The latest lines. CloudWatch gives them first, and is asked no further than to one more. */
async function collectLines(opened: Opened, { isAsked, where, interval }: Asking, last: number): Promise<Found> {
  const newestFirst = opened.kind === 'cloudwatch' && last > 0
  const found: Line[] = []
  let matched = 0
  const keep = (line: Line): boolean => {
    if (!isAsked(line)) return true
    matched += 1
    if (newestFirst && matched > last) return false
    found.push(allowed(line))
    // Now and then, as each removal moves all others.
    if (!newestFirst && last > 0 && found.length >= 2 * last) found.splice(0, found.length - last)
    return true
  }
  await opened.source.each(keep, undefined, { where, interval, newestFirst })
  const lines = (last > 0 ? found.slice(newestFirst ? 0 : -last) : found).sort((a, b) => a.at - b.at)
  return { lines, shown: lines.length, cut: matched - lines.length }
}

function tellCounts(
  io: CommandIo,
  { kind, source }: Opened,
  interval: Interval,
  { shown, cut }: Found,
  limited: boolean,
): void {
  const unread = source.counts.others + source.counts.tooLong
  const from = Number.isFinite(interval.from) ? ` from ${timeText(interval.from)}` : ''
  const to = Number.isFinite(interval.to) ? ` to ${timeText(interval.to)}` : ''
  const when = from + to === '' ? '' : `,${from}${to}`
  io.stderr.write(
    `${counted(shown, 'line')} of ${counted(source.counts.lines, 'line')} read${unread > 0 ? `, ${unread} of them not the gateway's` : ''}${when}\n`,
  )
  tellNotes(io, source as LineSource)
  if (source.counts.tooLong > 0) {
    io.stderr.write(`${counted(source.counts.tooLong, 'line')} over 1 MiB could not be read\n`)
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

import { type Command, Option } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { type Line, numberOf, textOf } from '../../operator/lines/line.js'
import { createSelect, intervalOf, type Selection, timeFlags } from '../../operator/lines/select.js'
import { sourcesOf, withLines } from '../../operator/lines/source.js'
import { timeText } from '../../operator/lines/when.js'
import { levelOf, rowOf } from '../../reasons.js'
import { defineCommand } from '../../terminal/command.js'
import { WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint, type Output, type Paint } from '../../terminal/io.js'
import { counted, textAt } from '../../terminal/text.js'

const LINES_MAX = 200

interface Options extends Selection {
  readonly last?: string
  readonly json?: boolean
}

/** `logs`: the gateway's lines, those that are asked for, as a person reads them. */
export function logsCommand(io: CommandIo): Command {
  const path = 'corbado-gateway logs'
  const command = defineCommand(io, {
    path,
    summary: 'Shows log lines of the gateway, in files or piped in: those of a tenant, a login, a user, a reason.',
    examples: [
      `${path} lines.json --tenant acme-shop --since 2h`,
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
    .option('--user <pseudonym>', 'of the user with this pseudonym, as the lines have it')
  for (const flag of timeFlags()) command.addOption(flag)
  return command
    .option('--last <count>', `at most so many, the latest (${LINES_MAX}); 0 for all`)
    .option('--json', 'print { kind: "lines", lines, left, read }')
    .action((files: string[], options: Options) => showLines(io, files, options))
}

async function showLines(io: CommandIo, files: readonly string[], options: Options): Promise<void> {
  const last = countOf(options.last)
  const interval = intervalOf(options, io.clock.now())
  const isAsked = createSelect(options, interval)
  const found: Line[] = []
  let matched = 0
  await withLines(sourcesOf(files, io), io.stdin, false, async (source) => {
    await source.each((line) => {
      if (!isAsked(line)) return
      matched += 1
      found.push(line)
      // Now and then, as each removal moves all others.
      if (last > 0 && found.length >= 2 * last) found.splice(0, found.length - last)
    })
    const shown = (last > 0 ? found.slice(-last) : found).sort((a, b) => a.at - b.at)
    const cut = matched - shown.length
    if (options.json)
      writeAnswer(io, 'lines', { lines: shown.map(({ fields }) => fields), left: cut, read: source.counts.lines })
    else writeLines(io, shown)
    const unread = source.counts.others + source.counts.tooLong
    io.stderr.write(
      `${counted(shown.length, 'line')} of ${counted(source.counts.lines, 'line')} read${unread > 0 ? `, ${unread} of them not the gateway's` : ''}\n`,
    )
    if (cut === 0) return
    io.stderr.write(`${counted(cut, 'earlier line')} left out: --last 0 shows all\n`)
    io.foundProblems()
  })
}

function countOf(text: string | undefined): number {
  if (text === undefined) return LINES_MAX
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new WrongUsage(`--last ${JSON.stringify(text)} is no number of lines`)
}

function writeLines(io: CommandIo, lines: readonly Line[]): void {
  const paint = createPaint(io.stdout, io.env)
  for (const line of lines) io.stdout.write(`${lineText(line, paint, io.stdout)}\n`)
}

/** Of the second and further lines, if a terminal is too narrow for one. */
const INDENT = 2

/** Texts two spaces apart; on a terminal, those that do not fit go on in further lines. */
function joined(parts: readonly Part[], output: Output): string {
  const room = output.isTTY ? output.columns || 80 : Number.POSITIVE_INFINITY
  let [text, column] = ['', 0]
  for (const { shown, paint } of parts) {
    const fits = column === 0 || column + 2 + shown.length <= room
    if (column > 0) text += fits ? '  ' : `\n${' '.repeat(INDENT)}`
    column = (fits ? column + (column === 0 ? 0 : 2) : INDENT) + shown.length
    text += paint(textAt(INDENT, shown, output))
  }
  return text
}

interface Part {
  readonly shown: string
  paint(text: string): string
}

const COLORS = { error: 'red', warn: 'yellow', info: 'dim' } as const

/** A line in fixed order: when, whose, what, how it ended, how long it took and in which dependency, the ids. */
function lineText({ at, step, outcome, reason, fields }: Line, paint: Paint, output: Output): string {
  const level = reason === undefined ? (outcome === 'fault' ? 'error' : 'info') : levelOf(reason, outcome)
  const ms = numberOf(fields, 'durationMs')
  const upstream = Object.entries((fields.upstream as Record<string, unknown> | undefined) ?? {})
  const plain = (shown: string): Part => ({ shown, paint: (text) => text })
  const parts: Part[] = [
    plain(timeText(at)),
    plain(textOf(fields, 'tenantId') ?? textOf(fields, 'userPoolId') ?? '-'),
    plain(step),
    {
      shown: reason === undefined ? outcome : `${outcome} ${reason}`,
      paint: (text) => paint(COLORS[level], text),
    },
    plain(ms === undefined ? '' : `${ms} ms`),
    plain(upstream.map(([name, took]) => `${name} ${took}`).join(', ')),
    plain(textOf(fields, 'user') ?? ''),
    plain(textOf(fields, 'flowId') ?? ''),
    {
      shown:
        level === 'info' || reason === undefined
          ? ''
          : `(${rowOf(reason).owner}: ${firstSentence(rowOf(reason).means)})`,
      paint: (text) => paint('dim', text),
    },
  ]
  return joined(
    parts.filter(({ shown }) => shown !== ''),
    output,
  )
}

const firstSentence = (text: string) => /^.*?\.(?= |$)/.exec(text)?.[0] ?? text

import { rename, rm } from 'node:fs/promises'
import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { diagnoseAll, foldSource, untilOf } from '../../operator/causes/examine.js'
import { findAll } from '../../operator/causes/faults.js'
import { ownerOf } from '../../operator/causes/fold.js'
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
import { linesWithin, logGroupFlag, tellNotes, withLogSource } from '../../operator/log-source.js'
import { reportFacts } from '../../operator/report/facts.js'
import { reportPage } from '../../operator/report/page.js'
import { createTally, tallyLine } from '../../operator/report/tally.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { writeNewFile } from '../../terminal/file.js'
import type { CommandIo } from '../../terminal/io.js'
import { counted } from '../../terminal/text.js'

/** Further ones are counted: nobody reads them, and each is a second look at all lines. */
const INCIDENTS_MAX = 20

/** How much of CloudWatch is read, if it is not said. */
const BACK_MS = 86_400_000

interface Options extends Pick<Selection, 'tenant' | 'since' | 'until' | 'utc'> {
  readonly logGroup?: readonly string[]
  readonly out: string
  readonly force?: boolean
  readonly json?: boolean
}

/** `report`: what the lines of a day or so came to, as one page that asks for nothing. */
export function reportCommand(io: CommandIo): Command {
  const path = 'corbado-gateway report'
  const command = defineCommand(io, {
    path,
    summary:
      'Makes a page of what log lines came to: logins, incidents, changes, reasons, dependencies, silence. No user is in it. ' +
      'Without files, on a terminal, the lines are those of CloudWatch.',
    examples: [
      `${path} --since 6h`,
      `${path} lines.json --since 24h`,
      `${path} lines.json.gz --tenant acme-shop --out acme-shop.html`,
    ],
  })
    .argument('[file...]', 'files of lines, plain or gzip; - is standard input')
    .option('--tenant <tenantId>', 'of this tenant alone, or of its user pool: no other is named then')
    .option('--out <file>', 'where the page goes', 'report.html')
    .option('--force', 'replace that file, if there is one')
  for (const flag of timeFlags()) command.addOption(flag)
  return command
    .addOption(logGroupFlag())
    .option('--json', 'print { kind: "report", file, bytes, tenantId, lines, others, from, to, incidents, silent }')
    .action((files: string[], options: Options) => makeReport(io, files, options))
}

async function makeReport(io: CommandIo, files: readonly string[], options: Options): Promise<void> {
  const { logGroup } = options
  const made = io.clock.now()
  const named = intervalOf(options, made)
  await withLogSource(io, { files, again: true, ...(logGroup && { logGroup }) }, async (opened) => {
    const interval = opened.kind === 'files' ? named : closed(named, BACK_MS, made)
    const facts = await readFacts(linesWithin(opened, interval), options, interval, made)
    const page = reportPage(facts)
    await write(page, options)
    const { tenant = null, lines, others, from, to } = facts
    const incidents = facts.incidents.length + facts.incidentsLeft
    const silent = facts.silent.length + facts.silentLeft
    const said = { tenantId: tenant, lines, others, from: timeText(from), to: timeText(to), incidents, silent }
    if (options.json) writeAnswer(io, 'report', { file: options.out, bytes: Buffer.byteLength(page), ...said })
    else
      io.stdout.write(
        `${options.out}: ${counted(lines, 'line')}, ${counted(incidents, 'incident')}, ${counted(silent, 'silent tenant')}\n`,
      )
    tellNotes(io, opened.source)
  })
}

async function readFacts(source: LineSource, { tenant }: Options, interval: Interval, made: number) {
  const isAsked = createSelect({}, interval)
  const tally = createTally()
  const { fold, names } = await foldSource(source, interval, (line) => {
    if (tenant === undefined || ownerOf(line) === tenant || line.fields.userPoolId === tenant) tallyLine(tally, line)
  })
  if (fold.lines === 0)
    throw new NotPossible("none of the lines is the gateway's, or none is of the time that was asked for")
  const only = tenant === undefined ? undefined : (names.get(tenant) ?? tenant)
  if (only !== undefined && !fold.tenants.has(only))
    throw new NotPossible(
      `no line of ${JSON.stringify(tenant)} among ${fold.lines} of ${counted(fold.tenants.size, 'tenant')}`,
    )
  const found = findAll(fold, { only, until: untilOf(interval, made) })
  const others = source.counts.others + source.counts.tooLong
  const diagnoses = await diagnoseAll(source, fold, found.slice(0, INCIDENTS_MAX), isAsked)
  const left = Math.max(0, found.length - INCIDENTS_MAX)
  return reportFacts({ made, tenant: only, fold, tally, others, diagnoses, left })
}

/** @throws NotPossible if there is a file of that name, and it is not to be replaced, or none can be written */
async function write(page: string, { out, force = false }: Options): Promise<void> {
  // The old one stays until the new one is whole.
  const file = force ? `${out}.new` : out
  try {
    if (force) await rm(file, { force: true })
    await writeNewFile(file, page)
    if (force) await rename(file, out)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why =
      code === 'EEXIST' ? 'is there already: --force replaces it, --out names another' : `cannot be written (${code})`
    throw new NotPossible(`${out} ${why}`)
  }
}

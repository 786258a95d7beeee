import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { type Examined, examineAll } from '../../operator/doctor/index.js'
import { fetchRecords, findTenants, noSuchTenant } from '../../operator/records/find.js'
import { tenantIdOf, textOf } from '../../operator/records/record.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { type CommandIo, createPaint, writeNote } from '../../terminal/io.js'
import { createProgress } from '../../terminal/progress.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { changesText, type DoctorRun, recordRun } from './changes.js'
import { timeOf } from './past.js'
import { examinedJson, isHealthy, summaryText, tenantText, type Unexamined, unexaminedText } from './report.js'
import { defaultStateFile, readDoctorState } from './state.js'

interface DoctorOptions {
  readonly all?: true
  readonly changes?: true
  readonly since?: string
  readonly name?: string
  readonly state?: string
  readonly json?: true
}

/** `doctor`: exit code 1 if a check failed. */
export function doctorCommand(io: CommandIo): Command {
  const path = 'corbado-gateway doctor'
  return defineCommand(io, {
    path,
    summary:
      'Checks that what a tenant claims is so: config, alias, role, secret, Corbado, and the settings of the pool. For ' +
      'each check that did not pass, says what to do and who does it. Changes nothing; keeps its findings for --changes. ' +
      'Takes 25 seconds a tenant at most.',
    examples: [`${path} acme-shop`, `${path} --all`, `${path} --all --changes --state /var/lib/corbado/doctor.json`],
  })
    .argument('[tenant]', 'tenant id, user pool id or customer; all pools of a customer')
    .option('--all', 'every active tenant of the table; the others are listed')
    .option('--changes', 'print only what changed since the last run')
    .option('--since <when>', 'print only what changed since a date (2026-11-22), or since a run that had this name')
    .option('--name <run>', 'keep this run under a name, for a later --since')
    .option(
      '--state <file>',
      'where the findings of the last run are kept (default: doctor.json in the state folder of your account)',
    )
    .option(
      '--json',
      'print { kind: "doctor", tenants, notExamined } or { kind: "doctor-changes", since, tenants, gone, notExamined }',
    )
    .action(async (word: string | undefined, options: DoctorOptions) => {
      if ((word === undefined) === (options.all === undefined)) throw new WrongUsage('name one tenant, or give --all')
      const settings = readOperatorSettings(io.env, ['gatewayFunctionArn'])
      const file = options.state ?? defaultStateFile(io.env)
      // What is wrong with the file is told before anything is asked.
      const changes = options.changes || options.since !== undefined
      if (changes) await readDoctorState(file)
      await withUpstreams(io, async (upstreams, env) => {
        const table = `${env.awsRegion}/${env.tenantTable}`
        if (options.since !== undefined) timeOf(options.since, (await readDoctorState(file)).names?.[table])
        const every = await fetchRecords(upstreams)
        const records = chosen(every, word)
        const progress = records.length > 1 ? createProgress(io, records.length, 'checked') : undefined
        const all = await examineAll(records, { upstreams, env, settings, clock: io.clock }, () => progress?.step())
        progress?.end()
        if (!all.every(isHealthy)) io.foundProblems()
        const { name, since } = options
        const run = { all, whole: options.all === true, table, nowMs: io.clock.now(), name, since }
        const others = options.all ? every.filter((record) => !records.includes(record)).map(unexamined) : []
        if (changes) return reportChanges(run, others, file, options.json === true, io)
        report(await keep(run, file, io), others, options, io)
      })
    })
}

/** @throws NotPossible with the closest names if the word names no tenant */
function chosen(records: readonly TenantRecord[], word: string | undefined): readonly TenantRecord[] {
  if (word === undefined) return records.filter((record) => textOf(record, 'status') === 'active')
  const found = findTenants(records, word)
  if (found.length === 0) throw noSuchTenant(records, word)
  return found
}

function unexamined(record: TenantRecord): Unexamined {
  return { tenantId: tenantIdOf(record), userPoolId: record.userPoolId, status: textOf(record, 'status') }
}

function report(
  all: readonly Examined[],
  others: readonly Unexamined[],
  { all: whole, json }: DoctorOptions,
  io: CommandIo,
): void {
  const paint = createPaint(io.stdout, io.env)
  if (json) writeAnswer(io, 'doctor', { tenants: all.map(examinedJson), notExamined: others })
  else
    io.stdout.write(
      whole
        ? summaryText(all, others, paint, io.stdout)
        : all.map((one) => tenantText(one, paint, io.stdout)).join('\n'),
    )
}

async function reportChanges(
  run: DoctorRun,
  others: readonly Unexamined[],
  file: string,
  json: boolean,
  io: CommandIo,
): Promise<void> {
  const { changes, times } = await recordRun(file, run)
  if (json) writeAnswer(io, 'doctor-changes', { since: times[0] ?? null, ...changes, notExamined: others })
  else {
    const text = changesText(changes, times, createPaint(io.stdout, io.env), io.stdout)
    io.stdout.write(`${text}${unexaminedText(others)}`)
  }
}

/**
 * Keeps the findings for a later `--changes`, and answers them with since when each is so. If that fails, the operator still
 * has what was asked for.
 */
async function keep(run: DoctorRun, file: string, io: CommandIo): Promise<readonly Examined[]> {
  try {
    return (await recordRun(file, run)).all
  } catch (error) {
    if (!(error instanceof NotPossible)) throw error
    writeNote(io, 'warning', `not kept for a later --changes: ${error.message}`)
    return run.all
  }
}

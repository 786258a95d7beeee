import type { Command } from 'commander'
import { createCall } from '../call.js'
import type { Env } from '../env.js'
import type { TenantRecord } from '../upstreams/operator.js'
import { defineCommand } from './define-command.js'
import { changesText, compare, lastTime, remember } from './doctor-changes.js'
import { type Examined, examineAll } from './doctor-examine.js'
import { examinedJson, isHealthy, summaryText, tenantText } from './doctor-report.js'
import { type DoctorState, defaultStateFile, readDoctorState, writeDoctorState } from './doctor-state.js'
import { NotPossible, WrongUsage } from './failure.js'
import { findTenants, noSuchTenant } from './find-tenants.js'
import { type CommandIo, createPaint, writeJson } from './io.js'
import { createProgress } from './progress.js'
import { readOperatorSettings } from './settings.js'
import { textOf } from './tenant-record.js'
import { withUpstreams } from './with-upstreams.js'
import { AWS_CALL_MS } from './write-record.js'

interface DoctorOptions {
  readonly all?: true
  readonly changes?: true
  readonly state?: string
  readonly json?: true
}

/** `doctor`: exit code 1 where a check failed. */
export function doctorCommand(io: CommandIo): Command {
  const path = 'corbado-gateway doctor'
  return defineCommand(io, {
    path,
    summary:
      'Checks that what a tenant claims is so: config, alias, role, secret, Corbado, and the settings of the pool. ' +
      'Says of each check that failed what to do, and who. Writes nothing anywhere; 25 seconds a tenant at most.',
    examples: [`${path} acme-shop`, `${path} --all`, `${path} --all --changes --state /var/lib/corbado/doctor.json`],
  })
    .argument('[tenant]', 'tenant id, user pool id or customer; all pools of a customer')
    .option('--all', 'every active tenant of the table')
    .option('--changes', 'print only what changed since the last run with --changes')
    .option('--state <file>', 'where that last run is kept (default: doctor.json in the state folder of your account)')
    .option('--json', 'print { tenants: [{ tenantId, userPoolId, status, healthy, findings }] }, or the changes')
    .action(async (word: string | undefined, options: DoctorOptions) => {
      if ((word === undefined) === (options.all === undefined)) throw new WrongUsage('name one tenant, or give --all')
      if (options.state !== undefined && !options.changes) throw new WrongUsage('--state needs --changes')
      const settings = readOperatorSettings(io.env, ['gatewayFunctionArn'])
      const file = options.state ?? defaultStateFile(io.env)
      const last = options.changes && { file, state: await readDoctorState(file) }
      await withUpstreams(io, async (upstreams, env) => {
        const records = chosen(await upstreams.table.listConfigs(createCall(AWS_CALL_MS)), word)
        const progress = records.length > 1 ? createProgress(io.stderr, records.length, 'checked') : undefined
        const all = await examineAll(records, { upstreams, env, settings }, () => progress?.step())
        progress?.end()
        if (!all.every(isHealthy)) io.foundProblems()
        if (last) await reportChanges(all, last, options, env, io)
        else report(all, options, io)
      })
    })
}

/** @throws NotPossible with the closest names where a word names nobody */
function chosen(records: readonly TenantRecord[], word: string | undefined): readonly TenantRecord[] {
  if (word === undefined) return records.filter((record) => textOf(record, 'status') === 'active')
  const found = findTenants(records, word)
  if (found.length === 0) throw new NotPossible(noSuchTenant(records, word))
  return found
}

function report(all: readonly Examined[], { all: whole, json }: DoctorOptions, io: CommandIo): void {
  const paint = createPaint(io.stdout, io.env)
  if (json) writeJson(io.stdout, { tenants: all.map(examinedJson) })
  else io.stdout.write(whole ? summaryText(all, paint) : all.map((one) => tenantText(one, paint)).join('\n'))
}

/** The last run with `--changes`. */
interface LastRun {
  readonly file: string
  readonly state: DoctorState
}

async function reportChanges(
  all: readonly Examined[],
  { file, state }: LastRun,
  { all: every, json }: DoctorOptions,
  env: Env,
  io: CommandIo,
): Promise<void> {
  const whole = every === true
  // One file serves however many regions somebody looks after.
  const key = `${env.awsRegion}/${env.tenantTable}`
  const known = state.tables[key] ?? {}
  const changes = compare(known, all, whole)
  const now = remember(known, all, whole, new Date(io.clock.now()).toISOString())
  await writeDoctorState(file, { ...state, tables: { ...state.tables, [key]: now } })
  const since = lastTime(known, all)
  if (json) writeJson(io.stdout, { since: since ?? null, ...changes })
  else io.stdout.write(changesText(changes, since, createPaint(io.stdout, io.env)))
}

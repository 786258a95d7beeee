import type { Command } from 'commander'
import { parseEnv } from '../../env.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { tableClashes } from '../../operator/files/clashes.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { reportIssues } from '../../operator/files/issues.js'
import type { TenantEntry } from '../../operator/files/read.js'
import { fetchRecords, fetchStatusBefore } from '../../operator/records/find.js'
import type { Status } from '../../operator/records/status-machine.js'
import { userName } from '../../operator/records/write.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { isAgreed } from '../../terminal/ask.js'
import { eachBounded } from '../../terminal/bounded.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { createProgress } from '../../terminal/progress.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { FOLDER_ARGUMENT } from '../options.js'
import { type Plan, planTenants, writePlan } from './plan.js'
import { reportApplied, reportNotApplied, reportPlan } from './report.js'

interface ApplyOptions {
  readonly yes?: true
  /** What is served goes by the files too, as far as that brings no draft live. */
  readonly status?: true
  /** The embedded stack fills its own table with what the files say. No option: no operator's table is filled so. */
  readonly seed?: true
  readonly json?: true
  readonly by?: string
}

const STATUS_OPTION = [
  '--status',
  "take the files' status too (default: the table's stays, and a new tenant begins as a draft); a draft goes live by activate alone",
] as const

const settings = 'TENANT_TABLE=corbado-gateway-tenants AWS_REGION=eu-central-1'

/** `tenants plan`: what `apply` would write. */
export function tenantsPlanCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants plan',
    summary: 'Shows field by field what the files would change in the table. Writes nothing; the exit code is 0.',
    examples: [`${settings} corbado-gateway tenants plan`],
  })
    .argument(...FOLDER_ARGUMENT)
    .option(...STATUS_OPTION)
    .option('--json', 'print { applied: false, added, changed, untouched, keptStatus, withoutFile }')
    .action((dir: string, options: Pick<ApplyOptions, 'status' | 'json'>) =>
      withPlan(dir, options, io, async (plan) => {
        reportPlan(plan, options.json === true, io)
        if (!options.json) reportNotApplied(plan, dir, options.status === true, io)
      }),
    )
}

/** `tenants apply`: brings the table to what the files say. Never removes. */
export function tenantsApplyCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants apply',
    summary:
      'Shows what would change in the table and, with --yes or after a yes, writes it; the exit code is 0 either way. ' +
      'Keeps tenants without a file, and the status of all: activate, pause, resume and suspend change that.',
    examples: [`${settings} corbado-gateway tenants apply`, `${settings} corbado-gateway tenants apply --yes`],
  })
    .argument(...FOLDER_ARGUMENT)
    .option('--yes', 'write what the plan shows, without being asked')
    .option(...STATUS_OPTION)
    .option('--by <name>', 'who writes, as the record says (default: your user name)')
    .option('--json', 'print the plan and what was written as JSON')
    .action((dir: string, options: ApplyOptions) => applyTenants(dir, options, io))
}

/** Shows what brings the table to what a folder's files say and, with `yes` or after being asked, writes it. */
export function applyTenants(dir: string, options: ApplyOptions, io: CommandIo): Promise<void> {
  const { json = false, yes = false, status = false } = options
  return withPlan(dir, options, io, async (plan, { table }) => {
    if (!json || !yes) reportPlan(plan, json, io)
    if (yes || (plan.writes.length > 0 && (await isAgreed({ json }, io)))) await carryOut(plan, options, table, io)
    else if (!json) reportNotApplied(plan, dir, status, io)
  })
}

/** Reads folder and table and plans; what is wrong with the files is reported instead. */
async function withPlan(
  dir: string,
  { json = false, status = false, seed = false }: { json?: boolean; status?: boolean; seed?: boolean },
  io: CommandIo,
  work: (plan: Plan, upstreams: OperatorUpstreams) => Promise<void>,
): Promise<void> {
  parseEnv(io.env)
  const folder = await readTenantFolder(dir, readConfigRules(io.env))
  if (folder.issues.length > 0) return reportIssues(folder, json, io)
  await withUpstreams(io, async (upstreams, { selfHosted }) => {
    const records = await fetchRecords(upstreams)
    const command = seed ? 'npm start' : status ? 'apply --status' : 'apply'
    const before = await fetchBefore(folder.entries, records, upstreams)
    const plan = planTenants(folder.entries, records, { command, selfHosted, before })
    const issues = tableClashes(folder.entries, plan.withoutFile)
    if (issues.length > 0) reportIssues({ entries: [], issues }, json, io)
    else await work(plan, upstreams)
  })
}

/** What the suspended tenants were before that whose files say something else. */
async function fetchBefore(
  entries: readonly TenantEntry[],
  records: readonly TenantRecord[],
  upstreams: OperatorUpstreams,
): Promise<ReadonlyMap<string, Status>> {
  const files = new Map(entries.map(({ tenant }) => [tenant.userPoolId, tenant.status]))
  const before = new Map<string, Status>()
  await eachBounded(records, async (record) => {
    const asked = files.get(record.userPoolId)
    const was = asked && asked !== 'suspended' ? await fetchStatusBefore(record, upstreams) : undefined
    if (was) before.set(record.userPoolId, was)
    return true
  })
  return before
}

async function carryOut(plan: Plan, options: ApplyOptions, table: OperatorUpstreams['table'], io: CommandIo) {
  const progress = createProgress(io, plan.writes.length)
  const written = await writePlan(plan.writes, {
    table,
    clock: io.clock,
    updatedBy: options.by || userName(),
    onWritten: progress.step,
  })
  progress.end()
  reportApplied(plan, written, options.json === true, io)
  if (written.fault !== undefined) throw written.fault
}

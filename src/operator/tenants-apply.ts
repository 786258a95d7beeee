import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { createCall } from '../call.js'
import { parseEnv } from '../env.js'
import type { Upstreams } from '../upstreams/index.js'
import { reportApplied, reportPlan } from './apply-report.js'
import { readConfigRules } from './config-rules.js'
import { defineCommand } from './define-command.js'
import type { CommandIo } from './io.js'
import { reportIssues } from './issues-report.js'
import { type Plan, planTenants, tenantIdOf } from './plan.js'
import { createProgress } from './progress.js'
import type { FileIssue } from './tenant-file.js'
import { readTenantFolder, type TenantEntry } from './tenant-files.js'
import { AWS_CALL_MS, writePlan } from './write-plan.js'

export interface ApplyOptions {
  readonly yes?: true
  readonly json?: true
  readonly by?: string
}

/** Longest that one page of the table may take. */
const TABLE_REQUEST_MS = 10_000

/** `tenants apply`: brings the table to what the files say. Never removes. */
export function tenantsApplyCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants apply',
    summary: 'Shows what would change in the table, and with --yes writes it. Tenants without a file are kept.',
    examples: [
      'TENANT_TABLE=corbado-gateway-tenants AWS_REGION=eu-central-1 corbado-gateway tenants apply',
      'TENANT_TABLE=corbado-gateway-tenants AWS_REGION=eu-central-1 corbado-gateway tenants apply --yes',
    ],
  })
    .argument('[dir]', 'folder of the tenant files', 'tenants')
    .option('--yes', 'write what the plan shows')
    .option('--by <name>', 'who writes, as the record says (default: your user name)')
    .option('--json', 'print the plan and what was written as JSON')
    .action((dir: string, options: ApplyOptions) => applyTenants(dir, options, io))
}

/** Shows or, with `yes`, carries out what brings the table to what a folder's files say. */
export async function applyTenants(dir: string, options: ApplyOptions, io: CommandIo): Promise<void> {
  const env = parseEnv(io.env)
  const folder = await readTenantFolder(dir, readConfigRules(io.env))
  if (folder.issues.length > 0) return reportIssues(folder, options.json === true, io)
  // The AWS SDK takes longer to load than all the rest, and wrong files are told without it.
  const { createUpstreams } = await import('../upstreams/index.js')
  const upstreams = createUpstreams(env, io.clock, TABLE_REQUEST_MS)
  try {
    const plan = planTenants(folder.entries, await upstreams.table.listConfigs(createCall(AWS_CALL_MS)))
    const issues = takenIds(folder.entries, plan)
    if (issues.length > 0) return reportIssues({ entries: [], issues }, options.json === true, io)
    await carryOut(plan, dir, options, upstreams, io)
  } finally {
    await upstreams.close()
  }
}

async function carryOut(plan: Plan, dir: string, options: ApplyOptions, { table }: Upstreams, io: CommandIo) {
  const { json = false, yes = false } = options
  if (!json || !yes) reportPlan(plan, { dir, json, yes }, io)
  if (!yes) return
  const progress = createProgress(io.stderr, plan.writes.length)
  const written = await writePlan(plan.writes, {
    table,
    clock: io.clock,
    updatedBy: options.by || userName(),
    onWritten: progress.step,
  })
  progress.end()
  reportApplied(plan, written, json, io)
  if (written.fault !== undefined) throw written.fault
}

/** A tenant id that a pool without a file holds already: two pools would share one name in logs and commands. */
function takenIds(entries: readonly TenantEntry[], { kept }: Plan): FileIssue[] {
  const holders = new Map(kept.map((record) => [tenantIdOf(record), record.userPoolId]))
  return entries.flatMap(({ tenant, issueAt }) => {
    const holder = holders.get(tenant.tenantId)
    return holder ? [issueAt('/tenantId', `is already used in the table, by user pool ${holder}`)] : []
  })
}

/** An account without a name, as in some containers, makes userInfo throw. */
function userName(): string {
  try {
    return userInfo().username || 'unknown'
  } catch {
    return 'unknown'
  }
}

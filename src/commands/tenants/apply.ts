import { basename } from 'node:path'
import type { Command } from 'commander'
import { readConfigRules } from '../../operator/config-rules.js'
import { tableClashes } from '../../operator/files/clashes.js'
import { readTenantFolder, type TenantFolder } from '../../operator/files/folder.js'
import { reportIssues } from '../../operator/files/issues.js'
import type { TenantEntry } from '../../operator/files/read.js'
import { fetchPlace, type PlanPlace } from '../../operator/place.js'
import { fetchRecords, fetchStatusBefore } from '../../operator/records/find.js'
import type { Status } from '../../operator/records/status-machine.js'
import { userName } from '../../operator/records/write.js'
import { parseCommandEnv } from '../../operator/settings.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { isAgreed } from '../../terminal/ask.js'
import { eachBounded } from '../../terminal/bounded.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import { keepHeapSmall } from '../../terminal/heap.js'
import type { CommandIo } from '../../terminal/io.js'
import { createProgress } from '../../terminal/progress.js'
import { closestNames } from '../../terminal/text.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { FOLDER_ARGUMENT } from '../options.js'
import { type Plan, planTenants, withPast, writePlan } from './plan.js'
import { reportApplied, reportNotApplied, reportPlan } from './report.js'

interface ApplyOptions {
  readonly yes?: true
  /** What is served goes by the files too, as far as that brings no draft live. */
  readonly status?: true
  /** The embedded stack fills its own table with what the files say. No option: no operator's table is filled so. */
  readonly seed?: true
  readonly json?: true
  readonly by?: string
  /** One tenant of the folder. */
  readonly only?: string
}

const STATUS_OPTION = [
  '--status',
  "take the files' status too (default: the table's stays, and a new tenant begins as a draft); a draft goes live by activate alone",
] as const

const ONLY_OPTION = ['--only <tenant>', 'this tenant of the folder alone: tenant id or user pool id'] as const

const settings = 'TENANT_TABLE=corbado-gateway-tenants AWS_REGION=eu-central-1'

/** `tenants plan`: what `apply` would write. */
export function tenantsPlanCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants plan',
    summary:
      'Shows field by field what the files would change in the table. Writes nothing; the exit code is 0, or ' +
      'with --exit-code 2 if something would change.',
    examples: [`${settings} corbado-gateway tenants plan`],
  })
    .argument(...FOLDER_ARGUMENT)
    .option(...STATUS_OPTION)
    .option(...ONLY_OPTION)
    .option('--exit-code', 'exit 2 if something would change, 0 if nothing would')
    .option(
      '--json',
      'print { kind: "tenants-plan", applied, place, added, changed, untouched, keptStatus, withoutFile, written? }',
    )
    .action((dir: string, options: Pick<ApplyOptions, 'status' | 'json' | 'only'> & { exitCode?: true }) =>
      withPlan(dir, options, io, async (plan, _, place) => {
        if (options.exitCode && plan.writes.length > 0) io.foundChanges?.()
        reportPlan(plan, place, options.json === true, io)
        if (!options.json) reportNotApplied(plan, dir, options, io)
      }),
    )
}

/** `tenants apply`: brings the table to what the files say. Never removes. */
export function tenantsApplyCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants apply',
    summary:
      'Shows what would change in the table and, with --yes or after a yes, writes it. ' +
      'Keeps tenants without a file, and the status of all: activate, pause, resume and suspend change that.',
    examples: [`${settings} corbado-gateway tenants apply`, `${settings} corbado-gateway tenants apply --yes`],
  })
    .argument(...FOLDER_ARGUMENT)
    .option('--yes', 'write what the plan shows, without being asked')
    .option(...STATUS_OPTION)
    .option(...ONLY_OPTION)
    .option('--by <name>', 'who writes, as the record says (default: your user name)')
    .option(
      '--json',
      'print { kind: "tenants-plan", applied, place, added, changed, untouched, keptStatus, withoutFile, written? }',
    )
    .action((dir: string, options: ApplyOptions) => applyTenants(dir, options, io))
}

/** Shows what brings the table to what a folder's files say and, with `yes` or after being asked, writes it. */
export function applyTenants(dir: string, options: ApplyOptions, io: CommandIo): Promise<void> {
  const { json = false, yes = false } = options
  return withPlan(dir, options, io, async (plan, { table }, place) => {
    if (!json || !yes) reportPlan(plan, place, json, io)
    if (yes || (plan.writes.length > 0 && (await isAgreed({ json }, io))))
      return carryOut(plan, place, options, table, io)
    if (plan.writes.length > 0) io.foundProblems()
    if (!json) reportNotApplied(plan, dir, options, io)
  })
}

/** Reads folder and table and plans; what is wrong with the files is reported instead. */
async function withPlan(
  dir: string,
  { json, status, seed, only, by }: Omit<ApplyOptions, 'yes'>,
  io: CommandIo,
  work: (plan: Plan, upstreams: OperatorUpstreams, place: PlanPlace) => Promise<void>,
): Promise<void> {
  parseCommandEnv(io.env)
  // The embedded stack lives in this process, and goes on.
  if (!seed) keepHeapSmall()
  const whole = await readTenantFolder(dir, readConfigRules(io.env))
  const folder = only === undefined ? whole : onlyTenant(whole, only, dir)
  if (folder.issues.length > 0) return reportIssues(folder, json === true, io)
  await withUpstreams(io, async (upstreams, env) => {
    const records = await fetchRecords(upstreams)
    const command = seed ? 'npm start' : status ? 'apply --status' : 'apply'
    const before = await fetchBefore(folder.entries, records, upstreams)
    const plan = planTenants(folder.entries, records, {
      command,
      selfHosted: env.selfHosted,
      before,
      only: only !== undefined,
    })
    const named = new Set(whole.entries.map(({ tenant }) => tenant.userPoolId))
    const withoutFile = records.filter(({ userPoolId }) => !named.has(userPoolId))
    const issues = tableClashes(folder.entries, withoutFile)
    if (issues.length > 0) reportIssues({ entries: [], issues }, json === true, io)
    else {
      const place = await fetchPlace(upstreams, env, io)
      // The embedded stack's own table has no past, and nobody's.
      await work(seed ? plan : await withPast(plan, by || userName(), upstreams.table), upstreams, place)
    }
  })
}

/**
 * One tenant of a folder; what is wrong with others does not matter.
 * @throws NotPossible with the closest names if no file is of that name
 */
function onlyTenant({ entries, issues }: TenantFolder, word: string, dir: string): TenantFolder {
  const found = entries.filter(({ tenant }) => tenant.tenantId === word || tenant.userPoolId === word)
  const own = issues.filter(({ file }) => basename(file).replace(/\.ya?ml$/, '') === word)
  if (found.length > 0 || own.length > 0) return { entries: found, issues: own }
  const closest = closestNames(
    entries.flatMap(({ tenant }) => [tenant.tenantId, tenant.userPoolId]),
    word,
  )
  const hint = closest.length > 0 ? `: did you mean ${closest.join(' or ')}?` : ''
  throw new NotPossible(`no valid file in ${dir} is of ${JSON.stringify(word)}${hint}`)
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

async function carryOut(
  plan: Plan,
  place: PlanPlace,
  options: ApplyOptions,
  table: OperatorUpstreams['table'],
  io: CommandIo,
) {
  const progress = createProgress(io, plan.writes.length)
  const written = await writePlan(plan.writes, {
    table,
    clock: io.clock,
    updatedBy: options.by || userName(),
    onWritten: progress.step,
  })
  progress.end()
  reportApplied(plan, place, written, options.json === true, io)
  if (written.fault !== undefined) throw written.fault
}

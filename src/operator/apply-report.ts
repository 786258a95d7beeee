import { type CommandIo, createPaint, writeJson } from './io.js'
import { type Plan, tenantIdOf } from './plan.js'
import { planText } from './plan-text.js'
import { shellWord } from './shell-word.js'
import type { Conflict, Written } from './write-plan.js'

/** Enough to see which ones; `--json` has them all. */
const NAMES_MAX = 20

/** Shows a plan and, where it is not to be carried out yet, how that is done. */
export function reportPlan(plan: Plan, options: { dir: string; json: boolean; yes: boolean }, io: CommandIo): void {
  if (options.json) {
    writeJson(io.stdout, { applied: false, ...planJson(plan) })
    return
  }
  io.stdout.write(planText(plan, createPaint(io.stdout, io.env)))
  if (plan.writes.length === 0 || options.yes) return
  const command = `corbado-gateway tenants apply ${shellWord(options.dir)} --yes`
  io.stdout.write(`\nNothing was written. To write it: ${command}\n`)
}

/** Says what was written and, after a conflict or a fault, what was not; both make the exit code 1. */
export function reportApplied(plan: Plan, written: Written, json: boolean, io: CommandIo): void {
  const { added, changed } = written
  const complete = added.length + changed.length === plan.writes.length
  if (!complete) io.foundProblems()
  if (json) writeJson(io.stdout, { applied: complete, ...planJson(plan), written: writtenJson(written) })
  else writtenText(plan, written, complete, io)
}

function writtenText(plan: Plan, written: Written, complete: boolean, io: CommandIo): void {
  const { added, changed, conflicts } = written
  const paint = createPaint(io.stderr, io.env)
  for (const conflict of conflicts) io.stderr.write(`${paint('red', 'error:')} ${conflictText(conflict)}\n`)
  if (!complete) io.stderr.write(`${partText(plan, written)}\n`)
  const counts = `${added.length} added, ${changed.length} changed, ${plan.untouched} untouched`
  io.stdout.write(`${counts}\n`)
}

function planJson({ writes, untouched, kept }: Plan) {
  const name = ({ tenantId, userPoolId }: { tenantId: string; userPoolId: string }) => ({ tenantId, userPoolId })
  return {
    added: writes.filter(({ old }) => !old).map(({ tenant }) => name(tenant)),
    changed: writes.filter(({ old }) => old).map(({ tenant, changes }) => ({ ...name(tenant), changes })),
    untouched,
    kept: kept.map((record) => name({ tenantId: tenantIdOf(record), userPoolId: record.userPoolId })),
  }
}

function writtenJson({ added, changed, conflicts }: Written) {
  return { added, changed, conflicts: conflicts.map(({ tenantId, now }) => ({ tenantId, ...(now && byWhom(now)) })) }
}

function byWhom({ version, updatedBy, updatedAt }: NonNullable<Conflict['now']>) {
  return { version, updatedBy, updatedAt }
}

function conflictText({ tenantId, now }: Conflict): string {
  const who = now ? `it is version ${now.version} by ${now.updatedBy} of ${now.updatedAt}` : 'its record is gone'
  return `${tenantId} was changed in the table meanwhile: ${who}; it was not written`
}

function partText({ writes }: Plan, { added, changed }: Written): string {
  const ids = [...added, ...changed]
  const more = ids.length > NAMES_MAX ? ` and ${ids.length - NAMES_MAX} more` : ''
  const names = ids.length === 0 ? '' : ` (${ids.slice(0, NAMES_MAX).join(', ')}${more})`
  return `Stopped: ${ids.length} of ${writes.length} were written${names}. The same command plans the rest anew.`
}

import { writeAnswer } from '../../operator/answers/write.js'
import { type PlanPlace, placeText } from '../../operator/place.js'
import { changesJson, changeText } from '../../operator/records/changes.js'
import { agoText, inTableText, type SetBack } from '../../operator/records/past.js'
import { tenantIdOf } from '../../operator/records/record.js'
import { conflictText } from '../../operator/records/write.js'
import type { TenantFile } from '../../tenant/config.js'
import { notWrittenText } from '../../terminal/ask.js'
import { inLine } from '../../terminal/clean.js'
import { type CommandIo, createPaint, type Output, type Paint, writeNote } from '../../terminal/io.js'
import { shellWord, textAt } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import type { Conflict, KeptStatus, Plan, PlannedWrite, Written } from './plan.js'

/** Enough to see which ones; `--json` has them all. */
const NAMES_MAX = 20

/** Shows a plan. */
export function reportPlan(plan: Plan, place: PlanPlace, json: boolean, io: CommandIo): void {
  if (json) writeAnswer(io, 'tenants-plan', { applied: false, place, ...planJson(plan) })
  else io.stdout.write(`${placeText(place)}${planText(plan, io)}`)
}

/** Says how a plan that was only shown is carried out. */
export function reportNotApplied(
  plan: Plan,
  dir: string,
  { status, only }: { readonly status?: true; readonly only?: string },
  io: CommandIo,
): void {
  if (plan.writes.length === 0) return
  const words = `${status ? ' --status' : ''}${only === undefined ? '' : ` --only ${shellWord(only)}`}`
  io.stdout.write(notWrittenText(`corbado-gateway tenants apply ${shellWord(dir)}${words} --yes`))
}

/** Says what was written and, after a conflict or a fault, what was not; both make the exit code 1. */
export function reportApplied(plan: Plan, place: PlanPlace, written: Written, json: boolean, io: CommandIo): void {
  const { added, changed } = written
  const complete = added.length + changed.length === plan.writes.length
  if (!complete) io.foundProblems()
  if (json)
    writeAnswer(io, 'tenants-plan', { applied: complete, place, ...planJson(plan), written: writtenJson(written) })
  else writtenText(plan, written, complete, io)
}

function writtenText(plan: Plan, written: Written, complete: boolean, io: CommandIo): void {
  const { added, changed, conflicts } = written
  for (const { tenantId, now } of conflicts) writeNote(io, 'error', conflictText(tenantId, now))
  if (!complete) io.stderr.write(`${partText(plan, written)}\n`)
  const counts = `${added.length} added, ${changed.length} changed`
  io.stdout.write(`${counts}\n`)
}

function planJson({ writes, untouched, keptStatus, withoutFile }: Plan) {
  const name = ({ tenantId, userPoolId }: { tenantId: string; userPoolId: string }) => ({ tenantId, userPoolId })
  return {
    added: writes
      .filter(({ old }) => !old)
      .map(({ tenant, removed }) => ({ ...name(tenant), ...(removed && { removed: byWhom(removed) }) })),
    changed: writes
      .filter(({ old }) => old)
      .map(({ tenant, old, changes, setBacks }) => ({
        ...name(tenant),
        ...(old && { now: byWhom(old) }),
        changes: changesJson(changes),
        ...(setBacks.length > 0 && { setBacks }),
      })),
    untouched,
    keptStatus: keptStatus.map(({ tenant, fileStatus }) => ({ ...name(tenant), status: tenant.status, fileStatus })),
    withoutFile: withoutFile.map((record) => name({ tenantId: tenantIdOf(record), userPoolId: record.userPoolId })),
  }
}

function writtenJson({ added, changed, conflicts }: Written) {
  return { added, changed, conflicts: conflicts.map(({ tenantId, now }) => ({ tenantId, ...(now && byWhom(now)) })) }
}

function byWhom({ version, updatedBy, updatedAt }: NonNullable<Conflict['now']>) {
  return { version, updatedBy, updatedAt }
}

function partText({ writes }: Plan, { added, changed }: Written): string {
  const ids = [...added, ...changed]
  const more = ids.length > NAMES_MAX ? ` and ${ids.length - NAMES_MAX} more` : ''
  const names = ids.length === 0 ? '' : ` (${ids.slice(0, NAMES_MAX).join(', ')}${more})`
  return `Stopped: ${ids.length} of ${writes.length} were written${names}. The same command plans the rest again.`
}

/**
 * The plan for a person: what is added, what is changed field by field, whose status stays, what has no file any more, what
 * stays.
 */
function planText({ writes, untouched, keptStatus, withoutFile }: Plan, { clock, stdout, env }: CommandIo): string {
  const [nowMs, paint] = [clock.now(), createPaint(stdout, env)]
  const kept = new Map(keptStatus.map((one) => [one.tenant, `  ${paint('yellow', '!')} ${keptText(one)}\n`]))
  const written = new Set(writes.map(({ tenant }) => tenant))
  const lines = [
    ...writes.map((write) => `${writeText(write, nowMs, paint, stdout)}${kept.get(write.tenant) ?? ''}`),
    ...[...kept].filter(([tenant]) => !written.has(tenant)).map(([tenant, text]) => `= ${nameOf(tenant)}\n${text}`),
    ...withoutFile.map((record) => {
      const name = `${tenantIdOf(record)} (${record.userPoolId})`
      const remove = `corbado-gateway tenants remove ${shellWord(tenantIdOf(record))}`
      return `${paint('red', '-')} ${name} has no file here; apply keeps it, and this would take it out: ${remove}\n`
    }),
    `${untouched} untouched\n`,
  ]
  return lines.join('')
}

function writeText(
  { tenant, old, changes, setBacks, removed }: PlannedWrite,
  nowMs: number,
  paint: Paint,
  output: Output,
): string {
  if (!old) {
    const back =
      removed &&
      `  ${paint('yellow', '!')} ${textAt(4, `this brings back what ${removedText(removed, nowMs)}`, output)}\n`
    return `${paint('green', '+')} ${nameOf(tenant)}\n${back ?? ''}`
  }
  const now = `${nameOf(tenant)}, in the table ${inTableText(old, nowMs)}`
  const lines = [
    `${paint('yellow', '~')} ${textAt(2, now, output)}`,
    ...changes.map((change) => `  ${changeText(change, paint)}`),
    ...setBacks.map((one) => `  ${paint('yellow', '!')} ${textAt(4, setBackText(one, nowMs), output)}`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function setBackText({ changedIn, said, fields }: SetBack, nowMs: number): string {
  const { version, updatedBy, updatedAt } = changedIn
  const who = `version ${version} by ${inLine(updatedBy)}, ${agoText(updatedAt, nowMs)}`
  if (said === undefined) {
    return `this writes over ${who}, which changed ${fields.join(', ')} last: see whether the file knew of it`
  }
  return `this takes ${who}, back: the file says of ${fields.join(', ')} what version ${said} said, so it may be an old one`
}

function removedText({ updatedBy, updatedAt }: TenantRecord, nowMs: number): string {
  return `${inLine(updatedBy) || 'somebody'} removed ${agoText(updatedAt, nowMs)}: the file may be an old one`
}

const nameOf = ({ tenantId, userPoolId }: TenantFile) => `${tenantId} (${userPoolId})`

function keptText({ tenant: { tenantId, status }, fileStatus, isNew, ways = [], byStatus }: KeptStatus): string {
  const commands = ways.map((verb) => `corbado-gateway tenants ${verb} ${shellWord(tenantId)}`).join(', then ')
  const offered = [...(commands ? [commands] : []), ...(byStatus ? ['apply with --status'] : [])].join(', or ')
  return `status ${isNew ? 'begins as' : 'stays'} ${status}; the file says ${fileStatus}${offered && `: ${offered}`}`
}

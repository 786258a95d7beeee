import { writeAnswer } from '../../operator/answers/write.js'
import { npxLine } from '../../operator/pool/line.js'
import { rightsToUpdate } from '../../operator/pool/rights.js'
import { triggerOfSlot } from '../../operator/pool/triggers.js'
import { changeText, type FieldChange } from '../../operator/records/changes.js'
import { inLine } from '../../terminal/clean.js'
import { type CommandIo, createPaint, type Output, type Paint, writeNote } from '../../terminal/io.js'
import { textAt } from '../../terminal/text.js'
import { changedTriggers, type SlotChange, type TakenSlot, type WiredPool } from './changes.js'
import { type Management, TOOL_PLACES, type Tool, triggersFor } from './managed.js'
import type { Identity } from './pool.js'
import { sentBackFields } from './request.js'

/** What wiring, or unwiring, a pool has to say. */
export interface WireReport extends WiredPool {
  readonly json: boolean
  /** As whom it is read, and would be written. */
  readonly identity: Identity
  /** Sentences on what is not this command's to change. */
  readonly warnings: readonly string[]
  /** Settings of the pool that this version does not know: then nothing is written. */
  readonly unknown: readonly string[]
  /** What manages the pool, if that is known. */
  readonly management?: Management | undefined
  /** The tool for which the change is to be printed. */
  readonly tool?: Tool | undefined
}

/** Shows a plan that is not carried out, or not yet. A slot in use, or a setting that would be lost, makes the exit code 1. */
export function reportPlan(report: WireReport, io: CommandIo): void {
  const writes = report.tool === undefined && report.unknown.length === 0
  // What could not be written is a problem, unless there is nothing to write, or another tool writes it.
  const stuck = report.unknown.length > 0 && report.tool === undefined && report.plan.changes.length > 0
  if (report.plan.taken.length > 0 || stuck) io.foundProblems()
  if (report.json) {
    writeAnswer(io, 'wire-plan', { applied: false, ...reportJson(report) })
    return
  }
  io.stdout.write(planText(report, writes, createPaint(io.stdout, io.env), io.stdout))
  for (const warning of report.warnings) writeNote(io, 'warning', warning)
}

/** What a change came to. */
interface WrittenWiring {
  /** Names of what is not as it was meant to be. */
  readonly different: readonly string[]
  readonly snapshot?: string | undefined
  /** The words of the command that takes it back. */
  readonly undo?: readonly string[] | undefined
}

/** Says what was written. Anything else that differs makes the exit code 1. */
export function reportWritten(report: WireReport, written: WrittenWiring, io: CommandIo): void {
  const { different, snapshot, undo } = written
  if (different.length > 0) io.foundProblems()
  if (report.json) {
    writeAnswer(io, 'wire-plan', {
      applied: true,
      ...reportJson(report),
      ...(snapshot !== undefined && { snapshot }),
      different,
    })
    return
  }
  if (different.length > 0) {
    writeNote(io, 'error', `written, but read again this is not as it should be: ${different.join(', ')}`)
  } else io.stdout.write('Written. Read again, the pool differs in nothing but these triggers.\n')
  if (snapshot !== undefined) {
    const kept = inLine(`${snapshot} has the pool as it was before: keep it.`)
    io.stdout.write(`${textAt(0, kept, io.stdout)}\n`)
  }
  if (undo) io.stdout.write(`To take the change back:\n  ${npxLine(undo)}\n`)
}

function reportJson({ userPool, identity, plan, warnings, unknown, management, tool }: WireReport) {
  return {
    userPoolId: userPool.Id,
    name: userPool.Name,
    arn: userPool.Arn,
    ...('as' in identity && { as: identity.as }),
    changes: plan.changes.map(fieldChange),
    taken: plan.taken,
    ...(plan.chained.length > 0 && {
      chained: plan.chained.map(({ slot, functionArn }) => ({ slot, trigger: triggerOfSlot(slot), functionArn })),
    }),
    warnings,
    rights: rightsToUpdate(userPool),
    ...(unknown.length > 0 && { unknown }),
    ...(management && { management }),
    ...(tool && { print: { tool, text: triggersFor(tool, changedTriggers(userPool, plan.changes)) } }),
  }
}

/**
 * Which pool it is, what changes slot by slot and what is in the way.
 * @param written whether it is this command that would write it: then also what stays
 */
/** As whom a pool is read, as a line below its title. */
export function identityLine(identity: Identity): string {
  return 'as' in identity ? `  as ${inLine(identity.as)}` : `  as whom is not known (${identity.unknown})`
}

function planText({ userPool, plan, identity }: WireReport, written: boolean, paint: Paint, output: Output): string {
  const { changes, taken } = plan
  const lines = [
    paint('bold', textAt(0, poolTitle(userPool), output).replaceAll('\n', '\n  ')),
    identityLine(identity),
    ...changes.map((change) => `  ${changeText(fieldChange(change), paint)}`),
    ...taken.map((slot) => `  ${paint('red', '!')} ${takenText(slot)}`),
    ...plan.chained.map(
      ({ slot, functionArn }) => `  ${textAt(2, `Corbado hands ${slot} on to ${functionArn}`, output)}`,
    ),
  ]
  if (taken.length === 0 && changes.length === 0) lines.push('  Nothing to do.')
  else if (taken.length === 0 && written) {
    const kept = [stayingText(userPool), ...rightsTexts(userPool)]
    lines.push(...kept.map((text) => `  ${textAt(2, text, output)}`))
  }
  return `${lines.join('\n')}\n`
}

/** Which pool it is, and whose. */
export function poolTitle({ Id, Name, Arn = '' }: WiredPool['userPool']): string {
  const [region, accountId] = Arn.split(':').slice(3)
  return inLine(`User pool ${Id} (${Name}) in ${region} of account ${accountId}`)
}

function stayingText(userPool: WiredPool['userPool']): string {
  return `All else stays: ${sentBackFields(userPool).length} settings and the other triggers are sent back as they were read.`
}

/** Whoever plans may read the pool only: what is needed beyond that is said before it is refused. */
function rightsTexts(userPool: WiredPool['userPool']): string[] {
  const [, ...further] = rightsToUpdate(userPool).map(({ action, resource }) => `${action} on ${resource}`)
  return further.length === 0
    ? []
    : [inLine(`Whoever writes the change sends the whole pool back, and needs for that: ${further.join(', ')}.`)]
}

function takenText({ slot, holds, expected, why }: TakenSlot): string {
  if (why !== undefined) return inLine(`${slot} ${why}`)
  const found = holds === undefined ? 'is empty' : `holds ${holds}`
  return inLine(expected === undefined ? `${slot} ${found}` : `${slot} ${found}, not ${expected}`)
}

/** A change as other plans have theirs; an empty slot has no value. */
function fieldChange({ slot, from, to }: SlotChange): FieldChange {
  return { field: slot, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
}

/** What people call the tools. */
export const TOOL_NAMES: Readonly<Record<Tool, string>> = { cloudformation: 'CloudFormation', terraform: 'Terraform' }

/** What says that a tool manages the pool; completes "nothing was written: …". */
export function managedText(management: Management, what: 'pool' | 'app client' = 'pool'): string {
  if ('tag' in management) {
    const its = what === 'pool' ? 'its' : "the pool's"
    return `${its} tag ${inLine(management.tag)} says that ${TOOL_NAMES[management.tool]} manages this pool`
  }
  return inLine(`the CloudFormation stack ${management.stack} manages this ${what}, as ${management.resource}`)
}

interface ManagedPool extends WiredPool {
  readonly management?: Management | undefined
}

/** How the same change is made with a tool: the one that is known to manage the pool, or that the person named. */
export function toolText(tool: Tool, { userPool, plan, management }: ManagedPool, output: Output): string {
  const known = management?.tool === tool ? `${managedText(management)}. ` : ''
  const why = `${known.slice(0, 1).toUpperCase()}${known.slice(1)}`
  const triggers = triggersFor(tool, changedTriggers(userPool, plan.changes)).replace(/^(?=.)/gm, '  ')
  const how =
    `${why}Make the change with ${TOOL_NAMES[tool]}, or its next run takes it back. The pool's whole set of triggers, to ` +
    `stand ${TOOL_PLACES[tool]}:`
  return `${textAt(0, how, output)}\n\n${triggers}`
}

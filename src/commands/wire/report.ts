import { npxLine } from '../../operator/pool/line.js'
import { type CommandIo, createPaint, writeJson } from '../../terminal/io.js'
import { changedTriggers, type WiredPool } from './changes.js'
import { type Management, type Tool, triggersFor } from './managed.js'
import { fieldChange, planText } from './text.js'

/** What wiring, or unwiring, a pool has to say. */
export interface WireReport extends WiredPool {
  readonly json: boolean
  /** Sentences on what is not this command's to change. */
  readonly warnings: readonly string[]
  /** What manages the pool, where that is known. */
  readonly management?: Management | undefined
  /** The tool for which the change is to be printed. */
  readonly tool?: Tool | undefined
}

/** Shows a plan that is not carried out, or not yet. A slot in use makes the exit code 1. */
export function reportPlan(report: WireReport, io: CommandIo): void {
  if (report.plan.taken.length > 0) io.foundProblems()
  if (report.json) {
    writeJson(io.stdout, { applied: false, ...reportJson(report) })
    return
  }
  io.stdout.write(planText(report, report.tool === undefined, createPaint(io.stdout, io.env)))
  const paint = createPaint(io.stderr, io.env)
  for (const warning of report.warnings) io.stderr.write(`${paint('yellow', 'warning:')} ${warning}\n`)
}

/** What a change came to. */
export interface WrittenWiring {
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
    writeJson(io.stdout, {
      applied: true,
      ...reportJson(report),
      ...(snapshot !== undefined && { snapshot }),
      different,
    })
    return
  }
  if (different.length > 0) {
    const paint = createPaint(io.stderr, io.env)
    io.stderr.write(
      `${paint('red', 'error:')} written, but read again this is not as it should be: ${different.join(', ')}\n`,
    )
  } else io.stdout.write('Written. Read again, the pool differs in nothing but these triggers.\n')
  if (snapshot !== undefined) io.stdout.write(`${snapshot} has the pool as it was before: keep it.\n`)
  if (undo) io.stdout.write(`To take the change back:\n  ${npxLine(undo)}\n`)
}

function reportJson({ userPool, plan, warnings, management, tool }: WireReport) {
  return {
    userPoolId: userPool.Id,
    name: userPool.Name,
    arn: userPool.Arn,
    changes: plan.changes.map(fieldChange),
    taken: plan.taken,
    warnings,
    ...(management && { management }),
    ...(tool && { print: { tool, text: triggersFor(tool, changedTriggers(userPool, plan.changes)) } }),
  }
}

import type { Command } from 'commander'
import type { UserPoolId } from '../../ids.js'
import { regionOf } from '../../operator/pool/arn.js'
import { npxLine, snapshotName, undoWords, wireWords } from '../../operator/pool/line.js'
import { mayWrite } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { chainingOptions, planFor, readPool, replacingOptions } from './look.js'
import { assertWiring, type WireOptions, wireExample, withTarget } from './options.js'
import { type OwnedPool, withOwnedPool } from './pool.js'
import { managedText, reportPlan, reportWritten, type WireReport } from './report.js'
import { dropSnapshot, writeSnapshot } from './snapshot.js'
import { assertKnownWhole, unknownText } from './unknown.js'
import { writeWiring } from './write.js'

interface ApplyOptions extends WireOptions {
  readonly yes?: true
  readonly snapshot?: string
  readonly unmanaged?: true
}

/** `wire apply`: points a pool's triggers at the gateway, and leaves everything else as it is. */
export function wireApplyCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway wire apply',
    summary: "Points a user pool's triggers at Corbado, after it has shown the plan and asked.",
    examples: [wireExample('apply'), wireExample('apply', ' --yes')],
  })
  return withTarget(command)
    .option('--yes', 'write what the plan shows, without being asked')
    .option('--snapshot <file>', 'where to keep the pool as it was (default: <userPoolId>.before-corbado.json here)')
    .option('--unmanaged', 'write although CloudFormation or Terraform is known to manage the pool')
    .option(
      '--json',
      'print { kind: "wire-plan", applied, userPoolId, name?, arn?, as?, changes, taken, chained?, warnings, rights, unknown?, management?, print?, snapshot?, different? }',
    )
    .action(async (userPoolId: UserPoolId, options: ApplyOptions) => {
      assertWiring(options)
      return withOwnedPool({ userPoolId, region: regionOf(options.arn) }, io, async (pool) => {
        const report = await readPool(pool, options)
        if (await isWanted(report, userPoolId, options, io)) await apply(pool, report, userPoolId, options, io)
      })
    })
}

/** Shows the plan. Is there something to write, and may it be written? */
async function isWanted(report: WireReport, userPoolId: UserPoolId, options: ApplyOptions, io: CommandIo) {
  const { plan, json } = report
  const possible = plan.changes.length > 0 && plan.taken.length === 0
  const management = options.unmanaged ? undefined : report.management
  if (!json || !options.yes || !possible || management || report.unknown.length > 0) reportPlan(report, io)
  if (plan.taken.some(({ why }) => why !== undefined)) {
    if (!json) io.stdout.write('\nNothing was written.\n')
  } else if (plan.taken.length > 0 && !json) {
    const words = wireWords('apply', userPoolId, replacingOptions(options, plan))
    const chained = chainingOptions(options, report)
    const goesOn = chained
      ? `To have it go on, called by Corbado:\n  ${npxLine(wireWords('plan', userPoolId, chained))}\n`
      : ''
    io.stdout.write(`\nNothing was written. To let go of what is in use:\n  ${npxLine(words)}\n${goesOn}`)
  }
  if (!possible) return false
  if (report.unknown.length > 0) {
    throw new NotPossible(`nothing was written: ${unknownText(report.unknown, userPoolId, options)}`)
  }
  if (management) {
    const instead = npxLine([...wireWords('plan', userPoolId, options), '--as', management.tool])
    throw new NotPossible(
      `nothing was written: ${managedText(management)}, and its next run could take the change back. ` +
        `If that is wrong, add --unmanaged; else see how to make it there: ${instead}`,
    )
  }
  return mayWrite(options, npxLine([...wireWords('apply', userPoolId, options), ...applyWords(options), '--yes']), io)
}

/** Those of the options that only this command has, for a printed line that does the same. */
function applyWords({ snapshot, unmanaged }: ApplyOptions): string[] {
  return [...(snapshot === undefined ? [] : ['--snapshot', snapshot]), ...(unmanaged ? ['--unmanaged'] : [])]
}

async function apply(
  pool: OwnedPool,
  report: WireReport,
  userPoolId: UserPoolId,
  options: ApplyOptions,
  io: CommandIo,
): Promise<void> {
  const now = io.clock.now()
  const snapshot = options.snapshot ?? snapshotName(userPoolId)
  const recorded = { region: regionOf(options.arn), changes: report.plan.changes }
  const different = await writeWiring({
    pool,
    shown: report.plan,
    planOf: (userPool) => planFor(options, userPool),
    check: (whole) => assertKnownWhole(whole, userPoolId, options),
    keep: (whole) => writeSnapshot(snapshot, whole.raw, { userPoolId, ...recorded }, now),
    discard: () => dropSnapshot(snapshot),
  })
  reportWritten(report, { different, snapshot, undo: undoWords(userPoolId, snapshot) }, io)
}

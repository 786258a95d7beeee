import type { Command } from 'commander'
import type { UserPoolId } from '../../ids.js'
import { npxLine, undoWords } from '../../operator/pool/line.js'
import { mayWrite } from '../../terminal/ask.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import type { WholeUserPool } from '../../upstreams/operator.js'
import { parseUserPoolId } from '../options.js'
import { planUndo } from './changes.js'
import { CREDENTIALS_NOTE } from './options.js'
import { withOwnedPool } from './pool.js'
import { reportPlan, reportWritten, type WireReport } from './report.js'
import { readSnapshot } from './snapshot.js'
import { assertKnownWhole, unknownIn, unknownText } from './unknown.js'
import { writeWiring } from './write.js'

interface UndoOptions {
  readonly snapshot: string
  readonly yes?: true
  readonly json?: true
}

const nothing = async () => {}

/** `wire undo`: takes back what one `wire apply` changed, and nothing that came after it. */
export function wireUndoCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway wire undo',
    summary: 'Takes back the triggers that wire apply changed: all of them, or none if one was changed since.',
    examples: [
      'corbado-gateway wire undo eu-central-1_AbCdEf123 --snapshot eu-central-1_AbCdEf123.2026-11-22T10-00-00.000Z.json',
    ],
  })
    .argument('<userPoolId>', `id of the user pool; ${CREDENTIALS_NOTE}`, parseUserPoolId)
    .requiredOption('--snapshot <file>', 'what wire apply wrote; only the triggers that it changed are put back')
    .option('--yes', 'write what the plan shows, without being asked')
    .option(
      '--json',
      'print { kind: "wire-plan", applied, userPoolId, name?, arn?, as?, changes, taken, chained?, warnings, rights, unknown?, management?, print?, snapshot?, different? }',
    )
    .action((userPoolId: UserPoolId, options: UndoOptions) => undoWiring(userPoolId, options, io))
}

async function undoWiring(userPoolId: UserPoolId, options: UndoOptions, io: CommandIo): Promise<void> {
  const { region, changes } = await readSnapshot(options.snapshot, userPoolId)
  await withOwnedPool({ userPoolId, region }, io, async (pool) => {
    const planOf = (userPool: WireReport['userPool']) => planUndo(userPool, changes)
    const [whole, identity] = await Promise.all([pool.describe(), pool.identity()])
    const { userPool } = whole
    const unknown = unknownIn(whole)
    const report = { userPool, identity, plan: planOf(userPool), unknown, warnings: [], json: options.json === true }
    if (!(await isWanted(report, userPoolId, options, io))) return
    const check = (pool: WholeUserPool) => assertKnownWhole(pool, userPoolId, undefined)
    const different = await writeWiring({ pool, shown: report.plan, planOf, check, keep: nothing, discard: nothing })
    reportWritten(report, { different }, io)
  })
}

/** Shows the plan. Is there something to put back, and may it be? */
async function isWanted(report: WireReport, userPoolId: UserPoolId, options: UndoOptions, io: CommandIo) {
  const { plan, json } = report
  const possible = plan.changes.length > 0 && plan.taken.length === 0
  if (!json || !options.yes || !possible) reportPlan(report, io)
  if (plan.taken.length > 0 && !json) {
    io.stdout.write(
      '\nNothing was put back, also not the other triggers: what wire apply had set was changed since. The snapshot says\n' +
        'what each trigger was before; set them as you now want them, by hand or with wire apply.\n',
    )
  }
  if (!possible) return false
  if (report.unknown.length > 0) {
    throw new NotPossible(`nothing was changed: ${unknownText(report.unknown, userPoolId, undefined)}`)
  }
  return mayWrite(options, npxLine([...undoWords(userPoolId, options.snapshot), '--yes']), io)
}

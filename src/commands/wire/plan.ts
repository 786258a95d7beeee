import { type Command, Option } from 'commander'
import type { UserPoolId } from '../../ids.js'
import { regionOf } from '../../operator/pool/arn.js'
import { npxLine, wireWords } from '../../operator/pool/line.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo, Output } from '../../terminal/io.js'
import { textAt } from '../../terminal/text.js'
import { chainYaml } from './chain.js'
import { chainingOptions, readPool, replacingOptions } from './look.js'
import { TOOLS, type Tool } from './managed.js'
import { assertWiring, type WireOptions, wireExample, withTarget } from './options.js'
import { withOwnedPool } from './pool.js'
import { reportPlan, toolText, type WireReport } from './report.js'
import { unknownText } from './unknown.js'

interface PlanOptions extends WireOptions {
  readonly as?: Tool
  readonly exitCode?: true
}

/** `wire plan`: what `wire apply` would change in a pool. */
export function wirePlanCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway wire plan',
    summary: "Shows which of a user pool's triggers would point at Corbado. Writes nothing.",
    examples: [wireExample('plan'), wireExample('plan', ' --as terraform')],
  })
  return withTarget(command)
    .addOption(new Option('--as <tool>', 'print the change for the tool that manages the pool').choices(TOOLS))
    .option('--exit-code', 'exit 2 if something would change, 0 if nothing would')
    .option(
      '--json',
      'print { kind: "wire-plan", applied, userPoolId, name?, arn?, as?, changes, taken, chained?, warnings, rights, unknown?, management?, print?, snapshot?, different? }',
    )
    .action((userPoolId: UserPoolId, options: PlanOptions) => showWiring(userPoolId, options, io))
}

async function showWiring(userPoolId: UserPoolId, options: PlanOptions, io: CommandIo): Promise<void> {
  assertWiring(options)
  await withOwnedPool({ userPoolId, region: regionOf(options.arn) }, io, async (pool) => {
    const looked = await readPool(pool, options)
    if (options.exitCode && looked.plan.changes.length > 0) io.foundChanges?.()
    const managed = looked.plan.changes.length > 0 ? looked.management?.tool : undefined
    const report = { ...looked, tool: options.as ?? managed }
    reportPlan(report, io)
    if (!report.json) io.stdout.write(nextSteps(report, userPoolId, options, io.stdout))
  })
}

function nextSteps(report: WireReport, userPoolId: UserPoolId, options: WireOptions, output: Output): string {
  const { plan, tool } = report
  if (plan.taken.some(({ why }) => why !== undefined)) return '\nNothing would be written.\n'
  if (plan.taken.length > 0) {
    const words = wireWords('plan', userPoolId, replacingOptions(options, plan))
    const chained = chainingOptions(options, report)
    const goesOn = chained
      ? `To have it go on, called by Corbado:\n  ${npxLine(wireWords('plan', userPoolId, chained))}\n`
      : ''
    return `\nWhat is in use is not replaced, so nothing would be written. To let go of it:\n  ${npxLine(words)}\n${goesOn}`
  }
  if (tool) return `${chainText(report, output)}\n${toolText(tool, report, output)}`
  if (plan.changes.length === 0) return ''
  if (report.unknown.length > 0)
    return `\nNothing can be written: ${unknownText(report.unknown, userPoolId, options)}\n`
  const next =
    'Nothing was written. If CloudFormation, CDK or Terraform makes this pool, see the same with --as cloudformation or ' +
    '--as terraform. Else, once Corbado has said that its function lets this pool in, write it:'
  const exact = {
    ...options,
    chain: Object.fromEntries(plan.chained.map(({ slot, functionArn }) => [slot, functionArn])),
  }
  return `${chainText(report, output)}\n${textAt(0, next, output)}\n  ${npxLine(wireWords('apply', userPoolId, exact))}\n`
}

/** What the tenant's file has to say of the functions that go on; whoever wires the pool sends it to Corbado. */
function chainText({ plan }: WireReport, output: Output): string {
  if (plan.chained.length === 0) return ''
  const first =
    "Corbado has to know first which functions go on. These lines are for the pool's file there (tenants apply):"
  return `\n${textAt(0, first, output)}\n\n${chainYaml(plan.chained).replace(/^(?=.)/gm, '  ')}`
}

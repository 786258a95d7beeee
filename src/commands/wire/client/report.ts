import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { writeAnswer } from '../../../operator/answers/write.js'
import { yamlText } from '../../../operator/files/yaml.js'
import { clientName } from '../../../operator/pool/clients.js'
import { changeText, type FieldChange } from '../../../operator/records/changes.js'
import { hclText } from '../../../operator/role/terraform.js'
import { inLine } from '../../../terminal/clean.js'
import { type CommandIo, createPaint, type Output, writeNote } from '../../../terminal/io.js'
import { textAt } from '../../../terminal/text.js'
import type { WholeClient } from '../../../upstreams/operator.js'
import type { Management, Tool } from '../managed.js'
import type { Identity } from '../pool.js'
import { identityLine, managedText, poolTitle, TOOL_NAMES } from '../report.js'
import { type FlowPlan, rightsToUpdateClient, sentBackFields } from './request.js'

/** What a change of one app client has to say. */
export interface ClientReport {
  readonly userPool: UserPoolType
  readonly client: WholeClient['client']
  readonly plan: FlowPlan
  readonly identity: Identity
  readonly management: Management | undefined
  readonly warnings: readonly string[]
  /** Settings that this version does not know: then nothing is written. */
  readonly unknown: readonly string[]
  readonly json: boolean
}

/** Is there anything to change? */
export const changesFlows = ({ plan }: Pick<ClientReport, 'plan'>): boolean => plan.from.length !== plan.to.length

/** Shows a plan that is not carried out, or not yet. */
export function reportClientPlan(report: ClientReport, io: CommandIo): void {
  if (report.json) {
    writeAnswer(io, 'wire-client', { applied: false, ...reportJson(report) })
    return
  }
  const { userPool, client, identity, warnings, management } = report
  const paint = createPaint(io.stdout, io.env)
  const output = io.stdout
  const lines = [
    paint('bold', textAt(0, poolTitle(userPool), output).replaceAll('\n', '\n  ')),
    identityLine(identity),
    `app client ${clientName(client)}`,
    ...changes(report).map((change) => `  ${textAt(4, changeText(change, paint), output)}`),
    ...(changesFlows(report) ? staying(report) : ['Nothing to do.']).map((text) => `  ${textAt(2, text, output)}`),
  ]
  output.write(`${lines.join('\n')}\n`)
  if (management && changesFlows(report)) output.write(toolText(management, report, output))
  for (const warning of warnings) writeNote(io, 'warning', warning)
}

/** Says what was written. Anything else that differs makes the exit code 1. */
export function reportClientWritten(report: ClientReport, different: readonly string[], io: CommandIo): void {
  if (different.length > 0) io.foundProblems()
  if (report.json) {
    writeAnswer(io, 'wire-client', { applied: true, ...reportJson(report), different })
    return
  }
  if (different.length > 0) {
    writeNote(io, 'error', `written, but read again this is not as it should be: ${different.join(', ')}`)
  } else io.stdout.write('Written. Read again, the app client differs in nothing but this.\n')
}

function changes({ plan }: ClientReport): FieldChange[] {
  return plan.from.length === plan.to.length ? [] : [{ field: 'ExplicitAuthFlows', from: plan.from, to: plan.to }]
}

function staying({ userPool, client }: ClientReport): string[] {
  const [, ...further] = rightsToUpdateClient(userPool.Arn ?? 'the pool', client)
  return [
    `All else stays: ${sentBackFields(client).length} settings are sent back as they were read.`,
    ...further.map(({ action, resource }) => inLine(`To send it back, you also need ${action} on ${resource}.`)),
  ]
}

/** How the same change is made with the tool that is known to manage the app client. */
function toolText(management: Management, { plan }: ClientReport, output: Output): string {
  const { tool } = management
  const why = managedText(management, 'app client')
  const how =
    `${why.slice(0, 1).toUpperCase()}${why.slice(1)}. Make the change with ${TOOL_NAMES[tool]}, or its next run takes it ` +
    `back. To stand ${PLACES[tool]}:`
  return `\n${textAt(0, how, output)}\n\n${flowsFor(tool, plan).replace(/^(?=.)/gm, '  ')}`
}

const PLACES: Readonly<Record<Tool, string>> = {
  cloudformation: 'under Properties of the AWS::Cognito::UserPoolClient (in CDK: of its CfnUserPoolClient)',
  terraform: 'in the resource "aws_cognito_user_pool_client"',
}

function flowsFor(tool: Tool, { to }: FlowPlan): string {
  return tool === 'cloudformation'
    ? yamlText({ ExplicitAuthFlows: to })
    : `explicit_auth_flows = [${to.map((flow) => hclText(flow)).join(', ')}]\n`
}

function reportJson(report: ClientReport) {
  const { userPool, client, identity, plan, warnings, unknown, management } = report
  return {
    userPoolId: userPool.Id,
    clientId: client.ClientId,
    name: client.ClientName,
    ...('as' in identity && { as: identity.as }),
    changes: changes(report),
    warnings,
    rights: rightsToUpdateClient(userPool.Arn ?? '', client),
    ...(unknown.length > 0 && { unknown }),
    ...(management && { management }),
    ...(management &&
      changesFlows(report) && { print: { tool: management.tool, text: flowsFor(management.tool, plan) } }),
  }
}

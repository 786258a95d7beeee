import { type Command, InvalidArgumentError } from 'commander'
import { REGION_PATTERN, type UserPoolId } from '../../../ids.js'
import { clientWords, npxLine } from '../../../operator/pool/line.js'
import { mayWrite } from '../../../terminal/ask.js'
import { defineCommand } from '../../../terminal/command.js'
import { NotPossible } from '../../../terminal/failure.js'
import type { CommandIo } from '../../../terminal/io.js'
import { parseUserPoolId } from '../../options.js'
import { managementOfClient } from '../managed.js'
import { CREDENTIALS_NOTE } from '../options.js'
import { type OwnedPool, withOwnedPool } from '../pool.js'
import { managedText } from '../report.js'
import { clientFindings } from '../warnings.js'
import { type ClientReport, changesFlows, reportClientPlan, reportClientWritten } from './report.js'
import { planFlow, planFlowBack } from './request.js'
import { unknownClientText, unknownInClient, writeClient } from './write.js'

interface ClientOptions {
  readonly region?: string
  readonly undo?: true
  readonly unmanaged?: true
  readonly yes?: true
  readonly json?: true
}

/** `wire client`: lets the users of one app client sign in with a passkey, and leaves everything else of it as it is. */
export function wireClientCommand(io: CommandIo): Command {
  const path = 'corbado-gateway wire client'
  const example = `${path} eu-central-1_AbCdEf123 1example23456789`
  return defineCommand(io, {
    path,
    summary:
      'Adds ALLOW_CUSTOM_AUTH to what an app client allows, after it has shown the plan and asked. All its other settings ' +
      'are sent back as they were read.',
    examples: [example, `${example} --undo`],
  })
    .argument('<userPoolId>', `id of the user pool; ${CREDENTIALS_NOTE}`, parseUserPoolId)
    .argument('<clientId>', 'id of the app client; wire plan names those without ALLOW_CUSTOM_AUTH', parseClientId)
    .option('--region <region>', 'region of the pool (default: the one that its id begins with)', parseRegion)
    .option('--undo', 'take ALLOW_CUSTOM_AUTH out again')
    .option('--yes', 'write what the plan shows, without being asked')
    .option('--unmanaged', 'write although CloudFormation or Terraform is known to manage the app client')
    .option(
      '--json',
      'print { kind: "wire-client", applied, userPoolId, clientId, name?, as?, changes, warnings, rights, unknown?, management?, print?, different? }',
    )
    .action((userPoolId: UserPoolId, clientId: string, options: ClientOptions) => {
      const region = options.region ?? userPoolId.split('_', 1)[0] ?? ''
      return withOwnedPool({ userPoolId, region }, io, async (pool) => {
        const report = await readClient(pool, clientId, options)
        if (!(await isWanted(report, { userPoolId, clientId }, options, io))) return
        const planOf = options.undo ? planFlowBack : planFlow
        reportClientWritten(report, await writeClient({ pool, clientId, shown: report.plan, planOf }), io)
      })
    })
}

async function readClient(pool: OwnedPool, clientId: string, { undo, json }: ClientOptions): Promise<ClientReport> {
  const { userPool } = await pool.describe()
  const whole = await pool.describeClient(clientId)
  const { client } = whole
  const plan = undo ? planFlowBack(client) : planFlow(client)
  const [{ management, warnings }, identity] = await Promise.all([
    managementOfClient(pool, userPool, clientId),
    pool.identity(),
  ])
  const after = { ...client, ExplicitAuthFlows: [...plan.to] }
  return {
    ...{ userPool, client, plan, identity, management },
    warnings: [...warnings, ...(undo ? [] : clientFindings(after))],
    unknown: unknownInClient(whole),
    json: json === true,
  }
}

/** Shows the plan. Is there something to write, and may it be written? */
async function isWanted(
  report: ClientReport,
  { userPoolId, clientId }: { readonly userPoolId: UserPoolId; readonly clientId: string },
  options: ClientOptions,
  io: CommandIo,
): Promise<boolean> {
  const { unknown } = report
  const management = options.unmanaged ? undefined : report.management
  const possible = changesFlows(report)
  if (!report.json || !options.yes || !possible || management || unknown.length > 0) {
    reportClientPlan({ ...report, management }, io)
  }
  if (!possible) return false
  if (unknown.length > 0) throw new NotPossible(`nothing was written: ${unknownClientText(unknown)}`)
  if (management) {
    throw new NotPossible(
      `nothing was written: ${managedText(management, 'app client')}, and its next run could take the change back. ` +
        'If that is wrong, add --unmanaged',
    )
  }
  const { region, undo, unmanaged } = options
  const more = [
    ...(region === undefined ? [] : ['--region', region]),
    ...(undo ? ['--undo'] : []),
    ...(unmanaged ? ['--unmanaged'] : []),
  ]
  return mayWrite(options, npxLine([...clientWords(userPoolId, clientId), ...more, '--yes']), io)
}

const clientIdForm = /^[\w+]{1,128}$/
const regionForm = new RegExp(`^${REGION_PATTERN}$`)

/** @throws InvalidArgumentError for what Cognito's pattern of an app client's id does not take */
function parseClientId(text: string): string {
  if (clientIdForm.test(text)) return text
  throw new InvalidArgumentError('It is the id of an app client, such as 1example23456789, and not its name.')
}

/** @throws InvalidArgumentError for what is no region's name */
function parseRegion(text: string): string {
  if (regionForm.test(text)) return text
  throw new InvalidArgumentError('It is the name of a region, such as eu-central-1.')
}

import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../call.js'
import { customerRoleTemplate } from '../operator/role/cloudformation.js'
import * as accounts from './accounts.js'
import { createIdentity, type Identity, type IssuedCredentials, type Principal } from './aws/identity.js'
import type { MakeKeyPair } from './aws/key-pairs.js'
import type { StandIn } from './aws/server.js'
import { credentialVariables, endpoints } from './aws/variables.js'
import { type CloudFormationStandIn, startCloudFormation } from './cloudformation/index.js'
import { type CloudWatchLogsStandIn, startCloudWatchLogs } from './cloudwatch/index.js'
import { type Cognito, startCognito } from './cognito/index.js'
import { type CorbadoStandIn, startCorbado } from './corbado/index.js'
import { startTable, type TableStandIn } from './dynamodb.js'
import { type Lambda, type Runner, startLambda } from './lambda/index.js'
import { type SsmStandIn, startSsm } from './ssm.js'
import { type StsStandIn, startSts } from './sts.js'

/** The stand-ins that have a port, in the order of their numbers with `npm start`. */
export const SERVICES = [
  'cognito',
  'lambda',
  'corbado',
  'dynamodb',
  'ssm',
  'sts',
  'cloudformation',
  'cloudwatch',
] as const
export type Service = (typeof SERVICES)[number]

export interface Stack {
  readonly clock: Clock
  readonly identity: Identity
  readonly table: TableStandIn
  readonly sts: StsStandIn
  readonly ssm: SsmStandIn
  readonly cognito: Cognito
  readonly lambda: Lambda
  readonly corbado: CorbadoStandIn
  /** What a customer deploys the role with. */
  readonly cloudformation: CloudFormationStandIn
  /** Where the gateway's lines are; empty, until somebody puts them there. */
  readonly cloudwatch: CloudWatchLogsStandIn
  /** Environment variables of the gateway's process, its credentials included. */
  readonly gatewayEnv: Record<string, string>
  /** The same for another principal, e.g. an operator. */
  envFor(principal: Principal): Record<string, string>
  credentialsFor(principal: Principal): IssuedCredentials
  /** Makes this the code of the gateway's function, behind the actions alias and the given tenant aliases. */
  deploy(runner: Runner, aliases: readonly string[]): void
  stop(): Promise<void>
}

export interface StackOptions {
  readonly clock?: Clock
  /** Port of a service; any free one if none is given. */
  readonly portOf?: (service: Service) => number
  /** How long Cognito waits for a trigger; 5 s as in AWS. */
  readonly triggerTimeoutMs?: number
  /** Where the key pairs of Cognito and Corbado come from. */
  readonly makeKeyPair?: MakeKeyPair
  /** Called for each service when it has started, in the order of their ports. */
  onStarted?(service: Service, url: string): void
}

const HOUR_MS = 3_600_000

/**
 * Starts stand-ins for everything outside the gateway, on loopback and over the real wire protocols.
 * @throws the listener's error, with `code` and `port`, if a port is taken; what had started is stopped again
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { clock = systemClock, portOf = () => 0, triggerTimeoutMs, makeKeyPair, onStarted = () => {} } = options
  const identity = createIdentity(clock)
  const started: StandIn[] = []
  const stop = async () => void (await Promise.all(started.map((standIn) => standIn.stop())))
  async function start<T extends StandIn>(starting: Promise<T>): Promise<T> {
    const standIn = await starting
    started.push(standIn)
    return standIn
  }

  try {
    const lambda = await start(startLambda({ clock, identity, port: portOf('lambda') }))
    const cognito = await start(
      startCognito({
        clock,
        identity,
        port: portOf('cognito'),
        makeKeyPair,
        invoke: lambda.invokeAsCognito,
        ...(triggerTimeoutMs !== undefined && { triggerTimeoutMs }),
      }),
    )
    onStarted('cognito', cognito.url)
    onStarted('lambda', lambda.url)
    const corbado = await start(startCorbado({ clock, port: portOf('corbado'), makeKeyPair }))
    onStarted('corbado', corbado.url)
    const { TABLE_NAME: tableName, GATEWAY_ACCOUNT: accountId } = accounts
    const table = await start(startTable({ clock, identity, tableName, port: portOf('dynamodb') }))
    onStarted('dynamodb', table.url)
    const ssm = await start(startSsm({ clock, identity, accountId, port: portOf('ssm') }))
    onStarted('ssm', ssm.url)
    const sts = await start(startSts({ clock, identity, port: portOf('sts') }))
    onStarted('sts', sts.url)
    sts.putRole({
      roleArn: accounts.roleArnOf(accounts.doctor),
      trust: accounts.doctorTrust,
      policies: accounts.doctor.policies,
    })
    const templates = new Map([[accounts.OPERATOR_VARIABLES.CUSTOMER_TEMPLATE_URL, customerRoleTemplate()]])
    const cloudformation = await start(
      startCloudFormation({ clock, identity, port: portOf('cloudformation'), templates, roles: sts }),
    )
    onStarted('cloudformation', cloudformation.url)
    const cloudwatch = await start(startCloudWatchLogs({ clock, identity, accountId, port: portOf('cloudwatch') }))
    onStarted('cloudwatch', cloudwatch.url)
    cloudwatch.put(accounts.LOG_GROUP, [])
    ssm.put(accounts.PSEUDONYM_KEY_PARAMETER, randomBytes(32).toString('base64'))

    const credentialsFor = (principal: Principal) => identity.issue(principal, 12 * HOUR_MS)
    const envFor = (principal: Principal) => ({
      ...endpoints({ cognito, lambda, table, ssm, sts, cloudformation, cloudwatch }),
      ...credentialVariables(credentialsFor(principal)),
      AWS_REGION: accounts.REGION,
      TENANT_TABLE: accounts.TABLE_NAME,
      BACKEND_API_HOSTS: '127.0.0.1',
      ...(accounts.isOperator(principal) && accounts.OPERATOR_VARIABLES),
      ...(principal === accounts.onCall && { PSEUDONYM_KEY_PARAMETER: accounts.PSEUDONYM_KEY_PARAMETER }),
    })
    const gatewayEnv = {
      ...envFor(accounts.gateway),
      PSEUDONYM_KEY_PARAMETER: accounts.PSEUDONYM_KEY_PARAMETER,
    }
    const deploy = (runner: Runner, aliases: readonly string[]) => deployTo(lambda, runner, aliases)
    const parts = { clock, identity, table, sts, ssm, cognito, lambda, corbado, cloudformation, cloudwatch }
    return { ...parts, gatewayEnv, envFor, credentialsFor, deploy, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function deployTo(lambda: Lambda, runner: Runner, tenantAliases: readonly string[]): void {
  const { FUNCTION_ARN: functionArn, ACTIONS_ALIAS, actionCaller } = accounts
  lambda.putFunction({ functionArn, runner, aliases: [ACTIONS_ALIAS, ...tenantAliases] })
  lambda.putPolicy(`${functionArn}:${ACTIONS_ALIAS}`, {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: actionCaller.roleArn ?? actionCaller.arn },
        Action: 'lambda:InvokeFunction',
        Resource: `${functionArn}:${ACTIONS_ALIAS}`,
      },
    ],
  })
}

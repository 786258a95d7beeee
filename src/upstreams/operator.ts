import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { STSClient } from '@aws-sdk/client-sts'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { Call, Clock } from '../call.js'
import type { Proxies } from '../env.js'
import { EnvInvalid, type Upstream } from '../errors.js'
import type { UserPoolId } from '../ids.js'
import type { CloudWatchLogs } from './cloudwatch.js'
import { REQUEST_MS, RequestHandler } from './connections/requests.js'
import { type Clients, createClients, type Upstreams, upstreamsOver } from './index.js'
import { createFunctionAliases, type FunctionAliases } from './lambda.js'
import {
  createFetchParameterHistory,
  createPutParameter,
  type FetchParameterHistory,
  type PutParameter,
} from './parameters.js'
import { createPatience } from './patience.js'
import { createFindStack, type FindStack } from './stacks.js'
import {
  type CallerIdentity,
  createAssumeRole,
  createCallerIdentity,
  type RoleCredentials,
  type RoleRequest,
} from './sts.js'
import { createStates, type States } from './table.js'
import { createUserPoolSettings, type UserPoolSettings } from './user-pool-settings.js'

export type { CloudWatchLogs, LogEvent, LogPage, LogSearch, QueryPage, QueryRow } from './cloudwatch.js'
export type { AssumeRole, RoleCredentials, RoleRequest, Table, TenantRecord, UserPool } from './index.js'
export type { FunctionAliases, PolicyWrite } from './lambda.js'
export type { FetchParameterHistory, ParameterRequest, ParameterVersion, PutParameter } from './parameters.js'
export type { FindStack, StackResource } from './stacks.js'
export type { CallerIdentity } from './sts.js'
export type { StateRecord, States } from './table.js'
export type { UserPoolSettings, WholeClient, WholeUserPool } from './user-pool-settings.js'

/** Everything outside the process that the command line works with: the service's counterparts and the operator's own. */
export interface OperatorUpstreams extends Upstreams {
  /** Fetches the process's own credentials, which everything else uses; throws what their source says. */
  signIn(): Promise<void>
  /** What commands keep in the table for a while. */
  readonly states: States
  /** Aliases of the gateway's function. */
  readonly aliases: FunctionAliases
  readonly putParameter: PutParameter
  readonly fetchParameterHistory: FetchParameterHistory
  readonly callerIdentity: CallerIdentity
  /** The CloudFormation stack of a resource of the process's own account, in `region`. */
  readonly findStack: FindStack
  /** The gateway's log groups, in `region`. The client is loaded with the first call: few commands read lines. */
  openLogs(): Promise<CloudWatchLogs>
  /** A pool as its owner sees it, with a role's credentials; null stands for the process's own. */
  userPoolSettings(userPoolId: UserPoolId, region: string, credentials: RoleCredentials | null): UserPoolSettings
  /** AssumeRole signed with other credentials than the process's own. */
  assumeRoleAs(credentials: RoleCredentials, request: RoleRequest, call: Call): Promise<RoleCredentials>
}

export interface OperatorOptions {
  /** Of the table, the function, the secrets and STS. */
  readonly region: string
  /** A command that works on a pool alone has none. */
  readonly tenantTable?: string | undefined
  /** Without version or alias. */
  readonly functionArn?: string | undefined
  readonly actionsAlias: string
  /** None if left out. */
  readonly proxies?: Proxies
  /** Asks for the code of an MFA device; without it, a profile that needs one has no credentials. */
  readonly askCode?: (serial: string) => Promise<string>
}

/**
 * As long as one request may take: a person waits, perhaps far from the region, and their credentials may come over the
 * network too.
 */
const OPERATOR_MS = { table: REQUEST_MS, ssm: REQUEST_MS, sts: REQUEST_MS }

/**
 * The operator's upstreams. The service must not import this: it makes clients that the service does not need.
 * @param onWait called once for every dependency that a patient call waits for
 */
export function createOperatorUpstreams(
  options: OperatorOptions,
  clock: Clock,
  onWait: (upstream: Upstream) => void = () => undefined,
): OperatorUpstreams {
  const patience = createPatience({ clock, onWait })
  const { region, tenantTable, functionArn, actionsAlias, proxies = {}, askCode } = options
  const requestHandler = new RequestHandler(clock, proxies)
  // Otherwise a source that is asked over the network, such as IAM Identity Center, would be asked without the proxy.
  const clientConfig = { requestHandler }
  const credentials = defaultProvider({ clientConfig, ...(askCode && { mfaCodeProvider: askCode }) })
  const clients = createClients({ region, requestHandler, credentials })
  const lambda = new LambdaClient(clients.base)
  const cloudformation = new CloudFormationClient(clients.base)
  const base = upstreamsOver(clients, { tenantTable: tenantTable ?? '', proxies, clock, ms: OPERATOR_MS })

  let aliases: FunctionAliases | undefined
  let logs: Promise<CloudWatchLogs> | undefined
  const { fetchParameter, assumeRole } = base
  const single = patience.of({
    fetchParameter,
    assumeRole,
    putParameter: createPutParameter(clients.ssm),
    fetchParameterHistory: createFetchParameterHistory(clients.ssm),
    callerIdentity: createCallerIdentity(clients.sts),
    findStack: createFindStack(cloudformation),
    assumeRoleAs: createAssumeRoleAs(clients),
  })
  const table = patience.of(base.table)
  const states = patience.of(createStates(clients.dynamodb, tenantTable ?? ''))

  return {
    ...base,
    ...single,
    async signIn() {
      const own = clients.base.credentials
      if (typeof own === 'function') await own()
    },
    get table() {
      if (tenantTable === undefined) throw unset('TENANT_TABLE')
      return table
    },
    get states() {
      if (tenantTable === undefined) throw unset('TENANT_TABLE')
      return states
    },
    get aliases() {
      if (functionArn === undefined) throw unset('GATEWAY_FUNCTION_ARN')
      aliases ??= patience.of(createFunctionAliases(lambda, { functionArn, actionsAlias }))
      return aliases
    },
    openLogs() {
      logs ??= loadLogs(clients).then((loaded) => patience.of(loaded))
      return logs
    },
    userPoolSettings: (userPoolId, poolRegion, credentials) =>
      patience.of(createUserPoolSettings(clients.cognito.of(poolRegion, credentials), userPoolId)),
    async close() {
      lambda.destroy()
      cloudformation.destroy()
      await base.close()
    },
  }
}

async function loadLogs({ base }: Clients): Promise<CloudWatchLogs> {
  const [{ CloudWatchLogsClient }, { createCloudWatchLogs }] = await Promise.all([
    import('@aws-sdk/client-cloudwatch-logs'),
    import('./cloudwatch.js'),
  ])
  // It uses the connections of all clients, which are closed with them.
  return createCloudWatchLogs(new CloudWatchLogsClient(base))
}

/** Signs with each caller's own credentials, over the connections of the given clients. */
function createAssumeRoleAs({ base }: Clients): OperatorUpstreams['assumeRoleAs'] {
  return (credentials, request, call) =>
    createAssumeRole(new STSClient({ ...base, credentials }), REQUEST_MS)(request, call)
}

function unset(name: string) {
  return new EnvInvalid(`${name} is not set, and this needs it.`)
}

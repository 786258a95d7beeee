import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { LambdaClient } from '@aws-sdk/client-lambda'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import { type Call, type Clock, SLICE_MS } from '../call.js'
import type { Env, Proxies } from '../env.js'
import type { UserPoolId } from '../ids.js'
import { createUserPool, type UserPool } from './cognito.js'
import { createRecentClients, type RecentClients } from './connections/clients.js'
import { type CredentialSource, createOwnCredentials } from './connections/credentials.js'
import { RequestHandler } from './connections/requests.js'
import type { Corbado } from './corbado.js'
import type { FunctionAnswer, FunctionCall } from './functions.js'
import type { KeySets } from './pool/key-set.js'
import { createFetchParameter, type FetchParameter } from './ssm.js'
import { type AssumeRole, createAssumeRole, type RoleCredentials } from './sts.js'
import { createTable, type Table } from './table.js'

export type { AppClient, LoginClient, LoginStep, MfaFactor, User, UserPage, UserPool } from './cognito.js'
export { RequestHandler } from './connections/requests.js'
export type { ConnectTokenAnswer, VerificationResult, VerifyAnswer } from './corbado.js'
export type { FunctionAnswer, FunctionCall } from './functions.js'
export { type FetchParameter, isParameterMissing, type Parameter } from './ssm.js'
export type { AssumeRole, RoleCredentials, RoleRequest } from './sts.js'
export type { Table, TenantRecord } from './table.js'

/** Everything outside the process, as functions. Nothing here knows a tenant or keeps state other than connections. */
export interface Upstreams {
  readonly table: Table
  readonly fetchParameter: FetchParameter
  readonly assumeRole: AssumeRole
  /** A pool's admin calls with a tenant's credentials; null stands for the gateway's own (self-hosted). */
  userPool(userPoolId: UserPoolId, region: string, credentials: RoleCredentials | null): UserPool
  readonly verifySignedData: Corbado['verifySignedData']
  /** Invokes a customer's own function with a tenant's credentials; null stands for the gateway's own (self-hosted). */
  invokeFunction(request: FunctionCall, credentials: RoleCredentials | null, call: Call): Promise<FunctionAnswer>
  readonly createConnectToken: Corbado['createConnectToken']
  readonly fetchKeySet: KeySets['fetchKeySet']
  close(): Promise<void>
}

/** Longest time for one call, by dependency, in milliseconds; Cognito's may take all that is left. */
export type SliceMs = Readonly<Record<'table' | 'ssm' | 'sts', number>>

/**
 * What all AWS clients of a process share: connections, and the process's own credentials, which are fetched once for all.
 * The SDK repeats no request: it would first wait up to a second, which no slice has. `callAws` does it instead.
 */
export interface ClientBase {
  readonly region: string
  readonly maxAttempts: 1
  readonly requestHandler: RequestHandler
  readonly credentials?: DynamoDBClient['config']['credentials']
}

/** The service's upstreams. */
export function createUpstreams(env: Env, clock: Clock): Upstreams {
  const { awsRegion: region, tenantTable } = env
  // A config that is only refreshed has less time: the cache sees to that.
  const ms = { ...SLICE_MS, table: SLICE_MS.tableFirst }
  const credentials = createOwnCredentials(clock)
  return upstreamsOver(createClients({ region, requestHandler: new RequestHandler(clock, env), credentials }), {
    tenantTable,
    proxies: env,
    clock,
    ms,
  })
}

/** The SDK's clients behind {@link Upstreams}. */
export interface Clients {
  readonly base: ClientBase
  readonly dynamodb: DynamoDBClient
  readonly ssm: SSMClient
  readonly sts: STSClient
  readonly cognito: CognitoClients
}

export interface ClientsOptions {
  readonly region: string
  /** Shared by all clients; it knows the proxies. */
  readonly requestHandler: RequestHandler
  /** The SDK's default chain if left out. */
  readonly credentials?: CredentialSource
}

/** The only place where the service's clients are made. They read credentials and endpoints as the AWS SDK does. */
export function createClients({ region, requestHandler, credentials }: ClientsOptions): Clients {
  const first: ClientBase = { region, maxAttempts: 1, requestHandler, ...(credentials && { credentials }) }
  const dynamodb = new DynamoDBClient(first)
  const base: ClientBase = { ...first, credentials: dynamodb.config.credentials }
  return {
    base,
    dynamodb,
    ssm: new SSMClient(base),
    sts: new STSClient(base),
    // The table is read before any pool is asked, and its answers show how far off this machine's clock is.
    cognito: createCognitoClients(base, () => dynamodb.config.systemClockOffset),
  }
}

export interface OverOptions {
  readonly tenantTable: string
  readonly proxies: Proxies
  readonly clock: Clock
  readonly ms: SliceMs
}

/** {@link Upstreams} over clients that the caller made; closing it closes them. */
export function upstreamsOver(clients: Clients, { tenantTable, proxies, clock, ms }: OverOptions): Upstreams {
  const { base, dynamodb, ssm, sts, cognito } = clients
  let corbado: Promise<Corbado> | undefined
  let keySets: Promise<KeySets> | undefined
  // Loaded with the first proof: undici is a third of the bundle's start, and define and create do without it.
  function loadCorbado(): Promise<Corbado> {
    corbado ??= import('./corbado.js').then(({ createCorbado }) => createCorbado(clock, proxies))
    return corbado
  }

  const lambda = createLambdaClients(base)

  return {
    table: createTable(dynamodb, tenantTable, ms.table),
    fetchParameter: createFetchParameter(ssm, ms.ssm),
    assumeRole: createAssumeRole(sts, ms.sts),
    userPool: (userPoolId, region, credentials) => createUserPool(cognito.of(region, credentials), userPoolId),
    verifySignedData: async (request, call) => (await loadCorbado()).verifySignedData(request, call),
    async invokeFunction(request, credentials, call) {
      const client = await lambda.of(request.functionArn.split(':')[3] ?? '', credentials)
      return (await import('./functions.js')).invokeFunction(client, request, call)
    },
    createConnectToken: async (request, call) => (await loadCorbado()).createConnectToken(request, call),
    async fetchKeySet(issuer, call) {
      keySets ??= import('./pool/key-set.js').then(({ createKeySets }) => createKeySets(clock, proxies))
      return (await keySets).fetchKeySet(issuer, call)
    },
    async close() {
      base.requestHandler.destroy()
      await (await corbado)?.close()
      await (await keySets)?.close()
    },
  }
}

/** Clients of Lambda, made and loaded when they are needed: most tenants chain nothing. */
function createLambdaClients(base: ClientBase) {
  let clients: Promise<RecentClients<RoleCredentials, LambdaClient>> | undefined

  async function load(): Promise<RecentClients<RoleCredentials, LambdaClient>> {
    const { LambdaClient } = await import('@aws-sdk/client-lambda')
    return createRecentClients(
      (region, credentials) => new LambdaClient({ ...base, region, ...(credentials && { credentials }) }),
    )
  }

  return {
    /**
     * The client for a region. A set of credentials is for one function, and so for one region; null stands for the
     * process's own.
     */
    async of(region: string, credentials: RoleCredentials | null): Promise<LambdaClient> {
      clients ??= load()
      return (await clients).of(region, credentials)
    },
  }
}

/** Clients of Cognito for pools' regions and tenants' credentials; null stands for the process's own. */
export type CognitoClients = RecentClients<RoleCredentials, CognitoIdentityProviderClient>

function createCognitoClients(base: ClientBase, clockOffset: () => number): CognitoClients {
  return createRecentClients(
    (region, credentials) =>
      new CognitoIdentityProviderClient({
        ...base,
        region,
        systemClockOffset: clockOffset(),
        ...(credentials && { credentials }),
      }),
  )
}

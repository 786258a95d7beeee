import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SSMClient } from '@aws-sdk/client-ssm'
import { STSClient } from '@aws-sdk/client-sts'
import { type Clock, SLICE_MS } from '../call.js'
import type { Env } from '../env.js'
import type { UserPoolId } from '../ids.js'
import { createUserPool, type UserPool } from './cognito.js'
import type { Corbado } from './corbado.js'
import { createFetchParameter, type FetchParameter } from './ssm.js'
import { type AssumeRole, createAssumeRole, type RoleCredentials } from './sts.js'
import { createTable, type Table } from './table.js'

export type { MfaFactor, User, UserPage, UserPool } from './cognito.js'
export type { VerificationResult, VerifyAnswer } from './corbado.js'
export { type FetchParameter, isParameterMissing } from './ssm.js'
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
  close(): Promise<void>
}

/** The longest that one call may take by dependency, in milliseconds; Cognito's may take all that is left. */
export type SliceMs = Readonly<Record<'table' | 'ssm' | 'sts', number>>

/**
 * Connections of one AWS client to its service. The SDK's own 50 are what three tenants take whose pools all hang, at 16 calls
 * each (`limits.concurrentCalls`).
 */
const SOCKETS_MAX = 512
const AGENT = { keepAlive: true, maxSockets: SOCKETS_MAX } as const

/** Longer than any call of the service may take, and as long as one request of an operator's may. */
export const REQUEST_MS = 10_000

/**
 * The limits of every AWS client. A call's own signal ends its requests. This limit ends those that have no signal: the
 * SDK fetches credentials by itself, e.g. by a web identity, and lets every later call wait for the same request. The SDK
 * does not repeat anything: it would wait up to a second first, which no slice has. `callAws` repeats what may have been a
 * lost connection.
 */
export const CLIENT_LIMITS = {
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    throwOnRequestTimeout: true,
    httpAgent: AGENT,
    httpsAgent: AGENT,
  },
} as const

/** The service's counterparts. */
export function createUpstreams({ awsRegion, tenantTable }: Env, clock: Clock): Upstreams {
  // A config that is only refreshed has less: the cache sees to that.
  const ms = { ...SLICE_MS, table: SLICE_MS.tableFirst }
  return upstreamsOver(createClients(awsRegion), tenantTable, clock, ms)
}

/** The SDK's clients behind {@link Upstreams}. */
export interface Clients {
  readonly dynamodb: DynamoDBClient
  readonly ssm: SSMClient
  readonly sts: STSClient
  readonly cognito: CognitoClients
}

/** The only place where the service's clients are made. They read credentials and endpoints as the AWS SDK does. */
export function createClients(region: string): Clients {
  return {
    dynamodb: new DynamoDBClient({ region, ...CLIENT_LIMITS }),
    ssm: new SSMClient({ region, ...CLIENT_LIMITS }),
    sts: new STSClient({ region, ...CLIENT_LIMITS }),
    cognito: createCognitoClients(),
  }
}

/** {@link Upstreams} over clients that the caller made; closing it closes them. */
export function upstreamsOver(clients: Clients, tenantTable: string, clock: Clock, ms: SliceMs): Upstreams {
  const { dynamodb, ssm, sts, cognito } = clients
  let corbado: Promise<Corbado> | undefined
  // Loaded with the first proof: undici is a third of the bundle's start, and define and create do without it.
  function loadCorbado(): Promise<Corbado> {
    corbado ??= import('./corbado.js').then(({ createCorbado }) => createCorbado(clock))
    return corbado
  }

  return {
    table: createTable(dynamodb, tenantTable, ms.table),
    fetchParameter: createFetchParameter(ssm, ms.ssm),
    assumeRole: createAssumeRole(sts, ms.sts),
    userPool: (userPoolId, region, credentials) => createUserPool(cognito.of(region, credentials), userPoolId),
    verifySignedData: async (request, call) => (await loadCorbado()).verifySignedData(request, call),
    async close() {
      for (const client of [dynamodb, ssm, sts, cognito]) client.destroy()
      await (await corbado)?.close()
    },
  }
}

/** Clients of Cognito, one for each set of credentials and gone with it; all share one set of connections. */
export interface CognitoClients {
  /** With null, the process's own credentials. */
  of(region: string, credentials: RoleCredentials | null): CognitoIdentityProviderClient
  destroy(): void
}

function createCognitoClients(): CognitoClients {
  const own = new Map<string, CognitoIdentityProviderClient>()
  const byCredentials = new WeakMap<RoleCredentials, CognitoIdentityProviderClient>()
  let requestHandler: CognitoIdentityProviderClient['config']['requestHandler'] | undefined

  function create(region: string, credentials: RoleCredentials | null): CognitoIdentityProviderClient {
    const shared = requestHandler ? { requestHandler } : {}
    const client = new CognitoIdentityProviderClient({
      region,
      ...CLIENT_LIMITS,
      ...shared,
      ...(credentials && { credentials }),
    })
    requestHandler = client.config.requestHandler
    return client
  }

  return {
    of(region, credentials) {
      const client = (credentials ? byCredentials.get(credentials) : own.get(region)) ?? create(region, credentials)
      if (credentials) byCredentials.set(credentials, client)
      else own.set(region, client)
      return client
    },
    destroy: () => requestHandler?.destroy?.(),
  }
}

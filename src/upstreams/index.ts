import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock } from '../call.js'
import type { Env } from '../env.js'
import type { UserPoolId } from '../ids.js'
import type { UserPool } from './cognito.js'
import type { Corbado } from './corbado.js'
import type { FetchParameter } from './ssm.js'
import type { AssumeRole, RoleCredentials } from './sts.js'
import { createTable, type Table } from './table.js'

export type { MfaFactor, User, UserPage, UserPool } from './cognito.js'
export type { VerificationResult, VerifyAnswer } from './corbado.js'
export type { RoleCredentials } from './sts.js'
export type { Table, TenantRecord } from './table.js'

/** Everything outside the process, as functions. Nothing here knows a tenant or keeps state besides connections. */
export interface Upstreams {
  readonly table: Table
  readonly fetchParameter: FetchParameter
  readonly assumeRole: AssumeRole
  /** A pool's admin calls with a tenant's credentials; null stands for the gateway's own (self-hosted). */
  userPool(userPoolId: UserPoolId, region: string, credentials: RoleCredentials | null): Promise<UserPool>
  readonly verifySignedData: Corbado['verifySignedData']
  close(): Promise<void>
}

/**
 * The limits of each HTTP connection lie just above the slices of CONTRACT 5.5, which end a call; two attempts cover a
 * kept connection that the other side has closed meanwhile.
 */
const limits = (ms: number) => ({
  maxAttempts: 2,
  requestHandler: { connectionTimeout: ms, requestTimeout: ms, throwOnRequestTimeout: true },
})

/**
 * Loads on first use: the first Define answer of a cold start needs only the table. What is loaded hands on its client
 * class too, so that the bundle holds the commands in use and not the whole SDK.
 */
function lazy<T>(load: () => Promise<T>): { (): Promise<T>; readonly loaded: Promise<T> | undefined } {
  let loading: Promise<T> | undefined
  const get = () => {
    loading ??= load()
    return loading
  }
  return Object.defineProperty(get, 'loaded', { get: () => loading }) as typeof get & { loaded: Promise<T> | undefined }
}

/**
 * The only place where clients are made. They read credentials and endpoints as the AWS SDK does.
 * @param tableMs limit of one request to the table; whole pages, as an operator reads them, need more than one record
 */
export function createUpstreams({ awsRegion: region, tenantTable }: Env, clock: Clock, tableMs = 500): Upstreams {
  const dynamodb = new DynamoDBClient({ region, ...limits(tableMs) })

  const fetchParameter = lazy(async () => {
    const { SSMClient, createFetchParameter } = await import('./ssm.js')
    return createFetchParameter(new SSMClient({ region, ...limits(600) }))
  })

  const assumeRole = lazy(async () => {
    const { STSClient, createAssumeRole } = await import('./sts.js')
    return createAssumeRole(new STSClient({ region, ...limits(900) }))
  })

  const corbado = lazy(async () => {
    const { createCorbado } = await import('./corbado.js')
    return createCorbado(clock)
  })

  const userPools = createUserPools()

  return {
    table: createTable(dynamodb, tenantTable),
    fetchParameter: async (name, call) => (await fetchParameter())(name, call),
    assumeRole: async (request, call) => (await assumeRole())(request, call),
    userPool: userPools,
    verifySignedData: async (request, call) => (await corbado()).verifySignedData(request, call),
    async close() {
      dynamodb.destroy()
      await (await corbado.loaded)?.close()
    },
  }
}

/** Clients of Cognito, one for each set of credentials and gone with it; all share one set of connections. */
function createUserPools(): Upstreams['userPool'] {
  const own = new Map<string, CognitoIdentityProviderClient>()
  const byCredentials = new WeakMap<RoleCredentials, CognitoIdentityProviderClient>()
  const load = lazy(async () => {
    const { CognitoIdentityProviderClient, createUserPool } = await import('./cognito.js')
    const first = new CognitoIdentityProviderClient({ region: 'us-east-1', ...limits(4_000) })
    const create = (region: string, credentials: RoleCredentials | null) =>
      new CognitoIdentityProviderClient({
        region,
        maxAttempts: 2,
        requestHandler: first.config.requestHandler,
        ...(credentials && { credentials }),
      })
    return { create, createUserPool }
  })

  return async (userPoolId, region, credentials) => {
    const { create, createUserPool } = await load()
    const known = credentials ? byCredentials.get(credentials) : own.get(region)
    const client = known ?? create(region, credentials)
    if (credentials) byCredentials.set(credentials, client)
    else own.set(region, client)
    return createUserPool(client, userPoolId)
  }
}

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
export type { RoleCredentials } from './sts.js'
export type { Table, TenantRecord } from './table.js'

/** Everything outside the process, as functions. Nothing here knows a tenant or keeps state besides connections. */
export interface Upstreams {
  readonly table: Table
  readonly fetchParameter: FetchParameter
  readonly assumeRole: AssumeRole
  /** A pool's admin calls with a tenant's credentials; null stands for the gateway's own (self-hosted). */
  userPool(userPoolId: UserPoolId, region: string, credentials: RoleCredentials | null): UserPool
  readonly verifySignedData: Corbado['verifySignedData']
  close(): Promise<void>
}

/**
 * The limits of each HTTP connection lie just above the slices of CONTRACT 5.5, which end a call. The SDK does not repeat
 * anything: it would wait up to a second first, which no slice has. `callAws` repeats what may have been a lost connection.
 */
const limits = (ms: number) => ({
  maxAttempts: 1,
  requestHandler: { connectionTimeout: ms, requestTimeout: ms, throwOnRequestTimeout: true },
})

/**
 * The only place where clients are made. They read credentials and endpoints as the AWS SDK does.
 * @param tableMs limit of one request to the table; whole pages, as an operator reads them, need more than one record
 */
export function createUpstreams(
  { awsRegion: region, tenantTable }: Env,
  clock: Clock,
  tableMs: number = SLICE_MS.table + 100,
): Upstreams {
  const dynamodb = new DynamoDBClient({ region, ...limits(tableMs) })
  const ssm = new SSMClient({ region, ...limits(SLICE_MS.ssm + 100) })
  const sts = new STSClient({ region, ...limits(SLICE_MS.sts + 100) })
  const userPools = createUserPools()

  let corbado: Promise<Corbado> | undefined
  // Loaded with the first proof: undici is a third of the bundle's start, and define and create do without it.
  function loadCorbado(): Promise<Corbado> {
    corbado ??= import('./corbado.js').then(({ createCorbado }) => createCorbado(clock))
    return corbado
  }

  return {
    table: createTable(dynamodb, tenantTable),
    fetchParameter: createFetchParameter(ssm),
    assumeRole: createAssumeRole(sts),
    userPool: userPools.of,
    verifySignedData: async (request, call) => (await loadCorbado()).verifySignedData(request, call),
    async close() {
      for (const client of [dynamodb, ssm, sts, userPools]) client.destroy()
      await (await corbado)?.close()
    },
  }
}

/** Clients of Cognito, one for each set of credentials and gone with it; all share one set of connections. */
function createUserPools(): { readonly of: Upstreams['userPool']; destroy(): void } {
  const own = new Map<string, CognitoIdentityProviderClient>()
  const byCredentials = new WeakMap<RoleCredentials, CognitoIdentityProviderClient>()
  const options = limits(4_000)
  let requestHandler: CognitoIdentityProviderClient['config']['requestHandler'] | undefined

  function create(region: string, credentials: RoleCredentials | null): CognitoIdentityProviderClient {
    const shared = requestHandler ? { requestHandler } : {}
    const client = new CognitoIdentityProviderClient({
      region,
      ...options,
      ...shared,
      ...(credentials && { credentials }),
    })
    requestHandler = client.config.requestHandler
    return client
  }

  return {
    of(userPoolId, region, credentials) {
      const known = credentials ? byCredentials.get(credentials) : own.get(region)
      const client = known ?? create(region, credentials)
      if (credentials) byCredentials.set(credentials, client)
      else own.set(region, client)
      return createUserPool(client, userPoolId)
    },
    destroy: () => requestHandler?.destroy?.(),
  }
}

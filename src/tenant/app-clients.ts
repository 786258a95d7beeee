import type { Call, Clock } from '../call.js'
import type { Env } from '../env.js'
import { isUpstreamError } from '../errors.js'
import { tenantKey } from '../ids.js'
import { createExpiringCache, failureMemoryMs } from '../resilience/expiring-cache.js'
import type { AppClient, Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { TenantCredentials } from './credentials.js'

/** The app clients of tenants' pools, as their owners have set them. */
export interface TenantAppClients {
  /**
   * Is custom authentication the only way to sign in through this app client? Answers from memory for {@link FRESH_MS}. A
   * fault of the dependency is not thrown: a client that cannot be read answers false.
   */
  takesOnlyCustomAuth(config: TenantConfig, clientId: string, call: Call): Promise<boolean>
}

/**
 * How long a client's settings are believed, in milliseconds (contract 5.6); a pool may be asked 5 times a second (fact
 * A23).
 */
const FRESH_MS = 60_000
/** A login waits this long for the settings, in milliseconds, and then goes on without the claim. */
const LOAD_MS = 1_000
/** Flows that open no other way in: ours, and the refresh for users who are signed in already. */
const OURS: readonly string[] = ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH']

export interface TenantAppClientsOptions {
  readonly env: Pick<Env, 'maxTenantsInMemory'>
  readonly upstreams: Pick<Upstreams, 'userPool'>
  readonly credentials: TenantCredentials
  readonly clock: Clock
}

/** Reads app clients with their tenants' credentials, through one cache. */
export function createTenantAppClients(options: TenantAppClientsOptions): TenantAppClients {
  const { env, upstreams, credentials, clock } = options
  const operation = 'DescribeUserPoolClient'
  const clients = createExpiringCache<AppClient, [TenantConfig, string]>({
    clock,
    max: env.maxTenantsInMemory,
    upstream: 'cognito',
    operation,
    loadMs: LOAD_MS,
    async load(call, config, clientId) {
      const value = await credentials.use(config, operation, call, (given) =>
        upstreams.userPool(config.userPoolId, config.aws.region, given).fetchAppClient(clientId, call),
      )
      return { value, freshMs: FRESH_MS, staleMs: FRESH_MS, keepMs: FRESH_MS }
    },
    failureMs: failureMemoryMs,
  })

  return {
    async takesOnlyCustomAuth(config, clientId, call) {
      try {
        // The role is part of the key: what one role was told is not what another may know.
        const key = tenantKey(config.userPoolId, 'client', config.aws.roleArn ?? '', clientId)
        return isOursAlone((await clients.get(key, call, config, clientId)).value)
      } catch (error) {
        if (isUpstreamError(error)) return false
        throw error
      }
    },
  }
}

/**
 * Is ours the only way in? If a client names no flow, Cognito allows more than ours (API reference); a hosted login is
 * another way.
 */
export function isOursAlone({ flows, hosted }: AppClient): boolean {
  return !hosted && flows.includes('ALLOW_CUSTOM_AUTH') && flows.every((flow) => OURS.includes(flow))
}

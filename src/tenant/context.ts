import type { Call, Clock } from '../call.js'
import type { Env } from '../env.js'
import type { UserPoolId } from '../ids.js'
import type { Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import { createTenantCredentials } from './credentials.js'
import { createLimiter } from './limiter.js'
import { createTenantRegistry, type TenantStats } from './registry.js'
import { createTenantSecrets } from './secrets.js'
import { createTenantUsers, type TenantUsers } from './users.js'
import { createVerifier, type Proof, type Verdict } from './verifier.js'

export type { User } from '../upstreams/index.js'
export type { TenantConfig } from './config.js'
export type { Proof, TenantStats, TenantUsers, Verdict }

/** All that a trigger or an action may see: one tenant's facts, and its rights for the length of one call. */
export interface TenantContext {
  readonly config: TenantConfig
  readonly configVersion: number
  readonly configStale: boolean
  /** Asks the Backend API about a proof. Every outcome is a value. */
  verify(proof: Proof): Promise<Verdict>
  readonly users: TenantUsers
}

export interface Tenants {
  /**
   * The context of a pool's tenant; undefined where the pool is unknown.
   * @throws GW_ERR_UPSTREAM_…, GW_ERR_TENANT_CONFIG_INVALID
   */
  resolve(userPoolId: UserPoolId, call: Call): Promise<TenantContext | undefined>
  readonly stats: () => TenantStats
}

export interface TenantsOptions {
  readonly env: Env
  readonly upstreams: Upstreams
  readonly clock: Clock
}

/** Builds the room that remembers: every cache, memo and limiter of the process, each keyed by tenant. */
export function createTenants({ env, upstreams, clock }: TenantsOptions): Tenants {
  const registry = createTenantRegistry(env, upstreams.table, clock)
  const credentials = createTenantCredentials(env, upstreams.assumeRole, clock)
  const secrets = createTenantSecrets(env, upstreams.fetchParameter, clock)
  const limiter = createLimiter(2 * env.maxTenantsInMemory, clock)
  const verify = createVerifier({ verifySignedData: upstreams.verifySignedData, secrets, limiter, clock })

  return {
    stats: registry.stats,
    async resolve(userPoolId, call) {
      const tenant = await registry.resolve(userPoolId, call)
      if (!tenant) return undefined
      const { config } = tenant
      return {
        config,
        configVersion: tenant.version,
        configStale: tenant.stale,
        verify: (proof) => verify(config, proof, call),
        get users() {
          return createTenantUsers({ upstreams, credentials, limiter }, config, call)
        },
      }
    },
  }
}

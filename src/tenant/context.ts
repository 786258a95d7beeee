import type { Call, Clock } from '../call.js'
import type { Env } from '../env.js'
import type { UserPoolId } from '../ids.js'
import { createBulkhead } from '../resilience/bulkhead.js'
import type { LoadCounts } from '../resilience/expiring-cache.js'
import { createGuard } from '../resilience/guard.js'
import { createLimiter } from '../resilience/limiter.js'
import type { Upstreams } from '../upstreams/index.js'
import { createTenantAppClients } from './app-clients.js'
import type { TenantConfig } from './config.js'
import { type ConnectToken, createConnectTokens } from './connect-tokens.js'
import { createTenantCredentials } from './credentials.js'
import { createTenantFunctions, type InvokeChained } from './functions.js'
import { createIdTokens, type TokenUser } from './id-tokens.js'
import type { Pseudonyms } from './own/pseudonyms.js'
import { type Asker, createTenantRegistry, type ResolvedTenant } from './registry.js'
import { createTenantSecrets } from './secrets.js'
import { type PostLoginClient, signIn } from './sign-in.js'
import { createTenantUsers, type SignedIn, type TenantUsers } from './users.js'
import { createVerifier, type Proof, type Verdict } from './verifier.js'

export type { User } from '../upstreams/index.js'
export type { Chain, TenantConfig, TriggerName } from './config.js'
export type { ChainAnswer, Chained } from './functions.js'
export type { Asker, Proof, TenantUsers, Verdict }

/** All that a trigger or an action may see: one tenant's facts, and its rights for the length of one call. */
export interface TenantContext {
  readonly config: TenantConfig
  readonly configVersion: number
  /** The table failed when it was last asked; this config may be out of date. */
  readonly configStale: boolean
  /** Asks the Backend API about a proof. Every outcome is a value. */
  verify(proof: Proof): Promise<Verdict>
  readonly users: TenantUsers
  /** Invokes one of the customer's own functions. Every outcome is a value. */
  readonly invoke: InvokeChained
  /** Is custom authentication the only way to sign in through an app client? False if that cannot be known. */
  takesOnlyCustomAuth(clientId: string): Promise<boolean>
  /** A user name that belongs to nobody, the same for the same text. @throws GW_ERR_PSEUDONYM_KEY_UNAVAILABLE */
  nameOfNobody(text: string): Promise<string>
  /** Connect tokens, for users who show an ID token. */
  readonly connectTokens: {
    userOf(token: string): Promise<TokenUser | undefined>
    create(user: TokenUser, type: string): Promise<ConnectToken | undefined>
  }
  /** Signs a user in with a proof as the answer. @throws GW_ERR_UPSTREAM_… */
  signIn(client: PostLoginClient, username: string, proof: string): Promise<SignedIn>
}

/** The caches of what tenants have: their configs, credentials and secrets. */
export type TenantCache = 'config' | 'credentials' | 'secret'

/** For metrics. */
export interface TenantStats {
  /** Configs in memory. */
  readonly configs: number
  /** Entries that had to make room for others since the process began. */
  readonly evictions: Readonly<Record<TenantCache, number>>
  /** How often entries were fetched since the process began, for the first time or again, and what came of it. */
  readonly renewals: Readonly<Record<TenantCache, LoadCounts>>
}

/** Finds tenants by their pools. */
export interface Tenants {
  /**
   * The context of a pool's tenant; undefined if the pool is unknown.
   * @throws GW_ERR_UPSTREAM_…, GW_ERR_TENANT_CONFIG_INVALID; GW_ERR_OVERLOADED to a stranger
   */
  resolve(
    userPoolId: UserPoolId,
    call: Call,
    asker?: Asker,
  ): TenantContext | undefined | Promise<TenantContext | undefined>
  /** Is it in memory who the pool's tenant is, or that it has none? */
  knows(userPoolId: UserPoolId): boolean
  readonly stats: () => TenantStats
}

export interface TenantsOptions {
  readonly env: Env
  readonly upstreams: Upstreams
  readonly clock: Clock
  readonly pseudonyms: Pick<Pseudonyms, 'nameOfNobody'>
}

/** Builds the room that remembers: every cache, memo and limiter of the process, each keyed by tenant. */
export function createTenants({ env, upstreams, clock, pseudonyms }: TenantsOptions): Tenants {
  const registry = createTenantRegistry(env, upstreams.table, clock)
  const credentials = createTenantCredentials(env, upstreams.assumeRole, clock)
  const secrets = createTenantSecrets(env, upstreams.fetchParameter, clock)
  const limiter = createLimiter(2 * env.maxTenantsInMemory, clock)
  // Corbado's proofs and connect tokens, the pool, and the logins of post-login.
  const guard = createGuard(4 * env.maxTenantsInMemory, clock)
  const places = createBulkhead(clock)
  const appClients = createTenantAppClients({ env, upstreams, credentials, clock })
  const { verifySignedData } = upstreams
  const idTokens = createIdTokens(env, upstreams, clock)
  const { createConnectToken } = upstreams
  const connectTokens = createConnectTokens({ createConnectToken, idTokens, secrets, guard, clock })
  const verify = createVerifier({ verifySignedData, secrets, limiter, guard, clock })

  function contextOf({ config, version, stale }: ResolvedTenant, call: Call): TenantContext {
    const users = createTenantUsers({ upstreams, credentials, limiter, guard, clock }, config, call)
    return {
      config,
      configVersion: version,
      configStale: stale,
      verify: (proof) => verify(config, proof, call),
      users,
      takesOnlyCustomAuth: (clientId) => appClients.takesOnlyCustomAuth(config, clientId, call),
      nameOfNobody: (text) => pseudonyms.nameOfNobody(config.userPoolId, text, call),
      connectTokens: {
        userOf: (token) => connectTokens.userOf(config, token, call),
        create: (user, type) => connectTokens.create(config, user, type, call),
      },
      signIn: (...login) => signIn({ secrets, users, config, call }, ...login),
      invoke: createTenantFunctions({ upstreams, credentials, guard, places }, config, call),
    }
  }

  return {
    stats() {
      const { configs, evictions, loads } = registry.stats()
      return {
        configs,
        evictions: { config: evictions, credentials: credentials.evictions(), secret: secrets.evictions() },
        renewals: { config: loads, credentials: credentials.loads(), secret: secrets.loads() },
      }
    },
    knows: registry.knows,
    resolve(userPoolId, call, asker) {
      const tenant = registry.resolve(userPoolId, call, asker)
      if (tenant instanceof Promise) return tenant.then((found) => found && contextOf(found, call))
      return tenant && contextOf(tenant, call)
    },
  }
}

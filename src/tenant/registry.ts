import { type Call, type Clock, SLICE_MS } from '../call.js'
import type { ConfigRules, Env } from '../env.js'
import { Overloaded, TenantConfigInvalid } from '../errors.js'
import { type TenantKey, tenantKey, type UserPoolId } from '../ids.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import { createExpiringCache, type LoadCounts } from '../resilience/expiring-cache.js'
import { createLimiter } from '../resilience/limiter.js'
import type { Table, TenantRecord } from '../upstreams/index.js'
import { type TenantConfig, withDefaults } from './config.js'
import { parseTenantFile } from './config-rules.js'

/** A tenant's config as it stands in the table. */
export interface Tenant {
  readonly config: TenantConfig
  readonly version: number
}

/** A tenant as it is served. */
export interface ResolvedTenant extends Tenant {
  /** The table failed when it was last asked; this config may be out of date. */
  readonly stale: boolean
}

/** For metrics. */
export interface RegistryStats {
  /** Configs in memory. */
  readonly configs: number
  /** Configs that had to make room for others. */
  readonly evictions: number
  readonly loads: LoadCounts
}

/** Who names a pool: `known` to us by its rights or its signature, or a `stranger` who has proven nothing yet. */
export type Asker = 'known' | 'stranger'

/** Finds a pool's tenant. */
export interface TenantRegistry {
  /**
   * The tenant of a pool, from memory or from the table; undefined if there is none.
   * @param asker a `stranger` can name any pool: those that are not in memory are looked up only so often
   * @throws GW_ERR_UPSTREAM_… if the table fails and nothing older can serve, GW_ERR_TENANT_CONFIG_INVALID;
   * GW_ERR_OVERLOADED to a stranger
   */
  resolve(
    userPoolId: UserPoolId,
    call: Call,
    asker?: Asker,
  ): ResolvedTenant | undefined | Promise<ResolvedTenant | undefined>
  /** Is it in memory who the pool's tenant is, or that it has none? */
  knows(userPoolId: UserPoolId): boolean
  stats(): RegistryStats
}

/** How long a config serves while the table fails; an older one may have been changed on purpose. */
const KEEP_MS = 24 * 3_600_000
/** Unknown pools are remembered so that no caller can make us ask the table at will … */
const UNKNOWN_MS = 30_000
/** … and apart from the tenants, whose places such ids must not take. */
const UNKNOWN_MAX = 1_000
/** Pools that strangers may have looked up in a second, with as many at once: all tenants share the table's capacity. */
const STRANGERS = 50
/** An invalid config is read again soon: an operator is about to fix it. */
const INVALID_MS = 5_000
/** A failing table is left alone this long if an older config can serve; no call waits for it meanwhile. */
const TABLE_FAILURE_MS = 5_000

type RegistryEnv = ConfigRules & Pick<Env, 'tenantTtlSeconds' | 'tenantStaleSeconds' | 'maxTenantsInMemory'>

/** Reads tenants' configs from the table, through one cache. */
export function createTenantRegistry(
  env: RegistryEnv,
  table: Pick<Table, 'fetchConfig'>,
  clock: Clock,
): TenantRegistry {
  const unknown = createBoundedMap<TenantKey, number>(UNKNOWN_MAX)
  const limiter = createLimiter<Asker>(1, clock)

  const tenants = createExpiringCache<Tenant | 'absent' | 'invalid', [UserPoolId]>({
    clock,
    max: env.maxTenantsInMemory,
    upstream: 'table',
    operation: 'GetItem',
    loadMs: SLICE_MS.table,
    firstLoadMs: SLICE_MS.tableFirst,
    async load(call, userPoolId) {
      const record = await table.fetchConfig(userPoolId, call)
      if (!record) return { value: 'absent', ...keptFor(0) }
      const tenant = toTenant(record, env)
      // An older config serves only while the table fails: a record that became invalid replaces it.
      if (!tenant) return { value: 'invalid', ...keptFor(INVALID_MS) }
      return {
        value: tenant,
        freshMs: env.tenantTtlSeconds * 1_000,
        staleMs: env.tenantStaleSeconds * 1_000,
        keepMs: KEEP_MS,
      }
    },
    failureMs: (_error, known) => (known ? TABLE_FAILURE_MS : 0),
  })

  const isUnknown = (key: TenantKey) => clock.elapsed() < (unknown.get(key) ?? 0)

  async function look(
    key: TenantKey,
    userPoolId: UserPoolId,
    call: Call,
    asker: Asker,
  ): Promise<ResolvedTenant | undefined> {
    if (isUnknown(key)) return undefined
    if (asker === 'stranger' && !tenants.has(key) && !limiter.take(asker, STRANGERS)) throw new Overloaded()
    const { value, stale } = await tenants.get(key, call, userPoolId)
    if (value === 'invalid') throw new TenantConfigInvalid()
    if (value !== 'absent') return { stale, ...value }
    unknown.set(key, clock.elapsed() + UNKNOWN_MS)
    return undefined
  }

  return {
    stats: () => ({ configs: tenants.size, evictions: tenants.evictions, loads: tenants.loads }),
    knows(userPoolId) {
      const key = tenantKey(userPoolId)
      return tenants.has(key) || isUnknown(key)
    },
    resolve(userPoolId, call, asker = 'known') {
      const key = tenantKey(userPoolId)
      // Nearly every call ends here, and a promise would cost it more than the look-up does.
      const known = tenants.fresh(key)
      return typeof known === 'object' ? { stale: false, ...known } : look(key, userPoolId, call, asker)
    },
  }
}

function keptFor(ms: number) {
  return { freshMs: ms, staleMs: ms, keepMs: ms }
}

/** Checks a record as if it came from a stranger, since it may have been edited by hand; undefined if it is not valid. */
function toTenant({ userPoolId, version, config }: TenantRecord, env: RegistryEnv): Tenant | undefined {
  if (!Number.isSafeInteger(version)) return undefined
  const parsed = parseTenantFile(config, env)
  if (parsed.kind === 'invalid' || parsed.file.userPoolId !== userPoolId) return undefined
  return { config: withDefaults(parsed.file), version }
}

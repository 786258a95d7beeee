import { type Call, type Clock, SLICE_MS } from '../call.js'
import type { Env } from '../env.js'
import { isUpstreamError, type Operation, type UpstreamError, upstreamError } from '../errors.js'
import { type TenantKey, tenantKey } from '../ids.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import { createExpiringCache, failureMemoryMs, type LoadCounts } from '../resilience/expiring-cache.js'
import type { RoleCredentials, Upstreams } from '../upstreams/index.js'
import { ROLE_SECONDS } from '../upstreams/sts.js'
import type { TenantConfig } from './config.js'
import { type Purpose, roleRequest } from './role-request.js'

/** The credentials of tenants' roles. */
export interface TenantCredentials {
  /**
   * Runs one operation with the tenant's credentials (null: the gateway's own). If AWS calls them expired or denies the
   * operation, they are fetched again, once. If fresh ones are denied it too, the operation is not tried again for
   * {@link DENIED_MS}.
   * @param purpose what the session is for; the pool if left out
   * @throws the operation's error, or the one of the AssumeRole call
   */
  use<T>(
    config: TenantConfig,
    operation: Operation,
    call: Call,
    run: (credentials: RoleCredentials | null) => Promise<T>,
    purpose?: Purpose,
  ): Promise<T>
  /** How many sets of credentials had to make room for others. */
  evictions(): number
  /** How often they were asked for, and what came of it. */
  loads(): LoadCounts
}

/** Renewed 5 to 10 minutes before they expire; the spread keeps tenants that came together from renewing together. */
const MARGIN_MS = 300_000
const JITTER_MS = 300_000
/** Credentials are not used in the last minute before they expire: they must not expire while a request is on its way. */
const LAST_USE_MS = 60_000
/** What AssumeRole is asked for (upstreams/sts.ts), and how far two machines' clocks are commonly apart. */
const ASKED_MS = 1_000 * ROLE_SECONDS
const SKEW_MS = 300_000
/** Credentials are replaced at most this often, and younger ones count as fresh: a refusal must not drain STS. */
const RENEWAL_MS = 30_000
/** How long a missing permission is taken to be still missing: asking again would cost a login its time. */
const DENIED_MS = 60_000

interface Issued {
  readonly credentials: RoleCredentials
  readonly issuedAt: number
}

/** Assumes tenants' roles, through one cache. */
export function createTenantCredentials(
  { maxTenantsInMemory: max }: Pick<Env, 'maxTenantsInMemory'>,
  assumeRole: Upstreams['assumeRole'],
  clock: Clock,
): TenantCredentials {
  const deniedUntil = createBoundedMap<TenantKey, number>(max)

  const issued = createExpiringCache<Issued, [TenantConfig, Purpose]>({
    clock,
    max,
    upstream: 'sts',
    operation: 'AssumeRole',
    loadMs: SLICE_MS.sts,
    async load(call, config, purpose) {
      const credentials = await assumeRole(roleRequest(config, purpose), call)
      const issuedAt = clock.elapsed()
      const lifeMs = lifeOf(credentials, clock)
      const usableMs = Math.max(0, lifeMs - LAST_USE_MS)
      const freshMs = Math.max(0, lifeMs - MARGIN_MS - Math.random() * JITTER_MS)
      return {
        value: { credentials, issuedAt },
        freshMs: Math.min(freshMs, usableMs),
        staleMs: usableMs,
        keepMs: usableMs,
      }
    },
    failureMs: failureMemoryMs,
  })

  return {
    evictions: () => issued.evictions,
    loads: () => issued.loads,
    async use(config, operation, call, run, purpose = 'pool') {
      const upstream = purpose === 'pool' ? 'cognito' : 'lambda'
      // The role is part of the key: credentials of a role that a new config no longer names are never used again.
      const key = tenantKey(config.userPoolId, JSON.stringify(roleRequestKey(config, purpose)))
      const deniedKey = tenantKey(config.userPoolId, key, operation)
      if (clock.elapsed() < (deniedUntil.get(deniedKey) ?? 0)) {
        call.note({ remembered: true })
        call.observe(upstream, 0, { operation })
        throw permissionMissing(upstream)
      }

      const own = config.aws.roleArn === null
      const fetchIssued = async () => (own ? null : (await issued.get(key, call, config, purpose)).value)
      const first = await fetchIssued()
      const rejected = await attempt(() => run(first?.credentials ?? null))
      if (rejected.kind === 'done') return rejected.value

      const fresh = first === null || (clock.elapsed() - first.issuedAt < RENEWAL_MS && !isOver(rejected, first, clock))
      const last = fresh ? rejected : await renewAndRun()
      if (last.kind === 'done') return last.value
      if (last.error.kind !== 'denied') throw last.error
      deniedUntil.set(deniedKey, clock.elapsed() + DENIED_MS)
      throw permissionMissing(upstream, last.error)

      async function renewAndRun() {
        // Another call may have renewed them meanwhile; those must not be thrown away.
        if ((await fetchIssued()) === first) issued.drop(key)
        const second = await fetchIssued()
        return attempt(() => run(second?.credentials ?? null))
      }
    },
  }
}

/**
 * How long credentials that were issued just now are valid, in milliseconds. STS sends a date. If that is past, or further
 * off than was asked for, this machine's clock is wrong, and the time that was asked for counts.
 */
function lifeOf({ expiration }: RoleCredentials, clock: Clock): number {
  const lifeMs = expiration.getTime() - clock.now()
  return lifeMs > 0 && lifeMs <= ASKED_MS + SKEW_MS ? lifeMs : ASKED_MS
}

/** Did they end although little time has passed here? A process that was frozen may not have counted that time. */
function isOver({ error }: Rejected, { credentials }: Issued, clock: Clock): boolean {
  return error.kind === 'expired' && credentials.expiration.getTime() <= clock.now()
}

function roleRequestKey(config: TenantConfig, purpose: Purpose): unknown {
  return config.aws.roleArn === null ? { purpose } : roleRequest(config, purpose)
}

interface Rejected {
  readonly kind: 'rejected'
  readonly error: UpstreamError
}
type Attempt<T> = { readonly kind: 'done'; readonly value: T } | Rejected

/** Runs, and turns errors about the credentials into a value; every other error is thrown. */
async function attempt<T>(run: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'done', value: await run() }
  } catch (error) {
    if (isUpstreamError(error) && (error.kind === 'denied' || error.kind === 'expired'))
      return { kind: 'rejected', error }
    throw error
  }
}

function permissionMissing(upstream: 'cognito' | 'lambda', cause?: UpstreamError): UpstreamError {
  const error = upstreamError(upstream, 'denied', cause?.facts, cause)
  if (upstream === 'cognito') error.reason = 'role_permission_missing'
  return error
}

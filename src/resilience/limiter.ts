import type { Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'

export interface Limiter {
  /** Takes one place of the key's `perSecond`; false if none is free. Up to one second's worth can be saved up. */
  take(key: TenantKey, perSecond: number): boolean
  /**
   * Takes one place, the next one to come if none is free, so that calls which wait are served in their order.
   * @returns milliseconds until it may be used; undefined, and none is taken, if that were more than `maxWaitMs`
   */
  reserve(key: TenantKey, perSecond: number, maxWaitMs: number): number | undefined
}

interface Bucket {
  /** Negative while places are reserved that have yet to come. */
  tokens: number
  filledAt: number
}

/** A token bucket a tenant, bounded in number. Written here because it must share the injected clock. */
export function createLimiter(max: number, clock: Clock): Limiter {
  const buckets = createBoundedMap<TenantKey, Bucket>(max)

  function reserve(key: TenantKey, perSecond: number, maxWaitMs: number): number | undefined {
    const now = clock.elapsed()
    const bucket = buckets.get(key) ?? { tokens: perSecond, filledAt: now }
    const gained = (Math.max(0, now - bucket.filledAt) / 1_000) * perSecond
    const tokens = Math.min(perSecond, bucket.tokens + gained)
    const waitMs = Math.max(0, Math.ceil(((1 - tokens) / perSecond) * 1_000))
    const allowed = waitMs <= maxWaitMs
    buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, filledAt: now })
    return allowed ? waitMs : undefined
  }

  return { reserve, take: (key, perSecond) => reserve(key, perSecond, 0) !== undefined }
}

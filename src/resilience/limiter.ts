import type { Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'

/** Limits how often something is done in a second, for each key. */
export interface Limiter<K extends string = TenantKey> {
  /** Takes one place of the key's `perSecond`; false if none is free. Up to one second's worth can be saved up. */
  take(key: K, perSecond: number): boolean
  /**
   * Takes one place, or the next one to come free, so that waiting calls are served in order.
   * @returns milliseconds until the place may be used; undefined if that is more than `maxWaitMs`: then none is taken
   */
  reserve(key: K, perSecond: number, maxWaitMs: number): number | undefined
}

interface Bucket {
  /** Negative while places are reserved that have yet to come. */
  tokens: number
  filledAt: number
}

/** A token bucket for each key, at most `max` of them. Written here because it must use the injected clock. */
export function createLimiter<K extends string = TenantKey>(max: number, clock: Clock): Limiter<K> {
  const buckets = createBoundedMap<K, Bucket>(max)

  function reserve(key: K, perSecond: number, maxWaitMs: number): number | undefined {
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

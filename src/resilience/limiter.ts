import type { Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'

export interface Limiter {
  /** Takes one place of the key's `perSecond`; false if none is free. Up to one second's worth can be saved up. */
  take(key: TenantKey, perSecond: number): boolean
}

interface Bucket {
  tokens: number
  filledAt: number
}

/** A token bucket a tenant, bounded in number. Written here because it must share the injected clock. */
export function createLimiter(max: number, clock: Clock): Limiter {
  const buckets = createBoundedMap<TenantKey, Bucket>(max)
  return {
    take(key, perSecond) {
      const now = clock.elapsed()
      const bucket = buckets.get(key) ?? { tokens: perSecond, filledAt: now }
      const gained = (Math.max(0, now - bucket.filledAt) / 1_000) * perSecond
      const tokens = Math.min(perSecond, bucket.tokens + gained)
      const allowed = tokens >= 1
      buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, filledAt: now })
      return allowed
    },
  }
}

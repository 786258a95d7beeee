import type { Call, Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { type Breaker, createBreaker, type Ended, type Silence } from './breaker.js'
import { createBulkhead, type Entered } from './bulkhead.js'
import { createTurns } from './turns.js'

/**
 * What came of guarded work: its value, `busy` (no place in time), or `open` (not begun, as the dependency has stopped
 * answering).
 */
export type Guarded<T> = Entered<T> | { readonly kind: 'open'; readonly last: Silence }

/** A bulkhead and a breaker for each tenant and dependency. */
export interface Guard {
  /**
   * Does work in one of the key's places, unless its dependency has stopped answering.
   * @param key the tenant and the dependency
   * @param limit how many calls of the key may be under way at once
   * @param silenceOf why the dependency gave no answer; undefined if it answered, whatever it said
   * @throws what `work` throws
   */
  run<T>(
    key: TenantKey,
    limit: number,
    call: Call,
    work: () => Promise<T>,
    silenceOf: (ended: Ended<T>) => Silence | undefined,
  ): Promise<Guarded<T>>
}

/**
 * Makes a guard with places and a breaker for each key.
 * @param max most keys whose failures are remembered
 */
export function createGuard(max: number, clock: Clock): Guard {
  const bulkhead = createBulkhead(clock)
  const breaker: Breaker = createBreaker(max, clock)
  const turn = createTurns<TenantKey>()
  return {
    async run(key, limit, call, work, silenceOf) {
      const last = breaker.blocked(key)
      if (last) return { kind: 'open', last }
      // Asked again once there is a place: it may have opened while the call waited.
      const entered = await bulkhead.run(key, limit, call, () => breaker.run(key, work, silenceOf))
      if (entered.kind === 'busy') return entered
      // All calls that wait in the queue end here at the same moment.
      if (entered.value.kind === 'open') await turn(key)
      return entered.value
    },
  }
}

import type { Call, Clock } from '../call.js'
import { isUpstreamError } from '../errors.js'
import { fieldsOf } from '../fields.js'
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
   * @throws what `work` throws
   */
  run<T>(key: TenantKey, limit: number, call: Call, work: () => Promise<T>): Promise<Guarded<T>>
}

/** Why a dependency gave no answer, be it thrown or a value; undefined if it answered, whatever it said. */
function silenceOf(ended: Ended<unknown>): Silence | undefined {
  const said = 'value' in ended ? ended.value : isUpstreamError(ended.error) ? ended.error : undefined
  const { kind } = fieldsOf(said)
  return kind === 'timeout' || kind === 'unavailable' ? kind : undefined
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
    async run(key, limit, call, work) {
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

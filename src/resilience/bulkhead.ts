import type { Call, Clock } from '../call.js'
import type { TenantKey } from '../ids.js'

/** What came of work that needed a place: its value, or `busy` if it got no place in time. */
export type Entered<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'busy' }

/**
 * Limits how many calls of one key are under way at once, so that no key takes what all share. The rest wait in the key's
 * own queue.
 */
export interface Bulkhead {
  /**
   * Does work in one of the key's places.
   * @param limit how many may be under way at once
   * @param call its time bounds the wait in the queue; without a place in time the answer is `busy`, at once if that can be
   * foreseen
   * @throws what `work` throws
   */
  run<T>(key: TenantKey, limit: number, call: Call, work: () => Promise<T>): Promise<Entered<T>>
  /** Keys that have a call under way or waiting. */
  readonly size: number
}

interface Lane {
  underWay: number
  /** What a call of this key took lately, in milliseconds; one that ran into its time limit counts as well. */
  typicalMs: number
  /** The sum of the times at which the calls under way began: it gives their mean age without a look at each. */
  begun: number
  readonly waiting: Set<() => void>
}

/** A new duration counts for a fifth: five slow answers are believed, a single one is not. */
const SMOOTHING = 0.2

/** Lanes exist only while a call is under way in them, so their number is bounded by what is under way. */
export function createBulkhead(clock: Clock): Bulkhead {
  const lanes = new Map<TenantKey, Lane>()

  function laneOf(key: TenantKey): Lane {
    const lane = lanes.get(key) ?? { underWay: 0, typicalMs: 0, begun: 0, waiting: new Set() }
    lanes.set(key, lane)
    return lane
  }

  /** Waits for a place; the time at which the call got it, or undefined. The lane counts it as under way. */
  async function enter(lane: Lane, limit: number, call: Call): Promise<number | undefined> {
    const now = clock.elapsed()
    if (lane.underWay < limit) {
      lane.underWay += 1
      lane.begun += now
      return now
    }
    // Calls under way take at least as long as they have already: a dependency that hangs has no answers to measure.
    const typicalMs = Math.max(lane.typicalMs, now - lane.begun / lane.underWay)
    // With all places taken, one comes free every typicalMs / limit on average, and the work itself takes as long again.
    const expectedMs = (typicalMs * (lane.waiting.size + 1)) / limit + typicalMs
    if (expectedMs > call.remainingMs()) return undefined
    let [admit, enteredAt] = [() => {}, now]
    const admitted = new Promise<number>((resolve) => {
      admit = () => {
        enteredAt = clock.elapsed()
        resolve(enteredAt)
      }
    })
    lane.waiting.add(admit)
    return call.within<number | undefined>(admitted, () => {
      // No longer in the queue: it got a place just as its time ran out, so the place goes to the next.
      if (!lane.waiting.delete(admit)) leave(lane, enteredAt)
      return undefined
    })
  }

  /** Gives a place to the call that waits longest, or frees it. */
  function leave(lane: Lane, enteredAt: number): void {
    lane.begun -= enteredAt
    const [next] = lane.waiting
    if (next) {
      lane.begun += clock.elapsed()
      lane.waiting.delete(next)
      next()
    } else {
      lane.underWay -= 1
    }
  }

  return {
    async run(key, limit, call, work) {
      const lane = laneOf(key)
      const enteredAt = await enter(lane, limit, call)
      if (enteredAt === undefined) {
        if (lane.underWay === 0) lanes.delete(key)
        return { kind: 'busy' }
      }
      try {
        return { kind: 'done', value: await work() }
      } finally {
        lane.typicalMs += SMOOTHING * (clock.elapsed() - enteredAt - lane.typicalMs)
        leave(lane, enteredAt)
        if (lane.underWay === 0) lanes.delete(key)
      }
    },
    get size() {
      return lanes.size
    },
  }
}

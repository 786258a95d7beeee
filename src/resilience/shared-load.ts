import { performance } from 'node:perf_hooks'
import { type Call, type Clock, createLoadCall, REPEAT_MS } from '../call.js'
import { isUpstreamError, type Operation, type Upstream, upstreamError } from '../errors.js'

/** How a load ended: a value and never a rejection, since perhaps no call waits for it. */
export type Outcome<V> = { readonly value: V } | { readonly error: unknown }

/** In a process that is not overloaded, a timer is at most a few milliseconds late. */
const LATE_MS = 25

/**
 * Loads within `loadMs` milliseconds. A load that timed out is tried once more if a call has time to wait for it, or if the
 * timer was late: in an overloaded process it can end a load whose answer has already come.
 * @param waitedUntil the time, by `clock.elapsed()`, up to which a call waits for this load
 * @throws what `load` threw
 */
export async function loadInTime<V>(
  loadMs: number,
  clock: Clock,
  load: (call: Call) => Promise<V>,
  waitedUntil: () => number,
): Promise<V> {
  const first = createLoadCall(loadMs, clock)
  try {
    return await load(first)
  } catch (error) {
    if (!isUpstreamError(error) || error.kind !== 'timeout') throw error
    if (first.lateMs() < LATE_MS && waitedUntil() - clock.elapsed() <= REPEAT_MS) throw error
    return load(createLoadCall(loadMs, clock))
  }
}

/** Waits for a shared load within the caller's own time, and notes the wait on the caller's line. */
export async function waitFor<V>(
  running: Promise<Outcome<V>>,
  { upstream, operation }: { readonly upstream: Upstream; readonly operation?: Operation },
  call: Call,
): Promise<Outcome<V>> {
  const start = performance.now()
  const late = (): Outcome<V> => ({ error: upstreamError(upstream, 'timeout', { operation }) })
  const outcome = await call.within(running, late)
  const error = 'error' in outcome ? outcome.error : undefined
  call.observe(
    upstream,
    performance.now() - start,
    isUpstreamError(error) ? { ...(operation && { operation }), ...error.facts } : undefined,
  )
  return outcome
}

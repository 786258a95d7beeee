import { performance } from 'node:perf_hooks'
import { type Call, type Clock, createCall } from '../call.js'
import { isUpstreamError, type Upstream, upstreamError } from '../errors.js'

/** How a load ended, as a value and not a rejection: it may be that no call waits for it. */
export type Outcome<V> = { readonly value: V } | { readonly error: unknown }

/** In a process that is not overloaded, a timer is at most a few milliseconds late. */
const LATE_MS = 25

/**
 * Loads within `loadMs` milliseconds. In an overloaded process the timer can end a load whose answer has already come,
 * and many calls can wait for it; so a load that timed out late is tried once more.
 * @throws what `load` threw
 */
export async function loadInTime<V>(loadMs: number, clock: Clock, load: (call: Call) => Promise<V>): Promise<V> {
  const start = clock.elapsed()
  try {
    return await load(createCall(loadMs, clock))
  } catch (error) {
    const lateMs = clock.elapsed() - start - loadMs
    if (lateMs < LATE_MS || !isUpstreamError(error) || error.kind !== 'timeout') throw error
    return load(createCall(loadMs, clock))
  }
}

/** Waits for a shared load within the caller's own time, and notes the wait on the caller's line. */
export async function waitFor<V>(running: Promise<Outcome<V>>, upstream: Upstream, call: Call): Promise<Outcome<V>> {
  const start = performance.now()
  const outcome = await call.within(running, (): Outcome<V> => ({ error: upstreamError(upstream, 'timeout') }))
  const error = 'error' in outcome ? outcome.error : undefined
  call.observe(upstream, performance.now() - start, isUpstreamError(error) ? error.facts : undefined)
  return outcome
}

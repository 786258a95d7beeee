import { performance } from 'node:perf_hooks'
import { type Call, type Clock, createCall } from '../call.js'
import { isUpstreamError, type Upstream, upstreamError } from '../errors.js'

/** How a load ended, as a value: many may wait for it, and nobody may. */
export type Outcome<V> = { readonly value: V } | { readonly error: unknown }

/** A timer of a process that has time is a few milliseconds late at most. */
const LATE_MS = 25

/**
 * Loads with a time limit of its own, in milliseconds. A process too busy to look at its clock ends a load whose answer
 * may be here already; a whole crowd can be waiting for it, so such a one is tried once more.
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

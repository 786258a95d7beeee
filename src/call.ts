import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import type { Upstream, UpstreamFacts } from './errors.js'

/** Wall-clock time for everything that expires; tests bring their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

export const systemClock: Clock = { now: Date.now }

/** Shares of the deadline in milliseconds: more than a healthy dependency needs. Cognito and Corbado get the rest. */
export const SLICE_MS = { table: 400, ssm: 500, sts: 800 } as const

/** How long one upstream call may take. */
export interface Slice {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** One request on its way through the house: the time it has left and what its dependencies did. */
export interface Call {
  /** Milliseconds until the answer must have left; never negative. */
  remainingMs(): number
  /** A share of the remaining time; without a number, all of it. */
  slice(ms?: number): Slice
  /** The promise's value, or `late()` where the time is up first. */
  within<T>(promise: Promise<T>, late: () => T): Promise<T>
  /** Notes how long a dependency took and, where it failed, what it said. */
  observe(upstream: Upstream, durationMs: number, facts?: UpstreamFacts): void
  /** Work that may outlast the answer on a server, but must be settled before an environment freezes. */
  defer(work: Promise<unknown>): void
  readonly observed: Observed
  hasDeferred(): boolean
  /** Resolves when all deferred work has ended, or when the time is up. Never rejects. */
  settled(): Promise<void>
}

/** What the closing log line says of the dependencies. */
export interface Observed {
  /** Milliseconds by dependency, repeated calls added up. */
  readonly upstream: Partial<Record<Upstream, number>>
  last: UpstreamFacts
}

/** Starts the clock of a request that may take `budgetMs`. Uses monotonic time: no clock change can stretch it. */
export function createCall(budgetMs: number): Call {
  const expiresAt = performance.now() + budgetMs
  const deferred: Promise<unknown>[] = []
  const observed: Observed = { upstream: {}, last: {} }
  const remainingMs = () => Math.max(0, expiresAt - performance.now())

  async function within<T>(promise: Promise<T>, late: () => T): Promise<T> {
    const timer = new AbortController()
    const timeUp = setTimeout(remainingMs(), undefined, { signal: timer.signal }).then(late)
    try {
      return await Promise.race([promise, timeUp])
    } finally {
      timeUp.catch(() => undefined)
      timer.abort()
    }
  }

  return {
    remainingMs,
    slice(ms = Number.POSITIVE_INFINITY) {
      const timeoutMs = Math.max(1, Math.ceil(Math.min(ms, remainingMs())))
      return { timeoutMs, signal: AbortSignal.timeout(timeoutMs) }
    },
    within,
    observe(upstream, durationMs, facts) {
      observed.upstream[upstream] = Math.round((observed.upstream[upstream] ?? 0) + durationMs)
      if (facts) observed.last = facts
    },
    defer(work) {
      deferred.push(work.catch(() => undefined))
    },
    observed,
    hasDeferred: () => deferred.length > 0,
    async settled() {
      await within(
        Promise.all(deferred).then(() => undefined),
        () => undefined,
      )
    },
  }
}

import { performance } from 'node:perf_hooks'
import type { Upstream, UpstreamFacts } from './errors.js'

/** Time: it decides what has expired and ends every wait. Tests bring a clock of their own and move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds since the process started; no change of the machine's time moves it. */
  elapsed(): number
  /** Calls `run` once, after so many milliseconds; the returned function cancels that. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Waits so many milliseconds. */
export function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}

/**
 * Shares of the deadline in milliseconds: more than a healthy dependency needs. Cognito and Corbado get the rest. Without a
 * config no answer is possible, and the first read of a process also opens a connection: hence `tableFirst`.
 */
export const SLICE_MS = { table: 400, tableFirst: 1_500, ssm: 500, sts: 800 } as const

/** A read that timed out is tried once more while more than this is left, in milliseconds. */
export const REPEAT_MS = 1_500

/** One request on its way through the house: the time it has left and what its dependencies did. */
export interface Call {
  /** Milliseconds until the answer must have left; never negative. */
  remainingMs(): number
  /** Milliseconds for which nothing has remained. */
  lateMs(): number
  /**
   * Does work within `ms` milliseconds (undefined: all that remain); the signal aborts when they are over. Work that had to
   * wait for something that is not its own, e.g. for a connection, calls `begin` when it can start: it then has so many
   * milliseconds from there on, and a load's time has stood still meanwhile.
   */
  slice<T>(
    ms: number | undefined,
    work: (signal: AbortSignal, begin: (ms: number | undefined) => void) => Promise<T>,
  ): Promise<T>
  /** The promise's value, or `late()` if the time is up first. */
  within<T>(promise: Promise<T>, late: () => T): Promise<T>
  /** Notes how long a dependency took and, if it failed, what it said. */
  observe(upstream: Upstream, durationMs: number, facts?: UpstreamFacts): void
  /** Notes what the closing line says of how the answer came about. */
  note(facts: Noted): void
  /** Work that may outlast the answer on a server, but must be settled before an environment freezes. */
  defer(work: Promise<unknown>): void
  readonly observed: Observed
  hasDeferred(): boolean
  /** Resolves when all deferred work has ended, or when the time is up. Never rejects. */
  settled(): Promise<void>
}

/** How an answer came about. */
export interface Noted {
  /** SSM's number of the tenant's secret that served, or that could not be used. */
  readonly secretVersion?: number | undefined
  /** The answer is one that was given before: a kept verdict, or a failure that is not asked about again so soon. */
  readonly remembered?: boolean
}

/** What the closing line says of the dependencies. */
export interface Observed {
  /** Milliseconds by dependency, repeated calls added up. */
  readonly upstream: Partial<Record<Upstream, number>>
  /** What failed last, and how; `failed` names the dependency. */
  last: UpstreamFacts & { readonly failed?: Upstream }
  noted: Noted
}

/** Begins a request that may take `budgetMs`. Only timers of `clock` end its waits. */
export function createCall(budgetMs: number, clock: Clock = systemClock): Call {
  return callOf(budgetMs, clock, 0)
}

/** How long a load may wait until it can be sent: as long as the SDK lets a request for credentials take. */
const LOAD_WAIT_MS = 10_000

/**
 * Begins a load that several requests share: its time is the dependency's alone, and what passes before the dependency can be
 * asked does not count. The requests themselves wait no longer than they can.
 */
export function createLoadCall(budgetMs: number, clock: Clock): Call {
  return callOf(budgetMs, clock, LOAD_WAIT_MS)
}

/** @param waitMs how long a slice may wait for its beginning without using up the budget; 0: all time counts */
function callOf(budgetMs: number, clock: Clock, waitMs: number): Call {
  let expiresAt = clock.elapsed() + budgetMs
  const deferred: Promise<unknown>[] = []
  const observed: Observed = { upstream: {}, last: {}, noted: {} }
  const remainingMs = () => Math.max(0, expiresAt - clock.elapsed())

  async function within<T>(promise: Promise<T>, late: () => T): Promise<T> {
    let cancel = () => {}
    const timeUp = new Promise<void>((resolve) => {
      cancel = clock.after(remainingMs(), resolve)
    })
    try {
      return await Promise.race([promise, timeUp.then(late)])
    } finally {
      cancel()
    }
  }

  return {
    remainingMs,
    lateMs: () => Math.max(0, clock.elapsed() - expiresAt),
    async slice(ms, work) {
      const startedAt = clock.elapsed()
      const timeUp = new AbortController()
      const endIn = (leftMs: number) => {
        const timeoutMs = Math.max(1, Math.ceil(leftMs))
        return clock.after(timeoutMs, () => {
          timeUp.abort(new DOMException(`not done in ${timeoutMs} ms`, 'TimeoutError'))
        })
      }
      let cancel = endIn(ms === undefined ? remainingMs() + waitMs : Math.min(ms, remainingMs()))
      const begin = (ms = Number.POSITIVE_INFINITY) => {
        cancel()
        if (waitMs > 0) expiresAt += clock.elapsed() - startedAt
        cancel = endIn(Math.min(ms, remainingMs()))
      }
      try {
        return await work(timeUp.signal, begin)
      } finally {
        cancel()
      }
    },
    within,
    observe(upstream, durationMs, facts) {
      observed.upstream[upstream] = Math.round((observed.upstream[upstream] ?? 0) + durationMs)
      if (facts) observed.last = { ...facts, failed: upstream }
    },
    note(facts) {
      observed.noted = { ...observed.noted, ...facts }
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

import { performance } from 'node:perf_hooks'
import type { Upstream, UpstreamFacts } from './errors.js'

/** Time: it decides what has expired and ends every wait. Tests bring a clock of their own and move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds since the process started; setting the machine's time does not change it. */
  elapsed(): number
  /** Calls `run` once, `ms` milliseconds from now; the returned function cancels it. */
  after(ms: number, run: () => void): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Waits `ms` milliseconds. */
export function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}

/**
 * Longest time for one call of each dependency, in milliseconds: more than a healthy one needs. Cognito and Corbado get the
 * rest of the deadline. `tableFirst` is for a config that is not in memory: without it nothing can be answered, and the
 * read may have to open a connection first.
 */
export const SLICE_MS = { table: 400, tableFirst: 1_500, ssm: 500, sts: 800 } as const

/** A read that timed out is tried once more if more than this is left, in milliseconds. */
export const REPEAT_MS = 1_500

/** One request: the time it has left, and what its dependencies did. */
export interface Call {
  /** Milliseconds until the answer must have left; never negative. */
  remainingMs(): number
  /** Milliseconds since its time ran out; 0 before that. */
  lateMs(): number
  /**
   * Runs `work` for at most `ms` milliseconds (undefined: all that are left); then its signal aborts. Work that first had
   * to wait, e.g. for a connection, calls `begin(ms)` when it can start: its time counts from there, and a load
   * ({@link createLoadCall}) gets the time of the wait back.
   */
  slice<T>(
    ms: number | undefined,
    work: (signal: AbortSignal, begin: (ms: number | undefined) => void) => Promise<T>,
  ): Promise<T>
  /** The promise's value, or `late()` if the time is up first. */
  within<T>(promise: Promise<T>, late: () => T): Promise<T>
  /** Notes how many milliseconds a dependency took and, if it failed, what it said. */
  observe(upstream: Upstream, durationMs: number, facts?: UpstreamFacts): void
  /** Notes how the answer came about, for the closing line. */
  note(facts: Noted): void
  /**
   * Takes background work: a server may answer before it ends, but on Lambda it must end before the environment is frozen.
   */
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
  /** The answer came from memory: a verdict that was kept, or a failure too recent to try again. */
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

/** Starts the time of a request, which may take `budgetMs` milliseconds. Only timers of `clock` end its waits. */
export function createCall(budgetMs: number, clock: Clock = systemClock): Call {
  return callOf(budgetMs, clock, 0)
}

/**
 * How long a load may wait before it can be sent, in milliseconds: as long as a request for credentials may take
 * (`REQUEST_MS`).
 */
const LOAD_WAIT_MS = 10_000

/**
 * Starts the time of a load that several requests share, which may take `budgetMs` milliseconds. Only the dependency's own
 * time counts: waiting for credentials or for a connection does not. The requests wait no longer than their own deadlines.
 */
export function createLoadCall(budgetMs: number, clock: Clock): Call {
  return callOf(budgetMs, clock, LOAD_WAIT_MS)
}

/**
 * @param waitMs how long a slice may wait for its `begin` without using up the budget, in milliseconds; 0: all time counts
 */
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

import type { Call, Clock } from '../call.js'
import { isSignatureRefused, type Operation, type Upstream } from '../errors.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'
import { loadInTime, type Outcome, waitFor } from './shared-load.js'
import { createTurns } from './turns.js'

/** A value just loaded and how long it serves, in milliseconds from now. */
export interface Loaded<V> {
  readonly value: V
  /** Served without asking the source. */
  readonly freshMs: number
  /** Served while one load runs in the background. At least `freshMs`. */
  readonly staleMs: number
  /** Served, marked as stale, while the source fails. At least `staleMs`; 0: not kept at all. */
  readonly keepMs: number
}

/** A value from the cache. */
export interface Cached<V> {
  readonly value: V
  /** The source failed when it was last asked. */
  readonly stale: boolean
}

export interface ExpiringCacheOptions<V, Args extends unknown[]> {
  readonly clock: Clock
  /** Most entries; the least recently used one goes first. */
  readonly max: number
  /** The source, as log lines name it. */
  readonly upstream: Upstream
  /** What a load asks it for, as log lines name it. */
  readonly operation?: Operation
  /** A load's own time limit, in milliseconds: it is shared, so it must not end with the call that happened to start it. */
  readonly loadMs: number
  /** The same for a load without which there is no value to serve; `loadMs` if left out. */
  readonly firstLoadMs?: number
  load(call: Call, ...args: Args): Promise<Loaded<V>>
  /** How long a failure is remembered instead of asking again, in milliseconds. `known`: an older value can serve. */
  failureMs(error: unknown, known: boolean): number
}

/** One cache for configs, credentials and secrets: bounded, expiring, one load at a time for a key. */
export interface ExpiringCache<V, Args extends unknown[]> {
  /** The value, if one is here and still fresh. */
  fresh(key: TenantKey): V | undefined
  /** A value that can serve is here, or on its way: `get` begins no first load. */
  has(key: TenantKey): boolean
  /** @throws what `load` threw, if no older value can serve; a timeout, if the call cannot wait longer */
  get(key: TenantKey, call: Call, ...args: Args): Promise<Cached<V>>
  /** Forgets an entry and any remembered failure: the next call loads. */
  drop(key: TenantKey): void
  /** Makes the next call load; the value stays as the last known good one. */
  expire(key: TenantKey): void
  readonly size: number
  /** How many entries had to go because the cache was full. */
  readonly evictions: number
  /** How many loads ended with a value, and how many failed. */
  readonly loads: LoadCounts
}

/** How many loads ended with a value, and how many failed. */
export interface LoadCounts {
  readonly done: number
  readonly failed: number
}

/**
 * How long a failed AssumeRole or GetParameter is remembered: 5 s, give or take a fifth. One broken tenant must not drain
 * a quota that all share.
 */
export function failureMemoryMs(): number {
  return 5_000 * (0.8 + Math.random() * 0.4)
}

interface Held<V> {
  readonly value: V
  readonly freshUntil: number
  readonly staleUntil: number
  readonly keepUntil: number
}

interface Load<V> {
  readonly outcome: Promise<Outcome<V>>
  /** Until when calls that have no older value wait for it. */
  waitedUntil: number
}

interface Entry<V> {
  readonly held?: Held<V> | undefined
  readonly failure?: { readonly error: unknown; readonly until: number }
}

/** Makes an empty cache over the source that `load` asks. */
export function createExpiringCache<V, Args extends unknown[] = []>(
  options: ExpiringCacheOptions<V, Args>,
): ExpiringCache<V, Args> {
  const { clock } = options
  let evictions = 0
  const counts = { done: 0, failed: 0 }
  const loads = new Map<TenantKey, Load<V>>()
  const turn = createTurns<TenantKey>()
  const entries = createBoundedMap<TenantKey, Entry<V>>(options.max, () => {
    evictions += 1
  })

  async function load(key: TenantKey, args: Args, waitedUntil: () => number): Promise<Outcome<V>> {
    try {
      const { value, freshMs, staleMs, keepMs } = await loadInTime(
        loadMs(key),
        clock,
        (call) => options.load(call, ...args),
        waitedUntil,
      )
      counts.done += 1
      const now = clock.elapsed()
      if (keepMs === 0) entries.delete(key)
      else entries.set(key, { held: hold(value, now, freshMs, staleMs, keepMs) })
      return { value }
    } catch (error) {
      counts.failed += 1
      const held = entries.peek(key)?.held
      const ms = isSignatureRefused(error) ? 0 : options.failureMs(error, held !== undefined)
      if (held || ms > 0) entries.set(key, { held, failure: { error, until: clock.elapsed() + ms } })
      return { error }
    }
  }

  function isHeld(key: TenantKey): boolean {
    const held = entries.peek(key)?.held
    return held !== undefined && clock.elapsed() < held.keepUntil
  }

  function loadMs(key: TenantKey): number {
    return isHeld(key) ? options.loadMs : (options.firstLoadMs ?? options.loadMs)
  }

  /** Joins the load that runs for this key, or starts one. The promise never rejects. */
  function join(key: TenantKey, args: Args, waitsUntil: number): Promise<Outcome<V>> {
    const running = loads.get(key)
    if (running) {
      running.waitedUntil = Math.max(running.waitedUntil, waitsUntil)
      return running.outcome
    }
    const started: { waitedUntil: number } = { waitedUntil: waitsUntil }
    const outcome = load(key, args, () => started.waitedUntil).finally(() => loads.delete(key))
    loads.set(key, Object.assign(started, { outcome }))
    return outcome
  }

  return {
    fresh(key) {
      const held = entries.get(key)?.held
      return held && clock.elapsed() < held.freshUntil ? held.value : undefined
    },
    has: (key) => isHeld(key) || loads.has(key),
    async get(key, call, ...args) {
      const { held, failure } = entries.get(key) ?? {}
      const now = clock.elapsed()
      if (held && now < held.freshUntil) return { value: held.value, stale: false }

      const usable = held !== undefined && now < held.keepUntil
      if (failure && now < failure.until) {
        if (usable) return { value: held.value, stale: true }
        call.note({ remembered: true })
        throw failure.error
      }
      // A call that can use an older value does not wait for a second try.
      const running = join(key, args, usable ? 0 : clock.elapsed() + call.remainingMs())
      if (held && now < held.staleUntil) {
        call.defer(running)
        return { value: held.value, stale: failure !== undefined }
      }
      const outcome = await waitFor(running, options, call)
      await turn(key)
      if ('value' in outcome) return { value: outcome.value, stale: false }
      if (usable) return { value: held.value, stale: true }
      throw outcome.error
    },
    drop(key) {
      entries.delete(key)
    },
    expire(key) {
      const held = entries.peek(key)?.held
      if (held) entries.set(key, { held: { ...held, freshUntil: 0, staleUntil: 0 } })
    },
    get size() {
      return entries.size
    },
    get evictions() {
      return evictions
    },
    get loads() {
      return counts
    },
  }
}

function hold<V>(value: V, now: number, freshMs: number, staleMs: number, keepMs: number): Held<V> {
  return { value, freshUntil: now + freshMs, staleUntil: now + staleMs, keepUntil: now + keepMs }
}

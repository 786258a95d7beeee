import type { Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'

/** Why a dependency gave no answer. */
export type Silence = 'timeout' | 'unavailable'

/** What came of work: its value, or that it was not begun, with the dependency's last failure. */
export type Tried<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'open'; readonly last: Silence }

/** How a piece of work ended. */
export type Ended<T> = { readonly value: T } | { readonly error: unknown }

/** Spares a key's calls the wait for a dependency that has stopped answering. */
export interface Breaker {
  /**
   * Does work, unless the key's breaker is open. Work that has begun always runs to its end.
   * @param silenceOf why the dependency gave no answer; undefined if it answered, whatever it said
   * @throws what `work` throws
   */
  run<T>(key: TenantKey, work: () => Promise<T>, silenceOf: (ended: Ended<T>) => Silence | undefined): Promise<Tried<T>>
  /** The dependency's last failure if a call would not be made now, else undefined. */
  blocked(key: TenantKey): Silence | undefined
  readonly size: number
}

/**
 * Failures in a row that open a breaker. Cognito sends one event up to three times (fact A2), so no single login opens one.
 */
const FAILURES = 5
/** A failure older than this no longer counts. */
const REMEMBERED_MS = 60_000
/** Until one call is let through to try, give or take a fifth: one login every few seconds may wait in vain. */
const PAUSE_MS = 2_000
/**
 * Only failures that took at least this long count, since they make logins wait. A quicker one costs no time, and may come
 * from what one caller sent (a 5xx, a reset) or from the little time that one call had left.
 */
const WAIT_MS = 1_000

interface Trouble {
  failures: number
  last: Silence
  failedAt: number
  /** When the next call may be tried; undefined while all calls are made. */
  openUntil: number | undefined
  /** The one call that was let through to try. */
  probe: symbol | undefined
  /** When the dependency last answered: failures of calls that began earlier do not count. */
  answeredAt: number
}

/** Remembers only keys that failed, at most `max` of them; the calls of one that had to make room are made again. */
export function createBreaker(max: number, clock: Clock): Breaker {
  const troubles = createBoundedMap<TenantKey, Trouble>(max)

  function blocked(key: TenantKey): Silence | undefined {
    const trouble = troubles.get(key)
    if (trouble?.openUntil === undefined) return undefined
    return trouble.probe || clock.elapsed() < trouble.openUntil ? trouble.last : undefined
  }

  function answered(key: TenantKey): void {
    const trouble = troubles.get(key)
    if (!trouble) return
    Object.assign(trouble, { failures: 0, openUntil: undefined, probe: undefined, answeredAt: clock.elapsed() })
  }

  function failed(key: TenantKey, last: Silence, startedAt: number, call: symbol): void {
    const now = clock.elapsed()
    const trouble = troubles.get(key) ?? { ...NONE }
    troubles.set(key, trouble)
    if (startedAt < trouble.answeredAt) return
    // While it is open, only the call that was let through tells anything new.
    if (trouble.openUntil !== undefined && trouble.probe !== call) return
    const failures = now - trouble.failedAt > REMEMBERED_MS ? 1 : trouble.failures + 1
    const opens = trouble.openUntil !== undefined || failures >= FAILURES
    const openUntil = opens ? now + PAUSE_MS * (0.8 + Math.random() * 0.4) : undefined
    Object.assign(trouble, { failures, last, failedAt: now, openUntil, probe: undefined })
  }

  function release(key: TenantKey, call: symbol): void {
    const trouble = troubles.peek(key)
    if (trouble?.probe === call) trouble.probe = undefined
  }

  return {
    blocked,
    async run<T>(key: TenantKey, work: () => Promise<T>, silenceOf: (ended: Ended<T>) => Silence | undefined) {
      const last = blocked(key)
      if (last) return { kind: 'open', last }
      const call = Symbol()
      const trouble = troubles.peek(key)
      if (trouble?.openUntil !== undefined) trouble.probe = call
      const startedAt = clock.elapsed()
      const ended = await endOf(work)
      const silence = silenceOf(ended)
      if (!silence) answered(key)
      else if (clock.elapsed() - startedAt >= WAIT_MS) failed(key, silence, startedAt, call)
      release(key, call)
      if ('error' in ended) throw ended.error
      return { kind: 'done', value: ended.value }
    },
    get size() {
      return troubles.size
    },
  }
}

async function endOf<T>(work: () => Promise<T>): Promise<Ended<T>> {
  try {
    return { value: await work() }
  } catch (error) {
    return { error }
  }
}

const NONE: Trouble = {
  failures: 0,
  last: 'timeout',
  failedAt: Number.NEGATIVE_INFINITY,
  openUntil: undefined,
  probe: undefined,
  answeredAt: Number.NEGATIVE_INFINITY,
}

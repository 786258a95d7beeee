import type { Clock } from '../call.js'
import type { TenantKey } from '../ids.js'
import { createBoundedMap } from './bounded-map.js'

/** How a dependency did not answer. */
export type Silence = 'timeout' | 'unavailable'

/** What came of work: its value, or the answer that it was not begun, and how the dependency failed before. */
export type Tried<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'open'; readonly last: Silence }

/** How a piece of work ended. */
export type Ended<T> = { readonly value: T } | { readonly error: unknown }

/** Spares one key's calls the wait for a dependency that let the ones before wait in vain. */
export interface Breaker {
  /**
   * Does work, unless the breaker of the key is open. Work that has begun runs to its end, whatever the breaker becomes.
   * @param silenceOf how the dependency failed; undefined: it answered, whatever it said
   * @throws what `work` throws
   */
  run<T>(key: TenantKey, work: () => Promise<T>, silenceOf: (ended: Ended<T>) => Silence | undefined): Promise<Tried<T>>
  /** If a call would not be made now, how the dependency failed before. */
  blocked(key: TenantKey): Silence | undefined
  readonly size: number
}

/** So many failures in a row. Cognito sends one event up to three times (fact A2), so no single login opens a breaker. */
const FAILURES = 5
/** A failure that is older than this says nothing of now. */
const REMEMBERED_MS = 60_000
/** Until the next call is let through to see: one login in a few seconds waits in vain, give or take a fifth. */
const PAUSE_MS = 2_000
/**
 * Only what lets a login wait counts. A failure that is quicker costs no time, may be the doing of what one caller sent (an
 * answer of 5xx, a reset), or of the little time that one call had left.
 */
const WAIT_MS = 1_000

interface Trouble {
  failures: number
  last: Silence
  failedAt: number
  /** No call before; undefined while calls are made. */
  openUntil: number | undefined
  /** The one call that was let through since. */
  probe: symbol | undefined
  /** What began before the dependency last answered says nothing against it. */
  answeredAt: number
}

/** Remembers only keys that failed, at most `max`; one that had to make room is asked again. */
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

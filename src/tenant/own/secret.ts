import { performance } from 'node:perf_hooks'
import { type Call, type Clock, createLoadCall, REPEAT_MS, SLICE_MS } from '../../call.js'
import { isSignatureRefused, isUpstreamError } from '../../errors.js'
import { isParameterMissing, type Upstreams } from '../../upstreams/index.js'

/** A secret of the gateway itself, which belongs to no tenant: fetched on first use, kept, read again when it is old. */
export interface GatewaySecret {
  /**
   * The value; undefined if none is configured or no usable one could be fetched yet. Waits no longer than the call can,
   * and notes the wait on it; never throws.
   */
  get(call: Call): Promise<string | undefined>
  /** Begins to fetch, if that is due, without waiting. */
  prepare(): void
  /** No fetch runs and none is due. */
  readonly settled: boolean
  /** The value is younger than its time to live, be it due to be read again or not. */
  readonly fresh: boolean
  /** The value if it is here. */
  readonly current: string | undefined
  /** The parameter was missing, or held nothing usable, when SSM last told; `current` may be what was there before. */
  readonly spoiled: boolean
  /** Makes the next `get` ask again, at most every 30 s: a caller may already use a newer value. */
  expire(): void
}

/** What is known when a fetch has brought no usable value. */
export interface FailedFetch {
  /**
   * `timeout`, `unavailable`: SSM itself failed. `unsigned`: it refused the signature. `missing`, `unusable`: SSM works,
   * and the parameter is so.
   */
  readonly kind: 'timeout' | 'unavailable' | 'unsigned' | 'missing' | 'unusable'
  /** How many fetches in a row have failed, this one included. */
  readonly count: number
  /** A value from before is here. */
  readonly known: boolean
}

/** Where a secret comes from, and what to do without one. */
export interface GatewaySecretOptions {
  /** Name of the SSM parameter; undefined: there is no such secret. */
  readonly parameter: string | undefined
  readonly ttlMs: number
  /** How long after a failed fetch the next one may begin, in milliseconds. */
  readonly retryMs: (failed: FailedFetch) => number
  readonly fetchParameter: Upstreams['fetchParameter']
  readonly clock: Clock
  /** Could a text, without white space around it, be the secret? One that could not never becomes the value. */
  readonly isUsable: (text: string) => boolean
  /** Whether the usable text before an unusable one stays; a deleted parameter drops it in any case. */
  readonly whenUnusable: 'keep' | 'drop'
  /** Told when the parameter turns out missing or unusable: once, until it is usable again. */
  readonly onSpoiled?: (kind: 'missing' | 'unusable') => void
}

/** Least time between two reads that `expire` causes. */
const EXPIRE_MS = 30_000

/** Makes one secret of the gateway; nothing is fetched yet. */
export function createGatewaySecret(options: GatewaySecretOptions): GatewaySecret {
  const { parameter, ttlMs, retryMs, fetchParameter, clock, isUsable, whenUnusable, onSpoiled = () => {} } = options
  let current: string | undefined
  let loading: Promise<void> | undefined
  let nextLoadAt = 0
  let nextExpireAt = 0
  let freshUntil = 0
  let spoiled = false
  let failures = 0

  async function fetch(name: string): Promise<{ kind: 'usable'; text: string } | Pick<FailedFetch, 'kind'>> {
    try {
      const { value } = await fetchParameter(name, createLoadCall(SLICE_MS.ssm, clock))
      const text = value.trim()
      return isUsable(text) ? { kind: 'usable', text } : { kind: 'unusable' }
    } catch (error) {
      if (isParameterMissing(error)) return { kind: 'missing' }
      if (isSignatureRefused(error)) return { kind: 'unsigned' }
      return { kind: isUpstreamError(error) && error.kind === 'timeout' ? 'timeout' : 'unavailable' }
    }
  }

  async function load(name: string): Promise<void> {
    const fetched = await fetch(name)
    loading = undefined
    if (fetched.kind === 'usable') {
      current = fetched.text
      spoiled = false
      failures = 0
      freshUntil = clock.elapsed() + ttlMs
      nextLoadAt = freshUntil
      return
    }
    const { kind } = fetched
    failures += 1
    if (kind === 'missing' || (kind === 'unusable' && whenUnusable === 'drop')) current = undefined
    // Once: the clock that was wrong is known by then, and what is refused again is not a matter of it.
    if (kind === 'unsigned' && failures === 1) return
    nextLoadAt = clock.elapsed() + retryMs({ kind, count: failures, known: current !== undefined })
    if (kind === 'timeout' || kind === 'unavailable' || kind === 'unsigned') return
    if (!spoiled) onSpoiled(kind)
    spoiled = true
  }

  function prepare(): void {
    if (parameter !== undefined && clock.elapsed() >= nextLoadAt) loading ??= load(parameter)
  }

  return {
    prepare,
    async get(call) {
      prepare()
      if (!loading) return current
      const start = performance.now()
      await call.within(loading, () => undefined)
      // A process that has just started may be too busy to read SSM's answer in time: while there is time for another try,
      // wait for it.
      while (current === undefined && call.remainingMs() > REPEAT_MS) {
        prepare()
        if (!loading) break
        await call.within(loading, () => undefined)
      }
      call.observe('ssm', performance.now() - start)
      return current
    },
    get settled() {
      return loading === undefined && (parameter === undefined || clock.elapsed() < nextLoadAt)
    },
    get fresh() {
      return current !== undefined && clock.elapsed() < freshUntil
    },
    get current() {
      return current
    },
    get spoiled() {
      return spoiled
    },
    expire() {
      if (clock.elapsed() < nextExpireAt) return
      nextExpireAt = clock.elapsed() + EXPIRE_MS
      nextLoadAt = 0
    },
  }
}

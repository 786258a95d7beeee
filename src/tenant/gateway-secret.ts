import { performance } from 'node:perf_hooks'
import { type Call, type Clock, createCall, SLICE_MS } from '../call.js'
import type { Upstreams } from '../upstreams/index.js'

/** A secret of the gateway itself, which belongs to no tenant: fetched on first use, kept, read again when it is old. */
export interface GatewaySecret {
  /**
   * The value; undefined if none is configured or none could be fetched yet. Waits no longer than the call can,
   * and notes the wait on it; never throws.
   */
  get(call: Call): Promise<string | undefined>
  /** Begins to fetch, if that is due, without waiting. */
  prepare(): void
  /** No fetch runs and none is due. */
  readonly settled: boolean
  /** The value if it is here. */
  readonly current: string | undefined
  /** Makes the next `get` ask again, at most every 30 s: a caller may already use a newer value. */
  expire(): void
}

export interface GatewaySecretOptions {
  /** Name of the SSM parameter; undefined: there is no such secret. */
  readonly parameter: string | undefined
  readonly ttlMs: number
  /** A failed fetch is not repeated for this long; what is here serves meanwhile. */
  readonly retryMs: number
  readonly fetchParameter: Upstreams['fetchParameter']
  readonly clock: Clock
}

const EXPIRE_MS = 30_000

export function createGatewaySecret(options: GatewaySecretOptions): GatewaySecret {
  const { parameter, ttlMs, retryMs, fetchParameter, clock } = options
  let current: string | undefined
  let loading: Promise<void> | undefined
  let nextLoadAt = 0
  let nextExpireAt = 0

  async function load(name: string): Promise<void> {
    try {
      current = (await fetchParameter(name, createCall(SLICE_MS.ssm, clock))).trim()
      nextLoadAt = clock.elapsed() + ttlMs
    } catch {
      nextLoadAt = clock.elapsed() + retryMs
    } finally {
      loading = undefined
    }
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
      call.observe('ssm', performance.now() - start)
      return current
    },
    get settled() {
      return loading === undefined && (parameter === undefined || clock.elapsed() < nextLoadAt)
    },
    get current() {
      return current
    },
    expire() {
      if (clock.elapsed() < nextExpireAt) return
      nextExpireAt = clock.elapsed() + EXPIRE_MS
      nextLoadAt = 0
    },
  }
}

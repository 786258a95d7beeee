import { type Call, type Clock, createCall } from '../call.js'
import type { Upstreams } from '../upstreams/index.js'

/** A secret of the gateway itself, which belongs to no tenant: fetched on first use, kept, read again when it is old. */
export interface GatewaySecret {
  /**
   * The value, or undefined where none is configured or none could be fetched yet. Waits no longer than the call can;
   * never throws.
   */
  get(call: Call): Promise<string | undefined>
  /** The value as far as it is here. */
  readonly current: string | undefined
  /** Has the next `get` ask again, at most every 30 s: somebody brought what only a newer value would explain. */
  expire(): void
}

export interface GatewaySecretOptions {
  /** Name of the SSM parameter; undefined: there is no such secret. */
  readonly parameter: string | undefined
  readonly ttlMs: number
  readonly fetchParameter: Upstreams['fetchParameter']
  readonly clock: Clock
}

const LOAD_MS = 500
/** A failed fetch is not repeated for this long; what is here serves meanwhile. */
const RETRY_MS = 5_000
const EXPIRE_MS = 30_000

export function createGatewaySecret({ parameter, ttlMs, fetchParameter, clock }: GatewaySecretOptions): GatewaySecret {
  let current: string | undefined
  let loading: Promise<void> | undefined
  let nextLoadAt = 0
  let nextExpireAt = 0

  async function load(name: string): Promise<void> {
    try {
      current = (await fetchParameter(name, createCall(LOAD_MS))).trim()
      nextLoadAt = clock.now() + ttlMs
    } catch {
      nextLoadAt = clock.now() + RETRY_MS
    } finally {
      loading = undefined
    }
  }

  return {
    async get(call) {
      if (parameter === undefined || clock.now() < nextLoadAt) return current
      loading ??= load(parameter)
      await call.within(loading, () => undefined)
      return current
    },
    get current() {
      return current
    },
    expire() {
      if (clock.now() < nextExpireAt) return
      nextExpireAt = clock.now() + EXPIRE_MS
      nextLoadAt = 0
    },
  }
}

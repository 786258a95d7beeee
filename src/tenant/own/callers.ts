import type { Call, Clock } from '../../call.js'
import type { Env } from '../../env.js'
import { createBoundedMap } from '../../resilience/bounded-map.js'
import { failureMemoryMs } from '../../resilience/expiring-cache.js'
import type { Upstreams } from '../../upstreams/index.js'
import { createGatewaySecret, type FailedFetch, type GatewaySecretOptions } from './secret.js'

/** What is known about Corbado's own callers: their secrets, and which requests they have sent. */
export interface Callers {
  /** Is there a parameter with secrets at all? Without it no caller can sign. */
  readonly configured: boolean
  /** The parameter is missing or holds no secret; what it held before may still be known. */
  readonly spoiled: boolean
  /**
   * The parameter's text if it serves without a wait: while it is read again only because a signature did not fit, and until
   * it is as old as a secret may get.
   */
  readonly known: string | undefined
  /** The parameter's text; undefined if none with a secret in it could be fetched yet. */
  secrets(call: Call): Promise<string | undefined>
  /** The text, read again from SSM at most every 30 s: a caller may already sign with a secret that we do not know. */
  renewedSecrets(call: Call): Promise<string | undefined>
  /** Notes a request's id; false if it was noted less than `forMs` ago. */
  isFirst(id: string, forMs: number): boolean
  /** Forgets a request's id, so that its sender may send it again. */
  forget(id: string): void
}

/** Most ids kept. Ten minutes at 2,000 actions a second would bring more: the oldest are then forgotten early. */
const IDS_MAX = 500_000

/**
 * The first and the longest pause, in milliseconds. Each is twice the one before, as SSM may be refusing many containers at
 * once.
 */
const PAUSE_MS = { first: 50, longest: 800 }

/**
 * How long to wait after a failed fetch, in milliseconds. Without a secret nothing signed is served, so SSM is asked again
 * soon, and at once if it (or this process) was only slow.
 */
function retryMs({ kind, count, known }: FailedFetch): number {
  if (known || kind === 'missing' || kind === 'unusable') return failureMemoryMs()
  if (kind === 'timeout') return 0
  return Math.min(PAUSE_MS.first * 2 ** (count - 1), PAUSE_MS.longest) * (0.8 + Math.random() * 0.4)
}

export interface CallersOptions {
  readonly env: Pick<Env, 'callerSecretsParameter' | 'secretTtlSeconds'>
  readonly fetchParameter: Upstreams['fetchParameter']
  readonly clock: Clock
  /** Does a text hold a secret? The last text that did serves until another one does. */
  readonly isUsable: (text: string) => boolean
  /** Told once when the parameter is missing or holds no secret. */
  readonly onSpoiled: NonNullable<GatewaySecretOptions['onSpoiled']>
}

/** Reads the callers' secrets from SSM, and remembers requests in this process. */
export function createCallers({ env, fetchParameter, clock, isUsable, onSpoiled }: CallersOptions): Callers {
  const parameter = env.callerSecretsParameter
  const ttlMs = env.secretTtlSeconds * 1_000
  const secret = createGatewaySecret({
    parameter,
    ttlMs,
    retryMs,
    fetchParameter,
    clock,
    isUsable,
    whenUnusable: 'keep',
    onSpoiled,
  })
  const seenUntil = createBoundedMap<string, number>(IDS_MAX)
  return {
    configured: parameter !== undefined,
    get spoiled() {
      return secret.spoiled
    },
    get known() {
      return secret.settled || secret.fresh ? secret.current : undefined
    },
    secrets: (call) => secret.get(call),
    renewedSecrets(call) {
      secret.expire()
      return secret.get(call)
    },
    isFirst(id, forMs) {
      const now = clock.elapsed()
      if (now < (seenUntil.get(id) ?? 0)) return false
      seenUntil.set(id, now + forMs)
      return true
    },
    forget: (id) => void seenUntil.delete(id),
  }
}

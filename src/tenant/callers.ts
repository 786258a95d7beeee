import type { Call, Clock } from '../call.js'
import type { Env } from '../env.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import type { Upstreams } from '../upstreams/index.js'
import { createGatewaySecret } from './gateway-secret.js'

/** What is remembered of Corbado's own callers: their secrets, and which requests they have sent. */
export interface Callers {
  /** Is there a parameter with secrets at all? Without it no caller can sign. */
  readonly configured: boolean
  /** The parameter's text if it is here and not due to be read again. */
  readonly known: string | undefined
  /** The parameter's text; undefined if it could not be fetched yet. */
  secrets(call: Call): Promise<string | undefined>
  /** The text, read again from SSM at most every 30 s: a caller may already sign with a secret that we do not know. */
  renewedSecrets(call: Call): Promise<string | undefined>
  /** Notes a request's id; false if it was noted less than `forMs` ago. */
  isFirst(id: string, forMs: number): boolean
}

/** Every signed request needs the secrets, so a failed fetch is soon repeated. */
const RETRY_MS = 5_000
/** Ids of ten minutes at 2,000 actions a second would be more; those are then forgotten early, oldest first. */
const IDS_MAX = 500_000

export function createCallers(
  env: Pick<Env, 'callerSecretsParameter' | 'secretTtlSeconds'>,
  fetchParameter: Upstreams['fetchParameter'],
  clock: Clock,
): Callers {
  const parameter = env.callerSecretsParameter
  const ttlMs = env.secretTtlSeconds * 1_000
  const secret = createGatewaySecret({ parameter, ttlMs, retryMs: RETRY_MS, fetchParameter, clock })
  const seenUntil = createBoundedMap<string, number>(IDS_MAX)
  return {
    configured: parameter !== undefined,
    get known() {
      return secret.settled ? secret.current : undefined
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
  }
}

import { performance } from 'node:perf_hooks'
import { Agent, request } from 'undici'
import type { Call, Clock } from '../call.js'
import { errorName, requestIdOf, type UpstreamFacts } from '../errors.js'
import { type Fields, fieldsOf } from '../fields.js'

/** The verdicts of `verifySignedData` (fact C4). */
const results = ['success', 'invalid_signature', 'invalid_challenge', 'user_mismatch', 'generic_error'] as const
export type VerificationResult = (typeof results)[number]

/** What a call to the Backend API came to. Every outcome is a value: the caller decides what it means for a login. */
export type VerifyAnswer =
  | { readonly kind: 'result'; readonly result: VerificationResult }
  | {
      readonly kind: 'unauthorized' | 'rate-limited' | 'rejected' | 'unavailable' | 'timeout' | 'malformed'
      readonly facts: UpstreamFacts
    }

export interface VerifyRequest {
  /** Base URL from the tenant's config, already checked against the allow-list. */
  readonly backendApiUrl: string
  /** The whole header value. */
  readonly authorization: string
  readonly signedPasskeyData: string
  readonly username: string
}

export interface Corbado {
  /** Asks the Backend API, once, whether signed passkey data is genuine. Never repeats a call: the proof is single-use. */
  verifySignedData(request: VerifyRequest, call: Call): Promise<VerifyAnswer>
  close(): Promise<void>
}

/** Idle connections are dropped before common load balancers drop them (60 s). */
const KEEP_ALIVE_MS = 30_000
/** The answer is one small object; more is not Corbado speaking. */
const RESPONSE_BYTES_MAX = 65_536
/**
 * Connections per Backend API host: 500 verifications a second at 100 ms each take 50, and a tenant whose calls all hang takes
 * `limits.concurrentCalls`, 16 by default, so that 28 such tenants still leave the others what they need.
 */
const CONNECTIONS_MAX = 512

function createAgent(): Agent {
  return new Agent({
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxResponseSize: RESPONSE_BYTES_MAX,
    connect: { timeout: 3_000 },
  })
}

/** A client of Corbado's Backend API that keeps its connections, a pool an origin. */
export function createCorbado(clock: Clock): Corbado {
  let agent = createAgent()
  let usedAt = clock.now()

  /** An environment that was frozen holds sockets that died unseen; a call on one would be lost, and cannot be repeated. */
  function currentAgent(): Agent {
    const now = clock.now()
    if (now - usedAt > KEEP_ALIVE_MS) {
      agent.destroy().catch(() => undefined)
      agent = createAgent()
    }
    usedAt = now
    return agent
  }

  return {
    async verifySignedData({ backendApiUrl, authorization, signedPasskeyData, username }, call) {
      const start = performance.now()
      const answer = await call.slice(undefined, (signal) =>
        request(`${backendApiUrl.replace(/\/+$/, '')}/v2/passkey/verifySignedData`, {
          dispatcher: currentAgent(),
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify({ signedPasskeyData, username }),
          signal,
          // The signal ends the call; undici's own timers are up to half a second early.
          headersTimeout: 0,
          bodyTimeout: 0,
        })
          .then(async ({ statusCode, body }) => readAnswer(statusCode, await body.text()))
          .catch((error: unknown) => unanswered(error, signal.aborted)),
      )
      call.observe('corbado', performance.now() - start, answer.kind === 'result' ? undefined : answer.facts)
      return answer
    },
    close: () => agent.close(),
  }
}

/** Reads an answer that came in full. Only a 2xx with a known result counts as a verdict. */
function readAnswer(status: number, text: string): VerifyAnswer {
  const body = parseObject(text)
  if (status >= 200 && status < 300) {
    const result = results.find((known) => known === body.verificationResult)
    return result ? { kind: 'result', result } : { kind: 'malformed', facts: { status } }
  }
  const error = fieldsOf(body.error)
  const requestData = fieldsOf(body.requestData)
  const facts = { status, errorType: errorName(error.type), requestId: requestIdOf(requestData.requestID) }
  if (status === 401 || status === 403) return { kind: 'unauthorized', facts }
  if (status === 429) return { kind: 'rate-limited', facts }
  if (status >= 500) return { kind: 'unavailable', facts }
  // Redirects are not followed: one would carry the proof to another host.
  return { kind: status < 400 ? 'malformed' : 'rejected', facts }
}

function unanswered(error: unknown, timeUp: boolean): VerifyAnswer {
  const code = error instanceof Error && 'code' in error ? errorName(error.code) : undefined
  const name = error instanceof Error ? errorName(error.name) : undefined
  const unreadable = code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || name === 'HTTPParserError'
  const kind = timeUp || code === 'UND_ERR_CONNECT_TIMEOUT' ? 'timeout' : unreadable ? 'malformed' : 'unavailable'
  return { kind, facts: { errorType: code ?? name } }
}

function parseObject(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return {}
  }
}

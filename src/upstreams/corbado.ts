import { performance } from 'node:perf_hooks'
import type { Call, Clock } from '../call.js'
import type { Proxies } from '../env.js'
import { errorName, requestIdOf, type UpstreamFacts } from '../errors.js'
import { type Fields, fieldsOf } from '../fields.js'
import { type Answer, createExchanges } from './connections/exchanges.js'

/**
 * A connection that was idle for longer takes no proof, in milliseconds: a proof on a dead one is lost, since it may not be
 * sent again.
 */
const KEPT_MS = 2_000

/** The verdicts of `verifySignedData` (fact C4). */
const results = ['success', 'invalid_signature', 'invalid_challenge', 'user_mismatch', 'generic_error'] as const
export type VerificationResult = (typeof results)[number]

/** What a call to the Backend API came to. Every outcome is a value: the caller decides what it means for a login. */
export type VerifyAnswer =
  | { readonly kind: 'result'; readonly result: VerificationResult }
  | {
      readonly kind: 'unauthorized' | 'rate-limited' | 'rejected' | 'unavailable' | 'timeout' | 'malformed'
      readonly facts: UpstreamFacts
      /** The proof may have left this process. One that has not may be asked about again. */
      readonly sent: boolean
      /** The error, if no answer came: for commands, never for log lines. */
      readonly cause?: Error
    }

/** A proof, and whose it is said to be. */
export interface VerifyRequest {
  /** Base URL from the tenant's config, already checked against the allow-list. */
  readonly backendApiUrl: string
  /** The whole header value. */
  readonly authorization: string
  readonly signedPasskeyData: string
  readonly username: string
}

/** What a call for a connect token came to. */
export type ConnectTokenAnswer =
  | { readonly kind: 'created'; readonly secret: string; readonly expires: number }
  | { readonly kind: Exclude<VerifyAnswer['kind'], 'result'>; readonly facts: UpstreamFacts }

/** What a connect token is asked with; `backendApiUrl` and `authorization` as in {@link VerifyRequest}. */
export interface ConnectTokenRequest {
  readonly backendApiUrl: string
  readonly authorization: string
  readonly type: string
  readonly identifier: string
  readonly displayName: string
}

/** The calls to Corbado's Backend API. */
export interface Corbado {
  /** Asks the Backend API for a token for one operation of one user's browser (fact C13). */
  createConnectToken(request: ConnectTokenRequest, call: Call): Promise<ConnectTokenAnswer>
  /** Asks the Backend API whether signed passkey data is genuine. Never sends a proof twice: it is single-use. */
  verifySignedData(request: VerifyRequest, call: Call): Promise<VerifyAnswer>
  close(): Promise<void>
}

/** A client of Corbado's Backend API that keeps its connections. */
export function createCorbado(clock: Clock, proxies: Proxies): Corbado {
  const exchanges = createExchanges(clock, proxies, KEPT_MS)

  return {
    async verifySignedData({ backendApiUrl, authorization, signedPasskeyData, username }, call) {
      const start = performance.now()
      const answer = await call.slice(undefined, async (signal): Promise<VerifyAnswer> => {
        const exchanged = await exchanges.send({
          method: 'POST',
          url: `${backendApiUrl.replace(/\/+$/, '')}/v2/passkey/verifySignedData`,
          headers: { authorization, 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify({ signedPasskeyData, username }),
          signal,
        })
        if (exchanged.kind === 'answered') return readAnswer(exchanged.answer)
        return { ...unanswered(exchanged.error, signal.aborted), sent: exchanged.sent }
      })
      call.observe(
        'corbado',
        performance.now() - start,
        answer.kind === 'result' ? undefined : { operation: 'verifySignedData', ...answer.facts },
      )
      return answer
    },
    async createConnectToken({ backendApiUrl, authorization, type, identifier, displayName }, call) {
      const start = performance.now()
      const answer = await call.slice(undefined, async (signal): Promise<ConnectTokenAnswer> => {
        const exchanged = await exchanges.send({
          method: 'POST',
          url: `${backendApiUrl.replace(/\/+$/, '')}/v2/connectTokens`,
          headers: { authorization, 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify({ type, data: { identifier, displayName } }),
          signal,
        })
        if (exchanged.kind !== 'answered') return unanswered(exchanged.error, signal.aborted)
        return readConnectToken(exchanged.answer)
      })
      const failed = answer.kind === 'created' ? undefined : { operation: 'connectTokens' as const, ...answer.facts }
      call.observe('corbado', performance.now() - start, failed)
      return answer
    },
    close: () => exchanges.close(),
  }
}

/** Reads an answer that came in full. Only a 2xx with a known result counts as a verdict. */
function readAnswer({ status, text }: Answer): VerifyAnswer {
  const body = parseObject(text)
  const sent = true
  if (status >= 200 && status < 300) {
    const result = results.find((known) => known === body.verificationResult)
    return result ? { kind: 'result', result } : { kind: 'malformed', facts: { status }, sent }
  }
  return { ...refusal({ status, text }), sent }
}

function refusal({ status, text }: Answer) {
  const body = parseObject(text)
  const error = fieldsOf(body.error)
  const requestData = fieldsOf(body.requestData)
  const facts = { status, errorType: errorName(error.type), requestId: requestIdOf(requestData.requestID) }
  if (status === 401 || status === 403) return { kind: 'unauthorized', facts } as const
  if (status === 429) return { kind: 'rate-limited', facts } as const
  if (status >= 500) return { kind: 'unavailable', facts } as const
  // Redirects are not followed: one would carry the proof to another host.
  return { kind: status < 400 ? 'malformed' : 'rejected', facts } as const
}

function readConnectToken(answer: Answer): ConnectTokenAnswer {
  const { status, text } = answer
  if (status >= 200 && status < 300) {
    const { secret, expires } = parseObject(text)
    const isToken = typeof secret === 'string' && secret !== '' && typeof expires === 'number'
    return isToken ? { kind: 'created', secret, expires } : { kind: 'malformed', facts: { status } }
  }
  return refusal(answer)
}

function unanswered(error: unknown, timeUp: boolean) {
  const code = error instanceof Error && 'code' in error ? errorName(error.code) : undefined
  const name = error instanceof Error ? errorName(error.name) : undefined
  const unreadable = code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || name === 'HTTPParserError'
  const kind = timeUp || code === 'UND_ERR_CONNECT_TIMEOUT' ? 'timeout' : unreadable ? 'malformed' : 'unavailable'
  return { kind, facts: { errorType: code ?? name }, ...(error instanceof Error && { cause: error }) } as const
}

function parseObject(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return {}
  }
}

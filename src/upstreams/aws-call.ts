import { performance } from 'node:perf_hooks'
import { type Call, REPEAT_MS } from '../call.js'
import {
  errorName,
  isUpstreamError,
  requestIdOf,
  type Upstream,
  type UpstreamError,
  type UpstreamFacts,
  type UpstreamFaultKind,
  upstreamError,
} from '../errors.js'

/** AWS's names for "too fast", over the services we call. */
const throttles =
  /^(Throttling(Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|RequestThrottled(Exception)?|ProvisionedThroughputExceededException|SlowDown)$/
/** Credentials that no longer count: expired, or revoked with their role. */
const expired =
  /^(ExpiredToken|ExpiredTokenException|RequestExpired|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId)$/
/** A permission is missing. Cognito's NotAuthorizedException is not among them: it can speak of one user. */
const denied = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation)$/

/** How late a timer commonly is, in milliseconds. */
const TIMER_MS = 25

/**
 * Sends one command of an AWS SDK client within its slice of the deadline, and notes its time on the call.
 * What the SDK does between requests cannot be aborted, so the slice also ends the wait from outside.
 * @throws the error of errors.ts that fits what happened; never the SDK's own
 */
export async function callAws<T>(
  upstream: Upstream,
  call: Call,
  sliceMs: number | undefined,
  send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  // A kept connection that the other side has closed, or one bad server of many: worth one more try, at once. Not for a
  // write: its first request may have been done all the same, and the second answer would not say so. A read that may take
  // all the time that is left leaves some of it for a second try, in case no answer comes.
  repeats: 'unavailable' | 'never' | 'read' = 'unavailable',
): Promise<T> {
  const start = performance.now()
  const trial = (ms: number | undefined) =>
    call.slice(ms, (signal) => {
      const attempt = () => attemptOnce(upstream, signal, send)
      return attempt().catch((fault: UpstreamError) => {
        if (fault.kind === 'unavailable' && repeats !== 'never') return attempt()
        throw fault
      })
    })
  const firstMs = call.remainingMs() - REPEAT_MS - TIMER_MS
  try {
    const answer =
      repeats === 'read' && firstMs > REPEAT_MS
        ? await trial(firstMs).catch((fault: UpstreamError) => {
            if (fault.kind === 'timeout' && call.remainingMs() > REPEAT_MS) return trial(sliceMs)
            throw fault
          })
        : await trial(sliceMs)
    call.observe(upstream, performance.now() - start)
    return answer
  } catch (fault) {
    call.observe(upstream, performance.now() - start, isUpstreamError(fault) ? fault.facts : undefined)
    throw fault
  }
}

async function attemptOnce<T>(
  upstream: Upstream,
  signal: AbortSignal,
  send: (options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    return await Promise.race([send({ abortSignal: signal }), untilAborted(signal)])
  } catch (error) {
    throw awsFault(upstream, error, signal.aborted)
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

interface SdkError {
  readonly name?: string
  /** Of Node's own network errors, e.g. `ECONNREFUSED`. */
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

function awsFault(upstream: Upstream, error: unknown, timeUp: boolean): UpstreamError {
  const { name, code, $metadata } = (error instanceof Error ? error : {}) as SdkError
  const status = $metadata?.httpStatusCode
  const errorType = errorName(code) ?? errorName(name)
  const facts: UpstreamFacts = { status, errorType, requestId: requestIdOf($metadata?.requestId) }
  return upstreamError(upstream, timeUp ? 'timeout' : faultKind(errorType ?? '', status), facts, error)
}

function faultKind(name: string, status: number | undefined): UpstreamFaultKind {
  // The SDK calls a reset connection a TimeoutError too; there the code says what it was.
  if (/^(AbortError|TimeoutError|ETIMEDOUT)$/.test(name)) return 'timeout'
  if (throttles.test(name) || status === 429) return 'throttled'
  if (expired.test(name)) return 'expired'
  if (denied.test(name)) return 'denied'
  if (name === 'SyntaxError') return 'malformed'
  if (status === undefined || status >= 500) return 'unavailable'
  // An HTTP success that the SDK could not read.
  return status < 300 ? 'malformed' : 'rejected'
}

import { performance } from 'node:perf_hooks'
import { type Call, REPEAT_MS } from '../call.js'
import {
  errorName,
  isSignatureError,
  isUpstreamError,
  type Operation,
  requestIdOf,
  type Upstream,
  type UpstreamError,
  type UpstreamFacts,
  type UpstreamFaultKind,
  unreadAnswer,
  upstreamError,
} from '../errors.js'
import type { Trip } from './connections/agents.js'

/** AWS's names for "too fast", over the services we call. */
const throttles =
  /^(Throttling(Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|RequestThrottled(Exception)?|ProvisionedThroughputExceededException|SlowDown)$/
/** Credentials that no longer count: expired, or revoked with their role. */
const expired =
  /^(ExpiredToken|ExpiredTokenException|RequestExpired|InvalidClientTokenId|UnrecognizedClientException|InvalidAccessKeyId)$/
/** A permission is missing. Cognito's NotAuthorizedException is not among them: it can speak of one user. */
const denied = /^(AccessDenied|AccessDeniedException|UnauthorizedOperation)$/

/** Names that no service uses: JavaScript's and the SDK's for an answer that they cannot read, or that names no error. */
const unread = /^(Error|SyntaxError|TypeError|RangeError|Unknown|UnknownError)$/

/** How late a timer commonly is, in milliseconds. */
const TIMER_MS = 25

/** What the SDK is given with a command. Our connections read the trip. */
export interface SendOptions {
  readonly abortSignal: AbortSignal
  readonly trip: Trip
}

/**
 * When a request may be sent a second time. Always if it has not left this process, or if its signature was refused: then
 * nothing was done. `unavailable`: also if its connection was lost, or one bad server of many answered. `silent`: also if no
 * answer comes, above all on a kept connection that may be dead; for reads, and writes that may be done twice. `never`: not
 * otherwise, for a write that may have been done although its answer was lost, which a second answer would not show; it has a
 * new connection for itself alone.
 */
type Repeats = 'silent' | 'unavailable' | 'never'

/** A dependency, and what it is asked for. */
export interface Asked {
  readonly upstream: Upstream
  readonly operation: Operation
}

interface Job<T> {
  readonly upstream: Upstream
  readonly operation: Operation | undefined
  readonly repeats: Repeats
  send(options: SendOptions): Promise<T>
}

/**
 * Sends one command of an AWS SDK client within its slice of the deadline, and notes its time on the call. The slice begins
 * when the request has its connection: waiting for the process's own credentials or for a connection is not the
 * dependency's time.
 * @param asked the dependency, with the operation for the service's calls, whose log lines name it
 * @param sliceMs milliseconds; undefined: all that are left
 * @throws the error of errors.ts that fits what happened; never the SDK's own
 */
export async function callAws<T>(
  asked: Upstream | Asked,
  call: Call,
  sliceMs: number | undefined,
  send: (options: SendOptions) => Promise<T>,
  repeats: Repeats = 'unavailable',
): Promise<T> {
  const start = performance.now()
  const { upstream, operation } = typeof asked === 'string' ? { upstream: asked, operation: undefined } : asked
  const job: Job<T> = { upstream, operation, repeats, send }
  try {
    const answer = await call.slice(undefined, (signal, begin) => {
      if (repeats === 'silent') return sendTwiceIfSilent(job, call, sliceMs, signal, begin)
      return persist(job, signal, false, () => begin(sliceMs))
    })
    call.observe(upstream, performance.now() - start)
    return answer
  } catch (fault) {
    call.observe(upstream, performance.now() - start, isUpstreamError(fault) ? fault.facts : undefined)
    throw fault
  }
}

/**
 * Sends a request, and sends it once more, on a new connection, if its part of the time is over. The first answer counts. A
 * lost connection is no answer: the other request may still get one.
 */
async function sendTwiceIfSilent<T>(
  job: Job<T>,
  call: Call,
  sliceMs: number | undefined,
  signal: AbortSignal,
  begin: (ms: number | undefined) => void,
): Promise<T> {
  const ended = new AbortController()
  signal.addEventListener('abort', () => ended.abort(signal.reason), { once: true })
  let setPart = (_ms: number | undefined) => {}
  const part = new Promise<number | undefined>((resolve) => {
    setPart = resolve
  })
  let isKept = false
  const place = (kept: boolean) => {
    isKept = kept
    begin(sliceMs)
    setPart(partOf(kept, sliceMs, call.remainingMs()))
  }
  let settled = false
  const first = persist(job, ended.signal, false, place).finally(() => {
    settled = true
    setPart(undefined)
  })
  const second = part.then(async (ms) => {
    if (ms === undefined) return first
    await call.slice(ms, (over) => Promise.race([first, untilAborted(over)])).catch(() => undefined)
    return settled ? first : persist(job, ended.signal, isKept ? 'instead' : 'once', () => {})
  })
  try {
    return await Promise.race([answerOr(first, second), answerOr(second, first)])
  } finally {
    // Whichever is still under way.
    if (!settled) ended.abort()
  }
}

/** A request's answer, or what the other one comes to if the connection is lost. */
function answerOr<T>(request: Promise<T>, other: Promise<T>): Promise<T> {
  return request.catch((error) => {
    if (isUpstreamError(error) && error.facts.status === undefined) return other
    throw error
  })
}

/**
 * After how many milliseconds a request is sent a second time; undefined: not at all. On a kept connection, after half of its
 * time. One that may take all the time left leaves enough of it for the second.
 */
function partOf(kept: boolean, sliceMs: number | undefined, remainingMs: number): number | undefined {
  if (kept) return Math.min(sliceMs ?? remainingMs, remainingMs) / 2
  const firstMs = remainingMs - REPEAT_MS - TIMER_MS
  return sliceMs === undefined && firstMs > REPEAT_MS ? firstMs : undefined
}

/**
 * Sends a request, and sends it again at once if it may be: once if the connection or a server failed, and once if the
 * signature was refused.
 */
async function persist<T>(
  job: Job<T>,
  signal: AbortSignal,
  fresh: Trip['fresh'],
  place: (kept: boolean) => void,
): Promise<T> {
  const alone = job.repeats === 'never' ? 'once' : false
  let [lost, unsigned] = [false, false]
  let wanted = fresh || alone
  for (;;) {
    let isKept = false
    const trip: Trip = {
      fresh: wanted,
      sent: false,
      onPlaced(kept) {
        isKept = kept
        place(kept)
      },
    }
    try {
      return answerOf(job, await Promise.race([job.send({ abortSignal: signal, trip }), untilAborted(signal)]))
    } catch (error) {
      const fault = isUpstreamError(error) ? error : awsFault(job, error, signal.aborted)
      if (signal.aborted) throw fault
      if (!unsigned && isUnsigned(fault, error)) {
        // The SDK has set its clock by the answer.
        unsigned = true
      } else if (!lost && (trip.sent ? job.repeats !== 'never' && fault.kind === 'unavailable' : isUnsent(fault))) {
        lost = true
        // If one kept connection was dead, all of them may be. A new one that failed says nothing about them.
        wanted = isKept && fault.facts.status === undefined ? 'instead' : alone
      } else throw fault
    }
  }
}

/**
 * The answer, if it is the service's. Every answer of AWS has a request id. An empty page of a proxy has neither that nor
 * any field, but the SDK takes it for a success: it would mean "no such record", or "written".
 */
function answerOf<T>({ upstream, operation }: Job<T>, answer: T): T {
  const { $metadata, ...fields } = answer as SdkAnswer
  const isEmpty = Object.values(fields).every((value) => value === undefined)
  if (!isEmpty || $metadata?.requestId !== undefined) return answer
  throw unreadAnswer(upstream, 'malformed', { operation, status: $metadata?.httpStatusCode })
}

/** Is this a fault that a request that never left can have? Any other error would only come again. */
function isUnsent({ kind, facts }: UpstreamError): boolean {
  return facts.status === undefined && (kind === 'unavailable' || kind === 'timeout')
}

/** Was a request refused for its signature, or for anything else while this machine's clock was wrong? */
function isUnsigned({ facts }: UpstreamError, error: unknown): boolean {
  const { $metadata } = error as SdkError
  return isSignatureError(facts.errorType) || $metadata?.clockSkewCorrected === true
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

interface SdkAnswer {
  readonly $metadata?: {
    readonly httpStatusCode?: number
    readonly requestId?: string
    /** Set by the SDK if the answer's date moved the clock by which it signs. */
    readonly clockSkewCorrected?: boolean
  }
}

interface SdkError extends SdkAnswer {
  readonly name?: string
  /** Of Node's own network errors, e.g. `ECONNREFUSED`. */
  readonly code?: unknown
}

function awsFault<T>({ upstream, operation }: Job<T>, error: unknown, timeUp: boolean): UpstreamError {
  const { name, code, $metadata } = (error instanceof Error ? error : {}) as SdkError
  const status = $metadata?.httpStatusCode
  const errorType = errorName(code) ?? errorName(name)
  const facts: UpstreamFacts = { operation, status, errorType, requestId: requestIdOf($metadata?.requestId) }
  if (!timeUp && status !== undefined && status !== 429 && unread.test(errorType ?? '')) {
    return unreadAnswer(upstream, status < 500 ? 'malformed' : 'unavailable', { ...facts, errorType: undefined })
  }
  return upstreamError(upstream, timeUp ? 'timeout' : faultKind(errorType ?? '', status), facts, error)
}

function faultKind(name: string, status: number | undefined): UpstreamFaultKind {
  // The SDK calls a reset connection a TimeoutError too; there the code says what it was.
  if (/^(AbortError|TimeoutError|ETIMEDOUT)$/.test(name)) return 'timeout'
  if (throttles.test(name) || status === 429) return 'throttled'
  if (expired.test(name)) return 'expired'
  if (denied.test(name)) return 'denied'
  if (status === undefined || status >= 500) return 'unavailable'
  // An HTTP success that the SDK could not read.
  return status < 300 ? 'malformed' : 'rejected'
}

import type { Call } from '../call.js'
import { isUpstreamError, type UpstreamError } from '../errors.js'
import { isFields, isTooDeep } from '../fields.js'
import { tenantKey } from '../ids.js'
import type { ReasonAt } from '../reasons.js'
import type { Bulkhead } from '../resilience/bulkhead.js'
import type { Guard } from '../resilience/guard.js'
import type { FunctionAnswer, Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { TenantCredentials } from './credentials.js'

/** One event for one of the customer's functions. */
export interface Chained {
  readonly functionArn: string
  readonly timeoutMs: number
  readonly wait: 'answer' | 'event'
  /** The event as JSON text, as it came. */
  readonly payload: string
  /** How many gateways it has passed through before this one. */
  readonly hops: number
}

/** Why a function gave no answer. `chain_threw` is not one of them: the function answered by throwing. */
export type ChainFault = Exclude<ReasonAt<'pre-sign-up', 'unchanged'> & `chain_${string}`, 'chain_threw'>

/** What came of the invocation. */
export type ChainAnswer =
  | { readonly kind: 'answered'; readonly response: Readonly<Record<string, unknown>> }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'threw'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: ChainFault }

/** Invokes the customer's own functions with the tenant's rights. Every outcome is a value. */
export type InvokeChained = (chained: Chained) => Promise<ChainAnswer>

export interface TenantFunctionsOptions {
  readonly upstreams: Pick<Upstreams, 'invokeFunction'>
  readonly credentials: TenantCredentials
  readonly guard: Guard
  /** Of all functions of a tenant. */
  readonly places: Bulkhead
}

/** A tenant may chain a dozen functions: however many hang, they take no more connections than two of them. */
const FUNCTIONS_AT_ONCE = 2

/** Longest text of a function's error that is passed on: more than a person reads, and Cognito shows it. */
const TEXT_LENGTH_MAX = 1_000

/** Makes what invokes a tenant's functions during one call. */
export function createTenantFunctions(
  { upstreams, credentials, guard, places }: TenantFunctionsOptions,
  config: TenantConfig,
  call: Call,
): InvokeChained {
  return async ({ hops, ...chained }) => {
    const { functionArn } = chained
    // The event came from a gateway: the function may be this gateway again, and the call would never end.
    if (hops > 0) return { kind: 'failed', reason: 'chain_loop' }
    const lane = tenantKey(config.userPoolId, 'lambda', functionArn)
    const all = tenantKey(config.userPoolId, 'lambda')
    const { concurrentCalls } = config.limits
    try {
      const purpose = { functionArn }
      const guarded = await credentials.use(
        config,
        'Invoke',
        call,
        (given) => {
          const invoke = () => upstreams.invokeFunction({ ...chained, hops: hops + 1 }, given, call)
          // What waits for a place among all has one of its own function, so that it holds up no other.
          const entered = () => places.run(all, FUNCTIONS_AT_ONCE * concurrentCalls, call, invoke)
          return guard.run(lane, concurrentCalls, call, entered)
        },
        purpose,
      )
      if (guarded.kind === 'done' && guarded.value.kind === 'done') return answerOf(guarded.value.value, call)
      if (guarded.kind !== 'open') return { kind: 'failed', reason: 'chain_busy' }
      call.observe('lambda', 0, { operation: 'Invoke', breakerOpen: true })
      return { kind: 'failed', reason: guarded.last === 'timeout' ? 'chain_timeout' : 'chain_failed' }
    } catch (error) {
      if (!isUpstreamError(error)) throw error
      return { kind: 'failed', reason: reasonOf(error, chained) }
    }
  }
}

function answerOf(answer: FunctionAnswer, call: Call): ChainAnswer {
  if (answer.kind === 'accepted') return answer
  if (answer.kind === 'answered') {
    const response = responseOf(answer.payload)
    return response ? { kind: 'answered', response } : { kind: 'failed', reason: 'chain_malformed' }
  }
  const { errorType, text } = answer
  call.observe('lambda', 0, { operation: 'Invoke', errorType })
  // Lambda's own words for a function that it ended, not the function's.
  if (errorType === 'Sandbox.Timedout' || /Task timed out after/.test(text ?? '')) {
    return { kind: 'failed', reason: 'chain_timeout' }
  }
  if (text === undefined || text === '' || errorType?.includes('.')) return { kind: 'failed', reason: 'chain_failed' }
  return { kind: 'threw', text: text.slice(0, TEXT_LENGTH_MAX) }
}

/** The `response` of an event that came back; undefined if there is none, or if it is nested too deeply to be written. */
function responseOf(payload: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const event: unknown = JSON.parse(payload)
    const response = isFields(event) ? event.response : undefined
    return isFields(response) && !isTooDeep(response) ? response : undefined
  } catch {
    return undefined
  }
}

/** What AWS said instead of an answer, in the words of a line. */
function reasonOf({ upstream, kind, facts }: UpstreamError, { wait }: Pick<Chained, 'wait'>): ChainFault {
  if (upstream === 'sts') return kind === 'denied' ? 'chain_denied' : 'chain_failed'
  if (facts.errorType === 'ResourceNotFoundException') return 'chain_missing'
  if (kind === 'timeout' || kind === 'throttled' || kind === 'denied') return `chain_${kind}`
  // Of a sender's function no answer is read: what cannot be read is Lambda's own.
  if (kind === 'malformed' && wait === 'answer') return 'chain_malformed'
  return 'chain_failed'
}

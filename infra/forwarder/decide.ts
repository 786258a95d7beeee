import { ChainFailed, ChainThrew, ERRORS, Internal, isLogged, reasonOfCode, requestIdOf } from '../../src/errors.js'
import { type Fields, isFields } from '../../src/fields.js'
import type { Outcome, Reason } from '../../src/reasons.js'
import type { Trigger } from '../../src/triggers/trigger.js'
import type { Posted } from './connection.js'

/** What Cognito gets, and what the line says of it. */
export type Decision = {
  readonly outcome: Extract<Outcome, 'forwarded' | 'unchanged' | 'rejected' | 'fault'>
  readonly reason?: Reason
  /** The container's own id of the request. */
  readonly upstreamRequestId?: string | undefined
} & (
  | { readonly kind: 'answer'; readonly response: unknown }
  /** The event goes back as it came: Cognito's default behaviour. */
  | { readonly kind: 'unchanged' }
  /** @property isCustomers the text is that of the customer's own function, and nothing is added to it */
  | { readonly kind: 'refuse'; readonly text: string; readonly isCustomers?: true }
)

export type TriggerEvent = { readonly triggerSource: string; readonly userPoolId: string }

const unavailable = new Internal().message
const CHAIN_THREW = new ChainThrew('').code
const CHAIN_FAILED = new ChainFailed().code

/** The failure of a forwarder that got no answer it could use. */
export function failure(kind: Trigger['kind'], reason: Reason): Decision {
  return settle(kind, { outcome: 'fault', reason }, unavailable, true)
}

/** Decides what an answer of the container door means for Cognito, as the Lambda door would have answered. */
export function decide(event: TriggerEvent, kind: Trigger['kind'], posted: Posted): Decision {
  if (posted.kind === 'failed') return failure(kind, `gateway_${posted.reason}`)
  const { status } = posted
  const body = toObject(posted.body)
  if (status === 200) return answered(event, kind, body)
  const known = ERRORS.find(({ code }) => code === body.code)
  // A container with a wrong setting does not start, so that this code is none of its answers.
  if (!known || !isLogged(known.code)) return failure(kind, 'gateway_malformed')
  const facts = {
    outcome: status >= 500 || isOurs(known.code) ? 'fault' : 'rejected',
    reason: reasonOfCode(known.code),
    upstreamRequestId: requestIdOf(body.requestId),
  } as const
  if (known.code === CHAIN_THREW) return { kind: 'refuse', text: String(body.message), isCustomers: true, ...facts }
  // What the customer's own function should have answered must not go on without it.
  if (known.code === CHAIN_FAILED) return { kind: 'refuse', text: known.message, ...facts }
  // The text is the one that belongs to the code: whatever else stands in an answer is not shown.
  const text = isOurs(known.code) ? unavailable : known.message
  return settle(kind, facts, text, facts.outcome === 'fault' || known.code === 'GW_ERR_TENANT_UNKNOWN')
}

/** Refusals that speak of the way between forwarder and container, which is no concern of the user. */
function isOurs(code: string): boolean {
  return /^GW_ERR_(CALLER|ROUTE|METHOD)_/.test(code)
}

/** An answer is the event itself but for `response`; what does not bring the event back is none of the gateway's. */
function answered(event: TriggerEvent, kind: Trigger['kind'], body: Fields): Decision {
  const same = body.triggerSource === event.triggerSource && body.userPoolId === event.userPoolId
  if (!same) return failure(kind, 'gateway_malformed')
  if (kind === 'custom-auth' && !isFields(body.response)) return failure(kind, 'gateway_malformed')
  if (!('response' in body)) return { kind: 'unchanged', outcome: 'forwarded' }
  return { kind: 'answer', response: body.response, outcome: 'forwarded' }
}

/**
 * Corbado's switch, or a fault of ours, must never take down a customer's password login or sign-up: a
 * trigger that the gateway leaves alone goes on without it. All others are refused.
 */
function settle(
  kind: Trigger['kind'],
  facts: { readonly outcome: 'rejected' | 'fault'; readonly reason: Reason },
  text: string,
  bypassable: boolean,
): Decision {
  if (kind === 'pass-through' && bypassable) return { kind: 'unchanged', ...facts, outcome: 'unchanged' }
  return { kind: 'refuse', text, ...facts }
}

/** An answer's body, or nothing if it is no object. */
export function toObject(value: unknown): Fields {
  return isFields(value) ? value : {}
}

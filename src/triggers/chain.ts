import { ChainThrew, chainFailed } from '../errors.js'
import type { Chain, ChainAnswer, Chained, TenantConfig } from '../tenant/context.js'
import { isOurClient } from './our-client.js'
import type { Trigger, TriggerResult } from './trigger.js'

/**
 * A trigger's key in the config: its name in LambdaConfig with a small first letter, e.g. `customSMSSender` for
 * `custom-sms-sender`.
 */
function keyOf(name: string): string {
  return name.replace(/-sms-/, '-SMS-').replace(/-([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * The customer's own function that answers a trigger; undefined if there is none. Custom authentication is split by app
 * client: every call of a login through one of `login.clientIds` is Corbado's, and all others are the function's.
 */
export function chainOf(
  { name, kind }: Pick<Trigger, 'name' | 'kind'>,
  { triggers, login }: Pick<TenantConfig, 'triggers' | 'login'>,
  callerContext: unknown,
): Chain | undefined {
  const chain = (triggers as Readonly<Record<string, Chain | 'pass-through' | undefined>> | undefined)?.[keyOf(name)]
  if (chain === undefined || chain === 'pass-through') return undefined
  return kind === 'custom-auth' && isOurClient(callerContext, login) ? undefined : chain
}

/** The default of a chain's `timeoutMs`, in milliseconds. */
const TIMEOUT_MS = 3_000

/**
 * The call of a customer's function. Cognito waits for no answer of a sender, so the gateway does not either.
 * @param payload the event as JSON text
 * @param hops how many gateways the event has passed through before this one
 */
export function chainedCall(
  { functionArn, timeoutMs = TIMEOUT_MS }: Chain,
  { kind }: Pick<Trigger, 'kind'>,
  payload: string,
  hops: number,
): Chained {
  return { functionArn, timeoutMs, wait: kind === 'sender' ? 'event' : 'answer', payload, hops }
}

/**
 * What the function's answer means for Cognito: its `response` and nothing else.
 * @throws GW_ERR_CHAIN_THREW with the function's own text, GW_ERR_CHAIN_FAILED
 */
export function decideChained({ onFailure = 'fail' }: Chain, answer: ChainAnswer): TriggerResult {
  if (answer.kind === 'answered') return { outcome: 'chained', response: answer.response }
  if (answer.kind === 'accepted') return { outcome: 'chained' }
  const reason = answer.kind === 'threw' ? 'chain_threw' : answer.reason
  if (onFailure === 'ignore') return { outcome: 'unchanged', reason, level: 'warn' }
  throw answer.kind === 'threw' ? new ChainThrew(answer.text) : chainFailed(answer.reason)
}

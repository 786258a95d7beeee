import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import type { Call } from '../call.js'
import { HOPS_KEY } from '../env.js'
import { errorName, unreadAnswer } from '../errors.js'
import { fieldsOf } from '../fields.js'
import { callAws } from './aws-call.js'

/** One invocation of a customer's function. */
export interface FunctionCall {
  /** With version or alias, if it has one. */
  readonly functionArn: string
  /** A Cognito event as JSON text, sent as it is. */
  readonly payload: string
  /**
   * `answer`: wait for the function's answer; `event`: Lambda queues the event and tries it up to three times; `nothing`:
   * Lambda only says whether it would run the function.
   */
  readonly wait: 'answer' | 'event' | 'nothing'
  /** How many gateways the event has passed through, this one included: sent in the ClientContext, never in the event. */
  readonly hops: number
  readonly timeoutMs: number
}

/** What came of it. `threw`: the function ran and failed; `text` is its error's message. */
export type FunctionAnswer =
  | { readonly kind: 'answered'; readonly payload: string }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'threw'; readonly errorType: string | undefined; readonly text: string | undefined }

const invocationTypes = { answer: 'RequestResponse', event: 'Event', nothing: 'DryRun' } as const

/** The HTTP statuses of Lambda's own answers that have no payload. */
const ACCEPTED = { event: 202, nothing: 204 } as const

/**
 * Invokes a function.
 * @param client of the function's region, with a session that may invoke it
 * @throws GW_ERR_UPSTREAM_… if Lambda refused, failed, or did not answer in time
 */
export async function invokeFunction(
  client: LambdaClient,
  { functionArn, payload, wait, hops, timeoutMs }: FunctionCall,
  call: Call,
): Promise<FunctionAnswer> {
  const command = new InvokeCommand({
    FunctionName: functionArn,
    InvocationType: invocationTypes[wait],
    ClientContext: Buffer.from(JSON.stringify({ custom: { [HOPS_KEY]: hops } })).toString('base64'),
    Payload: Buffer.from(payload),
  })
  const asked = { upstream: 'lambda', operation: 'Invoke' } as const
  // A function may do what must not be done twice, so it is not asked twice.
  const answer = await callAws(asked, call, timeoutMs, (options) => client.send(command, options), 'never')
  if (wait !== 'answer') {
    const { StatusCode: status } = answer
    if (status === ACCEPTED[wait]) return { kind: 'accepted' }
    // The page of a proxy in between is a success too, and would pass for an event that Lambda has taken.
    const fault = unreadAnswer('lambda', 'unavailable', { operation: asked.operation, status })
    call.observe('lambda', 0, fault.facts)
    throw fault
  }
  const text = Buffer.from(answer.Payload ?? []).toString('utf8')
  return answer.FunctionError === undefined ? { kind: 'answered', payload: text } : thrown(text)
}

/** What Lambda says of a function that failed: its error's name and text, if the answer can be read. */
function thrown(payload: string): FunctionAnswer {
  try {
    const { errorType, errorMessage } = fieldsOf(JSON.parse(payload))
    const text = typeof errorMessage === 'string' ? errorMessage : undefined
    return { kind: 'threw', errorType: errorTypeOf(errorType), text }
  } catch {
    return { kind: 'threw', errorType: undefined, text: undefined }
  }
}

/**
 * The type of a function's error, if it looks like one. Lambda's own keep their dot: `Sandbox.Timedout`, `Runtime.ExitError`. A
 * class loses its package, and what is around it: `com.acme.Refused` and `Function<Refused>` are `Refused`.
 */
function errorTypeOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^[\w.$<>:]{1,128}$/.test(value)) return undefined
  if (/^(Sandbox|Runtime|Extension|Function)\.[A-Za-z]{1,40}$/.test(value)) return value
  return errorName(/[A-Za-z_]+(?=>*$)/.exec(value)?.[0])
}

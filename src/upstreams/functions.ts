import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { Call } from '../call.js'
import { HOPS_KEY } from '../env.js'
import { errorName } from '../errors.js'
import { fieldsOf } from '../fields.js'
import { callAws } from './aws-call.js'
import type { ClientBase } from './index.js'
import type { RoleCredentials } from './sts.js'

/** One invocation of a customer's function. */
export interface FunctionCall {
  /** With version or alias, if it has one. */
  readonly functionArn: string
  /** A Cognito event as JSON text, sent as it is. */
  readonly payload: string
  /** `answer`: its answer is waited for; `event`: Lambda takes it into its own queue, and tries it up to three times. */
  readonly wait: 'answer' | 'event'
  /** How many gateways the event has been through, this one included: travels in the ClientContext, never in the event. */
  readonly hops: number
  readonly timeoutMs: number
}

/** What came of it. `threw`: the function ran and failed; the text is the one that it threw with. */
export type FunctionAnswer =
  | { readonly kind: 'answered'; readonly payload: string }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'threw'; readonly errorType: string | undefined; readonly text: string | undefined }

/** @throws GW_ERR_UPSTREAM_… if Lambda refused, failed, or did not answer in time */
export type InvokeFunction = (
  request: FunctionCall,
  credentials: RoleCredentials | null,
  call: Call,
) => Promise<FunctionAnswer>

/** Invokes functions in the region that each one's ARN names. */
export function createInvokeFunction(base: ClientBase): InvokeFunction {
  const own = new Map<string, LambdaClient>()
  const byCredentials = new WeakMap<RoleCredentials, LambdaClient>()

  /** A set of credentials is for one function, and so for one region. */
  function clientOf(region: string, credentials: RoleCredentials | null): LambdaClient {
    const known = credentials ? byCredentials.get(credentials) : own.get(region)
    const client = known ?? new LambdaClient({ ...base, region, ...(credentials && { credentials }) })
    if (credentials) byCredentials.set(credentials, client)
    else own.set(region, client)
    return client
  }

  return async ({ functionArn, payload, wait, hops, timeoutMs }, credentials, call) => {
    const client = clientOf(functionArn.split(':')[3] ?? '', credentials)
    const command = new InvokeCommand({
      FunctionName: functionArn,
      InvocationType: wait === 'answer' ? 'RequestResponse' : 'Event',
      ClientContext: Buffer.from(JSON.stringify({ custom: { [HOPS_KEY]: hops } })).toString('base64'),
      Payload: Buffer.from(payload),
    })
    const asked = { upstream: 'lambda', operation: 'Invoke' } as const
    // A function may do what must not be done twice, so it is not asked twice.
    const answer = await callAws(asked, call, timeoutMs, (options) => client.send(command, options), 'never')
    if (wait === 'event') return { kind: 'accepted' }
    const text = Buffer.from(answer.Payload ?? []).toString('utf8')
    return answer.FunctionError === undefined ? { kind: 'answered', payload: text } : thrown(text)
  }
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

/** Lambda's own names have a dot: `Sandbox.Timedout`, `Runtime.ExitError`. */
function errorTypeOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z]{1,32}\.[A-Za-z]{1,32}$/.test(value) ? value : errorName(value)
}

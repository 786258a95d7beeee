import { type Call, createCall } from '../../src/call.js'
import { Internal, InvocationUnknown, publicError } from '../../src/errors.js'
import { isUserPoolId } from '../../src/ids.js'
import { hopsOf, type LambdaContext } from '../../src/invocation.js'
import { budgetMs } from '../../src/plugins/deadline.js'
import { createInstanceId } from '../../src/plugins/log-line.js'
import { findTrigger } from '../../src/triggers/index.js'
import { type Decision, decide, failure, type TriggerEvent } from './decide.js'
import { type Forwarded, type ForwardOptions, forward } from './forward.js'
import { closingLine, type Line } from './line.js'

/**
 * Most milliseconds until the answer leaves: Cognito's 5,000 less what the invocation itself takes. The container gets
 * the same time less its own reserve, so that its answer comes before this one gives up.
 */
const DEADLINE_MS = 4_600

export interface ForwarderOptions extends ForwardOptions {
  readonly print: (line: Line) => void
}

type Invoked = { readonly trigger: string | undefined; readonly decision: Decision } & Partial<Forwarded>

/**
 * Makes the handler of the function that Cognito calls if the gateway runs in containers. It knows no tenant: it says
 * to the container through which alias the event came and how much time is left, and hands the answer back. It throws
 * nothing but fresh errors with public text, since Cognito shows the text and the runtime logs the rest.
 */
export function createForwarder({ print, ...options }: ForwarderOptions) {
  const instance = createInstanceId()
  let first = true

  return async (payload: unknown, context: LambdaContext): Promise<unknown> => {
    const { awsRequestId: requestId, invokedFunctionArn } = context
    const start = options.clock.elapsed()
    const coldStartMs = first ? start : undefined
    first = false
    const remainingMs = context.getRemainingTimeInMillis()
    const call = createCall(budgetMs({ triggerDeadlineMs: DEADLINE_MS, remainingMs, coldStartMs }), options.clock)
    const { trigger, decision, posted, gatewayMs } = await invoke(payload, context, call, options).catch(unexpected)
    print(
      closingLine({
        ...{ payload, trigger, decision, invokedFunctionArn, requestId, coldStartMs, instance },
        durationMs: Math.round(options.clock.elapsed() - start),
        upstream: { ...call.observed.upstream, ...(gatewayMs !== undefined && { gateway: gatewayMs }) },
        upstreamStatus: posted?.kind === 'answered' ? posted.status : undefined,
      }),
    )
    if (decision.kind === 'refuse') {
      const { text, isCustomers = false } = decision
      throw publicError(isCustomers ? text : `${text} (ref ${requestId})`, { ofCustomer: isCustomers })
    }
    // Cognito wants the whole event back; all but `response` is the very one that came in.
    return decision.kind === 'answer' ? { ...(payload as TriggerEvent), response: decision.response } : payload
  }
}

async function invoke(payload: unknown, context: LambdaContext, call: Call, options: ForwardOptions): Promise<Invoked> {
  const { awsRequestId: requestId, invokedFunctionArn } = context
  if (!isTriggerEvent(payload)) {
    const text = new InvocationUnknown().message
    return { trigger: undefined, decision: { kind: 'refuse', text, outcome: 'rejected', reason: 'invocation_unknown' } }
  }
  const trigger = findTrigger(payload.triggerSource)
  // One that Cognito may add one day; the container has no route for it.
  if (!trigger) {
    return { trigger: 'unknown', decision: { kind: 'unchanged', outcome: 'unchanged', reason: 'unknown_trigger' } }
  }
  const hops = hopsOf(context)
  const forwarding = { event: payload, trigger: trigger.name, invokedFunctionArn, requestId, hops, call }
  const forwarded = await forward(forwarding, options)
  const { posted } = forwarded
  const decision = posted ? decide(payload, trigger.kind, posted) : failure(trigger.kind, 'caller_secrets_unavailable')
  return { trigger: trigger.name, decision, ...forwarded }
}

/** A bug of ours; what it says goes nowhere. */
function unexpected(): Invoked {
  return {
    trigger: undefined,
    decision: { kind: 'refuse', text: new Internal().message, outcome: 'fault', reason: 'internal' },
  }
}

/** The pool becomes part of a path, so it must be an id. */
function isTriggerEvent(payload: unknown): payload is TriggerEvent {
  if (typeof payload !== 'object' || payload === null) return false
  const { triggerSource, userPoolId } = payload as Record<string, unknown>
  return typeof triggerSource === 'string' && isUserPoolId(userPoolId)
}

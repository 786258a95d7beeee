import { awsLambdaFastify } from '@fastify/aws-lambda'
import type { Context } from 'aws-lambda'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Clock, systemClock } from './call.js'
import { GATEWAY_VERSION, HOPS_KEY } from './env.js'
import {
  ChainThrew,
  Internal,
  InvocationUnknown,
  isGatewayError,
  publicError,
  RequestInvalid,
  reasonOf,
} from './errors.js'
import { fieldsOf, textsOf } from './fields.js'
import { aliasOf, isUserPoolId } from './ids.js'
import type { LambdaInvocation } from './plugins/arrival.js'
import type { LineFacts } from './plugins/log-line.js'
import { findTrigger, unknownTrigger } from './triggers/index.js'

/** A Lambda payload, by its kind. */
export type Payload =
  | DirectPayload
  | { readonly kind: 'http'; readonly event: HttpEvent }
  | { readonly kind: 'unknown' }

type DirectPayload =
  | { readonly kind: 'trigger'; readonly body: TriggerPayload }
  | { readonly kind: 'action'; readonly body: ActionPayload }

/** What we read of an event from an API Gateway, a function URL or a load balancer. */
interface HttpEvent {
  readonly path?: unknown
  readonly rawPath?: unknown
  readonly headers?: unknown
  readonly multiValueHeaders?: unknown
  readonly requestContext: object
}

type TriggerPayload = { readonly triggerSource: string; readonly userPoolId: string }
type ActionPayload = { readonly action: string; readonly userPoolId?: unknown }

/** Recognises a payload by the keys that only its kind has. */
export function recognise(payload: unknown): Payload {
  if (typeof payload !== 'object' || payload === null) return { kind: 'unknown' }
  const { triggerSource, userPoolId, action, requestContext } = payload as Record<string, unknown>
  if (typeof triggerSource === 'string' && typeof userPoolId === 'string') {
    return { kind: 'trigger', body: payload as TriggerPayload }
  }
  if (typeof action === 'string') return { kind: 'action', body: payload as ActionPayload }
  if (typeof requestContext === 'object' && requestContext !== null)
    return { kind: 'http', event: { ...payload, requestContext } }
  return { kind: 'unknown' }
}

/** The route of a direct invocation. Only a well-formed pool id goes into the path; any other text stays in the body. */
function pathOf(invocation: DirectPayload): string {
  const { userPoolId } = invocation.body
  const pool = `/v1/pools/${isUserPoolId(userPoolId) ? userPoolId : '-'}`
  if (invocation.kind === 'trigger') {
    return `${pool}/triggers/${(findTrigger(invocation.body.triggerSource) ?? unknownTrigger).name}`
  }
  return `${pool}/actions/${routeName(invocation.body.action)}`
}

/** Names of actions have these characters only; any other name leads to a route that does not exist. */
function routeName(action: string): string {
  return /^[\w-]+$/.test(action) ? action : 'unknown'
}

/** What may stand before a route of ours: a stage, a base path or a resource of the API. */
const BASE_PATH = /^(?:\/[\w.$~-]+)*?(?=\/(?:v1\/pools\/|health\/(?:live|ready)$))/

/**
 * The event in the form that the adapter reads, whatever its source: the path of a route, and each header once, repeated
 * ones joined as a server would. Cutting the path is safe, as it says nothing about who asks: signatures are over the body.
 */
function toAdapterEvent(event: HttpEvent): object {
  const path = String(event.path || event.rawPath || '/')
  const headers = { ...fieldsOf(event.headers), ...fieldsOf(event.multiValueHeaders) }
  const joined = Object.entries(headers).map(([name, value]) => [name, textsOf(value).join(', ')])
  return {
    ...event,
    path: path.replace(BASE_PATH, ''),
    headers: Object.fromEntries(joined),
    multiValueHeaders: undefined,
  }
}

/** The answer in the shape that its source reads: a load balancer that sends header values as lists wants lists back. */
function toSourceAnswer({ requestContext, multiValueHeaders }: HttpEvent, answer: AdapterAnswer): object {
  const whole = { isBase64Encoded: false, ...answer }
  if (!('elb' in requestContext) || multiValueHeaders === undefined) return whole
  const { headers, ...rest } = whole
  const lists = Object.entries(headers).map(([name, value]) => [name, [value].flat()])
  return { ...rest, multiValueHeaders: Object.fromEntries(lists) }
}

interface AdapterAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** What the handler uses of Lambda's context. */
export type LambdaContext = Pick<Context, 'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'> & {
  /** What the invoker sent along, beside the payload. */
  readonly clientContext?: unknown
}

/** How many gateways an event has passed through, as the invoker says beside the event; 0 if it says nothing. */
export function hopsOf({ clientContext }: LambdaContext): number {
  const hops = fieldsOf(fieldsOf(clientContext).custom)[HOPS_KEY]
  return Number.isSafeInteger(hops) && Number(hops) > 0 ? Number(hops) : 0
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by @fastify/aws-lambda. */
    awsLambda?: { readonly event?: unknown }
  }
}

/**
 * The key under which the adapter's event carries its invocation. A symbol, because no client can send one: headers, paths
 * and JSON have no such keys.
 */
const INVOCATION = Symbol('invocation')

interface Marked {
  [INVOCATION]?: LambdaInvocation
}

/** For {@link buildApp}: the invocation behind a request; undefined for a request that came to a server. */
export function lambdaInvocation(request: FastifyRequest): LambdaInvocation | undefined {
  return (request.awsLambda?.event as Marked | undefined)?.[INVOCATION]
}

/** The handler of an app that was built with {@link lambdaInvocation}. */
export type Handler = (payload: unknown, context: LambdaContext) => Promise<unknown>

/**
 * Makes the Lambda handler: recognises the payload, sends it through the app, and turns the answer into Lambda's. It throws
 * only new errors with public text, since Cognito shows the text and the runtime logs whatever else an error holds.
 */
export async function createHandler(app: FastifyInstance, clock: Clock = systemClock): Promise<Handler> {
  const proxy = awsLambdaFastify(app, { retainStage: true })
  // After the wrapper, which decorates the app; before the first event, so that no event pays for it.
  await app.ready()
  let first = true

  async function answer(recognised: Payload, facts: InvocationFacts, context: Context): Promise<unknown> {
    switch (recognised.kind) {
      case 'http':
        return answerHttp(recognised.event, { kind: 'http', ...facts }, context)
      case 'trigger':
        return triggerAnswer(recognised.body, await send(recognised, facts, context))
      case 'action':
        return send(recognised, facts, context)
      case 'unknown':
        throw new InvocationUnknown()
    }
    return recognised satisfies never
  }

  async function send(recognised: DirectPayload, facts: InvocationFacts, context: Context): Promise<HttpAnswer> {
    const event = {
      httpMethod: 'POST',
      path: pathOf(recognised),
      // The payload goes beside the request: what Cognito sent is neither serialised nor parsed again.
      [INVOCATION]: { kind: recognised.kind, payload: recognised.body, ...facts },
    }
    const { statusCode, body } = await proxy(event, context)
    return { statusCode, body: JSON.parse(body) as Record<string, unknown> }
  }

  async function answerHttp(event: HttpEvent, invocation: LambdaInvocation, context: Context): Promise<unknown> {
    try {
      const answer = await proxy({ ...toAdapterEvent(event), [INVOCATION]: invocation }, context)
      return toSourceAnswer(event, answer as AdapterAnswer)
    } catch {
      // The adapter throws for what no server would take: a query that is not encoded, a method that does not exist.
      const { code, message, statusCode } = new RequestInvalid('it is not HTTP')
      const body = JSON.stringify({ code, message, requestId: invocation.requestId })
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      return toSourceAnswer(event, { statusCode, headers, body })
    }
  }

  return async (payload, context) => {
    const coldStartMs = first ? clock.elapsed() : undefined
    first = false
    try {
      const facts = {
        alias: aliasOf(context.invokedFunctionArn),
        requestId: context.awsRequestId,
        remainingMs: context.getRemainingTimeInMillis(),
        coldStartMs,
        hops: hopsOf(context),
      }
      return await answer(recognise(payload), facts, context as Context)
    } catch (error) {
      if (!(error instanceof Refusal)) logUnanswered(app, error, context)
      if (error instanceof Refusal && error.isCustomers) throw publicError(error.message, { ofCustomer: true })
      const text = isGatewayError(error) || error instanceof Refusal ? error.message : new Internal().message
      throw publicError(`${text} (ref ${context.awsRequestId})`)
    }
  }
}

/**
 * A handler that exists at once, for hosts that load it by `require()`, which cannot wait. Its invocations wait for the
 * start. A start that fails ends the environment, as a failed load would, even without an invocation; no invocation is
 * answered with its error, which is not for users.
 */
export function whenStarted(starting: Promise<Handler>): Handler {
  const started = starting.catch((error: unknown): Promise<Handler> => {
    process.nextTick(() => {
      throw error
    })
    return new Promise(() => {})
  })
  return async (payload, context) => (await started)(payload, context)
}

type InvocationFacts = Omit<LambdaInvocation, 'kind'>

interface HttpAnswer {
  readonly statusCode: number
  readonly body: Record<string, unknown>
}

/** The app refused a trigger event; its closing line has said why. */
class Refusal extends Error {
  /**
   * @param isCustomers the text comes from the customer's own function: clients may compare it, so nothing is added to it
   */
  constructor(
    text: string,
    readonly isCustomers: boolean,
  ) {
    super(text)
  }
}

const CHAIN_THREW = new ChainThrew('').code

/** Cognito wants the whole event back: everything but `response` is what came in. */
function triggerAnswer(event: TriggerPayload, { statusCode, body }: HttpAnswer): unknown {
  if (statusCode !== 200) throw new Refusal(String(body.message), body.code === CHAIN_THREW)
  return 'response' in body ? { ...event, response: body.response } : event
}

/** Writes the closing line of an invocation that the app never saw, at the level that the app would give it. */
function logUnanswered(
  app: FastifyInstance,
  error: unknown,
  { awsRequestId, invokedFunctionArn }: LambdaContext,
): void {
  const facts = { alias: aliasOf(invokedFunctionArn), requestId: awsRequestId, gatewayVersion: GATEWAY_VERSION }
  const line: LineFacts = {
    msg: 'invocation',
    outcome: isGatewayError(error) ? 'rejected' : 'fault',
    reason: reasonOf(error),
  }
  const level = line.outcome === 'fault' ? 'error' : 'warn'
  app.log[level]({ ...facts, outcome: line.outcome, reason: line.reason, err: error }, line.msg)
}

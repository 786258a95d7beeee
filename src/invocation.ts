import { performance } from 'node:perf_hooks'
import { awsLambdaFastify } from '@fastify/aws-lambda'
import type { Context } from 'aws-lambda'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { GATEWAY_VERSION } from './env.js'
import { Internal, InvocationUnknown, isGatewayError, reasonOf } from './errors.js'
import { aliasOf, isUserPoolId } from './ids.js'
import type { DirectInvocation } from './plugins/arrival.js'
import { findTrigger, unknownTrigger } from './triggers/index.js'

/** What a Lambda payload is (CONTRACT 2.1). */
export type Payload = DirectPayload | { readonly kind: 'http'; readonly event: object } | { readonly kind: 'unknown' }

type DirectPayload =
  | { readonly kind: 'trigger'; readonly body: TriggerPayload }
  | { readonly kind: 'action'; readonly body: ActionPayload }

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
  if (typeof requestContext === 'object' && requestContext !== null) return { kind: 'http', event: payload }
  return { kind: 'unknown' }
}

/** The route of a direct invocation. What is no pool id stands in the body alone, where it can lead nowhere. */
function pathOf(invocation: DirectPayload): string {
  const { userPoolId } = invocation.body
  const pool = `/v1/pools/${isUserPoolId(userPoolId) ? userPoolId : '-'}`
  if (invocation.kind === 'trigger') {
    return `${pool}/triggers/${(findTrigger(invocation.body.triggerSource) ?? unknownTrigger).name}`
  }
  return `${pool}/actions/${encodeURIComponent(invocation.body.action)}`
}

/** What the handler uses of Lambda's context. */
export type LambdaContext = Pick<Context, 'awsRequestId' | 'invokedFunctionArn' | 'getRemainingTimeInMillis'>

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by @fastify/aws-lambda. */
    awsLambda?: { readonly event?: unknown }
  }
}

/**
 * Which requests are direct invocations. Kept beside the synthetic event, where no client can reach: not in a header,
 * not in the path, not in the payload.
 */
const direct = new WeakMap<object, DirectInvocation>()

/** For {@link buildApp}: the direct invocation behind a request; undefined for every HTTP request. */
export function directInvocation(request: FastifyRequest): DirectInvocation | undefined {
  const event = request.awsLambda?.event
  return typeof event === 'object' && event !== null ? direct.get(event) : undefined
}

/** The handler of an app that was built with {@link directInvocation}. */
export type Handler = (payload: unknown, context: LambdaContext) => Promise<unknown>

/**
 * Makes the Lambda handler: recognises the payload, sends it through the app, and turns the answer back. It throws
 * nothing but fresh errors with public text, since Cognito shows the text and the runtime logs the rest.
 */
export async function createHandler(app: FastifyInstance): Promise<Handler> {
  const proxy = awsLambdaFastify(app)
  // After the wrapper, which decorates the app; before the first event, so that no event pays for it.
  await app.ready()
  let first = true

  async function answer(payload: unknown, context: LambdaContext, coldStartMs: number | undefined): Promise<unknown> {
    const recognised = recognise(payload)
    switch (recognised.kind) {
      case 'http':
        return proxy(recognised.event, context as Context)
      case 'trigger':
        return triggerAnswer(recognised.body, await send(recognised, context, coldStartMs))
      case 'action':
        return send(recognised, context, coldStartMs)
      case 'unknown':
        throw new InvocationUnknown()
    }
    return recognised satisfies never
  }

  async function send(
    invocation: DirectPayload,
    context: LambdaContext,
    coldStartMs: number | undefined,
  ): Promise<HttpAnswer> {
    const event = {
      httpMethod: 'POST',
      path: pathOf(invocation),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(invocation.body),
    }
    direct.set(event, {
      kind: invocation.kind,
      alias: aliasOf(context.invokedFunctionArn),
      requestId: context.awsRequestId,
      remainingMs: context.getRemainingTimeInMillis(),
      coldStartMs,
    })
    const { statusCode, body: text } = await proxy(event, context as Context)
    return { statusCode, body: JSON.parse(text) as Record<string, unknown> }
  }

  return async (payload, context) => {
    const coldStartMs = first ? performance.now() : undefined
    first = false
    try {
      return await answer(payload, context, coldStartMs)
    } catch (error) {
      if (!(error instanceof Refusal)) logUnanswered(app, error, context)
      const text = isGatewayError(error) || error instanceof Refusal ? error.message : new Internal().message
      throw publicError(text, context.awsRequestId)
    }
  }
}

interface HttpAnswer {
  readonly statusCode: number
  readonly body: Record<string, unknown>
}

/** The app refused a trigger event; its closing line has said why. */
class Refusal extends Error {}

/** Cognito wants the whole event back; all but `response` is the very one that came in. */
function triggerAnswer(event: TriggerPayload, { statusCode, body }: HttpAnswer): unknown {
  if (statusCode !== 200) throw new Refusal(String(body.message))
  return 'response' in body ? { ...event, response: body.response } : event
}

/** What the app never saw has no closing line of its own. */
function logUnanswered(
  app: FastifyInstance,
  error: unknown,
  { awsRequestId, invokedFunctionArn }: LambdaContext,
): void {
  const facts = { alias: aliasOf(invokedFunctionArn), requestId: awsRequestId, gatewayVersion: GATEWAY_VERSION }
  const outcome = isGatewayError(error) ? 'rejected' : 'fault'
  app.log.error({ ...facts, outcome, reason: reasonOf(error), err: error }, 'invocation')
}

/** Public text and the id of the invocation; no cause, no other property, and no frames of ours in the stack. */
function publicError(text: string, requestId: string): Error {
  const error = new Error(`${text} (ref ${requestId})`)
  error.stack = `Error: ${error.message}`
  return error
}

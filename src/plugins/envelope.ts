import fp from 'fastify-plugin'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Env } from '../env.js'
import { InvocationWrongAlias, RequestInvalid } from '../errors.js'
import { aliasOf, functionOf } from '../ids.js'
import { memberText, withMember } from './json-text.js'

/** How a forwarder, the function that Cognito calls for a container, wraps an event. */
const Envelope = Type.Object({
  // Its keys are not looked at: an event may have any number of them.
  event: Type.Object({}),
  invokedFunctionArn: Type.Optional(
    Type.String({ pattern: '^arn:[\\w-]+:lambda:[\\w-]+:\\d{12}:function:[\\w-]+(:[\\w$-]+)?$' }),
  ),
  /** Milliseconds that the forwarder's own invocation had left. */
  remainingMs: Type.Optional(Type.Number({ minimum: 0 })),
  /** How many gateways the event had been through before the forwarder. */
  hops: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
})

declare module 'fastify' {
  interface FastifyRequest {
    /** The event that came over HTTP, as text, with this `response`; the rest is written as it came. */
    eventWith(response: object): string
    /** The event that came over HTTP, as text. */
    eventText: string
  }
  interface FastifyContextConfig {
    /** The body may come in a forwarder's envelope. */
    enveloped?: boolean
  }
}

/** Takes an event out of a forwarder's envelope; the alias and the time that came with it hold as on Lambda. */
export const envelope = fp<{ readonly env: Pick<Env, 'gatewayFunctionArn'> }>(
  async (app, { env }) => {
    app.decorateRequest('eventText', '')
    app.decorateRequest('eventWith', function (response) {
      return withMember(this.eventText, 'response', JSON.stringify(response))
    })
    app.addHook('preValidation', (request, _reply, done) => {
      const { body, bodyText } = request
      request.eventText = bodyText
      if (request.direct || !isWrapped(body) || !request.routeOptions.config.enveloped) return done()
      if (!Check(Envelope, body)) throw new RequestInvalid('the envelope is not of the form that a forwarder sends')
      request.body = body.event
      request.eventText = memberText(bodyText, 'event') ?? ''
      if (body.remainingMs !== undefined) app.hurry(request, body.remainingMs)
      if (body.hops !== undefined) request.hops = body.hops
      if (body.invokedFunctionArn !== undefined) {
        assertFunction(body.invokedFunctionArn, env.gatewayFunctionArn)
        app.arriveVia(request, { kind: 'trigger', alias: aliasOf(body.invokedFunctionArn) })
      }
      done()
    })
  },
  { name: 'envelope', dependencies: ['arrival', 'deadline', 'callers'] },
)

/** Another function's aliases may be named like ours, and let in other pools. */
function assertFunction(invoked: string, ours: string | undefined): void {
  if (ours !== undefined && functionOf(invoked) !== ours) throw new InvocationWrongAlias()
}

/** No trigger event has a key `event`, and every one has a `triggerSource`. */
function isWrapped(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'event' in body && !('triggerSource' in body)
}

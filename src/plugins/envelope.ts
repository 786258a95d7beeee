import fp from 'fastify-plugin'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { RequestInvalid } from '../errors.js'
import { aliasOf } from '../ids.js'

/** How a forwarder, the function that Cognito calls for a container, wraps an event. */
const Envelope = Type.Object({
  event: Type.Record(Type.String(), Type.Unknown()),
  invokedFunctionArn: Type.Optional(
    Type.String({ pattern: '^arn:[\\w-]+:lambda:[\\w-]+:\\d{12}:function:[\\w-]+(:[\\w$-]+)?$' }),
  ),
  /** Milliseconds that the forwarder's own invocation had left. */
  remainingMs: Type.Optional(Type.Number({ minimum: 0 })),
})

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body may come in a forwarder's envelope. */
    enveloped?: boolean
  }
}

/** Takes an event out of a forwarder's envelope; the alias and the time that came with it hold as on Lambda. */
export const envelope = fp(
  async (app) => {
    app.addHook('preValidation', (request, _reply, done) => {
      const { body } = request
      if (request.direct || !isWrapped(body) || !request.routeOptions.config.enveloped) return done()
      if (!Check(Envelope, body)) throw new RequestInvalid('the envelope is not of the form that a forwarder sends')
      request.body = body.event
      if (body.remainingMs !== undefined) app.hurry(request, body.remainingMs)
      if (body.invokedFunctionArn !== undefined) {
        app.arriveVia(request, { kind: 'trigger', alias: aliasOf(body.invokedFunctionArn) })
      }
      done()
    })
  },
  { name: 'envelope', dependencies: ['arrival', 'deadline', 'callers'] },
)

/** No trigger event has a key `event`, and every one has a `triggerSource`. */
function isWrapped(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'event' in body && !('triggerSource' in body)
}

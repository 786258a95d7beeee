import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type GatewayError,
  Internal,
  isGatewayError,
  MethodNotAllowed,
  Overloaded,
  RequestInvalid,
  RequestMediaType,
  RequestTooLarge,
  RouteUnknown,
  reasonOf,
} from '../errors.js'

/** Turns every failure into `{ code, message, requestId }`: public text outside, the failure itself on the log line. */
export const errorHandler = fp(
  async (app) => {
    app.setErrorHandler<FastifyError>(async (error, request, reply) => {
      const failure = toGatewayError(error)
      request.line.error = failure.code === 'GW_ERR_INTERNAL' ? error : failure
      request.line.reason ??= reasonOf(failure)
      request.line.outcome = failure.statusCode >= 500 ? 'fault' : 'rejected'
      reply.code(failure.statusCode)
      if (failure instanceof Overloaded) reply.header('retry-after', '1')
      return { code: failure.code, message: failure.message, requestId: request.requestId }
    })
    // Node's server is told not to look: its refusal would have neither a body nor a line.
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      if (raw.httpVersion === '1.1' && raw.headers.host === undefined) throw new RequestInvalid('it names no host')
      done()
    })
    const routes: { readonly path: RegExp; readonly method: string }[] = []
    app.addHook('onRoute', ({ url, method }) => {
      const path = new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`)
      for (const one of [method].flat()) routes.push({ path, method: one })
    })
    app.setNotFoundHandler(async (request, reply) => {
      const [path = ''] = request.url.split('?', 1)
      const served = routes.filter((route) => route.path.test(path)).map(({ method }) => method)
      if (served.length === 0) throw new RouteUnknown()
      reply.header('allow', served.join(', '))
      throw new MethodNotAllowed()
    })
  },
  { name: 'error-handler', dependencies: ['logging'] },
)

/** For paths that the router itself refuses, before any hook: they are no routes of ours. */
export function answerFrameworkError(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = new RouteUnknown()
  const { code, message } = failure
  request.log.warn({ outcome: 'rejected', reason: reasonOf(failure), requestId: request.id, err: failure }, 'request')
  reply.code(failure.statusCode).send({ code, message, requestId: request.id })
}

/** Fastify's own refusals, in our words; anything unknown is a bug of ours. */
function toGatewayError(error: unknown): GatewayError {
  if (isGatewayError(error)) return error
  const { statusCode } = error as Partial<FastifyError>
  if (statusCode === 413) return new RequestTooLarge()
  if (statusCode === 415) return new RequestMediaType()
  if (statusCode === 400) return new RequestInvalid('the body is not valid JSON')
  return new Internal()
}

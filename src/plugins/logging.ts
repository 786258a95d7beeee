import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GATEWAY_VERSION } from '../env.js'
import { isUserPoolId } from '../ids.js'
import type { Pseudonyms } from '../tenant/own/pseudonyms.js'
import type { LambdaInvocation } from './arrival.js'
import { createInstanceId, type LineFacts } from './log-line.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Collects what the closing line says. */
    line: LineFacts
    /** Lambda's id of the invocation, or one of our own making; never one that a client sent. */
    readonly requestId: string
  }
}

/** Writes one closing line for each request. */
export const logging = fp<{ readonly pseudonyms: Pseudonyms }>(
  async (app, { pseudonyms }) => {
    const instance = createInstanceId()
    app.decorateRequest('line')
    app.decorateRequest('requestId', {
      getter() {
        return this.invocation?.requestId ?? this.id
      },
    })
    app.addHook('onRequest', (request, _reply, done) => {
      request.line = { msg: 'request' }
      if (request.direct) pseudonyms.prepare()
      done()
    })
    app.addHook('onSend', (request, _reply, payload, done) => {
      if (request.line.username === undefined || pseudonyms.settled) return done(null, payload)
      pseudonyms.ready(request.call).then(() => done(null, payload))
    })
    // Runs before the Lambda door gets the answer: no line is left behind in a frozen environment.
    app.addHook('onResponse', (request, reply, done) => {
      const { line } = request
      if (!line.quiet)
        request.log[levelOf(line)](closingLine(request, reply.elapsedTime, pseudonyms, instance), line.msg)
      done()
    })
  },
  { name: 'logging', dependencies: ['arrival', 'deadline'] },
)

/** Ids for requests that bring none we trust. */
export const createRequestId = randomUUID

function levelOf({ level, outcome }: LineFacts): 'info' | 'warn' | 'error' {
  if (level) return level
  if (outcome === 'fault') return 'error'
  return outcome === 'rejected' ? 'warn' : 'info'
}

function startOf({ coldStartMs }: LambdaInvocation): Record<string, unknown> {
  return coldStartMs === undefined ? { coldStart: false } : { coldStart: true, startMs: Math.round(coldStartMs) }
}

function userOf({ userPoolId, username }: LineFacts, pseudonyms: Pseudonyms): string | undefined {
  return username !== undefined && isUserPoolId(userPoolId) ? pseudonyms.of(userPoolId, username) : undefined
}

function closingLine(
  request: FastifyRequest,
  elapsedMs: number,
  pseudonyms: Pseudonyms,
  instance: string,
): Record<string, unknown> {
  const { line, call, tenant, invocation, via } = request
  const { upstream, last, noted } = call.observed
  return {
    tenantId: tenant?.config.tenantId,
    customer: tenant?.config.customer,
    userPoolId: line.userPoolId,
    region: line.region,
    alias: via?.alias,
    trigger: line.trigger,
    action: line.action,
    triggerSource: line.triggerSource,
    outcome: line.outcome,
    reason: line.reason,
    user: userOf(line, pseudonyms),
    clientId: line.clientId,
    requestId: request.requestId,
    flowId: line.flowId,
    attempt: line.attempt,
    lateMs: line.lateMs,
    userNotFound: line.userNotFound,
    chained: line.chained,
    clientSdk: line.clientSdk,
    durationMs: Math.round(elapsedMs),
    ...(Object.keys(upstream).length > 0 && { upstream }),
    failed: last.failed,
    operation: last.operation,
    upstreamStatus: last.status,
    upstreamErrorType: last.errorType,
    upstreamRequestId: last.requestId,
    ...(last.breakerOpen && { breakerOpen: true }),
    secretVersion: noted.secretVersion,
    remembered: noted.remembered,
    ...(invocation && startOf(invocation)),
    door: invocation ? 'lambda' : 'container',
    instance,
    configVersion: tenant?.configVersion,
    ...(tenant?.configStale && { configStale: true }),
    gatewayVersion: GATEWAY_VERSION,
    ...(line.error !== undefined && { err: line.error }),
  }
}

import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Call, type Clock, createCall } from '../call.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Time left and what the dependencies did. */
    call: Call
  }
  interface FastifyInstance {
    /** Shortens a request's time to what its sender had left when it was sent. */
    hurry(request: FastifyRequest, remainingMs: number): void
  }
}

/** Cognito waits 5 s, the cold start included (fact A1). */
const COGNITO_MS = 5_000
/** Kept back for the answer's way to Cognito. */
const RESERVE_MS = 150
/** Time for the start of a process and its first answer together. */
const COLD_BUDGET_MS = 4_700
/** The least time that a request is given; load shedding refuses one with less left. */
export const LEAST_MS = 500

/** What limits the time of an answer. */
export interface Budget {
  readonly triggerDeadlineMs: number
  /** What Lambda, or a forwarder, still has. */
  readonly remainingMs?: number | undefined
  /** Milliseconds since the process started, on an environment's first invocation. */
  readonly coldStartMs?: number | undefined
}

/** How many milliseconds an answer may take: the least that the setting, the forwarder, Lambda and a cold start leave. */
export function budgetMs({ triggerDeadlineMs, remainingMs, coldStartMs }: Budget): number {
  const limits = [triggerDeadlineMs]
  if (remainingMs !== undefined) limits.push(remainingMs - RESERVE_MS)
  // A process that started long before was made ready in advance: no caller has waited for it.
  if (coldStartMs !== undefined && coldStartMs < COGNITO_MS) limits.push(COLD_BUDGET_MS - coldStartMs)
  return Math.max(LEAST_MS, Math.min(...limits))
}

export interface DeadlineOptions {
  readonly env: { readonly triggerDeadlineMs: number }
  readonly clock: Clock
}

/** Starts every request's time. */
export const deadline = fp<DeadlineOptions>(
  async (app, { env, clock }) => {
    app.decorateRequest('call')
    app.decorate('hurry', (request: FastifyRequest, remainingMs: number) => {
      const spentMs = env.triggerDeadlineMs - request.call.remainingMs()
      request.call = createCall(budgetMs({ triggerDeadlineMs: env.triggerDeadlineMs, remainingMs }) - spentMs, clock)
    })
    app.addHook('onRequest', (request, _reply, done) => {
      const { triggerDeadlineMs } = env
      const { remainingMs, coldStartMs } = request.invocation ?? {}
      request.call = createCall(budgetMs({ triggerDeadlineMs, remainingMs, coldStartMs }), clock)
      done()
    })
  },
  { name: 'deadline', dependencies: ['arrival'] },
)

import fp from 'fastify-plugin'
import { type Clock, createCall } from '../../call.js'
import { Overloaded } from '../../errors.js'
import { LEAST_MS } from '../deadline.js'
import { watchBacklog } from './backlog.js'
import { DOOR_LIMITS } from './connections.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A health check, which is never shed. */
    health?: boolean
  }
}

export interface LoadSheddingOptions {
  readonly env: { readonly triggerDeadlineMs: number }
  readonly clock: Clock
  /** How many requests may be under way at once; a connection can bring several. */
  readonly requestsMax?: number
}

/**
 * Refuses only requests that can no longer be answered in time, so that a load balancer can try another instance. The time
 * that a request waited before it was read counts. Health checks are not refused: an orchestrator would end the container,
 * and make matters worse.
 */
export const loadShedding = fp<LoadSheddingOptions>(
  async (app, { env, clock, requestsMax = DOOR_LIMITS.connectionsMax }) => {
    const backlog = watchBacklog(app.server, DOOR_LIMITS.connectionsMax, clock)
    app.addHook('onClose', async () => backlog.stop())
    const leastMs = Math.min(LEAST_MS, env.triggerDeadlineMs / 2)
    let underWay = 0
    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.health) return done()
      const waitedMs = backlog.waitedMs()
      const leftMs = request.call.remainingMs() - waitedMs
      if (leftMs < leastMs || underWay >= requestsMax) throw new Overloaded()
      if (waitedMs > 0) request.call = createCall(leftMs, clock)
      underWay += 1
      reply.raw.once('close', () => {
        underWay -= 1
      })
      done()
    })
  },
  { name: 'load-shedding', dependencies: ['deadline', 'logging', 'error-handler'] },
)

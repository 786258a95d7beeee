import underPressure from '@fastify/under-pressure'
import fp from 'fastify-plugin'
import { Overloaded } from '../errors.js'

/**
 * A loop this late cannot keep a deadline of 4.2 s over three dependencies; answering 503 at once lets the load
 * balancer try another instance.
 */
const EVENT_LOOP_DELAY_MS = 1_000

/** Refuses work while the process is overloaded; health checks go on, or an orchestrator would make it worse. */
export const loadShedding = fp(
  async (app) => {
    await app.register(underPressure, {
      maxEventLoopDelay: EVENT_LOOP_DELAY_MS,
      sampleInterval: 250,
      pressureHandler: (request) => {
        if (!request.routeOptions.config.open) throw new Overloaded()
      },
    })
  },
  { name: 'load-shedding', dependencies: ['logging', 'error-handler'] },
)

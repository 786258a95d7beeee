import type { FastifyInstance } from 'fastify'
import type { Call } from '../call.js'

export interface HealthOptions {
  /** Answers the names of the dependencies that fail. */
  readonly readiness: (call: Call) => Promise<readonly string[]>
}

const HEALTH = { open: true, health: true }

/** Is the process alive, and can it serve? Open to every caller, and quiet in the log. */
export async function healthRoutes(app: FastifyInstance, { readiness }: HealthOptions): Promise<void> {
  app.get('/health/live', { config: HEALTH }, async (request) => {
    request.line.quiet = true
    return { status: 'live' }
  })
  app.get('/health/ready', { config: HEALTH }, async (request, reply) => {
    request.line.quiet = true
    const failing = await readiness(request.call)
    if (failing.length === 0) return { status: 'ready' }
    reply.code(503)
    return { status: 'not ready', failing }
  })
}

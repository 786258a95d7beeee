import type { FastifyInstance } from 'fastify'

/** Is the process alive? Says nothing of its dependencies. */
export async function healthRoutes(app: FastifyInstance): Promise<void> {
  app.get('/health/live', { config: { open: true } }, async (request) => {
    request.line.quiet = true
    return { status: 'live' }
  })
}

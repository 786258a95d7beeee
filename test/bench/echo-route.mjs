// A bare echo: what Fastify costs with nothing behind it.
import Fastify from 'fastify'

const app = Fastify()
app.post('/v1/pools/:userPoolId/triggers/define-auth-challenge', async ({ body }) => body)
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })

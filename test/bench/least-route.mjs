// The reference of the container door: the least Fastify route that does the same work. It takes the same event, checks
// one HMAC by node:crypto over the raw bytes, answers the event with a response, and writes one pino line.
import { createHmac, timingSafeEqual } from 'node:crypto'
import Fastify from 'fastify'
import pino from 'pino'

const secret = Buffer.from(process.env.BENCH_SECRET, 'base64')
const logger = pino(pino.destination({ dest: 1, sync: true }))
const app = Fastify()
app.removeAllContentTypeParsers()
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers
  const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest()
  const given = Buffer.from(signature.slice(3), 'base64')
  if (!timingSafeEqual(given, expected)) return done(new Error('not signed'))
  done(null, JSON.parse(body.toString('utf8')))
})
app.post('/v1/pools/:userPoolId/triggers/define-auth-challenge', async ({ body, params }) => {
  logger.info({ userPoolId: params.userPoolId, trigger: 'define-auth-challenge', outcome: 'challenge' }, 'trigger')
  const response = { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false }
  return { ...body, response }
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })

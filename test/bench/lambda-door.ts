import { awsLambdaFastify } from '@fastify/aws-lambda'
import Fastify from 'fastify'
import { hostedArn } from '../../src/local/world/tenants.js'
import { defineEvent } from '../fixtures/events.js'
import { lambdaContext, startHandler } from './gateway.js'
import { median, medianRatio, type Row, times } from './report.js'
import { openWorld } from './world.js'

const ROUNDS = times(15)
const CALLS = times(2_000, 50)

/** Microseconds a call, one after the other, as Lambda sends them. */
async function microseconds(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  for (let i = 0; i < CALLS; i += 1) await call()
  return ((performance.now() - start) / CALLS) * 1_000
}

/** One warm Define through the handler, against a bare Fastify route through the same adapter. */
export async function lambdaDoor(): Promise<Row[]> {
  const world = await openWorld()
  const handler = await startHandler(world.env)
  const context = lambdaContext(hostedArn(world.tenant.alias))
  const event = defineEvent([])

  const app = Fastify()
  app.post('/define', async ({ body }) => body)
  const bare = awsLambdaFastify(app)
  await app.ready()
  const http = () => ({
    httpMethod: 'POST',
    path: '/define',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
    requestContext: {},
  })

  const ours: number[] = []
  const reference: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const one = await microseconds(() => handler(event, context))
    // biome-ignore lint/suspicious/noExplicitAny: the adapter wants Lambda's whole context and reads none of it
    const other = await microseconds(async () => JSON.parse((await bare(http(), context as any)).body))
    if (round > 0) ours.push(one)
    if (round > 0) reference.push(other)
  }
  await world.stack.stop()
  return [
    {
      name: 'one warm Define on the Lambda door',
      unit: 'µs',
      ours: median(ours),
      reference: median(reference),
      referenceName: 'bare Fastify route through @fastify/aws-lambda',
      ratio: medianRatio(ours, reference),
      most: 1.5,
    },
  ]
}

import { createSecretKey, randomBytes } from 'node:crypto'
import { sign } from '../../src/plugins/signature.js'
import { defineEvent } from '../fixtures/events.js'
import { requestsPerSecond, type Shot, startServer } from './load.js'
import { median, medianRatio, type Row, times } from './report.js'
import { openWorld } from './world.js'

const ROUNDS = times(9)
const REQUESTS = times(4_000, 100)
const PARAMETER = '/corbado/gateway/callers'

function signedDefine(path: string, secret: Buffer): Shot {
  const body = JSON.stringify(defineEvent([]))
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const signature = sign(createSecretKey(secret), 'bench', timestamp, Buffer.from(body)).toString('base64')
  const headers = {
    'content-type': 'application/json',
    'webhook-id': 'bench',
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
  return { path, headers, body }
}

/** Define on the container door, each server a process of its own, in turn under the same load. */
export async function containerDoor(): Promise<Row[]> {
  const world = await openWorld()
  const secret = randomBytes(32)
  world.stack.ssm.put(PARAMETER, `whsec_${secret.toString('base64')}`)
  const env = { ...world.env, CALLER_SECRETS_PARAMETER: PARAMETER, HOST: '127.0.0.1' }
  const servers = {
    ours: await startServer('dist/server.mjs', env),
    least: await startServer('test/bench/least-route.mjs', { ...env, BENCH_SECRET: secret.toString('base64') }),
    echo: await startServer('test/bench/echo-route.mjs', env),
  }
  const shot = signedDefine(`/v1/pools/${world.tenant.userPoolId}/triggers/define-auth-challenge`, secret)
  const figures: Record<keyof typeof servers, number[]> = { ours: [], least: [], echo: [] }
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const name of ['ours', 'least', 'echo'] as const) {
        const perSecond = await requestsPerSecond(servers[name].pool, shot, REQUESTS)
        // The first round lets the compiler warm up.
        if (round > 0) figures[name].push(perSecond)
      }
    }
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.stop()))
    await world.stack.stop()
  }
  const { ours, least, echo } = figures
  const row = { name: 'Define on the container door', unit: 'requests/s', ours: median(ours) }
  return [
    {
      ...row,
      reference: median(least),
      referenceName: 'least route: same event, one HMAC, one pino line',
      ratio: medianRatio(ours, least),
      least: 0.85,
    },
    { ...row, reference: median(echo), referenceName: 'bare echo', ratio: medianRatio(ours, echo) },
  ]
}

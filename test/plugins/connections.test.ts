import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { createBodyReader } from '../../src/plugins/body.js'
import { createLogger } from '../../src/plugins/logger.js'
import { createMetrics, createMetricsApp } from '../../src/plugins/metrics.js'
import {
  boundConnections,
  type ConnectionLimits,
  DOOR_LIMITS,
  serverOptions,
} from '../../src/plugins/server/connections.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createTestClock } from '../fixtures/clock.js'
import { createLogSink } from '../fixtures/log-sink.js'

const SETTINGS = { TENANT_TABLE: 'tenants', AWS_REGION: 'eu-central-1', CALLER_SECRETS_PARAMETER: '/callers' }
const env = parseEnv(SETTINGS)
const clock = createTestClock()
const sink = createLogSink()
const logger = createLogger('info', sink)

async function listen(
  app: { listen(options: object): Promise<string>; server: Server; close(): unknown },
  limits: ConnectionLimits,
) {
  boundConnections(app.server, limits, logger)
  await app.listen({ port: 0, host: '127.0.0.1', listenTextResolver: () => 'listening' })
  t.teardown(() => app.close())
  sink.take()
  return (app.server.address() as AddressInfo).port
}

function buildDoor(limits: ConnectionLimits) {
  const upstreams = createUpstreams(env, clock)
  t.teardown(() => upstreams.close())
  return buildApp({ env, upstreams, clock, logger, server: serverOptions(limits, logger) })
}
const buildMetrics = (limits: ConnectionLimits) => createMetricsApp(createMetrics(), serverOptions(limits, logger))
const door = (limits: ConnectionLimits) => listen(buildDoor(limits), limits)
const metricsDoor = (limits: ConnectionLimits) => listen(buildMetrics(limits), limits)

/** Sends bytes, and nothing after them; all that comes back until the other side closes. */
async function answersTo(port: number, bytes: string): Promise<{ status: number; body: Record<string, unknown> }[]> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (piece) => {
    text += piece
  })
  socket.on('error', () => undefined)
  socket.write(bytes)
  await new Promise((resolve) => socket.on('close', resolve))
  return text
    .split(/(?=HTTP\/1\.1 )/)
    .filter((one) => one !== '')
    .map((one) => {
      const body = one.split('\r\n\r\n')[1] ?? ''
      return { status: Number(one.slice(9, 12)), body: body.startsWith('{') ? JSON.parse(body) : {} }
    })
}

const QUICK = { arrivalMs: 100, connectionsMax: 100, silentMs: 600_000 }
const refusal = (code: string) => ({ code, message: String, requestId: /^[\w-]{36}$/ })
const late = { status: 408, body: refusal('GW_ERR_REQUEST_LATE') }
const half = (path: string, more = '') =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n${more}\r\n{"half":`

t.test('what never arrives whole is answered 408 and closed, on any path', async (t) => {
  const port = await door(QUICK)
  const define = '/v1/pools/eu-central-1_Acme00001/triggers/define-auth-challenge'
  const seconds = Math.floor(clock.now() / 1_000)
  const madeUp = `webhook-id: 1\r\nwebhook-timestamp: ${seconds}\r\nwebhook-signature: v1,x\r\n`
  const stalled = {
    'a body for a route': half(define, madeUp),
    'a body for no route': half('/nowhere'),
    'a chunked body': half('/nowhere')
      .replace('content-length: 100', 'transfer-encoding: chunked')
      .replace('{', '64\r\n{'),
    headers: 'POST /nowhere HTTP/1.1\r\nhost: x\r\n',
    'a request line': 'GET /hea',
  }
  for (const [what, bytes] of Object.entries(stalled)) {
    sink.take()
    t.match(await answersTo(port, bytes), [late], what)
    t.match(
      sink.take(),
      [{ level: 'warn', msg: 'request', outcome: 'rejected', reason: 'request_late', requestId: String }],
      what,
    )
  }
  const answered = await answersTo(port, half('/health/live').replace('POST', 'GET'))
  t.match(answered[0], { status: 200 }, 'answered before its body, and closed all the same')
  sink.take()
  t.strictSame(await answersTo(port, ''), [], 'nothing at all')
  t.strictSame(sink.take(), [], 'was no request')
})

t.test('the same on the port of the metrics', async (t) => {
  const port = await metricsDoor(QUICK)
  t.match(await answersTo(port, 'GET /metrics HTTP/1.1\r\nhost'), [late])
  t.match((await answersTo(port, half('/metrics').replace('POST', 'GET')))[0], { status: 200 })
  for (const path of ['/nowhere', '/metrics']) {
    const answer = await answersTo(port, `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    t.match(answer, [{ status: 404, body: refusal('GW_ERR_ROUTE_UNKNOWN') }])
  }
})

t.test('what the parser or the server itself refuses gets an error body and a line', async (t) => {
  const port = await door({ ...QUICK, arrivalMs: 600_000 })
  const get = (headers: string) => `GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`
  const cases: [string, string, number, string][] = [
    ['no request line', 'GET\r\n\r\n', 400, 'GW_ERR_REQUEST_INVALID'],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01', 400, 'GW_ERR_REQUEST_INVALID'],
    ['an unheard-of method', 'FOO / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'GW_ERR_REQUEST_INVALID'],
    ['a header of 20 KB', get(`x: ${'x'.repeat(20_000)}\r\n`), 431, 'GW_ERR_REQUEST_HEADERS_TOO_LARGE'],
    ['two lengths', half('/nowhere', 'content-length: 7\r\n'), 400, 'GW_ERR_REQUEST_INVALID'],
    [
      'a broken chunk',
      `${half('/nowhere').replace('content-length: 100', 'transfer-encoding: chunked')}\r\n`,
      400,
      'GW_ERR_REQUEST_INVALID',
    ],
    ['no host', 'GET /health/live HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'GW_ERR_REQUEST_INVALID'],
    ['an expectation', get('expect: the-unexpected\r\n'), 404, 'GW_ERR_ROUTE_UNKNOWN'],
    ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n', 405, 'GW_ERR_METHOD_NOT_ALLOWED'],
  ]
  for (const [what, bytes, status, code] of cases) {
    sink.take()
    t.match(await answersTo(port, bytes), [{ status, body: refusal(code) }], what)
    t.match(sink.take(), [{ outcome: 'rejected', err: { code } }], what)
  }
})

t.test('connections are bounded: one too many is closed at once, and the others are served', async (t) => {
  const port = await door({ arrivalMs: 600_000, connectionsMax: 3, silentMs: 600_000 })
  const open = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  t.teardown(() => open.map((socket) => socket.destroy()))
  await Promise.all(open.map((socket) => once(socket, 'connect')))
  t.strictSame(await answersTo(port, 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'), [])
  const [first] = open as [Socket]
  first.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n')
  const [piece] = await once(first, 'data')
  t.match(String(piece), /^HTTP\/1\.1 200/)
})

for (const [what, build, path, requests] of [
  ['the door', buildDoor, '/health/live', 3_000],
  ['the port of the metrics', buildMetrics, '/metrics', 300],
] as const) {
  t.test(`${what}: a connection whose answers are never read is closed, and makes room for another`, async (t) => {
    const limits = { arrivalMs: 600_000, connectionsMax: 3, silentMs: 100 }
    const app = build(limits)
    boundConnections(app.server, limits, logger)
    // The machine keeps far fewer bytes of one for a reader than of a TCP connection.
    const folder = await mkdtemp(join(tmpdir(), 'door-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const address = join(folder, 'door')
    await app.listen({ path: address, listenTextResolver: () => 'listening' })
    t.teardown(() => app.close())
    const closed: Promise<unknown>[] = []
    app.server.on('connection', (socket: Socket) => closed.push(once(socket, 'close')))
    const stalled = Array.from({ length: limits.connectionsMax }, () => connect(address).pause())
    for (const socket of stalled) {
      socket.on('error', () => undefined)
      t.teardown(() => socket.destroy())
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(requests))
    }
    while (closed.length < stalled.length) await new Promise(setImmediate)
    // Without a bound they stay for ever.
    await Promise.all(closed)
    app.server.setTimeout(600_000)
    const reads = connect(address)
    t.teardown(() => reads.destroy())
    reads.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
    const [piece] = await once(reads, 'data')
    t.match(String(piece), /^HTTP\/1\.1 200/)
  })

  t.test(
    `${what}: a connection may be silent for twice a deadline, and for a minute between two requests`,
    async (t) => {
      const app = build(DOOR_LIMITS)
      const port = await listen(app, DOOR_LIMITS)
      const opening = once(app.server, 'connection')
      const socket = connect(port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      const [served] = (await opening) as [Socket]
      const ask = `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
      const timeouts: unknown[] = []
      for (const _time of [1, 2]) {
        const asked = once(app.server, 'request')
        socket.write(ask)
        const [, response] = await asked
        timeouts.push(served.timeout)
        await once(response, 'finish')
        t.ok(Number(served.timeout) > 60_000, 'load balancers keep one for 60 s')
      }
      t.strictSame(timeouts, [10_000, 10_000], 'while a request is under way')
      t.throws(() => parseEnv({ ...SETTINGS, TRIGGER_DEADLINE_MS: '5000' }), 'none is under way for half of that')
    },
  )
}

t.test('bodies have one bound together until they are released, small pieces included', async (t) => {
  const read = createBodyReader({ bytesMax: 1_000, heldBytesMax: 2_000 })
  function arriving() {
    const message = Object.assign(new PassThrough(), { headers: {} })
    const result: unknown[] = []
    let release = () => {}
    read(message as unknown as IncomingMessage, (error, body) => {
      result.push(error?.code ?? String(body?.bytes))
      if (body) release = body.release
    })
    const send = async (text: string) => {
      message.write(text)
      await new Promise(setImmediate)
    }
    return { message, result, send, release: () => release() }
  }
  const [one, two, three] = [arriving(), arriving(), arriving()]
  await one.send('x'.repeat(800))
  await two.send('x'.repeat(800))
  await three.send('y')
  t.strictSame(three.result, [])
  for (let piece = 0; piece < 2; piece += 1) await three.send('y')
  t.strictSame([one.result, two.result, three.result], [[], [], ['GW_ERR_OVERLOADED']], 'the last one gives way')
  one.message.end()
  await once(one.message, 'end')
  t.strictSame(one.result, ['x'.repeat(800)])
  const waiting = arriving()
  await waiting.send('z'.repeat(900))
  t.strictSame(waiting.result, ['GW_ERR_OVERLOADED'], 'a body that is whole takes its room until it is released')
  one.release()
  const four = arriving()
  await four.send('z'.repeat(900))
  t.strictSame(four.result, [], 'what is released makes room')
  await four.send('z'.repeat(200))
  t.strictSame(four.result, ['GW_ERR_REQUEST_TOO_LARGE'])
  two.message.destroy(new Error('reset'))
  await new Promise((resolve) => two.message.on('close', resolve))
  t.strictSame(two.result, ['GW_ERR_REQUEST_INVALID'], 'the sender has gone')
})

import { type AddressInfo, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { ERRORS } from '../../src/errors.js'
import { CALLER_SECRETS_PARAMETER } from '../../src/local/accounts.js'
import { createLogger } from '../../src/plugins/logger.js'
import { boundConnections, type ConnectionLimits, serverOptions } from '../../src/plugins/server/connections.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { signatureHeaders, startContainer } from '../fixtures/container.js'
import { defineEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t)
await gateway.addTenant(tenantFile())
// Puts the callers' secret where this file's own door finds it.
await startContainer(t, gateway)
const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => rejections.push(reason))

/** Whatever does not arrive whole is soon given up. */
const LIMITS: ConnectionLimits = { arrivalMs: 200, connectionsMax: 200, silentMs: 600_000 }
const sink = createLogSink()
const logger = createLogger('info', sink)
const env = parseEnv({ LOG_LEVEL: 'info', ...process.env, CALLER_SECRETS_PARAMETER })
const upstreams = gateway.watch(createUpstreams(env, gateway.clock))
const app = buildApp({ env, upstreams, clock: gateway.clock, logger, server: serverOptions(LIMITS, logger) })
boundConnections(app.server, LIMITS, logger)
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo
t.teardown(async () => {
  await app.close()
  await upstreams.close()
})

interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends bytes and closes its side; all that comes back until the other side does, too. */
async function answersTo(bytes: string | Buffer): Promise<Answer[]> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
  })
  socket.on('error', () => undefined)
  socket.end(bytes)
  await new Promise((resolve) => socket.on('close', resolve))
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((one) => one !== '')
    .map((one) => ({ status: Number(one.slice(9, 12)), body: one.slice(one.indexOf('\r\n\r\n') + 4) }))
}

const codes = new Set<string>(ERRORS.map(({ code }) => code))

/** What is wrong with an answer; nothing if it is one of ours. */
function wrongWith({ status, body }: Answer): string | undefined {
  if (status === 100 || status === 200 || status === 204) return undefined
  if (status >= 500 || status < 400) return `${status} ${body.slice(0, 200)}`
  // An answer to HEAD has no body.
  if (body === '') return undefined
  const [, code = ''] = /"code":"(\w+)"/.exec(body) ?? []
  return codes.has(code) ? undefined : `${status} with ${body.slice(0, 200)}`
}

const EVENT = JSON.stringify(defineEvent([]))
const PATH = '/v1/pools/eu-central-1_Acme00001/triggers/define-auth-challenge'

interface Shape {
  readonly method?: string
  readonly path?: string
  readonly version?: string
  readonly headers?: readonly string[]
  readonly body?: string
  readonly sent?: string
  readonly length?: string | null
  readonly type?: string | null
}

/** A signed request, changed where the test says; `sent` are the bytes in the place of the body that was signed. */
function request({ method = 'POST', path = PATH, version = 'HTTP/1.1', ...shape }: Shape = {}): string {
  const { body = EVENT, sent = body, length = String(Buffer.byteLength(sent)), type = 'application/json' } = shape
  const signed = Object.entries(signatureHeaders(body, gateway.clock.now())).map(([name, value]) => `${name}: ${value}`)
  const lines = [
    `${method} ${path} ${version}`,
    'host: x',
    ...signed,
    ...(type === null ? [] : [`content-type: ${type}`]),
    ...(length === null ? [] : [`content-length: ${length}`]),
    ...(shape.headers ?? []),
  ]
  return `${lines.join('\r\n')}\r\n\r\n${sent}`
}

const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const chunked = (headers: readonly string[], sent: string) =>
  request({ length: null, headers: ['transfer-encoding: chunked', ...headers], sent })
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n'

t.test('a request that two servers could read in two ways is refused, and what it hides is never served', async (t) => {
  const whole = `${chunk(EVENT)}0\r\n\r\n`
  const ambiguous: Record<string, string> = {
    'length and chunks': request({ headers: ['transfer-encoding: chunked'], sent: `0\r\n\r\n${SMUGGLED}` }),
    'chunks and length': chunked(['content-length: 4'], `${whole}${SMUGGLED}`),
    'two lengths': request({ headers: ['content-length: 1'], sent: EVENT + SMUGGLED }),
    'lengths in a list': request({ length: '5, 5', sent: EVENT + SMUGGLED }),
    'a length with a sign': request({ length: `+${EVENT.length}`, sent: EVENT + SMUGGLED }),
    'a negative length': request({ length: '-1', sent: EVENT + SMUGGLED }),
    'a length in hexadecimal': request({ length: '0x10', sent: EVENT + SMUGGLED }),
    'a length beyond numbers': request({ length: '9'.repeat(30), sent: EVENT + SMUGGLED }),
    'chunks by another name': request({
      length: null,
      headers: ['transfer-encoding: xchunked'],
      sent: whole + SMUGGLED,
    }),
    'chunks before something else': request({
      length: null,
      headers: ['transfer-encoding: chunked, identity'],
      sent: whole + SMUGGLED,
    }),
    'a space before the colon': request({
      length: null,
      headers: ['transfer-encoding : chunked'],
      sent: whole + SMUGGLED,
    }),
    'a header on two lines': request({
      length: null,
      headers: ['transfer-encoding:\r\n chunked'],
      sent: whole + SMUGGLED,
    }),
    'a line feed alone':
      request().replace('content-type', 'x: y\ntransfer-encoding: chunked\r\ncontent-type') + SMUGGLED,
    'a carriage return alone': request().replace('content-type', 'x: y\rcontent-length: 0\r\ncontent-type') + SMUGGLED,
    'a header without a name': request({ headers: [': y'] }) + SMUGGLED,
    'NUL in a header': request({ headers: ['x: a\0b'] }) + SMUGGLED,
    'a chunk of a size beyond numbers': chunked([], `ffffffffffffffffff\r\n${EVENT}\r\n0\r\n\r\n${SMUGGLED}`),
    'a chunk of a negative size': chunked([], `-5\r\n${EVENT}\r\n0\r\n\r\n${SMUGGLED}`),
    'a chunk without its end': chunked([], `5\r\nabcdefghij\r\n0\r\n\r\n${SMUGGLED}`),
  }
  for (const [what, bytes] of Object.entries(ambiguous)) {
    const answers = await answersTo(bytes)
    t.strictSame(answers.map(wrongWith).filter(Boolean), [], what)
    t.ok(answers.length <= 1, `${what}: ${answers.map(({ status }) => status).join(' ')}`)
    t.notOk(
      answers.some(({ status }) => status === 200),
      `${what}: not served`,
    )
  }
})

t.test('every odd but whole request gets one answer, with a code of ours or the one that it deserves', async (t) => {
  const paths = [
    ...[`${PATH}/`, `/${PATH}`, PATH.toUpperCase(), `${PATH}?__proto__[x]=1&constructor=2`, `${PATH}#x`, `${PATH};x=1`],
    ...[
      '/%',
      '/%zz',
      '/%00',
      '/%c0%ae%c0%ae',
      '/%252e%252e',
      '/%2e%2e/%2e%2e',
      '/..%2f..%2f',
      '/\\..\\..',
      '//evil.example/',
    ],
    ...[PATH.replace('define', '%64efine'), PATH.replace('_', '%5f'), PATH.replace('/triggers/', '%2ftriggers%2f')],
    ...[PATH.replace('/v1/', '/v1/../v1/'), PATH.replace('eu-', 'e%75-'), `/v1/pools/${'a'.repeat(9_000)}/triggers/x`],
    ...['http://x/health/live', `http://evil.example${PATH}`, 'https://x', '*', 'x:1', '/health/live/../ready'],
    ...['/v1/pools/__proto__/triggers/constructor', '/v1/pools/%F0%9F%98%80/actions/pre-login'],
  ]
  const methods = ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'PRI', 'post', 'QUERY']
  const gzip = gzipSync(EVENT).toString('latin1')
  const shapes: Record<string, Shape> = {
    ...Object.fromEntries(paths.map((path) => [`path ${path.slice(0, 60)}`, { path }])),
    ...Object.fromEntries(methods.map((method) => [`method ${method}`, { method }])),
    ...Object.fromEntries(
      ['gzip', 'br', 'deflate', 'identity', 'x'].map((one) => [
        `encoding ${one}`,
        { headers: [`content-encoding: ${one}`] },
      ]),
    ),
    'bytes of gzip': { headers: ['content-encoding: gzip'], sent: gzip },
    ...Object.fromEntries(
      [
        ...[
          'text/plain',
          'application/json; charset=utf-16',
          'APPLICATION/JSON',
          'application/json, text/html',
          'json',
        ],
        ...[
          'application/json;',
          'multipart/form-data; boundary=x',
          '__proto__',
          'application/x-www-form-urlencoded',
          '*/*',
        ],
      ].map((type) => [`type ${type}`, { type }]),
    ),
    'no type': { type: null },
    'no length': { length: null },
    'HTTP/1.0': { version: 'HTTP/1.0' },
    'HTTP/1.0, kept': { version: 'HTTP/1.0', headers: ['connection: keep-alive'] },
    'HTTP/2.0': { version: 'HTTP/2.0' },
    'HTTP/0.9': { version: 'HTTP/0.9' },
    'HTTP/9.9': { version: 'HTTP/9.9' },
    'no version': { version: '' },
    'an expectation that is met': { headers: ['expect: 100-continue'] },
    'another expectation': { headers: ['expect: 200-ok'] },
    'an upgrade to a socket': { headers: ['connection: upgrade', 'upgrade: websocket', 'sec-websocket-key: eA=='] },
    'an upgrade to HTTP/2': {
      headers: ['connection: upgrade, http2-settings', 'upgrade: h2c', 'http2-settings: AAMAAABk'],
    },
    'an upgrade to nothing': { headers: ['connection: upgrade', 'upgrade: '] },
    'a second host': { headers: ['host: y'] },
    'a host that is none': { headers: ['host: \u00ff/@:x'] },
    'many headers': { headers: Array.from({ length: 500 }, (_, i) => `x-${i}: y`) },
    'too many headers': { headers: Array.from({ length: 2_500 }, (_, i) => `x${i}:`) },
    'a long header': { headers: [`x: ${'y'.repeat(15_000)}`] },
    'headers named like properties': {
      headers: ['__proto__: x', 'constructor: x', 'hasownproperty: x', 'toString: x'],
    },
    'a signature twice': { headers: ['webhook-signature: v1,eA==', 'webhook-id: x', 'webhook-timestamp: 1'] },
    'a method to go by': { headers: ['x-http-method-override: DELETE'] },
    'a body that is no UTF-8': { sent: EVENT.replace('ada', '\u00c3\u0028') },
  }
  for (const [what, shape] of Object.entries(shapes)) {
    const bytes = Buffer.from(request(shape), what === 'bytes of gzip' ? 'latin1' : 'utf8')
    const answers = (await answersTo(bytes)).filter(({ status }) => status !== 100)
    t.strictSame(answers.map(wrongWith).filter(Boolean), [], what)
    t.ok(answers.length <= 1, `${what}: ${answers.length} answers`)
  }
  t.match(await answersTo(request()), [{ status: 200 }], 'and the plain one is served')
  t.match(
    await answersTo(
      chunked(['trailer: x'], `${Buffer.byteLength(EVENT).toString(16)};a="b"\r\n${EVENT}\r\n0\r\nx: y\r\n\r\n`),
    ),
    [{ status: 200 }],
    'as is one in chunks, with an extension and a trailer',
  )
})

t.test(
  'requests that come in one piece are answered one by one, in their order, up to the first that is none',
  async (t) => {
    const live = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n'
    const statuses = async (bytes: string) => (await answersTo(bytes)).map(({ status }) => status)
    t.strictSame(await statuses(`${live}${request()}${live}${SMUGGLED}${request()}`), [200, 200, 200, 404, 200])
    const broken = await statuses(`${live}\x00\x01garbage\r\n\r\n${live}`)
    t.strictSame([broken.at(-1), broken.length <= 2], [400, true], 'nothing is read after bytes that are no HTTP')
    t.strictSame(await statuses(`${live.repeat(200)}`), Array(200).fill(200))
  },
)

t.test(
  'no change to the bytes of a good request is a fault, a rejection, or served unless it is as good',
  async (_t) => {
    const change = fc.record({
      at: fc.nat(),
      cut: fc.nat({ max: 4 }),
      put: fc.oneof(
        fc.constantFrom(
          '\r',
          '\n',
          '\r\n',
          '\r\n\r\n',
          '\0',
          ' ',
          ':',
          '%',
          '"',
          '{',
          '\\',
          '\u00ff',
          'transfer-encoding: chunked\r\n',
        ),
        fc.string({ maxLength: 4 }),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        let bytes = request()
        const head = bytes.indexOf('\r\n\r\n')
        for (const { at, cut, put } of changes) {
          const start = at % (head + 40)
          bytes = bytes.slice(0, start) + put + bytes.slice(start + cut)
        }
        const answers = await answersTo(Buffer.from(bytes, 'latin1'))
        const wrong = answers.map(wrongWith).filter(Boolean)
        if (wrong.length > 0) throw new Error(wrong.join(', '))
      }),
      { numRuns: 300, seed: 20_261_129 },
    )
  },
)

t.test('after all of it nothing was a fault, and the door serves', async (t) => {
  const bugs = sink.lines.filter(({ outcome, reason }) => outcome === 'fault' || reason === 'internal')
  t.strictSame(bugs, [])
  t.strictSame(rejections, [])
  t.match(await answersTo(request()), [{ status: 200 }])
})

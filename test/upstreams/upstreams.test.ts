import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { REPEAT_MS, SLICE_MS } from '../../src/call.js'
import { type Fault, type StandIn, startStandIn, type WireAnswer } from '../../src/local/aws/server.js'
import { hostedArn, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { type InvokeOptions, type Line, startGateway, untilWaiting } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const SECOND = 1_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PROJECT = 'pro-7001'
const PUBLIC = 'Sign-in with a passkey is not available right now.'

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado, identity } = stack

let count = 0
async function addTenant(): Promise<TenantFile> {
  count += 1
  const file = tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Upstreams${count}`,
    alias: `t-${count}`,
    aws: { accountId: String(300_000_000_000 + count) },
    corbado: { projectId: PROJECT },
  })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  cognito.putUser(file.userPoolId, { username: USER, attributes: { phone_number: '+4989123456' } })
  return file
}

const through = (file: TenantFile, invoke: InvokeOptions) => ({ arn: hostedArn(file.alias), ...invoke })
/** Needs the table. */
const define = (file: TenantFile, invoke: InvokeOptions = {}) =>
  gateway.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }), through(file, invoke))
/** Needs the table, STS and Cognito. */
const postAppend = ({ userPoolId }: TenantFile, invoke: InvokeOptions = {}) =>
  gateway.action({ action: 'post-append', userPoolId, username: USER }, invoke)
/** Needs the table, SSM and Corbado. */
async function verify(file: TenantFile, invoke: InvokeOptions = {}): Promise<unknown> {
  const proof = await corbado.sign(PROJECT, USER)
  return (await gateway.trigger(verifyEvent(proof, {}, { userPoolId: file.userPoolId }), through(file, invoke)))
    .response
}

/** What came of an invocation: the answer or the thrown text, the closing line and how long it took by the clock. */
async function outcome<T>(run: () => Promise<T>): Promise<{ answer?: T; thrown?: string; line: Line; ms: number }> {
  gateway.take()
  const start = clock.elapsed()
  const result = await run().then(
    (answer) => ({ answer }),
    (error: Error) => ({ thrown: error.message }),
  )
  const ms = clock.elapsed() - start
  const line = gateway.take().at(-1)
  if (!line) throw new Error('There is no closing line.')
  return { ...result, line, ms }
}

async function withFault(standIn: StandIn, fault: Fault, run: () => Promise<unknown>): Promise<void> {
  await standIn.setFault(fault)
  try {
    await run()
  } finally {
    await standIn.setFault(undefined)
  }
}

async function withAnswer(answer: WireAnswer, run: () => Promise<unknown>): Promise<void> {
  corbado.answerWith(answer)
  try {
    await run()
  } finally {
    corbado.answerWith(undefined)
  }
}

const correct = { answerCorrect: true }
const incorrect = { answerCorrect: false }

/** What a fault comes to: kind, its HTTP status towards Corbado, and what the line says of the dependency. */
interface Expected {
  readonly fault: Fault
  readonly kind: string
  readonly statusCode: number
  readonly upstreamStatus?: number
  readonly upstreamErrorType?: RegExp
}

const status = (status: number): Fault => ({ kind: 'status', status })
const faultsOfAws: readonly Expected[] = [
  { fault: { kind: 'refuse' }, kind: 'unavailable', statusCode: 503, upstreamErrorType: /^ECONNREFUSED$/ },
  { fault: { kind: 'reset' }, kind: 'unavailable', statusCode: 503, upstreamErrorType: /^ECONNRESET$/ },
  { fault: { kind: 'hang' }, kind: 'timeout', statusCode: 504, upstreamErrorType: /^TimeoutError$/ },
  { fault: { kind: 'garbage' }, kind: 'malformed', statusCode: 502, upstreamStatus: 200 },
  { fault: status(400), kind: 'rejected', statusCode: 502, upstreamStatus: 400, upstreamErrorType: /^\w+$/ },
  { fault: status(404), kind: 'rejected', statusCode: 502, upstreamStatus: 404, upstreamErrorType: /^\w+$/ },
  {
    fault: status(429),
    kind: 'throttled',
    statusCode: 503,
    upstreamStatus: 429,
    upstreamErrorType: /Throttling|TooMany/,
  },
  { fault: status(500), kind: 'unavailable', statusCode: 503, upstreamStatus: 500, upstreamErrorType: /^Internal\w+$/ },
  { fault: status(503), kind: 'unavailable', statusCode: 503, upstreamStatus: 503, upstreamErrorType: /^Internal\w+$/ },
]

type Checks = Pick<typeof t, 'equal' | 'match' | 'type'>

const nameOf = (fault: Fault) => (fault.kind === 'status' ? `status ${fault.status}` : fault.kind)
/** What the line must say of the dependency; a request id wherever an AWS service answered properly. */
function checkFacts(t: Checks, line: Line, expected: Expected, upstream: string): void {
  const { upstreamStatus, upstreamErrorType } = expected
  t.equal(line.upstreamStatus, upstreamStatus)
  if (upstreamErrorType) t.match(line.upstreamErrorType, upstreamErrorType)
  if (upstreamStatus !== undefined && upstreamStatus >= 400) t.match(line.upstreamRequestId, /^[\w-]+$/)
  t.type((line.upstream as Record<string, number>)[upstream], 'number', 'its milliseconds')
}

t.test('table', async (t) => {
  for (const expected of faultsOfAws) {
    t.test(`${nameOf(expected.fault)}: thrown with public text, ${expected.kind} on the line`, async (t) => {
      const file = await addTenant()
      await withFault(table, expected.fault, async () => {
        const { thrown, line } = await outcome(() => define(file))
        t.match(thrown, /^Sign-in with a passkey is not available right now\. \(ref [\w-]+\)$/)
        t.match(line, {
          level: 'error',
          outcome: 'fault',
          reason: `table_${expected.kind}`,
          err: { code: `GW_ERR_UPSTREAM_${expected.kind.toUpperCase()}` },
        })
        checkFacts(t, line, expected, 'table')
      })
      t.match(await define(file), { response: { challengeName: 'CUSTOM_CHALLENGE' } }, 'healed at once')
    })
  }
})

/** What a login's line says of a secret that SSM did not give. */
const secretReasons: Record<string, string> = {
  denied: 'secret_denied',
  expired: 'secret_denied',
  throttled: 'secret_throttled',
  timeout: 'secret_timeout',
}

t.test('SSM', async (t) => {
  for (const expected of faultsOfAws) {
    t.test(`${nameOf(expected.fault)}: verify fails closed, the cause is on the line`, async (t) => {
      const file = await addTenant()
      await withFault(ssm, expected.fault, async () => {
        const before = corbado.calls.length
        const { answer, line } = await outcome(() => verify(file))
        t.strictSame(answer, incorrect)
        t.equal(corbado.calls.length, before)
        t.match(line, {
          level: 'error',
          outcome: 'incorrect',
          reason: secretReasons[expected.kind] ?? 'secret_unavailable',
        })
        checkFacts(t, line, expected, 'ssm')
      })
      clock.advance(6 * SECOND)
      t.strictSame(await verify(file), correct, 'healed once the failure is forgotten')
    })
  }
})

t.test('what may have been lost with its connection, or met one bad server, is sent once more, at once', async (t) => {
  for (const [fault, requests] of [
    [{ kind: 'reset' }, 2],
    [status(500), 2],
    [status(429), 1],
    [status(400), 1],
    [{ kind: 'garbage' }, 1],
    // On the kept connection, which may be dead, and on a new one; and once more by the load, for which there is time.
    [{ kind: 'hang' }, 3],
  ] as const) {
    const file = await addTenant()
    await withFault(table, fault, async () => {
      const [before, at] = [table.calls.length, clock.elapsed()]
      await t.rejects(define(file))
      t.equal(table.calls.length - before, requests, nameOf(fault))
      if (fault.kind !== 'hang') t.equal(clock.elapsed(), at, 'without a pause')
    })
  }
})

for (const [name, standIn] of [
  ['sts', sts],
  ['cognito', cognito],
] as const) {
  t.test(`${name}`, async (t) => {
    for (const expected of faultsOfAws) {
      t.test(
        `${nameOf(expected.fault)}: ${expected.statusCode} with public text, ${expected.kind} on the line`,
        async (t) => {
          const file = await addTenant()
          await withFault(standIn, expected.fault, async () => {
            const { answer, line } = await outcome(() => postAppend(file, { remainingMs: 1_200 }))
            const code = `GW_ERR_UPSTREAM_${expected.kind.toUpperCase()}`
            t.match(answer, {
              statusCode: expected.statusCode,
              body: { code, message: PUBLIC, requestId: line.requestId },
            })
            t.strictSame(Object.keys(answer?.body ?? {}).sort(), ['code', 'message', 'requestId'])
            t.match(line, { level: 'error', outcome: 'fault', reason: `${name}_${expected.kind}`, err: { code } })
            checkFacts(t, line, expected, name)
          })
          clock.advance(6 * SECOND)
          t.match(await postAppend(file), { statusCode: 200, body: {} }, 'healed')
        },
      )
    }
  })
}

const faultsOfCorbado: readonly (Omit<Expected, 'kind' | 'statusCode'> & { readonly reason: string })[] = [
  { fault: { kind: 'refuse' }, reason: 'backend_unavailable', upstreamErrorType: /^ECONNREFUSED$/ },
  { fault: { kind: 'reset' }, reason: 'backend_unavailable', upstreamErrorType: /^(ECONNRESET|UND_ERR_SOCKET)$/ },
  { fault: { kind: 'hang' }, reason: 'backend_timeout' },
  { fault: { kind: 'garbage' }, reason: 'backend_malformed', upstreamStatus: 200 },
  { fault: status(400), reason: 'backend_rejected', upstreamStatus: 400, upstreamErrorType: /^validation_error$/ },
  { fault: status(401), reason: 'backend_unauthorized', upstreamStatus: 401, upstreamErrorType: /^login_error$/ },
  { fault: status(403), reason: 'backend_unauthorized', upstreamStatus: 403, upstreamErrorType: /^login_error$/ },
  { fault: status(404), reason: 'backend_rejected', upstreamStatus: 404, upstreamErrorType: /^not_found$/ },
  { fault: status(429), reason: 'backend_rate_limited', upstreamStatus: 429, upstreamErrorType: /^rate_limited$/ },
  { fault: status(500), reason: 'backend_unavailable', upstreamStatus: 500, upstreamErrorType: /^internal_error$/ },
  { fault: status(503), reason: 'backend_unavailable', upstreamStatus: 503, upstreamErrorType: /^internal_error$/ },
]

t.test('Corbado', async (t) => {
  const file = await addTenant()
  const reason = async () => {
    const { answer, line } = await outcome(() => verify(file))
    t.strictSame(answer, line.reason === 'verified' ? correct : incorrect)
    return line.reason
  }

  for (const expected of faultsOfCorbado) {
    t.test(`${nameOf(expected.fault)}: ${expected.reason}, and sent no more than once`, async (t) => {
      await withFault(corbado, expected.fault, async () => {
        const before = corbado.calls.length
        const { answer, line } = await outcome(() => verify(file, { remainingMs: 1_000 }))
        t.strictSame(answer, incorrect)
        t.match(line, { level: 'error', outcome: 'incorrect', reason: expected.reason })
        checkFacts(t, line, { ...expected, kind: '', statusCode: 0 }, 'corbado')
        t.equal(corbado.calls.length - before, expected.fault.kind === 'refuse' ? 0 : 1)
      })
      t.equal(await reason(), 'verified', 'healed at once')
    })
  }

  t.test('the call is the one that Corbado documents', async (t) => {
    await verify(file)
    const { operation, input } = corbado.calls.at(-1) ?? {}
    t.equal(operation, 'verifySignedData')
    t.match(input, { signedPasskeyData: /^eyJ/, username: USER })
    t.strictSame(Object.keys(input as object).sort(), ['signedPasskeyData', 'username'])
  })

  t.test('a redirect is not followed: it would carry the proof to another host', async (t) => {
    const elsewhere = await startStandIn({
      name: 'elsewhere',
      clock,
      operationOf: ({ path }) => path,
      faultAnswer: (status) => ({ status }),
      handle: () => ({ status: 200, body: { verificationResult: 'success' } }),
    })
    t.teardown(() => elsewhere.stop())
    for (const status of [301, 302, 303, 307, 308]) {
      const location = `${elsewhere.url}/v2/passkey/verifySignedData`
      await withAnswer({ status, headers: { location }, body: { verificationResult: 'success' } }, async () => {
        t.equal(await reason(), 'backend_malformed', String(status))
      })
    }
    t.strictSame(elsewhere.calls, [])
  })

  t.test('nothing but a 2xx with a known result in its place is a verdict', async (t) => {
    const bodies = [
      '',
      'null',
      '[]',
      '{}',
      'success',
      '"success"',
      '["success"]',
      '<html>success</html>',
      '{"verificationResult":"success"',
      '{"verificationResult":"Success"}',
      '{"verificationResult":"success "}',
      '{"verificationResult":true}',
      '{"verificationResult":["success"]}',
      '{"verificationResult":null}',
      '{"verificationResult":"a new result"}',
      '{"data":{"verificationResult":"success"}}',
      '{"__proto__":{"verificationResult":"success"}}',
      '['.repeat(20_000),
    ]
    for (const body of bodies) {
      await withAnswer({ status: 200, body }, async () => {
        t.equal(await reason(), 'backend_malformed', body.slice(0, 60))
      })
    }
    await withAnswer({ status: 204 }, async () => t.equal(await reason(), 'backend_malformed', '204'))
    await withAnswer({ status: 400, body: { verificationResult: 'success' } }, async () => {
      t.equal(await reason(), 'backend_rejected', 'success in a 400')
    })
    await withAnswer({ status: 500, body: { verificationResult: 'success' } }, async () => {
      t.equal(await reason(), 'backend_unavailable', 'success in a 500')
    })
    await withAnswer({ status: 201, body: { verificationResult: 'success' } }, async () => {
      t.equal(await reason(), 'verified', 'any 2xx will do')
    })
  })

  t.test('an answer over 64 KiB is not read to its end', async (t) => {
    const sized = (bytes: number) => {
      const empty = JSON.stringify({ verificationResult: 'success', pad: '' })
      return empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`)
    }
    await withAnswer({ status: 200, body: sized(65_536) }, async () => t.equal(await reason(), 'verified'))
    await withAnswer({ status: 200, body: sized(65_537) }, async () => t.equal(await reason(), 'backend_malformed'))
    t.equal(await reason(), 'verified', 'the next call is not disturbed')
  })

  t.test('what a broken server says of itself reaches the line only if it is a name or an id', async (t) => {
    const texts = ['ada@acme.example', 'two words', 'line\nbreak', 'x'.repeat(81), '', 7, { type: 'x' }, '<script>']
    for (const text of texts) {
      const body = { error: { type: text }, requestData: { requestID: text } }
      await withAnswer({ status: 400, body }, async () => {
        const { line } = await outcome(() => verify(file))
        t.equal(line.reason, 'backend_rejected')
        t.notOk('upstreamErrorType' in line || 'upstreamRequestId' in line, JSON.stringify(text))
      })
    }
    for (const body of ['null', '[]', '{"error":null,"requestData":null}', '{"error":"x"}', 'no JSON']) {
      await withAnswer({ status: 400, body }, async () => t.equal(await reason(), 'backend_rejected', body))
    }
  })

  t.test('consecutive calls use one connection, and so do two tenants', async (t) => {
    const other = await addTenant()
    await verify(file)
    const before = corbado.calls.length
    for (const one of [file, other, file]) await verify(one)
    const connections = corbado.calls.slice(before - 1).map(({ connection }) => connection)
    t.equal(connections.length, 4)
    t.equal(new Set(connections).size, 1)
  })

  t.test(
    'after an idle gap of over 2 s a new connection is made: a frozen environment cannot see that one died',
    async (t) => {
      const connection = async () => {
        t.equal(await reason(), 'verified')
        return corbado.calls.at(-1)?.connection
      }
      const first = await connection()
      clock.advance(2 * SECOND)
      t.equal(await connection(), first, 'idle for 2 s')
      clock.advance(2 * SECOND + 1)
      const second = await connection()
      t.not(second, first, 'idle for a millisecond more')
      t.equal(await connection(), second)
    },
  )

  t.test('a base URL may end in a slash or have a path', async (t) => {
    for (const [rest, path] of [
      ['/', '/v2/passkey/verifySignedData'],
      ['/base', '/base/v2/passkey/verifySignedData'],
      ['/base/', '/base/v2/passkey/verifySignedData'],
    ] as const) {
      const seen: string[] = []
      const backend = await startStandIn({
        name: 'backend',
        clock,
        operationOf: ({ path }) => path,
        faultAnswer: (status) => ({ status }),
        handle({ method, path, headers }) {
          seen.push(`${method} ${path} ${headers['content-type']}`)
          return { status: 200, body: { verificationResult: 'success' } }
        },
      })
      t.teardown(() => backend.stop())
      const tenant = await tenantAt(`${backend.url}${rest}`)
      t.strictSame(await verify(tenant), correct)
      t.strictSame(seen, [`POST ${path} application/json`])
    }
  })
})

/** A tenant whose Backend API is somewhere else. */
async function tenantAt(backendApiUrl: string): Promise<TenantFile> {
  const file = await addTenant()
  const config = toLocal(file, stack)
  await putTenantRecord(stack, { ...config, corbado: { ...config.corbado, backendApiUrl } }, file.userPoolId)
  return file
}

t.test('a Backend API that does not keep to HTTP', async (t) => {
  /** A bare TCP server; `heard` resolves with the connection on which something came. */
  async function speak(): Promise<{ file: TenantFile; heard: Promise<Socket> }> {
    const sockets = new Set<Socket>()
    let hear = (_socket: Socket) => {}
    const heard = new Promise<Socket>((resolve) => {
      hear = resolve
    })
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('data', () => hear(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const address = server.address()
    const file = await tenantAt(`http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
    return { file, heard }
  }
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 33\r\n\r\n'
  const success = '{"verificationResult": "success"}'

  const broken: [string, string, (socket: Socket) => void][] = [
    ['another protocol', 'backend_malformed', (socket) => socket.write('SSH-2.0-OpenSSH_9.9\r\n')],
    ['a broken header', 'backend_malformed', (socket) => socket.write('HTTP/1.1 200 OK\r\nbro ken\r\n\r\n')],
    ['no answer at all', 'backend_unavailable', (socket) => socket.end()],
    ['an end in the middle of the body', 'backend_unavailable', (socket) => socket.end(head + success.slice(0, 20))],
  ]
  for (const [what, expected, write] of broken) {
    t.test(`${what}: ${expected}, at once`, async (t) => {
      const { file, heard } = await speak()
      heard.then(write)
      const { answer, line, ms } = await outcome(() => verify(file, { remainingMs: 1_000 }))
      t.strictSame(answer, incorrect)
      t.equal(line.reason, expected)
      t.equal(ms, 0)
    })
  }

  const endless: [string, string, string][] = [
    ['a pause in the middle of the head', head.slice(0, 30), ''],
    ['a pause in the middle of the body', head + success.slice(0, 20), ''],
    ['one byte now and then', head, ' '],
  ]
  for (const [what, beginning, more] of endless) {
    t.test(`${what}: backend_timeout, when the time is up`, async (t) => {
      const { file, heard } = await speak()
      const asked = outcome(() => verify(file, { remainingMs: 1_000 }))
      const socket = await heard
      socket.write(beginning)
      for (let ms = 0; ms < 850; ms += 50) {
        socket.write(more)
        await setImmediate()
        clock.advance(50)
      }
      let ended = false
      asked.finally(() => (ended = true))
      for (let turn = 0; turn < 1_000 && !ended; turn++) await setImmediate()
      // One whose time is not up yet is not waited for.
      if (!ended) clock.advance(60 * SECOND)
      const { answer, line, ms } = await asked
      t.strictSame(answer, incorrect)
      t.equal(line.reason, 'backend_timeout')
      t.equal(ms, 850, 'what Lambda had left, less the way to Cognito')
    })
  }

  t.test('an honest one of the same kind is believed', async (t) => {
    const { file, heard } = await speak()
    heard.then((socket) => socket.end(head + success))
    t.strictSame(await verify(file), correct)
  })
})

t.test('AWS services are spoken to over kept connections, which tenants share', async (t) => {
  const [a, b] = [await addTenant(), await addTenant()]
  await Promise.all([verify(a), postAppend(a)])
  for (const [standIn, run] of [
    [table, () => define(b)],
    [ssm, () => verify(b)],
    [sts, () => postAppend(b)],
    [cognito, () => postAppend(b)],
  ] as const) {
    const known = new Set(standIn.calls.map(({ connection }) => connection))
    await run()
    t.ok(known.has(standIn.calls.at(-1)?.connection ?? -1), standIn.name)
  }
})

t.test("the gateway's own rights", async (t) => {
  const own = identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')
  if (!own) throw new Error('The gateway has no credentials.')
  const { expiresAt, sessionToken } = own
  t.afterEach(() => void Object.assign(own, { expiresAt, sessionToken }))

  t.test('expired: a fault of its own kind, not the unknown tenant', async (t) => {
    const file = await addTenant()
    Object.assign(own, { expiresAt: 0 })
    const { thrown, line } = await outcome(() => define(file))
    t.match(thrown, PUBLIC)
    t.match(line, {
      reason: 'table_expired',
      err: { code: 'GW_ERR_UPSTREAM_EXPIRED' },
      upstreamErrorType: 'ExpiredTokenException',
    })
  })

  t.test('no longer known: likewise', async (t) => {
    const file = await addTenant()
    Object.assign(own, { sessionToken: 'another' })
    const { line } = await outcome(() => define(file))
    t.match(line, {
      reason: 'table_expired',
      err: { code: 'GW_ERR_UPSTREAM_EXPIRED' },
      upstreamErrorType: 'UnrecognizedClientException',
    })
  })

  t.test('a parameter that they do not reach: verify fails closed', async (t) => {
    const file = await addTenant()
    const config = toLocal(file, stack)
    // Allowed by the config's rules and not there: SSM says so without a message.
    const credentialParameter = `${file.corbado.credentialParameter}/absent`
    await putTenantRecord(stack, { ...config, corbado: { ...config.corbado, credentialParameter } }, file.userPoolId)
    t.match(await outcome(() => verify(file)), { answer: incorrect, line: { reason: 'secret_missing' } })
  })
})

t.test('deadlines', async (t) => {
  const hang: Fault = { kind: 'hang' }
  /** What Lambda has left, and what of it is kept back for the way to Cognito. */
  const [short, leftMs] = [{ remainingMs: 1_000 }, 850]

  t.test('a hanging dependency is answered within the time that Lambda has left', async (t) => {
    const file = await addTenant()
    await Promise.all([verify(file), postAppend(file)])
    await withFault(corbado, hang, async () => {
      const { answer, line, ms } = await outcome(() => verify(file, short))
      t.strictSame(answer, incorrect)
      t.equal(line.reason, 'backend_timeout')
      t.equal(ms, leftMs)
    })
    await withFault(cognito, hang, async () => {
      const { answer, line, ms } = await outcome(() => postAppend(file, short))
      t.match(answer, { statusCode: 504 })
      t.equal(line.reason, 'cognito_timeout')
      t.equal(ms, leftMs)
    })
  })

  t.test('pre-login is answered in time too, with the words for the user', async (t) => {
    const { userPoolId } = await addTenant()
    await withFault(cognito, hang, async () => {
      const payload = { action: 'pre-login', userPoolId, identifier: USER }
      const { answer, ms } = await outcome(() => gateway.action(payload, short))
      const error = { return: true, code: 'untyped', message: PUBLIC }
      t.strictSame(answer, { statusCode: 200, body: { identifier: '', error } })
      t.equal(ms, leftMs)
    })
  })

  t.test('table, SSM and STS have slices of their own, far shorter than the whole', async (t) => {
    for (const [standIn, run, sliceMs] of [
      [table, define, SLICE_MS.tableFirst],
      [ssm, verify, SLICE_MS.ssm],
      [sts, postAppend, SLICE_MS.sts],
    ] as const) {
      for (const [fault, endsMs, late] of [
        [{ kind: 'slow', ms: sliceMs - 1 }, sliceMs - 1, false],
        [{ kind: 'slow', ms: sliceMs + 1 }, sliceMs, true],
        [hang, sliceMs, true],
      ] as const) {
        const file = await addTenant()
        if (standIn !== table) await define(file)
        // With a connection to Corbado: while one is opened, time would pass for an answer that is no longer waited for.
        if (standIn === ssm) await verify(await addTenant())
        await withFault(standIn, fault, async () => {
          // A millisecond more, and what timed out would be tried once more.
          const remainingMs = sliceMs + REPEAT_MS + 150
          const { line, ms } = await outcome<unknown>(() => run(file, { remainingMs }))
          t.equal(ms, endsMs, `${standIn.name} ${fault.kind}`)
          t.equal(line.level, late ? 'error' : 'info')
        })
      }
    }
  })

  t.test(
    'what may be done twice is tried once more if it timed out, while there is time for it, and a proof never',
    async (t) => {
      const allMs = 4_200
      const preLogin = (file: TenantFile) => {
        const { userPoolId } = file
        return gateway.action({ action: 'pre-login', userPoolId, identifier: 'nobody@acme.example' })
      }
      for (const [what, standIn, run, firstMs, only] of [
        ['the table', table, define, SLICE_MS.tableFirst, undefined],
        ['SSM', ssm, verify, SLICE_MS.ssm, undefined],
        ['STS', sts, postAppend, SLICE_MS.sts, undefined],
        ['AdminGetUser', cognito, postAppend, allMs - REPEAT_MS - 25, 'AdminGetUser'],
        ['ListUsers', cognito, preLogin, allMs - REPEAT_MS - 25, 'ListUsers'],
        // Over the connection on which the user was read.
        ['a preference', cognito, postAppend, allMs / 2, 'AdminSetUserMFAPreference'],
      ] as const) {
        const file = await addTenant()
        if (standIn !== table) await define(file)
        await gateway.byHand(async () => {
          await standIn.setFault(hang, only)
          const before = standIn.calls.length
          const result = outcome<unknown>(() => run(file))
          await untilWaiting(standIn)
          await standIn.setFault(undefined)
          clock.advance(firstMs)
          const { line } = await result
          t.equal(line.level, 'info', `${what}: one lost request does no harm`)
          const operation = only ?? standIn.calls[before]?.operation
          const calls = standIn.calls.slice(before).filter((one) => one.operation === operation)
          t.equal(calls.length, 2, what)
        })
      }
      const file = await addTenant()
      await corbado.setFault(hang)
      const before = corbado.calls.length
      const { line, ms } = await outcome<unknown>(() => verify(file))
      await corbado.setFault(undefined)
      t.match([line.level, ms], ['error', allMs], 'a proof')
      t.equal(corbado.calls.length - before, 1, 'a proof')
    },
  )

  t.test('a read that hangs is tried twice, not for as long as there is time', async (t) => {
    for (const [standIn, run, sliceMs] of [
      [table, define, SLICE_MS.tableFirst],
      [ssm, verify, SLICE_MS.ssm],
      [sts, postAppend, SLICE_MS.sts],
    ] as const) {
      const file = await addTenant()
      if (standIn !== table) await define(file)
      await withFault(standIn, hang, async () => {
        const { line, ms } = await outcome<unknown>(() => run(file))
        t.match([line.level, ms], ['error', 2 * sliceMs], standIn.name)
      })
    }
  })

  t.test('the table has less time for a config that is in memory, and the old one serves', async (t) => {
    const file = await addTenant()
    await define(file)
    clock.advance(301 * SECOND)
    await withFault(table, hang, async () => {
      const { line, ms } = await outcome<unknown>(() => define(file))
      t.match([line.outcome, line.configStale, ms], ['challenge', true, SLICE_MS.table])
    })
  })

  t.test(
    'nothing but the time that is left ends a call to Corbado: a timer of the HTTP client may be early',
    async (t) => {
      const file = await addTenant()
      const timeouts: unknown[] = []
      const note = (message: unknown) => {
        const { path, headersTimeout, bodyTimeout } = (message as { request: Record<string, unknown> }).request
        if (path === '/v2/passkey/verifySignedData') timeouts.push(headersTimeout, bodyTimeout)
      }
      subscribe('undici:request:create', note)
      await verify(file)
      unsubscribe('undici:request:create', note)
      t.strictSame(timeouts, [0, 0], 'it has none')
      await withFault(corbado, { kind: 'slow', ms: leftMs - 1 }, async () =>
        t.strictSame(await verify(file, short), correct, 'an answer in the last millisecond is taken'),
      )
    },
  )

  t.test('a slow dependency is waited for while there is time', async (t) => {
    const file = await addTenant()
    const slow: Fault = { kind: 'slow', ms: 4_199 }
    await withFault(corbado, slow, async () => t.strictSame(await verify(file), correct))
    await withFault(cognito, { kind: 'slow', ms: 2_000 }, async () =>
      t.match(await postAppend(file), { statusCode: 200 }, 'two calls'),
    )
  })

  t.test('delays do not add up: a slow STS leaves less for Cognito', async (t) => {
    const file = await addTenant()
    await define(file)
    await sts.setFault({ kind: 'slow', ms: 500 })
    await withFault(cognito, hang, async () => {
      const { answer, line, ms } = await outcome(() => postAppend(file, short))
      t.match(answer, { statusCode: 504 })
      t.equal(line.reason, 'cognito_timeout')
      t.equal(ms, leftMs)
    })
    await sts.setFault(undefined)
  })

  t.test('with no time left at all there are still 500 ms, in which a healthy dependency answers', async (t) => {
    const file = await addTenant()
    t.strictSame(await verify(file, { remainingMs: 0 }), correct)
    await withFault(corbado, hang, async () => t.equal((await outcome(() => verify(file, { remainingMs: 0 }))).ms, 500))
  })
})

t.test('no line holds a proof, a secret or an address of a user', async (t) => {
  t.notMatch(gateway.text(), /eyJ|corbado1_|\+4989|Basic |AQICAH|acme\.example/)
})

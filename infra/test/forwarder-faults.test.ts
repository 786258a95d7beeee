import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Webhook } from 'standardwebhooks'
import { ERRORS, Internal, TenantUnknown } from '../../src/errors.js'
import { CALLER_SECRETS_PARAMETER } from '../../src/local/accounts.js'
import { startStack } from '../../src/local/stack.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from '../../test/fixtures/events.js'
import { type Behaviour, echo, freePort, openDoor, reply } from './fixtures/door.js'
import { forwarderRole, type Invoking, newSecret, startForwarder, type TestForwarder } from './fixtures/forwarder.js'
import { undoAfter } from './fixtures/undo.js'

const t = undoAfter()
const stack = await startStack()
t.teardown(stack.stop)
Object.assign(process.env, stack.envFor(forwarderRole))
const secret = newSecret()
stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)

const unavailable = new Internal().message
const signUp = triggerEvent('PreSignUp_SignUp')
const verify = verifyEvent('a.b.c')
const publicError = (text: string) => (error: Error) => {
  assert.match(error.message, /^[^()]+ \(ref request-7\)$/)
  assert.equal(error.message, `${text} (ref request-7)`)
  assert.equal(error.stack, `Error: ${error.message}`)
  assert.deepEqual(Object.keys(error), [])
  assert.equal(error.cause, undefined)
  return true
}
const requestId = 'request-7'

/** Before an event is sent a second time. */
const PAUSE_MS = 50
/** What the forwarder keeps back of the time that Lambda has left. */
const RESERVE_MS = 150
/** The longest that SSM is waited for at a time; on a kept connection it is asked a second time after half of it. */
const SECRET_MS = 500

const until = async (isSo: () => boolean) => {
  while (!isSo()) await setImmediate()
}

/**
 * Resolves when the next pause between looks has begun. Every early one is shorter than the wait for SSM, and none is by
 * chance as long as the half of it after which a look under way is made a second time.
 */
const untilPaused = ({ clock }: TestForwarder) =>
  until(() => {
    const nextMs = clock.untilNextMs() ?? Number.POSITIVE_INFINITY
    return nextMs < SECRET_MS && Math.abs(nextMs - SECRET_MS / 2) > 0.001
  })

/** Sends an event; the pause before a second try passes, and no other time. */
async function send(forwarder: TestForwarder, event: unknown, invoking?: Invoking): Promise<unknown> {
  let ended = false
  const sending = forwarder.send(event, invoking).finally(() => {
    ended = true
  })
  sending.catch(() => undefined)
  while (!ended) {
    await setImmediate()
    if (forwarder.clock.untilNextMs() === PAUSE_MS) forwarder.clock.advance(PAUSE_MS)
  }
  return sending
}

const misbehaviours: Record<string, { behave: Behaviour; reason: string; sends?: number }> = {
  'never answers': { behave: () => undefined, reason: 'gateway_timeout' },
  'answers too late': {
    behave: async (response, received) => {
      await once(response, 'close')
      echo(response, received)
    },
    reason: 'gateway_timeout',
  },
  'begins an answer and does not end it': {
    behave: (response) => void response.writeHead(200).write('{"triggerSource":'),
    reason: 'gateway_timeout',
  },
  'breaks the connection off': { behave: (response) => response.destroy(), reason: 'gateway_reset' },
  'breaks off in the answer': {
    behave: (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy())
    },
    reason: 'gateway_reset',
  },
  'is a page': { behave: (response) => reply(response, 200, '<html>It works</html>'), reason: 'gateway_malformed' },
  'is a load balancer without targets': {
    behave: (response) => reply(response, 503, '<html>503</html>'),
    reason: 'gateway_malformed',
  },
  'answers null': { behave: (response) => reply(response, 200, null), reason: 'gateway_malformed' },
  'answers a list': { behave: (response) => reply(response, 200, []), reason: 'gateway_malformed' },
  'answers another event': {
    behave: (response) => reply(response, 200, { ...signUp, userPoolId: 'eu-central-1_Other0001', response: {} }),
    reason: 'gateway_malformed',
  },
  redirects: {
    behave: (response) => reply(response, 307, {}, { location: 'http://127.0.0.1:9/' }),
    reason: 'gateway_malformed',
  },
  'answers without end': {
    behave: (response) => reply(response, 200, JSON.stringify('x'.repeat(5_000_000))),
    reason: 'gateway_too_large',
  },
  'is overloaded': {
    behave: (response) => {
      const body = { code: 'GW_ERR_OVERLOADED', message: 'The secret is xyzzy.', requestId: 'x' }
      reply(response, 503, body, { 'retry-after': '1' })
    },
    reason: 'overloaded',
    sends: 2,
  },
  'has no secret to check with': {
    behave: (response) => {
      reply(response, 503, { code: 'GW_ERR_CALLER_SECRETS_UNAVAILABLE', message: 'x', requestId: 'x' })
    },
    reason: 'caller_secrets_unavailable',
    sends: 2,
  },
  'is not sure whether it began': {
    behave: (response) => reply(response, 503, { code: 'GW_ERR_UPSTREAM_UNAVAILABLE', message: 'x', requestId: 'x' }),
    reason: 'upstream_unavailable',
  },
  'says something else than its status': {
    behave: (response) => reply(response, 500, { code: 'GW_ERR_OVERLOADED', message: 'x', requestId: 'x' }),
    reason: 'overloaded',
  },
  'knows no such route': {
    behave: (response) => reply(response, 404, { code: 'GW_ERR_ROUTE_UNKNOWN', message: 'x', requestId: 'x' }),
    reason: 'route_unknown',
  },
}

test('whatever the container does, the answer is in time and public, and nothing that was begun is sent twice', async (t2) => {
  for (const [what, { behave, reason, sends = 1 }] of Object.entries(misbehaviours)) {
    await t2.test(what, async () => {
      const door = await openDoor(t)
      door.behave(behave)
      const forwarder = startForwarder(t, door.url)
      const { clock } = forwarder
      const isLate = reason === 'gateway_timeout'
      const sendTo = async (event: unknown) => {
        const sending = send(forwarder, event, { requestId, remainingMs: 1_000 })
        sending.catch(() => undefined)
        if (isLate) {
          const before = door.received.length
          await until(() => door.received.length > before)
          clock.advance(1_000 - RESERVE_MS)
        }
        return sending
      }
      await assert.rejects(sendTo(verify), publicError(unavailable))
      assert.equal(clock.elapsed(), isLate ? 1_000 - RESERVE_MS : (sends - 1) * PAUSE_MS)
      assert.equal(door.received.length, sends)
      const [line] = forwarder.lines
      assert.deepEqual(
        [line?.level, line?.outcome, line?.reason, line?.requestId],
        ['error', 'fault', reason, requestId],
      )
      assert.equal(JSON.stringify(forwarder.lines).includes('xyzzy'), false)

      // Cognito's default behaviour: a customer's sign-up and password login go on.
      assert.deepEqual(await sendTo(signUp), signUp)
      assert.deepEqual([forwarder.lines[1]?.outcome, forwarder.lines[1]?.level], ['unchanged', 'error'])
    })
  }
})

test('a container that is down: tried a second time, since nothing was sent, and answered at once', async () => {
  const forwarder = startForwarder(t, `http://127.0.0.1:${await freePort()}`)
  await assert.rejects(send(forwarder, verify, { requestId }), publicError(unavailable))
  assert.equal(forwarder.clock.elapsed(), PAUSE_MS)
  assert.equal(forwarder.lines[0]?.reason, 'gateway_unsent')
  assert.deepEqual(await send(forwarder, signUp), signUp)
})

test('what one container refuses before any work, another one does', async () => {
  for (const code of ['GW_ERR_OVERLOADED', 'GW_ERR_CALLER_SECRETS_UNAVAILABLE']) {
    const door = await openDoor(t)
    door.behave((response) => {
      reply(response, 503, { code, message: 'x', requestId: 'x' }, { 'retry-after': '1' })
      door.behave(echo)
    })
    const forwarder = startForwarder(t, door.url)
    assert.deepEqual(await send(forwarder, verify, { requestId }), { ...verify, response: { echoed: true } }, code)
    assert.deepEqual(
      door.received.map(({ headers }) => headers['webhook-id']),
      ['request-7-1', 'request-7-2'],
    )
    assert.deepEqual([forwarder.lines[0]?.outcome, forwarder.lines[0]?.upstreamStatus], ['forwarded', 200])
  }
})

test('a container that comes back within the pause gets the event, once', async () => {
  const port = await freePort()
  const forwarder = startForwarder(t, `http://127.0.0.1:${port}`)
  const sending = forwarder.send(verify)
  await untilPaused(forwarder)
  const door = await openDoor(t, { port })
  forwarder.clock.advance(PAUSE_MS)
  assert.deepEqual(await sending, { ...verify, response: { echoed: true } })
  assert.equal(door.received.length, 1)
})

test('the text for the user is the one of the code, and a refusal of the gateway stands', async () => {
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url)
  for (const { code, statusCode, message } of ERRORS.filter(
    ({ code }) => !/_(CALLER|ROUTE|METHOD|ENV)_|CHAIN_THREW/.test(code),
  )) {
    const requestIdOfContainer = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
    door.behave((response) =>
      reply(response, statusCode, { code, message: 'ada@acme.example', requestId: requestIdOfContainer }),
    )
    await assert.rejects(send(forwarder, verify, { requestId }), publicError(message))
    assert.equal(forwarder.lines.at(-1)?.upstreamRequestId, requestIdOfContainer)
    assert.equal(forwarder.lines.at(-1)?.upstreamStatus, statusCode)
    // What the customer's own function should have answered does not go on without it.
    const goesOn = (statusCode >= 500 && code !== 'GW_ERR_CHAIN_FAILED') || code === 'GW_ERR_TENANT_UNKNOWN'
    if (goesOn) assert.deepEqual(await send(forwarder, signUp), signUp, code)
    else await assert.rejects(send(forwarder, signUp, { requestId }), publicError(message))
  }
  door.behave((response) =>
    reply(response, 501, { code: 'GW_ERR_TRIGGER_SENDER_REFUSED', message: 'x', requestId: 'x' }),
  )
  const sender = triggerEvent('CustomEmailSender_SignUp')
  await assert.rejects(forwarder.send(sender, { requestId }), publicError('This message cannot be sent.'))
  door.behave((response) => reply(response, 404, { code: 'GW_ERR_TENANT_UNKNOWN', message: 'x', requestId: 'x' }))
  await assert.rejects(forwarder.send(sender, { requestId }), publicError(new TenantUnknown().message))
  const own = { code: 'GW_ERR_CHAIN_THREW', message: 'Only addresses of example.com.', requestId: 'x' }
  door.behave((response) => reply(response, 422, own))
  await assert.rejects(
    forwarder.send(signUp, { requestId }),
    { message: own.message },
    "the customer's own text, and nothing added",
  )
})

test('what is sent is signed by the first secret, says alias and time, and goes over one connection', async () => {
  stack.ssm.put(CALLER_SECRETS_PARAMETER, `# first the one to sign with\n${secret}\n${newSecret()}\n`)
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url)
  const events = [defineEvent([]), createEvent(), verify, signUp]
  for (const event of events) {
    assert.deepEqual(await forwarder.send(event, { requestId, remainingMs: 4_000 }), {
      ...event,
      response: { echoed: true },
    })
  }
  assert.deepEqual(
    door.received.map(({ path }) => path.split('/').at(-1)),
    ['define-auth-challenge', 'create-auth-challenge', 'verify-auth-challenge-response', 'pre-sign-up'],
  )
  for (const [index, { headers, body }] of door.received.entries()) {
    new Webhook(secret).verify(JSON.stringify(body), headers as Record<string, string>)
    assert.equal(headers['webhook-id'], 'request-7-1')
    assert.deepEqual(body.event, events[index])
    assert.equal(body.invokedFunctionArn, hostedArn('t-acme'))
    assert.equal(body.remainingMs, 4_000 - RESERVE_MS)
  }
  assert.equal(door.connections(), 1)
  assert.equal(stack.ssm.calls.length > 0, true)
})

test('an event with the oddest keys comes back as it was, but for its response', async () => {
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url)
  const text = JSON.stringify(triggerEvent('PreSignUp_SignUp', {}, { event: { triggerSource: 'x', event: [1] } }))
  const hostile = JSON.parse(
    text.replace('{', '{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"toString":null,'),
  )
  let deep: unknown = 'ground'
  for (let depth = 0; depth < 500; depth += 1) deep = { deep }
  const event = { ...hostile, deep, invokedFunctionArn: 'mine', remainingMs: -1, '': '\u0000\ud800', number: 1e300 }
  const before = JSON.stringify(event)
  const answer = (await forwarder.send(event)) as Record<string, unknown>
  assert.equal(JSON.stringify({ ...answer, response: {} }), JSON.stringify({ ...event, response: {} }))
  assert.deepEqual(answer.response, { echoed: true })
  assert.equal(JSON.stringify(event), before, 'and the one that came in is not edited')
  assert.equal(Object.hasOwn(answer, '__proto__'), true)
})

test('what is no trigger event is refused, and an unknown trigger is left alone, without a request', async () => {
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url)
  const strange = [
    null,
    1,
    'x',
    [],
    {},
    { action: 'pre-login' },
    { ...signUp, userPoolId: '../../health' },
    { ...signUp, triggerSource: 7 },
  ]
  for (const event of strange) {
    await assert.rejects(forwarder.send(event, { requestId }), publicError('This invocation is not supported.'))
  }
  const later = triggerEvent('Later_Source', {}, { response: null })
  assert.equal(await forwarder.send(later), later)
  const line = forwarder.lines.at(-1)
  assert.deepEqual([line?.outcome, line?.reason, line?.level], ['unchanged', 'unknown_trigger', 'warn'])
  assert.equal(door.received.length, 0)
})

/** Answers one request a connection and then closes it, without a word; in a thread, so that it goes on while this one stands. */
const closingDoor = `
const { createServer } = require('node:http')
const { parentPort, workerData } = require('node:worker_threads')
let connections = 0
const server = createServer((request, response) => {
  const { socket } = response
  response.on('finish', () => socket.end(() => {
    Atomics.add(workerData, 0, 1)
    Atomics.notify(workerData, 0)
  }))
  let text = ''
  request.on('data', (chunk) => { text += chunk })
  request.on('end', () => response.end(JSON.stringify({ ...JSON.parse(text).event, response: { connections } })))
})
server.on('connection', () => { connections += 1 })
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

test('a connection that the other side closed while the environment was frozen is not used again', async () => {
  const closed = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(closingDoor, { eval: true, workerData: closed })
  t.teardown(() => worker.terminate())
  const [port] = await once(worker, 'message')
  const forwarder = startForwarder(t, `http://127.0.0.1:${port}`)
  for (let round = 1; round <= 10; round += 1) {
    assert.deepEqual(await forwarder.send(verify), { ...verify, response: { connections: round } })
    Atomics.wait(closed, 0, round - 1)
  }
})

test('a connection that was idle for twenty seconds is not used again', async () => {
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url)
  const sendAfter = async (ms: number) => {
    forwarder.clock.advance(ms)
    assert.deepEqual(await forwarder.send(verify), { ...verify, response: { echoed: true } })
    return door.connections()
  }
  assert.deepEqual([await sendAfter(0), await sendAfter(20_000), await sendAfter(20_001)], [1, 1, 2])
})

/** Lets the forwarder look for a secret in vain so many times; afterwards it waits for the next look, or has given up. */
async function lookInVain(forwarder: TestForwarder, looks: number, hangs: boolean): Promise<void> {
  const before = stack.ssm.calls.length
  for (let look = 1; look <= looks; look += 1) {
    await until(() => stack.ssm.calls.length === before + look)
    if (hangs) {
      await until(() => stack.ssm.waiting() > 0)
      forwarder.clock.advance(SECRET_MS)
      await until(() => stack.ssm.waiting() === 0)
    }
    if (look === looks) return
    await passPause(forwarder)
  }
}

async function passPause(forwarder: TestForwarder): Promise<void> {
  await untilPaused(forwarder)
  forwarder.clock.advance(forwarder.clock.untilNextMs() ?? 0)
}

test('a secret that cannot be had: refused in time and asked for again; one that is here outlives SSM', async () => {
  const door = await openDoor(t)
  await stack.ssm.setFault({ kind: 'hang' })
  const forwarder = startForwarder(t, door.url)
  const sendInVain = async (event: unknown) => {
    const sending = forwarder.send(event, { requestId, remainingMs: 1_500 })
    sending.catch(() => undefined)
    await lookInVain(forwarder, 2, true)
    return sending
  }
  await assert.rejects(sendInVain(verify), publicError(unavailable))
  assert.ok(forwarder.clock.elapsed() <= 1_500 - RESERVE_MS)
  assert.equal(forwarder.lines[0]?.reason, 'caller_secrets_unavailable')
  forwarder.clock.advance(PAUSE_MS)
  assert.deepEqual(await sendInVain(signUp), signUp)
  assert.equal(door.received.length, 0)
  await stack.ssm.setFault(undefined)
  forwarder.clock.advance(PAUSE_MS)
  assert.deepEqual(await forwarder.send(verify), { ...verify, response: { echoed: true } })
})

test('while there is time, a secret that cannot be had is looked for again: the login waits, and succeeds', async () => {
  const door = await openDoor(t)
  const troubles: Record<string, () => Promise<unknown>> = {
    throttled: () => stack.ssm.setFault({ kind: 'status', status: 429 }),
    'does not answer': () => stack.ssm.setFault({ kind: 'hang' }),
    malformed: async () => stack.ssm.put(CALLER_SECRETS_PARAMETER, 'whsec_short\nnot a secret at all'),
    missing: async () => stack.ssm.remove(CALLER_SECRETS_PARAMETER),
  }
  for (const [trouble, begin] of Object.entries(troubles)) {
    await begin()
    const before = stack.ssm.calls.length
    const forwarder = startForwarder(t, door.url)
    const sending = forwarder.send(verify)
    await lookInVain(forwarder, 3, trouble === 'does not answer')
    await untilPaused(forwarder)
    stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)
    await stack.ssm.setFault(undefined)
    await passPause(forwarder)
    assert.deepEqual(await sending, { ...verify, response: { echoed: true } }, trouble)
    assert.equal(stack.ssm.calls.length - before, 4, trouble)
  }
  assert.equal(door.received.length, Object.keys(troubles).length)
})

test('a parameter that an operator spoils does no harm while the secret before it is here', async () => {
  const door = await openDoor(t)
  const forwarder = startForwarder(t, door.url, { env: { SECRET_TTL_SECONDS: '60' } })
  await forwarder.send(signUp)
  stack.ssm.put(CALLER_SECRETS_PARAMETER, 'whsec_short')
  const looksAfter = async (ms: number) => {
    const before = stack.ssm.calls.length
    forwarder.clock.advance(ms)
    assert.deepEqual(await forwarder.send(verify), { ...verify, response: { echoed: true } })
    return stack.ssm.calls.length - before
  }
  assert.deepEqual([await looksAfter(59_999), await looksAfter(1)], [0, 1])
  stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)
})

test('a refused signature is tried again only with another secret, and then once', async () => {
  const door = await openDoor(t)
  door.behave((response) => reply(response, 401, { code: 'GW_ERR_CALLER_UNSIGNED', message: 'x', requestId: 'x' }))
  const same = startForwarder(t, door.url)
  await assert.rejects(same.send(verify, { requestId }), publicError(unavailable))
  assert.equal(door.received.length, 1)
  assert.deepEqual([same.lines[0]?.outcome, same.lines[0]?.reason], ['fault', 'caller_unsigned'])

  const rotated = startForwarder(t, door.url)
  door.behave(echo)
  await rotated.send(signUp)
  const next = newSecret()
  stack.ssm.put(CALLER_SECRETS_PARAMETER, next)
  door.behave((response, received) => {
    const { headers, body } = received
    try {
      new Webhook(next).verify(JSON.stringify(body), headers as Record<string, string>)
      echo(response, received)
    } catch {
      reply(response, 401, { code: 'GW_ERR_CALLER_UNSIGNED', message: 'x', requestId: 'x' })
    }
  })
  door.received.length = 0
  assert.deepEqual(await rotated.send(verify, { requestId }), { ...verify, response: { echoed: true } })
  assert.deepEqual(
    door.received.map(({ headers }) => headers['webhook-id']),
    ['request-7-1', 'request-7-2'],
  )
  stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)
})

import { type ChildProcess, spawn } from 'node:child_process'
import { createSecretKey, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { buildApp } from '../src/app.js'
import { parseEnv } from '../src/env.js'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../src/local/accounts.js'
import { hostedArn } from '../src/local/world/tenants.js'
import { createLogger } from '../src/plugins/logger.js'
import { sign } from '../src/plugins/signature.js'
import { createUpstreams } from '../src/upstreams/index.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from './fixtures/events.js'
import { startGateway, untilWaiting } from './fixtures/gateway.js'
import { type HttpShape, httpShapes } from './fixtures/http/shapes.js'
import { tenantFile } from './fixtures/tenants.js'

const PARAMETER = '/corbado/gateway/callers'
const POOL = 'eu-central-1_Acme00001'
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const secret = newSecret()

const gateway = await startGateway(t, { env: { CALLER_SECRETS_PARAMETER: PARAMETER } })
gateway.stack.ssm.put(PARAMETER, `${secret}\n`)
await gateway.addTenant(tenantFile())
const attributes = { sub: USER, email: 'ada@acme.example', phone_number: '+4915112345678' }
gateway.stack.cognito.putUser(POOL, { username: USER, attributes })

interface Opening {
  readonly extend?: Parameters<typeof buildApp>[0]['extend']
  /** Gets the log lines. */
  readonly write?: (line: string) => void
}

function open(changes: Record<string, string | undefined> = {}, { extend, write }: Opening = {}) {
  const env = parseEnv({ ...process.env, ...changes })
  const upstreams = gateway.watch(createUpstreams(env, gateway.clock))
  const logger = createLogger(write ? 'info' : 'silent', { write: write ?? (() => undefined) })
  const app = buildApp({ env, upstreams, clock: gateway.clock, logger, ...(extend && { extend }) })
  t.teardown(async () => {
    await app.close()
    await upstreams.close()
  })
  return app
}
const listen = (changes: Record<string, string | undefined> = {}) =>
  open(changes).listen({ port: 0, host: '127.0.0.1' })

const url = await listen()

interface Sending {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly id?: string
  readonly at?: number
  readonly key?: string
}

let counter = 0

function signatureHeaders(body: string, { id, at = gateway.clock.now(), key = secret }: Sending = {}) {
  counter += 1
  const messageId = id ?? `msg_${counter}`
  const timestamp = String(Math.floor(at / 1_000))
  const bytes = createSecretKey(key.slice('whsec_'.length), 'base64')
  const signature = sign(bytes, messageId, timestamp, Buffer.from(body)).toString('base64')
  return { 'webhook-id': messageId, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

async function send(path: string, payload: unknown, sending: Sending = {}, base = url) {
  const body = sending.body ?? JSON.stringify(payload)
  const response = await fetch(`${base}${path}`, {
    method: sending.method ?? 'POST',
    headers: { 'content-type': 'application/json', ...signatureHeaders(body, sending), ...sending.headers },
    ...(sending.method === 'GET' ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, unknown> }
}

const triggerPath = (name: string, pool = POOL) => `/v1/pools/${pool}/triggers/${name}`
const actionPath = (name: string, pool = POOL) => `/v1/pools/${pool}/actions/${name}`
const preLogin = { action: 'pre-login', userPoolId: POOL, identifier: 'nobody@acme.example' }
const refusal = (code: string) => ({ code, message: String, requestId: /^[\w-]{36}$/ })

t.test('a request that is not signed by one of Corbado’s callers is refused', async (t) => {
  const body = JSON.stringify(defineEvent([]))
  const good = signatureHeaders(body)
  const now = gateway.clock.now()
  const cases: [string, Sending][] = [
    ['another secret', { key: newSecret() }],
    ['another body', { headers: signatureHeaders(`${body} `) }],
    ['another id', { headers: { ...good, 'webhook-id': 'other' } }],
    ['another timestamp', { headers: { ...good, 'webhook-timestamp': String(Number(good['webhook-timestamp']) + 1) } }],
    ['a timestamp that is no number', { headers: { ...good, 'webhook-timestamp': 'now' } }],
    ['another scheme', { headers: { ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v1a,') } }],
    ['half a signature', { headers: { ...good, 'webhook-signature': good['webhook-signature'].slice(0, 20) } }],
    ['an empty signature', { headers: { ...good, 'webhook-signature': '' } }],
    ['too old', { at: now - 302_000 }],
    ['too far ahead', { at: now + 302_000 }],
  ]
  for (const [what, sending] of cases) {
    const answer = await send(triggerPath('define-auth-challenge'), undefined, { body, ...sending })
    t.match(answer, { status: 401, body: refusal('GW_ERR_CALLER_UNSIGNED') }, what)
  }
  const bare = await fetch(`${url}${triggerPath('define-auth-challenge')}`, { method: 'POST' })
  t.match([bare.status, await bare.json()], [401, refusal('GW_ERR_CALLER_UNSIGNED')], 'no body, no header')
  const bodyless = await fetch(`${url}${triggerPath('define-auth-challenge')}`, {
    method: 'POST',
    headers: signatureHeaders(''),
  })
  t.equal(bodyless.status, 401, 'headers without a body to sign')
})

t.test('without the setting no caller can sign', async (t) => {
  const closed = await listen({ CALLER_SECRETS_PARAMETER: undefined })
  const answer = await send(triggerPath('define-auth-challenge'), defineEvent([]), {}, closed)
  t.match(answer, { status: 401, body: refusal('GW_ERR_CALLER_UNSIGNED') })
})

t.test('while the secrets were never read, the answer is 503 and not 401', async (t) => {
  await gateway.stack.ssm.setFault({ kind: 'status', status: 500 })
  const fresh = await listen()
  const answer = await send(triggerPath('define-auth-challenge'), defineEvent([]), {}, fresh)
  await gateway.stack.ssm.setFault(undefined)
  t.match(answer, { status: 503, body: refusal('GW_ERR_CALLER_SECRETS_UNAVAILABLE') })
})

t.test(
  'one slow answer of SSM costs the first signed request of a container half a second, and not its answer',
  async (t) => {
    const { ssm } = gateway.stack
    const base = await listen()
    const ask = () => send(triggerPath('define-auth-challenge'), defineEvent([]), {}, base)
    await gateway.byHand(async () => {
      await ssm.setFault({ kind: 'slow', ms: 700 })
      const before = ssm.calls.length
      const asked = ask()
      await untilWaiting(ssm)
      await ssm.setFault(undefined)
      gateway.clock.advance(500)
      t.equal((await asked).status, 200)
      t.equal(ssm.calls.length - before, 2)
    })
  },
)

t.test(
  'SSM that is slow for two seconds costs a container’s first requests two seconds, and not their answers',
  async (t) => {
    const { ssm } = gateway.stack
    const base = await listen()
    await gateway.byHand(async () => {
      const before = ssm.calls.length
      await ssm.setFault({ kind: 'slow', ms: 60_000 })
      const asked = Array.from({ length: 20 }, () =>
        send(triggerPath('define-auth-challenge'), defineEvent([]), {}, base),
      )
      for (let tries = 1; tries <= 4; tries += 1) {
        while (ssm.calls.length < before + tries) await setImmediate()
        if (tries === 4) await ssm.setFault(undefined)
        gateway.clock.advance(500)
      }
      for (const answer of await Promise.all(asked)) t.equal(answer.status, 200)
      t.equal(ssm.calls.length - before, 5, 'asked once for all, again and again')
    })
  },
)

t.test('while no secret is known, SSM is asked again soon, with growing pauses', async (t) => {
  const { ssm } = gateway.stack
  const base = await listen()
  const ask = () => send(triggerPath('define-auth-challenge'), defineEvent([]), {}, base)
  await ssm.setFault({ kind: 'status', status: 429 })
  const asked: number[] = []
  for (let ms = 0; ms < 10_000; ms += 20) {
    const before = ssm.calls.length
    t.equal((await ask()).status, 503)
    if (ssm.calls.length > before) asked.push(ms)
    gateway.clock.advance(20)
  }
  const pauses = asked.slice(1).map((ms, i) => ms - (asked[i] ?? 0))
  t.ok((pauses[0] ?? 0) <= 80, `${pauses}`)
  t.ok(pauses.every((ms) => ms <= 1_000) && pauses.length < 25, `${pauses}`)
  await ssm.setFault(undefined)
  gateway.clock.advance(1_000)
  t.equal((await ask()).status, 200)
})

t.test('a signature of up to five minutes ago or ahead is accepted, and any of several', async (t) => {
  const body = JSON.stringify(defineEvent([]))
  for (const offset of [-299_000, 0, 299_000]) {
    const sending = { body, at: gateway.clock.now() + offset }
    t.equal((await send(triggerPath('define-auth-challenge'), undefined, sending)).status, 200, `${offset} ms`)
  }
  const good = signatureHeaders(body)
  const several = { ...good, 'webhook-signature': `v1,AAAA v1a,xx ${good['webhook-signature']}` }
  t.equal((await send(triggerPath('define-auth-challenge'), undefined, { body, headers: several })).status, 200)
})

t.test('what the standardwebhooks package signs is accepted', async (t) => {
  const body = JSON.stringify(defineEvent([]))
  const at = new Date(gateway.clock.now())
  const signature = new Webhook(secret).sign('msg_from_package', at, body)
  const timestamp = String(Math.floor(at.getTime() / 1_000))
  const headers = { 'webhook-id': 'msg_from_package', 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  t.equal((await send(triggerPath('define-auth-challenge'), undefined, { body, headers })).status, 200)
})

t.test('secrets rotate with overlap: the new one counts at once, the old one until it is taken out', async (t) => {
  const next = newSecret()
  const rotating = await listen()
  const ask = (key: string) => send(triggerPath('define-auth-challenge'), defineEvent([]), { key }, rotating)
  t.equal((await ask(secret)).status, 200)
  t.equal((await ask(next)).status, 401, 'not known yet')
  gateway.stack.ssm.put(PARAMETER, `# callers\n${secret}\n${next}\n`)
  t.equal((await ask(next)).status, 401, 'SSM was asked less than 30 s ago')
  gateway.clock.advance(30_000)
  t.equal((await ask(next)).status, 200)
  t.equal((await ask(secret)).status, 200)
  gateway.stack.ssm.put(PARAMETER, next)
  gateway.clock.advance(300_000)
  t.equal((await ask(secret)).status, 401)
  gateway.stack.ssm.put(PARAMETER, secret)
  gateway.clock.advance(300_000)
})

/** What an operator may have typed in place of the secrets, and none of it is one. */
const unusableTexts = (secret: string): Record<string, string> => ({
  blank: ' \n\t\n',
  'without its scheme': secret.slice('whsec_'.length),
  'with the version of a signature': `v1,${secret}`,
  quoted: `"${secret}"`,
  'base64url instead of base64': `whsec_${'-_'.repeat(22)}`,
  'too short': 'whsec_c2hvcnQ=',
  'JSON text': JSON.stringify([secret]),
})

t.test('secrets that cannot be used: the last usable ones serve, and it is said once, without the value', async (t) => {
  const lines: string[] = []
  const watched = open({}, { write: (line) => void lines.push(line) })
  const base = await watched.listen({ port: 0, host: '127.0.0.1' })
  const ask = (key = secret) => send(triggerPath('define-auth-challenge'), defineEvent([]), { key }, base)
  const readiness = async () => {
    gateway.clock.advance(1_000)
    const response = await fetch(`${base}/health/ready`)
    return [response.status, ((await response.json()) as { failing?: unknown }).failing]
  }
  t.equal((await ask()).status, 200)
  for (const [what, text] of Object.entries(unusableTexts(newSecret()))) {
    gateway.stack.ssm.put(PARAMETER, text)
    gateway.clock.advance(300_000)
    t.equal((await ask()).status, 200, what)
    t.equal((await ask(newSecret())).status, 401, `${what}: others are refused as ever`)
    t.strictSame(await readiness(), [503, ['caller-secrets']], what)
    gateway.clock.advance(7_000)
    t.equal((await ask()).status, 200, `${what}, read again`)
    const said = lines.filter((line) => JSON.parse(line).msg === 'caller secrets unusable')
    t.match(
      said.map((line) => JSON.parse(line)),
      [{ level: 'warn', msg: 'caller secrets unusable' }],
      what,
    )
    t.equal(said.length, 1, `${what}: one line`)
    if (text.trim() !== '') t.notMatch(lines.join(''), text.trim(), what)
    gateway.stack.ssm.put(PARAMETER, secret)
    gateway.clock.advance(7_000)
    t.strictSame(await readiness(), [200, undefined], `${what}, put right: within 6 s`)
    lines.length = 0
  }
})

t.test('without a usable secret from the start no caller is let in, and it is not called ready', async (t) => {
  for (const [what, text] of [...Object.entries(unusableTexts(newSecret())), ['missing', undefined] as const]) {
    if (text === undefined) gateway.stack.ssm.remove(PARAMETER)
    else gateway.stack.ssm.put(PARAMETER, text)
    const lines: string[] = []
    const base = await open({}, { write: (line) => void lines.push(line) }).listen({ port: 0, host: '127.0.0.1' })
    const ask = () => send(triggerPath('define-auth-challenge'), defineEvent([]), {}, base)
    t.match(await ask(), { status: 503, body: refusal('GW_ERR_CALLER_SECRETS_UNAVAILABLE') }, what)
    t.match(await (await fetch(`${base}/health/ready`)).json(), { failing: ['caller-secrets'] }, what)
    const said = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'caller secrets unusable')
    t.strictSame(
      said.map(({ upstreamErrorType }) => upstreamErrorType),
      [text === undefined ? 'ParameterNotFound' : undefined],
      what,
    )
    gateway.stack.ssm.put(PARAMETER, secret)
    gateway.clock.advance(7_000)
    t.equal((await ask()).status, 200, `${what}, put right`)
  }
})

t.test('a parameter that was deleted lets in no caller any more', async (t) => {
  const base = await listen()
  const ask = () => send(triggerPath('define-auth-challenge'), defineEvent([]), {}, base)
  t.equal((await ask()).status, 200)
  gateway.stack.ssm.remove(PARAMETER)
  gateway.clock.advance(300_000)
  t.equal((await ask()).status, 503)
  gateway.stack.ssm.put(PARAMETER, secret)
  gateway.clock.advance(7_000)
  t.equal((await ask()).status, 200)
})

t.test('an action is served once for a webhook-id, a trigger as often as Cognito asks', async (t) => {
  const first = await send(actionPath('pre-login'), preLogin, { id: 'once' })
  t.equal(first.status, 200)
  t.match(await send(actionPath('pre-login'), preLogin, { id: 'once' }), {
    status: 401,
    body: refusal('GW_ERR_CALLER_REPLAYED'),
  })
  gateway.clock.advance(599_000)
  t.equal((await send(actionPath('pre-login'), preLogin, { id: 'once' })).status, 401, 'a clock five minutes ahead')
  gateway.clock.advance(2_000)
  t.equal(
    (await send(actionPath('pre-login'), preLogin, { id: 'once' })).status,
    200,
    'its signature would be too old now',
  )
  const again = () => send(triggerPath('define-auth-challenge'), defineEvent([]), { id: 'twice' })
  t.strictSame([(await again()).status, (await again()).status], [200, 200])
})

t.test(
  'an action that met a fault may be sent again under its webhook-id, one that runs or was answered may not',
  async (t) => {
    const { cognito } = gateway.stack
    const postAppend = () =>
      send(actionPath('post-append'), { action: 'post-append', userPoolId: POOL, username: USER }, { id: 'again' })
    await cognito.setFault({ kind: 'status', status: 500 })
    for (const _time of [1, 2]) t.equal((await postAppend()).status, 503)
    await cognito.setFault({ kind: 'hang' })
    const running = await gateway.byHand(async () => {
      const running = postAppend()
      await untilWaiting(cognito)
      t.match(await postAppend(), { status: 401, body: refusal('GW_ERR_CALLER_REPLAYED') }, 'while it runs')
      gateway.clock.advance(5_000)
      return running
    })
    t.equal(running.status, 504)
    await cognito.setFault(undefined)
    t.equal((await postAppend()).status, 200)
    t.match(await postAppend(), { status: 401, body: refusal('GW_ERR_CALLER_REPLAYED') })
    cognito.putUser(POOL, { username: USER, attributes })
  },
)

t.test('a signed text is that of one id, one timestamp and one body', async (t) => {
  const body = JSON.stringify(preLogin)
  const now = String(Math.floor(gateway.clock.now() / 1_000))
  for (const id of [`msg.${now}`, 'msg.', '.', '', 'two words', 'x'.repeat(257)]) {
    t.match(await send(actionPath('pre-login'), undefined, { body, id }), { status: 401 }, id)
  }
  t.equal((await send(actionPath('pre-login'), undefined, { body, id: "msg_2x:/!#$%&'*+-^`|~" })).status, 200)
})

t.test('every refusal has its status and a body of code, message and request id', async (t) => {
  const define = triggerPath('define-auth-challenge')
  const large = JSON.stringify(defineEvent([], { clientMetadata: { x: 'x'.repeat(1_048_576) } }))
  const elsewhere = defineEvent([], {}, { userPoolId: 'eu-central-1_Other0001' })
  const cases: [string, number, string, Promise<unknown>][] = [
    ['unknown route', 404, 'GW_ERR_ROUTE_UNKNOWN', send('/v1/nothing', {})],
    ['unknown trigger', 404, 'GW_ERR_ROUTE_UNKNOWN', send(triggerPath('later'), triggerEvent('Later_Source'))],
    ['unheard-of source', 404, 'GW_ERR_ROUTE_UNKNOWN', send(triggerPath('unknown'), triggerEvent('Later_Source'))],
    ['unknown action', 404, 'GW_ERR_ROUTE_UNKNOWN', send(actionPath('post-nothing'), preLogin)],
    ['an endless pool id', 404, 'GW_ERR_ROUTE_UNKNOWN', send(triggerPath('pre-sign-up', 'x'.repeat(500)), {})],
    ['a path that is no URL', 404, 'GW_ERR_ROUTE_UNKNOWN', send('/v1/pools/%zz/triggers/pre-sign-up', {})],
    ['wrong method', 405, 'GW_ERR_METHOD_NOT_ALLOWED', send(define, defineEvent([]), { method: 'PUT' })],
    ['reading', 405, 'GW_ERR_METHOD_NOT_ALLOWED', send(define, undefined, { method: 'GET', body: '' })],
    ['too large', 413, 'GW_ERR_REQUEST_TOO_LARGE', send(define, undefined, { body: large })],
    [
      'wrong media type',
      415,
      'GW_ERR_REQUEST_MEDIA_TYPE',
      send(define, 'x', { headers: { 'content-type': 'text/plain' } }),
    ],
    ['not JSON', 400, 'GW_ERR_REQUEST_INVALID', send(define, undefined, { body: '{"a":' })],
    ['empty', 400, 'GW_ERR_REQUEST_INVALID', send(define, undefined, { body: ' ' })],
    ['no object', 400, 'GW_ERR_REQUEST_INVALID', send(define, [])],
    ['another pool in the body', 400, 'GW_ERR_REQUEST_MISMATCH', send(define, elsewhere)],
    [
      'another trigger in the body',
      400,
      'GW_ERR_REQUEST_MISMATCH',
      send(define, triggerEvent('CreateAuthChallenge_x', { session: [] })),
    ],
    [
      'another action in the body',
      400,
      'GW_ERR_REQUEST_MISMATCH',
      send(actionPath('pre-login'), { ...preLogin, action: 'post-append' }),
    ],
    [
      'unknown tenant',
      404,
      'GW_ERR_TENANT_UNKNOWN',
      send(triggerPath('define-auth-challenge', 'eu-central-1_Other0001'), elsewhere),
    ],
    [
      'unknown tenant, pass-through',
      404,
      'GW_ERR_TENANT_UNKNOWN',
      send(
        triggerPath('pre-sign-up', 'eu-central-1_Other0001'),
        triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'eu-central-1_Other0001' }),
      ),
    ],
    [
      'unknown user',
      404,
      'GW_ERR_ACTION_USER_NOT_FOUND',
      send(actionPath('post-append'), { action: 'post-append', userPoolId: POOL, username: 'nobody' }),
    ],
  ]
  for (const [what, status, code, answer] of cases) t.match(await answer, { status, body: refusal(code) }, what)

  t.match(await send(define, defineEvent('none')), { status: 400, body: { message: /session/ } }, 'the failing field')
  t.equal((await send(define, defineEvent([]), { method: 'DELETE' })).headers.get('allow'), 'POST')
})

t.test('a body that grows beyond a mebibyte without saying so is refused too', async (t) => {
  const body = JSON.stringify(defineEvent([], { clientMetadata: { x: 'x'.repeat(1_048_576) } }))
  const status = await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked', ...signatureHeaders(body) }
    const outgoing = httpRequest(`${url}${triggerPath('define-auth-challenge')}`, { method: 'POST', headers })
    outgoing.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject)
    outgoing.end(body)
  })
  t.equal(status, 413)
})

t.test('draft, suspended and faulty tenants answer with their statuses', async (t) => {
  const pools = { draft: 'eu-central-1_Draft0001', suspended: 'eu-central-1_Suspend01' } as const
  for (const status of ['draft', 'suspended'] as const) {
    const corbado = { projectId: status === 'draft' ? 'pro-1002' : 'pro-1003' }
    await gateway.addTenant(
      tenantFile({ tenantId: status, status, userPoolId: pools[status], alias: `t-${status}`, corbado }),
    )
  }
  const define = (pool: string) =>
    send(triggerPath('define-auth-challenge', pool), defineEvent([], {}, { userPoolId: pool }))
  t.match(await define(pools.draft), { status: 404, body: refusal('GW_ERR_TENANT_DRAFT') })
  t.match(await define(pools.suspended), { status: 403, body: refusal('GW_ERR_TENANT_SUSPENDED') })
  const signUp = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: pools.suspended })
  t.match(await send(triggerPath('pre-sign-up', pools.suspended), signUp), { status: 200, body: signUp }, 'left alone')

  const faults = [
    [{ kind: 'status', status: 500 }, 503, 'GW_ERR_UPSTREAM_UNAVAILABLE'],
    [{ kind: 'garbage' }, 502, 'GW_ERR_UPSTREAM_MALFORMED'],
    [{ kind: 'hang' }, 504, 'GW_ERR_UPSTREAM_TIMEOUT'],
  ] as const
  for (const [fault, status, code] of faults) {
    await gateway.stack.table.setFault(fault)
    t.match(await define('eu-central-1_Fresh0001'), { status, body: refusal(code) }, fault.kind)
  }
  await gateway.stack.table.setFault(undefined)
})

t.test('a forwarder’s envelope brings the alias rules and the time that is left', async (t) => {
  const event = defineEvent([])
  const define = triggerPath('define-auth-challenge')
  const via = (invokedFunctionArn: string) => send(define, { event, invokedFunctionArn, remainingMs: 4_000 })
  t.match(await via(hostedArn('t-other')), { status: 403, body: refusal('GW_ERR_TENANT_WRONG_ALIAS') })
  t.match(await via(`${FUNCTION_ARN}:${ACTIONS_ALIAS}`), {
    status: 403,
    body: refusal('GW_ERR_INVOCATION_WRONG_ALIAS'),
  })
  t.match(await via(FUNCTION_ARN), { status: 403, body: refusal('GW_ERR_INVOCATION_UNQUALIFIED') })
  t.match(await send(define, { event, remainingMs: -1 }), { status: 400, body: refusal('GW_ERR_REQUEST_INVALID') })
  t.match(await send(define, { event: 'x' }), { status: 400, body: refusal('GW_ERR_REQUEST_INVALID') })
  t.match(await via(hostedArn('t-acme')), {
    status: 200,
    body: { ...event, response: { challengeName: 'CUSTOM_CHALLENGE' } },
  })
  t.match(await send(define, { event }), { status: 200 }, 'without an ARN there is no alias to compare')

  await gateway.stack.corbado.setFault({ kind: 'hang' })
  const proof = await gateway.stack.corbado.sign('pro-1001', USER)
  const start = gateway.clock.elapsed()
  const late = await send(triggerPath('verify-auth-challenge-response'), {
    event: verifyEvent(proof),
    remainingMs: 850,
  })
  await gateway.stack.corbado.setFault(undefined)
  t.match(late, { status: 200, body: { response: { answerCorrect: false } } })
  t.equal(gateway.clock.elapsed() - start, 700, 'what the forwarder had left, less the way to Cognito')
})

t.test('a forwarder’s envelope names the function that GATEWAY_FUNCTION_ARN says, where that is set', async (t) => {
  const strict = await listen({ GATEWAY_FUNCTION_ARN: FUNCTION_ARN })
  const event = defineEvent([])
  const via = (arn: string, base = strict) =>
    send(triggerPath('define-auth-challenge'), { event, invokedFunctionArn: arn, remainingMs: 4_000 }, {}, base)
  const ours = hostedArn('t-acme')
  t.equal((await via(ours)).status, 200)
  const others = [
    ours.replace(':aws:', ':aws-cn:'),
    ours.replace('eu-central-1', 'eu-west-1'),
    ours.replace(/:\d{12}:/, ':111122223333:'),
    ours.replace(/function:[\w-]+/, 'function:other'),
  ]
  for (const other of others) {
    t.match(await via(other), { status: 403, body: refusal('GW_ERR_INVOCATION_WRONG_ALIAS') }, other)
    t.equal((await via(other, url)).status, 200, 'without the setting')
  }
  t.match(await via(hostedArn('t-other')), { status: 403, body: refusal('GW_ERR_TENANT_WRONG_ALIAS') })
  t.throws(() => parseEnv({ ...process.env, GATEWAY_FUNCTION_ARN: ours }), { message: /without version or alias/ })
})

t.test('what was spent before an envelope could be read is part of the time that it brings', async (t) => {
  const { ssm, corbado } = gateway.stack
  const cold = await listen()
  await ssm.setFault({ kind: 'slow', ms: 300 })
  await corbado.setFault({ kind: 'hang' })
  const envelope = { event: verifyEvent(await corbado.sign('pro-1001', USER)), remainingMs: 850 }
  const start = gateway.clock.elapsed()
  const answer = await send(triggerPath('verify-auth-challenge-response'), envelope, {}, cold)
  for (const standIn of [ssm, corbado]) await standIn.setFault(undefined)
  t.match(answer, { status: 200, body: { response: { answerCorrect: false } } })
  t.equal(gateway.clock.elapsed() - start, 700, 'the wait for the callers’ secrets included')
})

type Payload = Record<string, unknown>
type Door = (path: string, payload: Payload) => Promise<{ status: number; body: Payload }>

const direct: Door = async (_path, payload) => {
  if (!('action' in payload)) return { status: 200, body: await gateway.trigger(payload) }
  const { statusCode, body } = await gateway.action(payload)
  return { status: statusCode, body }
}
const forwarder: Door = (path, event) =>
  send(path, { event, invokedFunctionArn: hostedArn('t-acme'), remainingMs: 4_000 })
const overHttp =
  (toEvent: HttpShape): Door =>
  async (path, payload) => {
    const body = JSON.stringify(payload)
    const headers = { 'content-type': 'application/json', ...signatureHeaders(body) }
    const answer = await gateway.trigger(toEvent({ path, headers, body }), { arn: FUNCTION_ARN })
    return { status: Number(answer.statusCode), body: JSON.parse(String(answer.body)) as Payload }
  }
const doors: [string, Door][] = [
  ['direct invocation', direct],
  ['container', (path, payload) => send(path, payload)],
  ['forwarder', forwarder],
  ...httpShapes.map(([name, toEvent]): [string, Door] => [name, overHttp(toEvent)]),
]
/** What is new in each answer. */
const steady = (value: unknown) =>
  JSON.stringify(value, (key, part) => {
    if (key === 'requestId' || key === 'nonce' || key === 'flowId') return 'random'
    return key === 'challengeMetadata' ? String(part).replace(/\.[\w-]{22}$/, '.random') : part
  })

t.test('the same recorded events get the same answers through every door', async (t) => {
  const own = (challengeResult: boolean) => [
    { challengeName: 'CUSTOM_CHALLENGE', challengeResult, challengeMetadata: OWN },
  ]
  const fresh = async () => verifyEvent(await gateway.stack.corbado.sign('pro-1001', USER))
  const events: [string, () => Payload | Promise<Payload>, response: object][] = [
    ['define-auth-challenge', () => defineEvent([]), { challengeName: 'CUSTOM_CHALLENGE' }],
    ['define-auth-challenge', () => defineEvent(own(true)), { issueTokens: true }],
    [
      'define-auth-challenge',
      () => defineEvent([{ challengeName: 'SRP_A', challengeResult: true }]),
      { issueTokens: false, failAuthentication: true },
    ],
    ['create-auth-challenge', () => createEvent([]), { publicChallengeParameters: { dummy: 'dummy' } }],
    ['verify-auth-challenge-response', () => verifyEvent('no proof'), { answerCorrect: false }],
    ['verify-auth-challenge-response', fresh, { answerCorrect: true }],
    ['pre-sign-up', () => triggerEvent('PreSignUp_SignUp', { clientMetadata: { a: 'b' } }), {}],
    ['user-migration', () => triggerEvent('UserMigration_Authentication', { password: 'p' }), {}],
    ['inbound-federation', () => triggerEvent('InboundFederation_ExternalProvider', {}, { newKey: [1] }), {}],
  ]
  for (const [name, make, response] of events) {
    const responses = new Set<string>()
    for (const [door, ask] of doors) {
      const event = await make()
      const { status, body } = await ask(triggerPath(name), event)
      t.equal(status, 200, `${name}: ${door}`)
      t.equal(JSON.stringify({ ...body, response: event.response }), JSON.stringify(event), `${name}: ${door}: event`)
      t.match(body.response, response, `${name}: ${door}: response`)
      responses.add(steady(body.response))
    }
    t.equal(responses.size, 1, `${name}: one response`)
  }
})

t.test('the same actions get the same answers, and do the same, through every door', async (t) => {
  const newUser = () => gateway.stack.cognito.putUser(POOL, { username: USER, attributes })
  const factors = () => gateway.stack.cognito.user(POOL, USER)?.mfa
  const postAppend = { action: 'post-append', userPoolId: POOL, username: USER }
  const unknown = refusal('GW_ERR_ACTION_USER_NOT_FOUND')
  const actions: [Payload, status: number, body: object, factors: string[]][] = [
    [{ ...preLogin, identifier: USER }, 200, { identifier: USER }, []],
    [{ ...preLogin, identifier: attributes.email }, 200, { identifier: '', error: { code: 'untyped' } }, []],
    [preLogin, 200, { identifier: '', error: { code: 'user_not_found' } }, []],
    [postAppend, 200, {}, ['SMS_MFA']],
    [{ ...postAppend, username: 'nobody' }, 404, { ...unknown, requestId: String }, []],
  ]
  for (const [payload, status, body, set] of actions) {
    const what = Object.values(payload).join(' ')
    const answers = new Set<string>()
    for (const [door, ask] of doors) {
      // Only events come in an envelope.
      if (ask === forwarder) continue
      newUser()
      // The limit of ListUsers is by the second.
      gateway.clock.advance(1_000)
      const answer = await ask(actionPath(String(payload.action)), payload)
      t.match(answer, { status, body }, `${what}: ${door}`)
      t.strictSame(factors(), set, `${what}: ${door}: factors`)
      answers.add(steady([answer.status, answer.body]))
    }
    t.equal(answers.size, 1, `${what}: one answer`)
    t.equal((await forwarder(actionPath(String(payload.action)), payload)).status, 400, `${what}: forwarder`)
  }
  newUser()
})

t.test('signed HTTP through Lambda keeps to the time that Lambda has left, and to its request id', async (t) => {
  await gateway.stack.corbado.setFault({ kind: 'hang' })
  const proof = await gateway.stack.corbado.sign('pro-1001', USER)
  const path = triggerPath('verify-auth-challenge-response')
  const body = JSON.stringify(verifyEvent(proof, { privateChallengeParameters: { cognitoID: USER, nonce: 'by-http' } }))
  const headers = { 'content-type': 'application/json', ...signatureHeaders(body) }
  const http = { version: '2.0', rawPath: path, headers, body, requestContext: { http: { method: 'POST', path } } }
  const start = gateway.clock.elapsed()
  gateway.take()
  const answer = await gateway.trigger(http, { arn: FUNCTION_ARN, remainingMs: 850, requestId: 'lambda-request' })
  await gateway.stack.corbado.setFault(undefined)
  t.match(answer, { statusCode: 200 })
  t.equal(gateway.clock.elapsed() - start, 700, 'what Lambda had left, less the way to Cognito')
  t.match(gateway.take(), [{ requestId: 'lambda-request', reason: 'backend_timeout', coldStart: false }])
})

t.test('a whole login works over HTTP alone', async (t) => {
  const proof = await gateway.stack.corbado.sign('pro-1001', USER)
  const verified = await send(triggerPath('verify-auth-challenge-response'), verifyEvent(proof))
  t.match(verified, { status: 200, body: { response: { answerCorrect: true } } })
})

t.test('the process', async (t) => {
  function start(env: Record<string, string> = {}) {
    const child = spawn(process.execPath, ['dist/server.mjs'], {
      env: { ...process.env, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  async function ready(child: ChildProcess): Promise<{ base: string; lines: string[] }> {
    const lines: string[] = []
    return new Promise((resolve) => {
      createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
        lines.push(line)
        const { msg, port } = JSON.parse(line)
        if (msg === 'ready') resolve({ base: `http://127.0.0.1:${port}`, lines })
      })
    })
  }

  t.test('is live and ready, names what it cannot reach, and recovers', async (t) => {
    const child = start()
    const { base } = await ready(child)
    const probe = async (path: string) => {
      const response = await fetch(`${base}${path}`)
      return { status: response.status, body: await response.json() }
    }
    // What it found counts for a second; the test's own timeout ends a wait for what never comes.
    const readyAnswers = async (status: number) => {
      for (;;) {
        const answer = await probe('/health/ready')
        if (answer.status === status) return answer.body
        await sleep(20)
      }
    }
    const live = { status: 200, body: { status: 'live' } }
    t.strictSame(await probe('/health/live'), live)
    t.strictSame(await readyAnswers(200), { status: 'ready' })
    await gateway.stack.table.setFault({ kind: 'status', status: 500 })
    t.strictSame(await readyAnswers(503), { status: 'not ready', failing: ['table'] })
    t.strictSame(await probe('/health/live'), live)
    await gateway.stack.table.setFault(undefined)
    t.strictSame(await readyAnswers(200), { status: 'ready' })
    child.kill('SIGTERM')
    t.strictSame(await once(child, 'exit'), [0, null])
  })

  t.test(
    'finishes what runs when SIGTERM comes, takes nothing new, writes its last lines and exits with 0',
    async (t) => {
      const child = start()
      const exited = once(child, 'exit')
      const { base, lines } = await ready(child)
      const { corbado } = gateway.stack
      const proof = await corbado.sign('pro-1001', USER)
      const nonce = { privateChallengeParameters: { cognitoID: USER, nonce: 'another' } }
      const event = verifyEvent(proof, nonce)
      // Corbado answers when the test lets time pass.
      const running = await gateway.byHand(async () => {
        await corbado.setFault({ kind: 'slow', ms: 1_000 })
        const running = send(triggerPath('verify-auth-challenge-response'), event, { at: Date.now() }, base)
        await untilWaiting(corbado)
        child.kill('SIGTERM')
        while (!lines.some((line) => JSON.parse(line).msg === 'stopping')) await sleep(10)
        gateway.clock.advance(1_000)
        return running
      })
      t.match(running, { status: 200, body: { response: { answerCorrect: true } } })
      t.strictSame(await exited, [0, null])
      await corbado.setFault(undefined)
      await t.rejects(fetch(`${base}/health/live`))
      t.strictSame(
        lines.map((line) => JSON.parse(line).msg),
        ['listening', 'ready', 'stopping', 'trigger', 'stopped'],
      )
    },
  )

  t.test('serves metrics on their own port only, by trigger and outcome, without tenants', async (t) => {
    const port = await freePort()
    const { base } = await ready(start({ METRICS_PORT: String(port) }))
    await send(triggerPath('define-auth-challenge'), defineEvent([]), { at: Date.now() }, base)
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    t.match(text, 'gateway_requests_total{name="define-auth-challenge",outcome="challenge",reason="none"} 1')
    t.match(text, 'gateway_tenant_configs 1')
    t.match(text, 'gateway_cache_evictions_total{cache="config"} 0')
    t.notMatch(text, 'acme')
    t.equal((await fetch(`${base}/metrics`)).status, 404)
  })

  t.test('answers, counts and ends while nobody reads its stdout', async (t) => {
    const [port, metricsPort] = [await freePort(), await freePort()]
    const child = start({ PORT: String(port), METRICS_PORT: String(metricsPort) })
    const metrics = `http://127.0.0.1:${metricsPort}/metrics`
    for (;;) {
      const live = await fetch(metrics).catch(() => undefined)
      await live?.text()
      if (live?.status === 200) break
      await sleep(50)
    }
    const lost = async () =>
      Number(/^gateway_log_lines_lost_total (\d+)$/m.exec(await (await fetch(metrics)).text())?.[1])
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/nowhere`)).status
    t.equal(await lost(), 0)
    // More than a pipe holds: without a buffer nothing would be answered any more.
    for (let round = 0; round < 40; round += 1) {
      t.strictSame([...new Set(await Promise.all(Array.from({ length: 25 }, ask)))], [404])
    }
    t.equal((await fetch(`http://127.0.0.1:${port}/health/live`)).status, 200)
    child.kill('SIGTERM')
    t.strictSame(await once(child, 'exit'), [0, null])
  })

  t.test('says in one line that its port is taken', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const child = start({ PORT: String((server.address() as AddressInfo).port) })
    let said = ''
    child.stderr?.on('data', (chunk) => {
      said += chunk
    })
    t.strictSame(await once(child, 'close'), [1, null])
    t.match(said, /^Cannot listen on 127\.0\.0\.1, PORT \d+: EADDRINUSE\n$/)
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

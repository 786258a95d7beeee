import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { loadTenants } from '../../src/commands/local/load-tenants.js'
import { textAt } from '../../src/fields.js'
import { useFastPowers } from '../../src/local/clients/big-integer.js'
import { type LoginStage, startLogin } from '../../src/local/clients/login.js'
import type {
  DemoConfig,
  DemoTenant,
  ExplainAnswer,
  OutboxMessage,
  Provocation,
  TraceCall,
  TraceEvent,
} from '../../src/local/demo/api.js'
import { connectTokensFor, serveDemo, startDemo } from '../../src/local/demo/index.js'
import { createProvoke } from '../../src/local/demo/provoke.js'
import { createTrace } from '../../src/local/demo/trace.js'
import { openWorld } from '../../src/local/world/world.js'
import { createAuthenticator } from './fixtures/authenticator.js'

useFastPowers()

const temp = mkdtempSync(join(tmpdir(), 'demo-test-'))
const { TMPDIR } = process.env
process.env.TMPDIR = temp
t.teardown(() => {
  rmSync(temp, { recursive: true, force: true })
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
})

type Body = Record<string, unknown>

/** So long the gateway gives a user no second connect token of a type. */
const CONNECT_TOKEN_PAUSE_MS = 2_000

/** What `npm start` sets up for the page, on free ports. */
async function openDemo() {
  const closing: (() => Promise<unknown>)[] = []
  t.teardown(async () => {
    for (const close of closing.reverse()) await close()
  })
  const built = resolve('dist')
  const server = await startDemo(built, 0)
  closing.push(server.stop)
  const none = { write: () => true }
  const foundProblems = () => t.fail('npm start found problems')
  const io = { stdin: process.stdin, stdout: none, stderr: none, env: {}, clock: systemClock, built, foundProblems }
  const options = { dir: resolve('tenants'), built, port: 0, logs: false, json: false, io }
  const world = await openWorld({ ...options, onClose: (close) => closing.push(close) })
  if (!world) throw new Error('A tenant file is wrong.')
  await loadTenants(world, options.dir, io, (example) => {
    const value = connectTokensFor(example, server.url)
    return value === undefined ? [] : [{ path: ['connectTokens'], value }]
  })
  serveDemo(server, { world, door: await world.door, built })
  return { url: server.url, world }
}

const { url, world } = await openDemo()

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${url}${path}`)).json()) as T
}

async function post(path: string, body: object, headers: Record<string, string> = {}) {
  const sent = { 'content-type': 'application/json', ...headers }
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) })
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
}

const { tenants, ...config } = await get<DemoConfig>('/config.json')
const tenantOf = (id: string): DemoTenant => {
  const tenant = tenants.find(({ tenantId }) => tenantId === id)
  if (!tenant) throw new Error(`there is no ${id}`)
  return tenant
}
const [acme, globex, initech] = ['acme-shop', 'globex-bank', 'initech-portal'].map(tenantOf) as [
  DemoTenant,
  DemoTenant,
  DemoTenant,
]

/** What the panel sees: the stream, from its beginning. */
const events: TraceEvent[] = []
const panel = new AbortController()
t.teardown(() => panel.abort())
const streamed = await fetch(`${url}/trace?after=0`, { signal: panel.signal })
async function listen(): Promise<void> {
  let rest = ''
  for await (const chunk of streamed.body ?? []) {
    const parts = `${rest}${Buffer.from(chunk).toString()}`.split('\n\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1]
      if (data !== undefined) events.push(JSON.parse(data))
    }
  }
}
listen().catch(() => undefined)

/** Each call as it stands now, in the order in which they began. */
function calls(): TraceCall[] {
  const latest = new Map(events.flatMap((event) => (event.kind === 'call' ? [[event.call.id, event.call]] : [])))
  return [...latest.values()].sort((a, b) => a.id - b.id)
}

/** Waits for what the stream is to bring; the test's own timeout ends it if it never comes. */
async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find()
    if (found !== undefined) return found
    await sleep(20)
  }
}

const ended = (name: string, from: number) => until(() => calls().find((call) => call.id > from && call.name === name))

/** With the gateway's line; a call that the gateway's process did not live to answer has none. */
const completed = (name: string, from: number) =>
  until(() => calls().find((call) => call.id > from && call.name === name && call.line !== undefined))
const lastCall = () => calls().at(-1)?.id ?? 0

/** Those of the names that the calls after one have, once there are so many: a call is told when it has ended. */
function namesAfter(from: number, wanted: readonly string[], nameOf: (call: TraceCall) => string) {
  return until(() => {
    const names = calls()
      .filter(({ id }) => id > from)
      .map(nameOf)
      .filter((name) => wanted.includes(name))
    return names.length >= wanted.length ? names : undefined
  })
}

const cognito = (operation: string, body: object) =>
  post('/cognito/', body, { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` })

async function lastMessage({ tenantId }: DemoTenant): Promise<OutboxMessage> {
  const { messages } = await get<{ messages: OutboxMessage[] }>(`/outbox?tenantId=${tenantId}`)
  const [newest] = messages
  if (!newest) throw new Error('nothing was sent')
  return newest
}

const authenticator = createAuthenticator(url)

/** The app of a tenant in one browser, without the browser. */
function appOf(tenant: DemoTenant) {
  const { tenantId, userPoolId, clientId, projectId } = tenant
  let process: string | undefined
  const connect = (path: string, body: object = {}) =>
    post(`/corbado/v2/connect/${path}`, body, {
      'x-corbado-projectid': projectId,
      ...(process !== undefined && { 'x-corbado-process-id': process }),
    })
  async function init(kind: 'login' | 'append' | 'manage') {
    const { body } = await connect(`${kind}/init`)
    process = textAt(body, 'token') ?? textAt(body, 'processID')
    return body
  }
  const connectToken = (type: string, idToken: string) =>
    post('/connectToken', { tenantId, type }, { authorization: `Bearer ${idToken}` })
  return {
    connect,
    init,
    connectToken,
    async signUp(email: string, password: string, username = email) {
      const UserAttributes = [
        { Name: 'email', Value: email },
        { Name: 'phone_number', Value: '+493023125017' },
      ]
      const signed = await cognito('SignUp', {
        ClientId: clientId,
        Username: username,
        Password: password,
        UserAttributes,
      })
      const { code: ConfirmationCode } = await lastMessage(tenant)
      const confirmed = await cognito('ConfirmSignUp', { ClientId: clientId, Username: username, ConfirmationCode })
      return [signed.status, confirmed.status]
    },
    async append(idToken: string) {
      await init('append')
      const { body: given } = await connectToken('passkey-append', idToken)
      const { body } = await connect('append/start', { appendTokenValue: given.connectToken })
      const attestationResponse = authenticator.create(textAt(body, 'attestationOptions') ?? '')
      return connect('append/finish', { attestationResponse, completionType: 'manual' })
    },
    /** The passkey of who types this; undefined if Corbado asks for none. */
    async usePasskey(identifier: string) {
      await init('login')
      const { body } = await connect('login/start', { identifier, source: 'text-field', loadedMs: 1 })
      const options = textAt(body, 'assertionOptions')
      if (options === undefined) return { body, proof: undefined }
      const assertionResponse = authenticator.get(options)
      const finished = await connect('login/finish', { assertionResponse, isConditionalUI: false })
      return { body: finished.body, proof: textAt(finished.body, 'signedPasskeyData') }
    },
    login: (username: string, password?: string) =>
      startLogin({ endpoint: `${url}/cognito/`, userPoolId, clientId, username, password }),
  }
}

/** Signs in by password over SRP; answers the ID token. */
async function passwordTokens(
  { clientId, userPoolId }: DemoTenant,
  Username: string,
  Password: string,
): Promise<string> {
  const { AuthenticationDetails, CognitoUser, CognitoUserPool } = await import('amazon-cognito-identity-js')
  const endpoint = `${url}/cognito/`
  const user = new CognitoUser({
    Username,
    Pool: new CognitoUserPool({ UserPoolId: userPoolId, ClientId: clientId, endpoint }),
  })
  return new Promise((resolve, reject) =>
    user.authenticateUser(new AuthenticationDetails({ Username, Password }), {
      onFailure: reject,
      onSuccess: (session) => resolve(session.getIdToken().getJwtToken()),
    }),
  )
}

const answerWith = async (stage: LoginStage, proof: string | undefined): Promise<LoginStage> => {
  if (stage.kind !== 'challenge') throw new Error(`there was no challenge but ${JSON.stringify(stage)}`)
  return stage.answer(proof ?? '')
}

/** A request with headers that fetch would not send. */
function ask(path: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; location?: string; type?: string; text: string }>((resolve, reject) => {
    const { port } = new URL(url)
    request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
      const { location, 'content-type': type } = answer.headers
      let text = ''
      answer.on('data', (chunk) => {
        text += chunk
      })
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, ...(location && { location }), ...(type && { type }), text })
      })
    })
      .on('error', reject)
      .end()
  })
}

t.test('refuses requests that another site makes, and leads who comes by an address to localhost', async (t) => {
  const { host, port } = new URL(url)
  t.match(await ask('/config.json', { host: 'attacker.example' }), { status: 403, type: /json/ })
  t.match(await ask('/provoke', { host, origin: 'https://attacker.example' }, 'POST'), { status: 403, type: /json/ })
  t.equal((await ask('/provoke', { host: `127.0.0.1:${port}` }, 'POST')).status, 403)
  for (const address of ['127.0.0.1', '[::1]']) {
    t.match(await ask('/?x=1', { host: `${address}:${port}` }), { status: 302, location: `${url}/?x=1` })
  }
  const page = await ask('/', { host: `shop.localhost:${port}`, accept: 'text/html,*/*' })
  t.match(page, { status: 403, type: /^text\/html/, text: url }, 'a person is told where it is')
  const foreign = { host: `shop.localhost:${port}`, accept: 'text/html', origin: 'https://attacker.example' }
  t.match(await ask('/', foreign), { status: 403, type: /json/ })
  t.equal((await fetch(`${url}/nothing`)).status, 404)
  t.match(await post('/provoke', { tenantId: 'none', what: 'used-proof', on: true }), { status: 404 })
  t.match(await post('/provoke', { tenantId: 'acme-shop', what: 'fire', on: true }), { status: 400 })
  t.match(await (await fetch(`${url}/explain?tenantId=none&flowId=x`)).json(), { code: 'unknown_tenant' })
  t.match(await (await fetch(`${url}/explain?tenantId=acme-shop&flowId=x`)).json(), { code: 'unknown_flow' })
})

t.test('serves the page under a policy that lets nothing in from elsewhere, and what it needs to know', async (t) => {
  const types = {
    '/': 'text/html',
    '/main.js': 'text/javascript',
    '/style.css': 'text/css',
    '/icon.svg': 'image/svg+xml',
  }
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(`${url}${path}`)
    await answer.body?.cancel()
    t.match(answer.headers.get('content-type'), type)
    t.match(answer.headers.get('content-security-policy'), /^default-src 'self'; script-src 'self'; object-src 'none'/)
    t.equal(answer.headers.get('access-control-allow-origin'), null)
  }
  t.match(config, { start: /^[\da-f-]{36}$/, gatewayVersion: /^\d+\.\d+\.\d+$/ })
  t.equal(config.provocations.length, 5)
  t.match(tenants, [
    { tenantId: 'acme-shop', flow: 'passkey', signUp: 'email', mfa: 'sms', connectTokens: 'gateway' },
    {
      ...{ tenantId: 'globex-bank', flow: 'password-then-passkey', signUp: 'username', usernamePrefix: 'globex-' },
      ...{ mfa: 'software-token', connectTokens: 'app-server' },
    },
    { tenantId: 'initech-portal', flow: 'passkey', mfa: 'none', ownCode: { clientId: String } },
  ])
})

t.test('gives no connect token without a valid ID token, by the gateway as by the app server', async (t) => {
  for (const tenant of [acme, globex]) {
    const { connectToken } = appOf(tenant)
    t.match(
      await connectToken('passkey-append', 'no token'),
      { status: 401, body: { message: String } },
      tenant.tenantId,
    )
    const [person] = tenants.filter((one) => one !== tenant).flatMap(({ people }) => people)
    const stranger = await passwordTokens(
      tenant === acme ? globex : acme,
      person?.identifier ?? '',
      person?.password ?? '',
    )
    t.equal((await connectToken('passkey-append', stranger)).status, 401, 'nor with that of another pool')
    t.match(await connectToken('passkey-login', stranger), { status: 400, body: { code: 'unknown_type' } })
  }
  t.match(await post('/connectToken', { tenantId: 'none', type: 'passkey-list' }), { status: 404 })
})

const mara = { email: 'mara@shop.example', password: 'Correct-horse-1' }
const acmeApp = appOf(acme)

t.test('a person signs up, adds a passkey and signs in with it, and the panel sees who called whom', async (t) => {
  t.strictSame(await acmeApp.signUp(mara.email, mara.password), [200, 200])
  const idToken = await passwordTokens(acme, mara.email, mara.password)
  const from = lastCall()
  t.match(await acmeApp.append(idToken), { status: 200 })
  const minted = await completed('connect-tokens', from)
  t.match(minted, { from: 'app', to: 'gateway', ok: true, line: { action: 'connect-tokens', outcome: 'issued' } })
  const order = [
    'browser corbado append/init',
    'browser app connectToken',
    'app gateway connect-tokens',
    'gateway corbado connectTokens',
    'browser corbado append/start',
    'browser corbado append/finish',
    'corbado gateway post-append',
  ]
  t.strictSame(await namesAfter(from, order, (call) => `${call.from} ${call.to} ${call.name}`), order)
  // On a busy machine the gateway's first answers may come too late; Corbado says nothing of that, and the next one counts.
  for (let call = await ended('post-append', from); !call.ok; ) {
    const again = lastCall()
    authenticator.credentials.length = 0
    await sleep(CONNECT_TOKEN_PAUSE_MS)
    await acmeApp.append(idToken)
    call = await ended('post-append', again)
  }
  const set = calls().filter(({ name }) => name === 'AdminSetUserMFAPreference')
  t.match(set.at(-1), { from: 'gateway', to: 'cognito', ok: true, tenantId: 'acme-shop' })

  const since = lastCall()
  const { proof } = await acmeApp.usePasskey(mara.email)
  const tokens = await answerWith(await acmeApp.login(mara.email), proof)
  t.match(tokens, { kind: 'tokens' })
  const verified = await completed('verify-auth-challenge-response', since)
  t.match(verified, {
    ...{ from: 'cognito', to: 'gateway', tenantId: 'acme-shop', ok: true, outcome: 'answerCorrect true' },
    ...{
      reason: 'verified',
      meaning: String,
      flowId: /^[\w-]{22}$/,
      line: { trigger: 'verify-auth-challenge-response' },
    },
  })
  const wanted = [
    'login/init',
    'login/start',
    'pre-login',
    'login/finish',
    'InitiateAuth',
    'define-auth-challenge',
    'create-auth-challenge',
    'RespondToAuthChallenge',
    'verify-auth-challenge-response',
    'verifySignedData',
    'define-auth-challenge',
  ]
  t.strictSame(await namesAfter(since, wanted, ({ name }) => name), wanted, 'in the order of the diagram')
  const text = JSON.stringify(calls())
  for (const secret of [mara.password, proof ?? '']) t.notOk(text.includes(secret), 'nothing secret is in the panel')

  const flow = `tenantId=acme-shop&flowId=${verified.flowId}`
  const explained = await get<ExplainAnswer>(`/explain?${flow}`)
  t.match(explained.answer, { kind: 'login', tenantId: 'acme-shop' })
  t.match(explained.text, /verify-auth-challenge-response +correct verified/)
})

t.test('a password asks for a text from then on, which the outbox shows', async (t) => {
  const { AuthenticationDetails, CognitoUser, CognitoUserPool } = await import('amazon-cognito-identity-js')
  const { userPoolId: UserPoolId, clientId: ClientId } = acme
  const Pool = new CognitoUserPool({ UserPoolId, ClientId, endpoint: `${url}/cognito/` })
  const user = new CognitoUser({ Username: mara.email, Pool })
  const idToken = await new Promise<string>((resolve, reject) => {
    const done = {
      onFailure: reject,
      onSuccess: (session: { getIdToken(): { getJwtToken(): string } }) => resolve(session.getIdToken().getJwtToken()),
    }
    const details = new AuthenticationDetails({ Username: mara.email, Password: mara.password })
    user.authenticateUser(details, {
      ...done,
      mfaRequired: () => void lastMessage(acme).then(({ code }) => user.sendMFACode(code, done)),
    })
  })
  t.match(await lastMessage(acme), { medium: 'sms', to: '+493023125017', purpose: 'mfa', tenantId: 'acme-shop' })
  await acmeApp.init('manage')
  const { body } = await acmeApp.connectToken('passkey-list', idToken)
  t.match(await acmeApp.connect('manage/list', { connectToken: body.connectToken }), {
    status: 200,
    body: { passkeys: { 0: { status: 'active' } } },
  })
})

t.test('what goes wrong can be provoked, is seen with its reason, and is undone', async (t) => {
  const provoke = (what: Provocation, on: boolean) => post('/provoke', { tenantId: 'acme-shop', what, on })
  const active = async () => (await get<{ active: { what: string }[] }>('/provoke')).active.map(({ what }) => what)
  /** A login with the passkey; answers the reason that the gateway gives for it. */
  async function reasonOfLogin() {
    const from = lastCall()
    const { proof } = await acmeApp.usePasskey(mara.email)
    await answerWith(await acmeApp.login(mara.email), proof)
    return (await completed('verify-auth-challenge-response', from)).reason
  }
  const once = { 'used-proof': 'invalid_challenge', 'wrong-passkey': 'user_mismatch' } as const
  for (const [what, reason] of Object.entries(once)) {
    t.match(await provoke(what as Provocation, true), {
      status: 200,
      body: { active: [{ tenantId: 'acme-shop', what }] },
    })
    t.equal(await reasonOfLogin(), reason)
    t.strictSame(await active(), [], 'and is over')
  }
  // Of the made-up people, whoever does not sign in is somebody else.
  await provoke('wrong-passkey', true)
  const from = lastCall()
  t.match(await answerWith(await acmeApp.login(acme.people[1]?.identifier ?? ''), 'a proof'), { kind: 'challenge' })
  t.equal((await completed('verify-auth-challenge-response', from)).reason, 'user_mismatch')
  const lasting = { 'corbado-down': 'backend_unavailable', 'secret-wrong': 'backend_unauthorized' } as const
  for (const [what, reason] of Object.entries(lasting)) {
    await provoke(what as Provocation, true)
    t.equal(await reasonOfLogin(), reason)
    t.strictSame(await active(), [what])
    t.match(await provoke(what as Provocation, false), { status: 200, body: { active: [] } })
    // A gateway that was told to leave Corbado alone may need a moment.
    while ((await reasonOfLogin()) !== 'verified');
  }
  t.match(await provoke('paused-tenant', true), { status: 200 })
  const silent = async () => {
    const from = lastCall()
    await acmeApp.usePasskey(mara.email)
    return (await completed('pre-login', from)).reason
  }
  while ((await silent()) !== 'passkeys_off');
  // Each environment of the gateway follows on its own.
  while ((await acmeApp.login(mara.email)).kind !== 'refused');
  t.match(await provoke('paused-tenant', false), { status: 200, body: { active: [] } })
  while ((await silent()) === 'passkeys_off' || (await acmeApp.login(mara.email)).kind === 'refused');
  t.equal(await reasonOfLogin(), 'verified')
  t.ok(
    events.some((event) => event.kind === 'provoked'),
    'other tabs are told',
  )
})

t.test('a fault that has ended without its button is not shown as one that lasts', async (t) => {
  const [example] = world.examples.filter(({ tenant }) => tenant.tenantId === acme.tenantId)
  if (!example) throw new Error('there is no such example')
  const { stack, admin, workspace } = world
  const trace = createTrace(systemClock)
  const told: TraceEvent[] = []
  trace.follow(0, ({ event }) => told.push(event))
  const run = async () => ({ code: 0, stdout: '', stderr: '' })
  const provoke = createProvoke({
    ...{ stack, trace, run, faults: admin.faults, apps: [{ tenant: acme, example }] },
    ...{ tenantsDir: workspace.tenantsDir, lastsMs: 1 },
  })
  const one = { tenantId: acme.tenantId, what: 'corbado-down' } as const
  await provoke.change({ ...one, on: true })
  const last = () => told.at(-1)
  await until(() => (told.length === 2 ? true : undefined))
  t.strictSame(last(), { kind: 'provoked', active: [] }, 'it ended by itself, and all tabs are told')

  t.match(await post('/provoke', { ...one, on: true }), { body: { active: [one] } })
  admin.faults.clear('corbado', acme.userPoolId)
  t.strictSame(await get('/provoke'), { active: [] }, 'the operator ended it')
  t.match(await post('/provoke', { ...one, on: true }), { body: { active: [one] } }, 'and it can be begun again')
  t.match(await post('/provoke', { ...one, on: false }), { body: { active: [] } })
})

t.test('calls are known as those of the tab that asked, with all that they led to', async (t) => {
  const trace = createTrace(systemClock)
  const told: TraceCall[] = []
  trace.follow(0, ({ event }) => event.kind === 'call' && told.push(event.call))
  const end = { ms: 1, ok: true, outcome: '' }
  const begin = (tab: string | undefined, name: string, tenantId = 'acme-shop') =>
    trace.begin({ from: 'browser', to: 'cognito', name, tenantId, ...(tab !== undefined && { tab }) })
  const first = begin('one', 'a')
  begin(undefined, 'led to')(end)
  begin(undefined, "another app's", 'globex-bank')(end)
  const second = begin('two', 'b')
  begin(undefined, 'of either')(end)
  first(end)
  begin(undefined, 'led to later')(end)
  second(end)
  begin(undefined, 'of nobody')(end)
  t.strictSame(Object.fromEntries(told.map(({ name, tab }) => [name, tab])), {
    ...{ a: 'one', 'led to': 'one', "another app's": undefined, 'of either': undefined },
    ...{ b: 'two', 'led to later': 'two', 'of nobody': undefined },
  })
  // As browsers say which one they are.
  const from = lastCall()
  await fetch(`${url}/corbado/tab-ab12/v2/connect/login/init`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-corbado-projectid': acme.projectId },
    body: '{}',
  })
  t.match(await ended('login/init', from), { tab: 'ab12', ok: true })
  await post('/connectToken?tab=ab12', { tenantId: acme.tenantId, type: 'passkey-list' })
  t.match(await ended('connectToken', from), { tab: 'ab12' })
  t.match(await ended('connect-tokens', from), { tab: 'ab12' })
})

t.test('a bank: the password, then the passkey, with connect tokens of its own server', async (t) => {
  const app = appOf(globex)
  const name = 'globex-200001'
  const eve = { email: 'eve@bank.example', password: 'Correct-horse-1' }
  t.strictSame(await app.signUp(eve.email, eve.password, name), [200, 200])
  const idToken = await passwordTokens(globex, name, eve.password)
  const from = lastCall()
  t.match(await app.append(idToken), { status: 200 })
  t.match(await completed('post-append', from), { line: { reason: 'factor_not_possible' } }, 'there is no app yet')
  const tokens = calls().find(({ id, name }) => id > from && name === 'connectTokens')
  t.match(tokens, { from: 'app', to: 'corbado', ok: true, tenantId: 'globex-bank' })
  const { proof } = await app.usePasskey(eve.email)
  t.match(await answerWith(await app.login(name, eve.password), proof), { kind: 'tokens' })
  t.match(await completed('verify-auth-challenge-response', from), { tenantId: 'globex-bank', reason: 'verified' })
})

t.test('a made-up user of the bank is asked for a code of the app, which is among the messages', async (t) => {
  const [person] = globex.people
  const { user } = world.stack.cognito
  const known = user(globex.userPoolId, person?.identifier ?? '')
  if (!known || !person) throw new Error('there is no such person')
  const factor = { mfa: ['SOFTWARE_TOKEN_MFA'], preferredMfa: 'SOFTWARE_TOKEN_MFA' } as const
  world.stack.cognito.putUser(globex.userPoolId, { ...known, ...factor })
  const stage = await appOf(globex).login(person.identifier, person.password)
  t.match(stage, { kind: 'refused', error: 'SOFTWARE_TOKEN_MFA' }, 'before the passkey')
  const message = await until(() =>
    events
      .flatMap((event) => (event.kind === 'message' ? [event.message] : []))
      .find((one) => one.medium === 'authenticator'),
  )
  t.match(message, { to: person.email, purpose: 'mfa', code: /^\d{6}$/, tenantId: 'globex-bank' })
})

t.test("a portal's own code by mail goes on at its older app, and the panel sees its function", async (t) => {
  const [person] = initech.people
  const { userPoolId, ownCode, displayName } = initech
  if (!person || !ownCode) throw new Error('there is no own code')
  const from = lastCall()
  const endpoint = `${url}/cognito/`
  const stage = await startLogin({ endpoint, userPoolId, clientId: ownCode.clientId, username: person.identifier })
  const { code, ...message } = await lastMessage(initech)
  t.match(message, { medium: 'email', purpose: 'own-code', to: person.email, subject: `Your code for ${displayName}` })
  const again = await answerWith(stage, 'another code')
  t.match(again, { kind: 'challenge' })
  t.match(await answerWith(again, code), { kind: 'tokens' })
  t.match(await completed('verify-auth-challenge-response', from), { tenantId: 'initech-portal' })
  t.ok(calls().some((call) => call.id > from && call.from === 'gateway' && call.to === 'customer'))
})

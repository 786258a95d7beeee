import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { type Behaviour, freePort, openDoor, reply } from '../../infra/test/fixtures/door.js'
import { startForwarder, type TestForwarder } from '../../infra/test/fixtures/forwarder.js'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import {
  ERRORS,
  isCommandFault,
  isLogged,
  reasonOfCode,
  type Upstream,
  type UpstreamFaultKind,
} from '../../src/errors.js'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../../src/local/accounts.js'
import type { Fault, StandIn } from '../../src/local/aws/server.js'
import { type Handler, inProcess } from '../../src/local/lambda/index.js'
import { basicCredential, hostedArn } from '../../src/local/world/tenants.js'
import { createLogger } from '../../src/plugins/logger.js'
import { boundConnections, serverOptions } from '../../src/plugins/server/connections.js'
import { loadShedding } from '../../src/plugins/server/load-shedding.js'
import { isReason, levelOf, type Outcome, placesOf, type Reason, reasons } from '../../src/reasons.js'
import { CUSTOM_AUTH_TRIGGERS, OTHER_TRIGGERS, SENDER_TRIGGERS, type TenantFile } from '../../src/tenant/config.js'
import { triggers } from '../../src/triggers/index.js'
import type { TriggerResult } from '../../src/triggers/trigger.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { signatureHeaders, startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { hang, untilSeen } from '../fixtures/neighbours.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const EMAIL = 'ada@acme.example'

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { table, ssm, sts, cognito, corbado } = stack
const container = await startContainer(t, gateway)
const server = createLogSink()
const forwarders: TestForwarder[] = []
/** Containers that serve one provocation. */
const others: { take(): Record<string, unknown>[] }[] = []

/** A forwarder to the container, or to something in its place; then it has a clock of its own. */
function forwarderTo(url = container.url) {
  const forwarder = startForwarder(t, url, url === container.url ? { clock } : {})
  forwarders.push(forwarder)
  return forwarder
}
const forwarder = forwarderTo()

let pools = 0
const newPool = () => `eu-central-1_Reason${String(++pools).padStart(3, '0')}`

const CLIENT_SECRET = 'thesecretoftheappclient'
const postLoginOf = (userPoolId: string) => ({
  clientId: `reasons${Number(userPoolId.slice(-3))}`,
  clientSecretParameter: `/corbado/gateway/${userPoolId}/client-secret`,
})

/** A tenant of whom nothing is remembered, with one user. */
async function tenant(changes: Parameters<typeof tenantFile>[0] = {}, user: object = {}): Promise<TenantFile> {
  const userPoolId = newPool()
  const file = tenantFile({
    tenantId: `reason-${pools}`,
    // It cannot be had beside these.
    connectTokens: {
      ...{ clientIds: [postLoginOf(userPoolId).clientId], origins: ['https://app.example.com'] },
      types: ['passkey-list', 'passkey-delete'],
    },
    ...(!changes.login && { actions: { postAppend: { mfa: 'sms' }, postLogin: postLoginOf(userPoolId) } }),
    ...changes,
    userPoolId,
  })
  const clients = [{ clientId: `reasons${pools}`, preventUserExistenceErrors: true, allowCustomAuth: true }]
  await gateway.addTenant(file, { clients: clients.map((one) => ({ ...one, clientSecret: CLIENT_SECRET })) })
  ssm.put(postLoginOf(userPoolId).clientSecretParameter, CLIENT_SECRET)
  cognito.putUser(userPoolId, { username: USER, attributes: { sub: USER, email: EMAIL }, ...user })
  return file
}

/** What goes wrong is on the line; what is thrown says less. */
const tried = (work: Promise<unknown>) => work.catch(() => undefined)

type Event = Record<string, unknown>
const eventsOf = (userPoolId: string): Event[] =>
  triggers.map(({ name, triggerSource: [source] }) => {
    if (name === 'define-auth-challenge') return defineEvent([], {}, { userPoolId })
    if (name === 'create-auth-challenge') return createEvent([], { userPoolId })
    if (name === 'verify-auth-challenge-response') return verifyEvent('no proof', {}, { userPoolId })
    return triggerEvent(`${source}_Some`, {}, { userPoolId })
  })
const laterEvent = (userPoolId: string) => triggerEvent('Later_Source', {}, { userPoolId })

async function everyTrigger(userPoolId: string, arn?: string) {
  const options = arn === undefined ? {} : { arn }
  for (const event of [...eventsOf(userPoolId), laterEvent(userPoolId)]) await tried(gateway.trigger(event, options))
}
const define = (userPoolId: string, session: unknown = []) =>
  tried(gateway.trigger(defineEvent(session, {}, { userPoolId })))
const verify = (userPoolId: string, answer: unknown, request: object = {}) =>
  tried(gateway.trigger(verifyEvent(answer, request, { userPoolId })))
const preLogin = (userPoolId: string, identifier = USER, remainingMs = 6_000) =>
  tried(gateway.action({ action: 'pre-login', userPoolId, identifier }, { remainingMs }))
const postAppend = (userPoolId: string, username = USER) =>
  tried(gateway.action({ action: 'post-append', userPoolId, username }))
/** Through an app client whose secret is in SSM, so that it needs all that it can need. */
const postLogin = async (userPoolId: string, user = USER, projectId = 'pro-1001') =>
  tried(gateway.action({ action: 'post-login', userPoolId, signedPasskeyData: await corbado.sign(projectId, user) }))
/** An ID token of the tenant's user. */
async function idTokenOf(userPoolId: string): Promise<string> {
  const signedPasskeyData = await corbado.sign('pro-1001', USER)
  const { body } = await gateway.action({ action: 'post-login', userPoolId, signedPasskeyData })
  return JSON.parse(String(body.session)).IdToken
}
/** Through the container, as all of it comes over HTTP. */
/** A token that says it is of the pool, and that nobody signed. */
function unsignedToken(userPoolId: string): string {
  const claims = Buffer.from(JSON.stringify({ iss: `https://cognito.example/${userPoolId}` })).toString('base64url')
  return `none.${claims}.none`
}
const connectToken = (userPoolId: string, token = unsignedToken(userPoolId), type: unknown = 'passkey-list') =>
  http(`/v1/pools/${userPoolId}/connect-tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ type }),
  })
/** Once the container has read the config, and what else a connect token needs fails. */
const atConnectToken = async (standIn: StandIn, fault: Fault) => {
  const { userPoolId } = await tenant()
  const token = await idTokenOf(userPoolId)
  await connectToken(userPoolId)
  await during(standIn, fault, () => connectToken(userPoolId, token))
}

async function everyAction(userPoolId: string) {
  await preLogin(userPoolId)
  await postLogin(userPoolId)
  await postAppend(userPoolId)
  await connectToken(userPoolId)
}
async function everything(userPoolId: string) {
  await everyTrigger(userPoolId)
  await everyAction(userPoolId)
}

const IGNORED = [...OTHER_TRIGGERS.filter((name) => name !== 'userMigration'), ...SENDER_TRIGGERS]
const EVERY = [...CUSTOM_AUTH_TRIGGERS, 'userMigration', ...IGNORED]
/** Tenants whose every trigger a function answers: of one its faults count, of the other they are ignored if they may be. */
async function chainedTo(functionArn: string, limits?: TenantFile['limits']): Promise<string[]> {
  const of = (onFailure: 'fail' | 'ignore') =>
    Object.fromEntries(
      EVERY.map((name) => [
        name,
        { mode: 'chain' as const, functionArn, ...((IGNORED as string[]).includes(name) && { onFailure }) },
      ]),
    )
  const login = { clientIds: ['another'] }
  const files = [
    await tenant({ triggers: of('fail'), login, ...(limits && { limits }) }),
    await tenant({ triggers: of('ignore'), login, ...(limits && { limits }) }),
  ]
  return files.map(({ userPoolId }) => userPoolId)
}
let functions = 0
function deployed(run: Handler): string {
  functions += 1
  const functionArn = `arn:aws:lambda:eu-central-1:111122223333:function:own-${functions}`
  stack.lambda.putFunction({ functionArn, runner: inProcess(run, clock), aliases: [] })
  return functionArn
}
const sane: Handler = async (event) => event
/** Every trigger, answered by this function. */
const chained = (run: Handler) => async () => {
  for (const userPoolId of await chainedTo(deployed(run))) await everyTrigger(userPoolId)
}
const chainedDuring = (fault: Fault) => async () => {
  for (const userPoolId of await chainedTo(deployed(sane))) {
    await during(stack.lambda, fault, () => everyTrigger(userPoolId))
  }
}
const throwing =
  (name: string, text: string): Handler =>
  async () => {
    throw Object.assign(new Error(text), { name })
  }

const status = (code: number): Fault => ({ kind: 'status', status: code })
const says = (code: string): Fault => ({ kind: 'unsigned', code, times: 1_000 })

async function during(standIn: StandIn, fault: Fault, run: () => Promise<unknown>) {
  await standIn.setFault(fault)
  await run()
  await standIn.setFault(undefined)
}

/** Without its tenant: the config was never read. */
const withoutConfig = (fault: Fault) => () => {
  const userPoolId = newPool()
  return during(table, fault, () => everything(userPoolId))
}
const atActions = (standIn: StandIn, fault: Fault) => async () => {
  const { userPoolId } = await tenant()
  await during(standIn, fault, () => everyAction(userPoolId))
}
const atVerify = (standIn: StandIn, fault: Fault) => async () => {
  if (standIn === corbado || standIn === ssm) await atConnectToken(standIn, fault)
  const { userPoolId } = await tenant()
  await define(userPoolId)
  const proof = await corbado.sign('pro-1001', USER)
  await during(standIn, fault, async () => {
    await verify(userPoolId, proof)
    if (standIn === ssm) await postLogin(userPoolId)
  })
}
const withVerdict = (verificationResult: string) => async () => {
  const { userPoolId } = await tenant()
  corbado.answerWith({ status: 200, body: { verificationResult } })
  await verify(userPoolId, await corbado.sign('pro-1001', USER))
  corbado.answerWith(undefined)
}
const withAnswer = (answerOf: () => unknown) => async () => {
  const { userPoolId } = await tenant()
  await verify(userPoolId, await answerOf())
}
const withSecret = (put: (name: string) => void) => async () => {
  const { userPoolId, corbado: config } = await tenant()
  put(config.credentialParameter)
  await verify(userPoolId, await corbado.sign('pro-1001', USER))
  put(postLoginOf(userPoolId).clientSecretParameter)
  await postLogin(userPoolId)
  // Another one: of the first, the container's neighbour has read the secret.
  const other = await tenant()
  const token = await idTokenOf(other.userPoolId)
  put(other.corbado.credentialParameter)
  await connectToken(other.userPoolId, token)
}
const inSession =
  (session: unknown, login: TenantFile['login'] = {}) =>
  async () => {
    const { userPoolId } = await tenant({ login })
    await define(userPoolId, session)
  }
const own = (challengeResult: boolean) => ({
  challengeName: 'CUSTOM_CHALLENGE',
  challengeResult,
  challengeMetadata: OWN,
})
const ofUser = (user: object) => async () => {
  const { userPoolId } = await tenant({}, user)
  await preLogin(userPoolId)
}
const ofStatus = (is: 'draft' | 'suspended') => async () => {
  const { userPoolId } = await tenant({ status: is })
  await everything(userPoolId)
  await tried(forwarder.send(defineEvent([], {}, { userPoolId })))
}
const refusing = (send: (userPoolId: string) => Promise<unknown>) => async () => send((await tenant()).userPoolId)

/** Sends both kinds of events through a forwarder; short waits of its own pass, and no other time. */
async function forwardBoth(url: string, whileUnderWay: (forwarder: TestForwarder) => void = () => {}) {
  const one = forwarderTo(url)
  for (const event of [defineEvent([]), triggerEvent('PreSignUp_SignUp')]) {
    let ended = false
    const sending = tried(one.send(event, { remainingMs: 2_000 })).finally(() => {
      ended = true
    })
    while (!ended) {
      await setImmediate()
      if ((one.clock.untilNextMs() ?? Number.POSITIVE_INFINITY) <= 50) one.clock.advance(50)
      whileUnderWay(one)
    }
    await sending
  }
}
async function forwardTo(behaviour: Behaviour, whileUnderWay?: (forwarder: TestForwarder, received: number) => void) {
  const door = await openDoor(t)
  door.behave(behaviour)
  await forwardBoth(door.url, (one) => whileUnderWay?.(one, door.received.length))
}
const refusedBy = (code: string, statusCode: number) => () =>
  forwardTo((response) => reply(response, statusCode, { code, message: 'x', requestId: 'x' }))
/** A table that fails under a container: the forwarder knows no more than the code. */
const behindContainer = (fault: Fault) => () => {
  const event = defineEvent([], {}, { userPoolId: newPool() })
  return during(table, fault, () => tried(forwarder.send(event)))
}

const http = (path: string, init: RequestInit) => fetch(new URL(path, container.url), init).then((one) => one.text())
const SIGN_UP = '/v1/pools/eu-central-1_Acme00001/triggers/pre-sign-up'

/** Bytes to a door whose requests have so many milliseconds to arrive, by the machine's time. */
async function toServer(bytes: string, arrivalMs: number) {
  const logger = createLogger('info', server)
  const limits = { arrivalMs, connectionsMax: 10, silentMs: 600_000 }
  const env = parseEnv(process.env)
  const upstreams = createUpstreams(env, clock)
  const app = buildApp({ env, upstreams, clock, logger, server: serverOptions(limits, logger) })
  boundConnections(app.server, limits, logger)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  socket.write(bytes)
  await once(socket, 'close')
  await app.close()
  await upstreams.close()
}

/** A bug: what the gateway counts on throws, once. */
async function withBug(run: () => Promise<unknown>) {
  const { random } = Math
  Math.random = () => {
    Math.random = random
    throw new Error('a bug')
  }
  await run()
  Math.random = random
}
async function withoutClock(run: () => Promise<unknown>) {
  const { now } = clock
  Object.assign(clock, {
    now: () => {
      throw new Error('a bug')
    },
  })
  await run()
  Object.assign(clock, { now })
}
const broken = {
  get triggerSource() {
    throw new Error('a bug')
  },
}
const context = (arn: string) => ({
  awsRequestId: 'request',
  invokedFunctionArn: arn,
  getRemainingTimeInMillis: () => 6_000,
})
const later = (ms: number) => Math.floor((clock.now() + ms) / 1_000)

const PROVOCATIONS: Readonly<Record<Reason, () => Promise<unknown>>> = {
  verified: withAnswer(() => corbado.sign('pro-1001', USER)),
  missing_answer: withAnswer(() => ''),
  malformed_answer: withAnswer(() => 'no proof'),
  wrong_project: withAnswer(() => corbado.sign('pro-1002', USER)),
  expired: withAnswer(() => corbado.sign('pro-1001', USER, { exp: later(-61_000) })),
  invalid_signature: withVerdict('invalid_signature'),
  invalid_challenge: withVerdict('invalid_challenge'),
  user_mismatch: withVerdict('user_mismatch'),
  generic_error: withVerdict('generic_error'),
  async user_not_found() {
    const { userPoolId } = await tenant()
    await verify(userPoolId, await corbado.sign('pro-1001', USER), { userNotFound: true })
    await preLogin(userPoolId, 'nobody@acme.example')
  },
  backend_unauthorized: atVerify(corbado, status(401)),
  backend_rate_limited: atVerify(corbado, status(429)),
  async verify_rate_limited() {
    const { userPoolId } = await tenant({ limits: { verifyPerSecond: 1 } })
    for (const nonce of ['one', 'two']) {
      const privateChallengeParameters = { cognitoID: USER, nonce }
      await verify(userPoolId, await corbado.sign('pro-1001', USER), { privateChallengeParameters })
    }
  },
  backend_rejected: atVerify(corbado, status(400)),
  backend_unavailable: atVerify(corbado, status(500)),
  backend_timeout: atVerify(corbado, { kind: 'hang' }),
  backend_malformed: atVerify(corbado, { kind: 'garbage' }),
  async backend_busy() {
    const { userPoolId } = await tenant({ limits: { concurrentCalls: 1 } })
    const proofs = [await corbado.sign('pro-1001', USER), await corbado.sign('pro-1001', USER)]
    const other = await tenant()
    await define(userPoolId)
    const before = corbado.calls.length
    const letGo = await hang(corbado, 'verifySignedData', () => true)
    await gateway.byHand(async () => {
      const first = verify(userPoolId, proofs[0])
      await untilSeen(corbado, () => true, before + 1)
      const second = verify(userPoolId, proofs[1])
      // Longer than the second takes until it waits for a place.
      await preLogin(other.userPoolId)
      clock.advance(6_000)
      await Promise.all([first, second])
    })
    await letGo()
    const token = await idTokenOf(other.userPoolId)
    const one = await tenant({ limits: { concurrentCalls: 1 } })
    const ours = await idTokenOf(one.userPoolId)
    await connectToken(one.userPoolId)
    const asked = corbado.calls.length
    const release = await hang(corbado, 'connectTokens', (call) => JSON.stringify(call.input).includes('passkey-list'))
    await gateway.byHand(async () => {
      const first = connectToken(one.userPoolId, ours, 'passkey-list')
      await untilSeen(corbado, () => true, asked + 1)
      const second = connectToken(one.userPoolId, ours, 'passkey-delete')
      // Longer than the second takes until it waits for a place.
      await connectToken(other.userPoolId, token, 'passkey-delete')
      clock.advance(6_000)
      await Promise.all([first, second])
    })
    await release()
  },
  secret_missing: withSecret((name) => ssm.remove(name)),
  secret_malformed: withSecret((name) => ssm.put(name, 'not a secret')),
  secret_denied: atVerify(ssm, says('AccessDeniedException')),
  secret_throttled: atVerify(ssm, status(429)),
  secret_timeout: atVerify(ssm, { kind: 'hang' }),
  secret_unavailable: atVerify(ssm, status(500)),
  secret_wrong_project: withSecret((name) => ssm.put(name, basicCredential('pro-1003', 'x'))),

  session_too_long: inSession(Array.from({ length: 21 }, () => own(false))),
  async passkeys_off() {
    const { userPoolId } = await tenant({ status: 'passkeys-off' })
    await define(userPoolId)
    await everyAction(userPoolId)
  },
  foreign_client: inSession([], { clientIds: ['another'] }),
  foreign_challenge: inSession([{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: true }]),
  inconsistent_session: inSession([own(true), own(true)]),
  unexpected_challenge: inSession([], { flow: 'password-then-passkey' }),
  cognito_challenge_failed: inSession([{ challengeName: 'SRP_A', challengeResult: false }], {
    flow: 'password-then-passkey',
  }),
  attempts_exhausted: inSession([own(false), own(false), own(false)]),

  account_disabled: ofUser({ enabled: false }),
  force_change_password: ofUser({ status: 'FORCE_CHANGE_PASSWORD' }),
  reset_required: ofUser({ status: 'RESET_REQUIRED' }),
  user_status_unhandled: ofUser({ status: 'UNCONFIRMED' }),
  async ambiguous_identifier() {
    const { userPoolId } = await tenant()
    cognito.putUser(userPoolId, { username: 'another', attributes: { sub: 'another', email: EMAIL } })
    await preLogin(userPoolId, EMAIL)
  },
  attribute_match_only: refusing((userPoolId) => preLogin(userPoolId, EMAIL)),
  async no_factor_configured() {
    const { userPoolId } = await tenant({ actions: { postAppend: { mfa: 'none' } } })
    await postAppend(userPoolId)
  },
  async factor_present() {
    const { userPoolId } = await tenant({}, { mfa: ['SMS_MFA'] })
    await postAppend(userPoolId)
  },
  factor_not_possible: refusing(postAppend),
  async claim_unproven() {
    const clientId = 'notthere'
    const { userPoolId } = await tenant({ login: { claim: { name: 'corbado', clientIds: [clientId] } } })
    await gateway.trigger(
      triggerEvent('TokenGeneration_Authentication', {}, { userPoolId, callerContext: { clientId } }),
    )
    const own = { mode: 'chain', functionArn: deployed(sane) } as const
    const { userPoolId: another } = await tenant({
      login: { claim: { name: 'corbado', clientIds: [clientId] } },
      triggers: { preTokenGeneration: own },
    })
    await gateway.trigger(
      triggerEvent('TokenGeneration_Authentication', {}, { userPoolId: another, callerContext: { clientId } }),
    )
  },
  async action_not_configured() {
    const { userPoolId } = await tenant({ actions: { postAppend: { mfa: 'none' } } })
    await postLogin(userPoolId)
  },
  action_refused: refusing((userPoolId) => postLogin(userPoolId, 'nobody')),
  async client_secret_refused() {
    const { userPoolId } = await tenant()
    ssm.put(postLoginOf(userPoolId).clientSecretParameter, 'another')
    await postLogin(userPoolId)
  },
  async connect_tokens_not_configured() {
    const { userPoolId } = await tenant({ connectTokens: undefined } as object)
    await connectToken(userPoolId)
  },
  connect_token_unauthorized: refusing((userPoolId) => connectToken(userPoolId)),
  connect_token_type_refused: refusing(async (userPoolId) =>
    connectToken(userPoolId, await idTokenOf(userPoolId), 'passkey-append'),
  ),
  connect_token_limited: refusing(async (userPoolId) => {
    const token = await idTokenOf(userPoolId)
    for (const _time of [1, 2]) await connectToken(userPoolId, token)
  }),
  connect_token_keys_unavailable: refusing(async (userPoolId) => {
    const token = await idTokenOf(userPoolId)
    await during(cognito, status(500), () => connectToken(userPoolId, token))
  }),
  async pseudonym_key_unavailable() {
    const actions = { preLogin: { unknownUser: 'decoy' }, postAppend: { mfa: 'none' } } as const
    const { userPoolId } = await tenant({ actions })
    const keyless = await startContainer(t, gateway, {
      env: { PSEUDONYM_KEY_PARAMETER: '/corbado/gateway/no-such-key' },
    })
    others.push(keyless)
    await keyless.action({ action: 'pre-login', userPoolId, identifier: USER })
  },
  action_user_not_found: refusing((userPoolId) => postAppend(userPoolId, 'nobody')),

  table_denied: withoutConfig(says('AccessDeniedException')),
  table_throttled: withoutConfig(status(429)),
  table_timeout: withoutConfig({ kind: 'hang' }),
  table_unavailable: withoutConfig(status(500)),
  table_expired: withoutConfig(says('ExpiredTokenException')),
  table_rejected: withoutConfig(status(400)),
  table_malformed: withoutConfig({ kind: 'garbage' }),

  sts_denied: atActions(sts, says('AccessDenied')),
  sts_throttled: atActions(sts, status(429)),
  sts_timeout: atActions(sts, { kind: 'hang' }),
  sts_unavailable: atActions(sts, status(500)),
  sts_expired: atActions(sts, says('ExpiredToken')),
  sts_rejected: atActions(sts, status(400)),
  sts_malformed: atActions(sts, { kind: 'garbage' }),

  role_permission_missing: atActions(cognito, says('AccessDeniedException')),
  cognito_throttled: atActions(cognito, status(429)),
  async list_users_rate_limited() {
    const { userPoolId } = await tenant({ limits: { listUsersPerSecond: 1 } })
    await preLogin(userPoolId, 'nobody@acme.example')
    // Half a second is left for the search itself, so this one cannot wait.
    await preLogin(userPoolId, 'nobody@acme.example', 650)
  },
  cognito_timeout: atActions(cognito, { kind: 'hang' }),
  cognito_unavailable: atActions(cognito, status(500)),
  async cognito_busy() {
    for (const [operation, first, more] of [
      ['AdminGetUser', preLogin, [preLogin, postAppend]],
      ['AdminInitiateAuth', postLogin, [postLogin]],
    ] as const) {
      const { userPoolId } = await tenant({
        limits: { concurrentCalls: 1 },
      })
      await preLogin(userPoolId)
      const other = await tenant()
      const proof = await corbado.sign('pro-1001', USER)
      const before = cognito.calls.length
      const letGo = await hang(cognito, operation, () => true)
      await gateway.byHand(async () => {
        const begun = first(userPoolId)
        await untilSeen(cognito, () => true, before + 1)
        const waiting = Promise.all(more.map((one) => one(userPoolId)))
        // Longer than these take until they wait for a place.
        await verify(other.userPoolId, proof)
        clock.advance(6_000)
        await Promise.all([begun, waiting])
      })
      await letGo()
    }
  },
  cognito_expired: atActions(cognito, says('ExpiredTokenException')),
  cognito_rejected: atActions(cognito, status(400)),
  cognito_malformed: atActions(cognito, { kind: 'garbage' }),

  async tenant_unknown() {
    const userPoolId = newPool()
    await everything(userPoolId)
    for (const event of eventsOf(userPoolId)) await container.trigger(event)
    for (const event of eventsOf(userPoolId)) await tried(forwarder.send(event))
  },
  tenant_draft: ofStatus('draft'),
  tenant_suspended: ofStatus('suspended'),
  async tenant_wrong_alias() {
    const { userPoolId } = await tenant()
    await everyTrigger(userPoolId, hostedArn('t-other'))
    await tried(forwarder.send(defineEvent([], {}, { userPoolId }), { alias: 't-other' }))
  },
  async tenant_config_invalid() {
    const file = await tenant()
    await gateway.putConfig({ ...file, surprise: true } as TenantFile)
    await everything(file.userPoolId)
    await tried(forwarder.send(defineEvent([], {}, { userPoolId: file.userPoolId })))
  },
  async chain_threw() {
    const functionArn = deployed(throwing('NotWelcome', 'Not you.'))
    const [userPoolId = '', another = ''] = await chainedTo(functionArn)
    await everyTrigger(userPoolId)
    await everyTrigger(another)
    await tried(forwarder.send(triggerEvent('PreSignUp_SignUp', {}, { userPoolId })))
  },
  chain_timeout: chainedDuring({ kind: 'hang' }),
  chain_throttled: chainedDuring(status(429)),
  chain_denied: chainedDuring({ kind: 'unsigned', code: 'AccessDeniedException', times: 1_000 }),
  async chain_missing() {
    for (const userPoolId of await chainedTo(`${deployed(sane)}:nowhere`)) await everyTrigger(userPoolId)
  },
  chain_malformed: chained(async () => 'no event'),
  async chain_failed() {
    const functionArn = deployed(sane)
    const [userPoolId = '', another = ''] = await chainedTo(functionArn)
    await during(stack.lambda, status(400), async () => {
      await everyTrigger(userPoolId)
      await everyTrigger(another)
      await tried(forwarder.send(triggerEvent('PreSignUp_SignUp', {}, { userPoolId })))
    })
  },
  async chain_busy() {
    for (const userPoolId of await chainedTo(deployed(sane), { concurrentCalls: 1 })) {
      const before = stack.lambda.calls.length
      const letGo = await hang(stack.lambda, 'Invoke', () => true)
      await gateway.byHand(async () => {
        const first = tried(gateway.trigger(triggerEvent('PreSignUp_SignUp', {}, { userPoolId })))
        await untilSeen(stack.lambda, () => true, before + 1)
        const others = Promise.all(eventsOf(userPoolId).map((event) => tried(gateway.trigger(event))))
        // Longer than the others take until they wait for a place.
        await preLogin((await tenant()).userPoolId)
        clock.advance(6_000)
        await Promise.all([first, others])
      })
      await letGo()
    }
  },
  async chain_loop() {
    const clientContext = { custom: { 'corbado-gateway-hops': 1 } }
    for (const userPoolId of await chainedTo(deployed(sane))) {
      const arn = hostedArn('t-acme')
      for (const event of eventsOf(userPoolId)) await tried(gateway.handler(event, { ...context(arn), clientContext }))
    }
  },
  async trigger_sender_refused() {
    const { userPoolId } = await tenant()
    await everyTrigger(userPoolId)
    await tried(forwarder.send(triggerEvent('CustomEmailSender_SignUp', {}, { userPoolId })))
  },
  async unknown_trigger() {
    const { userPoolId } = await tenant()
    await gateway.trigger(laterEvent(userPoolId))
    await forwarder.send(laterEvent(userPoolId))
  },

  async request_invalid() {
    const pool = '/v1/pools/eu-central-1_Acme00001'
    for (const name of [...triggers.map((one) => one.name), 'unknown'])
      await container.post(`${pool}/triggers/${name}`, {})
    for (const name of ['pre-login', 'post-login', 'post-append']) await container.post(`${pool}/actions/${name}`, {})
    await connectToken('eu-central-1_Acme00001', 'none', 7)
    await container.post(SIGN_UP, '{"half":')
    await tried(forwarder.send(defineEvent('none')))
  },
  async request_mismatch() {
    const pool = '/v1/pools/eu-central-1_Other0001'
    const events = eventsOf('eu-central-1_Acme00001')
    for (const [index, { name }] of triggers.entries()) {
      await container.post(`${pool}/triggers/${name}`, events[index] ?? {})
    }
    const fields = { 'pre-login': 'identifier', 'post-login': 'signedPasskeyData', 'post-append': 'username' }
    for (const [action, field] of Object.entries(fields)) {
      await container.post(`${pool}/actions/${action}`, { action, userPoolId: 'eu-central-1_Acme00001', [field]: 'x' })
    }
  },
  async request_too_large() {
    const event = triggerEvent('PreSignUp_SignUp', { filler: 'x'.repeat(1_100_000) })
    await container.post(SIGN_UP, event)
    await tried(forwarder.send(event))
  },
  request_late: () => toServer('POST /nowhere HTTP/1.1\r\nhost: x\r\n', 100),
  request_headers_too_large: () =>
    toServer(`GET / HTTP/1.1\r\nhost: x\r\nfiller: ${'x'.repeat(20_000)}\r\n\r\n`, 600_000),
  request_media_type: () =>
    http(SIGN_UP, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', ...signatureHeaders('', clock.now()) },
      body: 'x',
    }),
  async route_unknown() {
    await http('/nowhere', {})
    const event = laterEvent('eu-central-1_Acme00001')
    await container.post('/v1/pools/eu-central-1_Acme00001/triggers/unknown', event)
    await refusedBy('GW_ERR_ROUTE_UNKNOWN', 404)()
  },
  method_not_allowed: () => http(SIGN_UP, {}),
  async caller_unsigned() {
    await http(SIGN_UP, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
    await refusedBy('GW_ERR_CALLER_UNSIGNED', 401)()
  },
  async caller_replayed() {
    const { userPoolId } = await tenant()
    const body = JSON.stringify({ action: 'pre-login', userPoolId, identifier: USER })
    const headers = { 'content-type': 'application/json', ...signatureHeaders(body, clock.now()) }
    for (const _ of [1, 2]) await http(`/v1/pools/${userPoolId}/actions/pre-login`, { method: 'POST', headers, body })
  },
  async caller_secrets_unavailable() {
    const fresh = await startContainer(t, gateway)
    await during(ssm, status(500), () => fresh.post(SIGN_UP, {}))
    others.push(fresh)
    await refusedBy('GW_ERR_CALLER_SECRETS_UNAVAILABLE', 503)()
  },
  async overloaded() {
    const shedding = { env: { triggerDeadlineMs: 4_200 }, clock: createFrozenClock(), requestsMax: 0 }
    const busy = await startContainer(t, gateway, { extend: (app) => void app.register(loadShedding, shedding) })
    others.push(busy)
    await busy.post(SIGN_UP, {})
    for (let stranger = 0; stranger < 60; stranger += 1) await connectToken(newPool())
    clock.advance(1_000)
    await refusedBy('GW_ERR_OVERLOADED', 503)()
  },
  async invocation_unqualified() {
    await tried(gateway.trigger(defineEvent([]), { arn: FUNCTION_ARN }))
    await tried(forwarder.send(defineEvent([]), { arn: FUNCTION_ARN }))
  },
  async invocation_wrong_alias() {
    const arn = `${FUNCTION_ARN}:${ACTIONS_ALIAS}`
    await tried(gateway.trigger(defineEvent([]), { arn }))
    await tried(forwarder.send(defineEvent([]), { arn }))
  },
  async invocation_unknown() {
    await tried(gateway.handler({}, context(FUNCTION_ARN)))
    await tried(forwarder.send({}))
  },
  async internal() {
    const { userPoolId } = await tenant()
    await define(userPoolId)
    await withoutClock(() => everyTrigger(userPoolId))
    for (const run of [preLogin, postLogin, postAppend]) {
      const { userPoolId: another } = await tenant()
      await define(another)
      await withBug(() => run(another))
    }
    const { userPoolId: last, corbado: config } = await tenant()
    const token = await idTokenOf(last)
    ssm.remove(config.credentialParameter)
    await withBug(() => connectToken(last, token))
    const fresh = await startContainer(t, gateway)
    others.push(fresh)
    await during(ssm, status(500), () => withBug(() => fresh.post(SIGN_UP, {})))
    await tried(gateway.handler(broken, context(FUNCTION_ARN)))
    await refusedBy('GW_ERR_INTERNAL', 500)()
  },

  async gateway_unsent() {
    await forwardBoth(`http://127.0.0.1:${await freePort()}`)
  },
  async gateway_timeout() {
    let answered = 0
    await forwardTo(
      () => undefined,
      ({ clock: own }, received) => {
        if (received === answered) return
        answered = received
        own.advance(2_000)
      },
    )
  },
  gateway_reset: () => forwardTo((response) => response.destroy()),
  gateway_too_large: () => forwardTo((response) => reply(response, 200, JSON.stringify('x'.repeat(5_000_000)))),
  gateway_malformed: () => forwardTo((response) => reply(response, 503, '<html>503</html>')),
  upstream_timeout: behindContainer({ kind: 'hang' }),
  upstream_unavailable: behindContainer(status(500)),
  upstream_throttled: behindContainer(status(429)),
  upstream_denied: behindContainer(says('AccessDeniedException')),
  upstream_expired: behindContainer(says('ExpiredTokenException')),
  upstream_rejected: behindContainer(status(400)),
  upstream_malformed: behindContainer({ kind: 'garbage' }),
}

/** Every line that was written since it was last called. */
function takeLines(): Record<string, unknown>[] {
  const sinks = [gateway, container, server, ...others]
  return [...sinks.flatMap((one) => one.take()), ...forwarders.flatMap(({ lines }) => lines.splice(0))]
}

const stepOf = ({ door, trigger, action, msg }: Record<string, unknown>) =>
  door === 'forwarder' ? 'forwarder' : (trigger ?? action ?? msg)

/** Did a dependency fail when it was asked, and not a value that it had given before? The forwarder asks none of these. */
function speaksOfDependency({ reason, door, remembered }: Record<string, unknown>): boolean {
  const faults =
    /^(table|sts|cognito|backend|secret)_(malformed|timeout|unavailable|denied|throttled|expired|rejected)$/
  return door !== 'forwarder' && remembered !== true && reason !== 'secret_malformed' && faults.test(String(reason))
}

t.test(
  'every reason of the catalogue comes out of the real handlers, where and at the level that it says',
  async (t) => {
    for (const reason of reasons) {
      takeLines()
      await PROVOCATIONS[reason]()
      const came = new Set<string>()
      for (const line of takeLines()) {
        if (line.reason === undefined) continue
        const place = `${stepOf(line)}: ${line.outcome}`
        if (!isReason(line.reason)) {
          t.fail(`${line.reason} (${place}) is not in the catalogue`)
          continue
        }
        const places = placesOf(line.reason).map(({ step, outcome }) => `${step}: ${outcome}`)
        if (!places.includes(place)) t.fail(`${line.reason} came at ${place}`)
        const isSaid = line.failed !== undefined && line.operation !== undefined
        if (speaksOfDependency(line) && !isSaid)
          t.fail(`${line.reason} (${place}) says not what failed, asked for what`)
        t.equal(line.level, levelOf(line.reason, line.outcome as Outcome), `the level of ${line.reason} (${place})`)
        if (line.reason === reason) came.add(place)
      }
      t.strictSame(
        [...came].sort(),
        placesOf(reason)
          .map(({ step, outcome }) => `${step}: ${outcome}`)
          .sort(),
        reason,
      )
    }
  },
)

t.test('every code that a line can bear is a reason, and so is every fault that the service can meet', async (t) => {
  for (const { code } of ERRORS) if (isLogged(code)) t.ok(isReason(reasonOfCode(code)), code)
  const upstreams: Upstream[] = ['table', 'ssm', 'sts', 'cognito', 'lambda', 'cloudformation', 'cloudwatch', 'corbado']
  const kinds: UpstreamFaultKind[] = [
    'timeout',
    'unavailable',
    'throttled',
    'expired',
    'denied',
    'rejected',
    'malformed',
  ]
  for (const upstream of upstreams) {
    for (const kind of kinds) {
      const fault = `${upstream}_${kind}` as const
      t.not(isReason(fault), isCommandFault(fault), fault)
    }
  }
})

t.test('the compiler refuses a reason and an outcome that are not in the catalogue', async () => {
  const fits: TriggerResult = { outcome: 'fail', reason: 'session_too_long' }
  // @ts-expect-error
  const noReason: TriggerResult = { ...fits, reason: 'session_too_short' }
  // @ts-expect-error
  const noOutcome: TriggerResult = { ...fits, outcome: 'failed' }
  return [noReason, noOutcome]
})

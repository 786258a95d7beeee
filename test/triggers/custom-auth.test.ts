import assert from 'node:assert/strict'
import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  RespondToAuthChallengeCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import fc from 'fast-check'
import { SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import type { Fault } from '../../src/local/aws/server.js'
import type { ProofClaims } from '../../src/local/corbado/proof.js'
import { basicCredential } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { screenAnswer } from '../../src/triggers/verify-auth-challenge-response.js'
import { createEvent, OWN, verifyEvent } from '../fixtures/events.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const FLOW_ID = 'AbCdEfGhIjKlMnOpQrSt-_'
const SECRET = 'corbado1_shared'

const gateway = await startGateway(t)
const { stack, clock } = gateway

/** A tenant of its own for each test: no limit, memory or failure is shared. All belong to one Corbado project. */
let tenants = 0
async function newTenant(changes: Partial<TenantFile> = {}, apiSecret = SECRET): Promise<TenantFile> {
  tenants += 1
  const file = tenantFile({
    userPoolId: `eu-central-1_Verify${tenants}`,
    tenantId: `verify-${tenants}`,
    alias: `t-verify-${tenants}`,
    ...changes,
  })
  await gateway.addTenant(file, {
    apiSecret,
    clients: [
      { clientId: `web${tenants}`, preventUserExistenceErrors: true, allowCustomAuth: true },
      { clientId: `legacy${tenants}`, preventUserExistenceErrors: false, allowCustomAuth: true },
    ],
  })
  return file
}

const proof = (claims: Partial<ProofClaims> = {}, project = 'pro-1001') => stack.corbado.sign(project, USER, claims)
const seconds = () => Math.floor(clock.now() / 1_000)
const privateParameters = (more: object = {}) => ({
  privateChallengeParameters: { cognitoID: USER, nonce: 'nonce-of-login', ...more },
})

const overTheWire = (event: object): Record<string, unknown> => JSON.parse(JSON.stringify(event))

interface Judged {
  readonly correct: unknown
  readonly reason: unknown
  readonly line: Line
  /** How often Corbado was called. */
  readonly calls: number
}

/** Sends a verify event through the handler and reads what became of it. */
async function judge(file: TenantFile, answer: unknown, request: object = {}, remainingMs?: number): Promise<Judged> {
  const { userPoolId } = file
  const before = stack.corbado.calls.length
  gateway.take()
  const event = overTheWire(verifyEvent(answer, request, { userPoolId }))
  const { response, ...rest } = await gateway.trigger(event, remainingMs === undefined ? {} : { remainingMs })
  const { response: _response, ...sent } = event
  assert.deepEqual(rest, sent, 'all but the response is as it came')
  const [line, ...more] = gateway.take()
  assert(line && more.length === 0, 'one line')
  const { answerCorrect } = response as { answerCorrect: unknown }
  assert.deepEqual(response, { answerCorrect: line.reason === 'verified' }, 'true for `verified` alone')
  assert.equal(line.outcome, answerCorrect === true ? 'correct' : 'incorrect')
  return { correct: answerCorrect, reason: line.reason, line, calls: stack.corbado.calls.length - before }
}

t.test('verify refuses without a call', async (t) => {
  const file = await newTenant()
  const good = await proof()
  const at = (size: number) => {
    const unsigned = (pad: string) => new UnsecuredJWT({ iss: 'pro-1001', exp: seconds() + 300, pad }).encode()
    return `${unsigned('')}${'x'.repeat(size - unsigned('').length)}`
  }
  const cases: [string, string, unknown, object?][] = [
    ['no answer', 'missing_answer', undefined],
    ['a null answer', 'missing_answer', null],
    ['an empty answer', 'missing_answer', ''],
    ['no cognitoID', 'missing_answer', good, { privateChallengeParameters: { nonce: 'n' } }],
    ['an empty cognitoID', 'missing_answer', good, privateParameters({ cognitoID: '' })],
    ['a cognitoID that is no text', 'missing_answer', good, privateParameters({ cognitoID: [USER] })],
    ['no private parameters', 'missing_answer', good, { privateChallengeParameters: null }],
    ['a word', 'malformed_answer', '123456'],
    ['a number', 'malformed_answer', 123_456],
    ['an object', 'malformed_answer', { proof: good }],
    ['two dots and no JSON', 'malformed_answer', 'a.b.c'],
    ['an encrypted JWT', 'malformed_answer', `${good}.x.y`],
    ['a JWT whose claims are a list', 'malformed_answer', `e30.${Buffer.from('[]').toString('base64url')}.e30`],
    ['16 KiB and one byte', 'malformed_answer', at(16_385)],
    ['another project of Corbado', 'wrong_project', await proof({}, 'pro-2002')],
    ['our own signature for another project', 'wrong_project', await proof({ iss: 'pro-2002' })],
    ['a proof that ended 61 s ago', 'expired', await proof({ exp: seconds() - 61 })],
    ['the wrong project before the expiry', 'wrong_project', await proof({ iss: 'pro-2', exp: 1 })],
  ]
  for (const [name, reason, answer, request] of cases) {
    const judged = await judge(file, answer, request)
    t.match(judged, { correct: false, reason, calls: 0 }, `${name}: ${reason}`)
  }
  t.match(await judge(file, at(16_384)), { reason: 'invalid_signature', calls: 1 }, '16 KiB are asked about')
})

t.test('the edges of what is screened, to the millisecond and the byte', async (t) => {
  const now = 1_800_000_000_000
  const exp = now / 1_000 - 60
  const screen = (claims: object, at = now, answer = new UnsecuredJWT({ ...claims }).encode()) =>
    screenAnswer({ challengeAnswer: answer, ...privateParameters() }, 'pro-1001', at)
  const refused = (reason: string) => ({ kind: 'refused', reason })
  t.match(
    screen({ exp }),
    { kind: 'proof', proof: { lifeMs: 0, nonce: 'nonce-of-login', username: USER } },
    '60 s past',
  )
  t.match(screen({ exp }, now + 1), refused('expired'), '60.001 s past')
  t.match(screen({}), { kind: 'proof', proof: { lifeMs: 300_000 } }, 'a proof that does not say how long it lives')
  t.match(screen({ exp: '1' }), { kind: 'proof' }, 'an expiry that is no number is for Corbado to judge')
  t.match(screen({ exp: exp + 1e12 }), { kind: 'proof', proof: { lifeMs: 600_000 } }, 'no verdict is kept for ever')
  t.match(screen({ iss: 'pro-1001' }), { kind: 'proof' }, 'our project')
  t.match(screen({ iss: 'pro-10010' }), refused('wrong_project'), 'a project whose id begins with ours')
  t.match(screen({ iss: 'pro-100' }), refused('wrong_project'), 'a project with which ours begins')
  t.match(screen({ iss: 'https://acme.example' }), { kind: 'proof' }, 'an issuer of another form')
  t.match(screen({ iss: 'pro-2002x' }), { kind: 'proof' }, 'an issuer that only begins like a project')
  t.match(screen({ iss: ['pro-2002'] }), { kind: 'proof' }, 'an issuer that is no text')
  t.match(screen({}, now, `e30.e30.${'ä'.repeat(8_188)}`), { kind: 'proof' }, '16,384 bytes in fewer characters')
  t.match(screen({}, now, `e30.e30.${'ä'.repeat(8_189)}`), refused('malformed_answer'), 'bytes are counted')
})

t.test('the screening accepts nothing: junk is refused, or goes to Corbado as it is', async () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.jsonValue()),
      fc.jsonValue(),
      (challengeAnswer, privateChallengeParameters) => {
        const request = { challengeAnswer, privateChallengeParameters: { cognitoID: privateChallengeParameters } }
        const screened = screenAnswer(request, 'pro-1001', Date.now())
        if (screened.kind === 'proof' && screened.proof.signedPasskeyData !== challengeAnswer)
          throw new Error('changed')
      },
    ),
    { numRuns: 2_000 },
  )
})

t.test("verify hands on Corbado's own verdicts", async (t) => {
  const file = await newTenant()
  const used = await proof()
  t.match(await judge(file, used), { correct: true, reason: 'verified', calls: 1 })
  const foreignKey = new SignJWT({ iss: 'pro-1001', webauthnId: USER, exp: seconds() + 300 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from('x'.repeat(32)))
  const cases: [string, string, string][] = [
    ['used before, in another login', 'invalid_challenge', used],
    ['signed by another project', 'invalid_signature', await proof({ iss: 'pro-1001' }, 'pro-2002')],
    ['signed by a stranger', 'invalid_signature', await foreignKey],
    ['not signed', 'invalid_signature', new UnsecuredJWT({ iss: 'pro-1001', webauthnId: USER }).encode()],
    ['claims exchanged', 'invalid_signature', used.replace(/\.[^.]+\./, `.${(await proof()).split('.')[1]}.`)],
    ['of another user', 'user_mismatch', await proof({ webauthnId: 'somebody-else' })],
    ['not valid yet', 'generic_error', await proof({ nbf: seconds() + 600 })],
    ['ended a moment ago: not for us to say', 'generic_error', await proof({ exp: seconds() - 50 })],
  ]
  for (const [name, reason, answer] of cases) {
    const judged = await judge(file, answer, privateParameters({ nonce: name }))
    t.match(judged, { correct: false, reason, calls: 1 }, `${name}: ${reason}`)
  }
})

t.test('verify asks Corbado about this very user, as the gateway knows him and not as the event says', async (t) => {
  const file = await newTenant()
  const answer = await proof({ webauthnId: 'ada.lovelace' })
  await judge(file, answer, privateParameters({ cognitoID: 'ada.lovelace' }))
  const { input, operation, principal } = stack.corbado.calls.at(-1) ?? {}
  t.strictSame(input, { signedPasskeyData: answer, username: 'ada.lovelace' })
  t.match({ operation, principal }, { operation: 'verifySignedData', principal: 'pro-1001' })
})

t.test('verify refuses an unknown user, who costs the same call as a real one', async (t) => {
  const file = await newTenant()
  const unknown = { userNotFound: true }
  t.match(await judge(file, await proof(), unknown), { correct: false, reason: 'user_not_found', calls: 1 })
  const stranger = await proof({ webauthnId: 'somebody-else' })
  t.match(await judge(file, stranger, unknown), { correct: false, reason: 'user_not_found', calls: 1 })
  t.match(await judge(file, await proof(), { userNotFound: null }), { correct: true })
  t.match(await judge(file, await proof(), { userNotFound: false }), { correct: true })
  const event = verifyEvent(await proof(), { userNotFound: 'false' }, { userPoolId: file.userPoolId })
  await t.rejects(gateway.trigger(event), 'a flag that is no flag')
})

t.test('verify names what went wrong with the Backend API, and is not correct', async (t) => {
  const cases: [string, string, Fault, object?, number?][] = [
    ['401', 'backend_unauthorized', { kind: 'status', status: 401 }, { upstreamErrorType: 'login_error' }, 1],
    ['403', 'backend_unauthorized', { kind: 'status', status: 403 }, { upstreamErrorType: 'login_error' }, 1],
    ['429', 'backend_rate_limited', { kind: 'status', status: 429 }, { upstreamStatus: 429 }, 1],
    ['400', 'backend_rejected', { kind: 'status', status: 400 }, { upstreamErrorType: 'validation_error' }, 1],
    ['404', 'backend_rejected', { kind: 'status', status: 404 }, { upstreamErrorType: 'not_found' }, 1],
    ['422', 'backend_rejected', { kind: 'status', status: 422 }, { upstreamStatus: 422 }, 1],
    ['500', 'backend_unavailable', { kind: 'status', status: 500 }, { upstreamRequestId: /^req-\d+$/ }, 1],
    ['503', 'backend_unavailable', { kind: 'status', status: 503 }, { upstreamStatus: 503 }, 1],
    ['a connection that breaks', 'backend_unavailable', { kind: 'reset' }, {}, 1],
    ['no listener', 'backend_unavailable', { kind: 'refuse' }, { upstreamErrorType: 'ECONNREFUSED' }, 0],
    ['no JSON', 'backend_malformed', { kind: 'garbage' }, { upstreamStatus: 200 }, 1],
    ['no answer', 'backend_timeout', { kind: 'hang' }, {}, 1],
  ]
  for (const [name, reason, fault, line = {}, calls = 1] of cases) {
    const file = await newTenant()
    const answer = await proof()
    await stack.corbado.setFault(fault)
    const judged = await judge(file, answer, {}, fault.kind === 'hang' ? 700 : undefined)
    await stack.corbado.setFault(undefined)
    t.match(
      judged,
      { correct: false, reason, calls, line: { ...line, upstream: { corbado: Number } } },
      `${name}: ${reason}`,
    )
  }
})

t.test('verify takes nothing but a 2xx with a known result for a verdict', async (t) => {
  const file = await newTenant()
  t.teardown(() => stack.corbado.answerWith(undefined))
  const cases: [string, string, Parameters<typeof stack.corbado.answerWith>[0]][] = [
    ['201 with success', 'verified', { status: 201, body: { verificationResult: 'success' } }],
    ['an unknown result', 'backend_malformed', { status: 200, body: { verificationResult: 'fine' } }],
    ['another case', 'backend_malformed', { status: 200, body: { verificationResult: 'SUCCESS' } }],
    ['a list', 'backend_malformed', { status: 200, body: { verificationResult: ['success'] } }],
    ['true', 'backend_malformed', { status: 200, body: { verificationResult: true } }],
    [
      'success in another field',
      'backend_malformed',
      { status: 200, body: { data: { verificationResult: 'success' } } },
    ],
    ['no body', 'backend_malformed', { status: 204 }],
    ['a JSON text', 'backend_malformed', { status: 200, body: '"success"' }],
    ['JSON null', 'backend_malformed', { status: 200, body: 'null' }],
    [
      'too much',
      'backend_malformed',
      { status: 200, body: { verificationResult: 'success', pad: 'x'.repeat(70_000) } },
    ],
    ['a redirect', 'backend_malformed', { status: 302, headers: { location: `${stack.corbado.url}/elsewhere` } }],
    ['400 with success', 'backend_rejected', { status: 400, body: { verificationResult: 'success' } }],
    ['500 with success', 'backend_unavailable', { status: 500, body: { verificationResult: 'success' } }],
  ]
  for (const [name, reason, answer] of cases) {
    stack.corbado.answerWith(answer)
    t.match(await judge(file, await proof()), { reason, calls: 1 }, `${name}: ${reason}; one call`)
  }
})

t.test(
  'verify sends a refused credential once more only if it was renewed, and re-reads it once in 30 s',
  async (t) => {
    const corbado = { projectId: 'pro-3003' }
    const file = tenantFile({ userPoolId: 'eu-central-1_Rotate', tenantId: 'rotate', alias: 't-rotate', corbado })
    await gateway.addTenant(file, { apiSecret: 'corbado1_old' })
    const { credentialParameter } = file.corbado
    const ask = async () => judge(file, await proof({}, 'pro-3003'))
    const reads = () =>
      stack.ssm.calls.filter(({ input }) => Object.values(input as object).includes(credentialParameter)).length
    const rotate = (secret: string) => stack.ssm.put(credentialParameter, basicCredential('pro-3003', secret))
    t.match(await ask(), { reason: 'verified', calls: 1 })
    t.equal(reads(), 1)

    stack.corbado.rotateSecret('pro-3003', 'corbado1_new')
    t.match(await ask(), { reason: 'backend_unauthorized', calls: 1 }, 'the same value is not sent again')
    t.equal(reads(), 2, 'read again')
    rotate('corbado1_new')
    clock.advance(29_999)
    t.match(await ask(), { reason: 'backend_unauthorized', calls: 1 }, 'within 30 s')
    t.equal(reads(), 2, 'not read')
    clock.advance(1)
    t.match(await ask(), { correct: true, reason: 'verified', calls: 2 }, 'after 30 s: sent with the new one')
    t.equal(reads(), 3)
    t.match(await ask(), { reason: 'verified', calls: 1 }, 'and from then on at once')
    t.equal(reads(), 3)
  },
)

t.test('a 403 is not a refused credential: nothing is read or sent again', async (t) => {
  const file = await newTenant()
  await judge(file, await proof())
  const reads = stack.ssm.calls.length
  await stack.corbado.setFault({ kind: 'status', status: 403 })
  t.match(await judge(file, await proof()), { reason: 'backend_unauthorized', calls: 1 })
  await stack.corbado.setFault(undefined)
  t.equal(stack.ssm.calls.length, reads)
})

t.test('verify sends nothing without a secret that is fit for this tenant', async (t) => {
  const cases: [string, string, string | undefined, ('basic' | 'bearer')?][] = [
    ['no parameter', 'secret_missing', undefined],
    ['not base64', 'secret_malformed', 'pro-1001:corbado1'],
    ['no colon inside', 'secret_malformed', Buffer.from('pro-1001').toString('base64')],
    ['no secret inside', 'secret_malformed', Buffer.from('pro-1001:').toString('base64')],
    ['a line break in a bearer key', 'secret_malformed', 'key\r\nx-evil: 1', 'bearer'],
    ["another project's", 'secret_wrong_project', basicCredential('pro-2002', 'corbado1_x')],
  ]
  for (const [name, reason, value, credentialScheme = 'basic'] of cases) {
    const { corbado } = tenantFile()
    const userPoolId = `eu-central-1_Secret${cases.findIndex(([other]) => other === name)}`
    const credentialParameter = `/corbado/gateway/${userPoolId}/backend-api`
    const alias = `t-${userPoolId}`
    const file = tenantFile({
      userPoolId,
      tenantId: userPoolId.slice(13).toLowerCase(),
      alias,
      corbado: { ...corbado, credentialParameter, credentialScheme, projectId: 'pro-4004' },
    })
    await gateway.addTenant(file)
    if (value === undefined) stack.ssm.remove(credentialParameter)
    else stack.ssm.put(credentialParameter, value)
    const judged = await judge(file, await proof({}, 'pro-4004'))
    t.match(judged, { correct: false, reason, calls: 0 }, `${name}: ${reason}`)
  }

  const file = await newTenant()
  await stack.ssm.setFault({ kind: 'status', status: 500 })
  t.match(await judge(file, await proof()), { correct: false, reason: 'secret_unavailable', calls: 0 }, 'SSM is down')
  await stack.ssm.setFault(undefined)
  clock.advance(3_999)
  t.match(await judge(file, await proof()), { reason: 'secret_unavailable', calls: 0 }, 'remembered for about 5 s')
  clock.advance(2_001)
  t.match(await judge(file, await proof()), { correct: true, reason: 'verified', calls: 1 }, 'and then asked again')
})

t.test('verify sends a bearer key if that is the scheme', async (t) => {
  const userPoolId = 'eu-central-1_Bearer'
  const corbado = { projectId: 'pro-5005', credentialScheme: 'bearer' as const }
  const file = tenantFile({ userPoolId, tenantId: 'bearer', alias: 't-bearer', corbado })
  await gateway.addTenant(file)
  t.match(await judge(file, await proof({}, 'pro-5005')), { correct: true, reason: 'verified', calls: 1 })
})

t.test('verify keeps a tenant within its limit, before the call', async (t) => {
  const file = await newTenant({ limits: { verifyPerSecond: 1 } })
  const other = await newTenant({ limits: { verifyPerSecond: 1 } })
  const before = stack.corbado.calls.length
  gateway.take()
  const proofs = await Promise.all([proof(), proof(), proof(), proof()])
  const events = proofs.map((answer) => verifyEvent(answer, {}, { userPoolId: file.userPoolId }))
  const answers = await Promise.all(events.map((event) => gateway.trigger(event)))
  const verdicts = answers.map(({ response }) => (response as { answerCorrect: boolean }).answerCorrect)
  t.strictSame(verdicts.toSorted(), [false, false, false, true])
  t.equal(stack.corbado.calls.length, before + 1)
  const limited = gateway.take().filter(({ reason }) => reason === 'verify_rate_limited')
  t.equal(limited.length, 3)
  t.match(await judge(other, await proof()), { reason: 'verified' }, 'its neighbour is served')
  clock.advance(1_000)
  t.match(
    await judge(file, proofs[verdicts.indexOf(false)]),
    { reason: 'verified', calls: 1 },
    'a second later; the refusal was not kept',
  )
})

t.test('the same event has one verdict and one call, however often and closely Cognito sends it', async (t) => {
  const file = await newTenant()
  const { userPoolId } = file
  const answer = await proof()
  const event = verifyEvent(answer, privateParameters({ nonce: 'once' }), { userPoolId })
  const before = stack.corbado.calls.length
  await stack.corbado.setFault({ kind: 'slow', ms: 50 })
  const answers = await Promise.all([gateway.trigger(event), gateway.trigger(event), gateway.trigger(event)])
  await stack.corbado.setFault(undefined)
  t.strictSame(
    answers.map(({ response }) => response),
    Array(3).fill({ answerCorrect: true }),
  )
  t.equal(stack.corbado.calls.length, before + 1)

  const once = privateParameters({ nonce: 'once' })
  t.match(await judge(file, answer, once), { correct: true, calls: 0 }, 'again, later')
  t.match(
    await judge(file, answer, privateParameters({ nonce: 'twice' })),
    { correct: false, reason: 'invalid_challenge', calls: 1 },
    'another login with the same proof',
  )
  t.match(
    await judge(file, answer, privateParameters({ nonce: 'once', cognitoID: 'eve' })),
    { correct: false, calls: 1 },
    'another user with the same proof and nonce',
  )
  const neighbour = await newTenant()
  t.match(
    await judge(neighbour, answer, once),
    { correct: false, calls: 1 },
    'another pool with the same proof and nonce',
  )
  t.match(
    await judge(file, answer, { privateChallengeParameters: { cognitoID: USER } }),
    { correct: false, reason: 'invalid_challenge', calls: 1 },
    'without a nonce nothing is kept',
  )
  t.match(await judge(file, answer, { ...once, userNotFound: true }), { correct: false, reason: 'user_not_found' })
})

t.test('a question that never reached Corbado may be asked again; one that did may not', async (t) => {
  const file = await newTenant()
  const unsent = await proof()
  await stack.corbado.setFault({ kind: 'refuse' })
  t.match(await judge(file, unsent), { reason: 'backend_unavailable', calls: 0 })
  await stack.corbado.setFault(undefined)
  t.match(await judge(file, unsent), { correct: true, calls: 1 }, 'the retry of the event')

  const lost = await proof()
  await stack.corbado.setFault({ kind: 'reset' })
  t.match(await judge(file, lost), { reason: 'backend_unavailable', calls: 1 })
  await stack.corbado.setFault(undefined)
  t.match(await judge(file, lost), { reason: 'backend_unavailable', calls: 0 }, 'the proof may be spent')
})

interface Created {
  readonly challengeMetadata: string
  readonly publicChallengeParameters: object
  readonly privateChallengeParameters: { readonly cognitoID: string; readonly flowId: string; readonly nonce: string }
}

t.test('create makes a challenge whose every value is a text, new for each event', async (t) => {
  const file = await newTenant()
  const { userPoolId } = file
  const create = async (session: unknown, more: object = {}) => {
    const event = overTheWire(createEvent(session, { userPoolId, ...more }))
    gateway.take()
    const { response, ...rest } = await gateway.trigger(event)
    const { response: _response, ...sent } = event
    t.strictSame(rest, sent, 'all but the response is as it came')
    const created = response as Created
    t.strictSame(Object.keys(created).sort(), [
      'challengeMetadata',
      'privateChallengeParameters',
      'publicChallengeParameters',
    ])
    const [line] = gateway.take()
    assert(line)
    return { ...created, line }
  }
  const own = (metadata: string, result = false) => ({
    challengeName: 'CUSTOM_CHALLENGE',
    challengeResult: result,
    challengeMetadata: metadata,
  })

  const first = await create([])
  t.match(first.challengeMetadata, /^CORBADO_CHALLENGE_COGNITO_CLAIM\.[\w-]{22}$/)
  t.strictSame(first.publicChallengeParameters, { dummy: 'dummy' })
  t.match(first.privateChallengeParameters, { cognitoID: USER, nonce: /^[\w-]{22}$/ })
  t.strictSame(Object.keys(first.privateChallengeParameters).sort(), ['cognitoID', 'flowId', 'nonce'])
  t.equal(first.privateChallengeParameters.flowId, first.line.flowId, 'verify is told it too')
  t.match(first.line, { outcome: 'created', level: 'info', trigger: 'create-auth-challenge' })
  t.equal(first.challengeMetadata, `${OWN}.${first.line.flowId}`, 'its line has the id of the login')

  const second = await create([])
  t.not(second.challengeMetadata, first.challengeMetadata, 'another login has another id')
  const { nonce } = second.privateChallengeParameters
  t.not(nonce, first.privateChallengeParameters.nonce, 'and another nonce')

  const later = await create([own(`${OWN}.${FLOW_ID}`)])
  t.equal(later.challengeMetadata, `${OWN}.${FLOW_ID}`, 'the second round of a login keeps its id')
  t.not(later.privateChallengeParameters.nonce, nonce, 'with a new nonce')
  t.equal((await create([own(`${OWN}.${FLOW_ID}.v2`)])).challengeMetadata, `${OWN}.${FLOW_ID}`, 'a later version adds')
  for (const [name, session] of Object.entries({
    'the bare prefix of an earlier Lambda': [own(OWN)],
    'an id of another length': [own(`${OWN}.short`)],
    'an id in a foreign challenge': [own(`OTHER.${FLOW_ID}`)],
    'no session': undefined,
    'a null session': null,
  })) {
    const { challengeMetadata } = await create(session)
    t.match(challengeMetadata, /^CORBADO_CHALLENGE_COGNITO_CLAIM\.[\w-]{22}$/, `${name}: a new id`)
    t.not(challengeMetadata, `${OWN}.${FLOW_ID}`, name)
  }
  const afterAll = await create([own(`${OWN}.${'A'.repeat(22)}`), own(`${OWN}.${FLOW_ID}`), own('OTHER')])
  t.equal(afterAll.challengeMetadata, `${OWN}.${FLOW_ID}`, 'the last own entry counts')

  const userName = 'ada@acme.example'
  const stranger = await create([], {
    userName,
    request: { session: [], userNotFound: true, challengeName: 'CUSTOM_CHALLENGE' },
  })
  t.match(stranger.privateChallengeParameters, { cognitoID: userName }, 'an unknown user gets the same')
  t.strictSame(Object.keys(stranger.line).sort(), Object.keys(second.line).sort())

  await t.rejects(create([], { userName: null }), 'a user without a name')
  await t.rejects(create('x'), 'a session that is no list')
})

t.test('a login through Cognito itself', async (t) => {
  const file = await newTenant()
  const { userPoolId } = file
  const client = new CognitoIdentityProviderClient({
    endpoint: stack.cognito.url,
    region: 'eu-central-1',
    maxAttempts: 1,
  })
  t.teardown(() => client.destroy())
  stack.cognito.putUser(userPoolId, { username: USER, attributes: { email: 'ada@acme.example' } })
  const ClientId = `web${tenants}`
  const initiate = (USERNAME: string) =>
    client.send(new InitiateAuthCommand({ AuthFlow: 'CUSTOM_AUTH', ClientId, AuthParameters: { USERNAME } }))
  const respond = (Session: string | undefined, USERNAME: string, ANSWER: string) =>
    client.send(
      new RespondToAuthChallengeCommand({
        ChallengeName: 'CUSTOM_CHALLENGE',
        ClientId,
        Session,
        ChallengeResponses: { USERNAME, ANSWER },
      }),
    )
  const refused = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' }

  t.test('gives tokens for a proof, and shows the client nothing that is private', async (t) => {
    const { ChallengeParameters, ChallengeName, Session } = await initiate(USER)
    t.equal(ChallengeName, 'CUSTOM_CHALLENGE')
    t.strictSame(ChallengeParameters, { dummy: 'dummy', USERNAME: USER })
    gateway.take()
    const { AuthenticationResult } = await respond(Session, USER, await proof())
    t.match(AuthenticationResult, { AccessToken: String, IdToken: String, RefreshToken: String })
    t.match(gateway.take(), [{ reason: 'verified' }, { outcome: 'tokens' }])
  })

  t.test('ends after three wrong answers, all of one login', async (t) => {
    gateway.take()
    let { Session } = await initiate(USER)
    for (const _round of [1, 2]) ({ Session } = await respond(Session, USER, 'not a proof'))
    await t.rejects(respond(Session, USER, 'not a proof'), refused)
    const lines = gateway.take()
    t.match(lines.at(-1), { outcome: 'fail', reason: 'attempts_exhausted' })
    const ids = new Set(lines.filter(({ trigger }) => trigger === 'create-auth-challenge').map(({ flowId }) => flowId))
    t.equal(ids.size, 1)
    t.equal(lines.filter(({ outcome }) => outcome === 'created').length, 3)
  })

  t.test('takes an unknown user through the same steps, to a refusal and never to tokens', async (t) => {
    const nobody = 'nobody@acme.example'
    let { Session, ChallengeParameters } = await initiate(nobody)
    t.strictSame(ChallengeParameters, { dummy: 'dummy', USERNAME: nobody })
    for (const _round of [1, 2]) {
      const before = stack.corbado.calls.length
      ;({ Session, ChallengeParameters } = await respond(Session, nobody, await proof({ webauthnId: nobody })))
      t.equal(stack.corbado.calls.length, before + 1, 'Corbado is asked')
    }
    await t.rejects(respond(Session, nobody, await proof({ webauthnId: nobody })), refused)
  })
})

t.test('no line of all these holds an answer, a nonce, a secret or a name', async (t) => {
  const text = gateway.text()
  t.ok(text.length > 10_000)
  const words = [
    'eyJhbGci',
    'nonce-of-login',
    SECRET,
    'corbado1_',
    'ada.lovelace',
    '@acme',
    USER,
    'cognitoID',
    'challengeAnswer',
    'Basic ',
    'dummy',
  ]
  for (const word of words) t.notOk(text.includes(word), word)
})

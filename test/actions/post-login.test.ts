import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { parse } from 'yaml'
import { ERRORS } from '../../src/errors.js'
import type { AppClient } from '../../src/local/cognito/index.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { readConfigRules } from '../../src/operator/config-rules.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { parseTenantFile } from '../../src/tenant/config-rules.js'
import { startContainer } from '../fixtures/container.js'
import { type Line, startGateway, untilWaiting } from '../fixtures/gateway.js'
import { pages } from '../fixtures/pages.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t)
const { stack, clock } = gateway
const { cognito, corbado, ssm } = stack
const container = await startContainer(t, gateway)

const ADA = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const BOB = '0b7d5f0c-33cf-4d0e-8a5d-0d6a2f2b1c11'
const SECRET = 'thesecretofanappclientwithfiftytwolettersanddigits01'
const [PUBLIC, LEGACY, CONFIDENTIAL, NO_CUSTOM] = ['public1', 'legacy1', 'confidential1', 'nocustom1']
/** Ids of app clients are unique over all pools. */
const clientsOf = (number: number): readonly AppClient[] => [
  { clientId: `${PUBLIC}n${number}`, preventUserExistenceErrors: true, allowCustomAuth: true },
  { clientId: `${LEGACY}n${number}`, preventUserExistenceErrors: false, allowCustomAuth: true },
  {
    clientId: `${CONFIDENTIAL}n${number}`,
    preventUserExistenceErrors: true,
    allowCustomAuth: true,
    clientSecret: SECRET,
  },
  { clientId: `${NO_CUSTOM}n${number}`, preventUserExistenceErrors: true, allowCustomAuth: false },
]

/** A tenant with a pool, a project and credentials of its own, and two users. */
let tenants = 0
async function newTenant(client: string = PUBLIC, more: Parameters<typeof tenantFile>[0] = {}) {
  tenants += 1
  const userPoolId = `eu-central-1_Login${tenants}`
  const secretParameter = `/corbado/gateway/${userPoolId}/client-secret`
  const withSecret = client === CONFIDENTIAL
  const clientId = `${client}n${tenants}`
  const clients = clientsOf(tenants)
  const file = tenantFile({
    userPoolId,
    tenantId: `login-${tenants}`,
    alias: `t-login-${tenants}`,
    aws: { externalId: `external-${tenants}` },
    corbado: { projectId: `pro-${2000 + tenants}` },
    actions: {
      postAppend: { mfa: 'none' },
      postLogin: { clientId, ...(withSecret && { clientSecretParameter: secretParameter }) },
    },
    ...more,
  })
  await gateway.addTenant(file, { clients })
  if (withSecret) ssm.put(secretParameter, SECRET)
  for (const username of [ADA, BOB]) {
    cognito.putUser(userPoolId, { username, attributes: { sub: username, email: `${username}@acme.example` } })
  }
  return { ...file, secretParameter, clientId, clients }
}

const proofFor = ({ corbado: { projectId } }: TenantFile, user = ADA, claims = {}) =>
  corbado.sign(projectId, user, claims)

interface Done {
  readonly statusCode: number
  readonly body: Record<string, unknown>
  /** The action's own. */
  readonly line: Line
  /** Those of the pool's triggers. */
  readonly triggers: readonly Line[]
  /** Operations of a login that Cognito saw, in their order. */
  readonly operations: readonly string[]
  /** How many proofs Corbado saw. */
  readonly proofs: number
}

type Act = (file: TenantFile, signedPasskeyData: unknown) => Promise<Done>

function actThrough(door: 'lambda' | 'container'): Act {
  return async ({ userPoolId }, signedPasskeyData) => {
    const [calls, proofs] = [cognito.calls.length, corbado.calls.length]
    gateway.take()
    container.take()
    const payload = { action: 'post-login', userPoolId, signedPasskeyData }
    const { statusCode, body } = await (door === 'lambda' ? gateway.action(payload) : container.action(payload))
    const lines = [...gateway.take(), ...container.take()]
    const [line, ...more] = lines.filter(({ msg }) => msg === 'action')
    assert(line && more.length === 0, 'one line of the action')
    return {
      ...{ statusCode, body, line, triggers: lines.filter(({ msg }) => msg === 'trigger') },
      operations: cognito.calls.slice(calls).map(({ operation }) => operation),
      proofs: corbado.calls.length - proofs,
    }
  }
}
const LOGIN = ['AdminInitiateAuth', 'AdminRespondToAuthChallenge']
const refused = { code: 'GW_ERR_ACTION_REFUSED', message: 'The sign-in was refused.', requestId: String }
const unavailable = { message: 'Sign-in with a passkey is not available right now.', requestId: String }

for (const door of ['lambda', 'container'] as const) {
  const act = actThrough(door)

  t.test(`${door}: a user whom the pool does not let in is refused, all alike and with no word of why`, async (t) => {
    const file = await newTenant()
    const legacy = await newTenant(LEGACY)
    const spent = await proofFor(file)
    t.equal((await act(file, spent)).statusCode, 200)
    const other = await newTenant()
    const disabled = await newTenant()
    cognito.putUser(disabled.userPoolId, { username: ADA, attributes: {}, enabled: false })
    const late = Math.floor(clock.now() / 1_000) - 61
    const valid = await proofFor(file)
    const [header = '', claims = ''] = valid.split('.')
    const cases: [what: string, file: TenantFile, proof: unknown, operations: string[], reason?: string][] = [
      ['no proof at all', file, '', []],
      ['no JWT', file, 'not a proof', []],
      ['a proof that names no user', file, await proofFor(file, ''), []],
      ['a name that no user can have', file, await proofFor(file, 'a b'), []],
      ['a proof of 16 KiB and more', file, `${header}.${claims}.${'a'.repeat(16_384)}`, []],
      ['a replayed proof', file, spent, LOGIN, 'invalid_challenge'],
      ['an expired proof', file, await proofFor(file, ADA, { iat: late, exp: late }), LOGIN, 'expired'],
      ['a forged proof', file, `${header}.${claims}.${'a'.repeat(342)}`, LOGIN, 'invalid_signature'],
      ['a proof of another project', file, await proofFor(other), LOGIN, 'wrong_project'],
      ['an unknown user', file, await proofFor(file, 'nobody'), LOGIN, 'user_not_found'],
      ['an unknown user of a client that tells', legacy, await proofFor(legacy, 'nobody'), LOGIN.slice(0, 1)],
      ['a disabled user', disabled, await proofFor(disabled), LOGIN.slice(0, 1)],
    ]
    for (const [what, of, proof, operations, reason] of cases) {
      const done = await act(of, proof)
      t.match(done, { statusCode: 401, body: refused }, what)
      t.same(Object.keys(done.body).sort(), ['code', 'message', 'requestId'], what)
      t.strictSame(done.operations, operations, what)
      t.match(done.line, { action: 'post-login', outcome: 'rejected', reason: 'action_refused', level: 'warn' }, what)
      const verify = done.triggers.find(({ trigger }) => trigger === 'verify-auth-challenge-response')
      t.equal(verify?.reason, reason, what)
    }
  })

  t.test(`${door}: a proof is exchanged for the tokens of its user, and of no other`, async (t) => {
    const file = await newTenant()
    for (const user of [ADA, BOB]) {
      const done = await act(file, await proofFor(file, user))
      t.equal(done.statusCode, 200)
      t.strictSame(Object.keys(done.body), ['session'])
      const session = JSON.parse(String(done.body.session))
      t.strictSame(Object.keys(session).sort(), ['AccessToken', 'ExpiresIn', 'IdToken', 'RefreshToken', 'TokenType'])
      t.match(decodeJwt(session.AccessToken), { username: user, client_id: file.clientId, token_use: 'access' })
      t.match(decodeJwt(session.IdToken), { 'cognito:username': user, aud: file.clientId, token_use: 'id' })
      t.strictSame([done.operations, done.proofs], [LOGIN, 1])
    }
  })

  t.test(`${door}: the loop through our own triggers has one line of its own, and each trigger has one`, async (t) => {
    const file = await newTenant()
    const { line, triggers } = await act(file, await proofFor(file))
    t.match(line, { action: 'post-login', outcome: 'signed_in', level: 'info', upstream: { cognito: Number } })
    t.strictSame(
      triggers.map(({ trigger, outcome, clientId }) => ({ trigger, outcome, clientId })),
      [
        { trigger: 'define-auth-challenge', outcome: 'challenge', clientId: file.clientId },
        { trigger: 'create-auth-challenge', outcome: 'created', clientId: file.clientId },
        { trigger: 'verify-auth-challenge-response', outcome: 'correct', clientId: file.clientId },
        { trigger: 'define-auth-challenge', outcome: 'tokens', clientId: file.clientId },
      ],
    )
  })

  t.test(`${door}: without actions.postLogin it is 404, and nothing is asked of the pool`, async (t) => {
    const file = await newTenant(PUBLIC, { actions: { postAppend: { mfa: 'none' } } })
    const done = await act(file, await proofFor(file))
    t.match(done, { statusCode: 404, body: { code: 'GW_ERR_ACTION_NOT_CONFIGURED' }, operations: [], proofs: 0 })
    t.match(done.line, { outcome: 'rejected', reason: 'action_not_configured', level: 'warn' })
  })

  t.test(`${door}: with passkeys off it is refused, and the proof is unspent`, async (t) => {
    const file = await newTenant(PUBLIC, { status: 'passkeys-off' })
    const done = await act(file, await proofFor(file))
    t.match(done, { statusCode: 401, body: refused, operations: [], proofs: 0 })
    t.match(done.line, { outcome: 'rejected', reason: 'passkeys_off' })
  })

  t.test(`${door}: an app client that does not allow custom authentication, or is not there, is a fault`, async (t) => {
    for (const [clientId, errorType] of [
      [NO_CUSTOM, 'InvalidParameterException'],
      ['notthere', 'ResourceNotFoundException'],
    ] as const) {
      const file = await newTenant(clientId)
      const done = await act(file, await proofFor(file))
      t.match(
        done,
        { statusCode: 502, body: { code: 'GW_ERR_UPSTREAM_REJECTED', ...unavailable }, proofs: 0 },
        clientId,
      )
      t.match(done.line, { outcome: 'fault', reason: 'cognito_rejected', upstreamErrorType: errorType })
    }
  })

  t.test(`${door}: a client's secret is proved in both calls`, async (t) => {
    const file = await newTenant(CONFIDENTIAL)
    const before = cognito.calls.length
    const done = await act(file, await proofFor(file))
    t.equal(done.statusCode, 200)
    const expected = createHmac('sha256', SECRET).update(`${ADA}${file.clientId}`).digest('base64')
    const [begin, end] = cognito.calls.slice(before).map(({ input }) => input as Record<string, Record<string, string>>)
    t.equal(begin?.AuthParameters?.SECRET_HASH, expected)
    t.equal(end?.ChallengeResponses?.SECRET_HASH, expected)
  })

  t.test(
    `${door}: with a wrong secret of the client the proof is unspent, and the line says whose fault it is`,
    async (t) => {
      const file = await newTenant(CONFIDENTIAL)
      const proof = await proofFor(file)
      ssm.put(file.secretParameter, 'anothersecret')
      const done = await act(file, proof)
      t.match(done, { statusCode: 502, body: unavailable, operations: ['AdminInitiateAuth'], proofs: 0 })
      t.match(done.line, { outcome: 'fault', reason: 'client_secret_refused', level: 'error' })
      t.match(await act(file, proof), { operations: ['AdminInitiateAuth'] }, 'SSM is not asked again for 30 s')
      ssm.put(file.secretParameter, SECRET)
      clock.advance(30_000)
      const again = await act(file, proof)
      t.match(again, { statusCode: 200, proofs: 1 })
      t.strictSame(again.operations, ['AdminInitiateAuth', ...LOGIN], 'the new secret served at once')
    },
  )

  t.test(`${door}: a secret that is missing, unusable or unreadable is a fault of its own name`, async (t) => {
    const file = await newTenant(CONFIDENTIAL)
    ssm.remove(file.secretParameter)
    t.match((await act(file, await proofFor(file))).line, { reason: 'secret_missing', outcome: 'fault' })
    const odd = await newTenant(CONFIDENTIAL)
    ssm.put(odd.secretParameter, 'not a secret')
    const done = await act(odd, await proofFor(odd))
    t.match(done, { statusCode: 502, line: { reason: 'secret_malformed' }, operations: [], proofs: 0 })
    const denied = await newTenant(CONFIDENTIAL)
    await ssm.setFault({ kind: 'denied' })
    t.match((await act(denied, await proofFor(denied))).line, { reason: 'secret_denied', outcome: 'fault' })
    await ssm.setFault(undefined)
  })

  t.test(`${door}: out of time before the answer is sent it is 504, and the proof is unspent`, async (t) => {
    const file = await newTenant()
    const proof = await proofFor(file)
    const passing = async (ms: number) => {
      let passed = false
      const until = async () => {
        if (!passed) clock.advance(ms)
        passed = true
      }
      await cognito.setFault({ kind: 'held', until }, 'AdminInitiateAuth')
      const done = await act(file, proof)
      await cognito.setFault(undefined)
      return done
    }
    t.equal((await act(file, await proofFor(file, BOB))).statusCode, 200, 'all is in memory')
    const late = await passing(3_201)
    t.match(late, { statusCode: 504, body: { code: 'GW_ERR_UPSTREAM_TIMEOUT', ...unavailable }, proofs: 0 })
    // The begin is sent once more over a new connection when half of the time is over.
    t.strictSame([...new Set(late.operations)], ['AdminInitiateAuth'])
    t.match(late.line, { reason: 'cognito_timeout', operation: 'AdminRespondToAuthChallenge' })
    t.match(await passing(3_200), { statusCode: 200, proofs: 1 }, 'with a second left it is sent')
  })

  t.test(`${door}: an answer that got lost is never sent twice`, async (t) => {
    const rows = [
      [{ kind: 'reset' }, 503, 'cognito_unavailable'],
      [{ kind: 'status', status: 500 }, 503, 'cognito_unavailable'],
      [{ kind: 'status', status: 429 }, 503, 'cognito_throttled'],
      [{ kind: 'garbage' }, 502, 'cognito_malformed'],
      [{ kind: 'hang' }, 504, 'cognito_timeout'],
    ] as const
    for (const [fault, statusCode, reason] of rows) {
      const file = await newTenant()
      await cognito.setFault(fault, 'AdminRespondToAuthChallenge')
      const done = await act(file, await proofFor(file))
      await cognito.setFault(undefined)
      t.match(done, { statusCode, line: { reason, outcome: 'fault' }, proofs: 0 }, reason)
      t.strictSame(done.operations, LOGIN, `${fault.kind}: once`)
    }
  })

  t.test(`${door}: if Corbado hangs, the answer is 504 in time`, async (t) => {
    const file = await newTenant()
    const proof = await proofFor(file)
    await corbado.setFault({ kind: 'hang' })
    const done = await gateway.byHand(async () => {
      const acting = act(file, proof)
      await untilWaiting(corbado)
      clock.advance(4_200)
      return acting
    })
    await corbado.setFault(undefined)
    t.match(done, { statusCode: 504, line: { reason: 'cognito_timeout', operation: 'AdminRespondToAuthChallenge' } })
    t.strictSame([done.operations, done.proofs], [LOGIN, 1])
  })

  t.test(`${door}: a proof is not shown to the login of anybody but its user`, async (t) => {
    const file = await newTenant()
    // An alias leads to somebody: Cognito signs in the user whose address it is.
    cognito.putPool({ ...poolOf(file), aliasAttributes: ['email'] })
    cognito.putUser(file.userPoolId, {
      username: BOB,
      attributes: { sub: BOB, email: 'bob@acme.example', email_verified: 'true' },
    })
    const done = await act(file, await proofFor(file, 'bob@acme.example'))
    t.match(done, { statusCode: 401, body: refused, operations: ['AdminInitiateAuth'], proofs: 0 })
  })

  t.test(`${door}: tokens that nobody proved anything for are thrown away, and so are another user's`, async (t) => {
    const file = await newTenant()
    const proof = await proofFor(file)
    const token = (username: string) => `e30.${Buffer.from(JSON.stringify({ username })).toString('base64url')}.c2ln`
    const answering = (operation: string, answer: object) =>
      cognito.setFault(
        {
          kind: 'say',
          say(response) {
            response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
            return true
          },
        },
        operation,
      )
    await answering('AdminInitiateAuth', { AuthenticationResult: { AccessToken: token(ADA) } })
    t.match(await act(file, proof), { statusCode: 401, body: refused, proofs: 0 })
    await answering('AdminInitiateAuth', { ChallengeName: 'SMS_MFA', Session: 'x'.repeat(20) })
    t.match(await act(file, proof), { statusCode: 401, body: refused, proofs: 0 })
    await answering('AdminRespondToAuthChallenge', { AuthenticationResult: { AccessToken: token(BOB) } })
    t.match(await act(file, proof), { statusCode: 502, line: { reason: 'cognito_malformed' } })
    await answering('AdminRespondToAuthChallenge', { AuthenticationResult: { AccessToken: 'no token' } })
    t.match(await act(file, proof), { statusCode: 502, line: { reason: 'cognito_malformed' } })
    await cognito.setFault(undefined)
  })

  t.test(`${door}: a trigger of the customer's may refuse a user; one of ours that fails is a fault`, async (t) => {
    const file = await newTenant()
    const proof = await proofFor(file)
    const says = (message: string) =>
      cognito.setFault(
        {
          kind: 'say',
          say(response) {
            const body = JSON.stringify({ __type: 'UserLambdaValidationException', message })
            response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' }).end(body)
            return true
          },
        },
        'AdminInitiateAuth',
      )
    await says('PreAuthentication failed with error Not from this country.')
    t.match(await act(file, proof), { statusCode: 401, body: refused, line: { reason: 'action_refused' } })
    await says('CreateAuthChallenge failed with error Sign-in with a passkey is not available right now. (ref x).')
    t.match(await act(file, proof), { statusCode: 502, line: { reason: 'cognito_rejected' } })
    await cognito.setFault(undefined)
  })

  t.test(`${door}: a login that hangs keeps no place that other actions need`, async (t) => {
    const file = await newTenant(PUBLIC, { limits: { concurrentCalls: 1 } })
    const proof = await proofFor(file)
    await cognito.setFault({ kind: 'hang' }, 'AdminRespondToAuthChallenge')
    await gateway.byHand(async () => {
      const acting = act(file, proof)
      await untilWaiting(cognito)
      const payload = { action: 'pre-login', userPoolId: file.userPoolId, identifier: ADA }
      const send = () => (door === 'lambda' ? gateway.action(payload) : container.action(payload))
      t.match(await send(), { statusCode: 200, body: { identifier: ADA } })
      clock.advance(4_200)
      // Its line is beside the other's: what it comes to is the test of another.
      await acting.catch(() => undefined)
    })
    await cognito.setFault(undefined)
  })
}

/** The pool as it was set up. */
function poolOf({ userPoolId, aws, alias, clients }: Awaited<ReturnType<typeof newTenant>>) {
  const hosted = hostedArn(alias)
  const triggers = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
  return {
    ...{ userPoolId, accountId: aws.accountId, region: aws.region, clients },
    lambdaConfig: Object.fromEntries(triggers.map((name) => [name, hosted])),
  }
}

t.test('the secret of an app client counts among the secrets that were read', async (t) => {
  const file = await newTenant(CONFIDENTIAL)
  const count = async () =>
    Number(/^gateway_renewals_total\{cache="secret",result="done"\} (\d+)$/m.exec(await container.metrics())?.[1])
  const before = await count()
  t.equal((await actThrough('container')(file, await proofFor(file))).statusCode, 200)
  // Our triggers, which read the project's credential, are served by the other door.
  t.equal((await count()) - before, 1)
})

t.test('no line and no answer has a proof, a token or a secret in it', async (t) => {
  const file = await newTenant(CONFIDENTIAL)
  const proof = await proofFor(file)
  const { body } = await actThrough('lambda')(file, proof)
  const { AccessToken, RefreshToken, IdToken } = JSON.parse(String(body.session))
  const all = gateway.text() + container.text()
  for (const secret of [proof, AccessToken, RefreshToken, IdToken, SECRET]) {
    t.notOk(all.includes(secret))
    t.notOk(all.includes(secret.split('.').at(-1)))
  }
  t.ok(all.includes('signed_in'))
})

t.test(
  'POST-LOGIN.md: its config is valid, its function reads what the action answers, its codes are ours',
  async (t) => {
    const page = pages.get('tenants/POST-LOGIN.md') ?? ''
    const snippet = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''
    const { tokensIn } = await import(`data:text/javascript,${encodeURIComponent(snippet('js'))}`)
    const file = await newTenant()
    const { body } = await actThrough('lambda')(file, await proofFor(file))
    const { idToken, accessToken, refreshToken, expiresInSeconds } = tokensIn(body.session)
    t.match(decodeJwt(idToken), { 'cognito:username': ADA, token_use: 'id' })
    t.match(decodeJwt(accessToken), { username: ADA, token_use: 'access' })
    t.match({ refreshToken, expiresInSeconds }, { refreshToken: String, expiresInSeconds: Number })
    t.equal(tokensIn(await proofFor(file)), undefined, 'a proof is no session')
    t.equal(tokensIn(''), undefined)

    const userPoolId = 'eu-central-1_N0rthw1nd'
    const { actions } = parse(snippet('yaml'))
    const parsed = parseTenantFile({ ...tenantFile({ userPoolId }), actions }, readConfigRules({}))
    t.match(parsed, { kind: 'valid', file: { actions: { postLogin: { clientId: String } } } })

    const statuses = [...page.matchAll(/^\| (\d+) \| (.*?) \|/gm)].flatMap(([, status, codes = '']) =>
      [...codes.matchAll(/GW_ERR_\w+/g)].map(([code]) => [code, Number(status)]),
    )
    t.ok(statuses.length >= 6)
    for (const [code, status] of statuses) {
      t.equal(ERRORS.find((one) => one.code === code)?.statusCode, status, String(code))
    }
  },
)

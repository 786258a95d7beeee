import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { ChallengeResult } from '../../src/triggers/challenge.js'
import { type Decision, decideLogin, type LoginState } from '../../src/triggers/define-auth-challenge.js'
import { defineEvent, OWN, triggerEvent } from '../fixtures/events.js'
import { type Gateway, startGateway, type Teardown } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

type Flow = LoginState['flow']
const flows = ['passkey', 'password-then-passkey'] as const
const FLOW_ID = 'AbCdEfGhIjKlMnOpQrSt-_'

const entry = (challengeName: string, challengeResult: unknown, challengeMetadata: string | null = null) => ({
  challengeName,
  challengeResult,
  challengeMetadata,
})
const own = (result: unknown, metadata = `${OWN}.${FLOW_ID}`) => entry('CUSTOM_CHALLENGE', result, metadata)
const foreign = (result: unknown) => entry('CUSTOM_CHALLENGE', result, 'OTHER_CHALLENGE')
const SRP = entry('SRP_A', true)
const PASSWORD = entry('PASSWORD_VERIFIER', true)
const repeat = <T>(count: number, value: T) => Array.from({ length: count }, () => value)

/** `fail <reason>`, a challenge's name, or `tokens`. */
const textOf = (decision: Decision) => {
  if (decision.kind === 'fail') return `fail ${decision.reason}`
  return decision.kind === 'tokens' ? 'tokens' : decision.challengeName
}

const reasons = [
  'session_too_long',
  'passkeys_off',
  'foreign_challenge',
  'inconsistent_session',
  'unexpected_challenge',
  'cognito_challenge_failed',
  'attempts_exhausted',
]
const contract = new Set([
  'tokens',
  'CUSTOM_CHALLENGE',
  'PASSWORD_VERIFIER',
  'NEW_PASSWORD_REQUIRED',
  ...reasons.map((reason) => `fail ${reason}`),
])

/* ------------------------------------------------------------------------------------------------------------------ *
 * The table, row by row, through the real handler
 * ------------------------------------------------------------------------------------------------------------------ */

interface Row {
  readonly name: string
  readonly flow?: Flow
  readonly off?: true
  readonly session: unknown
  readonly request?: object
  readonly decides: string
}

const status = (userStatus: string) => ({ userAttributes: { sub: 's', 'cognito:user_status': userStatus } })
const password: Flow = 'password-then-passkey'

const passkeyRows: readonly Row[] = [
  { name: 'more than 20 entries', session: repeat(21, own(false)), decides: 'fail session_too_long' },
  {
    name: 'more than 20 entries that end in a proof',
    session: [...repeat(20, own(false)), own(true)],
    decides: 'fail session_too_long',
  },
  { name: 'exactly 20 entries, by the next rows', session: repeat(20, own(false)), decides: 'fail attempts_exhausted' },
  {
    name: 'more than 20 entries before the switch',
    off: true,
    session: repeat(21, SRP),
    decides: 'fail session_too_long',
  },
  { name: 'a new login while passkeys are off', off: true, session: [], decides: 'fail passkeys_off' },
  {
    name: 'a login with nothing of ours while passkeys are off, even if foreign',
    off: true,
    session: [foreign(true)],
    decides: 'fail passkeys_off',
  },
  {
    name: 'a login begun before passkeys went off, which goes on',
    off: true,
    session: [own(false)],
    decides: 'CUSTOM_CHALLENGE',
  },
  {
    name: 'a login begun before passkeys went off, which runs to its end',
    off: true,
    session: [own(true)],
    decides: 'tokens',
  },
  { name: 'a passed foreign challenge', session: [foreign(true)], decides: 'fail foreign_challenge' },
  { name: 'a failed foreign challenge', session: [foreign(false)], decides: 'fail foreign_challenge' },
  {
    name: 'a custom challenge without metadata',
    session: [entry('CUSTOM_CHALLENGE', true)],
    decides: 'fail foreign_challenge',
  },
  {
    name: 'metadata that only begins like ours',
    session: [own(true, `${OWN}S`)],
    decides: 'fail foreign_challenge',
  },
  { name: 'metadata that only contains ours', session: [own(true, `x${OWN}`)], decides: 'fail foreign_challenge' },
  {
    name: 'a foreign challenge before our proof',
    session: [foreign(false), own(true)],
    decides: 'fail foreign_challenge',
  },
  { name: 'two proofs', session: [own(true), own(true)], decides: 'fail inconsistent_session' },
  {
    name: 'a proof that is not the last entry',
    session: [own(true), own(false)],
    decides: 'fail inconsistent_session',
  },
  {
    name: 'a proof with anything after it, before the rule on names',
    session: [own(true), SRP],
    decides: 'fail inconsistent_session',
  },
  {
    name: 'a proof of a user who does not exist',
    session: [own(true)],
    request: { userNotFound: true },
    decides: 'fail inconsistent_session',
  },
  { name: 'SRP_A alone: neither password nor passkey', session: [SRP], decides: 'fail foreign_challenge' },
  { name: 'SRP_A before our proof', session: [SRP, own(true)], decides: 'fail foreign_challenge' },
  { name: 'a passed password', session: [SRP, PASSWORD], decides: 'fail foreign_challenge' },
  { name: 'a challenge that we do not know', session: [entry('WEB_AUTHN', true)], decides: 'fail foreign_challenge' },
  {
    name: 'the name of a challenge in another case',
    session: [entry('custom_challenge', true, OWN)],
    decides: 'fail foreign_challenge',
  },
  { name: 'as many failures as attempts', session: repeat(3, own(false)), decides: 'fail attempts_exhausted' },
  {
    name: 'a proof after as many failures as attempts',
    session: [...repeat(3, own(false)), own(true)],
    decides: 'fail attempts_exhausted',
  },
  { name: 'a proof in the last attempt', session: [own(false), own(false), own(true)], decides: 'tokens' },
  { name: 'a proof at once', session: [own(true)], decides: 'tokens' },
  { name: 'a proof under the bare prefix of an earlier Lambda', session: [own(true, OWN)], decides: 'tokens' },
  {
    name: 'a proof with userNotFound false',
    session: [own(true)],
    request: { userNotFound: false },
    decides: 'tokens',
  },
  { name: 'a proof with userNotFound null', session: [own(true)], request: { userNotFound: null }, decides: 'tokens' },
  { name: 'a new login', session: [], decides: 'CUSTOM_CHALLENGE' },
  { name: 'a new login with null for a session', session: null, decides: 'CUSTOM_CHALLENGE' },
  { name: 'a new login without a session', session: undefined, decides: 'CUSTOM_CHALLENGE' },
  {
    name: 'a new login of an unknown user, like any other',
    session: [],
    request: { userNotFound: true },
    decides: 'CUSTOM_CHALLENGE',
  },
  { name: 'one failure less than attempts', session: repeat(2, own(false)), decides: 'CUSTOM_CHALLENGE' },
  { name: 'the text "true" for a result, as a failure', session: [own('true')], decides: 'CUSTOM_CHALLENGE' },
  { name: 'the number 1 for a result, as a failure', session: [own(1)], decides: 'CUSTOM_CHALLENGE' },
  { name: 'no result, as a failure', session: repeat(3, own(null)), decides: 'fail attempts_exhausted' },
  {
    name: 'a user whose password must change: of no matter here',
    session: [own(true)],
    request: status('FORCE_CHANGE_PASSWORD'),
    decides: 'tokens',
  },
]

const cognitoNames = [
  'SMS_MFA',
  'EMAIL_OTP',
  'SOFTWARE_TOKEN_MFA',
  'DEVICE_SRP_AUTH',
  'DEVICE_PASSWORD_VERIFIER',
  'NEW_PASSWORD_REQUIRED',
]

const passwordRows: readonly Row[] = [
  { name: 'the empty session', session: [], decides: 'fail unexpected_challenge' },
  { name: 'a passkey without a password', session: [own(true)], decides: 'fail unexpected_challenge' },
  { name: 'a passkey right after SRP_A', session: [SRP, own(true)], decides: 'fail unexpected_challenge' },
  { name: 'a password without SRP_A', session: [PASSWORD], decides: 'fail unexpected_challenge' },
  { name: 'SRP_A twice', session: [SRP, SRP], decides: 'fail unexpected_challenge' },
  {
    name: 'a second factor without a password',
    session: [SRP, entry('SMS_MFA', true)],
    decides: 'fail unexpected_challenge',
  },
  {
    name: 'a second factor after our challenge',
    session: [SRP, PASSWORD, own(false), entry('SMS_MFA', true)],
    decides: 'fail unexpected_challenge',
  },
  {
    name: 'a password shown by an administrator',
    session: [SRP, PASSWORD, entry('ADMIN_NO_SRP_AUTH', true)],
    decides: 'fail unexpected_challenge',
  },
  {
    name: 'a challenge that we do not know',
    session: [SRP, PASSWORD, entry('NEW_ONE', true)],
    decides: 'fail unexpected_challenge',
  },
  {
    name: 'a wrong form of which a part also failed',
    session: [entry('PASSWORD_VERIFIER', false)],
    decides: 'fail unexpected_challenge',
  },
  { name: 'a failed SRP_A', session: [entry('SRP_A', false)], decides: 'fail cognito_challenge_failed' },
  {
    name: 'a wrong password',
    session: [SRP, entry('PASSWORD_VERIFIER', false)],
    decides: 'fail cognito_challenge_failed',
  },
  {
    name: 'a wrong password and a proof',
    session: [SRP, entry('PASSWORD_VERIFIER', false), own(true)],
    decides: 'fail cognito_challenge_failed',
  },
  {
    name: 'a password whose result is the text "true"',
    session: [SRP, entry('PASSWORD_VERIFIER', 'true'), own(true)],
    decides: 'fail cognito_challenge_failed',
  },
  {
    name: 'a failed second factor and a proof',
    session: [SRP, PASSWORD, entry('SMS_MFA', false), own(true)],
    decides: 'fail cognito_challenge_failed',
  },
  {
    name: 'a foreign challenge after a password',
    session: [SRP, PASSWORD, foreign(true)],
    decides: 'fail foreign_challenge',
  },
  {
    name: 'a proof of a user who does not exist',
    session: [SRP, PASSWORD, own(true)],
    request: { userNotFound: true },
    decides: 'fail inconsistent_session',
  },
  { name: 'a new login while passkeys are off', off: true, session: [SRP], decides: 'fail passkeys_off' },
  {
    name: 'a login with a password and no own challenge while passkeys are off',
    off: true,
    session: [SRP, PASSWORD],
    decides: 'fail passkeys_off',
  },
  { name: 'a login begun before passkeys went off', off: true, session: [SRP, PASSWORD, own(true)], decides: 'tokens' },
  { name: 'SRP_A alone', session: [SRP], decides: 'PASSWORD_VERIFIER' },
  {
    name: 'SRP_A alone of an unknown user',
    session: [SRP],
    request: { userNotFound: true },
    decides: 'PASSWORD_VERIFIER',
  },
  {
    name: 'a temporary password',
    session: [SRP, PASSWORD],
    request: status('FORCE_CHANGE_PASSWORD'),
    decides: 'NEW_PASSWORD_REQUIRED',
  },
  {
    name: 'a password to be reset',
    session: [SRP, PASSWORD],
    request: status('RESET_REQUIRED'),
    decides: 'NEW_PASSWORD_REQUIRED',
  },
  {
    name: 'a temporary password, even after a proof',
    session: [SRP, PASSWORD, own(true)],
    request: status('FORCE_CHANGE_PASSWORD'),
    decides: 'NEW_PASSWORD_REQUIRED',
  },
  {
    name: 'a temporary password before the attempts are counted',
    session: [SRP, PASSWORD, ...repeat(3, own(false))],
    request: status('RESET_REQUIRED'),
    decides: 'NEW_PASSWORD_REQUIRED',
  },
  {
    name: 'a temporary password that was just changed',
    session: [SRP, PASSWORD, entry('NEW_PASSWORD_REQUIRED', true)],
    request: status('FORCE_CHANGE_PASSWORD'),
    decides: 'CUSTOM_CHALLENGE',
  },
  { name: 'a passed password', session: [SRP, PASSWORD], decides: 'CUSTOM_CHALLENGE' },
  {
    name: 'a passed password and null attributes',
    session: [SRP, PASSWORD],
    request: { userAttributes: null },
    decides: 'CUSTOM_CHALLENGE',
  },
  ...cognitoNames.map(
    (name): Row => ({
      name: `${name} after a password`,
      session: [SRP, PASSWORD, entry(name, true)],
      decides: 'CUSTOM_CHALLENGE',
    }),
  ),
  {
    name: 'all that Cognito may ask, and a proof',
    session: [SRP, PASSWORD, ...cognitoNames.map((name) => entry(name, true)), own(false), own(true)],
    decides: 'tokens',
  },
  { name: 'a password and a proof', session: [SRP, PASSWORD, own(true)], decides: 'tokens' },
  {
    name: 'as many failures as attempts',
    session: [SRP, PASSWORD, ...repeat(3, own(false))],
    decides: 'fail attempts_exhausted',
  },
  {
    name: 'a proof after as many failures as attempts',
    session: [SRP, PASSWORD, ...repeat(3, own(false)), own(true)],
    decides: 'fail attempts_exhausted',
  },
]

const poolOf = (flow: Flow, off: boolean) => `eu-central-1_${flow === 'passkey' ? 'Key' : 'Pass'}${off ? 'Off' : 'On'}`

async function startWithFlows(teardown: Teardown): Promise<Gateway> {
  const gateway = await startGateway(teardown)
  for (const flow of flows) {
    for (const off of [false, true]) {
      const userPoolId = poolOf(flow, off)
      const tenantId = `${flow}-${off ? 'off' : 'on'}`
      const alias = `t-${tenantId}`
      const state = off ? 'passkeys-off' : 'active'
      await gateway.addTenant(tenantFile({ userPoolId, tenantId, alias, status: state, login: { flow } }))
    }
  }
  return gateway
}

t.test('through the handler', async (t) => {
  const gateway = await startWithFlows(t)

  const rows = [...passkeyRows, ...passwordRows.map((row) => ({ ...row, flow: password }))]
  for (const { name, flow = 'passkey', off = false, session, request, decides } of rows) {
    t.test(`${flow}: ${name} → ${decides}`, async (t) => {
      const event = JSON.parse(JSON.stringify(defineEvent(session, request, { userPoolId: poolOf(flow, off) })))
      gateway.take()
      const { response, ...rest } = await gateway.trigger(event)
      const { response: _response, ...sent } = event
      t.strictSame(rest, sent, 'all but the response is as it came')

      const [word, reason] = decides.split(' ')
      const flags = { issueTokens: word === 'tokens', failAuthentication: word === 'fail' }
      const isChallenge = word !== 'tokens' && word !== 'fail'
      t.strictSame(response, isChallenge ? { challengeName: word, ...flags } : flags, 'both flags are set')

      const outcome = isChallenge ? 'challenge' : word
      t.match(gateway.take(), [{ level: 'info', msg: 'trigger', outcome, reason }])
    })
  }

  t.test('counts against the number of attempts that the tenant chose', async (t) => {
    const userPoolId = 'eu-central-1_OneTry'
    await gateway.addTenant(tenantFile({ userPoolId, tenantId: 'one', alias: 't-one', login: { maxAttempts: 1 } }))
    const flags = async (session: unknown) => (await gateway.trigger(defineEvent(session, {}, { userPoolId }))).response
    t.match(await flags([own(true)]), { issueTokens: true })
    t.match(await flags([own(false)]), { failAuthentication: true })
    t.match(await flags([own(false), own(true)]), { issueTokens: false, failAuthentication: true })
  })

  t.test('keeps keys that it does not know, at every depth', async (t) => {
    const event = defineEvent(
      [{ ...own(true), answeredAt: 1 }],
      { clientMetadata: { a: 'b' }, threat: { score: 1 } },
      { userPoolId: poolOf('passkey', false), replica: { of: ['x'] }, response: { extra: 1 } },
    )
    const { response, ...rest } = await gateway.trigger(event)
    const { response: _response, ...sent } = event
    t.strictSame(rest, sent)
    t.strictSame(response, { issueTokens: true, failAuthentication: false })
  })

  t.test('puts the id of the login on its line', async (t) => {
    gateway.take()
    await gateway.trigger(defineEvent([own(false), own(true)], {}, { userPoolId: poolOf('passkey', false) }))
    t.equal(gateway.take()[0]?.flowId, FLOW_ID)
  })

  t.test('refuses shapes that it would have to guess at, and never answers them with tokens', async (t) => {
    const shapes: [string, unknown, object?][] = [
      ['a session that is no list', { 0: own(true) }],
      ['an entry that is no object', ['CUSTOM_CHALLENGE']],
      ['an entry without a name', [{ challengeResult: true, challengeMetadata: OWN }]],
      ['metadata that is no text', [{ ...own(true), challengeMetadata: [OWN] }]],
      ['userNotFound as a text', [own(true)], { userNotFound: 'true' }],
      ['attributes that are no object', [own(true)], { userAttributes: 'x' }],
    ]
    for (const [name, session, request] of shapes) {
      const event = defineEvent(session, request, { userPoolId: poolOf('passkey', false) })
      await t.rejects(gateway.trigger(event), { message: /^The request is not valid: / }, name)
    }
    const noRequest = triggerEvent('DefineAuthChallenge_Authentication', {}, { request: null })
    await t.rejects(gateway.trigger({ ...noRequest, userPoolId: poolOf('passkey', false) }), 'a null request')
  })

  t.test('takes an event with a key named `action` for the trigger that it is', async (t) => {
    gateway.take()
    const userPoolId = poolOf('passkey', false)
    const event = defineEvent([], {}, { userPoolId, action: 'pre-login', identifier: 'ada', username: 'ada' })
    t.match((await gateway.trigger(event)).response, { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false })
    t.match(gateway.take(), [{ msg: 'trigger', trigger: 'define-auth-challenge' }])
    t.equal(gateway.stack.cognito.calls.length, 0, 'the pool was not asked')
  })

  t.test('says nothing of what went wrong inside', async (t) => {
    const PUBLIC =
      /^(Sign-in with a passkey is not set up correctly|The request is not valid: it is nested too deeply)\. \(ref /
    let deep: unknown = []
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    const events = [defineEvent([], { deep }), defineEvent([], {}, { userPoolId: '\ud800' })]
    for (const event of events) {
      const requestId = randomUUID()
      const error = await gateway.trigger(event, { requestId }).catch((thrown: unknown) => thrown)
      assertPublic(error, requestId)
      t.match(error, { message: PUBLIC })
    }
  })

  t.test('answers a hostile event with the event itself or with a public error, whatever it holds', async (t) => {
    const seen = { answered: 0, thrown: 0, tokens: 0 }
    await fc.assert(
      fc.asyncProperty(hostileEvent, fc.constantFrom('passkey-on', 'passkey-off', 'none'), async (event, alias) => {
        const requestId = randomUUID()
        const before = JSON.stringify(event)
        const arn = `arn:aws:lambda:eu-central-1:999900000001:function:corbado-cognito-gateway:t-${alias}`
        const outcome = await gateway.trigger(event, { arn, requestId }).then(
          (answer) => ({ answer }),
          (error: unknown) => ({ error }),
        )
        if (JSON.stringify(event) !== before) throw new Error('the payload was changed')
        if ('error' in outcome) {
          seen.thrown += 1
          assertPublic(outcome.error, requestId)
          return
        }
        seen.answered += 1
        const { response, ...rest } = outcome.answer
        const { response: _response, ...kept } = event
        if (!same(rest, kept)) throw new Error(`changed: ${JSON.stringify(outcome.answer)}`)
        if (!issuesTokens(outcome.answer)) return
        seen.tokens += 1
        if (!endsWithProof(event)) throw new Error('tokens without proof')
      }),
      // The same events each time: what is counted below must be among them.
      { numRuns: 600, seed: 1 },
    )
    t.ok(seen.answered > 50 && seen.thrown > 50 && seen.tokens > 0, 'all of it happened', seen)
  })
})

/** An error fit for an end user: its text, and nothing more for the runtime to print. */
function assertPublic(error: unknown, requestId: string): void {
  if (!(error instanceof Error) || Object.getPrototypeOf(error) !== Error.prototype) throw new Error('no plain Error')
  const keys = Reflect.ownKeys(error).map(String).sort().join()
  if (keys !== 'message,stack') throw new Error(`properties: ${keys}`)
  if (!error.message.endsWith(` (ref ${requestId})`)) throw new Error(`text: ${error.message}`)
  if (error.stack !== `Error: ${error.message}`) throw new Error(`stack: ${error.stack}`)
  if (/arn:|amazonaws|127\.0\.0\.1|node:|\/src\/|\n/.test(error.message)) throw new Error(`text: ${error.message}`)
}

/** Deep equality by JSON, which is all that crosses the wire; the order of keys counts too. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function issuesTokens({ triggerSource, response }: Record<string, unknown>): boolean {
  return /^define/i.test(String(triggerSource)) && (response as { issueTokens?: unknown }).issueTokens === true
}

function endsWithProof({ request }: Record<string, unknown>): boolean {
  const last = (request as { session: ChallengeResult[] }).session.at(-1)
  return last?.challengeResult === true && String(last.challengeMetadata).startsWith(OWN)
}

const sources = [
  'DefineAuthChallenge_Authentication',
  'defineauthchallenge',
  'CreateAuthChallenge_Authentication',
  'VerifyAuthChallengeResponse_Authentication',
  'VerifyAuthChallenge_Authentication',
  'PreSignUp_SignUp',
  'TokenGeneration_RefreshTokens',
  'CustomEmailSender_SignUp',
  'Whatever_Comes',
]
const sometimes = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() })
const hostileEntry = fc.oneof(
  fc.constantFrom(own(true), own(false), SRP, foreign(true)),
  fc.record({
    challengeName: sometimes(fc.constantFrom('CUSTOM_CHALLENGE', 'SRP_A', '__proto__')),
    challengeResult: sometimes(fc.boolean()),
    challengeMetadata: sometimes(fc.constantFrom(OWN, null)),
  }),
  fc.jsonValue(),
)
const hostileRequest = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    fc.record(
      {
        session: sometimes(fc.oneof(fc.constant([own(true)]), fc.array(hostileEntry, { maxLength: 3 }))),
        userNotFound: sometimes(fc.boolean()),
        userAttributes: sometimes(fc.constant({ email: 'ada@acme.example' })),
        challengeAnswer: fc.jsonValue(),
        privateChallengeParameters: fc.jsonValue(),
      },
      { requiredKeys: ['session'] },
    ),
  )
  .map(([junk, request]) => ({ ...junk, ...request }))
const hostileEvent = fc
  .tuple(
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'action', 'toString', 'requestContext')),
      fc.jsonValue(),
      {
        maxKeys: 3,
      },
    ),
    fc.record(
      {
        triggerSource: fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(...sources) },
          { weight: 1, arbitrary: fc.string() },
        ),
        userPoolId: fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(poolOf('passkey', false), poolOf('passkey', true)) },
          { weight: 1, arbitrary: fc.constantFrom('eu-central-1_Nobody', '../../actions', '', 'a%2Fb', '__proto__') },
          { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
        ),
        region: fc.oneof(
          { weight: 8, arbitrary: fc.constant('eu-central-1') },
          { weight: 1, arbitrary: fc.jsonValue() },
        ),
        userName: sometimes(fc.constant('ada')),
        callerContext: sometimes(fc.constant({ awsSdkVersion: '3', clientId: 'c' })),
        request: sometimes(hostileRequest),
        response: fc.jsonValue(),
      },
      { requiredKeys: ['triggerSource', 'userPoolId', 'region', 'request'] },
    ),
  )
  .map(([junk, event]): Record<string, unknown> => JSON.parse(JSON.stringify({ ...junk, ...event })))

/* ------------------------------------------------------------------------------------------------------------------ *
 * The decision alone, against an oracle of its own
 * ------------------------------------------------------------------------------------------------------------------ */

/** One letter an entry. `o` our accepted proof, `f` our failed one, `z` a foreign one; small letters passed. */
function letterOf({ challengeName, challengeResult, challengeMetadata }: ChallengeResult): string {
  const passed = challengeResult === true
  if (challengeName === 'CUSTOM_CHALLENGE') {
    if (!/^CORBADO_CHALLENGE_COGNITO_CLAIM(\..*)?$/s.test(challengeMetadata ?? '')) return 'z'
    return passed ? 'o' : 'f'
  }
  const letters: Record<string, string> = {
    SRP_A: 's',
    PASSWORD_VERIFIER: 'p',
    NEW_PASSWORD_REQUIRED: 'n',
    SMS_MFA: 'c',
    EMAIL_OTP: 'c',
    SOFTWARE_TOKEN_MFA: 'c',
    DEVICE_SRP_AUTH: 'c',
    DEVICE_PASSWORD_VERIFIER: 'c',
  }
  const letter = (Object.hasOwn(letters, challengeName) && letters[challengeName]) || 'x'
  return passed ? letter : letter.toUpperCase()
}

type Facts = Omit<LoginState, 'session'>

/** When tokens may be issued, and when each challenge may be asked: regular expressions over the letters. */
function createOracle({ flow, maxAttempts, userNotFound, passkeysOff, userStatus }: Facts) {
  const failures = `f{0,${maxAttempts - 1}}`
  const mustChange = /^(FORCE_CHANGE_PASSWORD|RESET_REQUIRED)$/.test(userStatus ?? '')
  const before = flow === 'passkey' ? '' : mustChange ? 'sp[cn]*n[cn]*' : 'sp[cn]*'
  const tokens = userNotFound ? /(?!)/ : new RegExp(`^${before}${failures}o$`)
  const custom = new RegExp(passkeysOff ? `^${before}f(?=f*$)${`f{0,${maxAttempts - 2}}`}$` : `^${before}${failures}$`)
  const newPassword = new RegExp(`^spc*${passkeysOff ? '(?=[fo])' : ''}f*${userNotFound ? '' : 'o?'}$`)
  return (letters: string): string => {
    if (letters.length > 20) return 'fail'
    if (flow === password && mustChange && newPassword.test(letters)) return 'NEW_PASSWORD_REQUIRED'
    if (tokens.test(letters)) return 'tokens'
    if ((!passkeysOff || maxAttempts > 1) && custom.test(letters)) return 'CUSTOM_CHALLENGE'
    return flow === password && !passkeysOff && letters === 's' ? 'PASSWORD_VERIFIER' : 'fail'
  }
}

const allNames = ['SRP_A', 'PASSWORD_VERIFIER', ...cognitoNames, 'ADMIN_NO_SRP_AUTH', 'SOMETHING_NEW']
const kinds: readonly ChallengeResult[] = [true, false].flatMap((result) => [
  ...allNames.map((name) => entry(name, result)),
  own(result),
  foreign(result),
  entry('CUSTOM_CHALLENGE', result),
])

/** Sessions are many, and the words that they make are few. */
function remembering(oracle: (letters: string) => string): (letters: string) => string {
  const known = new Map<string, string>()
  return (letters) => {
    const answer = known.get(letters) ?? oracle(letters)
    known.set(letters, answer)
    return answer
  }
}

/** Calls `visit` with every session of up to `depth` entries. The list is reused. */
function everySession(depth: number, visit: (session: readonly ChallengeResult[], letters: string) => void): void {
  const session: ChallengeResult[] = []
  const alphabet = kinds.map((kind) => [kind, letterOf(kind)] as const)
  const walk = (letters: string) => {
    visit(session, letters)
    if (session.length === depth) return
    for (const [kind, letter] of alphabet) {
      session.push(kind)
      walk(letters + letter)
      session.pop()
    }
  }
  walk('')
}

t.test('every session of up to four entries is decided as agreed, with tokens for nothing but a proof', async (t) => {
  t.equal(kinds.length, 26)
  const base = { maxAttempts: 3, passkeysOff: false, userNotFound: false, userStatus: 'CONFIRMED' }
  // Each with the very sessions that are worth tokens, by their letters: said once more without any expression.
  const variants: readonly [depth: number, facts: Facts, tokens: readonly string[]][] = [
    [4, { ...base, flow: 'passkey' }, ['ffo', 'fo', 'o']],
    [4, { ...base, flow: password }, ['spco', 'spfo', 'spno', 'spo']],
    [4, { ...base, flow: password, userStatus: 'FORCE_CHANGE_PASSWORD' }, ['spno']],
    [3, { ...base, flow: password, maxAttempts: 1 }, ['spo']],
    [3, { ...base, flow: 'passkey', maxAttempts: 1 }, ['o']],
    [3, { ...base, flow: 'passkey', userNotFound: true }, []],
    [3, { ...base, flow: password, userNotFound: true }, []],
    [3, { ...base, flow: 'passkey', passkeysOff: true }, ['ffo', 'fo', 'o']],
    [3, { ...base, flow: password, passkeysOff: true }, ['spo']],
  ]
  for (const [depth, facts, expected] of variants) {
    const oracle = remembering(createOracle(facts))
    const tokens = new Set<string>()
    const wrong: string[] = []
    let count = 0
    everySession(depth, (session, letters) => {
      count += 1
      const decision = textOf(decideLogin({ ...facts, session }))
      if (decision === 'tokens') tokens.add(letters)
      const kind = decision.startsWith('fail ') ? 'fail' : decision
      const agreed = oracle(letters)
      if (!contract.has(decision) || kind !== agreed) wrong.push(`${letters}: ${decision}, not ${agreed}`)
    })
    t.equal(count, (26 ** (depth + 1) - 1) / 25, JSON.stringify(facts))
    t.strictSame(wrong.slice(0, 5), [], 'agrees with the oracle')
    t.strictSame([...tokens].sort(), expected, 'tokens')
  }
})

const anyResult = fc.oneof(fc.boolean(), fc.constantFrom<unknown>('true', 1, null, undefined, {}, [true], 'TRUE', 0))
const anyMetadata = fc.oneof(
  fc.constantFrom(OWN, `${OWN}.${FLOW_ID}`, `${OWN}.`, `${OWN}.\n`, `${OWN}x`, ` ${OWN}`, OWN.toLowerCase(), null, ''),
  fc.string(),
)
const anyEntry: fc.Arbitrary<ChallengeResult> = fc.record({
  challengeName: fc.oneof(
    fc.constantFrom('CUSTOM_CHALLENGE', 'custom_challenge', '__proto__', ...allNames),
    fc.string(),
  ),
  challengeResult: anyResult,
  challengeMetadata: anyMetadata,
})
/** Sessions as real logins make them, so that the far rows are reached … */
const plausible = fc
  .tuple(
    fc.constantFrom<ChallengeResult[]>([], [SRP], [SRP, PASSWORD], [SRP, PASSWORD, entry('SMS_MFA', true)]),
    fc.array(fc.constantFrom(entry('NEW_PASSWORD_REQUIRED', true), entry('EMAIL_OTP', true)), { maxLength: 2 }),
    fc.array(fc.constantFrom(own(false), own('true'), own(1, OWN)), { maxLength: 22, size: 'max' }),
    fc.constantFrom<ChallengeResult[]>([], [own(true)], [own(true, OWN)]),
  )
  .map(([start, cognito, failures, end]) => [...start, ...(start.length ? cognito : []), ...failures, ...end])
/** … and the same with one entry put in, taken out or doubled. */
const disturbed = fc
  .tuple(plausible, fc.nat(), anyEntry, fc.constantFrom('in', 'out', 'twice'))
  .map(([list, at, one, how]) => {
    const i = at % (list.length + 1)
    const there = list[i]
    if (how === 'out') return list.toSpliced(i, 1)
    return list.toSpliced(i, 0, how === 'twice' && there ? there : one)
  })
const anySession = fc.oneof(plausible, disturbed, fc.array(anyEntry, { maxLength: 26, size: 'max' }))
const anyFacts: fc.Arbitrary<Facts> = fc.record({
  flow: fc.constantFrom(...flows),
  maxAttempts: fc.integer({ min: 1, max: 10 }),
  passkeysOff: fc.boolean(),
  userNotFound: fc.boolean(),
  userStatus: fc.constantFrom('CONFIRMED', 'FORCE_CHANGE_PASSWORD', 'RESET_REQUIRED', 'UNCONFIRMED', undefined),
})
const RUNS = { numRuns: 20_000 }

t.test('longer sessions, junk and every setting are decided as the oracle says', async (t) => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(anySession, anyFacts, (session, facts) => {
      const decision = textOf(decideLogin({ ...facts, session }))
      seen.set(decision, (seen.get(decision) ?? 0) + 1)
      const kind = decision.startsWith('fail ') ? 'fail' : decision
      const expected = createOracle(facts)(session.map(letterOf).join(''))
      if (!contract.has(decision) || kind !== expected) throw new Error(`${decision}, not ${expected}`)
    }),
    // The same sessions each time: every decision must be among them.
    { ...RUNS, seed: 1 },
  )
  t.strictSame([...seen.keys()].sort(), [...contract].sort(), 'every decision was reached')
})

t.test('a login that failed never comes to tokens, whatever is appended to it', async () => {
  fc.assert(
    fc.property(anySession, fc.array(anyEntry, { maxLength: 4 }), anyFacts, (session, more, facts) => {
      // Before its first entry a login has no past to hold against it; the switch may be turned back on.
      fc.pre(session.length > 0)
      const state = { ...facts, passkeysOff: false }
      if (decideLogin({ ...state, session }).kind !== 'fail') return
      const ends = [...session, ...more, own(true)]
      if (decideLogin({ ...state, session: ends }).kind === 'tokens') throw new Error('tokens')
    }),
    RUNS,
  )
})

t.test('no user who does not exist gets tokens, and until a proof is accepted gets what a real one gets', async () => {
  fc.assert(
    fc.property(anySession, anyFacts, (session, facts) => {
      const unknown = decideLogin({ ...facts, session, userNotFound: true })
      if (unknown.kind === 'tokens') throw new Error('tokens')
      if (session.map(letterOf).includes('o')) return
      const real = decideLogin({ ...facts, session, userNotFound: false })
      if (!same(unknown, real)) throw new Error(`${textOf(unknown)}, but ${textOf(real)}`)
    }),
    RUNS,
  )
})

t.test('the decision leaves its input alone and is the same each time', async () => {
  fc.assert(
    fc.property(anySession, anyFacts, (session, facts) => {
      const before = JSON.stringify(session)
      const frozen = Object.freeze(session.map((one) => Object.freeze(one)))
      const first = decideLogin({ ...facts, session: frozen })
      if (!same(first, decideLogin({ ...facts, session: frozen }))) throw new Error('differs')
      if (JSON.stringify(session) !== before) throw new Error('changed')
    }),
  )
})

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { ChallengeResult } from '../../src/triggers/challenge.js'
import { defineEvent, OWN, triggerEvent } from '../fixtures/events.js'
import { type Gateway, startGateway, type Teardown } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'
import {
  cognitoNames,
  entry,
  FLOW_ID,
  type Flow,
  flows,
  foreign,
  own,
  PASSWORD,
  password,
  SRP,
  same,
  testEverySession,
  testProperties,
  testSessionsByLetter,
} from './fixtures/decisions.js'

const repeat = <T>(count: number, value: T) => Array.from({ length: count }, () => value)

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
 * The decision alone: test/triggers/every-session.test.ts has all of it
 * ------------------------------------------------------------------------------------------------------------------ */

testEverySession(3)
testSessionsByLetter()
testProperties(4_000)

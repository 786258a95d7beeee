import { getDiffieHellman } from 'node:crypto'
import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserPool,
  type CognitoUserSession,
  type IAuthenticationCallback,
} from 'amazon-cognito-identity-js'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createIdentity } from '../../src/local/aws/identity.js'
import { useFastPowers } from '../../src/local/clients/big-integer.js'
import { type NewUser, startCognito, type UserPool } from '../../src/local/cognito/index.js'
import { createPasswordChallenge, formatTimestamp, provesPassword } from '../../src/local/cognito/login/password.js'
import { signClaim } from '../../src/local/cognito/login/srp.js'
import { makeKeyPair } from './fixtures/key-pairs.js'

const useOwnPowers = useFastPowers()

const userPoolId = 'eu-central-1_Example1'
const arn = 'arn:aws:lambda:eu-central-1:999988887777:function:gateway:acme'
const pool: UserPool = {
  userPoolId,
  accountId: '111122223333',
  region: 'eu-central-1',
  lambdaConfig: { DefineAuthChallenge: arn, CreateAuthChallenge: arn, VerifyAuthChallengeResponse: arn },
  clients: [{ clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true }],
  aliasAttributes: ['email'],
}
const password = 'correct horse 1!'
const jane: NewUser = {
  username: 'jane-1',
  password,
  attributes: { sub: 'sub-of-jane', email: 'jane@example.com', email_verified: 'true' },
}
const refused = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' }

type Parameters = Record<string, string>
interface TriggerEvent {
  readonly triggerSource: string
  readonly request: {
    readonly userAttributes: Parameters
    readonly userNotFound: boolean
    readonly session: { challengeName: string; challengeResult: boolean; challengeMetadata: string | null }[]
    readonly challengeAnswer: string
  }
}

/** A password first, then a new one if it is due, then the word "right". */
function define({ session, userAttributes }: TriggerEvent['request']) {
  const last = session.at(-1)
  const ask = (challengeName: string) => ({ challengeName, issueTokens: false, failAuthentication: false })
  if (last?.challengeName === 'SRP_A') return ask('PASSWORD_VERIFIER')
  if (userAttributes['cognito:user_status'] === 'FORCE_CHANGE_PASSWORD') return ask('NEW_PASSWORD_REQUIRED')
  if (last?.challengeName !== 'CUSTOM_CHALLENGE') return ask('CUSTOM_CHALLENGE')
  return { issueTokens: last.challengeResult, failAuthentication: !last.challengeResult }
}

function answer({ triggerSource, request }: TriggerEvent): object {
  if (triggerSource.startsWith('Define')) return define(request)
  if (triggerSource.startsWith('Verify')) return { answerCorrect: request.challengeAnswer === 'right' }
  return { publicChallengeParameters: { question: 'word?' }, privateChallengeParameters: {}, challengeMetadata: 'word' }
}

/** Changes what the client sends, on its way. */
type Tamper = (parameters: Parameters, operation: string) => void
interface Request {
  readonly AuthParameters?: Parameters
  readonly ChallengeResponses?: Parameters
}
type Reply =
  | { readonly kind: 'session'; readonly session: CognitoUserSession }
  | { readonly kind: 'custom'; readonly parameters: Parameters }
  | { readonly kind: 'newPassword'; readonly attributes: Parameters; readonly required: string[] }

/** Turns the client's callbacks into a promise. */
const reply = (act: (callbacks: IAuthenticationCallback) => void) =>
  new Promise<Reply>((resolve, onFailure) =>
    act({
      onFailure,
      onSuccess: (session) => resolve({ kind: 'session', session }),
      customChallenge: (parameters: Parameters) => resolve({ kind: 'custom', parameters }),
      newPasswordRequired: (attributes: Parameters, required: string[]) =>
        resolve({ kind: 'newPassword', attributes, required }),
    }),
  )

async function start(t: Tap, respond: (event: TriggerEvent) => object = answer) {
  const clock = { ...systemClock, at: Date.now(), now: () => clock.at }
  const cognito = await startCognito({
    clock,
    makeKeyPair,
    identity: createIdentity(clock),
    invoke: async (_arn, event) => ({
      payload: { ...(event as TriggerEvent), response: respond(event as TriggerEvent) },
    }),
  })
  t.teardown(() => cognito.stop())
  cognito.putPool(pool)
  cognito.putUser(userPoolId, jane)

  function open(Username: string, tamper?: Tamper): CognitoUser {
    const Pool = new CognitoUserPool({ UserPoolId: userPoolId, ClientId: 'web', endpoint: cognito.url })
    const { client } = Pool as unknown as { client: { request(...args: [string, Request, unknown]): void } }
    const request = client.request.bind(client)
    client.request = (operation, parameters, callback) => {
      tamper?.(parameters.AuthParameters ?? parameters.ChallengeResponses ?? {}, operation)
      request(operation, parameters, callback)
    }
    const user = new CognitoUser({ Username, Pool })
    user.setAuthenticationFlowType('CUSTOM_AUTH')
    return user
  }
  const authenticate = (user: CognitoUser, Password = password) =>
    reply((callbacks) =>
      user.authenticateUser(new AuthenticationDetails({ Username: user.getUsername(), Password }), callbacks),
    )
  const signIn = (name: string, typed?: string, tamper?: Tamper) => authenticate(open(name, tamper), typed)
  /** A call as the wire carries it, for what the client would not send. */
  const call = async (operation: string, input: unknown) => {
    const headers = { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` }
    const response = await fetch(cognito.url, { method: 'POST', headers, body: JSON.stringify(input) })
    return (await response.json()) as Parameters & { ChallengeParameters: Parameters }
  }
  const initiate = (USERNAME: string, SRP_A = 'abc') =>
    call('InitiateAuth', {
      AuthFlow: 'CUSTOM_AUTH',
      ClientId: 'web',
      AuthParameters: { USERNAME, CHALLENGE_NAME: 'SRP_A', SRP_A },
    })
  const sessions = () =>
    cognito.triggerCalls
      .map(({ event }) => event as TriggerEvent)
      .filter(({ triggerSource }) => triggerSource.startsWith('Define'))
      .map(({ request }) => request.session.map((one) => [one.challengeName, one.challengeResult]))
  return { clock, cognito, open, authenticate, signIn, call, initiate, sessions }
}
type Tap = Pick<typeof t, 'teardown'>

t.test('a wrong password is refused, and Define hears nothing of it', async (t) => {
  const { signIn, sessions } = await start(t)
  await t.rejects(signIn('jane-1', 'wrong'), refused)
  await t.rejects(signIn('jane-1', password.toUpperCase()), refused)
  t.strictSame(sessions(), [[['SRP_A', true]], [['SRP_A', true]]])
})

t.test('a user without a password is refused like one with a wrong password', async (t) => {
  const { cognito, signIn, sessions } = await start(t)
  cognito.putUser(userPoolId, { username: 'joe-1' })
  for (const typed of [password, 'undefined', ' ']) await t.rejects(signIn('joe-1', typed), refused, typed)
  t.equal(sessions().length, 3)
})

t.test('an unknown user gets a challenge of the same shape, which no password passes', async (t) => {
  const { cognito, signIn, initiate, sessions } = await start(t)
  await t.rejects(signIn('nobody'), refused)
  await t.rejects(signIn('nobody', 'undefined'), refused)
  t.match(cognito.triggerCalls[0]?.event, { userName: 'nobody', request: { userNotFound: true } })
  t.equal(sessions().length, 2)

  const shape = ({ ChallengeParameters }: { ChallengeParameters: Parameters }) => Object.keys(ChallengeParameters)
  const [known, unknown, again] = [await initiate('jane-1'), await initiate('nobody'), await initiate('NOBODY')]
  t.strictSame(shape(unknown), shape(known))
  t.match(unknown.ChallengeParameters.USER_ID_FOR_SRP, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, 'as documented')
  const stable = ({ ChallengeParameters: { USER_ID_FOR_SRP, SALT } }: typeof unknown) => [USER_ID_FOR_SRP, SALT]
  t.strictSame(stable(again), stable(unknown), 'asking twice tells nothing')
  t.not(again.ChallengeParameters.SRP_B, unknown.ChallengeParameters.SRP_B)
})

t.test('an SRP_A with which the key would need no password is refused before any trigger', async (t) => {
  const { cognito, signIn, initiate } = await start(t)
  const invalid = { name: 'InvalidParameterException', message: 'Invalid SRP_A' }
  const zero: Tamper = (parameters) => Object.assign(parameters, { SRP_A: '0' })
  await t.rejects(signIn('jane-1', password, zero), invalid)
  const prime = getDiffieHellman('modp15').getPrime('hex')
  t.match(await initiate('jane-1', prime), { message: 'Invalid SRP_A' })
  t.match(await initiate('jane-1', (BigInt(`0x${prime}`) * 2n).toString(16)), { message: 'Invalid SRP_A' })
  t.match(await initiate('jane-1', 'no number'), { message: 'Invalid SRP_A' })
  t.match(await initiate('jane-1', 'f'.repeat(771)), { message: 'Invalid SRP_A' }, 'longer than any real one')
  t.equal(cognito.triggerCalls.length, 0)
})

t.test('an answer is good once', async (t) => {
  const { cognito, signIn, call, sessions } = await start(t)
  await signIn('jane-1')
  const sent = cognito.calls.find(({ operation }) => operation === 'RespondToAuthChallenge')
  const replayed = await call('RespondToAuthChallenge', sent?.input)
  t.match(replayed, { message: 'Invalid session for the user, session can only be used once.' })
  t.equal(sessions().length, 2)
})

t.test('an answer that was tampered with, or belongs to another challenge, is refused', async (t) => {
  const { signIn, initiate, sessions } = await start(t)
  const flip = (text = '') => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
  const replace = (change: (parameters: Parameters) => Parameters): Tamper => {
    return (parameters, operation) =>
      operation === 'RespondToAuthChallenge' && Object.assign(parameters, change(parameters))
  }
  const { SECRET_BLOCK = '' } = (await initiate('jane-1')).ChallengeParameters
  const changes: [string, (parameters: Parameters) => Parameters][] = [
    ['signature', (sent) => ({ PASSWORD_CLAIM_SIGNATURE: flip(sent.PASSWORD_CLAIM_SIGNATURE) })],
    ['empty signature', () => ({ PASSWORD_CLAIM_SIGNATURE: ' ' })],
    ['secret block', () => ({ PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK })],
    ['time', () => ({ TIMESTAMP: formatTimestamp(Date.now() - 240_000) })],
  ]
  for (const [what, change] of changes) await t.rejects(signIn('jane-1', password, replace(change)), refused, what)
  t.equal(sessions().length, 5, 'Define was asked at the start of each only')
})

t.test('an answer that is not well-formed leaves the session as it was', async (t) => {
  const { cognito, call, initiate, signIn } = await start(t)
  const { Session } = await initiate('jane-1')
  const respond = (ChallengeResponses: Parameters) =>
    call('RespondToAuthChallenge', {
      ClientId: 'web',
      ChallengeName: 'PASSWORD_VERIFIER',
      Session,
      ChallengeResponses: { USERNAME: 'jane-1', ...ChallengeResponses },
    })
  const claim = {
    PASSWORD_CLAIM_SECRET_BLOCK: 'a',
    PASSWORD_CLAIM_SIGNATURE: 'b',
    TIMESTAMP: formatTimestamp(Date.now()),
  }
  for (const name of Object.keys(claim)) {
    t.match(await respond({ ...claim, [name]: '' }), { message: `Missing required parameter ${name}` })
  }
  t.match(await respond({ ...claim, TIMESTAMP: new Date().toISOString() }), {
    message: 'TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.',
  })
  t.match(await respond({ ...claim, TIMESTAMP: 'Wed Foo 5 22:42:34 UTC 2017' }), { message: /TIMESTAMP format/ })
  t.match(await respond(claim), { __type: /NotAuthorizedException/, message: refused.message })
  t.match(await respond(claim), { message: /can only be used once/ })
  t.equal((await signIn('jane-1')).kind, 'custom')
  t.equal(cognito.user(userPoolId, 'jane-1')?.password, password)
})

t.test('a clock may be five minutes off, and the spelling of the time is part of the proof', (t) => {
  const { challenge } = createPasswordChallenge({ pool, user: undefined, userName: 'jane-1' }, 5n)
  const now = Date.UTC(2017, 3, 5, 22, 42, 34)
  t.equal(formatTimestamp(now), 'Wed Apr 5 22:42:34 UTC 2017')
  const proves = (TIMESTAMP: string) => {
    const { secretBlock: PASSWORD_CLAIM_SECRET_BLOCK } = challenge
    const signature = signClaim(challenge.key, challenge.identity, PASSWORD_CLAIM_SECRET_BLOCK, TIMESTAMP)
    return provesPassword(
      challenge,
      { TIMESTAMP, PASSWORD_CLAIM_SECRET_BLOCK, PASSWORD_CLAIM_SIGNATURE: signature },
      now,
    )
  }
  t.ok(proves(formatTimestamp(now - 300_000)))
  t.ok(proves(formatTimestamp(now + 300_000)))
  t.notOk(proves(formatTimestamp(now - 301_000)))
  t.notOk(proves(formatTimestamp(now + 301_000)))
  t.notOk(proves('Wed Apr 05 22:42:34 UTC 2017'), 'a day of two digits')
  t.notOk(proves('Thu Apr 5 22:42:34 UTC 2017'), 'another weekday')
  t.end()
})

t.test('a password is asked for only if the client started with SRP_A', async (t) => {
  const { call } = await start(t, () => ({ challengeName: 'PASSWORD_VERIFIER' }))
  const AuthParameters = { USERNAME: 'jane-1' }
  t.match(await call('InitiateAuth', { AuthFlow: 'CUSTOM_AUTH', ClientId: 'web', AuthParameters }), {
    __type: /InvalidLambdaResponseException/,
  })
})

t.test('a new password is asked for only after the old one', async (t) => {
  const { initiate } = await start(t, () => ({ challengeName: 'NEW_PASSWORD_REQUIRED' }))
  for (const name of ['jane-1', 'nobody']) {
    t.match(await initiate(name), { __type: /InvalidLambdaResponseException/ }, name)
  }
})

t.test('the right password leads on to the custom challenge, and both to tokens', async (t) => {
  const { cognito, open, authenticate, sessions } = await start(t)
  const user = open('jane@example.com')
  t.match(await authenticate(user), { kind: 'custom', parameters: { question: 'word?', USERNAME: 'jane-1' } })
  t.equal(user.getUsername(), 'jane-1', 'the canonical name is the one hashed')
  const done = await reply((callbacks) => user.sendCustomChallengeAnswer('right', callbacks))
  t.ok(done.kind === 'session' && done.session.isValid())
  const [srp, verifier] = [
    ['SRP_A', true],
    ['PASSWORD_VERIFIER', true],
  ]
  t.strictSame(sessions(), [[srp], [srp, verifier], [srp, verifier, ['CUSTOM_CHALLENGE', true]]])
  t.match(cognito.triggerCalls[1]?.event, {
    request: {
      session: [
        { challengeName: 'SRP_A', challengeResult: true, challengeMetadata: null },
        { challengeName: 'PASSWORD_VERIFIER', challengeResult: true, challengeMetadata: null },
      ],
    },
  })
})

t.test('a right password does not make up for a wrong answer', async (t) => {
  const { open, authenticate } = await start(t)
  const user = open('jane-1')
  await authenticate(user)
  await t.rejects(
    reply((callbacks) => user.sendCustomChallengeAnswer('wrong', callbacks)),
    refused,
  )
})

t.test('the numbers agree with the client for salts and names of every kind', async (t) => {
  useOwnPowers()
  t.teardown(useFastPowers)
  const { cognito, signIn } = await start(t)
  for (const username of ['a', 'Zoë', '用户', '7f1c2d3e-0000-4000-8000-000000000001', 'b', 'c', 'd', 'e']) {
    cognito.putUser(userPoolId, { username, password: `pässwörd: ${username}` })
    t.equal((await signIn(username, `pässwörd: ${username}`)).kind, 'custom', username)
  }
})

t.test('the time of a proof is the machine clock, whatever the stand-in takes for now', async (t) => {
  const { clock, signIn } = await start(t)
  clock.at += 86_400_000
  t.equal((await signIn('jane-1')).kind, 'custom')
})

t.test('a new password is set, confirms the user and is the one that counts', async (t) => {
  const { cognito, open, authenticate, signIn, sessions } = await start(t)
  cognito.putUser(userPoolId, { ...jane, status: 'FORCE_CHANGE_PASSWORD' })
  const user = open('jane-1')
  t.strictSame(await authenticate(user), {
    kind: 'newPassword',
    attributes: { email: 'jane@example.com', email_verified: 'true' },
    required: [],
  })
  const complete = (attributes: object) =>
    reply((callbacks) => user.completeNewPasswordChallenge('newer horse 2!', attributes, callbacks))
  await t.rejects(complete({ email: 'eve@example.com' }), { name: 'InvalidParameterException', message: /email/ })
  t.match(await complete({}), { kind: 'custom' })
  t.match(cognito.user(userPoolId, 'jane-1'), { ...jane, status: 'CONFIRMED', password: 'newer horse 2!' })
  const passed = ['SRP_A', 'PASSWORD_VERIFIER', 'NEW_PASSWORD_REQUIRED'].map((name) => [name, true])
  t.strictSame(sessions().at(-1), passed)
  t.match(cognito.triggerCalls.at(-2)?.event, { request: { userAttributes: { 'cognito:user_status': 'CONFIRMED' } } })
  await t.rejects(signIn('jane-1', password), refused)
  t.equal((await signIn('jane-1', 'newer horse 2!')).kind, 'custom')
})

import { createHmac } from 'node:crypto'
import {
  AdminGetUserCommand,
  AdminInitiateAuthCommand,
  AdminSetUserMFAPreferenceCommand,
  type AdminSetUserMFAPreferenceCommandInput,
  CognitoIdentityProviderClient,
  GetTokensFromRefreshTokenCommand,
  GetUserCommand,
  GlobalSignOutCommand,
  InitiateAuthCommand,
  type InitiateAuthCommandOutput,
  ListUsersCommand,
  RespondToAuthChallengeCommand,
  RevokeTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createIdentity } from '../../src/local/aws/identity.js'
import type { PolicyDocument } from '../../src/local/aws/policy.js'
import { type NewUser, startCognito, type UserPool } from '../../src/local/cognito/index.js'
import { inProcess, startLambda } from '../../src/local/lambda/index.js'
import { makeKeyPair } from './fixtures/key-pairs.js'

const region = 'eu-central-1'
const account = '111122223333'
const userPoolId = 'eu-central-1_Example1'
const functionArn = `arn:aws:lambda:${region}:999988887777:function:gateway`
const aliasArn = `${functionArn}:acme`
const arnOfPool = `arn:aws:cognito-idp:${region}:${account}:userpool/${userPoolId}`
const jane: NewUser = {
  username: 'jane-1',
  attributes: { sub: 'sub-of-jane', email: 'Jane@example.com', email_verified: 'true' },
}

interface TriggerEvent {
  readonly triggerSource: string
  readonly userName: string
  readonly request: {
    readonly session: { challengeName: string; challengeResult: boolean; challengeMetadata: string | null }[]
    readonly challengeAnswer?: string
    readonly userNotFound?: boolean
    readonly clientMetadata?: object
    readonly userAttributes: object
  }
}
type Answers = Record<string, (event: TriggerEvent) => unknown>

/** A login that takes the word "right" for a passkey, three times at most. */
const answers: Answers = {
  PreAuthentication: () => ({}),
  PostAuthentication: () => ({}),
  TokenGeneration: () => ({ claimsOverrideDetails: { claimsToAddOrOverride: { plan: 'gold' } } }),
  DefineAuthChallenge: ({ request: { session } }) => {
    const last = session.at(-1)
    const done = last?.challengeName === 'CUSTOM_CHALLENGE' && last.challengeResult
    return {
      challengeName: done ? null : 'CUSTOM_CHALLENGE',
      issueTokens: done,
      failAuthentication: !done && session.length >= 3,
    }
  },
  CreateAuthChallenge: ({ request: { session } }) => ({
    publicChallengeParameters: { dummy: 'dummy' },
    privateChallengeParameters: { secret: 'right' },
    challengeMetadata: `round ${session.length + 1}`,
  }),
  VerifyAuthChallengeResponse: ({ request }) => ({ answerCorrect: request.challengeAnswer === 'right' }),
}

const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
const lambdaConfig = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, aliasArn]))
const policyFor = (Action: string, Resource: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource }],
})
const invokePolicy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Service: 'cognito-idp.amazonaws.com' },
      Action: 'lambda:InvokeFunction',
      Resource: aliasArn,
      Condition: { ArnLike: { 'AWS:SourceArn': arnOfPool }, StringEquals: { 'AWS:SourceAccount': account } },
    },
  ],
}

async function start(t: Tap, overrides: Partial<UserPool> = {}, triggerTimeoutMs = 2_000) {
  const clock = { ...systemClock, at: Date.now(), now: () => clock.at }
  const identity = createIdentity(clock)
  const lambda = await startLambda({ clock, identity })
  const cognito = await startCognito({
    ...{ clock, identity, makeKeyPair, triggerTimeoutMs },
    invoke: lambda.invokeAsCognito,
  })
  t.teardown(() => Promise.all([cognito.stop(), lambda.stop()]))

  const current: Answers = { ...answers }
  const handler = async (event: unknown) => {
    const triggerEvent = event as TriggerEvent
    const response = await current[triggerEvent.triggerSource.split('_')[0] ?? '']?.(triggerEvent)
    return { ...triggerEvent, response }
  }
  lambda.putFunction({ functionArn, runner: inProcess(handler), aliases: ['acme'] })
  lambda.putPolicy(aliasArn, invokePolicy)
  cognito.putPool({
    userPoolId,
    accountId: account,
    region,
    lambdaConfig: lambdaConfig(custom),
    clients: [
      { clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true },
      { clientId: 'legacy', preventUserExistenceErrors: false, allowCustomAuth: true },
      { clientId: 'server', preventUserExistenceErrors: true, allowCustomAuth: true, clientSecret: 'shh' },
      { clientId: 'password', preventUserExistenceErrors: true, allowCustomAuth: false },
    ],
    aliasAttributes: ['email'],
    ...overrides,
  })
  cognito.putUser(userPoolId, jane)

  const options = { endpoint: cognito.url, region, maxAttempts: 1 }
  const client = new CognitoIdentityProviderClient(options)
  const initiate = (USERNAME: string, more: Record<string, string> = {}, ClientId = 'web') =>
    client.send(
      new InitiateAuthCommand({
        AuthFlow: 'CUSTOM_AUTH',
        ClientId,
        AuthParameters: { USERNAME, ...more },
        ClientMetadata: { from: 'initiate' },
      }),
    )
  const respond = ({ Session, ChallengeName }: InitiateAuthCommandOutput, ANSWER: string, USERNAME = 'jane-1') =>
    client.send(
      new RespondToAuthChallengeCommand({
        ClientId: 'web',
        ChallengeName,
        Session,
        ChallengeResponses: { USERNAME, ANSWER },
        ClientMetadata: { from: 'respond' },
      }),
    )
  /** A client signed by a role session of some account; by default one that may do everything to every pool. */
  const adminClient = (policy = policyFor('cognito-idp:*', '*'), accountId = account, inRegion = region) => {
    const arn = `arn:aws:sts::${accountId}:assumed-role/corbado/session`
    const credentials = identity.issue({ arn, accountId, policies: [policy] }, 3_600_000)
    return new CognitoIdentityProviderClient({ ...options, region: inRegion, credentials })
  }
  const events = () => cognito.triggerCalls.map(({ event }) => event as TriggerEvent)
  return { clock, lambda, cognito, answers: current, initiate, respond, adminClient, client, events }
}
type Tap = Pick<typeof t, 'teardown'>

t.test('a trigger that may not be invoked is an unexpected error that names AccessDeniedException', async (t) => {
  const { lambda, initiate } = await start(t)
  lambda.putPolicy(aliasArn, undefined)
  await t.rejects(initiate('jane-1'), {
    name: 'UnexpectedLambdaException',
    message: 'DefineAuthChallenge invocation failed due to error AccessDeniedException.',
  })
})

const never = new Promise<never>(() => {})

t.test('a trigger that never answers is tried three times and then unexpected', async (t) => {
  const { cognito, answers, initiate } = await start(t, {}, 60)
  answers.DefineAuthChallenge = () => never
  await t.rejects(initiate('jane-1'), {
    name: 'UnexpectedLambdaException',
    message: 'DefineAuthChallenge invocation failed due to error Socket timeout while invoking Lambda function.',
  })
  t.equal(cognito.triggerCalls.length, 3)
  t.ok(cognito.triggerCalls.every(({ ms, answer }) => ms >= 50 && answer === undefined))
})

t.test('a trigger that is late once is asked the same again', async (t) => {
  const { cognito, answers, initiate } = await start(t, {}, 1_000)
  const { DefineAuthChallenge: decide } = answers
  answers.DefineAuthChallenge = async (event) => {
    if (cognito.triggerCalls.length === 0) await never
    return decide?.(event)
  }
  t.equal((await initiate('jane-1')).ChallengeName, 'CUSTOM_CHALLENGE')
  t.strictSame(cognito.triggerCalls[0]?.event, cognito.triggerCalls[1]?.event)
})

t.test('the text that a trigger throws reaches the client, and is not asked for twice', async (t) => {
  const { cognito, answers, initiate } = await start(t)
  answers.DefineAuthChallenge = () => {
    throw new Error('no luck today')
  }
  await t.rejects(initiate('jane-1'), {
    name: 'UserLambdaValidationException',
    message: 'DefineAuthChallenge failed with error no luck today.',
  })
  t.equal(cognito.triggerCalls.length, 1)
})

t.test('a trigger answer is not recognised', async (t) => {
  const { answers, initiate, respond } = await start(t)
  const unrecognised = { name: 'InvalidLambdaResponseException', message: 'Unrecognizable lambda output' }
  const created = { publicChallengeParameters: { a: 'b' }, privateChallengeParameters: {}, challengeMetadata: null }
  const wrong: [string, string, unknown][] = [
    ['without a response', 'DefineAuthChallenge', undefined],
    ['with a text for a response', 'DefineAuthChallenge', 'yes'],
    ['with a text for a flag', 'DefineAuthChallenge', { issueTokens: 'true' }],
    ['that decides nothing', 'DefineAuthChallenge', { issueTokens: false, failAuthentication: false }],
    [
      'with a number for a challenge parameter',
      'CreateAuthChallenge',
      { ...created, privateChallengeParameters: { a: 1 } },
    ],
    ['without a public parameter', 'CreateAuthChallenge', { ...created, publicChallengeParameters: {} }],
    ['with a number for metadata', 'CreateAuthChallenge', { ...created, challengeMetadata: 7 }],
    ['with a text for a verdict', 'VerifyAuthChallengeResponse', { answerCorrect: 'true' }],
    ['without a verdict', 'VerifyAuthChallengeResponse', { answerCorrect: null }],
  ]
  for (const [what, trigger, response] of wrong) {
    const { [trigger]: before = () => undefined } = answers
    answers[trigger] = () => response
    await t.rejects(
      initiate('jane-1').then((challenge) => respond(challenge, 'right')),
      unrecognised,
      what,
    )
    answers[trigger] = before
  }
})

t.test('an answer that lost a common field of its event is not recognised', async (t) => {
  const { lambda, initiate } = await start(t)
  const runner = inProcess(async () => ({ response: { challengeName: 'CUSTOM_CHALLENGE' } }))
  lambda.putFunction({ functionArn, runner, aliases: ['acme'] })
  await t.rejects(initiate('jane-1'), { name: 'InvalidLambdaResponseException' })
})

t.test('an unknown user is refused without any trigger if the client tells users apart', async (t) => {
  const { cognito, initiate } = await start(t)
  await t.rejects(initiate('nobody', {}, 'legacy'), { name: 'UserNotFoundException', message: 'User does not exist.' })
  t.equal(cognito.triggerCalls.length, 0)
})

t.test('an unknown user runs through a flow that looks real if the client hides existence', async (t) => {
  const { answers, initiate, respond, events } = await start(t)
  const challenge = await initiate('nobody')
  t.equal(challenge.ChallengeParameters?.USERNAME, 'nobody')
  t.match(events()[0], { userName: 'nobody', request: { userNotFound: true, userAttributes: {}, session: [] } })
  await respond(challenge, 'wrong', 'nobody')
  t.match(events().at(2), { request: { userNotFound: true, challengeAnswer: 'wrong' } })

  answers.DefineAuthChallenge = () => ({ issueTokens: true, failAuthentication: false, challengeName: null })
  await t.rejects(initiate('nobody'), { name: 'NotAuthorizedException', message: 'Incorrect username or password.' })
})

t.test('userNotFound is false for a known user, and absent if the client tells users apart', async (t) => {
  const { initiate, events } = await start(t)
  await initiate('jane-1')
  t.equal(events()[0]?.request.userNotFound, false)
  await initiate('jane-1', {}, 'legacy')
  t.notOk('userNotFound' in (events()[2]?.request ?? {}))
})

t.test('a disabled user is refused before any trigger, also in the middle of a login', async (t) => {
  const { cognito, initiate, respond } = await start(t)
  const disabled = { name: 'NotAuthorizedException', message: 'User is disabled.' }
  const challenge = await initiate('jane-1')
  cognito.putUser(userPoolId, { ...jane, enabled: false })
  await t.rejects(respond(challenge, 'right'), disabled)
  await t.rejects(initiate('jane-1'), disabled)
  t.equal(cognito.triggerCalls.length, 2, 'define and create of the first call')
})

t.test('failAuthentication ends the login', async (t) => {
  const { initiate, respond } = await start(t)
  let challenge = await initiate('jane-1')
  challenge = await respond(challenge, 'wrong')
  challenge = await respond(challenge, 'wrong')
  await t.rejects(respond(challenge, 'wrong'), {
    name: 'NotAuthorizedException',
    message: 'Incorrect username or password.',
  })
})

t.test('a session is good for one answer', async (t) => {
  const { initiate, respond } = await start(t)
  const challenge = await initiate('jane-1')
  const second = await respond(challenge, 'wrong')
  t.not(second.Session, challenge.Session)
  await t.rejects(respond(challenge, 'right'), {
    name: 'NotAuthorizedException',
    message: 'Invalid session for the user, session can only be used once.',
  })
})

t.test('a session lives three minutes', async (t) => {
  const { clock, initiate, respond } = await start(t)
  const [early, late] = [await initiate('jane-1'), await initiate('jane-1')]
  clock.at += 179_999
  t.ok((await respond(early, 'right')).AuthenticationResult)
  clock.at += 1
  await t.rejects(respond(late, 'right'), { message: 'Invalid session for the user, session is expired.' })
})

t.test('a session serves only the user, the client and the challenge it was given to', async (t) => {
  const { cognito, client, initiate, respond } = await start(t)
  cognito.putUser(userPoolId, { username: 'joe-1' })
  const challenge = await initiate('jane-1')
  const invalid = { name: 'NotAuthorizedException', message: 'Invalid session for the user.' }
  await t.rejects(respond(challenge, 'right', 'joe-1'), invalid)
  await t.rejects(respond({ ...challenge, ChallengeName: 'SMS_MFA' }, 'right'), invalid)
  await t.rejects(respond({ ...challenge, Session: 'x'.repeat(40) }, 'right'), invalid)
  const { Session, ChallengeName } = challenge
  const ChallengeResponses = { USERNAME: 'jane-1', ANSWER: 'right' }
  const input = { ClientId: 'legacy', Session, ChallengeName, ChallengeResponses }
  await t.rejects(client.send(new RespondToAuthChallengeCommand(input)), invalid)
})

t.test('a start with SRP_A shows it as passed before a password was shown', async (t) => {
  const { initiate, events } = await start(t)
  const challenge = await initiate('jane-1', { CHALLENGE_NAME: 'SRP_A', SRP_A: 'abc' })
  t.equal(challenge.ChallengeName, 'CUSTOM_CHALLENGE', 'Define may leave the password out')
  t.strictSame(events()[0]?.request.session, [
    { challengeName: 'SRP_A', challengeResult: true, challengeMetadata: null },
  ])
})

t.test('a call that a client may not make is refused', async (t) => {
  const { cognito, initiate, client } = await start(t)
  await t.rejects(initiate('jane-1', {}, 'unknown'), { name: 'ResourceNotFoundException' })
  await t.rejects(initiate('jane-1', {}, 'password'), { message: 'CUSTOM_AUTH flow not enabled for this client' })
  await t.rejects(initiate('jane-1', {}, 'server'), { message: /SECRET_HASH was not received/ })
  await t.rejects(initiate('jane-1', { SECRET_HASH: 'wrong' }, 'server'), { message: /SecretHash does not match/ })
  await t.rejects(initiate('jane-1', { CHALLENGE_NAME: 'SRP_A' }), { message: 'Missing required parameter SRP_A' })
  const withoutUser = new InitiateAuthCommand({ AuthFlow: 'CUSTOM_AUTH', ClientId: 'web', AuthParameters: {} })
  await t.rejects(client.send(withoutUser), { message: 'Missing required parameter USERNAME' })
  await t.rejects(initiate('two words'), { name: 'InvalidParameterException' })
  t.equal(cognito.triggerCalls.length, 0)
  const SECRET_HASH = createHmac('sha256', 'shh').update('jane-1server').digest('base64')
  t.ok(await initiate('jane-1', { SECRET_HASH }, 'server'))
})

t.test('a pool without the three triggers knows no custom auth', async (t) => {
  const { initiate } = await start(t, { lambdaConfig: lambdaConfig(['DefineAuthChallenge']) })
  await t.rejects(initiate('jane-1'), {
    name: 'InvalidParameterException',
    message: 'Custom auth lambda trigger is not configured for the user pool.',
  })
})

t.test('a verified e-mail signs in, and the challenge names the canonical user', async (t) => {
  const { cognito, initiate, respond, events } = await start(t)
  cognito.putUser(userPoolId, { username: 'joe-1', attributes: { email: 'joe@example.com', email_verified: 'false' } })
  const challenge = await initiate('jane@example.com')
  t.strictSame(challenge.ChallengeParameters, { dummy: 'dummy', USERNAME: 'jane-1' })
  t.ok((await respond(challenge, 'right')).AuthenticationResult)
  t.equal(events()[0]?.userName, 'jane-1')
  await initiate('joe@example.com')
  t.match(events().at(-1), { userName: 'joe@example.com', request: { userNotFound: true } }, 'not verified')
})

t.test('the trigger events are those of AWS', async (t) => {
  const { initiate, respond, events } = await start(t)
  await respond(await respond(await initiate('jane-1'), 'wrong'), 'right')
  const userAttributes = { ...jane.attributes, 'cognito:user_status': 'CONFIRMED' }
  const request = { userAttributes, userNotFound: false }
  const common = {
    version: '1',
    region,
    userPoolId,
    userName: 'jane-1',
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: 'web' },
  }
  const clientMetadata = { from: 'respond' }
  const round = (challengeMetadata: string, challengeResult: boolean) => ({
    challengeName: 'CUSTOM_CHALLENGE',
    challengeResult,
    challengeMetadata,
  })
  const undecided = { challengeName: null, issueTokens: null, failAuthentication: null }
  const uncreated = { publicChallengeParameters: null, privateChallengeParameters: null, challengeMetadata: null }
  const define = (session: object[], metadata?: object) => ({
    ...common,
    triggerSource: 'DefineAuthChallenge_Authentication',
    request: { ...request, ...metadata, session },
    response: undecided,
  })
  const create = (session: object[], metadata?: object) => ({
    ...common,
    triggerSource: 'CreateAuthChallenge_Authentication',
    request: { ...request, ...metadata, challengeName: 'CUSTOM_CHALLENGE', session },
    response: uncreated,
  })
  const verify = (challengeAnswer: string) => ({
    ...common,
    triggerSource: 'VerifyAuthChallengeResponse_Authentication',
    request: { ...request, clientMetadata, privateChallengeParameters: { secret: 'right' }, challengeAnswer },
    response: { answerCorrect: null },
  })
  const [first, second] = [round('round 1', false), round('round 2', true)]
  t.strictSame(
    events(),
    [
      define([]),
      create([]),
      verify('wrong'),
      define([first], { clientMetadata }),
      create([first], { clientMetadata }),
      verify('right'),
      define([first, second], { clientMetadata }),
    ],
    'in this order; what InitiateAuth sent along is in none of them',
  )
})

t.test('the triggers around the flow fire in their places, and claims reach the id token', async (t) => {
  const all = ['PreAuthentication', ...custom, 'PostAuthentication', 'PreTokenGeneration']
  const { initiate, respond, events } = await start(t, { lambdaConfig: lambdaConfig(all) })
  const { AuthenticationResult } = await respond(await initiate('jane-1'), 'right')
  t.strictSame(
    events().map(({ triggerSource }) => triggerSource.split('_')[0]),
    [
      'PreAuthentication',
      'DefineAuthChallenge',
      'CreateAuthChallenge',
      'VerifyAuthChallengeResponse',
      'DefineAuthChallenge',
      'PostAuthentication',
      'TokenGeneration',
    ],
  )
  t.match(events()[0], { request: { validationData: { from: 'initiate' } }, response: {} })
  t.match(events()[5], { request: { newDeviceUsed: false, clientMetadata: { from: 'respond' } } })
  t.match(decodeJwt(AuthenticationResult?.IdToken ?? ''), { plan: 'gold', 'cognito:username': 'jane-1' })
})

t.test('tokens are those of the user, the client and the pool', async (t) => {
  const { clock, initiate, respond } = await start(t)
  const { AuthenticationResult } = await respond(await initiate('jane-1'), 'right')
  t.match(AuthenticationResult, { TokenType: 'Bearer', ExpiresIn: 3600, RefreshToken: String })
  const now = Math.floor(clock.now() / 1000)
  const common = {
    sub: 'sub-of-jane',
    iss: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`,
    iat: now,
    exp: now + 3600,
  }
  const { AccessToken = '', IdToken = '' } = AuthenticationResult ?? {}
  t.equal(decodeProtectedHeader(AccessToken).alg, 'RS256')
  t.match(decodeJwt(AccessToken), { ...common, token_use: 'access', client_id: 'web', username: 'jane-1' })
  t.match(decodeJwt(IdToken), { ...common, token_use: 'id', aud: 'web', email_verified: true })
})

/** A login that is over, and the calls that its tokens allow. */
async function signedIn(t: Tap, overrides: Partial<UserPool> = {}) {
  const started = await start(t, overrides)
  const { client, initiate, respond } = started
  const login = async () => {
    const { AuthenticationResult } = await respond(await initiate('jane-1'), 'right')
    const { AccessToken = '', IdToken = '', RefreshToken = '' } = AuthenticationResult ?? {}
    return { AccessToken, IdToken, RefreshToken }
  }
  return {
    ...started,
    login,
    getUser: (AccessToken: string) => client.send(new GetUserCommand({ AccessToken })),
    signOut: (AccessToken: string) => client.send(new GlobalSignOutCommand({ AccessToken })),
    revoke: (Token: string, ClientId = 'web', ClientSecret?: string) =>
      client.send(new RevokeTokenCommand({ Token, ClientId, ClientSecret })),
    renew: (RefreshToken: string, ClientId = 'web', ClientSecret?: string) =>
      client.send(new GetTokensFromRefreshTokenCommand({ RefreshToken, ClientId, ClientSecret })),
    refresh: (REFRESH_TOKEN: string, ClientId = 'web', more: Record<string, string> = {}) =>
      client.send(
        new InitiateAuthCommand({
          AuthFlow: 'REFRESH_TOKEN_AUTH',
          ClientId,
          AuthParameters: { REFRESH_TOKEN, ...more },
        }),
      ),
  }
}
const refusedAs = (message: string) => ({ name: 'NotAuthorizedException', message })

t.test('an access token that is none, or too old, is refused', async (t) => {
  const { clock, cognito, login, getUser, signOut } = await signedIn(t)
  const elsewhere = await (await signedIn(t)).login()
  const { AccessToken, IdToken, RefreshToken } = await login()
  const invalid = refusedAs('Invalid Access Token')
  for (const token of ['x', 'x.y.z', `${AccessToken}x`, IdToken, RefreshToken, elsewhere.AccessToken]) {
    await t.rejects(getUser(token), invalid)
    await t.rejects(signOut(token), invalid)
  }
  clock.at = (decodeJwt(AccessToken).exp ?? 0) * 1_000 - 1
  t.equal((await getUser(AccessToken)).Username, 'jane-1')
  clock.at += 1
  await t.rejects(getUser(AccessToken), refusedAs('Access Token has expired'))
  const fresh = await login()
  cognito.putUser(userPoolId, { ...jane, enabled: false })
  await t.rejects(getUser(fresh.AccessToken), refusedAs('User is disabled.'))
})

t.test('GetUser says of its caller what AdminGetUser says of anybody', async (t) => {
  const { cognito, login, getUser, adminClient } = await signedIn(t)
  const { AccessToken } = await login()
  cognito.putUser(userPoolId, { ...jane, mfa: ['EMAIL_OTP'], preferredMfa: 'EMAIL_OTP' })
  const { $metadata: _own, ...user } = await getUser(AccessToken)
  t.match(await adminClient().send(new AdminGetUserCommand({ UserPoolId: userPoolId, Username: 'jane-1' })), user)
  t.match(user, { Username: 'jane-1', PreferredMfaSetting: 'EMAIL_OTP' })
  t.equal(user.UserAttributes?.length, 3)
})

t.test('a refresh token that is none, another client’s or too old is refused, both ways', async (t) => {
  const { clock, cognito, login, renew, refresh } = await signedIn(t)
  const { AccessToken, RefreshToken } = await login()
  for (const trade of [renew, refresh]) {
    await t.rejects(trade('x'), refusedAs('Invalid Refresh Token.'))
    await t.rejects(trade(AccessToken), refusedAs('Invalid Refresh Token.'))
    await t.rejects(trade(RefreshToken, 'legacy'), refusedAs('Refresh Token has different Client.'))
    cognito.putUser(userPoolId, { ...jane, enabled: false })
    await t.rejects(trade(RefreshToken), refusedAs('User is disabled.'))
    cognito.putUser(userPoolId, jane)
    const issuedAt = clock.at
    clock.at += 30 * 86_400_000 - 1
    t.ok((await trade(RefreshToken)).AuthenticationResult)
    clock.at += 1
    await t.rejects(trade(RefreshToken), refusedAs('Refresh Token has expired'))
    clock.at = issuedAt
  }
})

t.test('new tokens are of the same login, and only the trigger for their claims is asked', async (t) => {
  const lambda = lambdaConfig(['PreAuthentication', ...custom, 'PostAuthentication', 'PreTokenGeneration'])
  const { clock, cognito, events, login, renew, refresh, getUser } = await signedIn(t, { lambdaConfig: lambda })
  const { AccessToken, RefreshToken } = await login()
  const before = events().length
  clock.at += 3_600_000
  for (const trade of [renew, refresh]) {
    const { AuthenticationResult } = await trade(RefreshToken)
    t.notOk('RefreshToken' in (AuthenticationResult ?? {}), 'the old one stays good')
    const { AccessToken: renewed = '', IdToken = '' } = AuthenticationResult ?? {}
    const { sub, origin_jti, auth_time, jti } = decodeJwt(AccessToken)
    t.match(decodeJwt(renewed), { sub, origin_jti, auth_time, iat: Math.floor(clock.at / 1_000) })
    t.not(decodeJwt(renewed).jti, jti)
    t.match(decodeJwt(IdToken), { plan: 'gold', 'cognito:username': 'jane-1' })
    t.equal((await getUser(renewed)).Username, 'jane-1')
  }
  const asked = events().slice(before)
  t.strictSame(
    asked.map(({ triggerSource }) => triggerSource),
    Array(2).fill('TokenGeneration_RefreshTokens'),
  )
  const nulls = { REFRESH_TOKEN: RefreshToken, DEVICE_KEY: null }
  const response = await fetch(cognito.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'AWSCognitoIdentityProviderService.InitiateAuth' },
    body: JSON.stringify({ AuthFlow: 'REFRESH_TOKEN_AUTH', ClientId: 'web', AuthParameters: nulls }),
  })
  t.equal(response.status, 200, 'a null is no value, as amazon-cognito-identity-js sends it')
})

t.test('only a refresh token can be revoked, and only by the client it was issued to', async (t) => {
  const { login, revoke, renew, getUser } = await signedIn(t)
  const { AccessToken, IdToken, RefreshToken } = await login()
  for (const token of [AccessToken, IdToken]) {
    await t.rejects(revoke(token), { name: 'UnsupportedTokenTypeException' })
  }
  await t.rejects(revoke('x'), { name: 'UnauthorizedException' })
  await t.rejects(revoke(RefreshToken, 'legacy'), { name: 'UnauthorizedException' })
  await t.rejects(revoke(RefreshToken, 'unknown'), { name: 'ResourceNotFoundException' })
  t.ok((await renew(RefreshToken)).AuthenticationResult)
  t.ok(await getUser(AccessToken), 'none of that revoked anything')
})

t.test('with its refresh token revoked, a login is over, and only that one', async (t) => {
  const { login, revoke, renew, refresh, getUser, signOut } = await signedIn(t)
  const [here, there] = [await login(), await login()]
  const renewed = (await renew(here.RefreshToken)).AuthenticationResult?.AccessToken ?? ''
  await revoke(here.RefreshToken)
  for (const token of [here.AccessToken, renewed]) {
    await t.rejects(getUser(token), refusedAs('Access Token has been revoked'))
    await t.rejects(signOut(token), refusedAs('Access Token has been revoked'))
  }
  for (const trade of [renew, refresh]) {
    await t.rejects(trade(here.RefreshToken), refusedAs('Refresh Token has been revoked'))
  }
  t.ok(await getUser(there.AccessToken))
  t.ok((await renew(there.RefreshToken)).AuthenticationResult)
})

t.test('GlobalSignOut ends all logins of its user so far, and no others', async (t) => {
  const { cognito, login, initiate, respond, renew, getUser, signOut } = await signedIn(t)
  cognito.putUser(userPoolId, { username: 'joe-1' })
  const { AuthenticationResult: joe } = await respond(await initiate('joe-1'), 'right', 'joe-1')
  const [here, there] = [await login(), await login()]
  await signOut(here.AccessToken)
  for (const { AccessToken, RefreshToken } of [here, there]) {
    await t.rejects(getUser(AccessToken), refusedAs('Access Token has been revoked'))
    await t.rejects(renew(RefreshToken), refusedAs('Refresh Token has been revoked'))
  }
  t.equal((await getUser(joe?.AccessToken ?? '')).Username, 'joe-1')
  t.equal((await getUser((await login()).AccessToken)).Username, 'jane-1')
})

t.test('a client with a secret shows it for its refresh tokens too', async (t) => {
  const { client, initiate, revoke, renew, refresh } = await signedIn(t)
  const SECRET_HASH = createHmac('sha256', 'shh').update('jane-1server').digest('base64')
  const { Session, ChallengeName } = await initiate('jane-1', { SECRET_HASH }, 'server')
  const ChallengeResponses = { USERNAME: 'jane-1', ANSWER: 'right', SECRET_HASH }
  const input = { ClientId: 'server', Session, ChallengeName, ChallengeResponses }
  const { AuthenticationResult } = await client.send(new RespondToAuthChallengeCommand(input))
  const { RefreshToken = '' } = AuthenticationResult ?? {}
  for (const secret of [undefined, 'wrong']) {
    await t.rejects(renew(RefreshToken, 'server', secret), { name: 'NotAuthorizedException' })
    await t.rejects(revoke(RefreshToken, 'server', secret), { name: 'UnauthorizedException' })
  }
  await t.rejects(refresh(RefreshToken, 'server'), { message: /SECRET_HASH was not received/ })
  await t.rejects(refresh(RefreshToken, 'server', { SECRET_HASH: 'wrong' }), { message: /SecretHash does not match/ })
  t.ok((await refresh(RefreshToken, 'server', { SECRET_HASH })).AuthenticationResult)
  t.ok((await renew(RefreshToken, 'server', 'shh')).AuthenticationResult)
  await revoke(RefreshToken, 'server', 'shh')
  await t.rejects(renew(RefreshToken, 'server', 'shh'), refusedAs('Refresh Token has been revoked'))
})

t.test('an admin call needs credentials that allow it on this pool', async (t) => {
  const { cognito, adminClient } = await start(t)
  const get = new AdminGetUserCommand({ UserPoolId: userPoolId, Username: 'jane-1' })
  const credentials = { accessKeyId: 'ASIAUNKNOWN', secretAccessKey: 'x', sessionToken: 'y' }
  const stranger = new CognitoIdentityProviderClient({ endpoint: cognito.url, region, maxAttempts: 1, credentials })
  await t.rejects(stranger.send(get), { name: 'UnrecognizedClientException' })
  await t.rejects(adminClient(policyFor('cognito-idp:ListUsers', arnOfPool)).send(get), {
    name: 'AccessDeniedException',
    message:
      `User: arn:aws:sts::${account}:assumed-role/corbado/session is not authorized to perform: ` +
      `cognito-idp:AdminGetUser on resource: ${arnOfPool} ` +
      'because no identity-based policy allows the cognito-idp:AdminGetUser action',
  })
  t.equal((await adminClient(policyFor('cognito-idp:AdminGetUser', arnOfPool)).send(get)).Username, 'jane-1')
})

t.test('a pool exists only in its own account and region', async (t) => {
  const { adminClient } = await start(t)
  const get = new AdminGetUserCommand({ UserPoolId: userPoolId, Username: 'jane-1' })
  const missing = { name: 'ResourceNotFoundException', message: `User pool ${userPoolId} does not exist.` }
  await t.rejects(adminClient(policyFor('cognito-idp:*', '*'), '999988887777').send(get), missing)
  await t.rejects(adminClient(policyFor('cognito-idp:*', '*'), account, 'us-east-1').send(get), missing)
  await t.rejects(adminClient(policyFor('cognito-idp:*', arnOfPool), '999988887777').send(get), {
    name: 'AccessDeniedException',
  })
})

t.test('AdminGetUser finds by user name, alias and sub, and says what a user is', async (t) => {
  const { adminClient } = await start(t)
  const admin = adminClient()
  const get = (Username: string) => admin.send(new AdminGetUserCommand({ UserPoolId: userPoolId, Username }))
  await t.rejects(get('nobody'), { name: 'UserNotFoundException', message: 'User does not exist.' })
  const found = await get('jane-1')
  t.match(found, { Username: 'jane-1', Enabled: true, UserStatus: 'CONFIRMED', UserCreateDate: Date })
  t.strictSame(found.UserAttributes?.[1], { Name: 'email', Value: 'Jane@example.com' })
  t.notOk('UserMFASettingList' in found)
  t.equal((await get('jane@example.com')).Username, 'jane-1')
  t.equal((await get('sub-of-jane')).Username, 'jane-1')
})

t.test('a filter that Cognito cannot read is refused', async (t) => {
  const { adminClient } = await start(t)
  const admin = adminClient()
  const filters = [
    'email = jane',
    'email = "a" or "b"',
    'email = "a"b"',
    'email = "a\\x"',
    'custom:plan = "gold"',
    'email ^= "',
    `email = "${'a'.repeat(250)}"`,
  ]
  for (const Filter of filters) {
    const list = new ListUsersCommand({ UserPoolId: userPoolId, Filter })
    await t.rejects(admin.send(list), { name: 'InvalidParameterException' }, Filter)
  }
  const tooMany = new ListUsersCommand({ UserPoolId: userPoolId, Limit: 61 })
  await t.rejects(admin.send(tooMany), { name: 'InvalidParameterException' })
  const madeUp = new ListUsersCommand({ UserPoolId: userPoolId, PaginationToken: 'made-up' })
  await t.rejects(admin.send(madeUp), { name: 'InvalidParameterException' })
})

t.test('a filter finds by value or beginning, escapes included', async (t) => {
  const { cognito, adminClient } = await start(t)
  cognito.putUser(userPoolId, { username: 'odd', attributes: { email: 'a"b\\c@example.com' }, enabled: false })
  const admin = adminClient()
  const find = async (Filter: string) => {
    const { Users = [] } = await admin.send(new ListUsersCommand({ UserPoolId: userPoolId, Filter }))
    return Users.map(({ Username }) => Username)
  }
  t.strictSame(await find('email = "a\\"b\\\\c@example.com"'), ['odd'])
  t.strictSame(await find('"email" ^= "JANE@"'), ['jane-1'], 'attributes without regard to case')
  t.strictSame(await find('username = "Jane-1"'), [], 'user names with regard to it')
  t.strictSame(await find('status = "Disabled"'), ['odd'])
  t.strictSame(await find('cognito:user_status = "CONFIRMED"'), ['jane-1', 'odd'])
})

t.test('ListUsers pages, and may give an empty page with a token for more', async (t) => {
  const { cognito, adminClient } = await start(t)
  cognito.putUser(userPoolId, { username: 'joe-1' })
  const admin = adminClient()
  const list = (PaginationToken?: string) =>
    admin.send(new ListUsersCommand({ UserPoolId: userPoolId, Limit: 1, PaginationToken }))
  cognito.setEmptyPages(userPoolId, 1)
  const empty = await list()
  t.strictSame(empty.Users, [])
  const first = await list(empty.PaginationToken)
  const second = await list(first.PaginationToken)
  t.strictSame([first.Users?.[0]?.Username, second.Users?.[0]?.Username], ['jane-1', 'joe-1'])
  t.equal(second.PaginationToken, undefined)
})

t.test('an MFA factor that cannot reach the user is refused', async (t) => {
  const { cognito, adminClient } = await start(t)
  const admin = adminClient()
  const on = { Enabled: true, PreferredMfa: true }
  const set = (settings: Partial<AdminSetUserMFAPreferenceCommandInput>) =>
    admin.send(new AdminSetUserMFAPreferenceCommand({ UserPoolId: userPoolId, Username: 'jane-1', ...settings }))
  await t.rejects(set({ SMSMfaSettings: on }), {
    name: 'InvalidParameterException',
    message: 'User does not have delivery config set to turn on SMS_MFA',
  })
  await t.rejects(set({ SoftwareTokenMfaSettings: on }), {
    message: 'User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA',
  })
  await t.rejects(set({ EmailMfaSettings: on, SMSMfaSettings: on }), { message: /Only one MFA method/ })
  await t.rejects(set({ EmailMfaSettings: { Enabled: false, PreferredMfa: true } }), { message: /must be enabled/ })
  t.strictSame(cognito.user(userPoolId, 'jane-1')?.mfa, [])
})

t.test('an MFA preference stays, and a factor that is not named is left alone', async (t) => {
  const { cognito, adminClient } = await start(t)
  cognito.putUser(userPoolId, { ...jane, attributes: { ...jane.attributes, phone_number: '+491' }, totp: true })
  const admin = adminClient()
  const base = { UserPoolId: userPoolId, Username: 'jane-1' }
  const on = { Enabled: true, PreferredMfa: true }
  await admin.send(new AdminSetUserMFAPreferenceCommand({ ...base, SMSMfaSettings: on }))
  await admin.send(new AdminSetUserMFAPreferenceCommand({ ...base, SoftwareTokenMfaSettings: { Enabled: true } }))
  const { UserMFASettingList, PreferredMfaSetting } = await admin.send(new AdminGetUserCommand(base))
  t.strictSame([UserMFASettingList, PreferredMfaSetting], [['SMS_MFA', 'SOFTWARE_TOKEN_MFA'], 'SMS_MFA'])
  await admin.send(new AdminSetUserMFAPreferenceCommand({ ...base, SMSMfaSettings: { Enabled: false } }))
  t.match(cognito.user(userPoolId, 'jane-1'), { mfa: ['SOFTWARE_TOKEN_MFA'], preferredMfa: undefined })
})

t.test('the admin flow runs the same triggers, for clients of its own pool only', async (t) => {
  const { cognito, adminClient } = await start(t)
  const admin = adminClient()
  const initiate = (ClientId: string) =>
    admin.send(
      new AdminInitiateAuthCommand({
        UserPoolId: userPoolId,
        ClientId,
        AuthFlow: 'CUSTOM_AUTH',
        AuthParameters: { USERNAME: 'jane-1' },
      }),
    )
  await t.rejects(initiate('of-another-pool'), { name: 'ResourceNotFoundException' })
  t.equal((await initiate('web')).ChallengeName, 'CUSTOM_CHALLENGE')
  t.equal(cognito.triggerCalls.length, 2)
})

t.test('an injected status is worded as Cognito words it', async (t) => {
  const { cognito, adminClient, initiate } = await start(t)
  const get = new AdminGetUserCommand({ UserPoolId: userPoolId, Username: 'jane-1' })
  await cognito.setFault({ kind: 'status', status: 429 }, 'AdminGetUser')
  await t.rejects(adminClient().send(get), { name: 'TooManyRequestsException' })
  t.ok(await initiate('jane-1'), 'the fault is limited to one operation')
  await cognito.setFault({ kind: 'status', status: 500 })
  await t.rejects(initiate('jane-1'), { name: 'InternalErrorException' })
})

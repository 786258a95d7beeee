import {
  AssociateSoftwareTokenCommand,
  CognitoIdentityProviderClient,
  ConfirmForgotPasswordCommand,
  ConfirmSignUpCommand,
  ForgotPasswordCommand,
  InitiateAuthCommand,
  ResendConfirmationCodeCommand,
  RespondToAuthChallengeCommand,
  SetUserMFAPreferenceCommand,
  SignUpCommand,
  VerifySoftwareTokenCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from 'amazon-cognito-identity-js'
import { CognitoJwtVerifier } from 'aws-jwt-verify'
import { decodeJwt } from 'jose'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createIdentity } from '../../src/local/aws/identity.js'
import { useFastPowers } from '../../src/local/clients/big-integer.js'
import { startCognito, type UserPool } from '../../src/local/cognito/index.js'
import { totpCode } from '../../src/local/cognito/login/totp.js'
import { makeKeyPair } from './fixtures/key-pairs.js'

useFastPowers()

const userPoolId = 'eu-central-1_Example1'
const arn = 'arn:aws:lambda:eu-central-1:111122223333:function:own'
const flows = ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_SRP_AUTH', 'ALLOW_USER_PASSWORD_AUTH'] as const
const triggers = ['PreSignUp', 'PostConfirmation', 'PostAuthentication', 'PreTokenGeneration']
const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
const pool: UserPool = {
  userPoolId,
  accountId: '111122223333',
  region: 'eu-central-1',
  lambdaConfig: Object.fromEntries([...triggers, ...custom].map((name) => [name, arn])),
  clients: [
    {
      clientId: 'web',
      preventUserExistenceErrors: true,
      allowCustomAuth: true,
      settings: { ExplicitAuthFlows: [...flows] },
    },
    { clientId: 'legacy', preventUserExistenceErrors: false, allowCustomAuth: false },
    { clientId: 'closed', preventUserExistenceErrors: true, allowCustomAuth: true },
  ],
  aliasAttributes: [],
  fixed: { UsernameAttributes: ['email'], UsernameConfiguration: { CaseSensitive: false } },
  settings: { AutoVerifiedAttributes: ['email'], MfaConfiguration: 'OPTIONAL' },
}
const Password = 'Correct-horse-1'
const email = 'mara@example.com'
const phone = { Name: 'phone_number', Value: '+493023125017' }

interface TriggerEvent {
  readonly triggerSource: string
  readonly userName: string
  readonly request: { readonly session?: { challengeName: string; challengeResult: boolean }[] }
  readonly response: object
}
type Responses = Record<string, (event: TriggerEvent) => object>
type Tap = Pick<typeof t, 'teardown'>

/** A password, whatever Cognito itself asks for after it, then tokens. */
const defineByPassword: Responses = {
  DefineAuthChallenge: ({ request: { session = [] } }) =>
    session.length === 1
      ? { challengeName: 'PASSWORD_VERIFIER', issueTokens: false, failAuthentication: false }
      : { issueTokens: true, failAuthentication: false },
}

async function start(t: Tap, responses: Responses = {}, changed: Partial<UserPool> = {}) {
  const clock = { ...systemClock, at: Date.now(), now: () => clock.at }
  const cognito = await startCognito({
    clock,
    makeKeyPair,
    identity: createIdentity(clock),
    invoke: async (_arn, event) => {
      const { triggerSource, response } = event as TriggerEvent
      try {
        const answer = responses[triggerSource.split('_')[0] ?? '']?.(event as TriggerEvent)
        return { payload: { ...(event as TriggerEvent), response: answer ?? response } }
      } catch (error) {
        return { functionError: { errorMessage: (error as Error).message } }
      }
    },
  })
  const client = new CognitoIdentityProviderClient({ endpoint: cognito.url, region: 'eu-central-1', maxAttempts: 1 })
  t.teardown(async () => {
    client.destroy()
    await cognito.stop()
  })
  cognito.putPool({ ...pool, ...changed })
  const send: CognitoIdentityProviderClient['send'] = client.send.bind(client)
  const signUp = (Username = email, more: object = {}) =>
    send(new SignUpCommand({ ClientId: 'web', Username, Password, ...more }))
  const confirm = (ConfirmationCode: string, Username = email) =>
    send(new ConfirmSignUpCommand({ ClientId: 'web', Username, ConfirmationCode }))
  const lastCode = () => cognito.outbox.messages.at(-1)?.code ?? ''
  const sources = () => cognito.triggerCalls.map(({ event }) => (event as TriggerEvent).triggerSource)
  /** Signs up and confirms; answers the user's name. */
  async function member(Username = email, more: object = {}) {
    const { UserSub = '' } = await signUp(Username, more)
    await confirm(lastCode(), Username)
    return UserSub
  }
  return { clock, cognito, client, signUp, confirm, lastCode, sources, member }
}

/** Another code of six digits. */
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

type Reply =
  | { readonly kind: 'tokens'; readonly idToken: string; readonly accessToken: string }
  | { readonly kind: 'code'; readonly factor: string; send(code: string): Promise<Reply> }

/** Signs in by password over SRP, with the client that customers' apps use. */
function signIn(endpoint: string, Username: string, password = Password, flow = 'USER_SRP_AUTH'): Promise<Reply> {
  const user = new CognitoUser({
    Username,
    Pool: new CognitoUserPool({ UserPoolId: userPoolId, ClientId: 'web', endpoint }),
  })
  user.setAuthenticationFlowType(flow)
  const reply = (act: (callbacks: Parameters<CognitoUser['authenticateUser']>[1]) => void): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const code = (factor: string, name: string) =>
        resolve({
          kind: 'code',
          factor,
          send: (typed) => reply((callbacks) => user.sendMFACode(typed, callbacks, name)),
        })
      act({
        onFailure: reject,
        onSuccess: (session) => {
          const [idToken, accessToken] = [session.getIdToken().getJwtToken(), session.getAccessToken().getJwtToken()]
          resolve({ kind: 'tokens', idToken, accessToken })
        },
        mfaRequired: () => code('SMS_MFA', 'SMS_MFA'),
        totpRequired: () => code('SOFTWARE_TOKEN_MFA', 'SOFTWARE_TOKEN_MFA'),
      })
    })
  return reply((callbacks) =>
    user.authenticateUser(new AuthenticationDetails({ Username, Password: password }), callbacks),
  )
}

t.test('SignUp refuses, in the words of AWS, what a pool does not take', async (t) => {
  const { client, cognito, signUp } = await start(t)
  const weak = (text: string) => ({
    name: 'InvalidPasswordException',
    message: `Password did not conform with policy: ${text}`,
  })
  await t.rejects(signUp('mara'), { name: 'InvalidParameterException', message: 'Username should be an email.' })
  await t.rejects(signUp(email, { Password: 'Sh0rt-1' }), weak('Password not long enough'))
  await t.rejects(signUp(email, { Password: 'CORRECT-HORSE-1' }), weak('Password must have lowercase characters'))
  await t.rejects(signUp(email, { Password: 'correct-horse-1' }), weak('Password must have uppercase characters'))
  await t.rejects(signUp(email, { Password: 'Correct-horse' }), weak('Password must have numeric characters'))
  await t.rejects(signUp(email, { Password: 'Correcthorse1' }), weak('Password must have symbol characters'))
  const attributes = (Name: string, Value: string) => ({ UserAttributes: [{ Name, Value }] })
  await t.rejects(signUp(email, attributes('phone_number', '030 23125')), { message: 'Invalid phone number format.' })
  await t.rejects(signUp(email, attributes('email', 'mara')), { message: 'Invalid email address format.' })
  for (const name of ['sub', 'email_verified']) {
    await t.rejects(signUp(email, attributes(name, 'true')), {
      name: 'NotAuthorizedException',
      message: 'A client attempted to write unauthorized attribute',
    })
  }
  const unknown = client.send(new SignUpCommand({ ClientId: 'none', Username: email, Password }))
  await t.rejects(unknown, { name: 'ResourceNotFoundException' })
  t.equal(cognito.triggerCalls.length, 0, 'and asks no trigger')
  t.equal(cognito.outbox.messages.length, 0)
})

t.test(
  'SignUp refuses an address that has an account, a pool of administrators alone, and what its trigger refuses',
  async (t) => {
    const first = await start(t)
    await first.signUp()
    await t.rejects(first.signUp('MARA@example.com'), {
      name: 'UsernameExistsException',
      message: 'An account with the given email already exists.',
    })
    const closed = await start(t, {}, { settings: { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } } })
    await t.rejects(closed.signUp(), {
      name: 'NotAuthorizedException',
      message: 'SignUp is not permitted for this user pool',
    })
    const odd = await start(t, { PreSignUp: () => ({ autoConfirmUser: 'yes' }) })
    await t.rejects(odd.signUp(), { name: 'InvalidLambdaResponseException' })
    t.equal(odd.cognito.outbox.messages.length, 0)
  },
)

t.test('ConfirmSignUp refuses wrong and old codes, and stops to compare after too many', async (t) => {
  const { clock, client, signUp, confirm, lastCode } = await start(t)
  await signUp()
  const code = lastCode()
  const mismatch = {
    name: 'CodeMismatchException',
    message: 'Invalid verification code provided, please try again.',
  }
  await t.rejects(confirm(wrong(code)), mismatch)
  const expired = { name: 'ExpiredCodeException', message: 'Invalid code provided, please request a code again.' }
  await t.rejects(confirm(code, 'nobody@example.com'), expired, 'nobody is told apart')
  const legacy = new ConfirmSignUpCommand({
    ClientId: 'legacy',
    Username: 'nobody@example.com',
    ConfirmationCode: code,
  })
  await t.rejects(client.send(legacy), { name: 'UserNotFoundException' }, 'but where the client says so')
  for (let attempt = 2; attempt <= 5; attempt += 1) await t.rejects(confirm(wrong(code)), mismatch)
  await t.rejects(confirm(code), { name: 'LimitExceededException' }, 'the right one too')

  await client.send(new ResendConfirmationCodeCommand({ ClientId: 'web', Username: email }))
  await t.rejects(confirm(code), mismatch, 'the newest code counts')
  clock.at += 86_400_000
  await t.rejects(confirm(lastCode()), expired)
})

t.test('a person signs up: Cognito makes the name, mails a code, and fires the triggers as AWS does', async (t) => {
  const { client, cognito, signUp, confirm, lastCode, sources } = await start(t)
  const signed = await signUp(email, { UserAttributes: [phone], ClientMetadata: { from: 'spring' } })
  t.match(signed, {
    UserConfirmed: false,
    UserSub: /^[\da-f-]{36}$/,
    CodeDeliveryDetails: { AttributeName: 'email', DeliveryMedium: 'EMAIL', Destination: 'm***@e***' },
  })
  const { UserSub = '' } = signed
  t.match(cognito.outbox.messages, [
    { medium: 'email', to: email, purpose: 'sign-up', subject: 'Your verification code', username: UserSub },
  ])
  t.equal(cognito.outbox.messages[0]?.text, `Your confirmation code is ${lastCode()}`)
  t.strictSame(cognito.triggerCalls[0]?.event, {
    version: '1',
    region: 'eu-central-1',
    userPoolId,
    userName: UserSub,
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: 'web' },
    triggerSource: 'PreSignUp_SignUp',
    request: {
      userAttributes: { phone_number: phone.Value, email },
      validationData: null,
      clientMetadata: { from: 'spring' },
    },
    response: { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false },
  })
  await t.rejects(signIn(cognito.url, email), { name: 'UserNotConfirmedException', message: 'User is not confirmed.' })

  await confirm(lastCode(), 'Mara@Example.com')
  t.strictSame(sources(), ['PreSignUp_SignUp', 'PostConfirmation_ConfirmSignUp'])
  t.match(cognito.triggerCalls[1]?.event, {
    userName: UserSub,
    request: { userAttributes: { sub: UserSub, email_verified: 'true', 'cognito:user_status': 'CONFIRMED' } },
    response: {},
  })
  const again = { name: 'NotAuthorizedException', message: 'User cannot be confirmed. Current status is CONFIRMED' }
  await t.rejects(confirm(lastCode()), again)
  const resend = new ResendConfirmationCodeCommand({ ClientId: 'web', Username: email })
  await t.rejects(client.send(resend), { name: 'InvalidParameterException', message: 'User is already confirmed.' })
  t.match(cognito.user(userPoolId, UserSub), { username: UserSub, status: 'CONFIRMED', attributes: { sub: UserSub } })
})

t.test('a trigger may confirm the sign-up itself; one after it may fail and undoes nothing', async (t) => {
  const auto = await start(t, { PreSignUp: () => ({ autoConfirmUser: true, autoVerifyEmail: true }) })
  const { UserConfirmed, UserSub = '' } = await auto.signUp()
  t.equal(UserConfirmed, true)
  t.match(auto.cognito.user(userPoolId, UserSub), { status: 'CONFIRMED', attributes: { email_verified: 'true' } })
  t.strictSame(auto.sources(), ['PreSignUp_SignUp', 'PostConfirmation_ConfirmSignUp'])
  t.equal(auto.cognito.outbox.messages.length, 0)

  const failing = await start(t, {
    PostConfirmation: () => {
      throw new Error('the welcome mail is down')
    },
  })
  const { UserSub: name = '' } = await failing.signUp()
  await t.rejects(failing.confirm(failing.lastCode()), {
    name: 'UserLambdaValidationException',
    message: 'PostConfirmation failed with error the welcome mail is down.',
  })
  t.match(failing.cognito.user(userPoolId, name), { status: 'CONFIRMED' })
})

t.test(
  'in a pool with aliases an unconfirmed user is found by address, and the address may be taken over',
  async (t) => {
    const aliases: Partial<UserPool> = { aliasAttributes: ['email'], fixed: {} }
    const { client, cognito, signUp, confirm, lastCode } = await start(t, {}, aliases)
    const UserAttributes = [{ Name: 'email', Value: email }]
    await t.rejects(signUp(email), {
      message: 'Username cannot be of email format, since user pool is configured for email alias.',
    })
    await signUp('mara-1', { UserAttributes })
    await t.rejects(signUp('MARA-1', { UserAttributes }), { message: 'User already exists' })
    await confirm(lastCode())
    t.match(cognito.user(userPoolId, 'mara-1'), { status: 'CONFIRMED', attributes: { email_verified: 'true' } })

    await signUp('mara-2', { UserAttributes })
    const name = { Username: 'mara-2', ConfirmationCode: lastCode() }
    await t.rejects(confirm(name.ConfirmationCode, name.Username), {
      name: 'AliasExistsException',
      message: 'An account with the email already exists.',
    })
    await client.send(new ConfirmSignUpCommand({ ClientId: 'web', ...name, ForceAliasCreation: true }))
    t.match(cognito.user(userPoolId, 'mara-1')?.attributes, { email_verified: 'false' })
    t.match(cognito.user(userPoolId, 'mara-2'), { status: 'CONFIRMED', attributes: { email_verified: 'true' } })
  },
)

t.test(
  'USER_SRP_AUTH is refused where the client does not have it, for a wrong password, and in the states that need more',
  async (t) => {
    const { cognito, client, member } = await start(t)
    const username = await member()
    const begin = (ClientId: string) =>
      client.send(
        new InitiateAuthCommand({
          AuthFlow: 'USER_SRP_AUTH',
          ClientId,
          AuthParameters: { USERNAME: email, SRP_A: 'abc' },
        }),
      )
    await t.rejects(begin('closed'), { message: 'USER_SRP_AUTH is not enabled for the client.' })
    t.match(await begin('legacy'), { ChallengeName: 'PASSWORD_VERIFIER' })
    const refused = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' }
    await t.rejects(signIn(cognito.url, email, 'Wrong-horse-1'), refused)
    await t.rejects(signIn(cognito.url, 'nobody@example.com'), refused)
    const user = cognito.user(userPoolId, username)
    if (!user) throw new Error('there is no user')
    cognito.putUser(userPoolId, { ...user, status: 'RESET_REQUIRED' })
    await t.rejects(signIn(cognito.url, email), { name: 'PasswordResetRequiredException' })
    cognito.putUser(userPoolId, { ...user, enabled: false })
    await t.rejects(signIn(cognito.url, email), { message: 'User is disabled.' })
  },
)

t.test(
  'a password alone asks no trigger of custom authentication, and its ID token is valid by the key set',
  async (t) => {
    const { cognito, member, sources } = await start(t)
    const username = await member()
    const reply = await signIn(cognito.url, email)
    if (reply.kind !== 'tokens') throw new Error(`asked for ${reply.factor}`)
    t.strictSame(sources().slice(2), ['PostAuthentication_Authentication', 'TokenGeneration_Authentication'])
    const verifier = CognitoJwtVerifier.create({ userPoolId, clientId: 'web', tokenUse: 'id' })
    const keySet = await fetch(`${cognito.url}/${userPoolId}/.well-known/jwks.json`)
    verifier.cacheJwks((await keySet.json()) as Parameters<typeof verifier.cacheJwks>[0])
    t.match(await verifier.verify(reply.idToken), { sub: username, 'cognito:username': username, email_verified: true })
  },
)

t.test('SMS after the password: a wrong code may be typed again, but not for ever', async (t) => {
  const { cognito, client, member, lastCode } = await start(t)
  const username = await member(email, { UserAttributes: [phone] })
  const user = cognito.user(userPoolId, username)
  if (!user) throw new Error('there is no user')
  cognito.putUser(userPoolId, { ...user, mfa: ['SMS_MFA'], preferredMfa: 'SMS_MFA' })
  const asked = await signIn(cognito.url, email)
  if (asked.kind !== 'code') throw new Error('no code was asked for')
  t.equal(asked.factor, 'SMS_MFA')
  t.match(cognito.outbox.messages.at(-1), { medium: 'sms', to: phone.Value, purpose: 'mfa', code: /^\d{6}$/ })
  const mismatch = { name: 'CodeMismatchException', message: 'Invalid code or auth state for the user.' }
  await t.rejects(asked.send(wrong(lastCode())), mismatch)
  t.match(await asked.send(lastCode()), { kind: 'tokens' })
  t.match(cognito.user(userPoolId, username)?.attributes, { phone_number_verified: 'true' }, 'the number is proven')

  const begun = await client.send(
    new InitiateAuthCommand({
      AuthFlow: 'USER_PASSWORD_AUTH',
      ClientId: 'web',
      AuthParameters: { USERNAME: email, PASSWORD: Password },
    }),
  )
  t.match(begun.ChallengeParameters, { CODE_DELIVERY_DESTINATION: '+********5017', USER_ID_FOR_SRP: username })
  const respond = (SMS_MFA_CODE: string) =>
    client.send(
      new RespondToAuthChallengeCommand({
        ClientId: 'web',
        ChallengeName: 'SMS_MFA',
        Session: begun.Session,
        ChallengeResponses: { USERNAME: email, SMS_MFA_CODE },
      }),
    )
  for (let attempt = 1; attempt <= 5; attempt += 1) await t.rejects(respond(wrong(lastCode())), mismatch)
  await t.rejects(respond(lastCode()), { name: 'NotAuthorizedException' }, 'the session is spent')
})

t.test(
  'an authenticator app is set up with a code of it, and asked for after the password; also before a passkey',
  async (t) => {
    const { clock, cognito, client, member, sources } = await start(t, defineByPassword)
    await member()
    const first = await signIn(cognito.url, email)
    if (first.kind !== 'tokens') throw new Error('a code was asked for')
    const { accessToken: AccessToken } = first
    await t.rejects(client.send(new VerifySoftwareTokenCommand({ AccessToken, UserCode: '123456' })), {
      name: 'InvalidParameterException',
    })
    const prefer = new SetUserMFAPreferenceCommand({
      AccessToken,
      SoftwareTokenMfaSettings: { Enabled: true, PreferredMfa: true },
    })
    await t.rejects(client.send(prefer), {
      message: 'User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA',
    })
    const { SecretCode = '' } = await client.send(new AssociateSoftwareTokenCommand({ AccessToken }))
    const code = () => totpCode(SecretCode, clock.at)
    await t.rejects(client.send(new VerifySoftwareTokenCommand({ AccessToken, UserCode: wrong(code()) })), {
      name: 'EnableSoftwareTokenMFAException',
      message: 'Code mismatch',
    })
    t.match(await client.send(new VerifySoftwareTokenCommand({ AccessToken, UserCode: code() })), { Status: 'SUCCESS' })
    await client.send(prefer)
    t.equal(cognito.authenticatorCode(userPoolId, String(decodeJwt(first.idToken)['cognito:username'])), code())

    const asked = await signIn(cognito.url, email)
    if (asked.kind !== 'code') throw new Error('no code was asked for')
    t.equal(asked.factor, 'SOFTWARE_TOKEN_MFA')
    await t.rejects(asked.send(wrong(code())), {
      name: 'CodeMismatchException',
      message: 'Invalid code received for user',
    })
    t.match(await asked.send(code()), { kind: 'tokens' })

    const from = sources().length
    const inFlow = await signIn(cognito.url, email, Password, 'CUSTOM_AUTH')
    if (inFlow.kind !== 'code') throw new Error('no code was asked for')
    t.match(await inFlow.send(code()), { kind: 'tokens' })
    const sessions = cognito.triggerCalls
      .slice(from)
      .map(({ event }) => event as TriggerEvent)
      .filter(({ triggerSource }) => triggerSource.startsWith('Define'))
      .map(({ request: { session = [] } }) => session.map(({ challengeName }) => challengeName))
    t.strictSame(
      sessions,
      [['SRP_A'], ['SRP_A', 'PASSWORD_VERIFIER', 'SOFTWARE_TOKEN_MFA']],
      'Define is asked once Cognito has what it asks for itself',
    )
  },
)

t.test(
  'a forgotten password: nobody is told apart, a wrong code changes nothing, a right one sets another password',
  async (t) => {
    const { cognito, client, member, lastCode, sources } = await start(t)
    await member()
    const sent = cognito.outbox.messages.length
    const forgot = (Username: string) => client.send(new ForgotPasswordCommand({ ClientId: 'web', Username }))
    const reset = (ConfirmationCode: string, Username = email, password = 'Another-horse-2') =>
      client.send(new ConfirmForgotPasswordCommand({ ClientId: 'web', Username, ConfirmationCode, Password: password }))
    t.match(await forgot('nobody@example.com'), { CodeDeliveryDetails: { Destination: 'n***@e***' } })
    t.equal(cognito.outbox.messages.length, sent, 'though nothing is sent')
    await t.rejects(reset('123456', 'nobody@example.com'), { name: 'CodeMismatchException' })
    await t.rejects(reset('123456'), { name: 'ExpiredCodeException' }, 'none was asked for')

    t.match(await forgot(email), { CodeDeliveryDetails: { AttributeName: 'email', Destination: 'm***@e***' } })
    t.match(cognito.outbox.messages.at(-1), { purpose: 'forgot-password', text: /^Your password reset code is \d{6}$/ })
    const code = lastCode()
    await t.rejects(reset(wrong(code)), { name: 'CodeMismatchException' })
    await t.rejects(reset(code, email, 'weak'), { name: 'InvalidPasswordException' })
    t.match(await signIn(cognito.url, email), { kind: 'tokens' }, 'the old one still opens')
    await reset(code)
    t.equal(sources().at(-1), 'PostConfirmation_ConfirmForgotPassword')
    await t.rejects(signIn(cognito.url, email), { name: 'NotAuthorizedException' })
    t.match(await signIn(cognito.url, email, 'Another-horse-2'), { kind: 'tokens' })
    await t.rejects(reset(code), { name: 'ExpiredCodeException' }, 'a code works once')
  },
)

import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
  type InitiateAuthCommandOutput,
  RespondToAuthChallengeCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from 'amazon-cognito-identity-js'
import t from 'tap'
import { isUserPoolId } from '../src/ids.js'
import {
  ACTIONS_ALIAS,
  actionCaller,
  FUNCTION_ARN,
  GATEWAY_ACCOUNT,
  gateway as gatewayPrincipal,
  PSEUDONYM_KEY_PARAMETER,
} from '../src/local/accounts.js'
import { allows, type IssuedCredentials, type PolicyDocument, type Principal } from '../src/local/aws/identity.js'
import type { RecordedCall } from '../src/local/aws/server.js'
import { useFastPowers } from '../src/local/clients/big-integer.js'
import type { AppClient, NewUser } from '../src/local/cognito/index.js'
import { inProcess } from '../src/local/lambda/index.js'
import { basicCredential, hostedArn, type TenantSetup } from '../src/local/world/tenants.js'
import { decideLogin } from '../src/triggers/define-auth-challenge.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from './fixtures/events.js'
import { type GatewayOptions, type Line, startGateway, type Teardown } from './fixtures/gateway.js'
import { tenantFile } from './fixtures/tenants.js'

/*
 * Every pitfall of the published sample Lambdas (2a: their Define beside those of its peers; S1 to S28: Lambda by Lambda)
 * and of its peers, as our guarantee. Whole decision tables are in test/triggers, test/actions and test/tenant: here is
 * the case that went wrong elsewhere.
 *
 * Rows of the peers' table that have no counterpart here:
 * - Authsignal's long-lived AWS keys in the environment, OwnID's IAM user keys at onboarding: no setting and no config
 *   field can hold a key; what our calls are signed with is tested under S25.
 * - Authsignal's dummy password from Math.random(), its dummy phone number: no user is ever created (tested as a row).
 * - APA's example that turns enumeration protection off: a setting of a demo stack; ours sets up no customer pool.
 * - SaaS Factory's constant session name: the same as S25. Authsignal's Define: the same as S1 and S2.
 */

/** Nothing of ours prints: whatever goes round the logger would land in CloudWatch too. */
const prints = (['log', 'info', 'warn', 'error', 'debug'] as const).map((method) => t.capture(console, method))

useFastPowers()

const REGION = 'eu-central-1'
const PROJECT = 'pro-1001'
const LOGIN_FAILED = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' }
const PUBLIC_TEXT = 'Sign-in with a passkey is not available right now.'

/** What must never be seen outside; all that the helpers below send is added. */
const secrets = new Set<string>()
const secret = (text: string) => {
  secrets.add(text)
  return text
}
/** What callers and end users got to see of a failure. */
const shown: string[] = []

const EMAIL = secret('ada.canary@acme.example')
const PHONE = secret('+4915199900011')
const PASSWORD = secret('canary horse Battery 1!')
const API_SECRET = secret('corbado1_canary-api-secret')
secret(basicCredential(PROJECT, API_SECRET))

type FileChanges = Parameters<typeof tenantFile>[0]

interface TestTenant {
  readonly userPoolId: string
  readonly clientId: string
  readonly username: string
  readonly alias: string
  readonly file: ReturnType<typeof tenantFile>
}

/** The gateway, its embedded world, and everything that a client, Corbado or an attacker does with them. */
async function startWorld(t: Teardown, options: GatewayOptions = {}) {
  const gateway = await startGateway(t, { env: { PSEUDONYM_KEY_PARAMETER }, ...options })
  const { stack } = gateway
  const issued: IssuedCredentials[] = []
  const sessions = { ttlMs: Number.POSITIVE_INFINITY }
  const issue = stack.identity.issue
  stack.identity.issue = (principal, ttlMs) => {
    const credentials = issue(principal, Math.min(ttlMs, sessions.ttlMs))
    for (const text of [credentials.secretAccessKey, credentials.sessionToken]) secret(text)
    issued.push(credentials)
    return credentials
  }
  secret(process.env.AWS_SECRET_ACCESS_KEY ?? '')
  secret(process.env.AWS_SESSION_TOKEN ?? '')
  const client = new CognitoIdentityProviderClient({ endpoint: stack.cognito.url, region: REGION, maxAttempts: 1 })
  const lambdaClients: LambdaClient[] = []
  t.teardown(() => {
    client.destroy()
    for (const one of lambdaClients) one.destroy()
  })
  let count = 0

  /** A tenant with a pool, a project and one user of its own. */
  async function addTenant(
    { aws, ...changes }: NonNullable<FileChanges> = {},
    setup: Partial<TenantSetup> = {},
    user: Partial<NewUser> = {},
  ): Promise<TestTenant> {
    count += 1
    const id = String(count).padStart(4, '0')
    const file = tenantFile({
      tenantId: `tenant-${id}`,
      customer: `customer-${id}`,
      alias: `t-${id}`,
      userPoolId: `${aws?.region ?? REGION}_Pool${id}`,
      ...changes,
      aws: { accountId: `11112222${id}`, externalId: `external-id-${id}`, ...aws },
    })
    const clientOf = (name: string, preventUserExistenceErrors: boolean): AppClient => ({
      clientId: `${name}${id}`,
      preventUserExistenceErrors,
      allowCustomAuth: true,
    })
    const clients = [clientOf('client', true), clientOf('legacy', false)]
    await gateway.addTenant(file, { apiSecret: API_SECRET, clients, ...setup })
    const tenant = { ...file, clientId: `client${id}`, username: secret(`ada-canary-user-${id}`), file }
    const attributes = { email: EMAIL, phone_number: PHONE, ...user.attributes }
    stack.cognito.putUser(tenant.userPoolId, { username: tenant.username, password: PASSWORD, ...user, attributes })
    return tenant
  }

  const sign = async (project: string, username: string, overrides = {}) =>
    secret(await stack.corbado.sign(project, username, overrides))
  const proofOf = ({ file, username }: TestTenant) => sign(file.corbado.projectId, username)

  const begin = ({ clientId }: TestTenant, username: string, parameters: Record<string, string> = {}) =>
    client.send(
      new InitiateAuthCommand({
        AuthFlow: 'CUSTOM_AUTH',
        ClientId: clientId,
        AuthParameters: { USERNAME: username, ...parameters },
      }),
    )

  /** Answers the challenge that a login waits for. */
  async function answer(
    { clientId }: TestTenant,
    { Session, ChallengeName, ChallengeParameters }: InitiateAuthCommandOutput,
    ANSWER: string,
    metadata: Record<string, string> = {},
  ) {
    const command = new RespondToAuthChallengeCommand({
      ClientId: clientId,
      ChallengeName,
      Session,
      ChallengeResponses: { USERNAME: ChallengeParameters?.USERNAME ?? '', ANSWER },
      ClientMetadata: metadata,
    })
    const output = await client.send(command)
    for (const token of [output.AuthenticationResult?.AccessToken, output.AuthenticationResult?.IdToken]) {
      if (token !== undefined) secret(token)
    }
    return output
  }

  const signIn = async (tenant: TestTenant, proof: string, username = tenant.username) =>
    answer(tenant, await begin(tenant, username), proof)

  /** What a client does that starts with SRP_A and knows the password; ends where the passkey is asked for. */
  function passwordSignIn({ userPoolId, clientId }: TestTenant, Username: string, Password = PASSWORD) {
    const Pool = new CognitoUserPool({ UserPoolId: userPoolId, ClientId: clientId, endpoint: stack.cognito.url })
    const user = new CognitoUser({ Username, Pool })
    user.setAuthenticationFlowType('CUSTOM_AUTH')
    return new Promise<{ asked: 'tokens' | 'passkey'; prove: (proof: string) => Promise<'tokens' | 'passkey'> }>(
      (resolve, reject) => {
        const prove = (proof: string) =>
          new Promise<'tokens' | 'passkey'>((onAnswer, onFailure) =>
            user.sendCustomChallengeAnswer(proof, {
              onSuccess: () => onAnswer('tokens'),
              customChallenge: () => onAnswer('passkey'),
              onFailure,
            }),
          )
        user.authenticateUser(new AuthenticationDetails({ Username, Password }), {
          onSuccess: () => resolve({ asked: 'tokens', prove }),
          customChallenge: () => resolve({ asked: 'passkey', prove }),
          onFailure: reject,
        })
      },
    )
  }

  const act = async (tenant: TestTenant, payload: Record<string, string>, remainingMs = 6_000) => {
    const answered = await gateway.action({ userPoolId: tenant.userPoolId, ...payload }, { remainingMs })
    shown.push(JSON.stringify({ ...answered, body: { ...answered.body, identifier: undefined } }))
    return answered
  }
  const preLogin = (tenant: TestTenant, identifier: string, remainingMs?: number) => {
    if (identifier.trim().length > 5 && identifier.trim() !== tenant.username) secret(identifier.trim())
    return act(tenant, { action: 'pre-login', identifier }, remainingMs)
  }
  const postAppend = (tenant: TestTenant, username = tenant.username) =>
    act(tenant, { action: 'post-append', username })

  /** Sends one trigger event of this tenant's pool. */
  const trigger = (tenant: TestTenant, event: Record<string, unknown>) =>
    gateway.trigger({ ...event, userPoolId: tenant.userPoolId, userName: tenant.username })
  const responseOf = async (answered: Promise<Record<string, unknown>>) =>
    (await answered).response as Record<string, unknown>
  const define = (tenant: TestTenant, session: unknown, request = {}) =>
    responseOf(trigger(tenant, defineEvent(session, request)))
  const verify = async (tenant: TestTenant, proof: string, request = {}) => {
    const privateChallengeParameters = { cognitoID: tenant.username, nonce: secret(`canary-nonce-${secrets.size}`) }
    gateway.take()
    const event = verifyEvent(proof, { privateChallengeParameters, ...request })
    const { answerCorrect } = await responseOf(trigger(tenant, event))
    return { answerCorrect, line: lastOf(gateway.take()) }
  }

  /** Invokes the function as an IAM principal that its own account lets do anything. */
  async function invokeAs(principal: Omit<Principal, 'policies'>, arn: string, payload: object) {
    const policies = [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }] as const
    const credentials = stack.credentialsFor({ ...principal, policies })
    const lambda = new LambdaClient({ endpoint: stack.lambda.url, region: REGION, maxAttempts: 1, credentials })
    lambdaClients.push(lambda)
    const command = new InvokeCommand({ FunctionName: arn, Payload: JSON.stringify(payload) })
    const { Payload, FunctionError } = await lambda.send(command)
    return { FunctionError, answer: JSON.parse(Payload?.transformToString() ?? '') }
  }

  const answerOf = (event: unknown) => (event as { response: Record<string, unknown> }).response
  /** What Cognito got back from a trigger, oldest first. */
  const triggerAnswers = (name: string, { userPoolId }: TestTenant) =>
    stack.cognito.triggerCalls
      .filter(({ event }) => {
        const { triggerSource, userPoolId: pool } = event as { triggerSource: string; userPoolId: string }
        return triggerSource.startsWith(name) && pool === userPoolId
      })
      .map((call) => ({ ...call, response: answerOf(call.answer ?? { response: {} }) }))

  /** The calls that a stand-in gets while something runs. */
  async function callsOf(standIn: { readonly calls: RecordedCall[] }, run: () => Promise<unknown>) {
    const before = standIn.calls.length
    await run()
    return standIn.calls.slice(before)
  }

  return {
    ...{ gateway, stack, issued, sessions, addTenant, sign, proofOf, begin, answer, signIn, passwordSignIn },
    ...{ preLogin, postAppend, trigger, define, verify, invokeAs, triggerAnswers, callsOf },
  }
}

const lastOf = (lines: Line[]) => lines.at(-1) ?? { level: 'none', msg: 'none' }
const own = (challengeResult: boolean, challengeMetadata = OWN) => ({
  challengeName: 'CUSTOM_CHALLENGE',
  challengeResult,
  challengeMetadata,
})
const cognitos = (challengeName: string, challengeResult = true) => ({
  challengeName,
  challengeResult,
  challengeMetadata: null,
})
const DENIED = { issueTokens: false, failAuthentication: true }
const ASKED = { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false }
const TOKENS = { issueTokens: true, failAuthentication: false }

/** The error that a call ends with; remembered, since a user saw it. */
async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof Error)) throw error
    shown.push(JSON.stringify(error, Object.getOwnPropertyNames(error)))
    return error
  }
  throw new Error('nothing was refused')
}

const tokensOf = ({ AuthenticationResult }: InitiateAuthCommandOutput) => AuthenticationResult?.AccessToken
const settledWith = (results: readonly PromiseSettledResult<InitiateAuthCommandOutput>[]) =>
  results.filter((one) => one.status === 'fulfilled' && tokensOf(one.value) !== undefined).length

t.test('the pitfalls', async (t) => {
  const world = await startWorld(t)
  const { gateway, stack, addTenant, sign, proofOf, begin, answer, signIn, define, verify, preLogin } = world
  const acme = await addTenant()
  const passwordFirst = { login: { flow: 'password-then-passkey' } } as const

  /* ---- 2a: one table, nine implementations ---- */

  t.test('2a SRP_A alone never yields tokens, nor a challenge in a passkey-only pool', async (t) => {
    const start = { CHALLENGE_NAME: 'SRP_A', SRP_A: 'abc' }
    t.match(await refusal(begin(acme, acme.username, start)), LOGIN_FAILED)
    t.strictSame(await define(acme, [cognitos('SRP_A')]), DENIED)
    t.match(lastOf(gateway.take()), { outcome: 'fail', reason: 'foreign_challenge' })

    const tenant = await addTenant(passwordFirst)
    const asked = await begin(tenant, tenant.username, start)
    t.match(asked, { ChallengeName: 'PASSWORD_VERIFIER', AuthenticationResult: undefined })
    const skipped = { ...asked, ChallengeName: 'CUSTOM_CHALLENGE' as const }
    t.match(await refusal(answer(tenant, skipped, await proofOf(tenant))), { name: 'NotAuthorizedException' })
  })

  t.test('2a a verified password without a passkey never yields tokens', async (t) => {
    t.match(await refusal(world.passwordSignIn(acme, acme.username)), LOGIN_FAILED)

    const tenant = await addTenant(passwordFirst)
    t.match(await refusal(world.passwordSignIn(tenant, tenant.username, 'wrong')), LOGIN_FAILED)
    const login = await world.passwordSignIn(tenant, tenant.username)
    t.equal(login.asked, 'passkey')
    t.equal(await login.prove('no proof'), 'passkey')
    t.equal(await login.prove(await proofOf(tenant)), 'tokens', 'both together do')
  })

  t.test('2a ten wrong answers end the login at maxAttempts, and not before', async (t) => {
    for (const maxAttempts of [3, 10]) {
      const tenant = await addTenant({ login: { maxAttempts } })
      let challenge = await begin(tenant, tenant.username)
      for (let wrong = 1; wrong < maxAttempts; wrong += 1) challenge = await answer(tenant, challenge, 'wrong')
      t.equal(challenge.ChallengeName, 'CUSTOM_CHALLENGE', `still asked after ${maxAttempts - 1}`)
      t.match(await refusal(answer(tenant, challenge, 'wrong')), LOGIN_FAILED)
      t.match(lastOf(gateway.take()), { outcome: 'fail', reason: 'attempts_exhausted' })
      const late = answer(tenant, challenge, await proofOf(tenant))
      t.match(await refusal(late), { name: 'NotAuthorizedException' }, 'a right answer comes too late')
    }
  })

  t.test('2a ten wrong answers and then a right one never yield tokens; fewer than maxAttempts may', async (t) => {
    const wrong = (times: number) => Array.from({ length: times }, () => own(false))
    t.strictSame(await define(acme, [...wrong(10), own(true)]), DENIED)
    t.strictSame(await define(acme, [...wrong(3), own(true)]), DENIED, 'the default is three')
    t.strictSame(await define(acme, [...wrong(2), own(true)]), TOKENS)
    const tenant = await addTenant({ login: { maxAttempts: 10 } })
    t.strictSame(await define(tenant, [...wrong(10), own(true)]), DENIED)
    const challenge = await answer(tenant, await begin(tenant, tenant.username), 'wrong')
    t.type(tokensOf(await answer(tenant, challenge, await proofOf(tenant))), 'string')
  })

  /* ---- 2b: Define and Create ---- */

  t.test('S1 an accepted challenge that is not ours never yields tokens', async (t) => {
    const tenant = await addTenant()
    // The customer's own Lambdas, left behind in the pool, say yes to everything.
    const functionArn = `arn:aws:lambda:${REGION}:${tenant.file.aws.accountId}:function:old-otp`
    const responses: Record<string, object> = {
      Create: { publicChallengeParameters: { a: 'b' }, privateChallengeParameters: {}, challengeMetadata: 'OTP' },
      Verify: { answerCorrect: true },
    }
    const runner = inProcess(async (event) => {
      const { triggerSource } = event as { triggerSource: string }
      return { ...(event as object), response: responses[triggerSource.slice(0, 6)] }
    })
    stack.lambda.putFunction({ functionArn, aliases: [], runner })
    const statement = { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' } as const
    stack.lambda.putPolicy(functionArn, { Version: '2012-10-17', Statement: [statement] })
    const { userPoolId } = tenant
    const { accountId, region } = tenant.file.aws
    stack.cognito.putPool({
      ...{ userPoolId, accountId, region, aliasAttributes: [] },
      clients: [{ clientId: tenant.clientId, preventUserExistenceErrors: true, allowCustomAuth: true }],
      lambdaConfig: {
        DefineAuthChallenge: hostedArn(tenant.alias),
        CreateAuthChallenge: functionArn,
        VerifyAuthChallengeResponse: functionArn,
      },
    })
    const challenge = await begin(tenant, tenant.username)
    t.match(await refusal(answer(tenant, challenge, 'anything')), LOGIN_FAILED)
    t.match(world.triggerAnswers('Verify', tenant).at(-1)?.response, { answerCorrect: true }, 'it was accepted')
    t.match(lastOf(gateway.take()), { reason: 'foreign_challenge' })
    for (const name of ['SRP_A', 'PASSWORD_VERIFIER', 'SMS_MFA', 'EMAIL_OTP', 'WEB_AUTHN', 'DEVICE_SRP_AUTH']) {
      t.strictSame(await define(acme, [cognitos(name)]), DENIED, name)
      t.strictSame(await define(acme, [own(true), cognitos(name)]), DENIED, `${name} after ours`)
    }
  })

  t.test('S2 an attacker who keeps answering costs at most maxAttempts calls to Corbado', async (t) => {
    const tenant = await addTenant()
    const strangers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => sign(PROJECT, `stranger-${name}`)))
    const calls = await world.callsOf(stack.corbado, async () => {
      let challenge = await begin(tenant, tenant.username)
      const keepAnswering = async () => {
        for (const proof of strangers) challenge = await answer(tenant, challenge, proof)
      }
      t.match(await refusal(keepAnswering()), LOGIN_FAILED)
    })
    t.equal(calls.length, 3)
    const fifty = Array.from({ length: 50 }, () => own(false))
    t.strictSame(await define(tenant, fifty), DENIED)
    t.match(lastOf(gateway.take()), { reason: 'session_too_long' })
  })

  t.test(
    'S3 a refusal says so, no acceptance of an unknown user counts, and metadata that is not ours fails',
    async (t) => {
      t.strictSame(await define(acme, [own(true)], { userNotFound: true }), DENIED)
      t.match(lastOf(gateway.take()), { reason: 'inconsistent_session' })
      for (const metadata of [null, '', 'OTP', `X${OWN}`, `${OWN}X`, `${OWN}\nx`, ` ${OWN}`, OWN.toLowerCase()]) {
        t.strictSame(await define(acme, [{ ...own(true), challengeMetadata: metadata }]), DENIED, String(metadata))
      }
      t.strictSame(await define(acme, [own(true)], { userNotFound: false }), TOKENS)
    },
  )

  t.test('S4 an answer belongs to one challenge of one login: the same proof never opens a second', async (t) => {
    const proof = await proofOf(acme)
    const logins = await Promise.all([1, 2, 3].map(() => begin(acme, acme.username)))
    const results = await Promise.allSettled(logins.map((login) => answer(acme, login, proof)))
    t.equal(settledWith(results), 1, 'of three at the same time')
    t.match(await signIn(acme, proof), { ChallengeName: 'CUSTOM_CHALLENGE' }, 'nor one that comes later')
    t.match(gateway.take().at(-3), { trigger: 'verify-auth-challenge-response', reason: 'invalid_challenge' })
    const created = world.triggerAnswers('Create', acme).map(({ response }) => response.privateChallengeParameters)
    const nonces = created.map((one) => (one as { nonce: string }).nonce)
    t.equal(new Set(nonces).size, nonces.length, 'every challenge has a nonce of its own')
    for (const nonce of nonces) secret(nonce)
  })

  t.test('S4 an unknown user gets a challenge that looks like anybody’s', async (t) => {
    const [known, unknown] = [await begin(acme, acme.username), await begin(acme, 'no-such-canary')]
    const shape = ({ ChallengeName, ChallengeParameters }: InitiateAuthCommandOutput) => ({
      ...{ ChallengeName, ...ChallengeParameters },
      USERNAME: 0,
    })
    t.strictSame(shape(unknown), shape(known))
  })

  t.test(
    'S5 create fills in its response and changes nothing else; its private parameters reach no line',
    async (t) => {
      const event = createEvent([own(false)], { newKeyOfCognito: { a: 1 } })
      const answered = await gateway.trigger({ ...event, userPoolId: acme.userPoolId, userName: acme.username })
      t.strictSame(
        { ...answered, response: event.response },
        { ...event, userPoolId: acme.userPoolId, userName: acme.username },
      )
      const { privateChallengeParameters } = answered.response as { privateChallengeParameters: Record<string, string> }
      t.strictSame(Object.keys(privateChallengeParameters).sort(), ['cognitoID', 'flowId', 'nonce'])
      t.notMatch(gateway.text(), privateChallengeParameters.nonce)
      t.notMatch(gateway.text(), acme.username)
    },
  )

  /* ---- 2b: Verify ---- */

  t.test('S6 a proof is in no line, used or not, and nor is the user it belongs to', async (t) => {
    const unused = await sign('pro-999', acme.username)
    gateway.take()
    t.equal((await verify(acme, unused)).answerCorrect, false)
    await signIn(acme, await proofOf(acme))
    t.ok(gateway.text().includes('"trigger":"verify-auth-challenge-response"'), 'there are lines')
    for (const text of [unused, unused.slice(-40), EMAIL, PHONE, acme.username]) t.notOk(gateway.text().includes(text))
  })

  t.test('S7 a Corbado that hangs is given up in time, and a login refused is not a login lost', async (t) => {
    const proof = await proofOf(acme)
    await stack.corbado.setFault({ kind: 'hang' })
    const event = verifyEvent(proof, { privateChallengeParameters: { cognitoID: acme.username } })
    const pending = gateway.trigger(
      { ...event, userPoolId: acme.userPoolId, userName: acme.username },
      { remainingMs: 700 },
    )
    t.match(await pending, { response: { answerCorrect: false } })
    t.match(lastOf(gateway.take()), { level: 'error', reason: 'backend_timeout' })
    await stack.corbado.setFault(undefined)
    t.type(tokensOf(await signIn(acme, await proofOf(acme))), 'string')
  })

  t.test('S8 logins share their connection to Corbado', async (t) => {
    const calls = await world.callsOf(stack.corbado, async () => {
      for (let login = 0; login < 3; login += 1) await signIn(acme, await proofOf(acme))
    })
    t.equal(calls.length, 3)
    t.equal(new Set(calls.map(({ connection }) => connection)).size, 1)
  })

  t.test('S9 a rotated API secret is taken up without a restart, and 401s do not make a storm of reads', async (t) => {
    const projectId = 'pro-3001'
    const tenant = await addTenant({ corbado: { projectId } })
    t.type(tokensOf(await signIn(tenant, await proofOf(tenant))), 'string')
    const rotated = secret('corbado1_canary-rotated')
    stack.corbado.rotateSecret(projectId, rotated)
    const reads = await world.callsOf(stack.ssm, async () => {
      for (let i = 0; i < 5; i += 1) {
        const { answerCorrect, line } = await verify(tenant, await proofOf(tenant))
        t.match({ answerCorrect, line }, { answerCorrect: false, line: { reason: 'backend_unauthorized' } })
      }
    })
    t.equal(reads.length, 1, 'five refusals, one look')
    stack.ssm.put(tenant.file.corbado.credentialParameter, secret(basicCredential(projectId, rotated)))
    gateway.clock.advance(29_999)
    t.equal((await verify(tenant, await proofOf(tenant))).answerCorrect, false, 'not asked again within 30 s')
    gateway.clock.advance(1)
    const calls = await world.callsOf(stack.corbado, async () => {
      t.type(tokensOf(await signIn(tenant, await proofOf(tenant))), 'string')
    })
    t.equal(calls.length, 2, 'the proof that met the 401 is unspent and goes again')
  })

  t.test('S10 what failed has a reason of its own, and a fault never looks like a wrong answer', async (t) => {
    const seen = new Map<string, unknown>()
    const faults = [
      ['status', 401, 'backend_unauthorized'],
      ['status', 429, 'backend_rate_limited'],
      ['status', 503, 'backend_unavailable'],
      ['status', 400, 'backend_rejected'],
      ['garbage', 0, 'backend_malformed'],
      ['reset', 0, 'backend_unavailable'],
      ['refuse', 0, 'backend_unavailable'],
    ] as const
    for (const [kind, status, reason] of faults) {
      const proof = await proofOf(acme)
      await stack.corbado.setFault(kind === 'status' ? { kind, status } : { kind })
      const { answerCorrect, line } = await verify(acme, proof)
      t.match({ answerCorrect, line }, { answerCorrect: false, line: { level: 'error', reason } }, `${kind} ${status}`)
      seen.set(reason, line.level)
    }
    await stack.corbado.setFault(undefined)
    const tampered = secret((await proofOf(acme)).replace(/.{20}$/, 'AAAAAAAAAAAAAAAAAAAA'))
    const verdicts = [
      [await sign(PROJECT, 'someone-else'), 'user_mismatch'],
      [tampered, 'invalid_signature'],
    ] as const
    for (const [proof, reason] of verdicts) {
      const { answerCorrect, line } = await verify(acme, proof)
      t.match({ answerCorrect, line }, { answerCorrect: false, line: { level: 'info', reason, err: undefined } })
      seen.set(reason, line.level)
    }
    t.equal(seen.size, 7)
  })

  t.test('S10 a login that meets a fault gets another try, never tokens', async (t) => {
    await stack.corbado.setFault({ kind: 'status', status: 503 })
    const challenge = await signIn(acme, await proofOf(acme))
    t.match(challenge, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
    await stack.corbado.setFault(undefined)
    t.type(tokensOf(await answer(acme, challenge, await proofOf(acme))), 'string')
  })

  t.test(
    'S11 another project’s proof for the same user name is refused without a call, and so is an old one',
    async (t) => {
      const other = await addTenant({ corbado: { projectId: 'pro-3002' } })
      const calls = await world.callsOf(stack.corbado, async () => {
        const foreign = await signIn(acme, await sign(other.file.corbado.projectId, acme.username))
        t.match(foreign, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
        t.match(gateway.take().at(-3), { reason: 'wrong_project' })
        const exp = Math.floor(gateway.clock.now() / 1_000) - 62
        t.match((await verify(acme, await sign(PROJECT, acme.username, { exp }))).line, { reason: 'expired' })
      })
      t.strictSame(calls, [])
    },
  )

  t.test('S11 another project’s secret in a tenant’s parameter vouches for no user', async (t) => {
    const projectId = 'pro-3003'
    const tenant = await addTenant({ corbado: { projectId } })
    const { credentialParameter } = tenant.file.corbado
    stack.ssm.put(credentialParameter, basicCredential(PROJECT, API_SECRET))
    const calls = await world.callsOf(stack.corbado, async () => {
      const { answerCorrect, line } = await verify(tenant, await sign(projectId, tenant.username))
      t.equal(answerCorrect, false)
      t.match(line, { level: 'error', reason: 'secret_wrong_project' })
    })
    t.strictSame(calls, [])
  })

  t.test(
    'S12 a genuine proof for a user whom Cognito does not know is refused, at the cost of a real one',
    async (t) => {
      const nobody = 'nobody-canary-1'
      const calls = await world.callsOf(stack.corbado, async () => {
        const challenge = await signIn(acme, await sign(PROJECT, nobody), nobody)
        t.match(challenge, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
      })
      t.equal(calls.length, 1)
      t.match(world.triggerAnswers('Verify', acme).at(-1), {
        event: { request: { userNotFound: true } },
        response: { answerCorrect: false },
      })
      t.match(gateway.take().at(-3), { reason: 'user_not_found' })
    },
  )

  t.test(
    'S13 a proof counts for the very user name that pre-login gave, however the user is called else',
    async (t) => {
      const tenant = await addTenant(
        {},
        { aliasAttributes: ['email'] },
        {
          attributes: { sub: 'sub-of-ada', email_verified: 'true' },
        },
      )
      for (const name of [EMAIL, 'sub-of-ada', tenant.username.toUpperCase()]) {
        const refused = await signIn(tenant, await sign(PROJECT, name), EMAIL)
        t.match(refused, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined }, name)
        t.match(gateway.take().at(-3), { reason: 'user_mismatch' })
      }
      const { body } = await preLogin(tenant, EMAIL)
      t.strictSame(body, { identifier: tenant.username })
      t.type(tokensOf(await signIn(tenant, await sign(PROJECT, String(body.identifier)), EMAIL)), 'string')
    },
  )

  /* ---- 2b: the pre-login action ---- */

  t.test('S14 who is not found by name is looked for by attribute', async (t) => {
    const email = secret('new.canary@acme.example')
    stack.cognito.putUser(acme.userPoolId, {
      username: 'new-1',
      status: 'FORCE_CHANGE_PASSWORD',
      attributes: { email, email_verified: 'false' },
    })
    t.strictSame((await preLogin(acme, 'unknown.canary@acme.example')).body, {
      identifier: '',
      error: { return: true, code: 'user_not_found', message: 'There is no account for this entry.' },
    })
    const { body } = await preLogin(acme, email)
    t.strictSame(body, { identifier: '', error: { return: false, code: 'force_change_password' } })
  })

  t.test('S15 no word of AWS’s, no account, role or ARN reaches an end user or a line', async (t) => {
    const tenant = await addTenant({
      actions: { preLogin: { texts: { untyped: 'Please use your password.' } }, postAppend: { mfa: 'sms' } },
    })
    const { roleArn, externalId, accountId } = tenant.file.aws
    const trust = trustOf(externalId ?? '')
    stack.sts.putRole({ roleArn: roleArn ?? '', trust, policies: [] })
    gateway.take()
    const answered = await preLogin(tenant, 'someone.canary@acme.example')
    t.strictSame(answered.body, {
      identifier: '',
      error: { return: true, code: 'untyped', message: 'Please use your password.' },
    })
    const line = lastOf(gateway.take())
    t.match(line, { level: 'error', reason: 'role_permission_missing', upstreamErrorType: 'AccessDeniedException' })
    const appended = await world.postAppend(tenant)
    t.match(appended, { statusCode: 502, body: { code: 'GW_ERR_UPSTREAM_DENIED', message: PUBLIC_TEXT } })
    const leak = new RegExp(`arn:|is not authorized|${accountId}|corbado/corbado|${GATEWAY_ACCOUNT}`)
    for (const text of [JSON.stringify(answered), JSON.stringify(appended), JSON.stringify(line)])
      t.notMatch(text, leak)
  })

  t.test(
    'S16 if the tenant wishes it, the end user cannot tell an unknown account from one that may not sign in',
    async (t) => {
      const silent = { preLogin: { unknownUser: 'silent' }, postAppend: { mfa: 'sms' } } as const
      const tenant = await addTenant({ actions: silent })
      const users: NewUser[] = [
        { username: 'disabled.canary', enabled: false },
        { username: 'temporary.canary', status: 'FORCE_CHANGE_PASSWORD' },
      ]
      for (const user of users) stack.cognito.putUser(tenant.userPoolId, user)
      for (const identifier of ['unknown.canary', 'disabled.canary', 'temporary.canary', '', 'not a name']) {
        const { statusCode, body } = await preLogin(tenant, identifier)
        const { code, ...visible } = body.error as Record<string, unknown>
        t.strictSame(
          { statusCode, identifier: body.identifier, visible },
          { statusCode: 200, identifier: '', visible: { return: false } },
        )
        t.type(code, 'string')
      }
      const challenges = await Promise.all(['unknown.canary', tenant.username].map((name) => begin(tenant, name)))
      t.equal(challenges[0]?.ChallengeName, challenges[1]?.ChallengeName)
    },
  )

  t.test('S17 quotes and backslashes in an identifier stay part of the value', async (t) => {
    const email = String.raw`o"hara\canary@acme.example`
    const tenant = await addTenant({ limits: { listUsersPerSecond: 25 } })
    const user = { status: 'FORCE_CHANGE_PASSWORD', attributes: { email } }
    stack.cognito.putUser(tenant.userPoolId, { username: 'ohara-1', ...user })
    t.match((await preLogin(tenant, email)).body, { error: { code: 'force_change_password' } })
    const hostile = [
      'x"',
      '"',
      '\\',
      '\\"',
      `"or(email^="a`,
      `${EMAIL}"`,
      `"||"${EMAIL}`,
      `email="${EMAIL}`,
      '*',
      'a"\\',
    ]
    for (const identifier of hostile) {
      t.match((await preLogin(tenant, identifier)).body, { error: { code: 'user_not_found' } }, identifier)
    }
    const calls = await world.callsOf(stack.cognito, async () => {
      for (const identifier of ['', ' ', 'a b', 'tab\tbed', 'nul\0', 'x'.repeat(129), 'line\nbreak']) {
        t.match((await preLogin(tenant, identifier)).body, { error: { code: 'user_not_found' } })
      }
    })
    t.strictSame(calls, [], 'what cannot be a name costs the customer nothing')
  })

  t.test('S18 of several users with one e-mail none is guessed, even if the first could sign in', async (t) => {
    const tenant = await addTenant({
      actions: { preLogin: { acceptAttributeMatch: true }, postAppend: { mfa: 'sms' } },
    })
    const { body } = await preLogin(tenant, EMAIL)
    t.strictSame(body, { identifier: tenant.username }, 'one is no guess')
    stack.cognito.putUser(tenant.userPoolId, { username: 'zoe-1', attributes: { email: EMAIL.toUpperCase() } })
    stack.cognito.setEmptyPages(tenant.userPoolId, 1)
    gateway.take()
    t.strictSame((await preLogin(tenant, EMAIL)).body, {
      identifier: '',
      error: { return: true, code: 'untyped', message: PUBLIC_TEXT },
    })
    t.match(lastOf(gateway.take()), { outcome: 'refused', reason: 'ambiguous_identifier' })
  })

  t.test('S19 a status that we did not foresee is answered with the tenant’s words, not its name', async (t) => {
    for (const status of ['UNCONFIRMED', 'EXTERNAL_PROVIDER', 'COMPROMISED', 'ARCHIVED', 'UNKNOWN', 'NEW_IN_2030']) {
      stack.cognito.putUser(acme.userPoolId, { username: `status.${status}`, status })
      const { statusCode, body } = await preLogin(acme, `status.${status}`)
      t.strictSame(
        { statusCode, body },
        {
          statusCode: 200,
          body: { identifier: '', error: { return: true, code: 'untyped', message: PUBLIC_TEXT } },
        },
      )
    }
  })

  t.test(
    'S20 names are found by phone number, preferred name or e-mail, whatever their case and the spaces around',
    async (t) => {
      const found = async (
        attribute: 'email' | 'phone_number' | 'preferred_username',
        value: string,
        typed: string,
      ) => {
        const preLogins = { identifierAttribute: attribute, acceptAttributeMatch: true }
        const tenant = await addTenant({ actions: { preLogin: preLogins, postAppend: { mfa: 'none' } } })
        stack.cognito.putUser(tenant.userPoolId, { username: 'found-1', attributes: { [attribute]: value } })
        return (await preLogin(tenant, typed)).body
      }
      t.match(await found('phone_number', '+4915112300001', '+491511230000'), { error: { code: 'user_not_found' } })
      t.strictSame(await found('phone_number', '+4915112300001', ' +4915112300001 '), { identifier: 'found-1' })
      t.strictSame(await found('preferred_username', 'Canary-Jörg', 'canary-JÖRG'), { identifier: 'found-1' })
      t.strictSame(await found('email', 'Äda.Canary@acme.example', '\täda.canary@ACME.example\n'), {
        identifier: 'found-1',
      })
      t.strictSame((await preLogin(acme, ` ${acme.username} `)).body, { identifier: acme.username })
    },
  )

  t.test('S21 a flood of unknown identifiers cannot use up the customer’s ListUsers quota', async (t) => {
    const tenant = await addTenant({ limits: { listUsersPerSecond: 2 } })
    gateway.take()
    const calls = await world.callsOf(stack.cognito, async () => {
      // With so little time none waits for its turn.
      const flood = Array.from({ length: 30 }, (_, i) => preLogin(tenant, `flood.canary.${i}@acme.example`, 650))
      const codes = (await Promise.all(flood)).map(({ body }) => (body.error as { code: string }).code)
      t.ok(codes.every((code) => code === 'user_not_found' || code === 'untyped'))
    })
    const lists = calls.filter(({ operation }) => operation === 'ListUsers').length
    const limited = gateway.take().filter(({ reason }) => reason === 'list_users_rate_limited').length
    t.strictSame({ lists, limited }, { lists: 2, limited: 28 })
    gateway.clock.advance(500)
    t.match((await preLogin(tenant, 'later.canary@acme.example')).body, { error: { code: 'user_not_found' } })
  })

  /* ---- 2b: the post-append action ---- */

  t.test('S22 the second factor is the tenant’s choice, and one that a user cannot have is no error', async (t) => {
    const outcomes = {
      none: { mfa: [] },
      sms: { mfa: ['SMS_MFA'], preferredMfa: 'SMS_MFA' },
      email: { mfa: ['EMAIL_OTP'], preferredMfa: 'EMAIL_OTP' },
      'software-token': { mfa: [] },
    } as const
    for (const mfa of ['none', 'sms', 'email', 'software-token'] as const) {
      const tenant = await addTenant({ actions: { postAppend: { mfa } } })
      t.strictSame(await world.postAppend(tenant), { statusCode: 200, body: {} }, mfa)
      t.match(stack.cognito.user(tenant.userPoolId, tenant.username), outcomes[mfa], mfa)
    }
    t.match(lastOf(gateway.take()), { reason: 'factor_not_possible' }, 'no authenticator was set up')

    const tenant = await addTenant({ actions: { postAppend: { mfa: 'sms' } } })
    stack.cognito.putUser(tenant.userPoolId, {
      username: 'mfa-1',
      mfa: ['SOFTWARE_TOKEN_MFA'],
      attributes: { phone_number: PHONE },
    })
    t.strictSame(await world.postAppend(tenant, 'mfa-1'), { statusCode: 200, body: {} })
    t.strictSame(stack.cognito.user(tenant.userPoolId, 'mfa-1')?.mfa, ['SOFTWARE_TOKEN_MFA'], 'never weakened')
    stack.cognito.putUser(tenant.userPoolId, { username: 'nophone-1' })
    t.strictSame(await world.postAppend(tenant, 'nophone-1'), { statusCode: 200, body: {} })
  })

  t.test(
    'S23 an action’s body is an object, whether it went well or not, with no error text of anybody else’s',
    async (t) => {
      t.strictSame(Object.keys((await world.postAppend(acme, 'no-such-canary-2')).body).sort(), [
        'code',
        'message',
        'requestId',
      ])
      const tenant = await addTenant()
      await stack.cognito.setFault({ kind: 'status', status: 500 })
      const faulty = await world.postAppend(tenant)
      await stack.cognito.setFault(undefined)
      t.match(faulty, { statusCode: 503, body: { code: 'GW_ERR_UPSTREAM_UNAVAILABLE', message: PUBLIC_TEXT } })
      t.notMatch(JSON.stringify(faulty), 'Injected')
      t.strictSame(await world.postAppend(tenant), { statusCode: 200, body: {} })
    },
  )

  /* ---- 2b: STS and clients ---- */

  t.test('S24 two tenants at the same time never share credentials, secret or project', async (t) => {
    const tenants = [
      await addTenant({ corbado: { projectId: 'pro-3010' } }, { apiSecret: secret('corbado1_canary-one') }),
      await addTenant({ corbado: { projectId: 'pro-3011' } }, { apiSecret: secret('corbado1_canary-two') }),
    ]
    const admin = await world.callsOf(stack.cognito, () =>
      Promise.all(
        Array.from({ length: 20 }, (_, i) => tenants[i % 2]).flatMap((one) => (one ? [preLogin(one, EMAIL)] : [])),
      ),
    )
    t.equal(admin.length > 20, true)
    for (const { principal, input } of admin) {
      const { UserPoolId } = input as { UserPoolId: string }
      const tenant = tenants.find(({ userPoolId }) => userPoolId === UserPoolId)
      t.match(principal, `:${tenant?.file.aws.accountId}:assumed-role/corbado-${UserPoolId}/`)
    }
    const calls = await world.callsOf(stack.corbado, async () => {
      const logins = [...tenants, ...tenants, ...tenants].map(async (one) => signIn(one, await proofOf(one)))
      t.equal(settledWith(await Promise.allSettled(logins)), 6)
    })
    for (const { principal, input } of calls) {
      const { username } = input as { username: string }
      t.equal(principal, tenants.find((one) => one.username === username)?.file.corbado.projectId)
    }
  })

  t.test(
    'S25 a role is assumed with the tenant’s ExternalId, under the pool’s name, for its one pool and no more',
    async (t) => {
      const tenant = await addTenant()
      const { roleArn, externalId, accountId } = tenant.file.aws
      const wide: PolicyDocument = {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
      }
      stack.sts.putRole({ roleArn: roleArn ?? '', trust: trustOf('somebody-elses'), policies: [wide] })
      t.match((await preLogin(tenant, EMAIL)).body, { error: { code: 'untyped' } }, 'the trust asks for another one')
      t.match(lastOf(gateway.take()), { reason: 'sts_denied' })

      stack.sts.putRole({ roleArn: roleArn ?? '', trust: trustOf(externalId ?? ''), policies: [wide] })
      gateway.clock.advance(10_000)
      const calls = await world.callsOf(stack.sts, () => preLogin(tenant, tenant.username))
      t.match(calls, [
        { input: { RoleArn: roleArn, ExternalId: externalId, RoleSessionName: `corbado-${tenant.userPoolId}` } },
      ])
      t.equal(calls.length, 1)
      const { principal, accessKeyId } = lastSession(world.issued)
      t.equal(principal.arn.endsWith(`/corbado-${tenant.userPoolId}`), true, 'what the customer’s CloudTrail shows')
      t.match(accessKeyId, /^ASIA/, 'temporary')
      const arn = `arn:aws:cognito-idp:${REGION}:${accountId}:userpool/`
      t.equal(allows(principal, 'cognito-idp:AdminGetUser', `${arn}${tenant.userPoolId}`), true)
      t.equal(
        allows(principal, 'cognito-idp:AdminGetUser', `${arn}${REGION}_Other0001`),
        false,
        'another pool of the account',
      )
      for (const action of ['AdminDeleteUser', 'AdminCreateUser', 'AdminSetUserPassword', 'AdminInitiateAuth']) {
        t.equal(allows(principal, `cognito-idp:${action}`, `${arn}${tenant.userPoolId}`), false, action)
      }
      t.equal(allows(principal, 'sts:AssumeRole', roleArn ?? ''), false)
    },
  )

  t.test('S26 twenty calls of a cold process assume the role once', async (t) => {
    const tenant = await addTenant()
    const calls = await world.callsOf(stack.sts, async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => preLogin(tenant, tenant.username)))
      for (const { body } of answers) t.strictSame(body, { identifier: tenant.username })
    })
    t.equal(calls.length, 1)
  })

  t.test('S26 credentials are renewed long before they expire, and no call meets the expiry', async (t) => {
    const tenant = await addTenant()
    const assumed = () =>
      world.callsOf(stack.sts, async () => {
        t.strictSame((await preLogin(tenant, tenant.username)).body, { identifier: tenant.username })
      })
    t.equal((await assumed()).length, 1)
    gateway.clock.advance(49 * 60_000)
    t.equal((await assumed()).length, 0, 'eleven minutes left')
    gateway.clock.advance(6 * 60_000)
    t.equal((await assumed()).length, 1, 'five minutes left')
    gateway.clock.advance(6 * 60_000)
    const calls = await world.callsOf(stack.cognito, assumed)
    t.equal(calls.length, 1, 'the first ones have expired, and no call tried them')
  })

  t.test('S26 credentials that AWS calls expired too early are replaced within the same call, once', async (t) => {
    const tenant = await addTenant()
    await preLogin(tenant, tenant.username)
    gateway.clock.advance(31_000)
    Object.assign(lastSession(world.issued), { expiresAt: gateway.clock.now() })
    const calls = await world.callsOf(stack.sts, async () => {
      t.strictSame((await preLogin(tenant, tenant.username)).body, { identifier: tenant.username })
    })
    t.equal(calls.length, 1)
    Object.assign(lastSession(world.issued), { expiresAt: gateway.clock.now() })
    const again = await world.callsOf(stack.sts, async () => {
      t.match((await preLogin(tenant, tenant.username)).body, { error: { code: 'untyped' } })
    })
    t.equal(again.length, 0, 'not twice in 30 s')
  })

  t.test('S27 a pool in another region is asked there, and its events are served', async (t) => {
    const tenant = await addTenant({ aws: { region: 'us-west-2' } })
    t.strictSame((await preLogin(tenant, tenant.username)).body, { identifier: tenant.username })
    t.type(tokensOf(await signIn(tenant, await proofOf(tenant))), 'string')
    const elsewhere = await refusal(world.trigger(tenant, defineEvent([])))
    t.match(elsewhere.message, /^Sign-in with a passkey is not set up correctly\. \(ref /, 'and from nowhere else')
  })

  t.test('S28 only Corbado runs an action: no HTTP request without a signature, no customer, no pool', async (t) => {
    const payload = { action: 'pre-login', userPoolId: acme.userPoolId, identifier: acme.username }
    const path = `/v1/pools/${acme.userPoolId}/actions/pre-login`
    const http = {
      ...{ version: '2.0', rawPath: path, headers: { 'content-type': 'application/json' } },
      ...{ body: JSON.stringify(payload), requestContext: { http: { method: 'POST', path } } },
    }
    const calls = await world.callsOf(stack.cognito, async () => {
      const answered = await gateway.trigger(http, { arn: `${FUNCTION_ARN}:${ACTIONS_ALIAS}` })
      t.match(answered, { statusCode: 401, body: /GW_ERR_CALLER_UNSIGNED/ })
      const arn = `${FUNCTION_ARN}:${ACTIONS_ALIAS}`
      const {
        userPoolId,
        file: { aws },
      } = acme
      t.match(await refusal(world.invokeAs(customerAdmin(aws.accountId), arn, payload)), {
        name: 'AccessDeniedException',
      })
      const source = { sourceArn: poolArnOf(acme), sourceAccount: aws.accountId }
      const event = { ...defineEvent([]), userPoolId }
      t.match(await stack.lambda.invokeAsCognito(arn, event, source), { failed: 'AccessDeniedException' })
      t.match(await stack.lambda.invokeAsCognito(hostedArn(acme.alias), payload, source), {
        payload: { statusCode: 403, body: { code: 'GW_ERR_INVOCATION_WRONG_ALIAS' } },
      })
    })
    t.strictSame(calls, [])
    const { answer } = await world.invokeAs(actionCaller, `${FUNCTION_ARN}:${ACTIONS_ALIAS}`, payload)
    t.strictSame(answer, { statusCode: 200, body: { identifier: acme.username } })
  })

  t.test('trust of userPoolId: an alias lets in its own pools through Cognito, and no other caller', async (t) => {
    const globex = await addTenant()
    const arn = hostedArn(globex.alias)
    const event = { ...defineEvent([]), userPoolId: globex.userPoolId }
    for (const { aws } of [acme.file, globex.file]) {
      const forged = world.invokeAs(customerAdmin(aws.accountId), arn, event)
      t.match(await refusal(forged), { name: 'AccessDeniedException' }, 'not even the pool’s own account')
    }
    const own = { sourceArn: poolArnOf(globex), sourceAccount: globex.file.aws.accountId }
    const sources = [
      { ...own, sourceArn: poolArnOf(acme) },
      { sourceArn: poolArnOf(acme), sourceAccount: acme.file.aws.accountId },
      { ...own, sourceAccount: acme.file.aws.accountId },
      { ...own, sourceArn: `${own.sourceArn}x` },
    ]
    for (const source of sources) {
      t.match(await stack.lambda.invokeAsCognito(arn, event, source), { failed: 'AccessDeniedException' })
    }
    t.match(await stack.lambda.invokeAsCognito(arn, event, own), { payload: { response: ASKED } })
  })

  t.test('trust of userPoolId: whom one alias lets in cannot speak for a pool behind another', async (t) => {
    const careless = await addTenant()
    const arn = hostedArn(careless.alias)
    const { accountId } = careless.file.aws
    stack.lambda.putPolicy(arn, {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: '*', Resource: '*' },
      ],
    })
    const forge = (tenant: TestTenant, event: Record<string, unknown>) =>
      world.invokeAs(customerAdmin(accountId), arn, {
        ...event,
        userPoolId: tenant.userPoolId,
        userName: tenant.username,
      })
    t.match(await forge(careless, defineEvent([])), { FunctionError: undefined }, 'the policy lets it in')
    const calls = await world.callsOf(stack.corbado, async () => {
      for (const event of [
        defineEvent([own(true)]),
        createEvent([]),
        verifyEvent(await proofOf(acme)),
        triggerEvent('PreSignUp_SignUp'),
      ]) {
        gateway.take()
        t.match(await forge(acme, event), { FunctionError: 'Unhandled', answer: { errorMessage: /not set up/ } })
        t.match(lastOf(gateway.take()), { reason: 'tenant_wrong_alias', alias: careless.alias })
      }
    })
    t.strictSame(calls, [])
  })

  /* ---- 2c: the peers ---- */

  t.test('peer Authsignal start-sign-in: no action creates or changes a user for a stranger', async (t) => {
    const tenant = await addTenant()
    const calls = await world.callsOf(stack.cognito, async () => {
      for (const identifier of ['stranger.canary@acme.example', '+4915199900099', 'stranger-canary']) {
        t.match((await preLogin(tenant, identifier)).body, { identifier: '' })
      }
      t.match(await world.postAppend(tenant, 'stranger-canary'), { statusCode: 404 })
    })
    const operations = new Set(calls.map(({ operation }) => operation))
    t.strictSame([...operations].sort(), ['AdminGetUser', 'ListUsers'])
  })

  t.test('peer AuthKit and Authsignal: ids stay unguessable when Math.random is not', async (t) => {
    const random = Math.random
    t.teardown(() => (Math.random = random))
    Math.random = () => 0.5
    const ids = new Set<string>()
    for (let i = 0; i < 20; i += 1) for (const id of await newIds(acme)) ids.add(id)
    t.equal(ids.size, 40)
  })

  t.test('peer APA sms-otp: random ids use all symbols and never repeat in 2,000', async (t) => {
    const ids: string[] = []
    for (let i = 0; i < 1_000; i += 1) ids.push(...(await newIds(acme)))
    t.equal(new Set(ids).size, 2_000)
    t.ok(
      ids.every((id) => /^[\w-]{22}$/.test(id)),
      '128 bits in base64url',
    )
    // The last character carries two bits only.
    for (let at = 0; at < 21; at += 1) t.equal(new Set(ids.map((id) => id[at])).size, 64, `symbols at ${at}`)
    t.equal(new Set(ids.map((id) => id[21])).size, 4)
  })

  async function newIds(tenant: TestTenant): Promise<[flowId: string, nonce: string]> {
    const { response } = await world.trigger(tenant, createEvent([]))
    const { challengeMetadata, privateChallengeParameters } = response as {
      challengeMetadata: string
      privateChallengeParameters: { nonce: string }
    }
    return [challengeMetadata.slice(OWN.length + 1), privateChallengeParameters.nonce]
  }

  t.test(
    'peer AuthKit and e-mail samples: metadata holds nothing that an answer could be made of, and no answer serves again',
    async (t) => {
      const first = await begin(acme, acme.username)
      const second = await answer(acme, first, 'wrong')
      const [one, two] = world
        .triggerAnswers('Create', acme)
        .slice(-2)
        .map(({ response }) => response)
      const nonceOf = (response: typeof one) =>
        String((response?.privateChallengeParameters as { nonce?: string } | undefined)?.nonce)
      t.match(one?.challengeMetadata, new RegExp(`^${OWN}\\.[\\w-]{22}$`))
      t.equal(two?.challengeMetadata, one?.challengeMetadata, 'one login, one flow id')
      t.not(nonceOf(two), nonceOf(one), 'but a nonce of its own for each challenge')
      const seen = JSON.stringify([one?.challengeMetadata, first, second])
      for (const text of [nonceOf(one), nonceOf(two), EMAIL, PHONE]) t.notOk(seen.includes(secret(text)))
      t.match(await refusal(answer(acme, first, await proofOf(acme))), { name: 'NotAuthorizedException' })
    },
  )

  t.test('peer APA common.ts: a pattern matches the whole of a text or not at all', async (t) => {
    const { userPoolId } = acme
    for (const id of [`${userPoolId}\n`, `x/${userPoolId}`, `${userPoolId}/..`, ` ${userPoolId}`, `a\n${userPoolId}`]) {
      t.equal(isUserPoolId(id), false, JSON.stringify(id))
      const error = await refusal(
        gateway.trigger({ ...defineEvent([]), userPoolId: id }, { arn: hostedArn(acme.alias) }),
      )
      t.match(error.message, /not set up correctly/)
    }
    for (const iss of ['xpro-999', 'pro-999x', 'pro-999\n']) {
      t.not((await verify(acme, await sign(PROJECT, acme.username, { iss }))).line.reason, 'wrong_project')
    }
    t.equal(isUserPoolId(userPoolId), true)
  })

  t.test('peer APA define: what a client sends along never changes a decision', async (t) => {
    const metadata = { signInMethod: 'MAGIC_LINK', flow: 'none', answerCorrect: 'true', challengeName: 'SMS_MFA' }
    const challenge = await answer(acme, await begin(acme, acme.username), 'wrong', metadata)
    t.match(challenge, { ChallengeName: 'CUSTOM_CHALLENGE' })
    t.match(
      world.triggerAnswers('Define', acme).at(-1)?.event,
      { request: { clientMetadata: metadata } },
      'it was there',
    )
    const sessions = [[], [own(false)], [own(true)], [own(false), own(false), own(false)], [cognitos('SRP_A')]]
    for (const session of sessions) {
      const plain = await define(acme, session)
      t.strictSame(await define(acme, session, { clientMetadata: metadata }), plain)
    }
  })

  t.test('peer APA pre-signup: no user is confirmed or verified on the way through', async (t) => {
    const response = { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false }
    for (const source of ['PreSignUp_SignUp', 'PreSignUp_AdminCreateUser', 'PreSignUp_ExternalProvider']) {
      const event = { ...triggerEvent(source, {}, { response }), userPoolId: acme.userPoolId }
      t.strictSame(await gateway.trigger(event), event)
    }
  })

  t.test('peer Duo: a user who leaves out SRP_A is not spared the password', async (t) => {
    const tenant = await addTenant(passwordFirst)
    t.match(await refusal(begin(tenant, tenant.username)), LOGIN_FAILED)
    t.match(lastOf(gateway.take()), { reason: 'unexpected_challenge' })
    t.strictSame(await define(tenant, [own(true)]), DENIED)
  })

  t.test('peer Duo: a decision has the very names that Cognito reads', async (t) => {
    for (const session of [[], [own(true)], [cognitos('SRP_A')]]) {
      const response = await define(acme, session)
      t.type(response.issueTokens, 'boolean')
      t.type(response.failAuthentication, 'boolean')
      const names = ['challengeName', 'issueTokens', 'failAuthentication']
      t.ok(Object.keys(response).every((name) => names.includes(name)))
    }
  })

  t.test('peer Duo: an unknown user is told nothing that a known one is not', async (t) => {
    const refusals = []
    for (const name of [acme.username, 'unknown-canary-3']) {
      let challenge = await begin(acme, name)
      for (let i = 0; i < 2; i += 1) challenge = await answer(acme, challenge, await sign(PROJECT, 'stranger'))
      const { name: error, message } = await refusal(answer(acme, challenge, 'wrong'))
      refusals.push({ error, message })
    }
    t.strictSame(refusals[1], refusals[0])
    t.match(refusals[0], { error: LOGIN_FAILED.name, message: LOGIN_FAILED.message })
    t.strictSame(await define(acme, [], { userNotFound: true }), await define(acme, [], { userNotFound: false }))
  })

  t.test('peer WebAuthn VerifyAuthChallenge: a captured proof is worth nothing afterwards', async (t) => {
    const proof = await proofOf(acme)
    t.type(tokensOf(await signIn(acme, proof)), 'string')
    const replayed = await signIn(acme, proof)
    t.match(replayed, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
    t.match(gateway.take().at(-3), { reason: 'invalid_challenge' })
    gateway.clock.advance(301_000 + 60_000)
    t.match((await verify(acme, proof)).line, { reason: 'expired' })
  })

  t.test('peer cognito-custom-authentication: a first call may bring an empty session, null, or none', async (t) => {
    for (const session of [[], null, undefined]) {
      t.strictSame(await define(acme, session), ASKED)
      t.match((await world.trigger(acme, createEvent(session))).response, { publicChallengeParameters: Object })
    }
    const state = { flow: 'passkey', maxAttempts: 3, passkeysOff: false, userNotFound: false } as const
    t.strictSame(decideLogin({ ...state, session: [], userStatus: undefined }), {
      kind: 'challenge',
      challengeName: 'CUSTOM_CHALLENGE',
    })
  })

  t.test('peer @middy/sts: credentials follow Expiration, not the time that was asked for', async (t) => {
    const tenant = await addTenant()
    world.sessions.ttlMs = 15 * 60_000
    t.teardown(() => (world.sessions.ttlMs = Number.POSITIVE_INFINITY))
    const assumed = () =>
      world.callsOf(stack.sts, async () => {
        t.strictSame((await preLogin(tenant, tenant.username)).body, { identifier: tenant.username })
      })
    t.equal((await assumed()).length, 1)
    gateway.clock.advance(4 * 60_000)
    t.equal((await assumed()).length, 0)
    gateway.clock.advance(6 * 60_000)
    t.equal((await assumed()).length, 1, 'five minutes before the end')
    gateway.clock.advance(15 * 60_000 + 30_000)
    t.equal((await world.callsOf(stack.cognito, assumed)).length, 1, 'those that have ended are not even tried')
  })

  t.test('peer @middy/sts: a role that changes is taken up without a restart', async (t) => {
    const tenant = await addTenant()
    await preLogin(tenant, tenant.username)
    const externalId = 'external-id-after-rotation'
    const { aws } = tenant.file
    await gateway.putConfig({ ...tenant.file, aws: { ...aws, externalId } })
    gateway.clock.advance(301_000)
    const calls = await world.callsOf(stack.sts, async () => {
      t.match(
        (await preLogin(tenant, tenant.username)).body,
        { error: { code: 'untyped' } },
        'the old session is not used',
      )
    })
    t.match(calls, [{ input: { ExternalId: externalId } }])
    t.equal(calls.length, 1)
  })

  t.test('peer SaaS logger: interleaved tenants never share a log field', async (t) => {
    const tenants = [await addTenant(), await addTenant(), await addTenant()]
    const expected = new Map<string, TestTenant>()
    gateway.take()
    const runs = Array.from({ length: 60 }, async (_, i) => {
      const tenant = tenants[i % 3] ?? acme
      const { userPoolId, username: userName } = tenant
      const requestId = `interleaved-${i}`
      expected.set(requestId, tenant)
      const proof = i % 2 === 0 ? 'wrong' : await proofOf(tenant)
      const events = [defineEvent([]), createEvent([]), verifyEvent(proof), { a: 'stranger' }]
      const callerContext = { clientId: tenant.clientId }
      const event = events[i % 4] ?? {}
      const named = 'a' in event ? event : { ...event, userPoolId, userName, callerContext }
      await gateway.trigger(named, { arn: hostedArn(tenant.alias), requestId }).catch(() => undefined)
    })
    await Promise.all(runs)
    const lines = gateway.take()
    t.equal(lines.length, 60)
    const pseudonyms = new Map<unknown, Set<unknown>>()
    for (const { requestId, tenantId, customer, userPoolId, alias, clientId, user, msg } of lines) {
      const tenant = expected.get(String(requestId))
      const file = msg === 'trigger' ? tenant?.file : undefined
      t.strictSame(
        { alias, tenantId, customer, userPoolId, clientId },
        {
          alias: tenant?.alias,
          tenantId: file?.tenantId,
          customer: file?.customer,
          userPoolId: file?.userPoolId,
          clientId: file && tenant?.clientId,
        },
      )
      if (file) pseudonyms.set(tenantId, (pseudonyms.get(tenantId) ?? new Set()).add(user))
      else t.equal(user, undefined, 'a stranger has no pseudonym')
    }
    const users = [...pseudonyms.values()].flatMap((each) => [...each])
    t.equal(users.length, 3, 'one user each, one pseudonym each')
    t.equal(new Set(users).size, 3)
  })

  t.test(
    'peer Lambda Web Adapter: a fault’s body never reaches Cognito’s text, and a fault is never a success',
    async (t) => {
      const tenant = await addTenant()
      await stack.table.setFault({ kind: 'status', status: 500 })
      const error = await refusal(begin(tenant, tenant.username))
      await stack.table.setFault(undefined)
      t.equal(error.name, 'UserLambdaValidationException')
      t.match(
        error.message,
        /^DefineAuthChallenge failed with error Sign-in with a passkey is not available right now\. \(ref [\w-]+\)\.$/,
      )

      stack.corbado.answerWith({ status: 500, body: { verificationResult: 'success', message: secret('canary-body') } })
      const refused = await signIn(tenant, await proofOf(tenant))
      t.match(refused, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
      stack.corbado.answerWith({ status: 200, body: { verificationResult: 'canary-body', success: true } })
      t.equal((await verify(tenant, await proofOf(tenant))).answerCorrect, false)
      stack.corbado.answerWith(undefined)
      t.notMatch(JSON.stringify(refused), 'canary-body')
    },
  )

  t.test('peer UserMigration: the password is in no log line and comes back in the event unchanged', async (t) => {
    const more = { userName: 'migrated-canary', userPoolId: acme.userPoolId }
    const request = { password: PASSWORD, validationData: { code: secret('canary-validation') }, clientMetadata: null }
    for (const source of ['UserMigration_Authentication', 'UserMigration_ForgotPassword']) {
      const event = triggerEvent(source, request, more)
      gateway.take()
      t.strictSame(await gateway.trigger(event), event)
      t.match(lastOf(gateway.take()), { level: 'info', trigger: 'user-migration', outcome: 'unchanged' })
    }
    const stranger = triggerEvent('UserMigration_Authentication', request, { userPoolId: `${REGION}_Unknown09` })
    t.strictSame(await gateway.trigger(stranger), stranger)
    await refusal(gateway.trigger(triggerEvent('UserMigration_Authentication', request, more), { arn: FUNCTION_ARN }))
    const odd = { ...triggerEvent('UserMigration_Authentication', request, more), region: 7, callerContext: null }
    t.strictSame(await gateway.trigger(odd), odd)
    t.notOk(gateway.text().includes(PASSWORD))
  })

  /* ---- last: over everything above ---- */

  t.test('S5, S6, S15: nothing secret of all that went through above was written, printed or shown', async (t) => {
    for (const { answer: answered } of stack.cognito.triggerCalls) {
      const { response = {} } = (answered ?? {}) as { response?: { privateChallengeParameters?: { nonce?: string } } }
      const { nonce } = response.privateChallengeParameters ?? {}
      if (nonce !== undefined) secret(nonce)
    }
    const lines = gateway.lines.length
    t.ok(lines > 500, `${lines} lines at trace level`)
    t.ok(secrets.size > 200, `${secrets.size} secrets`)
    t.ok(shown.length > 100, `${shown.length} answers and errors`)
    const written = gateway.text()
    const visible = shown.join('\n')
    const leaked = [...secrets].filter((text) => text.length > 5 && (written.includes(text) || visible.includes(text)))
    t.strictSame(leaked, [])
    t.strictSame(
      prints.flatMap((captured) => captured.args()),
      [],
      'nothing went round the logger',
    )
    t.notMatch(written, /\$\{|-----BEGIN|eyJ[\w-]{30}/, 'nor anything that looks like a token')
    t.notOk(gateway.lines.some(({ msg }) => msg === 'unlisted message'))
  })

  function lastSession(list: readonly IssuedCredentials[]): IssuedCredentials {
    const found = list.filter(({ principal }) => principal.sessionPolicy !== undefined).at(-1)
    if (!found) throw new Error('no role was assumed')
    return found
  }
})

const customerAdmin = (accountId: string) => ({ arn: `arn:aws:iam::${accountId}:role/admin`, accountId })
const poolArnOf = ({ file: { aws, userPoolId } }: TestTenant) =>
  `arn:aws:cognito-idp:${aws.region}:${aws.accountId}:userpool/${userPoolId}`

/** A customer's trust in our gateway, for an ExternalId. */
function trustOf(externalId: string): PolicyDocument {
  const Condition = { StringEquals: { 'sts:ExternalId': externalId } }
  const Principal = { AWS: gatewayPrincipal.roleArn ?? '' }
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }] }
}

t.test(
  'S7 within a whole login, a Corbado that hangs costs one delivery and one call: Cognito has no reason to repeat',
  async (t) => {
    const { stack, addTenant, signIn, answer, proofOf, triggerAnswers, callsOf } = await startWorld(t, {
      env: { PSEUDONYM_KEY_PARAMETER, TRIGGER_DEADLINE_MS: '700' },
    })
    const tenant = await addTenant()
    const proof = await proofOf(tenant)
    await stack.corbado.setFault({ kind: 'hang' })
    const calls = await callsOf(stack.corbado, async () => {
      const challenge = await signIn(tenant, proof)
      t.match(challenge, { ChallengeName: 'CUSTOM_CHALLENGE', AuthenticationResult: undefined })
      await stack.corbado.setFault(undefined)
      t.type(tokensOf(await answer(tenant, challenge, await proofOf(tenant))), 'string', 'the next answer is welcome')
    })
    t.equal(calls.length, 2)
    const deliveries = triggerAnswers('Verify', tenant).map(({ response }) => response.answerCorrect)
    t.strictSame(deliveries, [false, true])
  },
)

t.test('S7 a login that Cognito delivers twice uses its proof once, and passes', async (t) => {
  const { stack, addTenant, signIn, proofOf, triggerAnswers, callsOf, define } = await startWorld(t, {
    env: { PSEUDONYM_KEY_PARAMETER, TRIGGER_DEADLINE_MS: '4200' },
    triggerTimeoutMs: 1_000,
  })
  const tenant = await addTenant()
  await define(tenant, [])
  await stack.corbado.setFault({ kind: 'slow', ms: 1_500 })
  const calls = await callsOf(stack.corbado, async () => {
    t.type(tokensOf(await signIn(tenant, await proofOf(tenant))), 'string')
  })
  t.equal(calls.length, 1)
  const deliveries = triggerAnswers('Verify', tenant)
  t.equal(deliveries.length, 2)
  t.strictSame(deliveries[1]?.event, deliveries[0]?.event)
})

import t from 'tap'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { createHandler, type Handler, lambdaInvocation } from '../../src/invocation.js'
import { FUNCTION_ARN, GATEWAY_ACCOUNT, gateway as ownRole } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { type LoginStage, startLogin } from '../../src/local/clients/login.js'
import { createLogger } from '../../src/plugins/logger.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createTestClock } from '../fixtures/clock.js'
import { defineEvent } from '../fixtures/events.js'
import { CLIENT_ID, type Line, startGateway } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

/* A customer hosts the gateway for its own pool: one account, no role, no alias. */

const HOUR_MS = 3_600_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const EMAIL = 'ada@acme.example'
const PUBLIC = 'Sign-in with a passkey is not available right now.'

const clock = createTestClock()
const gateway = await startGateway(t, { clock, env: { SELF_HOSTED: 'true', ALLOW_UNQUALIFIED: 'true' } })
const { cognito, corbado, sts, identity, lambda } = gateway.stack
const lines = gateway.take

const file = tenantFile({
  actions: { preLogin: { acceptAttributeMatch: true }, postAppend: { mfa: 'sms' } },
  aws: { accountId: GATEWAY_ACCOUNT, roleArn: null, externalId: null },
})
const { userPoolId, aws, corbado: project } = file
const poolArn = `arn:aws:cognito-idp:${aws.region}:${aws.accountId}:userpool/${userPoolId}`
await gateway.addTenant(file)
wireUnqualified()
cognito.putUser(userPoolId, { username: USER, attributes: { email: EMAIL, phone_number: '+4989123456' } })

/** The pool's triggers name the function itself, whose own policy lets this pool in. */
function wireUnqualified(): void {
  const triggers = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
  cognito.putPool({
    userPoolId,
    accountId: aws.accountId,
    region: aws.region,
    lambdaConfig: Object.fromEntries(triggers.map((trigger) => [trigger, FUNCTION_ARN])),
    clients: [{ clientId: CLIENT_ID, preventUserExistenceErrors: true, allowCustomAuth: true }],
    aliasAttributes: [],
  })
  const [Principal, Condition] = [
    { Service: 'cognito-idp.amazonaws.com' },
    { ArnLike: { 'AWS:SourceArn': poolArn }, StringEquals: { 'AWS:SourceAccount': aws.accountId } },
  ]
  const statement = { Effect: 'Allow' as const, Principal, Action: 'lambda:InvokeFunction', Resource: FUNCTION_ARN }
  lambda.putPolicy(FUNCTION_ARN, { Version: '2012-10-17', Statement: [{ ...statement, Condition }] })
}

/** What the customer's own stack lets the function's role do to its pool; the hosted gateway's may not. */
function permitOwnPool(): void {
  const Action = ['AdminGetUser', 'ListUsers', 'AdminSetUserMFAPreference'].map((name) => `cognito-idp:${name}`)
  const own = identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')
  if (!own) throw new Error('The gateway has no credentials.')
  const policies = [
    ...ownRole.policies,
    { Version: '2012-10-17' as const, Statement: [{ Effect: 'Allow' as const, Action, Resource: poolArn }] },
  ]
  Object.assign(own, { principal: { ...own.principal, policies } satisfies Principal })
}

const preLogin = (identifier = USER) =>
  gateway.action({ action: 'pre-login', userPoolId, identifier }, { arn: FUNCTION_ARN })
const postAppend = () => gateway.action({ action: 'post-append', userPoolId, username: USER }, { arn: FUNCTION_ARN })
/** Signs in with the client that apps use; says where the login stands once the passkey was asked for and shown. */
async function login(proof: string): Promise<LoginStage> {
  const stage = await startLogin({ endpoint: cognito.url, userPoolId, clientId: CLIENT_ID, username: USER })
  return stage.kind === 'challenge' ? stage.answer(proof) : stage
}
const refusal = { statusCode: 200, body: { identifier: '', error: { return: true, code: 'untyped', message: PUBLIC } } }
const lastLine = (): Line => lines().at(-1) as Line

/** Who made the admin calls since an ordinal, and which. */
const adminCalls = (from: number) =>
  cognito.calls.slice(from).flatMap(({ operation, principal }) => (principal ? [[operation, principal]] : []))

t.test('the same record without SELF_HOSTED is refused as invalid, and no dependency is asked', async (t) => {
  const env = parseEnv({ LOG_LEVEL: 'trace', ...process.env, SELF_HOSTED: 'false' })
  const upstreams = createUpstreams(env, clock)
  const sink = createLogSink()
  const logger = createLogger(env.logLevel, sink)
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler: Handler = await createHandler(app)
  t.teardown(async () => {
    await app.close()
    await upstreams.close()
  })
  const invoke = (payload: object) =>
    handler(payload, {
      awsRequestId: 'request',
      invokedFunctionArn: FUNCTION_ARN,
      getRemainingTimeInMillis: () => 6_000,
    })
  const invalid = { level: 'error', reason: 'tenant_config_invalid', err: { code: 'GW_ERR_TENANT_CONFIG_INVALID' } }

  await t.rejects(invoke(defineEvent([], {}, { userPoolId })), { message: `${PUBLIC} (ref request)` })
  t.match(sink.take(), [{ outcome: 'fault', ...invalid }])
  t.strictSame(await invoke({ action: 'pre-login', userPoolId, identifier: USER }), refusal)
  t.match(sink.take(), [{ outcome: 'refused', ...invalid }])
  t.match(await invoke({ action: 'post-append', userPoolId, username: USER }), { statusCode: 502 })
  t.match(sink.take(), [{ outcome: 'fault', ...invalid }])
  t.strictSame([cognito.calls, corbado.calls, sts.calls], [[], [], []])
})

t.test("a permission that the function's own role lacks is named as such, and no role is assumed for it", async (t) => {
  lines()
  t.strictSame(await preLogin(), refusal)
  t.match(lastLine(), { level: 'error', outcome: 'refused', reason: 'role_permission_missing' })
  t.strictSame(adminCalls(0), [['AdminGetUser', ownRole.arn]])
  t.equal(sts.calls.length, 0)
})

t.test("a login, pre-login and post-append are served under the function's own credentials", async (t) => {
  permitOwnPool()
  // A missing permission is believed to be missing for a minute.
  clock.advance(60_000)
  const from = cognito.calls.length
  lines()

  t.strictSame(await preLogin(), { statusCode: 200, body: { identifier: USER } })
  t.match(lastLine(), { tenantId: file.tenantId, action: 'pre-login', outcome: 'found' })
  t.strictSame(await preLogin(EMAIL), { statusCode: 200, body: { identifier: USER } }, 'by a list of users too')

  lines()
  const proof = await corbado.sign(project.projectId, USER)
  t.match(await login(proof), { kind: 'tokens', username: USER })
  const steps = lines().map(({ trigger, outcome, alias }) => [trigger, outcome, alias])
  t.strictSame(steps, [
    ['define-auth-challenge', 'challenge', undefined],
    ['create-auth-challenge', 'created', undefined],
    ['verify-auth-challenge-response', 'correct', undefined],
    ['define-auth-challenge', 'tokens', undefined],
  ])
  t.equal((await login(proof)).kind, 'challenge', 'a proof that was used lets no user in')

  t.strictSame(await postAppend(), { statusCode: 200, body: {} })
  t.match(lastLine(), { action: 'post-append', outcome: 'factor_set' })
  t.match(cognito.user(userPoolId, USER), { preferredMfa: 'SMS_MFA' })

  t.strictSame(adminCalls(from), [
    ['AdminGetUser', ownRole.arn],
    ['AdminGetUser', ownRole.arn],
    ['ListUsers', ownRole.arn],
    ['AdminGetUser', ownRole.arn],
    ['AdminSetUserMFAPreference', ownRole.arn],
  ])
  t.equal(sts.calls.length, 0, 'no role was ever assumed')
})

t.test('an hour later, when a role would have to be assumed again, there is still none', async (t) => {
  clock.advance(HOUR_MS + 1_000)
  t.strictSame(await preLogin(), { statusCode: 200, body: { identifier: USER } })
  t.equal(sts.calls.length, 0)
})

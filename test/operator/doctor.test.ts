import { setImmediate } from 'node:timers/promises'
import type { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { createCall, systemClock } from '../../src/call.js'
import { findingsText } from '../../src/commands/doctor/report.js'
import { parseEnv } from '../../src/env.js'
import { upstreamError } from '../../src/errors.js'
import { fieldsOf } from '../../src/fields.js'
import type { UserPoolId } from '../../src/ids.js'
import {
  customerAdmin,
  doctor,
  doctorTrust,
  gateway,
  LOG_GROUP,
  operator,
  roleArnOf,
} from '../../src/local/accounts.js'
import type { PolicyDocument } from '../../src/local/aws/identity.js'
import type { Fault } from '../../src/local/aws/server.js'
import type { UserPool } from '../../src/local/cognito/index.js'
import { grantAlias, hostedArn, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import { retryFix } from '../../src/operator/attempt.js'
import { CHECKS, type Finding } from '../../src/operator/doctor/checks/finding.js'
import { checkClients } from '../../src/operator/doctor/checks/pool/clients.js'
import { checkForeign } from '../../src/operator/doctor/checks/pool/foreign.js'
import { checkNative } from '../../src/operator/doctor/checks/pool/native.js'
import { diagnose, examineAll } from '../../src/operator/doctor/index.js'
import { describeCustomerRole, USUAL_FEATURES } from '../../src/operator/role/role.js'
import { createTenantAppClients } from '../../src/tenant/app-clients.js'
import { type TenantFile, withDefaults } from '../../src/tenant/config.js'
import { createUserPool } from '../../src/upstreams/cognito.js'
import { createOperatorUpstreams, type TenantRecord } from '../../src/upstreams/operator.js'
import { client, neverInvoked, startDoctor } from '../commands/fixtures/doctor.js'
import { createGate } from '../commands/fixtures/gate.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { tenantFile } from '../fixtures/tenants.js'
import { startWorldTime } from '../fixtures/time.js'

const { stack, env, operatorEnv, run, place, deps, healthy, hosted, heal, poolWith } = await startDoctor(t)
const { region, functionArn } = place
const { accountId } = healthy.aws
const [roleArn, externalId] = [healthy.aws.roleArn ?? '', healthy.aws.externalId ?? '']
const poolArn = `arn:aws:cognito-idp:${region}:${accountId}:userpool/${healthy.userPoolId}`

/** Stands still, but that a pause between two app clients is over at once. */
const clock: typeof deps.clock = {
  ...deps.clock,
  after(ms, run) {
    if (ms <= 200) queueMicrotask(run)
    return () => undefined
  },
}
const examine = (file: TenantFile = healthy) => diagnose(file, { ...deps, clock })
const saidBy = (findings: readonly Finding[], state: Finding['state']) =>
  findings.filter((one) => one.state === state && one.dependsOn === undefined).map(({ check }) => check)
const found = (findings: readonly Finding[], check: string) => findings.find((one) => one.check === check)

const terms = {
  userPoolId: healthy.userPoolId,
  accountId,
  region,
  externalId,
  features: USUAL_FEATURES,
  gatewayRoleArn: roleArnOf(gateway),
  doctorRoleArn: roleArnOf(doctor),
}
const wanted = describeCustomerRole(terms)

const allow = (Action: string | string[], Resource = poolArn): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource }],
})
const needed = ['AdminGetUser', 'ListUsers', 'AdminSetUserMFAPreference'].map((name) => `cognito-idp:${name}`)
const checks = ['DescribeUserPool', 'DescribeUserPoolClient', 'ListUserPoolClients', 'GetUserPoolMfaConfig']
const allowedBut = (...missing: string[]) =>
  allow([...needed, ...checks.map((name) => `cognito-idp:${name}`)].filter((name) => !missing.includes(name)))

function roleWith(changes: { trust?: PolicyDocument; policies?: readonly PolicyDocument[] }): void {
  stack.sts.putRole({ roleArn, trust: wanted.trust, policies: [wanted.permissions], ...changes })
}
/** Two statements of a trust: the wanted one, and another with this condition. */
function trustAlso(condition: Record<string, Record<string, string>>): PolicyDocument {
  const [statement] = wanted.trust.Statement
  if (!statement) throw new Error('the role has a trust')
  return { Version: '2012-10-17', Statement: [statement, { ...statement, Condition: condition }] }
}
const aliasPolicy = (statement: object): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: hosted, ...statement }],
})
const basic = (text: string) => Buffer.from(text).toString('base64')
const { credentialParameter, projectId } = healthy.corbado
const session = { ...client, settings: { AuthSessionValidity: 10 } }
const passwordFirst: TenantFile = { ...healthy, login: { flow: 'password-then-passkey' } }
const withFactor = (mfa: TenantFile['actions']['postAppend']['mfa']): TenantFile => ({
  ...healthy,
  actions: { postAppend: { mfa } },
})
const withPostLogin: TenantFile = {
  ...healthy,
  actions: { ...healthy.actions, postLogin: { clientId: client.clientId } },
}
/** The same with an app client that has a secret, and a parameter for it. */
const clientSecret = 's3cr3tThatCognitoMade'
const clientSecretParameter = `/corbado/gateway/${healthy.userPoolId}/client-secret`
const withSecret: TenantFile = {
  ...healthy,
  actions: { ...healthy.actions, postLogin: { clientId: client.clientId, clientSecretParameter } },
}
const secretClient = { ...client, clientSecret }
/** Post-login as it should be but for what is stored, and what the app client has. */
function postLoginWith(stored: string | undefined, has: typeof client): void {
  roleWith({ policies: [wanted.permissions, allow(signIn)] })
  poolWith({ clients: [has] })
  stack.ssm.remove(clientSecretParameter)
  if (stored !== undefined) stack.ssm.put(clientSecretParameter, stored)
}
const withClaim: TenantFile = { ...healthy, login: { claim: { name: 'corbado', clientIds: [client.clientId] } } }
const foreign = 'arn:aws:lambda:eu-central-1:111122223333:function:theirs'
const withChain: TenantFile = { ...healthy, triggers: { preSignUp: { mode: 'chain', functionArn: foreign } } }
/** Passkeys at one app client, and what the pool may have beside it. */
const split: TenantFile = { ...healthy, login: { clientIds: [client.clientId] } }
const other = { ...client, clientId: 'other' }
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ ...client, clientId: `closed${i}`, allowCustomAuth: false }))
const chained = { mode: 'chain', functionArn: foreign } as const
const chainedCustomAuth = {
  ...{ defineAuthChallenge: chained, createAuthChallenge: chained, verifyAuthChallengeResponse: chained },
}
/** Lines of calls of a trigger's own function, as the gateway writes them. */
function called(trigger: string, ...reasons: (string | undefined)[]): void {
  const line = { outcome: 'chained', userPoolId: healthy.userPoolId, trigger, chained: true, upstream: { lambda: 90 } }
  const lines = reasons.map((reason) => JSON.stringify({ ...line, ...(reason !== undefined && { reason }) }))
  stack.cloudwatch.put(
    LOG_GROUP,
    lines.map((message) => ({ at: deps.clock.now(), message })),
  )
}
const customAuthCalled = () => {
  for (const one of ['define', 'create', 'verify'])
    called(`${one}-auth-challenge${one === 'verify' ? '-response' : ''}`, undefined)
}
/** The slot in which the claim is put into tokens calls the gateway. */
const claimWired = () => poolWith({ lambdaConfig: customAuthWith({ PreTokenGeneration: hosted }) })
/** A function of the customer's own that answers sign-ups, the role that may invoke it, and the slot that calls the gateway. */
function chainOfTheirs(): void {
  stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
  poolWith({ lambdaConfig: customAuthWith({ PreSignUp: hosted }) })
}
const offering = (...ExplicitAuthFlows: NonNullable<NonNullable<typeof client.settings>['ExplicitAuthFlows']>) => ({
  ...client,
  settings: { ExplicitAuthFlows },
})
const withNative = {
  UserPoolTier: 'ESSENTIALS',
  Policies: { SignInPolicy: { AllowedFirstAuthFactors: ['PASSWORD', 'WEB_AUTHN'] } },
} satisfies UserPool['settings']
const signIn = ['cognito-idp:AdminInitiateAuth', 'cognito-idp:AdminRespondToAuthChallenge']
const verdict = (verificationResult: string) => ({ status: 200, body: { verificationResult } })
const corbadoError = (status: number, type: string) => ({
  status,
  body: { httpStatusCode: status, message: type, error: { type, links: [] }, requestData: { requestID: 'req-1' } },
})
const customAuthWith = (more: UserPool['lambdaConfig']) => ({
  DefineAuthChallenge: hosted,
  CreateAuthChallenge: hosted,
  VerifyAuthChallengeResponse: hosted,
  ...more,
})

interface Breakage {
  readonly name: string
  readonly file?: TenantFile
  breaks?(): void
  readonly failed?: readonly string[]
  readonly warned?: readonly string[]
  readonly unknown?: readonly string[]
  /** Of the first of these. */
  readonly what?: RegExp
  readonly fix?: RegExp
  readonly policy?: object
}

/** One thing wrong at a time: exactly these checks say so, whatever does not depend on them passes. */
const BREAKAGES: readonly Breakage[] = [
  {
    name: 'a config that this gateway would not serve',
    file: { ...healthy, alias: 'actions' },
    failed: ['config'],
    what: /alias must not be the actions alias/,
    fix: /^operator: .*tenants apply$/,
  },
  {
    name: 'a pool of another region',
    file: toLocal(tenantFile({ userPoolId: 'eu-west-1_Acme00001', aws: { region: 'eu-west-1' } }), stack),
    failed: ['config'],
    what: /The pool is of eu-west-1, and this gateway of eu-central-1/,
    fix: /with AWS_REGION eu-west-1 and with TENANT_TABLE and GATEWAY_FUNCTION_ARN of that region: corbado-gateway doctor acme;/,
  },
  {
    name: 'an alias that was never made',
    breaks: () => stack.deploy(neverInvoked, ['t-other']),
    failed: ['alias'],
    fix: /^operator: corbado-gateway aliases grant acme --yes$/,
  },
  {
    name: 'an alias without a policy',
    breaks: () => stack.lambda.putPolicy(hosted, undefined),
    failed: ['invoke-permission'],
    fix: /^operator: corbado-gateway aliases grant acme --yes$/,
  },
  {
    name: 'an alias that lets in another pool',
    breaks: () => grantAlias(stack, healthy.alias, [tenantFile({ userPoolId: 'eu-central-1_Other0001' })]),
    failed: ['invoke-permission'],
    what: /does not let in arn:aws:cognito-idp:eu-central-1:111122223333:userpool\/eu-central-1_Acme00001/,
  },
  {
    name: 'the pool of the same id in another account',
    breaks: () => grantAlias(stack, healthy.alias, [tenantFile({ aws: { accountId: '444455556666' } })]),
    failed: ['invoke-permission'],
  },
  {
    name: 'an alias that any pool may call',
    breaks: () => stack.lambda.putPolicy(hosted, aliasPolicy({ Principal: { Service: 'cognito-idp.amazonaws.com' } })),
    failed: ['invoke-permission'],
  },
  {
    name: "an alias that lets the customer's account in too",
    breaks: () => {
      const Condition = {
        ArnLike: { 'AWS:SourceArn': [poolArn] },
        StringEquals: { 'AWS:SourceAccount': [accountId] },
      }
      const pool = aliasPolicy({ Principal: { Service: 'cognito-idp.amazonaws.com' }, Condition })
      const account = aliasPolicy({ Principal: { AWS: `arn:aws:iam::${accountId}:root` } })
      stack.lambda.putPolicy(hosted, { ...pool, Statement: [...pool.Statement, ...account.Statement] })
    },
    failed: ['invoke-permission'],
    what: /names arn:aws:iam::111122223333:root, who could speak for every pool/,
  },
  {
    name: 'no role',
    breaks: () => stack.sts.deleteRole(roleArn),
    failed: ['role-assumable'],
    fix: /^customer: create arn:aws:iam::111122223333:role\/corbado\/\S+ by step 1 of the hand-over, or give it the trust/,
    policy: wanted.trust,
  },
  {
    name: 'a role that wants another ExternalId',
    file: { ...healthy, aws: { ...healthy.aws, externalId: 'another-external-id' } },
    failed: ['role-assumable'],
    breaks: () => roleWith({}),
  },
  {
    name: 'a role that trusts without an ExternalId',
    breaks: () => roleWith({ trust: trustAlso({ Null: { 'sts:ExternalId': 'true' } }) }),
    failed: ['role-without-external-id'],
    fix: /^customer: give the role the trust of step 1 of the hand-over$/,
    policy: wanted.trust,
  },
  {
    name: 'a role that trusts whatever ExternalId there is',
    breaks: () => roleWith({ trust: trustAlso({ Null: { 'sts:ExternalId': 'false' } }) }),
    failed: ['role-wrong-external-id'],
    policy: wanted.trust,
  },
  {
    name: 'a role that trusts every ExternalId that begins as ours do',
    breaks: () => roleWith({ trust: trustAlso({ StringLike: { 'sts:ExternalId': 'corbado-*' } }) }),
    failed: ['role-wrong-external-id'],
    policy: wanted.trust,
  },
  {
    name: 'a role without AdminGetUser',
    breaks: () => roleWith({ policies: [allowedBut('cognito-idp:AdminGetUser')] }),
    failed: ['may-get-user'],
    fix: /^customer: give the role the permissions of step 1 of the hand-over, and no others$/,
    policy: wanted.permissions,
  },
  {
    name: 'a role without ListUsers',
    breaks: () => roleWith({ policies: [allowedBut('cognito-idp:ListUsers')] }),
    failed: ['may-list-users'],
  },
  {
    name: 'a role without AdminSetUserMFAPreference',
    breaks: () => roleWith({ policies: [allowedBut('cognito-idp:AdminSetUserMFAPreference')] }),
    failed: ['may-set-mfa'],
  },
  ...signIn.map((missing) => ({
    name: `a role without ${missing}, which post-login needs`,
    file: withPostLogin,
    breaks: () => roleWith({ policies: [wanted.permissions, allow(signIn.filter((one) => one !== missing))] }),
    failed: ['may-sign-in'],
    what: new RegExp(`does not allow ${missing.split(':')[1]} on the pool`),
  })),
  {
    name: 'nothing, and the role allows what post-login needs',
    file: withPostLogin,
    breaks: () => roleWith({ policies: [wanted.permissions, allow(signIn)] }),
  },
  {
    name: 'a role without DescribeUserPoolClient, which the claim needs',
    file: withClaim,
    breaks() {
      claimWired()
      roleWith({ policies: [allowedBut('cognito-idp:DescribeUserPoolClient')] })
    },
    failed: ['may-read-client'],
    unknown: ['app-clients'],
    what: /does not allow DescribeUserPoolClient on the pool/,
    fix: /^customer: give the role the permissions of step 1/,
  },
  { name: 'nothing, and the role allows what the claim needs', file: withClaim, breaks: claimWired },
  {
    name: 'a claim, and no trigger that puts it in',
    file: withClaim,
    breaks: () => poolWith({ lambdaConfig: customAuthWith({}) }),
    warned: ['triggers'],
    what: /^No token has the claim corbado: PreTokenGeneration is empty\.$/,
    fix: /^customer: npx \S+ wire apply \S+ --arn \S+ --also PreTokenGeneration$/,
  },
  {
    name: "a claim, and a function of the customer's own in its trigger",
    file: withClaim,
    breaks: () => poolWith({ lambdaConfig: customAuthWith({ PreTokenGeneration: foreign }) }),
    warned: ['triggers'],
    what: /PreTokenGeneration calls \S+:theirs\.$/,
    fix: /^operator: triggers\.preTokenGeneration as a chain .*; customer: npx \S+ wire apply \S+ --arn \S+ --chain PreTokenGeneration=\S+:theirs$/,
  },
  {
    name: "no parameter with the secret of post-login's app client",
    file: withSecret,
    breaks: () => postLoginWith(undefined, secretClient),
    failed: ['client-secret'],
    what: new RegExp(`There is no parameter ${clientSecretParameter}\\.`),
    fix: /^operator: corbado-gateway secret set acme --client$/,
  },
  {
    name: 'something other than a secret of an app client',
    file: withSecret,
    breaks: () => postLoginWith('corbado1_acme', secretClient),
    failed: ['client-secret'],
    what: /holds no secret of an app client: it is Corbado's API secret/,
    fix: /^operator: corbado-gateway secret set acme --client$/,
  },
  {
    name: 'an app client with a secret for which the config names no parameter',
    file: withPostLogin,
    breaks: () => postLoginWith(undefined, secretClient),
    failed: ['client-secret'],
    fix: /^operator: add clientSecretParameter: \/corbado\/gateway\/\S+\/client-secret to actions\.postLogin in .*tenants apply, then: corbado-gateway secret set acme --client$/,
  },
  {
    name: 'a secret for an app client that has none',
    file: withSecret,
    breaks: () => postLoginWith(clientSecret, client),
    failed: ['client-secret'],
    fix: /^operator: take actions\.postLogin\.clientSecretParameter out/,
  },
  {
    name: 'another secret than that of the app client',
    file: withSecret,
    breaks: () => postLoginWith('another', secretClient),
    warned: ['client-secret'],
    what: /holds another secret than the one that Cognito names .*: post-login fails, unless/,
    fix: /^operator: corbado-gateway secret set acme --client$/,
  },
  {
    name: 'nothing, and the parameter holds the secret of the app client',
    file: withSecret,
    breaks: () => postLoginWith(clientSecret, secretClient),
  },
  {
    name: 'a secret that cannot be compared',
    file: withSecret,
    breaks: () => {
      postLoginWith(clientSecret, secretClient)
      roleWith({ policies: [allow([...needed, ...signIn])] })
    },
    unknown: ['pool', 'app-clients', 'mfa-factor'],
  },
  {
    name: 'a role that allows every operation on the pool',
    breaks: () => roleWith({ policies: [allow('cognito-idp:*')] }),
    failed: ['no-other-operation'],
    what: /The role allows AdminListGroupsForUser/,
    policy: wanted.permissions,
  },
  {
    name: 'a role that reaches every pool of the account',
    breaks: () => roleWith({ policies: [wanted.permissions, allow('cognito-idp:AdminGetUser', '*')] }),
    failed: ['no-other-pool'],
  },
  {
    name: 'a customer who gave no right to look at the pool',
    breaks: () => roleWith({ policies: [allow(needed)] }),
    unknown: ['pool', 'app-clients', 'mfa-factor'],
    fix: /^customer: let the role also call cognito-idp:DescribeUserPool on arn:aws:cognito-idp.*`checks`/,
    policy: { Effect: 'Allow', Action: ['cognito-idp:DescribeUserPool'], Resource: poolArn },
  },
  {
    name: 'no secret',
    breaks: () => stack.ssm.remove(credentialParameter),
    failed: ['secret'],
    fix: /^operator: corbado-gateway secret set acme$/,
  },
  {
    name: "another project's secret",
    breaks: () => stack.ssm.put(credentialParameter, basic('pro-9:corbado1_acme')),
    failed: ['secret'],
    what: /it is of project pro-9, but the tenant's is pro-1001/,
  },
  {
    name: 'a secret that is not base64, though it is the right one',
    breaks: () => stack.ssm.put(credentialParameter, `${projectId}:corbado1_acme`),
    failed: ['secret'],
    what: /it is not in the form that scheme basic asks for/,
  },
  {
    name: 'a secret that Corbado does not know any more',
    breaks: () => stack.ssm.put(credentialParameter, basic(`${projectId}:corbado1_old`)),
    failed: ['backend-credential'],
    what: /answered HTTP 401 login_error/,
    fix: /^operator: corbado-gateway secret set acme; or, /,
  },
  {
    name: 'a Backend API that does not know the project',
    breaks: () => stack.corbado.answerWith(corbadoError(404, 'not_found')),
    failed: ['backend-credential'],
    fix: /backendApiUrl or corbado.projectId/,
  },
  {
    name: 'a Backend API that is down',
    breaks: () => stack.corbado.answerWith(corbadoError(503, 'internal_error')),
    unknown: ['backend-credential'],
    what: /answered HTTP 503 internal_error/,
    fix: /^operator: run the doctor again .* whether http:\S+ can be reached from here, and ask Corbado, naming the request req-1$/,
  },
  {
    name: 'a Backend API that believes anything',
    breaks: () => stack.corbado.answerWith(verdict('success')),
    failed: ['backend-refusal'],
  },
  {
    name: 'a Backend API that refuses for another reason',
    breaks: () => stack.corbado.answerWith(verdict('generic_error')),
    warned: ['backend-refusal'],
  },
  {
    name: 'a pool that is not in that account',
    breaks: () => poolWith({ accountId: '444455556666' }),
    failed: ['may-get-user', 'may-list-users', 'may-set-mfa', 'pool'],
    unknown: ['app-clients', 'mfa-factor'],
    what: /There is no user pool eu-central-1_Acme00001 in eu-central-1 of account 111122223333/,
  },
  {
    name: 'a trigger that is empty',
    breaks: () => poolWith({ lambdaConfig: { DefineAuthChallenge: hosted, VerifyAuthChallengeResponse: hosted } }),
    failed: ['triggers'],
    what: /CreateAuthChallenge is empty/,
    fix: /^customer: npx @corbado\/cognito-gateway@\S+ wire plan eu-central-1_Acme00001 --arn \S+:t-acme, then npx /,
  },
  {
    name: "a trigger that calls the customer's own function",
    breaks: () => poolWith({ lambdaConfig: customAuthWith({ DefineAuthChallenge: foreign }) }),
    failed: ['triggers'],
    fix: /^customer: logins by the function in DefineAuthChallenge end with --replace\. To keep them, first chain all three .*login\.clientIds in the tenant's file, .*says --chain in its place\. If they may end: npx .* --replace '?DefineAuthChallenge=arn:aws:lambda:eu-central-1:111122223333:function:theirs/,
  },
  {
    name: "functions of the customer's own that go on, and are not wired yet",
    file: { ...split, triggers: chainedCustomAuth },
    breaks() {
      stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
      const slots = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
      poolWith({ lambdaConfig: Object.fromEntries(slots.map((slot) => [slot, foreign])) })
      customAuthCalled()
    },
    failed: ['triggers'],
    // No word of an end: nothing ends.
    fix: /^customer: npx \S+ wire plan \S+ --arn \S+ --chain DefineAuthChallenge=\S+:theirs --chain \S+ --chain \S+, then npx \S+ wire apply/,
  },
  {
    name: "a trigger that comes through another tenant's alias",
    breaks: () => poolWith({ lambdaConfig: customAuthWith({ VerifyAuthChallengeResponse: hostedArn('t-other') }) }),
    failed: ['triggers'],
    // No login of the customer's own is in it.
    fix: /^customer: npx \S+ wire plan \S+ --arn \S+ --replace VerifyAuthChallengeResponse=/,
  },
  {
    name: 'a custom sender that points at the gateway',
    breaks: () =>
      poolWith({
        lambdaConfig: customAuthWith({ CustomEmailSender: { LambdaVersion: 'V1_0', LambdaArn: hosted } }),
      }),
    failed: ['stray-triggers'],
    what: /CustomEmailSender calls the gateway, so no such message is sent/,
  },
  {
    name: 'another trigger through an alias that refuses it',
    breaks: () =>
      poolWith({
        lambdaConfig: customAuthWith({
          PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: hostedArn('t-other') },
        }),
      }),
    failed: ['stray-triggers'],
    what: /PreTokenGeneration calls \S+:t-other, which refuses this pool/,
  },
  {
    name: 'no app client that allows custom authentication',
    breaks: () => poolWith({ clients: [{ ...client, allowCustomAuth: false }] }),
    failed: ['app-clients'],
    what: /No app client allows ALLOW_CUSTOM_AUTH \(web \(web\) do not\)/,
  },
  {
    name: 'an app client that the config names and the pool has not',
    file: { ...healthy, login: { clientIds: [client.clientId, 'gone'] } },
    failed: ['app-clients'],
    what: /^The pool has no app client gone \(login\.clientIds\)\.$/,
    fix: /^operator: ask the customer for the id/,
  },
  {
    name: 'a post-login client that the pool has not',
    file: { ...healthy, actions: { ...healthy.actions, postLogin: { clientId: 'gone' } } },
    failed: ['app-clients'],
    what: /gone \(actions\.postLogin\)/,
  },
  {
    name: 'connect tokens for an app client that the pool has not',
    file: {
      ...healthy,
      connectTokens: { clientIds: ['gone'], origins: ['https://app.acme.example'], types: ['passkey-list'] },
    },
    failed: ['app-clients'],
    what: /gone \(connectTokens\)/,
  },
  {
    name: 'a claim for an app client with other ways in',
    file: withClaim,
    breaks: () =>
      poolWith({
        lambdaConfig: customAuthWith({ PreTokenGeneration: hosted }),
        clients: [offering('ALLOW_CUSTOM_AUTH', 'ALLOW_USER_PASSWORD_AUTH')],
      }),
    warned: ['app-clients'],
    what: /^Tokens of web \(web\) never have the claim/,
  },
  {
    name: 'another app client whose custom authentication nobody answers',
    file: split,
    breaks: () => poolWith({ clients: [client, other] }),
    warned: ['foreign-clients'],
    what: /^Every custom authentication through other \(other\) fails .* neither in login\.clientIds nor chained\.$/,
    fix: /^customer: switch ALLOW_CUSTOM_AUTH off at other .*; or operator: add it to login\.clientIds .*, or chain .*tenants apply$/,
  },
  {
    name: 'nothing, and custom authentication of other app clients is chained',
    file: { ...split, triggers: chainedCustomAuth },
    breaks() {
      stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
      poolWith({ clients: [client, other] })
      customAuthCalled()
    },
  },
  {
    name: 'nothing, and the other app client does not allow custom authentication',
    file: split,
    breaks: () => poolWith({ clients: [client, { ...other, allowCustomAuth: false }] }),
  },
  {
    name: 'more app clients than are looked at, of which none is known to be in the way',
    file: split,
    breaks: () => poolWith({ clients: [...many(24), client] }),
    unknown: ['foreign-clients'],
    what: /^5 app clients that login\.clientIds does not name were not looked at: closed19, .*, closed23\.$/,
    fix: /^customer: see to it that none of them allows ALLOW_CUSTOM_AUTH/,
  },
  {
    name: 'both kinds of passkeys in one app',
    breaks: () => poolWith({ clients: [offering('ALLOW_CUSTOM_AUTH', 'ALLOW_USER_AUTH')], settings: withNative }),
    warned: ['native-passkeys'],
    fix: /^customer: offer one kind in each app/,
  },
  {
    name: 'a function that is chained here, and that the pool still calls itself',
    file: withChain,
    breaks() {
      stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
      poolWith({ lambdaConfig: customAuthWith({ PreSignUp: foreign }) })
    },
    warned: ['triggers'],
    unknown: ['chained-time'],
    what: /^Chained here, and not called through \S+: PreSignUp calls \S+:theirs\.$/,
    fix: /^customer: npx \S+ wire apply \S+ --arn \S+ --chain PreSignUp=\S+:theirs$/,
  },
  {
    name: 'a function that is chained here, in a slot that is empty',
    file: withChain,
    breaks() {
      stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
      called('pre-sign-up', undefined)
    },
    warned: ['triggers'],
    fix: /^customer: say whether PreSignUp is still wanted; operator: correct triggers/,
  },
  {
    name: 'nothing, and a function that was called has answered in time each time',
    file: withChain,
    breaks() {
      chainOfTheirs()
      // That it threw is an answer, and what a role lacked is told by another check.
      called('pre-sign-up', undefined, 'chain_threw', 'chain_denied')
    },
  },
  {
    name: 'a chained function that is not there',
    file: withChain,
    breaks() {
      chainOfTheirs()
      stack.lambda.removeFunction(foreign)
      called('pre-sign-up', 'chain_missing')
    },
    failed: ['chained-functions'],
    what: /^There is no function arn:aws:lambda:eu-central-1:111122223333:function:theirs\.$/,
    fix: /^operator: ask the customer for the function's ARN, correct triggers in .*tenants apply$/,
  },
  {
    name: 'a chained function that the role may not invoke',
    file: withChain,
    breaks() {
      chainOfTheirs()
      roleWith({})
      called('pre-sign-up', 'chain_denied')
    },
    failed: ['chained-functions'],
    what: /^The role may not invoke \S+:theirs: Lambda said AccessDeniedException\.$/,
    fix: /^customer: put the function's ARN into the role's stack \(ChainedFunctions\), or give the role this right$/,
    policy: describeCustomerRole({ ...terms, functionArns: [foreign] }).permissions,
  },
  {
    name: 'a chained function that is too slow at times',
    file: withChain,
    breaks() {
      chainOfTheirs()
      called('pre-sign-up', 'chain_timeout', undefined, undefined)
    },
    warned: ['chained-time'],
    what: /^In the last 3 hours some calls of preSignUp were not answered by their function in time\.$/,
    fix: /^customer: see in the log of the function .*; operator: .* triggers\.preSignUp\.timeoutMs in .*tenants apply$/,
  },
  {
    name: 'a chained function that hangs for ever',
    file: withChain,
    breaks() {
      chainOfTheirs()
      called('pre-sign-up', 'chain_timeout', 'chain_timeout')
    },
    failed: ['chained-time'],
    what: /^In the last 3 hours no call of preSignUp was answered by its function in time\.$/,
    fix: /^customer: see in the log of the function what takes so long/,
  },
  {
    name: 'a chained function that was never called, and is not run for a test',
    file: withChain,
    breaks: chainOfTheirs,
    unknown: ['chained-time'],
    what: /^No call of preSignUp in the last 3 hours: how long its function takes is not known\.$/,
    fix: /^operator: let a user of the pool cause one, then run the doctor again; no function is run for a test$/,
  },
  {
    name: 'a chained sender, for whose answer nobody waits',
    file: { ...healthy, triggers: { customEmailSender: { mode: 'chain', functionArn: foreign } } },
    breaks() {
      stack.lambda.putFunction({ functionArn: foreign, runner: neverInvoked, aliases: [] })
      poolWith({ lambdaConfig: customAuthWith({ CustomEmailSender: { LambdaVersion: 'V1_0', LambdaArn: hosted } }) })
    },
  },
  { name: 'no app client at all', breaks: () => poolWith({ clients: [] }), failed: ['app-clients'] },
  {
    name: 'an app client that tells who has an account',
    breaks: () => poolWith({ clients: [{ ...client, preventUserExistenceErrors: false }] }),
    warned: ['enumeration'],
    fix: /^customer: set PreventUserExistenceErrors to ENABLED in web \(web\)$/,
  },
  {
    name: 'three minutes for password, code and passkey',
    file: passwordFirst,
    warned: ['auth-session', 'pool-mfa'],
    fix: /AuthSessionValidity to 5 or more/,
  },
  {
    name: 'a login that begins with a password in a pool with MFA, of which two things are told',
    file: passwordFirst,
    breaks: () => poolWith({ clients: [session], settings: { MfaConfiguration: 'ON' } }),
    warned: ['pool-mfa'],
    what: /^MFA is ON\. Whether Cognito asks the gateway again .+ is told both ways \(amplify-js#3876, #4888\)\.$/,
    fix: /^customer: before users are asked for passkeys, try a login of a user with MFA on a real pool$/,
  },
  {
    name: 'an identifier that is no alias',
    breaks: () => poolWith({ aliasAttributes: ['phone_number'] }),
    warned: ['identifier'],
    fix: /acceptAttributeMatch/,
  },
  {
    name: 'an alias that Cognito does not verify',
    breaks: () => poolWith({ settings: { AutoVerifiedAttributes: [] } }),
    warned: ['identifier'],
    fix: /add email to AutoVerifiedAttributes/,
  },
  {
    name: 'names that are case-sensitive',
    breaks: () => poolWith({ fixed: { UsernameConfiguration: { CaseSensitive: true } } }),
    warned: ['case-sensitivity'],
  },
  {
    name: 'a pool that tracks devices',
    breaks: () => poolWith({ settings: { DeviceConfiguration: { ChallengeRequiredOnNewDevice: true } } }),
    warned: ['device-tracking'],
  },
  {
    name: 'a pool that requires MFA',
    breaks: () => poolWith({ settings: { MfaConfiguration: 'ON' } }),
    warned: ['pool-mfa'],
  },
  {
    name: 'threat protection that refuses what it finds risky in a custom flow',
    breaks: () =>
      poolWith({
        settings: {
          UserPoolTier: 'PLUS',
          UserPoolAddOns: {
            AdvancedSecurityMode: 'ENFORCED',
            AdvancedSecurityAdditionalFlows: { CustomAuthMode: 'ENFORCED' },
          },
        },
      }),
    warned: ['threat-protection'],
    fix: /^customer: set CustomAuthMode to AUDIT/,
  },
  {
    name: 'a factor in a pool without MFA',
    breaks: () => poolWith({ settings: { MfaConfiguration: 'OFF' } }),
    failed: ['mfa-factor'],
    what: /cannot set the factor sms: MFA is OFF/,
  },
  {
    name: 'authenticator apps in a pool whose MFA is off',
    file: withFactor('software-token'),
    breaks: () =>
      poolWith({
        settings: { MfaConfiguration: 'OFF' },
        mfa: { SoftwareTokenMfaConfiguration: { Enabled: true } },
      }),
    failed: ['mfa-factor'],
  },
  {
    name: 'SMS without a sender',
    breaks: () => poolWith({ settings: { SmsConfiguration: undefined } }),
    failed: ['mfa-factor'],
  },
  {
    name: 'e-mail codes that the pool has not',
    file: withFactor('email'),
    breaks: () => poolWith({}),
    failed: ['mfa-factor'],
  },
  {
    name: 'authenticator apps that the pool has not',
    file: withFactor('software-token'),
    breaks: () => poolWith({}),
    failed: ['mfa-factor'],
  },
  {
    name: 'an operator who may not become the doctor',
    breaks: () =>
      stack.sts.putRole({
        roleArn: roleArnOf(doctor),
        trust: { ...doctorTrust, Statement: doctorTrust.Statement.map((one) => ({ ...one, Effect: 'Deny' })) },
        policies: doctor.policies,
      }),
    unknown: ['role-assumable'],
    fix: /DOCTOR_ROLE_ARN/,
    policy: { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roleArnOf(doctor) },
  },
]

function restoreDoctor(): void {
  stack.sts.putRole({ roleArn: roleArnOf(doctor), trust: doctorTrust, policies: doctor.policies })
}

/** Nothing that did not pass leaves anybody without a thing to do, unless another finding says it. */
function eachHasAFix(
  t: Pick<typeof import('tap'), 'match' | 'notOk'>,
  findings: readonly Finding[],
  name: string,
): void {
  for (const { check, state, fix, dependsOn } of findings) {
    if (state === 'passed' || dependsOn !== undefined) t.notOk(fix, `${name}: ${check}`)
    else t.match(fix, /^(operator|customer): \S/, `${name}: ${check}`)
  }
}

t.test('what is wrong is said by the check that is about it, and by no other', async (t) => {
  for (const { name, file = healthy, breaks, failed = [], warned = [], unknown = [], ...said } of BREAKAGES) {
    restoreDoctor()
    heal(file)
    breaks?.()
    const findings = await examine(file)
    t.same(saidBy(findings, 'failed'), failed, name)
    t.same(saidBy(findings, 'warned'), warned, name)
    t.same(saidBy(findings, 'not-checkable'), unknown, name)
    const first = found(findings, [...failed, ...warned, ...unknown][0] ?? '')
    if (said.what) t.match(first?.what, said.what, name)
    if (said.fix) t.match(first?.fix, said.fix, name)
    if (said.policy) t.same(first?.policy, said.policy, name)
    eachHasAFix(t, findings, name)
    const blockers = new Set(findings.flatMap(({ dependsOn }) => dependsOn ?? []))
    t.same(
      [...blockers].filter((one) => ![...failed, ...unknown].includes(one)),
      [],
      name,
    )
  }
  restoreDoctor()
})

t.test('a healthy tenant passes every check, with each factor and flow that its pool has', async (t) => {
  for (const file of [healthy, ...(['email', 'software-token', 'none'] as const).map(withFactor)]) {
    heal(file)
    const findings = await examine(file)
    t.same(
      findings.filter(({ state }) => state !== 'passed'),
      [],
      JSON.stringify(file.actions),
    )
    t.same(
      findings.map(({ check }) => check),
      CHECKS,
    )
  }
  poolWith({ clients: [session], settings: { MfaConfiguration: 'ON', DeviceConfiguration: {} } })
  const others = CHECKS.filter((check) => check !== 'pool-mfa')
  t.same(saidBy(await examine(passwordFirst), 'passed'), others, 'what the other flow allows')
  poolWith({ aliasAttributes: [], fixed: { UsernameAttributes: ['email'] } })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'users who sign in with their e-mail')
  poolWith({ lambdaConfig: customAuthWith({ PreSignUp: hosted, CustomMessage: foreign }) })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'triggers that are passed through, and those of the customer')
})

t.test('no probe writes anything, nor is it about a user who exists', async (t) => {
  heal()
  stack.cognito.putUser(healthy.userPoolId, { username: 'ada' })
  const standIns = [stack.cognito, stack.sts, stack.ssm, stack.lambda, stack.table, stack.corbado]
  const before = standIns.map(({ calls }) => calls.length)
  await examine()
  const calls = standIns.flatMap(({ name, calls }, i) => calls.slice(before[i]).map((call) => ({ name, ...call })))
  const reads =
    /^(AdminGetUser|ListUsers|AdminListGroupsForUser|DescribeUserPool|DescribeUserPoolClient|ListUserPoolClients|GetUserPoolMfaConfig|AssumeRole|GetParameter|ListAliases|GetResourcePolicy|verifySignedData)$/
  const others = calls.filter(({ operation }) => !reads.test(operation))
  t.same(
    others.map(({ operation }) => operation),
    ['AdminSetUserMFAPreference'],
  )
  t.match(others[0]?.input, { Username: /^doctor-[\da-f-]{36}$/ })
  const names = calls.flatMap(({ input }) => Object(input).Username ?? [])
  t.ok(names.length >= 4)
  for (const name of names) t.match(name, /^doctor-[\da-f-]{36}$/)
  t.ok(calls.length < 30, `${calls.length} calls`)
  const sessions = calls.filter(({ operation }) => operation === 'AssumeRole').map(({ input }) => Object(input))
  t.same(sessions.filter(({ Policy }) => Policy !== undefined).length, 1, 'only the allowed calls are narrowed')
  const byGateway = calls.filter(
    ({ name, operation }) => name === 'cognito-idp' && /^(AdminGetUser|ListUsers)$/.test(operation),
  )
  t.ok(byGateway.length >= 3)
})

t.test('what was told to do turns the check green', async (t) => {
  /** As the text has it: an operator copies it from there. */
  const jsonOf = (finding: Finding | undefined) =>
    JSON.parse(/^ {8}(\{.*\})$/m.exec(findingsText(finding ? [finding] : [], (_, text) => text))?.[1] ?? 'null')
  /** Types the first command of a fix, with words of our own after it. */
  const type = (finding: Finding | undefined, more = '', options = {}) => {
    const line = /(?:corbado-gateway|cognito-gateway@\S+) (.+?)(?:[;,]|$)/.exec(finding?.fix ?? '')?.[1] ?? ''
    return run(`${line.replaceAll("'", '')}${more}`, options)
  }
  heal()
  await putTenantRecord(stack, healthy, healthy.userPoolId)

  roleWith({ trust: trustAlso({ Null: { 'sts:ExternalId': 'true' } }) })
  roleWith({ trust: jsonOf(found(await examine(), 'role-without-external-id')) })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'trust')

  roleWith({ policies: [allow('cognito-idp:*', '*')] })
  roleWith({ policies: [jsonOf(found(await examine(), 'no-other-operation'))] })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'permissions')

  stack.ssm.remove(credentialParameter)
  const secret = await type(found(await examine(), 'secret'), '', { stdin: `${projectId}:corbado1_acme` })
  t.match(secret, { code: 0 })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'secret')

  stack.deploy(neverInvoked, [])
  stack.lambda.putPolicy(hosted, undefined)
  t.match(await type(found(await examine(), 'alias')), { code: 0 })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'alias')

  poolWith({ lambdaConfig: { DefineAuthChallenge: foreign, CustomMessage: foreign } })
  const fix = found(await examine(), 'triggers')?.fix?.split(', then ')[1] ?? ''
  Object.assign(process.env, stack.envFor(customerAdmin(accountId)))
  const dir = t.testdir({})
  const wired = await type(
    { check: 'triggers', state: 'failed', what: '', fix },
    ` --yes --snapshot ${dir}/before.json`,
  )
  Object.assign(process.env, env)
  t.match(wired, { code: 0 })
  t.same(saidBy(await examine(), 'passed'), CHECKS, 'triggers')
})

t.test('nothing is asked on the word of a config that is not valid', async (t) => {
  heal()
  const before = stack.corbado.calls.length + stack.sts.calls.length + stack.ssm.calls.length
  const stranger = { ...healthy, corbado: { ...healthy.corbado, backendApiUrl: 'https://evil.example' } }
  const findings = await examine(stranger)
  t.same(saidBy(findings, 'failed'), ['config'])
  t.same(
    findings.map(({ check }) => check),
    CHECKS,
  )
  t.equal(stack.corbado.calls.length + stack.sts.calls.length + stack.ssm.calls.length, before)
})

t.test(
  'a self-hosted tenant has no role to be tried, and its pool is read with the operator’s own rights',
  async (t) => {
    const own: TenantFile = { ...healthy, aws: { ...healthy.aws, roleArn: null, externalId: null } }
    heal()
    const findings = await diagnose(own, { ...deps, env: parseEnv({ ...env, SELF_HOSTED: 'true' }) })
    t.same(saidBy(findings, 'failed'), [])
    eachHasAFix(t, findings, 'self-hosted')
    for (const check of ['role-assumable', 'role-without-external-id', 'role-wrong-external-id']) {
      t.match(found(findings, check), { state: 'passed', what: /^Self-hosted: there is no role/ })
    }
    t.match(found(findings, 'may-get-user'), {
      state: 'not-checkable',
      fix: `operator: nothing if the role is as infra/ makes it; else see that it allows cognito-idp:AdminGetUser on ${poolArn}`,
    })
    t.match(found(findings, 'no-other-pool'), { state: 'not-checkable', fix: `on no pool but ${poolArn}` })
    t.match(found(findings, 'pool'), {
      state: 'not-checkable',
      fix: /^operator: use credentials that allow cognito-idp:/,
    })
  },
)

t.test('without DOCTOR_ROLE_ARN what needs it is not checkable, and the rest is checked', async (t) => {
  heal()
  const findings = await diagnose(healthy, { ...deps, settings: { gatewayFunctionArn: functionArn } })
  t.match(found(findings, 'role-assumable'), {
    state: 'not-checkable',
    what: 'DOCTOR_ROLE_ARN is not set.',
    fix: /^operator: set DOCTOR_ROLE_ARN/,
  })
  eachHasAFix(t, findings, 'no DOCTOR_ROLE_ARN')
  t.match(found(findings, 'backend-refusal'), { state: 'passed' })
  t.same(saidBy(findings, 'failed'), [])
})

t.test('app clients beyond what is looked at are counted, and clients without passkeys are named', async (t) => {
  const one = (ClientId: string, ExplicitAuthFlows: ('ALLOW_CUSTOM_AUTH' | 'ALLOW_USER_SRP_AUTH')[]) => ({
    ...{ ClientId, ClientName: ClientId, PreventUserExistenceErrors: 'ENABLED' as const },
    ExplicitAuthFlows,
  })
  const clients = [one('web', ['ALLOW_CUSTOM_AUTH']), one('till', ['ALLOW_USER_SRP_AUTH'])]
  const login = { flow: 'passkey', maxAttempts: 3 } as const
  const [appClients] = checkClients({ clients, unseen: 4 }, { login })
  t.match(appClients, { state: 'passed', what: /allowed by web \(web\)\. till \(till\) do not .* 4 more were not/ })
})

t.test('an app client that is deleted while the doctor looks is one that the pool has not', async (t) => {
  heal()
  poolWith({ clients: [client, other] })
  const looks: unknown[] = []
  const deleted: Fault = {
    kind: 'say',
    say(_response, { input }) {
      looks.push(fieldsOf(input).ClientId)
      if (looks.at(-1) === other.clientId) poolWith({ clients: [client] })
      return false
    },
  }
  await stack.cognito.setFault(deleted, 'DescribeUserPoolClient')
  const findings = await examine()
  poolWith({ clients: [client, other] })
  const named = await examine({ ...healthy, login: { clientIds: [client.clientId, other.clientId] } })
  await stack.cognito.setFault(undefined)
  t.ok(looks.includes(other.clientId), 'it was there when the pool was asked for all')
  t.same(saidBy(findings, 'passed'), CHECKS)
  t.match(found(findings, 'app-clients'), { what: 'Custom authentication is allowed by web (web).' })
  t.same(saidBy(named, 'failed'), ['app-clients'])
  t.match(found(named, 'app-clients'), { what: 'The pool has no app client other (login.clientIds).' })
})

t.test('an app client is judged by what it is named for, and the other kind of passkeys by where it is', async (t) => {
  const one = (ClientId: string, ...ExplicitAuthFlows: ('ALLOW_CUSTOM_AUTH' | 'ALLOW_USER_AUTH')[]) => ({
    ...{ ClientId, ClientName: ClientId, PreventUserExistenceErrors: 'ENABLED' as const },
    ExplicitAuthFlows,
  })
  const clients = [
    one('web', 'ALLOW_CUSTOM_AUTH'),
    one('till', 'ALLOW_USER_AUTH'),
    one('old', 'ALLOW_CUSTOM_AUTH', 'ALLOW_USER_AUTH'),
  ]
  const login = { flow: 'passkey', maxAttempts: 3 } as const
  const [refused] = checkClients({ clients, unseen: 0 }, { login, actions: { postLogin: { clientId: 'till' } } })
  t.match(refused, { state: 'failed', what: /^post-login signs users in through till \(till\), which does not allow/ })
  const split = { ...login, clientIds: ['web'] }
  const [passed] = checkClients({ clients, unseen: 3, ids: ['web', 'till', 'old', 'unseen'] }, { login: split })
  t.match(passed, { state: 'passed', what: /allowed by web \(web\)\. 3 more were not looked at\.$/ })
  const named = { login, actions: { postLogin: { clientId: 'unseen' } } }
  t.match(checkClients({ clients, unseen: 1, ids: ['web', 'unseen'] }, named)[0], { state: 'passed' })
  t.match(checkClients({ clients, unseen: 0 }, named)[0], { state: 'failed', what: /unseen \(actions\.postLogin\)/ })

  const pool: Parameters<typeof checkNative>[0] = {
    Policies: { SignInPolicy: { AllowedFirstAuthFactors: ['PASSWORD', 'WEB_AUTHN'] } },
  }
  const seen = { clients, unseen: 0 }
  t.match(checkNative({}, seen, { login }), { state: 'passed', what: /are off in this pool/ })
  t.match(checkNative(pool, seen, { login: split }), {
    state: 'passed',
    what: /at till \(till\), old \(old\) alone; Corbado's/,
  })
  t.match(checkNative(pool, seen, { login }), { state: 'warned', what: /^old \(old\) can offer two kinds of passkeys/ })
  t.match(checkNative(pool, { clients: [], unseen: 0 }, { login }), {
    state: 'passed',
    what: /no app client offers them/,
  })
})

t.test('an app client that nobody answers for is named, and of what was not looked at nothing is said', async (t) => {
  const one = (ClientId: string, ...ExplicitAuthFlows: ('ALLOW_CUSTOM_AUTH' | 'ALLOW_USER_AUTH')[]) => ({
    ...{ ClientId, ClientName: ClientId, ...(ExplicitAuthFlows.length > 0 && { ExplicitAuthFlows }) },
  })
  const clients = [one('web', 'ALLOW_CUSTOM_AUTH'), one('till', 'ALLOW_USER_AUTH'), one('old', 'ALLOW_CUSTOM_AUTH')]
  const login = { flow: 'passkey' as const, clientIds: ['web', 'unseen'] }
  const seen = { clients, unseen: 0 }
  t.match(checkForeign(seen, { login }), { state: 'warned', what: /through old \(old\) fails .* nor chained\.$/ })
  t.match(checkForeign({ clients: [one('bare')], unseen: 0 }, { login }), { state: 'warned', what: /bare \(bare\)/ })
  const more = { clients, unseen: 2, ids: ['web', 'till', 'old', 'unseen', 'dark'] }
  t.match(checkForeign(more, { login }), {
    state: 'warned',
    what: /through old .* chained\. 2 more were not looked at\.$/,
  })
  const quiet = { ...more, clients: clients.slice(0, 2), ids: ['web', 'till', 'unseen', 'dark'] }
  t.match(checkForeign(quiet, { login }), { state: 'not-checkable', what: /^1 app clients .* not looked at: dark\.$/ })
  const named = { ...quiet, unseen: 1, ids: ['web', 'till', 'unseen'] }
  t.match(checkForeign(named, { login }), { state: 'passed' }, 'of ours it is not asked')
  const ids = ['web', ...Array.from({ length: 9 }, (_, i) => `dark${i}`)]
  t.match(checkForeign({ clients: clients.slice(0, 1), unseen: 9, ids }, { login }), {
    state: 'not-checkable',
    what: /^9 app clients .*: dark0, dark1, dark2, dark3, dark4 and more\.$/,
  })
  t.match(checkForeign(more, { login: { flow: 'passkey' } }), { state: 'passed' }, 'without a split all are ours')
  for (const read of [seen, more, quiet]) {
    t.match(checkForeign(read, { login, triggers: chainedCustomAuth }), { state: 'passed' }, 'the function answers')
  }
  const theirs = checkForeign(seen, { login, triggers: { preSignUp: chained } })
  t.match(theirs, { state: 'warned' }, 'another trigger is no help')
})

t.test('the doctor passes an app client for the claim exactly if the gateway puts the claim in there', async (t) => {
  const flows = [
    undefined,
    [],
    ['ALLOW_CUSTOM_AUTH'],
    ['ALLOW_REFRESH_TOKEN_AUTH', 'ALLOW_CUSTOM_AUTH'],
    ['ALLOW_REFRESH_TOKEN_AUTH'],
    ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_SRP_AUTH'],
    ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    ['CUSTOM_AUTH_FLOW_ONLY'],
    ['ALLOW_CUSTOM_AUTH', 'ALLOW_SOMETHING_NEW'],
  ]
  const every = flows.flatMap((ExplicitAuthFlows) =>
    [undefined, false, true].flatMap((AllowedOAuthFlowsUserPoolClient) =>
      [undefined, [], ['code'], ['client_credentials']].map((AllowedOAuthFlows) => ({
        ...{ ExplicitAuthFlows, AllowedOAuthFlowsUserPoolClient, AllowedOAuthFlows },
      })),
    ),
  )
  const never = () => {
    throw new Error('not asked here')
  }
  const [web, till] = ['web', 'till']
  const usable = { ClientId: web, ClientName: web, ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH' as const] }
  const login = { flow: 'passkey' as const, clientIds: [web, till], claim: { name: 'corbado', clientIds: [till] } }
  const config = withDefaults(healthy)
  let proven = 0
  for (const settings of every) {
    const described = { ClientId: till, ClientName: till, ...settings } as typeof usable
    const cognito = { send: async () => ({ UserPoolClient: described }) } as unknown as CognitoIdentityProviderClient
    const pool = createUserPool(cognito, config.userPoolId)
    const gatewaysOwn = createTenantAppClients({
      env: { maxTenantsInMemory: 10 },
      upstreams: { userPool: () => pool },
      credentials: { use: async (_config, _operation, _call, ask) => ask(null), evictions: never, loads: never },
      clock: deps.clock,
    })
    const claims = await gatewaysOwn.takesOnlyCustomAuth(config, till, createCall(1_000, deps.clock))
    const [finding] = checkClients({ clients: [usable, described], unseen: 0 }, { login })
    t.equal(finding?.state, claims ? 'passed' : 'warned', JSON.stringify(settings))
    if (claims) proven += 1
  }
  t.equal(every.length, 108)
  t.equal(proven, 2 * 2 * 2, 'ours alone, with or without the refresh, and no trace of a hosted login')
})

t.test('it comes to an end within 25 s, whatever hangs', async (t) => {
  heal(withChain)
  const standIns = [stack.cognito, stack.sts, stack.ssm, stack.lambda, stack.cloudwatch, stack.corbado]
  const clock = createFrozenClock()
  const time = startWorldTime(clock, standIns)
  const openLogs = async () => time.watch(await deps.upstreams.openLogs())
  const timed = { ...deps, clock, upstreams: { ...time.watch(deps.upstreams), openLogs } }
  t.teardown(async () => {
    time.stop()
    for (const standIn of standIns) await standIn.setFault(undefined)
  })
  for (const standIn of standIns) await standIn.setFault({ kind: 'hang' })
  const findings = await diagnose(withChain, timed)
  const firstMs = clock.elapsed()
  // The doctor gets as far as the customer's role, its calls and its pool.
  await stack.sts.setFault(undefined)
  const further = await diagnose(withChain, timed)
  const furtherMs = clock.elapsed() - firstMs
  t.ok(firstMs > 0 && firstMs <= 25_000, `${firstMs} ms`)
  t.ok(furtherMs > 0 && furtherMs <= 25_000, `${furtherMs} ms`)
  t.same(saidBy(findings, 'failed'), [])
  eachHasAFix(t, findings, 'all hang')
  eachHasAFix(t, further, 'all but STS hang')
  t.match(found(findings, 'role-assumable'), {
    state: 'not-checkable',
    what: /STS did not answer in time/,
    fix: /^operator: run the doctor again .* STS can be reached from here/,
  })
  t.match(found(findings, 'secret'), { what: /SSM did not answer in time/, fix: /^operator: run the doctor again / })
  t.match(found(further, 'chained-functions'), { state: 'not-checkable', what: /Lambda did not answer in time/ })
  t.match(found(further, 'chained-time'), { state: 'not-checkable', what: /CloudWatch Logs did not answer in time/ })
  t.match(found(further, 'pool'), { state: 'not-checkable', what: /Cognito did not answer in time/ })
})

t.test('whatever a dependency does instead of answering, each finding says what to do', async (t) => {
  heal(withChain)
  const standIns = [stack.cognito, stack.sts, stack.ssm, stack.lambda, stack.cloudwatch, stack.corbado]
  const faults = [
    { kind: 'status', status: 429 },
    { kind: 'status', status: 500 },
    { kind: 'status', status: 400 },
    { kind: 'reset' },
    { kind: 'garbage' },
  ] as const
  for (const fault of faults) {
    const name = Object.values(fault).join(' ')
    for (const standIn of standIns) await standIn.setFault(fault)
    eachHasAFix(t, await examine(withChain), `all ${name}`)
    // The doctor gets as far as the customer's role, its calls and its pool.
    await stack.sts.setFault(undefined)
    eachHasAFix(t, await examine(withChain), `all but STS ${name}`)
  }
  for (const standIn of standIns) await standIn.setFault(undefined)
  const said = { throttled: /quota of SSM/, expired: /sign in to AWS again/, rejected: /naming the request r-1$/ }
  for (const kind of ['throttled', 'expired', 'rejected'] as const) {
    t.match(retryFix(upstreamError('ssm', kind, { requestId: 'r-1' })), said[kind])
  }
  t.match(
    retryFix(upstreamError('ssm', 'unavailable', { errorType: 'CredentialsProviderError' })),
    /sign in to AWS again/,
  )
})

t.test('an operator without a right is told the statement that grants it', async (t) => {
  heal()
  const { accountId: own } = operator
  const Effect = 'Allow'
  const parameter = `arn:aws:ssm:${region}:${own}:parameter${credentialParameter}`
  const cases = [
    ['secret', 'ssm:GetParameter', parameter],
    ['alias', 'lambda:ListAliases', functionArn],
    ['invoke-permission', 'lambda:GetResourcePolicy', hosted],
  ] as const
  for (const [check, Action, Resource] of cases) {
    const denial = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action, Resource: '*' }] } as const
    const lesser = { ...operator, policies: [...operator.policies, denial] }
    Object.assign(process.env, stack.envFor(lesser))
    const asLesser = createOperatorUpstreams(place, systemClock)
    const findings = await diagnose(healthy, { ...deps, upstreams: asLesser })
    await asLesser.close()
    Object.assign(process.env, operatorEnv)
    t.same(saidBy(findings, 'not-checkable'), [check])
    eachHasAFix(t, findings, check)
    t.match(found(findings, check)?.fix, `operator: use credentials that may call ${Action} on ${Resource}`)
    t.same(found(findings, check)?.policy, { Effect, Action, Resource })
  }
})

t.test('a function that is not there is told as what it is', async (t) => {
  heal()
  const gatewayFunctionArn = `${functionArn}-gone`
  // Without the right to look, Lambda says nothing of what is there.
  const wide = { ...operator, policies: [...operator.policies, allow('lambda:*', '*')] }
  Object.assign(process.env, stack.envFor(wide))
  const elsewhere = createOperatorUpstreams({ ...place, functionArn: gatewayFunctionArn }, systemClock)
  const settings = { ...deps.settings, gatewayFunctionArn }
  const findings = await diagnose(healthy, { ...deps, upstreams: elsewhere, settings })
  await elsewhere.close()
  Object.assign(process.env, operatorEnv)
  t.match(found(findings, 'alias'), {
    state: 'not-checkable',
    fix: `operator: correct GATEWAY_FUNCTION_ARN: there is no function ${gatewayFunctionArn}`,
  })
})

t.test('who may not read lines is told so, and those of many tenants are counted once', async (t) => {
  heal(withChain)
  chainOfTheirs()
  Object.assign(process.env, stack.envFor(operator))
  const withoutLines = createOperatorUpstreams(place, systemClock)
  const denied = await diagnose(withChain, { ...deps, clock, upstreams: withoutLines })
  await withoutLines.close()
  Object.assign(process.env, operatorEnv)
  t.match(found(denied, 'chained-time'), {
    state: 'not-checkable',
    what: 'How long the functions take is not known: CloudWatch Logs said AccessDeniedException.',
    fix: 'operator: use the rights of an operator on call, who may read the lines of the gateway',
  })
  const nowhere = { ...deps, clock, settings: { ...deps.settings, logGroups: `${LOG_GROUP}-none` } }
  t.match(found(await diagnose(withChain, nowhere), 'chained-time'), {
    what: /CloudWatch Logs said ResourceNotFoundException\.$/,
    fix: /^operator: set LOG_GROUPS to the log groups/,
  })
  await stack.cloudwatch.setFault({
    kind: 'say',
    say(response, { operation }) {
      if (operation !== 'GetQueryResults') return false
      response.setHeader('content-type', 'application/x-amz-json-1.1')
      response.end(JSON.stringify({ status: 'Failed', results: [] }))
      return true
    },
  })
  const failed = await diagnose(withChain, { ...deps, clock })
  await stack.cloudwatch.setFault(undefined)
  t.match(found(failed, 'chained-time'), { state: 'not-checkable', what: /^How long the functions take is not known:/ })
  const records = ['a', 'b', 'c'].map((id): TenantRecord => {
    const userPoolId = `eu-central-1_Counted${id}` as UserPoolId
    const config = toLocal(tenantFile({ tenantId: id, userPoolId, triggers: { preSignUp: chained } }), stack)
    return { userPoolId, record: 'config', version: 1, updatedAt: '', updatedBy: '', config }
  })
  const asked = () => stack.cloudwatch.calls.filter(({ operation }) => operation === 'StartQuery').length
  const before = asked()
  const examined = await examineAll(records, { ...deps, clock }, () => undefined)
  t.equal(examined.length, 3)
  for (const { findings } of examined) t.match(found(findings, 'chained-time'), { byDesign: true })
  t.equal(asked() - before, 1)
})

t.test('of many tenants, eight are examined at a time, and no ninth', async (t) => {
  heal()
  const records = Array.from({ length: 20 }, (_, index): TenantRecord => {
    const userPoolId = `eu-central-1_Many${index}` as UserPoolId
    const config = toLocal(tenantFile({ tenantId: `many-${index}`, userPoolId }), stack)
    return { userPoolId, record: 'config', version: 1, updatedAt: '', updatedBy: '', config }
  })
  const gate = createGate()
  let [begun, done, most] = [0, 0, 0]
  // Every examination reads one secret, and is under way from then on.
  const fetchParameter: typeof deps.upstreams.fetchParameter = async (...request) => {
    begun += 1
    most = Math.max(most, begun - done)
    await gate.opened
    return deps.upstreams.fetchParameter(...request)
  }
  const examining = examineAll(
    records,
    { ...deps, upstreams: { ...deps.upstreams, fetchParameter } },
    () => void done++,
  )
  while (begun < 8 && done < records.length) await setImmediate()
  // All that may begin begins at the same moment.
  for (let turn = 0; turn < 10; turn++) await setImmediate()
  t.equal(begun, 8)
  gate.open()
  t.equal((await examining).length, 20)
  t.equal(begun, 20)
  t.equal(most, 8)
})

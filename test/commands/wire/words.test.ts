import { CognitoIdentityProviderClient, DescribeUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { customerAdmin, FUNCTION_ARN } from '../../../src/local/accounts.js'
import type { Principal } from '../../../src/local/aws/identity.js'
import type { UserPool } from '../../../src/local/cognito/index.js'
import { hostedArn } from '../../../src/local/world/tenants.js'
import { CLIENT_CHECKS, checkClients } from '../../../src/operator/doctor/checks/pool/clients.js'
import { checkSettings, SETTING_CHECKS } from '../../../src/operator/doctor/checks/pool/settings.js'
import { checkStrays, TRIGGER_CHECKS } from '../../../src/operator/doctor/checks/pool/triggers.js'
import { fullPool } from '../../fixtures/full-pool.js'
import { startGateway } from '../../fixtures/gateway.js'
import { cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'

const { stack } = await startGateway(t)
const account = '111122223333'
const region = 'eu-central-1'
const arn = hostedArn('t-acme')
const admin = customerAdmin(account)
const clock = createPausingClock()

async function as(principal: Principal, ...argv: string[]) {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(principal)
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  })
  return cli(['wire', ...argv, '--arn', arn], { clock })
}

let pools = 0
function newPool(overrides: Partial<UserPool> = {}): string {
  const userPoolId = `${region}_Words${String(++pools).padStart(4, '0')}`
  const bare = { accountId: account, region, lambdaConfig: {}, clients: [], aliasAttributes: ['email'] as const }
  const { settings, fixed, ...others } = overrides
  stack.cognito.putPool({
    ...{ ...bare, ...others, userPoolId },
    // Nothing that the doctor would warn of.
    fixed: { UsernameConfiguration: { CaseSensitive: false }, ...fixed },
    settings: { AutoVerifiedAttributes: ['email'], ...settings },
  })
  return userPoolId
}

const poolArnOf = (userPoolId: string) => `arn:aws:cognito-idp:${region}:${account}:userpool/${userPoolId}`
const may = (...actions: string[]): Principal => ({
  ...admin,
  policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] }],
})

t.test('a right that is missing for what a pool holds is named as AWS named it: PassRole, tags, a key', async (t) => {
  const snapshot = `${t.testdir({})}/before.json`
  const sms = `arn:aws:iam::${account}:role/cognito-sms`
  const key = fullPool.lambdaConfig?.KMSKeyID ?? ''
  const userPoolId = newPool(fullPool)
  const replaced = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'].flatMap((slot) => {
    const held = Object.entries(fullPool.lambdaConfig ?? {}).find(([name]) => name === slot)?.[1]
    return ['--replace', `${slot}=${held}`]
  })
  const words = ['apply', userPoolId, '--yes', '--unmanaged', '--snapshot', snapshot, ...replaced]
  const own = ['cognito-idp:DescribeUserPool', 'cognito-idp:UpdateUserPool']
  for (const [rights, missing, resource] of [
    [own, 'iam:PassRole', sms],
    [[...own, 'iam:PassRole'], 'cognito-idp:TagResource', poolArnOf(userPoolId)],
    [[...own, 'iam:PassRole', 'cognito-idp:TagResource'], 'kms:CreateGrant', key],
  ] as const) {
    const { code, stderr } = await as(may(...rights), ...words)
    t.equal(code, 1, missing)
    t.match(stderr, `is not authorized to perform: ${missing} on resource: ${resource}`)
    t.match(stderr, `It needs ${missing} on ${resource} too: the whole pool is sent back\n`)
  }
  t.match(await as(admin, ...words), { code: 0 }, 'with all of them it is written')
})

t.test('a plan names the further rights that writing the pool takes, before they are missing', async (t) => {
  const bare = await as(admin, 'plan', newPool())
  t.notMatch(bare.stdout, 'you also need')
  const sms = `arn:aws:iam::${account}:role/cognito-sms`
  const tagged = newPool({
    settings: { SmsConfiguration: { SnsCallerArn: sms }, UserPoolTags: { team: 'a' } },
  })
  const { stdout } = await as(admin, 'plan', tagged)
  t.match(
    stdout,
    `  Whoever writes the change sends the whole pool back, and needs for that: iam:PassRole on ${sms}, cognito-idp:TagResource on ${poolArnOf(tagged)}.\n`,
  )
})

/** What makes the doctor warn of a pool, or find it wrong, by its check; what it takes a tenant's config to know is not here. */
const ODD: Readonly<Record<string, Partial<UserPool>>> = {
  identifier: { aliasAttributes: [] },
  'case-sensitivity': { fixed: { UsernameConfiguration: { CaseSensitive: true } } },
  'device-tracking': { settings: { DeviceConfiguration: { ChallengeRequiredOnNewDevice: false } } },
  'pool-mfa': {
    settings: {
      MfaConfiguration: 'ON',
      SmsConfiguration: { SnsCallerArn: `arn:aws:iam::${account}:role/cognito-sms` },
    },
  },
  'threat-protection': {
    settings: {
      UserPoolTier: 'PLUS',
      UserPoolAddOns: {
        AdvancedSecurityMode: 'ENFORCED',
        AdvancedSecurityAdditionalFlows: { CustomAuthMode: 'ENFORCED' },
      },
    },
  },
  enumeration: { clients: [{ clientId: 'web', preventUserExistenceErrors: false, allowCustomAuth: true }] },
  'stray-triggers': { lambdaConfig: { PreSignUp: hostedArn('t-other') } },
}

t.test('a plan warns of whatever the doctor warns of in the same pool, in the same words', async (t) => {
  t.equal((await as(admin, 'plan', newPool())).stderr, '')
  const known = {
    login: { flow: 'passkey' },
    actions: { preLogin: { identifierAttribute: 'email', acceptAttributeMatch: false } },
  } as const
  const settings = { gatewayFunctionArn: FUNCTION_ARN }
  const needConfig = ['triggers', 'app-clients', 'auth-session']
  const told = [...TRIGGER_CHECKS, ...SETTING_CHECKS, ...CLIENT_CHECKS].filter((check) => !needConfig.includes(check))
  t.strictSame(Object.keys(ODD).sort(), [...told].sort(), 'each check that a plan can make')
  for (const [check, odd] of Object.entries(ODD)) {
    const userPoolId = newPool(odd)
    const { code, stderr } = await as(admin, 'plan', userPoolId)
    t.equal(code, 0, check)
    const { accessKeyId, secretAccessKey, sessionToken = '' } = stack.credentialsFor(admin)
    const cognito = new CognitoIdentityProviderClient({
      ...{ region, endpoint: stack.cognito.url, credentials: { accessKeyId, secretAccessKey, sessionToken } },
    })
    const { UserPool: pool = {} } = await cognito.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }))
    cognito.destroy()
    const clients = (odd.clients ?? []).map(({ clientId }) => ({
      ...{ ClientId: clientId, ClientName: clientId, ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH' as const] },
    }))
    const findings = [
      checkStrays(pool.LambdaConfig ?? {}, { hostedArn: arn, settings }),
      ...checkSettings(pool, known),
      ...(clients.length > 0 ? checkClients({ clients, unseen: 0 }, known) : []),
    ].filter(({ state, dependsOn }) => state !== 'passed' && dependsOn === undefined)
    t.strictSame(
      findings.map((one) => one.check),
      [check],
    )
    for (const { what } of findings)
      t.ok(stderr.replaceAll(/\s+/g, ' ').includes(`warning: ${what} `), `${check}: ${stderr}`)
  }
})

t.test('a plan is headed by who asks; if that is not told, by why', async (t) => {
  const userPoolId = newPool()
  const { stdout } = await as(admin, 'plan', userPoolId)
  t.match(stdout, `User pool ${userPoolId} (`)
  t.match(stdout, new RegExp(`^  as ${admin.arn}$`, 'm'))
  t.match(JSON.parse((await as(admin, 'plan', userPoolId, '--json')).stdout), { as: admin.arn })
  await stack.sts.setFault({ kind: 'status', status: 500 })
  t.match(await as(admin, 'plan', userPoolId), { code: 0, stdout: /^ {2}as whom is not known \(STS said \w+\)$/m })
  await stack.sts.setFault(undefined)
})

t.test('a pool with its own custom authentication is told that logins by it end', async (t) => {
  const old = `arn:aws:lambda:${region}:${account}:function:my-define`
  const own = newPool({ lambdaConfig: { DefineAuthChallenge: old } })
  const said =
    /^warning: DefineAuthChallenge holds a function of your own: logins by these functions end with this\. Ask/m
  const taken = await as(admin, 'plan', own)
  t.match(taken, { code: 1, stderr: said })
  t.match(taken.stdout, /--replace DefineAuthChallenge=arn:[^\s'"]+\n/, 'in words that no shell needs quotes for')
  t.match(await as(admin, 'plan', own, '--replace', `DefineAuthChallenge=${old}`), { code: 0, stderr: said })
  const other = hostedArn('t-other')
  const moved = newPool({ lambdaConfig: { DefineAuthChallenge: other } })
  t.match(await as(admin, 'plan', moved, '--replace', `DefineAuthChallenge=${other}`), { code: 0, stderr: '' })
})

t.test(
  'plan --exit-code exits 2 if something would change, 0 if nothing would, and 1 for what is in the way',
  async (t) => {
    const userPoolId = newPool()
    t.match(await as(admin, 'plan', userPoolId), { code: 0 })
    t.match(await as(admin, 'plan', userPoolId, '--exit-code'), { code: 2 })
    const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
    const wired = newPool({ lambdaConfig: Object.fromEntries(custom.map((slot) => [slot, arn])) })
    t.match(await as(admin, 'plan', wired, '--exit-code'), { code: 0, stdout: 'Nothing to do.' })
    const taken = newPool({ lambdaConfig: { DefineAuthChallenge: `${arn}-other` } })
    t.match(await as(admin, 'plan', taken, '--exit-code'), { code: 1 })
  },
)

import t from 'tap'
import { customerAdmin } from '../../../src/local/accounts.js'
import type { Principal } from '../../../src/local/aws/identity.js'
import type { UserPool } from '../../../src/local/cognito/index.js'
import { hostedArn } from '../../../src/local/world/tenants.js'
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
  const bare = { accountId: account, region, lambdaConfig: {}, clients: [], aliasAttributes: [] }
  stack.cognito.putPool({ ...bare, ...overrides, userPoolId })
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
    `  To send it back, you also need iam:PassRole on ${sms}, cognito-idp:TagResource on ${poolArnOf(tagged)}.\n`,
  )
})

t.test('a plan warns of MFA that is required, remembered devices and threat protection', async (t) => {
  t.equal((await as(admin, 'plan', newPool())).stderr, '')
  const strict = newPool({
    settings: {
      MfaConfiguration: 'ON',
      SmsConfiguration: { SnsCallerArn: `arn:aws:iam::${account}:role/cognito-sms` },
      DeviceConfiguration: { ChallengeRequiredOnNewDevice: false },
      UserPoolTier: 'PLUS',
      UserPoolAddOns: {
        AdvancedSecurityMode: 'ENFORCED',
        AdvancedSecurityAdditionalFlows: { CustomAuthMode: 'ENFORCED' },
      },
    },
  })
  const { code, stderr } = await as(admin, 'plan', strict)
  t.equal(code, 0)
  for (const said of ['the pool requires MFA', 'devices are remembered', 'threat protection is enforced']) {
    t.match(stderr, new RegExp(`^warning: ${said}`, 'm'))
  }
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

import * as sdk from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { CLIENT_FIELDS, clientDifferences, clientUpdate } from '../../../src/commands/wire/client/request.js'
import { GATEWAY_VERSION } from '../../../src/env.js'
import { customerAdmin } from '../../../src/local/accounts.js'
import type { Principal } from '../../../src/local/aws/identity.js'
import type { AppClient, UserPool } from '../../../src/local/cognito/pool/pools.js'
import { startGateway } from '../../fixtures/gateway.js'
import { type CliOptions, cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'

const { stack } = await startGateway(t)
const { cognito } = stack
const account = '111122223333'
const region = 'eu-central-1'
const admin = customerAdmin(account)
const clock = createPausingClock()
const npx = `npx @corbado/cognito-gateway@${GATEWAY_VERSION}`

async function as(principal: Principal, argv: readonly string[], options: CliOptions = {}) {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(principal)
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  })
  return cli(['wire', 'client', ...argv], { clock, ...options })
}
/** The app client of a pool: no two are called the same, as in AWS. */
const idOf = (userPoolId: string) => userPoolId.split('_')[1]?.toLowerCase() ?? ''
const wire = (userPoolId: string, ...more: string[]) => as(admin, [userPoolId, idOf(userPoolId), ...more])

const may = (...actions: string[]): Principal => ({
  ...admin,
  policies: [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] }],
})

/** Everything that an app client can have set, as Cognito answers it. */
const SETTINGS = {
  RefreshTokenValidity: 7,
  AccessTokenValidity: 10,
  IdTokenValidity: 20,
  TokenValidityUnits: { AccessToken: 'minutes', IdToken: 'minutes', RefreshToken: 'days' },
  ReadAttributes: ['email', 'name'],
  WriteAttributes: ['name'],
  ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
  SupportedIdentityProviders: ['COGNITO', 'Google'],
  CallbackURLs: ['https://acme.example/callback'],
  LogoutURLs: ['https://acme.example/'],
  DefaultRedirectURI: 'https://acme.example/callback',
  AllowedOAuthFlows: ['code'],
  AllowedOAuthScopes: ['openid', 'email'],
  AllowedOAuthFlowsUserPoolClient: true,
  AnalyticsConfiguration: { ApplicationId: 'a1', RoleArn: `arn:aws:iam::${account}:role/pinpoint`, ExternalId: 'e' },
  PreventUserExistenceErrors: 'ENABLED',
  EnableTokenRevocation: false,
  EnablePropagateAdditionalUserContextData: true,
  AuthSessionValidity: 10,
  RefreshTokenRotation: { Feature: 'DISABLED', RetryGracePeriodSeconds: 0 },
} as const

let pools = 0
/** A pool with one app client, as the test wants both. */
function newPool(settings: object = SETTINGS, pool: Partial<UserPool> = {}): string {
  const userPoolId = `${region}_Client${String(++pools).padStart(4, '0')}`
  const client = {
    clientId: idOf(userPoolId),
    clientName: 'Web app',
    clientSecret: 'c4nary',
    preventUserExistenceErrors: true,
  }
  const web = { ...client, allowCustomAuth: false, settings } as unknown as AppClient
  const others = {
    accountId: account,
    region,
    name: 'acme-users',
    lambdaConfig: {},
    aliasAttributes: ['email'] as const,
  }
  cognito.putPool({ ...others, ...pool, clients: [web], userPoolId })
  return userPoolId
}

/** The app client as its owner reads it, but for the time of its last change. */
async function describe(userPoolId: string) {
  const credentials = stack.credentialsFor(admin)
  const client = new sdk.CognitoIdentityProviderClient({ region, endpoint: cognito.url, credentials })
  const asked = new sdk.DescribeUserPoolClientCommand({ UserPoolId: userPoolId, ClientId: idOf(userPoolId) })
  const { UserPoolClient } = await client.send(asked).finally(() => client.destroy())
  const { LastModifiedDate: _, ...rest } = UserPoolClient ?? {}
  return rest
}
const updates = () => cognito.calls.filter(({ operation }) => operation === 'UpdateUserPoolClient').length

t.test('refuses what cannot be meant before it asks AWS', async (t) => {
  const asked = cognito.calls.length
  for (const [pattern, ...argv] of [
    [/missing required argument 'clientId'/, 'eu-central-1_Any00001'],
    [/It is the id of an app client, such as \S+, and not its name\./, 'eu-central-1_Any00001', 'Web app'],
    [/It is the id of a user pool/, 'acme', 'web'],
    [
      /It must be written eu-central-1_Any00001: Cognito knows no Eu-Central-1_Any00001\./,
      'Eu-Central-1_Any00001',
      'web',
    ],
    [/It is the name of a region/, 'eu-central-1_Any00001', 'web', '--region', 'Frankfurt'],
  ] as const) {
    const { code, stdout, stderr } = await as(admin, argv)
    t.equal(code, 2, argv.join(' '))
    t.equal(stdout, '')
    t.match(stderr, pattern)
  }
  t.equal(cognito.calls.length, asked)
})

t.test(
  'a pool or an app client that is not there, and rights that are missing, are named; nothing is written',
  async (t) => {
    const userPoolId = newPool()
    const before = await describe(userPoolId)
    t.match(await as(admin, [userPoolId, 'mobile', '--yes']), {
      code: 1,
      stderr: `error: user pool ${userPoolId} has no app client mobile: the ids of those that it has stand in the Cognito console`,
    })
    t.match(await as(admin, [`${region}_Nobody001`, 'web', '--yes']), {
      code: 1,
      stderr: `there is no user pool ${region}_Nobody001 in`,
    })
    t.match(await as(admin, [userPoolId, idOf(userPoolId), '--region', 'eu-west-1']), {
      code: 1,
      stderr: 'in eu-west-1 of account',
    })
    const own = ['cognito-idp:DescribeUserPool', 'cognito-idp:DescribeUserPoolClient']
    for (const rights of [own.slice(0, 1), own]) {
      const { code, stderr } = await as(may(...rights), [userPoolId, idOf(userPoolId), '--yes'])
      t.equal(code, 1)
      t.match(stderr, 'It needs cognito-idp:DescribeUserPoolClient and cognito-idp:UpdateUserPoolClient on the pool')
    }
    t.same(await describe(userPoolId), before)
  },
)

t.test('a setting that this version does not know, however deep, stops the write and is named', async (t) => {
  const before = updates()
  for (const [name, settings] of [
    ['PasskeyPolicy2027', { ...SETTINGS, PasskeyPolicy2027: { Mode: 'required' } }],
    ['TokenValidityUnits.DeviceToken', { ...SETTINGS, TokenValidityUnits: { DeviceToken: 'days' } }],
  ] as const) {
    const userPoolId = newPool(settings)
    const { code, stderr } = await wire(userPoolId, '--yes')
    t.equal(code, 1)
    t.match(
      stderr,
      `error: nothing was written: this version does not know a setting of the app client, and sending it back would reset them: ${name}. `,
    )
    t.match(JSON.parse((await wire(userPoolId, '--yes', '--json')).stdout), {
      kind: 'wire-client',
      applied: false,
      unknown: [name],
      error: { exitCode: 1 },
    })
  }
  t.equal(updates(), before)
})

t.test('what CloudFormation or Terraform manages is changed there', async (t) => {
  const before = updates()
  const made = newPool()
  const web = { logicalId: 'Web', physicalId: idOf(made), type: 'AWS::Cognito::UserPoolClient' }
  stack.cloudformation.putStack({ region, accountId: account, name: 'users-prod', resources: [web] })
  const refused = await wire(made, '--yes')
  t.equal(refused.code, 1)
  t.match(refused.stdout, 'The CloudFormation stack users-prod manages this app client, as Web. Make the change with')
  t.match(
    refused.stdout,
    '  ExplicitAuthFlows:\n    - ALLOW_USER_SRP_AUTH\n    - ALLOW_REFRESH_TOKEN_AUTH\n    - ALLOW_CUSTOM_AUTH\n',
  )
  t.match(
    refused.stderr,
    'nothing was written: the CloudFormation stack users-prod manages this app client, as Web, and its',
  )
  t.equal(updates(), before)
  t.match(await wire(made, '--yes', '--unmanaged'), { code: 0 })

  const tagged = newPool(SETTINGS, { settings: { UserPoolTags: { ManagedBy: 'Terraform' } } })
  const json = JSON.parse((await wire(tagged, '--yes', '--json')).stdout)
  t.match(json, { applied: false, management: { tool: 'terraform' }, error: { exitCode: 1 } })
  t.equal(
    json.print.text,
    'explicit_auth_flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH"]\n',
  )
  // A stack may have the pool alone.
  const stacked = newPool(SETTINGS, { settings: { UserPoolTags: { 'aws:cloudformation:stack-name': 'users' } } })
  t.match(await wire(stacked, '--yes'), { code: 0 })
  const unseen = newPool()
  const unknown = await as(may('cognito-idp:*'), [unseen, idOf(unseen), '--yes'])
  t.equal(unknown.code, 0)
  const asked = await as(may('cognito-idp:*'), [unseen, idOf(unseen), '--undo'])
  t.match(asked.stderr, 'it is not known whether a CloudFormation stack made this app client')
})

t.test('one flow more and nothing else: shown first, written after a yes, and taken back', async (t) => {
  const userPoolId = newPool()
  const before = await describe(userPoolId)
  const count = updates()
  const shown = await wire(userPoolId)
  t.equal(shown.code, 1)
  t.match(
    shown.stdout,
    `User pool ${userPoolId} (acme-users) in ${region} of account ${account}\n  as ${admin.arn}\napp client Web app (${idOf(userPoolId)})\n`,
  )
  t.match(
    shown.stdout,
    '  ~ ExplicitAuthFlows: ["ALLOW_USER_SRP_AUTH","ALLOW_REFRESH_TOKEN_AUTH"] -> ["ALLOW_USER_SRP_AUTH","ALLOW_REFRESH_TOKEN_AUTH","ALLOW_CUSTOM_AUTH"]\n',
  )
  t.match(shown.stdout, `you also need iam:PassRole on arn:aws:iam::${account}:role/pinpoint.`)
  t.match(
    shown.stdout,
    `Nothing was written. To write it:\n  ${npx} wire client ${userPoolId} ${idOf(userPoolId)} --yes\n`,
  )
  t.equal(updates(), count)
  const agreed = await as(admin, [userPoolId, idOf(userPoolId)], { isTTY: true, stdin: 'yes\n' })
  t.match(agreed, { code: 0, stdout: 'Written. Read again, the app client differs in nothing but this.' })
  t.same(await describe(userPoolId), {
    ...before,
    ExplicitAuthFlows: [...SETTINGS.ExplicitAuthFlows, 'ALLOW_CUSTOM_AUTH'],
  })
  t.match(await wire(userPoolId, '--yes'), { code: 0, stdout: '  Nothing to do.\n' })
  t.equal(updates(), count + 1)

  const undone = await wire(userPoolId, '--undo', '--json')
  t.match(JSON.parse(undone.stdout), { kind: 'wire-client', applied: false, changes: [{ field: 'ExplicitAuthFlows' }] })
  t.equal(undone.code, 1)
  const back = await wire(userPoolId, '--undo', '--yes', '--json')
  t.match(JSON.parse(back.stdout), { applied: true, clientId: idOf(userPoolId), name: 'Web app', different: [] })
  t.same(await describe(userPoolId), before)
  for (const { stdout, stderr } of [shown, agreed, undone, back]) t.notMatch(`${stdout}${stderr}`, 'c4nary')
})

t.test('without a flow named, or under the old names, there is nothing to do, and nothing to take back', async (t) => {
  for (const flows of [[], ['USER_PASSWORD_AUTH'], ['CUSTOM_AUTH_FLOW_ONLY']]) {
    const userPoolId = newPool({ ...SETTINGS, ExplicitAuthFlows: flows })
    t.match(await wire(userPoolId, '--yes'), { code: 0, stdout: 'Nothing to do.' }, flows.join())
    t.match(await wire(userPoolId, '--undo', '--yes'), { code: 1, stderr: 'names no flow that begins with ALLOW_' })
  }
  const only = newPool({ ...SETTINGS, ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH'] })
  t.match(await wire(only, '--undo', '--yes'), {
    code: 1,
    stderr: 'ALLOW_CUSTOM_AUTH is the only flow of this app client',
  })
})

t.test('what the doctor would warn of in this app client, the plan does', async (t) => {
  const { stderr } = await wire(newPool({ ...SETTINGS, PreventUserExistenceErrors: 'LEGACY' }))
  t.match(
    stderr,
    /^warning: A login tells whether a user exists, through Web app \(\w+\)\. Set PreventUserExistenceErrors/,
  )
})

t.test('a refusal of Cognito, and a change that is not known to be made, are told as what they are', async (t) => {
  const refusing = newPool()
  await cognito.setFault(
    {
      kind: 'say',
      say: (response) => {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
        response.end(JSON.stringify({ __type: 'InvalidParameterException', message: 'No such flow.' }))
        return true
      },
    },
    'UpdateUserPoolClient',
  )
  const refused = await wire(refusing, '--yes')
  await cognito.setFault(undefined)
  t.equal(refused.code, 1)
  t.match(refused.stderr, /Cognito refused the change, and nothing was changed: InvalidParameterException/)
  await cognito.setFault({ kind: 'status', status: 500 }, 'UpdateUserPoolClient')
  const unknown = await wire(refusing, '--yes')
  await cognito.setFault(undefined)
  t.match(unknown, { code: 1, stderr: 'it is not known whether the app client was changed' })
})

t.test('every field of the SDK is sent back, changed or only told', async (t) => {
  const members = (schema: unknown) => [...(schema as readonly [number, string, string, number, readonly string[]])[4]]
  t.same(Object.keys(CLIENT_FIELDS).sort(), members(sdk.UserPoolClientType$).sort())
  const sent = Object.entries(CLIENT_FIELDS).filter(([, kind]) => kind !== 'describe-only')
  t.same(sent.map(([name]) => name).sort(), members(sdk.UpdateUserPoolClientRequest$).sort())
  const client = {
    UserPoolId: 'p',
    ClientId: 'web',
    ClientSecret: 'c4nary',
    AnalyticsConfiguration: {},
    ReadAttributes: [],
  }
  const plan = { from: [], to: ['ALLOW_CUSTOM_AUTH'] } as const
  t.same(clientUpdate(client, plan), {
    UserPoolId: 'p',
    ClientId: 'web',
    ReadAttributes: [],
    ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH'],
  })
  const after = { ...client, ExplicitAuthFlows: [...plan.to] }
  t.same(clientDifferences(client, plan, after), [])
  t.same(clientDifferences({ ...client, IdTokenValidity: 5 }, plan, after), ['IdTokenValidity'])
  t.same(clientDifferences(client, plan, client), ['ExplicitAuthFlows'])
})

import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { CognitoIdentityProviderClient, DescribeUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { GATEWAY_VERSION } from '../../../src/env.js'
import { customerAdmin } from '../../../src/local/accounts.js'
import type { Principal } from '../../../src/local/aws/identity.js'
import { startLogin } from '../../../src/local/clients/login.js'
import type { UserPool } from '../../../src/local/cognito/index.js'
import { hostedArn } from '../../../src/local/world/tenants.js'
import { createFrozenClock } from '../../fixtures/clock.js'
import { everyTrigger, fullPool } from '../../fixtures/full-pool.js'
import { CLIENT_ID, startGateway, untilWaiting } from '../../fixtures/gateway.js'
import { stayOnLoopback } from '../../fixtures/loopback.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { type CliOptions, cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'
import { holdWhile } from '../fixtures/gate.js'

const strangers = stayOnLoopback(t)
const { stack, addTenant } = await startGateway(t)
const { cognito } = stack

const account = '111122223333'
const region = 'eu-central-1'
const arn = hostedArn('t-acme')
const admin = customerAdmin(account)
const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const
const npx = `npx @corbado/cognito-gateway@${GATEWAY_VERSION}`

/** Runs a command line under the given credentials, and leaves those of the gateway in the process. */
async function as(principal: Principal, argv: readonly string[], options: CliOptions = {}) {
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(principal)
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  })
  try {
    return await cli(['wire', ...argv], { clock, ...options })
  } finally {
    Object.assign(process.env, before)
  }
}

const clock = createPausingClock()
let pools = 0
/** A pool of the customer's as the test wants it, under an id of its own. */
function newPool(overrides: Partial<UserPool> = {}): string {
  return putPool(`${region}_Wire${String(++pools).padStart(5, '0')}`, overrides)
}

function putPool(userPoolId: string, { settings, fixed, ...others }: Partial<UserPool>): string {
  cognito.putPool({
    accountId: account,
    region,
    name: 'acme-users',
    lambdaConfig: {},
    clients: [],
    aliasAttributes: ['email'],
    ...others,
    // Nothing that the doctor would warn of.
    fixed: { UsernameConfiguration: { CaseSensitive: false }, ...fixed },
    settings: { AutoVerifiedAttributes: ['email'], ...settings },
    userPoolId,
  })
  return userPoolId
}

/** The pool as its owner reads it, but for the times of its last change. */
async function describe(userPoolId: string) {
  const client = new CognitoIdentityProviderClient({
    region,
    endpoint: cognito.url,
    credentials: stack.credentialsFor(admin),
  })
  const { UserPool: pool } = await client.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }))
  client.destroy()
  const { LastModifiedDate: _, ...rest } = pool ?? {}
  return rest
}

const updates = () => cognito.calls.filter(({ operation }) => operation === 'UpdateUserPool').length
const plan = (userPoolId: string, ...more: string[]) => as(admin, ['plan', userPoolId, '--arn', arn, ...more])
const apply = (userPoolId: string, ...more: string[]) => as(admin, ['apply', userPoolId, '--arn', arn, ...more])
const undo = (userPoolId: string, file: string, ...more: string[]) =>
  as(admin, ['undo', userPoolId, '--snapshot', file, ...more])
const snapshotIn = (t: { testdir(files: Record<string, string>): string }) => `${t.testdir({})}/before.json`
const holding = (held: string) => Object.fromEntries(custom.map((slot) => [slot, held]))
const changesFrom = (held?: string) => custom.map((field) => ({ field, ...(held && { from: held }), to: arn }))

t.test('refuses what cannot be meant before it asks AWS', async (t) => {
  const asked = cognito.calls.length
  const pool = 'eu-central-1_Any00001'
  const refused = async (pattern: RegExp, ...argv: string[]) => {
    const { code, stdout, stderr } = await as(admin, argv)
    t.equal(code, 2, argv.join(' '))
    t.equal(stdout, '')
    t.match(stderr, pattern)
  }
  await refused(/required option '--arn <arn>' not specified/, 'plan', pool)
  await refused(/required option '--snapshot <file>' not specified/, 'undo', pool)
  await refused(/missing required argument 'userPoolId'/, 'apply', '--arn', arn)
  await refused(/It is the id of a user pool, such as/, 'plan', 'acme', '--arn', arn)
  const unqualified = arn.replace(':t-acme', '')
  await refused(/The alias at its end is missing\./, 'plan', pool, '--arn', unqualified)
  await refused(/Cognito takes an alias, no version\./, 'plan', pool, '--arn', `${unqualified}:7`)
  await refused(/Cognito takes an alias, no version\./, 'plan', pool, '--arn', `${unqualified}:$LATEST`)
  await refused(/It has the form arn:aws:lambda:/, 'plan', pool, '--arn', arn.replace('lambda', 'sns'))
  await refused(/It is one of PreSignUp, PostConfirmation/, 'plan', pool, '--arn', arn, '--also', 'preSignUp')
  await refused(/Corbado does not deliver messages/, 'apply', pool, '--arn', arn, '--also', 'CustomSMSSender')
  await refused(/It is <slot>=<the ARN that the slot holds now>/, 'apply', pool, '--arn', arn, '--replace', 'PreSignUp')
  await refused(/It is <slot>=<the ARN/, 'apply', pool, '--arn', arn, '--replace', 'CustomSMSSender=arn:x')
  for (const line of ['plan', 'apply']) {
    await refused(
      /It must be written eu-central-1_Any00001: Cognito knows no EU-Central-1_Any00001\./,
      line,
      'EU-Central-1_Any00001',
      '--arn',
      arn,
    )
  }
  await refused(/Allowed choices are cloudformation, terraform/, 'plan', pool, '--arn', arn, '--as', 'pulumi')
  t.equal(cognito.calls.length, asked)
})

t.test('says whose credentials are wrong if the pool is not theirs', async (t) => {
  const userPoolId = newPool()
  const before = updates()
  const stranger = await as(customerAdmin('444455556666'), ['apply', userPoolId, '--arn', arn, '--yes'])
  t.equal(stranger.code, 1)
  t.equal(
    stranger.stderr,
    `error: there is no user pool ${userPoolId} in eu-central-1 of account 444455556666, as whose ` +
      'arn:aws:sts::444455556666:assumed-role/customer-admin/local you are signed in: use credentials of the account ' +
      'that owns it; or is the id wrong?\n',
  )
  const elsewhere = await as(admin, ['plan', userPoolId, '--arn', arn.replace(region, 'eu-west-1')])
  t.equal(elsewhere.code, 1)
  t.match(elsewhere.stderr, `no user pool ${userPoolId} in eu-west-1 of account ${account}`)
  t.match(elsewhere.stderr, "Its id begins with eu-central-1: in that region it needs that region's hosted ARN")
  const nobody = await as({ ...admin, policies: [] }, ['plan', userPoolId, '--arn', arn])
  t.equal(nobody.code, 1)
  t.match(nobody.stderr, /^error: \S+customer-admin\/local may not do this: AccessDeniedException: User: /)
  t.match(nobody.stderr, 'It needs cognito-idp:DescribeUserPool and cognito-idp:UpdateUserPool on the pool')
  await stack.sts.setFault({ kind: 'status', status: 500 })
  const unknown = await as({ ...admin, policies: [] }, ['plan', userPoolId, '--arn', arn])
  await stack.sts.setFault(undefined)
  t.match(unknown.stderr, 'the owner of these AWS credentials may not do this')
  t.equal(updates(), before)
})

t.test('says that there are no credentials, or that they are no longer good', async (t) => {
  const userPoolId = newPool()
  const expired = { ...admin, arn: `arn:aws:sts::${account}:assumed-role/gone/local`, roleArn: 'gone' }
  const running = as(expired, ['plan', userPoolId, '--arn', arn])
  stack.identity.revoke(expired.arn)
  const { code, stderr } = await running
  t.equal(code, 1)
  t.match(
    stderr,
    /^error: cognito_expired: \w+: .*: the AWS credentials have expired or are not known: sign in again\n$/,
  )

  const off = {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_CONFIG_FILE: '/dev/null',
  }
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
  t.teardown(() => Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }))
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete process.env[name]
  Object.assign(process.env, off)
  const none = await cli(['wire', 'plan', userPoolId, '--arn', arn])
  for (const name of Object.keys(off)) delete process.env[name]
  t.equal(none.code, 1)
  t.match(none.stderr, /^error: no AWS credentials here: sign in \(aws sso login/)
})

t.test('a slot in use is refused, by name, and let go only for exactly what it holds', async (t) => {
  const old = `arn:aws:lambda:${region}:${account}:function:my-define`
  const userPoolId = newPool({ lambdaConfig: { DefineAuthChallenge: old } })
  const before = updates()
  for (const command of [plan, apply]) {
    const { code, stdout } = await command(userPoolId, ...(command === apply ? ['--yes'] : []))
    t.equal(code, 1)
    t.match(stdout, `  ! DefineAuthChallenge holds ${old}\n`)
    t.match(stdout, `--arn ${arn} --replace DefineAuthChallenge=${old}\n`)
  }
  const guessed = await apply(userPoolId, '--yes', '--replace', `DefineAuthChallenge=${old}:live`)
  t.equal(guessed.code, 1)
  t.match(guessed.stdout, `  ! DefineAuthChallenge holds ${old}, not ${old}:live\n`)
  t.match(guessed.stdout, `--arn ${arn} --replace DefineAuthChallenge=${old}\n`)
  const json = await apply(userPoolId, '--yes', '--json')
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), { applied: false, taken: [{ slot: 'DefineAuthChallenge', holds: old }] })
  t.equal(updates(), before)
  const right = await apply(userPoolId, '--yes', '--replace', `DefineAuthChallenge=${old}`, '--snapshot', snapshotIn(t))
  t.match(right, { code: 0, stderr: /^warning: DefineAuthChallenge holds a function of your own: [^\n]+\n$/ })
  t.match(await describe(userPoolId), { LambdaConfig: holding(arn) })
})

t.test('a pool that CloudFormation or Terraform manages is changed there', async (t) => {
  const before = updates()
  const tags = { 'aws:cloudformation:stack-name': 'users', team: 'identity' }
  const PreSignUp = `arn:aws:lambda:${region}:${account}:function:sign-up`
  const stacked = newPool({ settings: { UserPoolTags: tags }, lambdaConfig: { PreSignUp } })
  const shown = await plan(stacked)
  t.equal(shown.code, 0)
  t.match(
    shown.stdout,
    `
Its tag aws:cloudformation:stack-name=users says that CloudFormation manages this pool. Make the change with CloudFormation, or its next run takes it back. The pool's whole set of triggers, to stand under Properties of the AWS::Cognito::UserPool (in CDK: of its CfnUserPool):

  LambdaConfig:
    PreSignUp: ${PreSignUp}
    DefineAuthChallenge: ${arn}
    CreateAuthChallenge: ${arn}
    VerifyAuthChallengeResponse: ${arn}
`,
  )
  t.notMatch(shown.stdout, 'wire apply')
  const refused = await apply(stacked, '--yes')
  t.equal(refused.code, 1)
  t.match(
    refused.stderr,
    'error: nothing was written: its tag aws:cloudformation:stack-name=users says that CloudFormation',
  )
  t.match(
    refused.stderr,
    `If that is wrong, add --unmanaged; else see how to make it there: ${npx} wire plan ${stacked} --arn ${arn} --as cloudformation\n`,
  )

  const planned = newPool({ settings: { UserPoolTags: { ManagedBy: 'Terraform' } } })
  const json = JSON.parse((await plan(planned, '--json')).stdout)
  t.match(json, { management: { tool: 'terraform', tag: 'ManagedBy=Terraform' }, print: { tool: 'terraform' } })
  t.match(json.print.text, `lambda_config {\n  define_auth_challenge          = "${arn}"\n`)
  t.equal((await apply(planned, '--yes', '--json')).code, 1)
  t.equal(updates(), before)

  const untagged = await plan(newPool(), '--as', 'terraform')
  t.match(untagged.stdout, '\nMake the change with Terraform, or its next run takes it back. ')
  const anyway = await apply(stacked, '--yes', '--unmanaged', '--snapshot', snapshotIn(t))
  t.match(anyway, { code: 0, stderr: '' })
  t.match(await describe(stacked), { LambdaConfig: { PreSignUp, ...holding(arn) } })
})

/** A stack with this pool among its resources. */
function putStack(physicalId: string, place: { region?: string; accountId?: string; status?: string } = {}): void {
  const { status, ...where } = place
  const poolOf = { logicalId: 'Customers', physicalId, type: 'AWS::Cognito::UserPool', ...(status && { status }) }
  const role = { logicalId: 'Role', physicalId: `role-of-${physicalId}`, type: 'AWS::IAM::Role' }
  stack.cloudformation.putStack({ region, accountId: account, name: 'users-prod', ...where, resources: [role, poolOf] })
}

const unknown = (said: string) =>
  'warning: it is not known whether a CloudFormation stack made this pool (cloudformation:DescribeStackResources: ' +
  `CloudFormation said ${said}); only its tags were looked at. If one did, see wire plan --as cloudformation\n`

t.test('a pool in a CloudFormation stack is changed there, whatever its tags say', async (t) => {
  const before = updates()
  for (const tags of [{}, { ManagedBy: 'Terraform' }]) {
    const userPoolId = newPool({ settings: { UserPoolTags: tags } })
    putStack(userPoolId)
    const shown = await plan(userPoolId)
    t.match(shown, { code: 0, stderr: '' })
    t.match(
      shown.stdout,
      `\nThe CloudFormation stack users-prod manages this pool, as Customers. Make the change with CloudFormation, or its`,
    )
    t.match(shown.stdout, `\n  LambdaConfig:\n    DefineAuthChallenge: ${arn}\n`)
    t.notMatch(shown.stdout, 'wire apply')
    const json = JSON.parse((await plan(userPoolId, '--json')).stdout)
    const management = { tool: 'cloudformation', stack: 'users-prod', resource: 'Customers' }
    t.match(json, { management, print: { tool: 'cloudformation' }, warnings: [] })
    const refused = await apply(userPoolId, '--yes')
    t.equal(refused.code, 1)
    t.match(
      refused.stderr,
      'error: nothing was written: the CloudFormation stack users-prod manages this pool, as Customers, and its next run',
    )
    t.match(
      refused.stderr,
      `If that is wrong, add --unmanaged; else see how to make it there: ${npx} wire plan ${userPoolId} --arn ${arn} --as cloudformation\n`,
    )
    t.equal(updates(), before)
  }
})

t.test('a pool that no stack of its account and region has any more is written', async (t) => {
  const userPoolId = newPool()
  putStack(`${userPoolId}x`)
  putStack(userPoolId, { region: 'eu-west-1' })
  putStack(userPoolId, { accountId: '444455556666' })
  const asked = stack.cloudformation.calls.length
  t.match(await plan(userPoolId), { code: 0, stderr: '', stdout: `wire apply ${userPoolId}` })
  t.match(stack.cloudformation.calls.slice(asked), [
    { operation: 'DescribeStackResources', principal: admin.arn, input: { PhysicalResourceId: userPoolId } },
  ])
  t.match(await apply(userPoolId, '--yes', '--snapshot', snapshotIn(t)), { code: 0, stderr: '' })
  t.match(await describe(userPoolId), { LambdaConfig: holding(arn) })

  const letGo = newPool()
  putStack(letGo, { status: 'DELETE_SKIPPED' })
  t.match(await plan(letGo), { code: 0, stderr: '', stdout: `wire apply ${letGo}` })
  const made = newPool()
  putStack(made)
  const anyway = await apply(made, '--yes', '--unmanaged', '--snapshot', snapshotIn(t))
  t.match(anyway, { code: 0, stderr: '' })
})

t.test('if CloudFormation does not say, that is told in a line, and the tags count', async (t) => {
  const least = { ...admin, policies: [allow('cognito-idp:*')] }
  const userPoolId = newPool()
  putStack(userPoolId)
  const denied = await as(least, ['plan', userPoolId, '--arn', arn])
  t.match(denied, { code: 0, stderr: unknown('AccessDenied'), stdout: `wire apply ${userPoolId}` })
  const tagged = newPool({ settings: { UserPoolTags: { ManagedBy: 'Terraform' } } })
  const terraform = await as(least, ['plan', tagged, '--arn', arn, '--json'])
  t.match(JSON.parse(terraform.stdout), {
    management: { tool: 'terraform' },
    warnings: [unknown('AccessDenied').replace('warning: ', '').trimEnd()],
  })
  const faults = [
    [{ kind: 'refuse' }, 'ECONNREFUSED'],
    [{ kind: 'status', status: 500 }, 'InternalFailure'],
    [{ kind: 'status', status: 400 }, 'ValidationError'],
  ] as const
  for (const [fault, said] of faults) {
    await stack.cloudformation.setFault(fault)
    t.match(await plan(userPoolId), { code: 0, stdout: `wire apply ${userPoolId}`, stderr: unknown(said) }, said)
  }
  await stack.cloudformation.setFault({ kind: 'status', status: 500 })
  const written = await apply(userPoolId, '--yes', '--snapshot', snapshotIn(t))
  await stack.cloudformation.setFault(undefined)
  t.match(written, { code: 0, stderr: unknown('InternalFailure') })
  t.match(await describe(userPoolId), { LambdaConfig: holding(arn) })
})

t.test('CloudFormation is waited for 5 s, and the plan is shown without it', async (t) => {
  const userPoolId = newPool()
  await stack.cloudformation.setFault({ kind: 'hang' })
  const clock = createFrozenClock()
  const running = as(admin, ['plan', userPoolId, '--arn', arn], { clock })
  await untilWaiting(stack.cloudformation)
  clock.advance(4_999)
  t.equal(stack.cloudformation.waiting(), 1)
  clock.advance(1)
  t.match(await running, {
    code: 0,
    stdout: `wire apply ${userPoolId}`,
    stderr: unknown('TimeoutError').replace('said TimeoutError', 'did not answer in time'),
  })
  await stack.cloudformation.setFault(undefined)
})

t.test('shows the plan, and writes nothing without a yes', async (t) => {
  const userPoolId = newPool()
  const before = updates()
  const shown = await plan(userPoolId)
  t.equal(shown.code, 0)
  t.equal(shown.stderr, '')
  const title = `User pool ${userPoolId} (acme-users) in eu-central-1 of account ${account}`
  const stays = 'All else stays: 10 settings and the other triggers are sent back as they were read.'
  const lines = custom.map((slot) => `  + ${slot}: "${arn}"\n`).join('')
  t.equal(
    shown.stdout,
    `${title}
  as ${admin.arn}
${lines}  ${stays}

Nothing was written. If CloudFormation, CDK or Terraform makes this pool, see the same with --as cloudformation or --as terraform. Else, once Corbado has said that its function lets this pool in, write it:
  ${npx} wire apply ${userPoolId} --arn ${arn}
`,
  )
  t.same(JSON.parse((await plan(userPoolId, '--json')).stdout), {
    kind: 'wire-plan',
    applied: false,
    userPoolId,
    name: 'acme-users',
    arn: `arn:aws:cognito-idp:eu-central-1:${account}:userpool/${userPoolId}`,
    as: admin.arn,
    changes: changesFrom(),
    taken: [],
    warnings: [],
    rights: [
      {
        action: 'cognito-idp:UpdateUserPool',
        resource: `arn:aws:cognito-idp:eu-central-1:${account}:userpool/${userPoolId}`,
      },
    ],
  })
  const unasked = await apply(userPoolId)
  t.match(unasked, { code: 1, stderr: '' })
  t.match(unasked.stdout, `\nNothing was written. To write it:\n  ${npx} wire apply ${userPoolId} --arn ${arn} --yes\n`)
  t.match(JSON.parse((await apply(userPoolId, '--json')).stdout), { applied: false, changes: changesFrom() })
  const argv = ['apply', userPoolId, '--arn', arn]
  const no = await as(admin, argv, { isTTY: true, stdin: '\n' })
  t.match(no, { code: 1, stdout: 'Nothing was written.' })
  t.match(no.stderr, 'Write this? [y/N] ')
  t.equal(updates(), before)
  const snapshot = snapshotIn(t)
  t.match(await as(admin, [...argv, '--snapshot', snapshot], { isTTY: true, stdin: 'y\n' }), { code: 0 })
  t.equal(updates(), before + 1)
})

t.test('only the triggers change in a pool with everything set, and undo brings them back', async (t) => {
  const userPoolId = newPool(fullPool)
  const before = await describe(userPoolId)
  const replace = custom.flatMap((slot) => ['--replace', `${slot}=${everyTrigger[slot]}`])
  const snapshot = snapshotIn(t)
  const { code, stdout, stderr } = await apply(userPoolId, '--yes', '--json', '--snapshot', snapshot, ...replace)
  t.equal(stderr, '')
  t.equal(code, 0)
  const changes = custom.map((field) => ({ field, from: everyTrigger[field], to: arn }))
  t.match(JSON.parse(stdout), { applied: true, changes, snapshot, different: [] })
  const { LambdaConfig, ...rest } = await describe(userPoolId)
  const { LambdaConfig: old, ...restBefore } = before
  t.same(rest, restBefore)
  t.same(LambdaConfig, { ...old, ...holding(arn) })

  t.equal((await stat(snapshot)).mode & 0o777, 0o600)
  t.match(JSON.parse(await readFile(snapshot, 'utf8')), {
    userPoolId,
    region,
    takenAt: '2026-01-01T00:00:00.000Z',
    changed: Object.fromEntries(custom.map((slot) => [slot, { before: everyTrigger[slot], after: arn }])),
    userPool: { Id: userPoolId, LambdaConfig: { ...old }, Policies: before.Policies },
  })

  t.match(await undo(userPoolId, snapshot), {
    code: 1,
    stdout: `wire undo ${userPoolId} --snapshot ${snapshot} --yes\n`,
  })
  const undone = await undo(userPoolId, snapshot, '--yes')
  t.match(undone, { code: 0, stderr: '' })
  t.match(undone.stdout, `  ~ CreateAuthChallenge: "${arn}" -> "${everyTrigger.CreateAuthChallenge}"\n`)
  t.match(undone.stdout, 'Written. Read again, the pool differs in nothing but these triggers.\n')
  t.same(await describe(userPoolId), before)
})

t.test('every further trigger can point at Corbado and come back, with what belongs to it', async (t) => {
  const also = ['PreSignUp', 'PreTokenGeneration', 'InboundFederation', 'CustomMessage'].flatMap((slot) => [
    '--also',
    slot,
  ])
  for (const lambdaConfig of [{}, { CustomSMSSender: everyTrigger.CustomSMSSender, KMSKeyID: everyTrigger.KMSKeyID }]) {
    const userPoolId = newPool({ lambdaConfig })
    const before = await describe(userPoolId)
    const snapshot = snapshotIn(t)
    t.match(await apply(userPoolId, '--yes', '--snapshot', snapshot, ...also), { code: 0, stderr: '' })
    t.match(await describe(userPoolId), {
      LambdaConfig: {
        ...lambdaConfig,
        ...holding(arn),
        PreSignUp: arn,
        CustomMessage: arn,
        PreTokenGeneration: arn,
        InboundFederation: { LambdaVersion: 'V1_0', LambdaArn: arn },
      },
    })
    t.match(await undo(userPoolId, snapshot, '--yes'), { code: 0, stderr: '' })
    t.same(await describe(userPoolId), before)
  }
})

t.test('a second apply, and a second undo, find nothing to do and write nothing', async (t) => {
  const userPoolId = newPool()
  const snapshot = snapshotIn(t)
  await apply(userPoolId, '--yes', '--snapshot', snapshot)
  const written = updates()
  const again = await apply(userPoolId, '--yes')
  t.match(again, { code: 0, stderr: '', stdout: '  Nothing to do.\n' })
  t.match(JSON.parse((await apply(userPoolId, '--yes', '--json')).stdout), { applied: false, changes: [] })
  t.equal(updates(), written)
  await undo(userPoolId, snapshot, '--yes')
  t.match(await undo(userPoolId, snapshot, '--yes'), { code: 0, stderr: '', stdout: '  Nothing to do.\n' })
  t.equal(updates(), written + 1)
})

t.test('undo puts back nothing if one of its triggers was changed since', async (t) => {
  const userPoolId = newPool()
  const snapshot = snapshotIn(t)
  await apply(userPoolId, '--yes', '--snapshot', snapshot)
  const mine = `arn:aws:lambda:${region}:${account}:function:mine`
  const lambdaConfig = { ...holding(arn), CreateAuthChallenge: mine }
  cognito.putPool({ ...fullPool, userPoolId, settings: {}, lambdaConfig })
  const before = updates()
  const { code, stdout } = await undo(userPoolId, snapshot, '--yes')
  t.equal(code, 1)
  t.match(stdout, `  ! CreateAuthChallenge holds ${mine}, not ${arn}\n`)
  t.match(stdout, '\nNothing was put back, also not the other triggers')
  t.equal((await undo(userPoolId, snapshot, '--yes', '--json')).code, 1)
  cognito.putPool({ ...fullPool, userPoolId, settings: {}, lambdaConfig: { DefineAuthChallenge: arn } })
  t.equal((await undo(userPoolId, snapshot, '--yes')).code, 0, 'what is gone already is not in the way')
  t.equal(updates(), before + 1)
})

t.test('undo takes nothing but the snapshot of this pool', async (t) => {
  const userPoolId = newPool()
  const [torn, other, odd] = ['torn.json', 'other.json', 'odd.json'].map((name) => `${t.testdirName}/${name}`)
  const snapshot = { userPoolId, region, changed: { DefineAuthChallenge: { before: null, after: arn } } }
  t.testdir({
    'torn.json': '{"userPoolId":',
    'other.json': JSON.stringify({ ...snapshot, userPoolId: 'eu-central-1_Other' }),
    'odd.json': JSON.stringify({ ...snapshot, changed: { KMSKeyID: { before: null, after: arn } } }),
  })
  for (const [file = '', said] of [
    [torn, 'is not a snapshot that wire apply wrote'],
    [odd, 'is not a snapshot that wire apply wrote'],
    [other, 'is the snapshot of user pool eu-central-1_Other, not of'],
    ['/nowhere.json', 'cannot be read (ENOENT)'],
  ]) {
    const { code, stderr } = await undo(userPoolId, file, '--yes')
    t.equal(code, 2)
    t.match(stderr, `error: ${file} ${said}`)
  }
})

t.test('a snapshot that an editor put a byte order mark before is accepted', async (t) => {
  const userPoolId = newPool()
  const before = await describe(userPoolId)
  const snapshot = snapshotIn(t)
  t.match(await apply(userPoolId, '--yes', '--snapshot', snapshot), { code: 0, stderr: '' })
  await writeFile(snapshot, `\ufeff${await readFile(snapshot, 'utf8')}`)
  t.match(await undo(userPoolId, snapshot, '--yes'), { code: 0, stderr: '' })
  t.same(await describe(userPoolId), before)
})

/** What a Cognito of next year may answer beside what this version knows: a new key, one deep inside, one in a list. */
const ofNextYear = {
  top: { fixed: { PasskeyPolicy2027: { Mode: 'required' } } },
  deep: { settings: { Policies: { PasswordPolicy: { MinimumLength: 12, MinimumWords: 3 } } } },
  list: {
    settings: { AccountRecoverySetting: { RecoveryMechanisms: [{ Name: 'verified_email', Priority: 1, After: 5 }] } },
  },
} as unknown as Readonly<Record<string, Partial<UserPool>>>
const unknownNames: Readonly<Record<string, string>> = {
  top: 'PasskeyPolicy2027',
  deep: 'Policies.PasswordPolicy.MinimumWords',
  list: 'AccountRecoverySetting.RecoveryMechanisms.After',
}

t.test('a setting that this version does not know, however deep, stops the write and is named', async (t) => {
  for (const [kind, changes] of Object.entries(ofNextYear)) {
    const pool = newPool(changes)
    const before = updates()
    const shown = await plan(pool)
    t.equal(shown.code, 1, kind)
    t.equal((await plan(pool, '--json', '--exit-code')).code, 1, 'a problem counts for more')
    t.equal((await plan(pool, '--as', 'terraform')).code, 0, 'another tool writes it')
    t.match(shown.stdout, `reset them: ${unknownNames[kind]}. Use a newer version`)
    t.notMatch(shown.stdout, 'wire apply')
    t.notMatch(shown.stdout, 'All else stays')
    const file = snapshotIn(t)
    const { code, stderr } = await apply(pool, '--yes', '--snapshot', file)
    t.equal(code, 1)
    t.match(stderr, `error: nothing was written: this version does not know a setting of the pool, and sending`)
    t.match(stderr, `reset them: ${unknownNames[kind]}. Use a newer version, or make the change with the tool`)
    t.match(stderr, `${npx} wire plan ${pool} --arn ${arn} --as terraform`)
    t.match(JSON.parse((await plan(pool, '--json')).stdout), { unknown: [unknownNames[kind]] })
    t.equal(updates(), before)
    await t.rejects(stat(file), { code: 'ENOENT' })
  }
})

t.test(
  'a setting that is new since the snapshot stops undo, and one that is new after the write is told',
  async (t) => {
    const pool = newPool()
    const file = snapshotIn(t)
    t.equal((await apply(pool, '--yes', '--snapshot', file)).code, 0)
    putPool(pool, { lambdaConfig: holding(arn), ...ofNextYear.top })
    const before = updates()
    t.match(await undo(pool, file, '--yes'), {
      code: 1,
      stderr: 'reset them: PasskeyPolicy2027. Use a newer version, or put',
    })
    t.equal(updates(), before)

    const other = newPool()
    await holdWhile(cognito, 'DescribeUserPool', 3, () =>
      putPool(other, { lambdaConfig: holding(arn), ...ofNextYear.top }),
    )
    const late = await apply(other, '--yes', '--snapshot', snapshotIn(t))
    await cognito.setFault(undefined)
    t.match(late, { code: 1, stderr: 'this is not as it should be: PasskeyPolicy2027' })
  },
)

t.test('the snapshot is what Cognito answered, word for word', async (t) => {
  const pool = newPool({ settings: { Policies: { PasswordPolicy: { MinimumLength: 12 } } } })
  const file = snapshotIn(t)
  t.equal((await apply(pool, '--yes', '--snapshot', file)).code, 0)
  const { userPool } = JSON.parse(await readFile(file, 'utf8'))
  t.type(userPool.CreationDate, 'number', 'as the wire has it')
  t.match(userPool, { Id: pool, LambdaConfig: {}, Policies: { PasswordPolicy: { MinimumLength: 12 } } })
})

t.test('a change of the pool by others is waited for once, and then given up', async (t) => {
  const userPoolId = newPool()
  const dir = t.testdir({})
  const pauses = clock.pauses.length
  cognito.setConcurrentUpdates(userPoolId, 1)
  const once = await apply(userPoolId, '--yes', '--snapshot', `${dir}/once.json`)
  t.match(once, { code: 0, stderr: '' })
  t.match(await describe(userPoolId), { LambdaConfig: holding(arn) })
  t.same(clock.pauses.slice(pauses), [500])

  cognito.setConcurrentUpdates(userPoolId, 2)
  const { code, stderr } = await undo(userPoolId, `${dir}/once.json`, '--yes')
  t.equal(code, 1)
  t.match(stderr, 'error: another change of the pool is under way; nothing was changed. Try again in a minute\n')
  const busy = newPool()
  cognito.setConcurrentUpdates(busy, 2)
  t.equal((await apply(busy, '--yes', '--snapshot', `${dir}/busy.json`)).code, 1)
  t.same(await readdir(dir), ['once.json'], 'no snapshot of a change that did not happen')
  t.same(clock.pauses.slice(pauses), [500, 500, 500])
})

/** Acts on the pool while the n-th call of an operation is on its way. */
async function during(operation: string, nth: number, act: () => unknown, work: () => ReturnType<typeof apply>) {
  await holdWhile(cognito, operation, nth, act)
  const result = await work()
  await cognito.setFault(undefined)
  return result
}

t.test('writes what the pool is now, not what it was when it was shown', async (t) => {
  const userPoolId = newPool()
  const changed = { ...fullPool, userPoolId, lambdaConfig: {} }
  const work = () => apply(userPoolId, '--yes', '--snapshot', snapshotIn(t))
  t.match(await during('DescribeUserPool', 2, () => cognito.putPool(changed), work), { code: 0, stderr: '' })
  t.match(await describe(userPoolId), { DeletionProtection: 'ACTIVE', LambdaConfig: holding(arn) })
})

t.test('stops if the triggers themselves are not as they were shown', async (t) => {
  const userPoolId = newPool()
  const dir = t.testdir({})
  const taken = { ...fullPool, userPoolId, lambdaConfig: { DefineAuthChallenge: everyTrigger.DefineAuthChallenge } }
  const before = updates()
  const work = () => apply(userPoolId, '--yes', '--snapshot', `${dir}/a.json`)
  const { code, stderr } = await during('DescribeUserPool', 2, () => cognito.putPool(taken), work)
  t.equal(code, 1)
  t.match(stderr, "error: the pool's triggers were changed meanwhile; nothing was changed.")
  t.equal(updates(), before)
  t.same(await readdir(dir), [])
})

t.test('tells what else differs once it is written', async (t) => {
  const userPoolId = newPool()
  const lossy = {
    ...fullPool,
    userPoolId,
    lambdaConfig: { ...holding(arn), CreateAuthChallenge: 'arn:aws:lambda:x:1:function:y' },
  }
  const work = () => apply(userPoolId, '--yes', '--snapshot', snapshotIn(t))
  const { code, stderr } = await during('DescribeUserPool', 3, () => cognito.putPool({ ...lossy, settings: {} }), work)
  t.equal(code, 1)
  t.match(
    stderr,
    'error: written, but read again this is not as it should be: LambdaConfig.CreateAuthChallenge, AutoVerifiedAttributes, SchemaAttributes',
  )
})

t.test('passes on why Cognito refuses, and that nothing was changed', async (t) => {
  const broken = newPool({ settings: { MfaConfiguration: 'ON' } })
  const dir = t.testdir({ 'there.json': 'mine' })
  const refused = await apply(broken, '--yes', '--snapshot', `${dir}/a.json`)
  t.equal(refused.code, 1)
  t.match(
    refused.stderr,
    'error: Cognito refused the change, and nothing was changed: InvalidParameterException: SMS configuration and Auto ' +
      'verification for phone_number are required when MFA is required/optional. A change of triggers sends every setting back',
  )
  const reader = { ...admin, policies: [allow('cognito-idp:Describe*')] }
  const denied = await as(reader, ['apply', newPool(), '--arn', arn, '--yes', '--snapshot', `${dir}/b.json`])
  t.equal(denied.code, 1)
  t.match(denied.stderr, 'may not do this: AccessDeniedException')
  await cognito.setFault({ kind: 'status', status: 429 }, 'UpdateUserPool')
  t.match(await apply(newPool(), '--yes', '--snapshot', `${dir}/c.json`), { code: 1, stderr: 'nothing was changed' })
  await cognito.setFault(undefined)
  const before = updates()
  const kept = await apply(newPool(), '--yes', '--snapshot', `${dir}/there.json`)
  t.match(kept, { code: 1, stderr: `the snapshot ${dir}/there.json is there already; nothing was changed.` })
  t.equal(updates(), before)
  t.same(await readdir(dir), ['there.json'])
  t.equal(await readFile(`${dir}/there.json`, 'utf8'), 'mine')
})

t.test('says what is the case if the snapshot is there: the change is still there, or it was taken back', async (t) => {
  const userPoolId = newPool()
  const dir = t.testdir({})
  const snapshot = `${dir}/before.json`
  t.equal((await apply(userPoolId, '--yes', '--snapshot', snapshot)).code, 0)
  const further = await apply(userPoolId, '--yes', '--snapshot', snapshot, '--also', 'PostConfirmation')
  t.match(further, {
    code: 1,
    stderr: 'It is the way back of a change that the pool still has: keep it, and name another file with --snapshot.',
  })
  t.equal((await undo(userPoolId, snapshot, '--yes')).code, 0)
  const again = await apply(userPoolId, '--yes', '--snapshot', snapshot)
  t.match(again, {
    code: 1,
    stderr: 'The change that it is of was taken back, so it may go: delete it or move it away, then do the same again.',
  })
  await rm(snapshot)
  t.equal((await apply(userPoolId, '--yes', '--snapshot', snapshot)).code, 0)
})

t.test('keeps the snapshot and says so if it is not known whether the pool was changed', async (t) => {
  const userPoolId = newPool()
  const dir = t.testdir({})
  await cognito.setFault({ kind: 'status', status: 500 }, 'UpdateUserPool')
  const { code, stderr } = await apply(userPoolId, '--yes', '--snapshot', `${dir}/a.json`)
  await cognito.setFault(undefined)
  t.equal(code, 1)
  t.match(
    stderr,
    'error: it is not known whether the pool was changed (Cognito said InternalErrorException): look with wire plan',
  )
  t.same(await readdir(dir), ['a.json'])
  const unread = newPool()
  const gone = () => cognito.setFault({ kind: 'status', status: 500 }, 'DescribeUserPool')
  const again = await during('UpdateUserPool', 1, gone, () => apply(unread, '--yes', '--snapshot', `${dir}/b.json`))
  t.match(again, {
    code: 1,
    stderr: 'the pool was changed, but could not be read again to check it (Cognito said InternalErrorException)',
  })
  t.match(await describe(unread), { LambdaConfig: holding(arn) })
})

t.test('warns of app clients without custom auth, never shows a secret, and does without the permission', async (t) => {
  const client = { preventUserExistenceErrors: true, allowCustomAuth: true }
  const userPoolId = newPool({
    clients: [
      { ...client, clientId: 'web' },
      { ...client, clientId: 'old', clientName: 'Old app', allowCustomAuth: false, clientSecret: 'c4nary' },
      { ...client, clientId: 'legacy', settings: { ExplicitAuthFlows: ['ADMIN_NO_SRP_AUTH'] } },
      { ...client, clientId: 'bare', settings: { ExplicitAuthFlows: [] } },
    ],
  })
  const pauses = clock.pauses.length
  const { stderr } = await plan(userPoolId)
  t.same(clock.pauses.slice(pauses), [200, 200, 200], 'Cognito answers five such questions a second')
  const warning =
    'app client Old app (old) does not allow ALLOW_CUSTOM_AUTH: no user can sign in with a passkey through it. ' +
    `If they are to: ${npx} wire client ${userPoolId} old`
  t.equal(stderr, `warning: ${warning}\n`)
  const json = await plan(userPoolId, '--json')
  t.same(JSON.parse(json.stdout).warnings, [warning])
  t.notMatch(json.stdout, 'c4nary')
  const least = { ...admin, policies: [allow('cognito-idp:DescribeUserPool')] }
  const unseen = await as(least, ['plan', userPoolId, '--arn', arn])
  t.equal(unseen.code, 0)
  t.equal(
    unseen.stderr,
    `${unknown('AccessDenied')}warning: whether its app clients allow ALLOW_CUSTOM_AUTH could not be looked at (Cognito said AccessDeniedException)\n`,
  )
  const many = newPool({ clients: Array.from({ length: 22 }, (_, i) => ({ ...client, clientId: `many-${i}` })) })
  t.match(await plan(many), { code: 0, stderr: 'warning: 2 more app clients were not looked at\n' })
})

t.test(
  'keeps the snapshot in the current folder under the name that the hand-over has, which no second one takes',
  async (t) => {
    const userPoolId = newPool()
    const [from, dir] = [process.cwd(), t.testdir({})]
    process.chdir(dir)
    const { code, stdout } = await apply(userPoolId, '--yes').finally(() => process.chdir(from))
    t.equal(code, 0)
    const file = `${userPoolId}.before-corbado.json`
    t.same(await readdir(dir), [file])
    t.match(stdout, `${file} has the pool as it was before: keep it.\nTo take the change back:\n`)
    t.match(stdout, `  ${npx} wire undo ${userPoolId} --snapshot ${file}\n`)
  },
)

t.test('a login works after apply, and the old state is back after undo', async (t) => {
  const file = tenantFile()
  const { userPoolId } = file
  await addTenant(file)
  cognito.putUser(userPoolId, { username: 'jane' })
  cognito.putPool({
    ...fullPool,
    userPoolId,
    lambdaConfig: {},
    clients: [{ clientId: CLIENT_ID, preventUserExistenceErrors: true, allowCustomAuth: true }],
  })
  const login = () => startLogin({ endpoint: cognito.url, userPoolId, clientId: CLIENT_ID, username: 'jane' })
  const refusal = await login()
  t.match(refusal, { kind: 'refused' })
  const before = await describe(userPoolId)

  const snapshot = snapshotIn(t)
  t.match(await apply(userPoolId, '--yes', '--snapshot', snapshot), { code: 0 })
  const stage = await login()
  if (stage.kind !== 'challenge') return void t.fail(stage.kind)
  t.match(await stage.answer(await stack.corbado.sign(file.corbado.projectId, 'jane')), {
    kind: 'tokens',
    username: 'jane',
  })

  t.match(await undo(userPoolId, snapshot, '--yes'), { code: 0 })
  t.same(await login(), refusal)
  t.same(await describe(userPoolId), before)
})

t.test('shows help with examples that can be typed', async (t) => {
  for (const verb of ['plan', 'apply', 'undo']) {
    const { code, stdout } = await cli(['wire', verb, '--help'])
    t.equal(code, 0)
    const typed = stdout.replaceAll(' \\\n    ', ' ')
    const [, line = ''] = /Examples?:\n {2}corbado-gateway (.*)\n/.exec(typed) ?? []
    t.match(line, `wire ${verb} eu-central-1_AbCdEf123 --`)
    t.notMatch((await as(admin, line.split(' ').slice(1))).stderr, 'See:')
  }
})

t.test('nothing left loopback', async (t) => {
  t.same(strangers, [])
})

function allow(Action: string) {
  return { Version: '2012-10-17' as const, Statement: [{ Effect: 'Allow' as const, Action, Resource: '*' }] }
}

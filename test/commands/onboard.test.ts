import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import * as fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { type Answers, draftTenant } from '../../src/commands/onboard/answers.js'
import { tenantYaml } from '../../src/commands/onboard/draft.js'
import { FUNCTION_ARN, OPERATOR_VARIABLES, operator, REGION } from '../../src/local/accounts.js'
import { useNoAccount } from '../../src/local/aws/variables.js'
import { startStack } from '../../src/local/stack.js'
import { putTenantRecord } from '../../src/local/world/tenants.js'
import { aliasPolicyBytes, aliasPolicyText, POLICY_BYTES_MAX } from '../../src/operator/aliases/policy.js'
import { readConfigRules } from '../../src/operator/config-rules.js'
import { parseYamlFile } from '../../src/operator/files/yaml.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { parseTenantFile } from '../../src/tenant/config-rules.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli as runCli } from './fixtures/cli.js'

const POOL = 'eu-central-1_Ab12Cd34E'
const flags = {
  customer: 'acme',
  account: '111122223333',
  pool: POOL,
  project: 'pro-1234567890',
  mfa: 'sms',
}

const stack = await startStack()
stack.deploy(async () => ({}), ['t-1'])
t.teardown(() => stack.stop())
const env = { ...stack.envFor(operator), BACKEND_API_HOSTS: '' }
useNoAccount(env)

type Test = { testdir(files: Record<string, string>): string }
type Flags = Partial<Record<string, string>>

function words(given: Flags): string[] {
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
}

/** The quick-create link of a page. */
const linkIn = (page: string) => /https:[^)]*#\/stacks[^)]*/.exec(page)?.[0] ?? 'none'

/** A folder of its own, and the command on it. */
function setUp(t: Test, files: Record<string, string> = {}) {
  const dir = t.testdir(files)
  const handOver = join(dir, 'hand-over.md')
  const cli = (given: Flags, options: Parameters<typeof runCli>[1] = {}) =>
    runCli(['onboard', ...words({ dir, 'hand-over': handOver, ...given })], { env, ...options })
  const tenant = async (tenantId: string): Promise<TenantFile> =>
    parse(await readFile(join(dir, `${tenantId}.yaml`), 'utf8'))
  return { dir, handOver, cli, tenant }
}

async function putRecord(t: { teardown(fn: () => unknown): unknown }, tenant: TenantFile) {
  await putTenantRecord(stack, tenant, tenant.userPoolId)
  // A record that is no config is no tenant's, and must not stand in the way.
  t.teardown(() => putTenantRecord(stack, 'nothing', tenant.userPoolId, 2))
}

t.test('names every flag that is missing or wrong at once if no person can be asked, and writes nothing', async (t) => {
  const { cli, dir } = setUp(t)
  const none = await cli({})
  t.equal(none.code, 2)
  const named = [...none.stderr.matchAll(/(--[\w-]+) is missing/g)].map(([, flag]) => flag)
  t.strictSame(named, ['--customer', '--account', '--pool', '--project', '--mfa'])
  const wrong = await cli({
    customer: 'Acme Shop',
    account: '12',
    region: 'us-east-1',
    pool: 'nonsense',
    project: '1',
    'backend-api-url': 'http://evil.example',
    flow: 'password',
    features: 'post-append',
    mfa: 'fax',
    'tenant-id': 'A',
  })
  t.equal(wrong.code, 2)
  for (const flag of [
    'customer',
    'account',
    'region',
    'pool',
    'project',
    'backend-api-url',
    'flow',
    'features',
    'mfa',
    'tenant-id',
  ]) {
    t.match(wrong.stderr, new RegExp(`--${flag} \\w`), flag)
  }
  t.match(wrong.stderr, /--features must hold pre-login/)
  t.strictSame(await readdir(dir), [])
})

t.test('refuses a pool of another region than the one given, and one in upper case, naming both', async (t) => {
  const { cli, dir } = setUp(t)
  const other = await cli({ ...flags, pool: 'us-east-1_N0rthw1nd' })
  t.equal(other.code, 2)
  t.match(
    other.stderr,
    '--pool must begin with eu-central-1_, since aws.region is eu-central-1, but it is of us-east-1',
  )
  const upper = await cli({ ...flags, pool: 'Eu-Central-1_Abc' })
  t.match(upper, { code: 2, stderr: '--pool must be written eu-central-1_Abc: Cognito knows no Eu-Central-1_Abc' })
  t.strictSame(await readdir(dir), [])
})

t.test('refuses a factor without post-append, and post-append without a factor', async (t) => {
  const { cli } = setUp(t)
  t.match((await cli({ ...flags, features: 'pre-login,checks' })).stderr, /--mfa must be none, or/)
  t.match((await cli({ ...flags, mfa: 'none' })).stderr, /--mfa must name a factor, or/)
})

const fn = (name: string) => `arn:aws:lambda:eu-central-1:111122223333:function:${name}`
const CUSTOM = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse']
const ownCodes = CUSTOM.map((slot) => `${slot}=${fn('own-codes')}`).join(',')

t.test('refuses functions, app clients and a post-login client that could not be served, by flag', async (t) => {
  const { cli, dir } = setUp(t)
  const withPostLogin = { features: 'pre-login,post-append,post-login' }
  for (const [given, said] of [
    [{ chain: 'preSignUp' }, /--chain must be none, or <slot>=<ARN of its function>/],
    [{ chain: `PreSignUp=${fn('a')},PreSignUp=${fn('b')}` }, /--chain must name PreSignUp once/],
    [{ chain: `PreSignUp=${fn('a').replace('1111', '4444')}` }, /--chain PreSignUp must be a function of account 1111/],
    [{ chain: `PreSignUp=${FUNCTION_ARN}:t-1` }, /--chain PreSignUp must/],
    [{ chain: `DefineAuthChallenge=${fn('a')}` }, /--chain \w+ is missing: the three triggers/],
    [{ chain: ownCodes }, /--clients is missing: ids of the app clients that are for passkeys/],
    [{ chain: ownCodes, clients: 'all' }, /--clients must name the app clients that are for passkeys/],
    [{ clients: 'web-1' }, /--clients must be the id of an app client/],
    [withPostLogin, /--post-login is missing: id of the app client/],
    [{ ...withPostLogin, 'post-login': 'none' }, /--post-login must name an app client, or the features leave/],
    [
      { ...withPostLogin, 'post-login': 'web1' },
      /--post-login-secret is missing: has that app client a secret, yes or/,
    ],
    [{ ...withPostLogin, 'post-login': 'web1', 'post-login-secret': 'maybe' }, /--post-login-secret must be yes or no/],
    [{ 'post-login-secret': 'yes' }, /--post-login-secret must be no, or the features hold post-login/],
    [{ 'post-login': 'web1' }, /--post-login must be none, or the features hold post-login/],
    [{ ...withPostLogin, 'post-login': 'web1', clients: 'web2' }, /--post-login must be one of login\.clientIds/],
    [
      { ...withPostLogin, 'post-login': 'web1', flow: 'password-then-passkey' },
      /--post-login must be left out: post-login has no password/,
    ],
  ] as [Flags, RegExp][]) {
    t.match(await cli({ ...flags, ...given }), { code: 2, stderr: said })
  }
  t.strictSame(await readdir(dir), [])
})

t.test('functions that go on and the post-login client stand in the draft, the role and the hand-over', async (t) => {
  const { cli, dir, handOver, tenant } = setUp(t)
  const chain = `${ownCodes},UserMigration=${fn('migrate:live')}`
  const more = {
    chain,
    clients: 'web1,web2',
    features: 'pre-login,post-append,post-login,checks',
    'post-login': 'web2',
    'post-login-secret': 'yes',
  }
  const { code, stderr, stdout } = await cli({ ...flags, ...more })
  t.equal(code, 0, stderr)
  t.match(stdout, / 2\. corbado-gateway secret set acme-ab12cd34e --client --dir /)
  const chained = (functionArn: string) => ({ mode: 'chain', functionArn, timeoutMs: 3_000, onFailure: 'fail' })
  t.match(await tenant('acme-ab12cd34e'), {
    login: { clientIds: ['web1', 'web2'] },
    actions: {
      postLogin: { clientId: 'web2', clientSecretParameter: `/corbado/gateway/${POOL}/client-secret` },
    },
    triggers: { defineAuthChallenge: chained(fn('own-codes')), userMigration: chained(fn('migrate:live')) },
  })
  t.match(await runCli(['tenants', 'validate', dir]), { code: 0 })
  const text = await readFile(handOver, 'utf8')
  const words = chain.split(',').map((word) => `--chain ${word}`)
  for (const part of [
    `wire plan ${POOL} --arn ${FUNCTION_ARN}:t-1 ${words.join(' ')}\n`,
    `| \`UserMigration\` | \`${fn('migrate:live')}\` |\n`,
    'Logins of the app clients `web1`, `web2` are for passkeys; those of all others\n',
    `| \`lambda:InvokeFunction\` on \`${fn('own-codes')}\` |`,
    'and hands it on to your function alone',
    `param_ChainedFunctions=`,
    'Through the app client `web2` Corbado signs users in for your application',
    `--user-pool-id ${POOL} --client-id web2 --query UserPoolClient.ClientSecret --output text`,
    'chained_functions = ["',
  ]) {
    t.ok(text.includes(part), part)
  }
  t.notMatch(text, 'It never sees a password')
  for (const line of text.split('\n')) t.notMatch(line, /undefined|\[object/)
})

t.test('of an app client without a secret nothing asks for one', async (t) => {
  const { cli, handOver, tenant } = setUp(t)
  const more = { features: 'pre-login,post-append,post-login', 'post-login': 'web2', 'post-login-secret': 'no' }
  const { code, stdout } = await cli({ ...flags, ...more })
  t.equal(code, 0)
  t.notMatch(stdout, '--client')
  t.strictSame((await tenant('acme-ab12cd34e')).actions.postLogin, { clientId: 'web2' })
  const text = await readFile(handOver, 'utf8')
  t.match(text, 'Through the app client `web2` Corbado signs users in')
  t.notMatch(text, 'ClientSecret --output')
})

t.test('refuses a pool, a tenant id and a file that there are already, in the folder or in the table', async (t) => {
  const { cli, dir, handOver } = setUp(t)
  t.equal((await cli({ ...flags, 'tenant-id': 'first' })).code, 0)
  const again = await cli({ ...flags, 'tenant-id': 'second' })
  t.equal(again.code, 2)
  t.match(again.stderr, /--pool is tenant first already \(.*first\.yaml\)/)
  t.match((await cli({ ...flags, pool: `${POOL}2`, 'tenant-id': 'first' })).stderr, /--tenant-id is used already/)
  t.match(await cli({ ...flags, pool: `${POOL}2` }), {
    code: 1,
    stderr: /hand-over\.md exists already: move it away, or name another file with --hand-over/,
  })
  t.match(await cli({ ...flags, pool: `${POOL}2`, 'hand-over': `${handOver}/none/x.md` }), {
    code: 1,
    stderr: /cannot be written \(ENOTDIR\)/,
  })
  t.strictSame((await readdir(dir)).sort(), ['first.yaml', 'hand-over.md'])

  const noFolder = { ...flags, pool: `${POOL}3`, 'hand-over': `${handOver}.d/none.md` }
  t.match((await cli(noFolder)).stderr, /cannot be written \(ENOENT\)/)
  t.strictSame((await readdir(dir)).sort(), ['first.yaml', 'hand-over.md'], 'neither without the other')

  await putRecord(t, tenantFile({ tenantId: 'recorded', customer: 'recorded', userPoolId: 'eu-central-1_Recorded' }))
  const other = { ...flags, account: '999988887777', 'hand-over': `${handOver}2` }
  const recorded = await cli({ ...other, pool: 'eu-central-1_Recorded' })
  t.match(recorded.stderr, /--pool is tenant recorded already \(recorded in the table\)/)
  t.match((await cli({ ...other, pool: `${POOL}2`, 'tenant-id': 'recorded' })).stderr, /--tenant-id is used already/)
})

t.test('refuses an account that is another customer’s, so that its ExternalId is not handed out', async (t) => {
  const { cli } = setUp(t)
  await putRecord(
    t,
    tenantFile({ customer: 'globex', userPoolId: 'eu-central-1_Globex', aws: { accountId: '121212121212' } }),
  )
  const { code, stderr, stdout } = await cli({ ...flags, account: '121212121212' })
  t.equal(code, 2)
  t.match(stderr, /--account is that of customer globex .*: name that one with --customer, or correct the account/)
  t.notMatch(stdout + stderr, /external-id-of-acme/)
})

t.test('refuses to start if a file of the folder is wrong, or there is no folder', async (t) => {
  const { cli, dir } = setUp(t, { 'broken.yaml': 'tenantId: broken\n' })
  const broken = await cli(flags)
  t.equal(broken.code, 1)
  t.match(broken.stdout, /customer .*is missing/)
  const { code, stderr } = await cli({ ...flags, dir: join(dir, 'nowhere') })
  t.equal(code, 2)
  t.match(stderr, /cannot be read \(ENOENT\): make it/)
})

t.test('names every setting that is missing', async (t) => {
  const { dir } = setUp(t)
  const { GATEWAY_ROLE_ARN: _, CUSTOMER_TEMPLATE_URL: __, ...less } = { ...env, ...OPERATOR_VARIABLES }
  const { code, stderr } = await runCli(['onboard', '--dir', dir], { env: less })
  t.equal(code, 2)
  t.match(stderr, /GATEWAY_ROLE_ARN is not set.*CUSTOMER_TEMPLATE_URL is not set/)
})

t.test('refuses to hand over roles of another account than the function is of', async (t) => {
  const { dir } = setUp(t)
  const mistyped = {
    ...env,
    ...OPERATOR_VARIABLES,
    DOCTOR_ROLE_ARN: 'arn:aws:iam::999900000002:role/corbado-gateway-doctor',
  }
  const { code, stderr } = await runCli(['onboard', '--dir', dir], { env: mistyped })
  t.equal(code, 2)
  t.match(stderr, /DOCTOR_ROLE_ARN is of another account than GATEWAY_FUNCTION_ARN: aws:999900000002, aws:999900000001/)
})

t.test('writes a draft that tenants validate accepts, with defaults for what has one', async (t) => {
  const { cli, dir, tenant } = setUp(t)
  const { code, stderr, stdout } = await cli(flags)
  t.equal(code, 0, stderr)
  const file = await tenant('acme-ab12cd34e')
  t.match(file, {
    tenantId: 'acme-ab12cd34e',
    customer: 'acme',
    displayName: 'Acme',
    userPoolId: POOL,
    status: 'draft',
    alias: 't-1',
    aws: {
      accountId: '111122223333',
      region: REGION,
      roleArn: `arn:aws:iam::111122223333:role/corbado/corbado-${POOL}`,
    },
    corbado: { projectId: 'pro-1234567890', credentialParameter: `/corbado/gateway/${POOL}/backend-api` },
    login: { flow: 'passkey' },
    actions: { postAppend: { mfa: 'sms' } },
  })
  t.match(file.aws.externalId, /^corbado-[0-9a-f]{32}$/, '128 random bits')
  const validated = await runCli(['tenants', 'validate', dir])
  t.equal(validated.code, 0, validated.stdout)
  const steps = [...stdout.matchAll(/^ {2}\d\. (corbado-gateway [\w-]+ ?[\w-]+)/gm)].map(([, step]) => step)
  t.strictSame(steps, [
    'corbado-gateway secret set',
    'corbado-gateway tenants apply',
    'corbado-gateway aliases grant',
    'corbado-gateway doctor acme-ab12cd34e',
    'corbado-gateway tenants activate',
  ])
})

t.test(
  'reuses the ExternalId of the account for further pools, of the folder or the table; every account has its own',
  async (t) => {
    const { cli, tenant, handOver } = setUp(t)
    const more = (name: string, change: Flags) =>
      cli({ ...flags, pool: `${POOL}${name}`, 'tenant-id': name, 'hand-over': `${handOver}.${name}`, ...change })
    t.equal((await more('a', {})).code, 0)
    t.equal((await more('b', {})).code, 0)
    t.equal((await more('c', { account: '444455556666' })).code, 0)
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(async (name) => (await tenant(name)).aws.externalId))
    t.equal(a, b)
    t.not(a, c)
    const recorded = tenantFile({
      userPoolId: 'eu-central-1_Reused',
      aws: { accountId: '131313131313', externalId: 'corbado-of-the-table' },
    })
    await putRecord(t, recorded)
    t.equal((await more('d', { account: '131313131313' })).code, 0)
    t.equal((await tenant('d')).aws.externalId, 'corbado-of-the-table')
  },
)

t.test('chooses an alias with room, counting pools that are granted and those that are not yet', async (t) => {
  const { cli, tenant, handOver } = setUp(t)
  const aliasArn = `${FUNCTION_ARN}:t-1`
  const poolArn = (name: string) => `arn:aws:cognito-idp:eu-central-1:111122223333:userpool/${name}`
  const arns: string[] = []
  const room = () => POLICY_BYTES_MAX - aliasPolicyBytes(aliasArn, [...arns, poolArn(`${POOL}a`)])
  while (room() >= 0) arns.push(poolArn(`eu-central-1_${String(arns.length).padStart(10, '0')}`))
  stack.lambda.putPolicy(aliasArn, JSON.parse(aliasPolicyText(aliasArn, arns.slice(1))))
  t.teardown(() => stack.lambda.putPolicy(aliasArn, undefined))
  const more = (name: string, change: Flags = {}) =>
    cli({ ...flags, pool: `${POOL}${name}`, 'tenant-id': name, 'hand-over': `${handOver}.${name}`, ...change })
  await more('a')
  t.equal((await tenant('a')).alias, 't-1', 'the last place of the first alias')
  await more('b')
  t.equal((await tenant('b')).alias, 't-2', 'which the draft has taken')
  const full = await more('c', { alias: 't-1' })
  t.equal(full.code, 1, 'a right word that cannot be done here')
  t.match(full.stderr, /--alias t-1 has no room/)
  t.equal((await more('c', { alias: 'acme-only' })).code, 0)
  t.equal((await tenant('c')).alias, 'acme-only')
  const actions = await more('d', { alias: 'actions' })
  t.equal(actions.code, 2)
  t.match(actions.stderr, /alias must not be the actions alias/)
})

t.test('asks on a terminal, a question a line, and again after a wrong answer', async (t) => {
  const { cli, tenant } = setUp(t)
  const answers = ['', 'Acme Shop', 'acme', '', '1', '111122223333', POOL, 'pro-1', '', '', '', '', 'email', '', '']
  const { code, stderr } = await cli({}, { isTTY: true, stdin: `${answers.join('\n')}\n` })
  t.equal(code, 0, stderr)
  t.match(await tenant('acme-ab12cd34e'), {
    customer: 'acme',
    displayName: 'Acme',
    aws: { region: REGION },
    actions: { postAppend: { mfa: 'email' } },
  })
  const said = stripVTControlCharacters(stderr)
  t.match(said, /no: Acme Shop must be lower-case letters/)
  t.notMatch(said, /region of the user pool/, 'there is one answer')
  t.match(said, /tenant id, the name in logs and of the file \[acme-ab12cd34e\]: $/)
})

t.test('asks only for what neither a flag nor the other answers say', async (t) => {
  const { cli, tenant, dir } = setUp(t)
  const { mfa: _, ...given } = flags
  const rest = {
    region: REGION,
    flow: 'passkey',
    'tenant-id': 'x',
    'backend-api-url': 'https://backendapi.corbado.io',
    chain: 'none',
  }
  const { code, stderr } = await cli({ ...given, ...rest, features: 'pre-login' }, { isTTY: true, stdin: '\n' })
  t.equal(code, 0, stderr)
  t.equal((await tenant('x')).actions.postAppend.mfa, 'none')
  t.equal(stderr, '', 'nothing is left to be asked')
  const missing = { ...given, project: undefined, pool: `${POOL}2`, 'tenant-id': 'y', 'hand-over': `${dir}/y.md` }
  const one = await cli({ ...missing, features: 'pre-login' }, { isTTY: true, stdin: 'pro-7\n' })
  t.match(stripVTControlCharacters(one.stderr), /^Corbado project, e\.g\. pro-1234567890: pro-7\r\n$/, 'one question')
  const again = {
    ...given,
    ...rest,
    pool: `${POOL}3`,
    'tenant-id': 'z',
    'hand-over': `${dir}/z.md`,
    features: 'pre-login',
  }
  const all = await runCli(['onboard', '--ask', ...words({ dir, ...again })], { env, isTTY: true, stdin: '\n' })
  t.match(stripVTControlCharacters(all.stderr), /^name for people \[Acme\]: \r\n$/, '--ask asks for the rest')
  t.strictSame((await readdir(dir)).sort(), ['hand-over.md', 'x.yaml', 'y.md', 'y.yaml', 'z.md', 'z.yaml'])
})

t.test('the Backend API address that is offered is one that is allowed', async (t) => {
  const { dir, handOver, tenant } = setUp(t)
  const given = { ...flags, dir, 'hand-over': handOver, 'tenant-id': 'own' }
  const none = { ...env, BACKEND_API_HOSTS: '*.corbado.example' }
  t.match(await runCli(['onboard', ...words(given)], { env: none }), {
    code: 2,
    stderr: /--backend-api-url is missing/,
  })
  const own = { ...env, BACKEND_API_HOSTS: '*.corbado.example,backendapi.acme.example' }
  t.match(await runCli(['onboard', ...words(given)], { env: own }), { code: 0, stderr: '' })
  t.equal((await tenant('own')).corbado.backendApiUrl, 'https://backendapi.acme.example')
})

t.test(
  'the hand-over holds the role, the hosted ARN per trigger, the commands in order and how to undo each',
  async (t) => {
    const { cli, handOver, tenant } = setUp(t)
    const { stdout } = await cli({ ...flags, features: 'pre-login,post-append', 'display-name': 'Acme Shop' })
    const text = await readFile(handOver, 'utf8')
    t.match(stdout, `written ${handOver}: the hand-over, for the customer\n`)
    t.ok(stdout.split('\n').length < 12, 'it is in its file, and not on the terminal')
    const hosted = `${FUNCTION_ARN}:t-1`
    const { externalId } = (await tenant('acme-ab12cd34e')).aws
    for (const part of [
      '# Passkeys for Acme Shop',
      '| `cognito-idp:AdminSetUserMFAPreference` |',
      `ExternalId \`${externalId}\``,
      'https://eu-central-1.console.aws.amazon.com/cloudformation/home?region=eu-central-1#/stacks/create/review?templateURL=',
      `param_ExternalId=${externalId}`,
      'resource "aws_iam_role" "corbado-eu-central-1_Ab12Cd34E"',
      '`DefineAuthChallenge`, `CreateAuthChallenge` and\n`VerifyAuthChallengeResponse` in',
      `get the function\n\`${hosted}\``,
      'asks for a code by SMS',
    ]) {
      t.ok(text.includes(part), part)
    }
    t.notMatch(text, /GetUserPoolMfaConfig/, 'checks were declined')
    const commands = [...text.matchAll(/^npx @corbado\/cognito-gateway@\d+\.\d+\.\d+ (wire \w+ \S+ --\w+ \S+)/gm)].map(
      ([, one]) => one,
    )
    t.strictSame(commands, [
      `wire plan ${POOL} --arn ${hosted}`,
      `wire apply ${POOL} --arn ${hosted}`,
      `wire undo ${POOL} --snapshot ${POOL}.before-corbado.json`,
    ])
    t.match(
      text,
      '\naws cloudformation delete-stack --region eu-central-1 --stack-name corbado-eu-central-1-Ab12Cd34E\n',
    )
    for (const line of text.split('\n')) t.notMatch(line, /undefined|\[object/)
  },
)

t.test(
  'a hand-over says who to ask and until when it holds: by flag, else by setting, else what holds for any',
  async (t) => {
    const { dir, handOver } = setUp(t)
    const settings = { ...env, HAND_OVER_CONTACT: 'Ada Ott, ada@corbado.example', LOG_RETENTION_DAYS: '90' }
    const page = async (name: string, more: Flags, variables: Record<string, string> = settings) => {
      const file = `${handOver}.${name}`
      const given = { ...flags, pool: `${POOL}${name}`, 'tenant-id': name, 'hand-over': file, dir, ...more }
      const ended = await runCli(['onboard', ...words(given)], { env: variables, now: '2026-11-29T10:00:00Z' })
      return ended.code === 0 ? readFile(file, 'utf8') : ended.stderr
    }
    t.match(await page('a', { 'valid-until': '2026-11-28' }), '--valid-until 2026-11-28 is over: today is 2026-11-29')
    for (const day of ['2027-02-30', '31.12.2027', 'soon'])
      t.match(await page('a', { 'valid-until': day }), 'must be a day')
    t.match(await page('a', { contact: 'Ada\u001b[2J' }), 'one line')
    t.match(
      await page('a', {}, { ...settings, LOG_RETENTION_DAYS: 'long' }),
      'LOG_RETENTION_DAYS must be a number of days',
    )

    const asked = await page('a', { contact: 'Bo | Corbado', 'valid-until': '2026-12-24' })
    t.match(asked, '\nQuestions to Bo | Corbado. Made 2026-11-29 by version ')
    t.match(
      asked,
      '; valid\nuntil 2026-12-24. After that, ask for another page: Corbado makes it again from what it knows.\n',
    )
    const set = await page('b', {})
    t.match(set, 'Questions to Ada Ott, ada@corbado.example. Made 2026-11-29 ')
    t.match(set, 'Lines are kept 90 days, then deleted.')
    t.match(set, 'until 2027-02-27. ', 'in 90 days')
    const unset = { ...env, LOG_RETENTION_DAYS: '' }
    const none = await page('c', {}, unset)
    t.match(none, 'Questions to the person who sent you this page. ')
    t.match(
      none,
      'How long lines are kept was not known where this page was made: ask\nthe person who sent you this page before you agree to it.',
    )
    const told = await runCli(
      ['onboard', ...words({ ...flags, dir, pool: `${POOL}d`, 'tenant-id': 'd', 'hand-over': `${handOver}.d` })],
      { env: unset },
    )
    t.equal(
      told.stderr,
      'warning: LOG_RETENTION_DAYS is not set: the hand-over cannot say how long log lines are kept\n',
    )
  },
)

t.test('--json prints all of it for a program', async (t) => {
  const { dir, handOver } = setUp(t)
  const { stdout } = await runCli(['onboard', ...words({ ...flags, dir, 'hand-over': handOver }), '--json'], { env })
  t.match(JSON.parse(stdout), {
    tenant: { tenantId: 'acme-ab12cd34e', status: 'draft' },
    file: join(dir, 'acme-ab12cd34e.yaml'),
    handOver,
    hostedArn: `${FUNCTION_ARN}:t-1`,
    roleArn: `arn:aws:iam::111122223333:role/corbado/corbado-${POOL}`,
    quickCreate: /^https:/,
    terraform: /aws_iam_role/,
    next: [/^corbado-gateway secret set acme-ab12cd34e --dir /],
  })
})

t.test(
  '--again refuses answers, whom it does not know, features that the config needs, and files of others',
  async (t) => {
    const { cli, dir, handOver } = setUp(t, { 'other.md': '# Mine\n' })
    await putRecord(t, tenantFile({ tenantId: 'over', customer: 'over', userPoolId: 'eu-central-1_Over1' }))
    t.match(await cli({ again: 'over', pool: POOL, mfa: 'sms', alias: 't-1' }), {
      code: 2,
      stderr: "--again takes everything from the tenant's record: leave out --pool, --mfa, --alias",
    })
    t.match(await cli({ again: 'nobody' }), { code: 1, stderr: 'is called "nobody"' })
    t.match(await cli({ again: 'over', features: 'pre-login' }), {
      code: 2,
      stderr: '--features must hold post-append, which the config of over needs',
    })
    t.match(await cli({ again: 'over', features: 'checks' }), { code: 2, stderr: '--features must hold pre-login' })
    t.match(await cli({ again: 'over', 'hand-over': join(dir, 'other.md') }), {
      code: 1,
      stderr: 'is there and is no hand-over of eu-central-1_Over1: name another file with --hand-over',
    })
    t.equal(await readFile(join(dir, 'other.md'), 'utf8'), '# Mine\n')
    const own = { accountId: '999900000001', roleArn: null, externalId: null }
    const selfHosted = tenantFile({ tenantId: 'own', customer: 'own', userPoolId: 'eu-central-1_Own1' })
    await putRecord(t, { ...selfHosted, aws: { ...selfHosted.aws, ...own } } as TenantFile)
    t.match(await cli({ again: 'own' }), { code: 1, stderr: /own/ })
    t.strictSame(await readdir(dir), ['other.md'], handOver)
  },
)

t.test('--again makes the hand-over of the record as it is now, over the earlier one, and asks nothing', async (t) => {
  const { dir, handOver, cli } = setUp(t)
  const pool = `${POOL}77`
  t.equal((await cli({ ...flags, pool, 'tenant-id': 'again' })).code, 0)
  const first = await readFile(handOver, 'utf8')
  const drafted: TenantFile = parse(await readFile(join(dir, 'again.yaml'), 'utf8'))
  await putRecord(t, { ...drafted, status: 'active' })
  const same = await cli({ again: 'again' }, { isTTY: true, now: '2027-03-01T00:00:00.000Z' })
  t.match(same, { code: 0, stderr: '' })
  t.match(stripVTControlCharacters(same.stdout), /^written .*hand-over\.md:\s+the hand-over of again \(/)
  t.match(same.stdout, 'corbado-gateway doctor again')
  const page = await readFile(handOver, 'utf8')
  t.match(page, 'Made 2027-03-01')
  t.match(page, /valid\nuntil 2027-05-30/)
  t.match(page, 'If you have followed an earlier page of this pool:')
  t.match(page, `aws cloudformation update-stack --region ${REGION} --template-body file://role.template.json`)
  t.equal(linkIn(page), linkIn(first), 'the same role')

  const login = { ...drafted.login, clientIds: ['1example'], claim: { name: 'corbado', clientIds: ['1example'] } }
  const functionArn = `arn:aws:lambda:${REGION}:111122223333:function:check`
  const triggers = { preSignUp: { mode: 'chain', functionArn } }
  await putTenantRecord(
    stack,
    { ...drafted, status: 'active', login, triggers } as TenantFile,
    pool as TenantFile['userPoolId'],
  )
  const { code, stdout, stderr } = await runCli(
    ['onboard', ...words({ again: pool, dir, 'hand-over': handOver }), '--json'],
    { env },
  )
  t.equal(code, 0)
  t.match(stderr, /again\.yaml says otherwise than the table \(login\.clientIds, login\.claim\.name, /)
  t.match(JSON.parse(stdout), { kind: 'hand-over', handOver, next: ['corbado-gateway doctor again'] })
  const link = linkIn(await readFile(handOver, 'utf8'))
  t.match(link, 'param_Claim=true')
  t.match(link, `param_ChainedFunctions=${encodeURIComponent(functionArn)}`)
  t.equal((await cli({ again: 'again', features: 'pre-login,post-append,claim' })).code, 0)
  t.match(linkIn(await readFile(handOver, 'utf8')), 'param_Checks=false')
})

t.test('help names the choices and defaults of what is not asked for', async (t) => {
  const { stdout } = await runCli(['onboard', '--help'], { env })
  const help = stripVTControlCharacters(stdout).replaceAll(/\s+/g, ' ')
  for (const said of [
    'separated by commas: pre-login, post-append, post-login, claim, checks (default: pre-login,post-append,checks)',
    'passkey or password-then-passkey (default: passkey)',
    'region of the user pool (default: AWS_REGION',
    'needed with post-append, else none',
  ])
    t.match(help, said)
})

t.test('goes on without the aliases’ policies if they cannot be read, and says so', async (t) => {
  const { dir, handOver } = setUp(t)
  await stack.lambda.setFault({ kind: 'status', status: 500 })
  t.teardown(() => stack.lambda.setFault(undefined))
  const { code, stderr } = await runCli(['onboard', ...words({ ...flags, dir, 'hand-over': handOver })], { env })
  t.equal(code, 0, stderr)
  t.match(stderr, /warning: the policies of the aliases could not be read \(Lambda said /)
})

t.test('a name is text in the hand-over, whatever stands in it, and on one line', async (t) => {
  const { cli, handOver } = setUp(t)
  const name = 'Acme & Co. [EU](https://evil.example) <img src=x> `$(x)` *b* _i_ www.evil.example a@b.example'
  const { code, stderr } = await cli({ ...flags, 'display-name': name })
  t.equal(code, 0, stderr)
  const [heading] = (await readFile(handOver, 'utf8')).split('\n')
  t.equal(
    heading,
    '# Passkeys for Acme &amp; Co. \\[EU\\](https\\://evil\\.example) &lt;img src=x&gt; \\`$(x)\\` \\*b\\* \\_i\\_ www\\.evil\\.example a\\@b\\.example: what to set up in your AWS account',
  )
  for (const control of ['Acme\n\n# Run this', 'Acme\u001b[2J', 'Acme\u202e', 'Acme\u2028x']) {
    t.match(await cli({ ...flags, pool: `${POOL}9`, 'hand-over': `${handOver}9`, 'display-name': control }), {
      code: 2,
      stderr: '--display-name must be one line without control characters',
    })
  }
})

t.test('whatever is answered, the file says it, with its comments', async () => {
  const rules = readConfigRules({})
  const slug = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}$/)
  const given: fc.Arbitrary<Answers> = fc.record({
    customer: slug,
    displayName: fc
      .string({ minLength: 1, maxLength: 100, unit: 'grapheme' })
      .filter((text) => text.length <= 100 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text)),
    account: fc.stringMatching(/^\d{12}$/),
    region: fc.constantFrom('eu-central-1', 'us-gov-west-1'),
    pool: fc.stringMatching(/^[0-9a-zA-Z]{1,20}$/),
    project: fc.stringMatching(/^pro-\d{1,10}$/),
    backendApiUrl: fc.constant('https://backendapi.corbado.io'),
    flow: fc.constantFrom('passkey', 'password-then-passkey'),
    features: fc.constant('pre-login'),
    mfa: fc.constantFrom('sms', 'email', 'software-token', 'none'),
    chain: fc.constantFrom('none', 'PreSignUp', 'PreSignUp,CustomSMSSender'),
    clients: fc.constantFrom('all', 'web1,web2'),
    postLogin: fc.constantFrom('none', 'web1'),
    postLoginSecret: fc.constantFrom('yes', 'no'),
    tenantId: slug,
  })
  const answers = given.map((all) => ({
    ...all,
    pool: `${all.region}_${all.pool}`,
    postLogin: all.flow === 'passkey' ? all.postLogin : 'none',
    chain: all.chain.replace(
      /[A-Z]\w+/g,
      (slot) =>
        `${slot}=arn:${all.region === 'eu-central-1' ? 'aws' : 'aws-us-gov'}:lambda:${all.region}:${all.account}:function:own`,
    ),
  }))
  fc.assert(
    fc.property(answers, (given) => {
      const config = draftTenant(given, {
        externalId: 'corbado-00',
        alias: 't-1',
        parameterPrefix: rules.parameterPrefix,
      })
      const text = tenantYaml(config)
      const { value, problems } = parseYamlFile(text)
      assert.deepStrictEqual({ value, problems }, { value: config, problems: [] })
      return parseTenantFile(value, rules).kind === 'valid' && text.includes('# draft until')
    }),
    { numRuns: 100 },
  )
})

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { Command } from 'commander'
import t from 'tap'
import { stringify } from 'yaml'
import { createProgram } from '../../src/commands/index.js'
import {
  doctor as doctorPrincipal,
  gateway,
  operator as operatorPrincipal,
  roleArnOf,
  TABLE_NAME,
} from '../../src/local/accounts.js'
import { putTenantRecord } from '../../src/local/world/tenants.js'
import { describeCustomerRole, FEATURE_NAMES } from '../../src/operator/role/role.js'
import { OPERATOR_SETTINGS } from '../../src/operator/settings.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli } from './fixtures/cli.js'
import { createPausingClock, frozenAt } from './fixtures/clock.js'
import { startDoctor } from './fixtures/doctor.js'

const { stack, run, operatorEnv, healthy, hosted, heal } = await startDoctor(t)
process.chdir(t.testdir({}))
mkdirSync('tenants')

const PLACE = `table ${TABLE_NAME} in eu-central-1 of account 999900000001\n  as ${operatorPrincipal.arn}\n`

t.test('everything that is missing is named at once, by every command', async (t) => {
  for (const [line, missing] of [
    ['tenants list', ['TENANT_TABLE', 'AWS_REGION']],
    ['aliases list', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN']],
    ['doctor acme', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN']],
    ['tenants activate acme', ['TENANT_TABLE', 'AWS_REGION', 'GATEWAY_FUNCTION_ARN', 'DOCTOR_ROLE_ARN']],
    [
      'onboard',
      [
        'TENANT_TABLE',
        'AWS_REGION',
        'GATEWAY_FUNCTION_ARN',
        'GATEWAY_ROLE_ARN',
        'DOCTOR_ROLE_ARN',
        'CUSTOMER_TEMPLATE_URL',
      ],
    ],
  ] as const) {
    const { code, stderr } = await cli(line.split(' '), {})
    t.equal(code, 2, line)
    t.strictSame(
      [...stderr.matchAll(/([A-Z_]+) is not set/g)].map(([, name]) => name),
      missing,
      line,
    )
    t.equal(stderr.split('\n').length, 2, 'one line')
  }
})

t.test('credentials that are missing too are told with the settings, and only if none are to be seen', async (t) => {
  const home = 'no-aws'
  mkdirSync(home)
  const files = { AWS_SHARED_CREDENTIALS_FILE: `${home}/none`, AWS_CONFIG_FILE: `${home}/config` }
  const told = async (env: Record<string, string>) =>
    (await cli(['tenants', 'list'], { env: { ...files, ...env } })).stderr
  const said =
    / Nor are AWS credentials to be seen: unless this machine has a role of its own, sign in \(aws sso login, aws configure\), or name a profile in AWS_PROFILE\.\n$/
  t.match(await told({}), said)
  t.match(await told({ TENANT_TABLE: 'x' }), said)
  for (const line of ['tenants plan', 'aliases list', 'doctor acme'])
    t.match((await cli(line.split(' '), { env: files })).stderr, said, line)
  for (const seen of [{ AWS_ACCESS_KEY_ID: 'AKIA' }, { AWS_PROFILE: 'acme' }, { AWS_REGION: 'eu-central-1' }]) {
    t.notMatch(await told(seen), 'Nor are', JSON.stringify(seen))
  }
  writeFileSync(`${home}/config`, '')
  t.notMatch(await told({}), 'Nor are')
})

/** A line of every command that there is, and what is piped into it. It need not come to an end that is good. */
const LINES: Readonly<Record<string, string | readonly [line: string, stdin: string]>> = {
  local: 'local no-such-folder',
  'local deploy-role': 'local deploy-role https://example.com/',
  'local delete-role': 'local delete-role eu-central-1_Acme00001',
  'local sign-in': 'local sign-in eu-central-1_Acme00001',
  'local fault': 'local fault sts',
  'local fault list': 'local fault list',
  'local fault clear': 'local fault clear',
  'local credential': 'local credential acme',
  invoke: ['invoke - --tenant acme', JSON.stringify({ action: 'pre-login', identifier: 'a@b.example' })],
  'tenants validate': 'tenants validate',
  'tenants plan': 'tenants plan',
  'tenants apply': 'tenants apply',
  'tenants list': 'tenants list',
  'tenants show': 'tenants show acme',
  'tenants history': 'tenants history acme',
  'tenants rollback': 'tenants rollback acme',
  'tenants activate': 'tenants activate acme',
  'tenants pause': 'tenants pause acme',
  'tenants resume': 'tenants resume acme',
  'tenants suspend': 'tenants suspend acme',
  'tenants remove': 'tenants remove acme',
  'tenants schema': 'tenants schema',
  'secret set': ['secret set acme', 'x'],
  'wire plan': `wire plan eu-central-1_Acme00001 --arn ${hosted}`,
  'wire apply': `wire apply eu-central-1_Acme00001 --arn ${hosted}`,
  'wire undo': 'wire undo eu-central-1_Acme00001 --snapshot none.json',
  'wire client': 'wire client eu-central-1_Acme00001 web',
  onboard: 'onboard --customer other',
  'aliases list': 'aliases list',
  'aliases grant': 'aliases grant acme',
  'aliases revoke': 'aliases revoke acme',
  'aliases check': 'aliases check',
  'aliases clean': 'aliases clean t-1',
  doctor: 'doctor acme',
  logs: ['logs -', '{}'],
  explain: ['explain acme -', '{}'],
  report: ['report - --out page.html', '{}'],
  watch: ['watch - --until 02:10', '{}'],
  reasons: 'reasons',
  completion: 'completion bash',
}

t.test('whatever a command needs to be set, it names at its first run: with that, none asks for more', async (t) => {
  const leaves = (command: Command, path: string): string[] => {
    const below = command.commands.filter((one) => one.name() !== 'help')
    // A group that does something by itself is a command too.
    const own = below.length === 0 || Reflect.get(command, '_actionHandler') ? [path] : []
    return [...own, ...below.flatMap((one) => leaves(one, `${path} ${one.name()}`.trim()))]
  }
  const nowhere = { write: () => true }
  const io = { stdin: Readable.from([]), stdout: nowhere, stderr: nowhere, env: {}, clock: frozenAt(), built: 'dist' }
  const program = createProgram({ ...io, foundProblems: () => undefined })
  t.strictSame(leaves(program, '').sort(), Object.keys(LINES).sort(), 'every command has a line here')

  heal()
  const SETTINGS_NAMES = ['TENANT_TABLE', 'AWS_REGION', ...Object.values(OPERATOR_SETTINGS).map(({ name }) => name)]
  const namedIn = (stderr: string) => [...stderr.matchAll(/\b([A-Z][A-Z_]+) is not set/g)].map(([, name = '']) => name)
  for (const [path, given] of Object.entries(LINES)) {
    const [line, stdin] = typeof given === 'string' ? [given, ''] : given
    const unset = Object.fromEntries(SETTINGS_NAMES.map((name) => [name, undefined]))
    const first = namedIn((await run(line, { env: unset, stdin })).stderr).filter((name) => name in unset)
    const set = Object.fromEntries(first.map((name) => [name, operatorEnv[name]]))
    const { stderr } = await run(line, { env: { ...unset, ...set }, stdin })
    t.strictSame(
      namedIn(stderr).filter((name) => name in unset),
      [],
      `${path} named ${first.join(', ') || 'nothing'} first`,
    )
    if (first.length > 0) t.ok(first.includes('TENANT_TABLE') && first.includes('AWS_REGION'), `${path}: ${first}`)
  }
})

t.test('a file that was written and not applied is named, by the id of the tenant or of its pool', async (t) => {
  const waiting = tenantFile({ tenantId: 'northwind', customer: 'northwind', userPoolId: 'eu-central-1_N0rthw1nd' })
  writeFileSync('tenants/northwind.yaml', stringify(waiting))
  writeFileSync('tenants/broken.yaml', 'a: [')
  t.teardown(() => writeFileSync('tenants/broken.yaml', stringify(waiting)))
  const said = 'error: tenants/northwind.yaml is not in the table yet: corbado-gateway tenants apply\n'
  for (const word of ['northwind', 'eu-central-1_N0rthw1nd']) {
    for (const line of ['doctor', 'tenants show', 'tenants pause', 'tenants history', 'aliases grant']) {
      t.match(await run(`${line} ${word}`), { code: 1, stderr: said }, `${line} ${word}`)
    }
  }
  mkdirSync('else where')
  writeFileSync('else where/southwind.yaml', stringify({ ...waiting, tenantId: 'southwind' }))
  for (const words of [['pause'], ['activate'], ['resume'], ['suspend'], ['rollback'], ['remove', '--unchecked']]) {
    const argv = ['tenants', ...words, 'southwind', '--dir', 'else where']
    t.match(
      await cli(argv, { env: operatorEnv }),
      {
        code: 1,
        stderr:
          'error: else where/southwind.yaml is not in the table yet: corbado-gateway tenants apply "else where"\n',
      },
      words.join(' '),
    )
    t.match(await cli(argv.slice(0, -2), { env: operatorEnv }), { code: 1, stderr: 'no tenant, pool or customer' })
  }
  t.match(await run('tenants show ../northwind'), { code: 1, stderr: 'no tenant, pool or customer in the table' })
  t.match(await run('secret set broken', { stdin: 'x' }), {
    code: 1,
    stderr: 'error: tenants/broken.yaml is no valid tenant file: corbado-gateway tenants validate tenants\n',
  })
})

t.test(
  'a role that was made seconds ago is tried for a while; then it is said that a new one takes a minute',
  async (t) => {
    const draft = heal({ ...healthy, status: 'draft' })
    writeFileSync('tenants/broken.yaml', stringify({ ...draft }))
    t.match(await run('tenants apply tenants --only acme --yes'), { code: 1 }, 'a file is named as its tenant')
    writeFileSync('tenants/acme.yaml', stringify(draft))
    t.match(await run('tenants apply tenants --only acme --yes'), { code: 0 })
    const roleArn = draft.aws.roleArn ?? ''
    stack.sts.deleteRole(roleArn)
    const clock = createPausingClock()
    const never = await run('doctor acme', { clock })
    t.match(never, { code: 1, stdout: /✗ role-assumable .*\n +customer: create .*; a new role takes up to a minute\n/ })
    t.strictSame(clock.pauses, [1_000, 1_000, 1_000])
    let pauses = 0
    const meanwhile = createPausingClock(() => {
      pauses += 1
      if (pauses === 2) heal(draft)
    })
    t.match(await run('doctor acme', { clock: meanwhile }), { stdout: /✓ role-assumable / }, 'it came meanwhile')
    t.equal(pauses, 2)
  },
)

t.test('a permission that arrives late is waited for too, as a role is', async (t) => {
  const draft = heal({ ...healthy, status: 'draft' })
  const roleArn = draft.aws.roleArn ?? ''
  const whole = describeCustomerRole({
    ...{ userPoolId: draft.userPoolId, accountId: draft.aws.accountId, region: draft.aws.region },
    ...{ externalId: draft.aws.externalId ?? '', features: FEATURE_NAMES },
    ...{ gatewayRoleArn: roleArnOf(gateway), doctorRoleArn: roleArnOf(doctorPrincipal) },
  })
  /** The role is known, and what it allows is not yet. */
  const young = () => stack.sts.putRole({ roleArn, trust: whole.trust, policies: [] })
  young()
  await putTenantRecord(stack, draft, draft.userPoolId)
  const never = createPausingClock()
  const denied = await run('doctor acme', { clock: never })
  t.match(denied, { code: 1, stdout: /✗ may-get-user / })
  t.match(denied.stdout, /✓ role-assumable /)
  t.ok(never.pauses.filter((ms) => ms === 1_000).length >= 3)
  let pauses = 0
  const meanwhile = createPausingClock(() => {
    pauses += 1
    if (pauses === 2) stack.sts.putRole({ roleArn, trust: whole.trust, policies: [whole.permissions] })
  })
  young()
  const came = await run('doctor acme', { clock: meanwhile })
  for (const check of ['may-get-user', 'may-list-users', 'may-set-mfa', 'pool'])
    t.match(came.stdout, `✓ ${check} `, check)
})

const IN_TABLE = /^acme \(eu-central-1_Acme00001\), in the table version \d+ by \S+, \d+ (?:minute|hour|day)s? ago/m

t.test('what changes a tenant, or its secret, is headed by the place, and by who wrote last and when', async (t) => {
  heal()
  await putTenantRecord(stack, { ...healthy, status: 'active' }, healthy.userPoolId)
  const dir = '--dir nowhere'
  for (const line of ['pause', 'resume', 'suspend', 'activate']) {
    const ran = await run(`tenants ${line} acme ${dir}`, {
      now: '2026-12-01T00:00:00.000Z',
      clock: createPausingClock(),
    })
    t.ok(ran.stdout.startsWith(PLACE), `${line}: ${ran.stdout}${ran.stderr}`)
    t.match(ran.stdout, IN_TABLE, line)
    t.match(JSON.parse((await run(`tenants ${line} acme ${dir} --json`, { clock: createPausingClock() })).stdout), {
      place: { table: TABLE_NAME },
      was: { version: Number, updatedAt: String, updatedBy: String },
    })
  }
  const active = await run('tenants remove acme --unchecked')
  t.match(active, { code: 1, stdout: '', stderr: 'acme is active' }, 'it is paused first')
  await run('tenants pause acme --dir nowhere')
  const removal = await run('tenants remove acme --unchecked')
  await run('tenants resume acme --dir nowhere')
  t.match(removal.stdout, /^- acme \(eu-central-1_Acme00001\), \S+, version \d+ by \S+, \d+ \w+ ago$/m)
  const name = healthy.corbado.credentialParameter
  stack.ssm.remove(name)
  const secret = () => run('secret set acme --no-check', { stdin: `${healthy.corbado.projectId}:corbado1_acme` })
  const first = await secret()
  t.ok(first.stdout.startsWith(`${PLACE}acme (eu-central-1_Acme00001), ${name}: not stored yet\n`), first.stdout)
  t.match((await secret()).stdout, `${name}: version 1 by `)
})

t.test(
  'a change in a folder without the file says so, and the same in the right folder changes the file',
  async (t) => {
    writeFileSync('tenants/acme.yaml', stringify(heal()))
    process.chdir('else where')
    const wrong = await run('tenants pause acme')
    process.chdir('..')
    t.equal(wrong.code, 0)
    t.match(
      wrong.stderr,
      /^note: tenants\/acme\.yaml is not there, so the table alone has this\. .*: corbado-gateway tenants pause acme\n$/,
    )
    t.match(readFileSync('tenants/acme.yaml', 'utf8'), 'status: active')
    t.match(await run('tenants pause acme'), { code: 0, stdout: /nothing to change\n.*acme\.yaml: changed likewise\n/ })
    t.match(readFileSync('tenants/acme.yaml', 'utf8'), 'status: passkeys-off')
    const back = await run('tenants rollback acme --yes --dir nowhere')
    t.match(
      back.stderr,
      'nowhere/acme.yaml is not there, so the table alone has this: change the file where it is likewise (status)',
    )
  },
)

t.test('what is shown before something stops is headed by table, region, account and role', async (t) => {
  for (const line of ['tenants suspend acme', 'aliases revoke acme', 'aliases grant acme']) {
    t.ok((await run(line)).stdout.startsWith(PLACE), line)
  }
  t.ok((await run(`aliases clean ${healthy.alias}`)).stdout.startsWith(PLACE))
  await run('tenants suspend acme --yes')
  t.ok((await run('tenants remove acme --unchecked')).stdout.startsWith(PLACE))
  const rollback = await run('tenants rollback acme')
  t.match(rollback.stdout, /^to go back to: version \d+ by \S+ of .*\ntable /, 'what will be, not what was done')
  t.match(rollback, { code: 1, stdout: 'Nothing was written.' })
  t.match(await run('tenants history acme'), { stdout: '~ status: "active" -> "suspended"' })
})

import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { LOG_GROUP } from '../../src/local/accounts.js'
import { putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import { CHECKS } from '../../src/operator/doctor/checks/finding.js'
import { tenantFile } from '../fixtures/tenants.js'
import { client, neverInvoked, startDoctor } from './fixtures/doctor.js'

const { stack, run, place, healthy, hosted, heal, poolWith } = await startDoctor(t)
const { region, tenantTable, functionArn } = place
const { credentialParameter } = healthy.corbado
const roleArn = healthy.aws.roleArn ?? ''
const customAuth = {
  ...{ DefineAuthChallenge: hosted, CreateAuthChallenge: hosted, VerifyAuthChallengeResponse: hosted },
}

t.test(
  'refuses no tenant, a tenant beside --all, a name that nobody has, and a function of another region',
  async (t) => {
    for (const line of ['doctor', 'doctor acme --all']) {
      t.match(await run(line), { code: 2, stdout: '' }, line)
    }
    t.match(await run('doctor acme', { env: { GATEWAY_FUNCTION_ARN: undefined } }), {
      code: 2,
      stderr: 'error: GATEWAY_FUNCTION_ARN is not set',
    })
    const elsewhere = functionArn.replace(region, 'eu-west-1')
    await putTenantRecord(stack, healthy, healthy.userPoolId)
    t.match(await run('doctor acme', { env: { GATEWAY_FUNCTION_ARN: elsewhere } }), {
      code: 2,
      stderr: /GATEWAY_FUNCTION_ARN must be of the region/,
    })
    t.match(await run('doctor acne'), { code: 1, stderr: /no tenant, pool or customer .* did you mean acme\?/ })
  },
)

const second = toLocal(
  tenantFile({
    tenantId: 'acme-two',
    userPoolId: 'eu-central-1_Acme00002',
    alias: 't-two',
    corbado: { projectId: 'pro-1002' },
  }),
  stack,
)

async function twoTenants(): Promise<void> {
  heal(second)
  heal()
  stack.deploy(neverInvoked, [healthy.alias, second.alias])
  for (const file of [healthy, second]) await putTenantRecord(stack, file, file.userPoolId)
  await putTenantRecord(stack, { ...second, tenantId: 'asleep', status: 'draft' }, 'eu-central-1_Asleep001')
}

t.test('a tenant is told with every check, a fix below what failed, and exit code 1', async (t) => {
  await twoTenants()
  const well = await run('doctor eu-central-1_Acme00001')
  t.match(well, { code: 0, stderr: '' })
  t.match(well.stdout, /^acme \(eu-central-1_Acme00001\), active\n {2}✓ config {20}/)
  t.match(well.stdout, '33 passed, 0 warned, 0 failed, 0 not checkable\n')
  stack.ssm.remove(credentialParameter)
  const ill = await run('doctor acme', { isTTY: true })
  t.equal(ill.code, 1)
  t.match(ill.stdout, '\u001b[31m✗\u001b[39m secret')
  t.match(ill.stdout, /✗.* secret .*There is no parameter\n.*\n {6}operator: corbado-gateway secret set acme\n/)
  t.notMatch(ill.stdout, /^ {2}\S.{100}/m, 'findings wrap')
  const { stdout, code } = await run('doctor acme --json')
  t.equal(code, 1)
  t.match(JSON.parse(stdout), {
    tenants: [{ tenantId: 'acme', status: 'active', healthy: false, findings: { length: CHECKS.length } }],
  })
})

t.test(
  'on a terminal, checks that depend on the same one share a line, so that what failed stays in sight',
  async (t) => {
    await twoTenants()
    stack.sts.deleteRole(roleArn)
    const plain = await run('doctor acme')
    t.match(plain.stdout, /– may-get-user +Depends on role-assumable\.\n/, 'elsewhere a check has a line of its own')
    const { stdout } = await run('doctor acme', { isTTY: true })
    t.match(
      stdout,
      /role-without-external-id +Depends on role-assumable\. So do\s+role-wrong-external-id,\s+may-get-user,/,
    )
    t.match(stdout, /native-passkeys,\s+mfa-factor\.\n/)
    t.equal(stdout.match(/Depends on/g)?.length, 1)
    t.equal(/^\d+ passed.*$/m.exec(stdout)?.[0], /^\d+ passed.*$/m.exec(plain.stdout)?.[0], 'all are counted')
  },
)

t.test('--all examines every active tenant: a line each, failures in full, how far it is on stderr', async (t) => {
  await twoTenants()
  await putTenantRecord(stack, { status: 'active', tenantId: 'broken' }, 'eu-central-1_Broken001')
  const asked = () => stack.lambda.calls.filter(({ operation }) => operation === 'ListAliases').length
  const before = asked()
  const { code, stdout, stderr } = await run('doctor --all', { isTTY: true })
  t.equal(asked() - before, 1, 'the aliases are listed once')
  t.equal(code, 1)
  t.match(stdout, /^tenant {4}status {2}passed {2}warned {2}failed {2}not checkable {2}pool\nacme {6}active {2}33 /)
  t.match(stdout, /\nbroken +active +0 +0 +1 +32 +eu-central-1_Broken001\n/)
  t.match(stdout, /config {2}The config is not valid: [^✓]*aws is\s+missing/)
  t.match(stdout, /\n2 of 3 tenants healthy; 1 not active, so not examined\n$/)
  t.match(stdout, /\nasleep +draft +– +– +– +– +eu-central-1_Asleep001\n/, 'those that are not served are listed')
  t.match(JSON.parse((await run('doctor --all --json')).stdout), {
    notExamined: [{ tenantId: 'asleep', userPoolId: 'eu-central-1_Asleep001', status: 'draft' }],
  })
  t.match(stderr, /3 of 3 checked\r +\r$/)
  await putTenantRecord(stack, { ...second, status: 'draft' }, 'eu-central-1_Broken001')
})

t.test('--changes tells only what is otherwise than the last time, and what depends on it is left out', async (t) => {
  await twoTenants()
  const dir = t.testdir({})
  const changes = (now: string, more = '') =>
    run(`doctor --all --changes${more}`, { env: { XDG_STATE_HOME: dir }, now })
  const file = join(dir, 'corbado-gateway', 'doctor.json')
  poolWith({ clients: [{ ...client, preventUserExistenceErrors: false }] })
  const first = await changes('2026-01-01T00:00:00.000Z')
  t.match(first, {
    code: 0,
    stdout:
      /^acme .*\n {2}! enumeration {2}.*\n.*\n1 changed \(this is the first time\)\nnot active, so not examined: acme-two \(draft\), asleep \(draft\)\n$/,
  })
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.same(await readdir(join(dir, 'corbado-gateway')), ['doctor.json'])
  t.notMatch(await readFile(file, 'utf8'), /corbado1_|external-id-of-acme/)

  stack.sts.deleteRole(roleArn)
  const worse = await changes('2026-01-02T00:00:00.000Z')
  t.equal(worse.code, 1)
  t.match(
    worse.stdout,
    /^acme \(eu-central-1_Acme00001\)\n {2}✗ role-assumable {2}was passed: The role cannot .*\n {6}customer: .*\n {8}\{"Version".*\}\n1 changed \(since 2026-01-01T00:00:00.000Z\)\nnot active, so not examined: acme-two \(draft\), asleep \(draft\)\n$/,
  )
  t.match(await changes('2026-01-03T00:00:00.000Z'), { code: 1, stdout: /^nothing changed/ })
  heal()
  poolWith({ clients: [{ ...client, preventUserExistenceErrors: false }] })
  stack.deploy(neverInvoked, [healthy.alias, second.alias])
  const better = await changes('2026-01-04T00:00:00.000Z', ' --json')
  t.match(JSON.parse(better.stdout), {
    since: '2026-01-03T00:00:00.000Z',
    tenants: { length: 1, 0: { tenantId: 'acme', changes: { length: 1, 0: { state: 'passed', was: 'failed' } } } },
    gone: [],
  })
  await putTenantRecord(stack, { ...second, status: 'draft' }, second.userPoolId)
  t.match(
    (await changes('2026-01-05T00:00:00.000Z')).stdout,
    'acme-two (eu-central-1_Acme00002) is not active any more\n',
  )
  t.match(await run(`doctor acme-two --changes --state ${file}`), {
    code: 0,
    stdout: /^nothing changed \(this is the first time\)/,
  })
  t.match(JSON.parse(await readFile(file, 'utf8')).tables, {
    [`${region}/${tenantTable}`]: { [healthy.userPoolId]: {} },
  })

  await writeFile(file, '{"half":')
  const before = stack.sts.calls.length
  t.match(await changes('2026-01-06T00:00:00.000Z'), {
    code: 1,
    stderr: /is not what the doctor wrote: move it away/,
  })
  t.equal(await readFile(file, 'utf8'), '{"half":')
  t.equal(stack.sts.calls.length, before, 'told before anything is asked')
  t.match(await run(`doctor acme --changes --state ${dir}`), { code: 1, stderr: /cannot be read: it is a folder/ })
  t.match(await run(`doctor acme --changes --state ${dir}/${'x'.repeat(250)}`), {
    code: 1,
    stderr: 'cannot be written',
  })
})

t.test('--changes tells that a chained function became slow, and not that nobody called it for a while', async (t) => {
  await twoTenants()
  const theirs = 'arn:aws:lambda:eu-central-1:111122223333:function:theirs'
  const chaining = heal({ ...healthy, triggers: { preSignUp: { mode: 'chain', functionArn: theirs } } })
  stack.lambda.putFunction({ functionArn: theirs, runner: neverInvoked, aliases: [] })
  poolWith({ lambdaConfig: { ...customAuth, PreSignUp: hosted } })
  await putTenantRecord(stack, chaining, chaining.userPoolId)
  stack.cloudwatch.queryWaits = 0
  const file = join(t.testdir({}), 'doctor.json')
  /** A run at noon of a day, in whose last hours the function was called with these reasons on the lines. */
  async function changesOn(day: number, ...reasons: (string | undefined)[]) {
    const line = { outcome: 'chained', userPoolId: healthy.userPoolId, trigger: 'pre-sign-up', chained: true }
    const lines = reasons.map((reason) => JSON.stringify({ ...line, ...(reason && { reason }) }))
    const at = Date.parse(`2026-02-0${day}T11:00:00.000Z`)
    stack.cloudwatch.put(
      LOG_GROUP,
      lines.map((message) => ({ at, message })),
    )
    return run(`doctor acme --changes --state ${file}`, { now: `2026-02-0${day}T12:00:00.000Z` })
  }
  t.match(await changesOn(1, undefined), { code: 0, stdout: /^nothing changed \(this is the first time\)/ })
  t.match(await changesOn(2), { code: 0, stdout: /^nothing changed/ }, 'a day without calls')
  t.match(await changesOn(3, 'chain_timeout', undefined), {
    code: 0,
    stdout: /! chained-time +was passed: In the last 3 hours some calls of preSignUp/,
  })
  t.match(await changesOn(4), { code: 0, stdout: /^nothing changed/ })
  t.match(await changesOn(5, 'chain_timeout'), {
    code: 1,
    stdout: /✗ chained-time +was warned: In the last 3 hours no call of preSignUp/,
  })
  t.match(await changesOn(6, undefined), { code: 0, stdout: /✓ chained-time +was failed: Every call of preSignUp/ })
  const { stdout, code } = await run('doctor acme', { now: '2026-02-07T12:00:00.000Z' })
  t.equal(code, 0, 'nobody is stopped by it')
  t.match(stdout, /– chained-time +No call of preSignUp in the last 3 hours/)
  stack.cloudwatch.queryWaits = 1
  heal()
})

t.test('--changes compares with the last run of all, whether or not that one asked for changes', async (t) => {
  await twoTenants()
  const file = join(t.testdir({}), 'kept', 'doctor.json')
  const at = (line: string, now: string) => run(`${line} --state ${file}`, { now })
  const kept = async () => JSON.parse(await readFile(file, 'utf8')).tables[`${region}/${tenantTable}`]
  const first = await at('doctor --all', '2026-01-01T00:00:00.000Z')
  t.match(first, { code: 0, stderr: '', stdout: '2 of 2 tenants healthy' })
  t.same(Object.keys(await kept()).sort(), [healthy.userPoolId, second.userPoolId])
  t.match(await at('doctor --all --changes', '2026-01-02T00:00:00.000Z'), {
    stdout: 'nothing changed (since 2026-01-01T00:00:00.000Z)\n',
  })

  stack.ssm.remove(credentialParameter)
  t.match(await at('doctor acme --json', '2026-01-03T00:00:00.000Z'), { code: 1, stderr: '', stdout: '"tenants"' })
  t.match(await kept(), {
    [healthy.userPoolId]: { checkedAt: '2026-01-03T00:00:00.000Z', findings: { secret: { state: 'failed' } } },
    [second.userPoolId]: { checkedAt: '2026-01-02T00:00:00.000Z', findings: { secret: { state: 'passed' } } },
  })
  t.match(await at('doctor --all --changes', '2026-01-04T00:00:00.000Z'), {
    code: 1,
    stdout: 'nothing changed (since 2026-01-02T00:00:00.000Z, or whenever a tenant was last examined)\n',
  })
  heal()
  stack.deploy(neverInvoked, [healthy.alias, second.alias])
  t.match(await at('doctor --all --changes', '2026-01-05T00:00:00.000Z'), { stdout: 'was failed: ' })

  t.match(await at('doctor asleep', '2026-01-06T00:00:00.000Z'), { stdout: 'asleep (eu-central-1_Asleep001), draft' })
  const all = await at('doctor --all --changes', '2026-01-07T00:00:00.000Z')
  t.notMatch(all.stdout, 'asleep (eu-central-1_Asleep001) is not active any more', 'a draft was never active')
  t.match(all.stdout, 'asleep (draft)', 'and is named')
  const { notExamined } = JSON.parse((await at('doctor --all --changes --json', '2026-01-08T00:00:00.000Z')).stdout)
  t.match(
    notExamined.find((one: { tenantId: string }) => one.tenantId === 'asleep'),
    { userPoolId: 'eu-central-1_Asleep001', status: 'draft' },
  )
  t.ok((await kept())['eu-central-1_Asleep001'])
})

t.test(
  'compares with a date or with a run of a name, whoever ran it since, and says since when a check fails',
  async (t) => {
    await twoTenants()
    const file = join(t.testdir({}), 'doctor.json')
    const at = (line: string, day: number) => run(`${line} --state ${file}`, { now: `2026-01-0${day}T10:00:00.000Z` })
    await at('doctor --all --name before', 1)
    stack.ssm.remove(credentialParameter)
    t.match((await at('doctor --all', 2)).code, 1)
    const third = await at('doctor acme', 3)
    t.match(third.stdout, 'There is no parameter', 'anybody runs it in between')
    t.match(third.stdout.replace(/\s+/g, ' '), '(since 2026-01-02T10:00:00.000Z)')
    t.match(await at('doctor --all --changes', 4), { stdout: /^nothing changed/ })
    for (const when of ['before', '2026-01-01', '2026-01-01T12:00:00.000Z']) {
      const { stdout, code } = await at(`doctor --all --since ${when}`, 5)
      t.equal(code, 1, when)
      t.match(stdout, /secret +was passed: There is no parameter/)
      t.match(stdout, /\n1 changed \(since 2026-01-01T/)
    }
    t.match(await at('doctor --all --since 2026-01-02', 5), { stdout: /^nothing changed \(since 2026-01-02T23/ })
    const { tenants } = JSON.parse((await at('doctor acme --json', 6)).stdout)
    t.match(
      tenants[0].findings.find(({ check }: { check: string }) => check === 'secret'),
      {
        state: 'failed',
        since: '2026-01-02T10:00:00.000Z',
      },
    )
    t.match(await at('doctor --all --since befor', 6), {
      code: 1,
      stderr: 'no run of the doctor was called "befor": did you mean before?',
    })
    heal()
    stack.deploy(neverInvoked, [healthy.alias, second.alias])
    t.match(await at('doctor --all --since before', 7), { code: 0, stdout: /^nothing changed/ })
  },
)

t.test('findings that cannot be kept are told in full, with a warning', async (t) => {
  await twoTenants()
  const dir = t.testdir({ 'other.json': '{"mine":1}', astray: t.fixture('symlink', 'nowhere') })
  const other = join(dir, 'other.json')
  const cases = [
    [other, 'is not what the doctor wrote: move it away, or name another one with --state'],
    [`${other}/doctor.json`, 'cannot be read (ENOTDIR): name another one with --state'],
    [join(dir, 'astray', 'doctor.json'), 'cannot be written (ENOENT): name another one with --state'],
  ]
  for (const [file = '', said] of cases) {
    const { code, stdout, stderr } = await run(`doctor acme --state ${file}`)
    t.equal(code, 0)
    t.match(stdout, '33 passed, 0 warned, 0 failed, 0 not checkable\n')
    t.equal(stderr, `warning: not kept for a later --changes: ${file} ${said}\n`)
    t.match(await run(`doctor acme --changes --state ${file}`), { code: 1, stderr: `error: ${file} ${said}` })
  }
  t.equal(await readFile(other, 'utf8'), '{"mine":1}')
})

import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import {
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { parse } from 'yaml'
import { systemClock } from '../../../src/call.js'
import { createIdentity } from '../../../src/local/aws/identity.js'
import type { RecordedCall } from '../../../src/local/aws/server.js'
import { startTable } from '../../../src/local/dynamodb.js'
import { startSts } from '../../../src/local/sts.js'
import { CONCURRENCY } from '../../../src/terminal/bounded.js'
import { createProgress } from '../../../src/terminal/progress.js'
import { tenantYaml as activeYaml, cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'
import { createGate, holdWhile } from '../fixtures/gate.js'

const region = 'eu-central-1'
const TENANT_TABLE = 'tenants'
const env = { TENANT_TABLE, AWS_REGION: region }

/** A table of its own for one test, and an operator who may do everything with it, or only the given actions. */
async function startStack(t: { teardown(fn: () => unknown): unknown }, actions: string[] = ['dynamodb:*']) {
  const identity = createIdentity(systemClock)
  const table = await startTable({ clock: systemClock, identity, tableName: TENANT_TABLE })
  const principal = (Action: string[]) => ({
    arn: 'arn:aws:iam::999900001111:role/operator',
    accountId: '999900001111',
    policies: [{ Version: '2012-10-17' as const, Statement: [{ Effect: 'Allow' as const, Action, Resource: '*' }] }],
  })
  const operator = identity.issue(principal(actions), 3_600_000)
  const sts = await startSts({ clock: systemClock, identity })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = table.url
  process.env.AWS_ENDPOINT_URL_STS = sts.url
  process.env.AWS_ACCESS_KEY_ID = operator.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = operator.secretAccessKey
  process.env.AWS_SESSION_TOKEN = operator.sessionToken
  const credentials = identity.issue(principal(['dynamodb:*']), 3_600_000)
  const client = new DynamoDBClient({ region, endpoint: table.url, credentials })
  t.teardown(() => {
    client.destroy()
    return Promise.all([table.stop(), sts.stop()])
  })
  const key = (tenantId: string, record: string) =>
    marshall({ userPoolId: `${region}_${tenantId.replaceAll('-', '')}`, record })
  return {
    table,
    sts,
    async record(tenantId: string, record = 'config') {
      const { Item } = await client.send(new GetItemCommand({ TableName: TENANT_TABLE, Key: key(tenantId, record) }))
      return Item && unmarshall(Item)
    },
    async put(item: Record<string, unknown>) {
      await client.send(new PutItemCommand({ TableName: TENANT_TABLE, Item: marshall(item) }))
    },
    async count() {
      const { Count } = await client.send(new ScanCommand({ TableName: TENANT_TABLE, Select: 'COUNT' }))
      return Count
    },
    /** Another operator's change. Not a PutItem, so that it is none of those which a test holds. */
    async changeMeanwhile(tenantId: string) {
      await client.send(
        new UpdateItemCommand({
          TableName: TENANT_TABLE,
          Key: key(tenantId, 'config'),
          UpdateExpression: 'SET #v = #v + :one, updatedBy = :by',
          ExpressionAttributeNames: { '#v': 'version' },
          ExpressionAttributeValues: marshall({ ':one': 1, ':by': 'bob' }),
        }),
      )
    },
    writes: () => table.calls.filter(({ operation }) => operation === 'PutItem').length,
  }
}

const PLACE = { table: 'tenants', region, accountId: '999900001111', as: 'arn:aws:iam::999900001111:role/operator' }
/** The head of every plan here. */
const HEAD = 'table tenants in eu-central-1 of account 999900001111\n  as arn:aws:iam::999900001111:role/operator\n'

/** What files say of a tenant's status is tested in apply-status.test.ts: here it is what the table has. */
const tenantYaml = (tenantId?: string) => activeYaml(tenantId).replace('status: active', 'status: draft')

const apply = (dir: string, ...options: string[]) => cli(['tenants', 'apply', dir, ...options], { env })
const applyAt = (now: string, dir: string, ...options: string[]) =>
  cli(['tenants', 'apply', dir, ...options], { env, now })

t.test('writes nothing and asks no table if a file is wrong', async (t) => {
  const { table } = await startStack(t)
  const dir = t.testdir({ 'acme.yaml': tenantYaml(), 'b.yaml': tenantYaml('b').replace('sms', 'fax') })
  const issue = {
    line: 19,
    column: 5,
    field: 'actions.postAppend.mfa',
    message: 'must be one of sms, email, software-token, none',
  }
  const text = await apply(dir, '--yes')
  t.equal(text.code, 1)
  t.equal(text.stdout, `${dir}/b.yaml:19:5  ${issue.field}  ${issue.message}\n\n1 issue in 1 file\n`)
  const json = await apply(dir, '--yes', '--json')
  t.equal(json.code, 1)
  t.same(JSON.parse(json.stdout), {
    kind: 'tenant-files',
    valid: false,
    tenants: ['acme'],
    issues: [{ file: `${dir}/b.yaml`, ...issue }],
  })
  t.same(table.calls, [])
})

t.test('refuses a tenant id that another pool holds in the table', async (t) => {
  const { put, writes } = await startStack(t)
  await put({ userPoolId: 'eu-central-1_Old', record: 'config', version: 1, config: { tenantId: 'acme' } })
  const dir = t.testdir({ 'acme.yaml': tenantYaml() })
  const before = writes()
  const { code, stdout } = await apply(dir, '--yes')
  t.equal(code, 1)
  t.ok(
    stdout.startsWith(
      `${dir}/acme.yaml:1:1  tenantId  is already used in the table, by user pool eu-central-1_Old: another pool is another tenant. If `,
    ),
  )
  t.equal(writes(), before)
})

t.test('lets two pools of the folder take over names from each other', async (t) => {
  const { record } = await startStack(t)
  await apply(t.testdir({ 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b') }), '--yes')
  const rename = (from: string, to: string) => tenantYaml(from).replace(`tenantId: ${from}`, `tenantId: ${to}`)
  const { code } = await apply(t.testdir({ 'a.yaml': rename('b', 'a'), 'b.yaml': rename('a', 'b') }), '--yes')
  t.equal(code, 0)
  t.match(await record('a'), { version: 2, config: { tenantId: 'b' } })
})

t.test('says in one line what the table answered if it cannot be read', async (t) => {
  const { table } = await startStack(t, ['dynamodb:PutItem'])
  const dir = t.testdir({ 'acme.yaml': tenantYaml() })
  const denied = await apply(dir)
  t.equal(denied.code, 1)
  t.equal(denied.stdout, '')
  t.match(
    denied.stderr,
    /^error: table_denied: AccessDeniedException: User: \S+ is not authorized .*\[GW_ERR_UPSTREAM_DENIED.*\]\n$/,
  )
  await table.setFault({ kind: 'refuse' })
  const down = await apply(dir)
  t.equal(down.code, 1)
  t.match(
    down.stderr,
    /^error: table_unavailable: .*ECONNREFUSED.*\[GW_ERR_UPSTREAM_UNAVAILABLE\]: is npm start running\?\n$/,
  )
})

t.test('shows the plan and writes nothing without --yes', async (t) => {
  const { put, writes, count } = await startStack(t)
  const files = { 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b'), 'c.yaml': tenantYaml('c') }
  await apply(t.testdir({ 'a.yaml': files['a.yaml'], 'b.yaml': files['b.yaml'] }), '--yes')
  await put({ userPoolId: 'eu-central-1_Old', record: 'config', version: 1, config: { tenantId: 'old' } })
  await put({ userPoolId: 'eu-central-1_Odd', record: 'config', version: 1, config: null })
  const before = writes()
  const changed = files['b.yaml']
    .replace('ext-acme', 'ext-other')
    .replace('  externalId', '  replicaRegions: [eu-west-1]\n  externalId')
  const dir = t.testdir({ ...files, 'b.yaml': `${changed}login:\n  maxAttempts: 5\n` })

  const { code, stdout, stderr } = await apply(dir)
  t.equal(code, 1, 'a plan that was not agreed to')
  t.equal(stderr, '')
  t.equal(
    stdout,
    `${HEAD}~ b (eu-central-1_b), in the table version 1 by ${userInfo().username}, 0 minutes ago
  ~ aws.externalId: (changed)
  + aws.replicaRegions: ["eu-west-1"]
  + login.maxAttempts: 5
+ c (eu-central-1_c)
- eu-central-1_Odd (eu-central-1_Odd) has no file here; apply keeps it, and this would take it out: corbado-gateway tenants remove eu-central-1_Odd
- old (eu-central-1_Old) has no file here; apply keeps it, and this would take it out: corbado-gateway tenants remove old
1 untouched

Nothing was written. To write it:
  corbado-gateway tenants apply ${dir} --yes
`,
  )
  t.same(JSON.parse((await apply(dir, '--json')).stdout), {
    kind: 'tenants-plan',
    applied: false,
    place: PLACE,
    added: [{ tenantId: 'c', userPoolId: 'eu-central-1_c' }],
    changed: [
      {
        tenantId: 'b',
        userPoolId: 'eu-central-1_b',
        now: { version: 1, updatedBy: userInfo().username, updatedAt: '2026-01-01T00:00:00.000Z' },
        changes: [
          { field: 'aws.externalId' },
          { field: 'aws.replicaRegions', to: ['eu-west-1'] },
          { field: 'login.maxAttempts', to: 5 },
        ],
      },
    ],
    untouched: 1,
    keptStatus: [],
    withoutFile: [
      { tenantId: 'eu-central-1_Odd', userPoolId: 'eu-central-1_Odd' },
      { tenantId: 'old', userPoolId: 'eu-central-1_Old' },
    ],
  })
  t.equal(writes(), before)
  t.equal(await count(), 4)
})

t.test('plan shows the same, never asks and never writes', async (t) => {
  const { writes } = await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
  const plan = (...options: string[]) => cli(['tenants', 'plan', dir, ...options], { env, isTTY: true, stdin: 'y\n' })
  t.equal(
    (await cli(['tenants', 'plan', dir], { env })).stdout,
    `${HEAD}+ a (eu-central-1_a)
0 untouched

Nothing was written. To write it:
  corbado-gateway tenants apply ${dir} --yes
`,
  )
  t.match(await plan(), { code: 0, stderr: '' })
  t.match(JSON.parse((await plan('--json')).stdout), { applied: false, added: [{ tenantId: 'a' }] })
  t.match(await plan('--yes'), { code: 2, stderr: /error:.* unknown option '--yes'/ })
  t.equal(writes(), 0)
})

t.test(
  'a plan is headed by the table, region, account and role that it speaks to, or by why they are not known',
  async (t) => {
    const { sts } = await startStack(t)
    const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
    const plan = () => cli(['tenants', 'plan', dir], { env })
    t.ok((await plan()).stdout.startsWith(HEAD))
    await sts.setFault({ kind: 'status', status: 500 })
    t.match(await plan(), {
      code: 0,
      stdout: /^table tenants in eu-central-1 in an account that is not known \(STS said \w+\)\n\+ a /,
    })
  },
)

t.test(
  'a plan names the version, author and age of what it changes, and what an older file would take back',
  async (t) => {
    await startStack(t)
    const text = tenantYaml('a')
    const both = t.testdir({ old: { 'a.yaml': text }, new: { 'a.yaml': text.replace('mfa: sms', 'mfa: none') } })
    const [older, newer] = [`${both}/old`, `${both}/new`]
    await applyAt('2026-01-01T00:00:00.000Z', older, '--yes', '--by', 'alice')
    const plan = (dir: string, ...more: string[]) =>
      cli(['tenants', 'plan', dir, ...more], { env, now: '2026-01-04T00:00:00.000Z' })
    const forward = await plan(newer)
    t.match(forward.stdout, '~ a (eu-central-1_a), in the table version 1 by alice, 3 days ago\n')
    t.notMatch(forward.stdout, 'takes')
    await applyAt('2026-01-03T21:00:00.000Z', newer, '--yes', '--by', 'bob')
    // The second checkout, whose file is from before bob's change.
    t.equal(
      (await plan(older)).stdout,
      `${HEAD}~ a (eu-central-1_a), in the table version 2 by bob, 3 hours ago
  ~ actions.postAppend.mfa: "none" -> "sms"
  ! this takes version 2 by bob, 3 hours ago, back: the file says of actions.postAppend.mfa what version 1 said, so it may be an old one
0 untouched

Nothing was written. To write it:
  corbado-gateway tenants apply ${older} --yes
`,
    )
    t.match(JSON.parse((await plan(older, '--json')).stdout), {
      changed: [
        {
          now: { version: 2, updatedBy: 'bob' },
          setBacks: [{ changedIn: { version: 2, updatedBy: 'bob' }, said: 1, fields: ['actions.postAppend.mfa'] }],
        },
      ],
    })
  },
)

t.test(
  'a plan warns of all that the table went through and the file may not know of, and of a pool that was taken out',
  async (t) => {
    await startStack(t)
    const text = tenantYaml('a')
    const [mfa, alias] = [
      (to: string) => text.replace('mfa: sms', `mfa: ${to}`),
      (file: string) => file.replace('t-acme', 't-b'),
    ]
    const dirs = t.testdir({
      first: { 'a.yaml': text },
      bob: { 'a.yaml': alias(mfa('none')) },
      // From the first version: it knows neither of bob's changes, and has an own value for one of them.
      both: { 'a.yaml': mfa('email') },
      // One field alone, to which bob gave another value last.
      one: { 'a.yaml': alias(mfa('email')) },
    })
    await applyAt('2026-01-01T00:00:00.000Z', `${dirs}/first`, '--yes', '--by', 'alice')
    await applyAt('2026-01-03T21:00:00.000Z', `${dirs}/bob`, '--yes', '--by', 'bob')
    const plan = (dir: string, by: string) =>
      cli(['tenants', 'apply', `${dirs}/${dir}`, '--by', by], { env, now: '2026-01-04T00:00:00.000Z' })
    const over =
      '  ! this writes over version 2 by bob, 3 hours ago, which changed actions.postAppend.mfa last: see whether'
    const both = await plan('both', 'bob')
    t.match(
      both.stdout,
      '  ! this takes version 2 by bob, 3 hours ago, back: the file says of alias what version 1 said',
    )
    t.match(both.stdout, over, 'whoever asks: the file is older than that version')
    t.match((await plan('one', 'alice')).stdout, over)
    t.notMatch((await plan('one', 'bob')).stdout, '  ! ', 'bob knows what bob changed')
    t.notMatch((await plan('first', 'alice')).stdout, 'writes over', 'what is taken back is told once')

    await applyAt('2026-01-03T22:00:00.000Z', `${dirs}/bob`, '--yes')
    await cli(['tenants', 'remove', 'a', '--unchecked', '--confirm', 'a', '--by', 'carol'], {
      env,
      now: '2026-01-03T23:00:00.000Z',
    })
    t.match(
      (await plan('first', 'alice')).stdout,
      '+ a (eu-central-1_a)\n  ! this brings back what carol removed 60 minutes ago: the file may be an old one\n',
    )
    const json = await cli(['tenants', 'plan', `${dirs}/first`, '--json'], { env, now: '2026-01-04T00:00:00.000Z' })
    t.match(JSON.parse(json.stdout), { added: [{ tenantId: 'a', removed: { updatedBy: 'carol' } }] })
  },
)

t.test('a status that was changed meanwhile is not set back by --status without a word', async (t) => {
  await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a').replace('status: active', 'status: draft') })
  await applyAt('2026-01-01T00:00:00.000Z', dir, '--yes', '--by', 'alice')
  await cli(['tenants', 'suspend', 'a', '--yes', '--by', 'bob', '--dir', 'none'], {
    env,
    now: '2026-01-02T00:00:00.000Z',
  })
  const { stdout } = await cli(['tenants', 'plan', dir, '--status'], { env, now: '2026-01-04T00:00:00.000Z' })
  t.match(
    stdout,
    '  ~ status: "suspended" -> "draft"\n  ! this takes version 2 by bob, 2 days ago, back: the file says of status',
  )
})

t.test('plan --exit-code exits 2 if something would change, and 0 if nothing would', async (t) => {
  await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
  const plan = (...more: string[]) => cli(['tenants', 'plan', dir, ...more], { env })
  t.match(await plan('--exit-code'), { code: 2, stderr: '' })
  t.match(await plan(), { code: 0 })
  await apply(dir, '--yes')
  t.match(await plan('--exit-code', '--json'), { code: 0 })
  const wrong = t.testdir({ w: { 'a.yaml': tenantYaml('a').replace('sms', 'fax') } })
  t.match(await cli(['tenants', 'plan', `${wrong}/w`, '--exit-code'], { env }), { code: 1 })
})

t.test('--only plans and writes one tenant of a folder, whatever the other files say', async (t) => {
  const { record } = await startStack(t)
  const files = {
    'a.yaml': tenantYaml('a'),
    'b.yaml': tenantYaml('b').replace('sms', 'fax'),
    'c.yaml': tenantYaml('c'),
  }
  const dir = t.testdir(files)
  const only = (word: string, ...more: string[]) => cli(['tenants', 'apply', dir, '--only', word, ...more], { env })
  t.match(await only('aa'), { code: 1, stderr: `error: no valid file in ${dir} is of "aa": did you mean a?\n` })
  t.match(await only('b'), { code: 1, stdout: 'b.yaml:19:5  actions.postAppend.mfa  must be one of' })
  const planned = await only('a')
  t.match(
    planned.stdout,
    `+ a (eu-central-1_a)\n0 untouched\n\nNothing was written. To write it:\n  corbado-gateway tenants apply ${dir} --only a --yes\n`,
  )
  t.match(await only('eu-central-1_a', '--yes'), { code: 0, stdout: '1 added' })
  t.equal(await record('c'), undefined)
  const again = await only('c', '--yes')
  t.match(again, { code: 0, stdout: '1 added' })
  t.notMatch(again.stdout, 'has no file here')
  // A name that another pool of the table has is refused all the same.
  const clash = t.testdir({ x: { 'a.yaml': tenantYaml('x').replace('tenantId: x', 'tenantId: a') } })
  t.match(await cli(['tenants', 'apply', `${clash}/x`, '--only', 'a', '--yes'], { env }), {
    code: 1,
    stdout: 'is already used in the table, by user pool eu-central-1_a',
  })
})

t.test('asks on a terminal, and takes nothing but a yes for one', async (t) => {
  const { writes } = await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
  const answer = (stdin: string) => cli(['tenants', 'apply', dir], { env, isTTY: true, stdin })
  for (const no of ['n\n', '\n', 'yesterday\n', ' no yes\n']) {
    const { code, stdout, stderr } = await answer(no)
    t.equal(code, 1, 'what was to be written was not')
    t.equal(stripVTControlCharacters(stderr), `Write this? [y/N] ${no.replace('\n', '\r\n')}`)
    t.match(stdout, 'Nothing was written.')
  }
  t.equal(writes(), 0)
  t.match(await answer('Y\n'), { code: 0, stdout: '1 added, 0 changed\n' })
  t.equal(writes(), 1)
  t.notMatch((await answer('')).stderr, 'Write this?', 'nothing to write, nothing to ask')
})

t.test('shows a field that is gone, a config that is none, and a folder that a shell would split', async (t) => {
  const { put } = await startStack(t)
  const config = { ...parse(tenantYaml('a')), limits: { verifyPerSecond: 5 } }
  const by = { updatedAt: '2025-12-30T00:00:00.000Z', updatedBy: 'bob' }
  await put({ userPoolId: 'eu-central-1_a', record: 'config', version: 1, ...by, config })
  await put({ userPoolId: 'eu-central-1_b', record: 'config', version: 1, ...by, config: 'torn' })
  const dir = `${t.testdir({ "it's here": { 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b') } })}/it's here`
  const { stdout } = await apply(dir)
  t.match(
    stdout,
    '~ a (eu-central-1_a), in the table version 1 by bob, 2 days ago\n  - limits.verifyPerSecond: 5\n~ b (eu-central-1_b), in the table version 1 by bob, 2 days ago\n  - (all of it): "torn"\n  + tenantId: "b"\n',
  )
  t.match(stdout, `apply "${dir}" --yes\n`)
})

t.test('writes the files as they are, keeps what it replaces, and writes nothing the second time', async (t) => {
  const { record, writes, count } = await startStack(t)
  const first = { 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b') }
  const added = await applyAt('2026-01-01T00:00:00.000Z', t.testdir(first), '--yes', '--by', 'alice')
  t.match(added, { code: 0, stderr: '' })
  t.equal(added.stdout, `${HEAD}+ a (eu-central-1_a)\n+ b (eu-central-1_b)\n0 untouched\n2 added, 0 changed\n`)
  const original = {
    userPoolId: 'eu-central-1_a',
    record: 'config',
    version: 1,
    updatedAt: '2026-01-01T00:00:00.000Z',
    updatedBy: 'alice',
    // No defaults filled in: a later default reaches every tenant that did not choose.
    config: parse(first['a.yaml']),
  }
  t.same(await record('a'), original)

  const again = writes()
  t.match(await apply(t.testdir(first), '--yes'), { code: 0, stdout: '2 untouched\n0 added, 0 changed\n' })
  t.notMatch((await apply(t.testdir(first))).stdout, 'Nothing was written')
  t.equal(writes(), again)

  const second = { ...first, 'a.yaml': first['a.yaml'].replace('mfa: sms', 'mfa: none') }
  const changed = await applyAt('2026-02-02T00:00:00.000Z', t.testdir(second), '--yes')
  t.match(changed, { code: 0, stdout: '\n0 added, 1 changed\n' })
  t.same(await record('a', 'v1'), { ...original, record: 'v1' })
  t.match(await record('a'), {
    version: 2,
    updatedAt: '2026-02-02T00:00:00.000Z',
    updatedBy: userInfo().username,
    config: { actions: { postAppend: { mfa: 'none' } } },
  })
  t.equal(await count(), 3)
})

t.test('prints what was written as JSON', async (t) => {
  await startStack(t)
  const { code, stdout } = await apply(t.testdir({ 'a.yaml': tenantYaml('a') }), '--yes', '--json')
  t.equal(code, 0)
  t.same(JSON.parse(stdout), {
    kind: 'tenants-plan',
    applied: true,
    place: PLACE,
    added: [{ tenantId: 'a', userPoolId: 'eu-central-1_a' }],
    changed: [],
    untouched: 0,
    keptStatus: [],
    withoutFile: [],
    written: { added: ['a'], changed: [], conflicts: [] },
  })
})

t.test('stops at a tenant that another operator changes between reading and writing', async (t) => {
  const { table, record, changeMeanwhile } = await startStack(t)
  const files = { 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b') }
  await apply(t.testdir(files), '--yes')
  const dir = t.testdir({
    ...files,
    'a.yaml': files['a.yaml'].replace('mfa: sms', 'mfa: email'),
    'c.yaml': tenantYaml('c'),
  })
  /** Lets the change in before the old record is kept, so before the new one is put. */
  const race = async (...options: string[]) => {
    await holdWhile(table, 'PutItem', 1, () => changeMeanwhile('a'))
    return apply(dir, '--yes', ...options)
  }

  const text = await race()
  t.equal(text.code, 1)
  t.equal(
    text.stderr,
    `error: a was changed in the table meanwhile: it is version 2 by bob of 2026-01-01T00:00:00.000Z; it was not written
Stopped: 1 of 2 were written (c). The same command plans the rest again.
`,
  )
  t.match(text.stdout, '\n1 added, 0 changed\n')
  t.match(await record('a'), { version: 2, updatedBy: 'bob', config: { actions: { postAppend: { mfa: 'sms' } } } })

  const json = await race('--json')
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), {
    applied: false,
    written: { added: [], changed: [], conflicts: [{ tenantId: 'a', version: 3, updatedBy: 'bob' }] },
  })
  await table.setFault(undefined)
  t.match(await apply(dir, '--yes'), { code: 0, stdout: '\n0 added, 1 changed\n' })
  t.match(await record('a'), { version: 4, config: { actions: { postAppend: { mfa: 'email' } } } })
})

t.test('starts no new write after a conflict', async (t) => {
  const { put, record, count, table } = await startStack(t)
  const names = Array.from({ length: 100 }, (_, index) => `t${String(index).padStart(3, '0')}`)
  const dir = t.testdir(Object.fromEntries(names.map((name) => [`${name}.yaml`, tenantYaml(name)])))
  const [taken, asked] = [createGate(), createGate()]
  let begun = 0
  // Holds all writes that may run at once. Bob is faster than the first of them; the others go on once it is asked who was.
  const until = ({ operation, input }: RecordedCall) => {
    if (operation === 'GetItem') asked.open()
    if (operation !== 'PutItem' || ++begun > CONCURRENCY) return undefined
    if (begun === CONCURRENCY) {
      const theirs = { userPoolId: 'eu-central-1_t000', record: 'config', version: 7, updatedBy: 'bob', config: {} }
      void put(theirs).then(taken.open)
    }
    return JSON.stringify(input).includes('eu-central-1_t000') ? taken.opened : asked.opened
  }
  await table.setFault({ kind: 'held', until })
  const { code, stderr } = await apply(dir, '--yes')
  t.equal(code, 1)
  t.match(stderr, /^error: t000 was changed .* version 7 by bob .*\nStopped: \d+ of 100 were written/)
  t.match(await record('t000'), { version: 7 })
  t.ok(Number(await count()) < 100, 'most were not begun')
})

t.test('says how far it came if the table fails while writing', async (t) => {
  const { table } = await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
  await table.setFault({ kind: 'status', status: 400 }, 'PutItem')
  const { code, stdout, stderr } = await apply(dir, '--yes')
  t.equal(code, 1)
  t.match(stdout, '\n0 added, 0 changed\n')
  t.match(
    stderr,
    /^Stopped: 0 of 1 were written\. The same command plans the rest again\.\nerror: table_\w+: [^\n]+\n$/,
  )
})

t.test('each seventh write is refused as too fast: it waits, goes on, and every file is written', async (t) => {
  const { table, count } = await startStack(t)
  let puts = 0
  const proxy = createServer((message, response) => {
    const { method, url, headers } = message
    if (String(headers['x-amz-target']).endsWith('PutItem') && ++puts % 7 === 0) {
      message.resume().on('end', () => {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
        response.end(JSON.stringify({ __type: 'x#ProvisionedThroughputExceededException', message: 'slow down' }))
      })
      return
    }
    const forwarded = request({ port: table.port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers))
    })
    message.pipe(forwarded)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const ids = Array.from({ length: 120 }, (_, index) => `t${String(index).padStart(3, '0')}`)
  const dir = t.testdir(Object.fromEntries(ids.map((id) => [`${id}.yaml`, tenantYaml(id)])))
  const clock = createPausingClock()
  const { code, stdout, stderr } = await cli(['tenants', 'apply', dir, '--yes'], { env, clock })
  t.equal(code, 0, stderr)
  t.match(stdout, '\n120 added, 0 changed\n')
  t.equal(await count(), 120)
  t.match(stderr, /^note: DynamoDB is asked more than it allows: waiting, and going on when it can\n/)
  t.equal(clock.pauses.length, Math.floor(puts / 7))
})

t.test('stops once nothing was written for a minute, and says how far it came', async (t) => {
  const { table } = await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a') })
  await table.setFault({ kind: 'status', status: 429 }, 'PutItem')
  const clock = createPausingClock()
  const { code, stderr } = await cli(['tenants', 'apply', dir, '--yes'], { env, clock })
  t.equal(code, 1)
  t.match(stderr, 'Stopped: 0 of 1 were written. The same command plans the rest again.\nerror: table_throttled')
  t.ok(clock.elapsed() >= 60_000 && clock.elapsed() < 62_000)
})

t.test('takes a write for done whose answer was lost', async (t) => {
  const { table, record } = await startStack(t)
  let lost = 0
  // The stand-in breaks before it does its work; here the connection breaks after it.
  const proxy = createServer((message, response) => {
    const { method, url, headers } = message
    const forwarded = request({ port: table.port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      if (String(headers['x-amz-target']).endsWith('PutItem') && lost++ === 0) message.socket.destroy()
      else answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers))
    })
    message.pipe(forwarded)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const { code, stdout } = await apply(t.testdir({ 'a.yaml': tenantYaml('a') }), '--yes')
  t.equal(lost, 2)
  t.equal(code, 0)
  t.match(stdout, '\n1 added, 0 changed\n')
  t.match(await record('a'), { version: 1 })

  // The same of the version that is kept.
  lost = 0
  const changed = tenantYaml('a').replace('mfa: sms', 'mfa: none')
  t.match(await apply(t.testdir({ 'a.yaml': changed }), '--yes'), { code: 0, stdout: '\n0 added, 1 changed' })
  t.match(await record('a', 'v1'), { version: 1 })
  const [written, kept, ...more] = table.calls
    .map(({ input }) => input)
    // The test's own reads do not say how they are to be.
    .filter((input) => Object(input).ConsistentRead !== undefined && 'Key' in Object(input))
  t.match(written, { Key: { record: { S: 'config' } }, ConsistentRead: true }, 'an older copy would deny it')
  t.match(kept, { Key: { record: { S: 'v1' } }, ConsistentRead: true })
  t.same(more, [])
})

t.test('applies 100 tenants, each written once, and the second time none', async (t) => {
  const { writes, count } = await startStack(t)
  const names = Array.from({ length: 100 }, (_, index) => `tenant-${index}`)
  const dir = t.testdir(Object.fromEntries(names.map((name) => [`${name}.yaml`, tenantYaml(name)])))
  t.match(await apply(dir, '--yes'), { code: 0, stdout: '\n100 added, 0 changed\n' })
  t.equal(writes(), 100)
  t.equal(await count(), 100)
  t.match(await apply(dir, '--yes'), { code: 0, stdout: '100 untouched\n0 added, 0 changed\n' })
  t.equal(writes(), 100)
})

t.test(
  'of 100 new tenants only the one that was there before is asked for its past, and goes on counting',
  async (t) => {
    const { record, put, table } = await startStack(t)
    const names = Array.from({ length: 100 }, (_, index) => `tenant-${index}`)
    const texts = Object.fromEntries(names.map((name) => [`${name}.yaml`, tenantYaml(name)]))
    const dirs = t.testdir({ all: texts, one: { 'tenant-7.yaml': tenantYaml('tenant-7') } })
    await apply(`${dirs}/one`, '--yes')
    await cli(['tenants', 'remove', 'tenant-7', '--unchecked', '--confirm', 'tenant-7', '--by', 'carol'], { env })
    // What the table keeps comes in pages, one of them without a pool of the folder.
    for (const version of [1, 2, 3, 4, 5, 6])
      await put({ userPoolId: `${region}_zz`, record: `v${version}`, version, config: 'x'.repeat(300_000) })
    const before = table.calls.length
    const applied = await apply(`${dirs}/all`, '--yes')
    t.match(applied, { code: 0, stdout: '\n100 added, 0 changed\n' })
    t.match(applied.stdout, /\+ tenant-7 .*\n {2}! this brings back what carol removed/)
    t.match(await record('tenant-7'), { version: 2 })
    t.match(await record('tenant-8'), { version: 1 })
    const asked = table.calls.slice(before).filter(({ operation }) => operation === 'Query')
    t.equal(asked.length, 2, 'once for the plan, and once when it is written')
    for (const { input } of asked) t.match(JSON.stringify(input), `${region}_tenant7`)
  },
)

t.test('says how far it is every 500 tenants, if no terminal counts them on one line', async (t) => {
  let said = ''
  const progress = createProgress({ stderr: { write: (text: string) => (said += text) }, env: {} }, 1_200)
  for (let done = 0; done < 1_200; done++) progress.step()
  progress.end()
  t.equal(said, '500 of 1200 written\n1000 of 1200 written\n')
})

t.test('knows every tenant of a table that answers in pages', async (t) => {
  const { put, table } = await startStack(t)
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const dir = t.testdir(Object.fromEntries(names.map((name) => [`${name}.yaml`, tenantYaml(name)])))
  await apply(dir, '--yes')
  // DynamoDB answers 1 MB at once, and looks at all records to find the current ones.
  const config = 'x'.repeat(300_000)
  for (const name of names) await put({ userPoolId: `${region}_${name}`, record: 'v0', version: 0, config })
  const before = table.calls.length
  t.match(await apply(dir), { code: 0, stdout: '6 untouched\n' })
  t.same(
    table.calls.slice(before).map(({ operation }) => operation),
    ['Scan', 'Scan'],
  )
})

t.test('counts on one line of a terminal', async (t) => {
  await startStack(t)
  const dir = t.testdir({ 'a.yaml': tenantYaml('a'), 'b.yaml': tenantYaml('b') })
  const { stderr, stdout } = await cli(['tenants', 'apply', dir, '--yes'], { env, isTTY: true })
  const [half, full] = ['█'.repeat(15) + '░'.repeat(15), '█'.repeat(30)]
  t.equal(stderr, `\r${half} 1 of 2 written\r${full} 2 of 2 written\r${' '.repeat(45)}\r`)
  t.match(stdout, '\u001b[32m+\u001b[39m a (eu-central-1_a)')
})

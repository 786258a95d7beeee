import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { operator as operatorRole } from '../../../src/local/accounts.js'
import { tenantYaml } from '../fixtures/cli.js'
import { startOperator } from '../fixtures/operator.js'

const { stack, env, run, seed, writes } = await startOperator(t)
const client = new DynamoDBClient({ region: 'eu-central-1', endpoint: stack.table.url })
t.teardown(() => client.destroy())
const TableName = env.TENANT_TABLE
const keyOf = (tenantId: string) => marshall({ userPoolId: `eu-central-1_${tenantId}`, record: 'config' })

async function current(tenantId: string) {
  const { Item } = await client.send(new GetItemCommand({ TableName, Key: keyOf(tenantId) }))
  return Item && unmarshall(Item)
}

/** A tenant of a customer and an account of its own. */
const yamlOf = (tenantId: string, status: string, mfa = 'sms') =>
  tenantYaml(tenantId)
    .replace('customer: acme', `customer: ${tenantId}`)
    .replaceAll('111122223333', tenantId.charCodeAt(0).toString().padStart(12, '0'))
    .replace('ext-acme', `ext-${tenantId}`)
    .replace('https://backendapi.cloud.corbado.io', stack.corbado.url)
    .replace('status: active', `status: ${status}`)
    .replace('mfa: sms', `mfa: ${mfa}`)

const apply = (dir: string, options = '') => run(`tenants apply ${dir} --yes${options}`)

t.test('apply does not lift what was paused or suspended, and says so with the way to do it', async (t) => {
  const files = (mfa?: string) =>
    Object.fromEntries(['a', 'b', 'c'].map((id) => [`${id}.yaml`, yamlOf(id, 'active', mfa)]))
  await seed(t.testdir(files()))
  t.equal((await run('tenants suspend a --yes --dir nowhere')).code, 0)
  t.equal((await run('tenants pause b --dir nowhere')).code, 0)

  const before = writes()
  const dir = t.testdir(files())
  const { code, stdout } = await apply(dir)
  t.equal(code, 0)
  t.equal(
    stdout,
    `table corbado-gateway-tenants in eu-central-1 of account 999900000001
  as ${operatorRole.arn}
= a (eu-central-1_a)
  ! status stays suspended; the file says active: corbado-gateway tenants resume a, or apply with --status
= b (eu-central-1_b)
  ! status stays passkeys-off; the file says active: corbado-gateway tenants resume b, or apply with --status
3 untouched
0 added, 0 changed
`,
  )
  t.equal(writes(), before)
  t.equal((await run(`tenants plan ${dir}`)).stdout, stdout.replace(/0 added.*\n/, ''))

  // A change of another field is written, and nothing else with it.
  const changed = await apply(t.testdir(files('email')))
  t.match(
    changed.stdout,
    /\n~ a .*\n {2}~ actions.postAppend.mfa: "sms" -> "email"\n {2}! status stays suspended; .*\n~ b .*\n.*\n {2}! status stays passkeys-off; .*\n~ c .*\n.*\n0 untouched\n/,
  )
  t.match(await current('a'), {
    version: 3,
    config: { status: 'suspended', actions: { postAppend: { mfa: 'email' } } },
  })
  t.match(await current('b'), { version: 3, config: { status: 'passkeys-off' } })
  t.match(await current('c'), { version: 2, config: { status: 'active' } })

  const json = await run(`tenants apply ${t.testdir(files('email'))} --json`)
  t.match(JSON.parse(json.stdout), {
    changed: [],
    untouched: 3,
    keptStatus: [
      { tenantId: 'a', userPoolId: 'eu-central-1_a', status: 'suspended', fileStatus: 'active' },
      { tenantId: 'b', userPoolId: 'eu-central-1_b', status: 'passkeys-off', fileStatus: 'active' },
    ],
  })
  const taken = await apply(t.testdir(files('email')), ' --status')
  t.match(taken.stdout, /~ a .*\n {2}~ status: "suspended" -> "active"\n/)
  t.match(await current('a'), { version: 4, config: { status: 'active' } })
})

t.test('a new tenant goes live by activate alone, and the second apply writes nothing', async (t) => {
  const dir = t.testdir({ 'd.yaml': yamlOf('d', 'active') })
  const { stdout } = await apply(dir)
  t.match(
    stdout,
    `+ d (eu-central-1_d)
  ! status begins as draft; the file says active: corbado-gateway tenants activate d
`,
  )
  t.match(await current('d'), { version: 1, config: { status: 'draft' } })
  const before = writes()
  t.match((await apply(dir)).stdout, '! status stays draft; the file says active: corbado-gateway tenants activate d\n')
  t.equal(writes(), before)
  const asked = await apply(dir, ' --status')
  t.match(asked.stdout, '! status stays draft; the file says active: corbado-gateway tenants activate d\n')
  t.equal(writes(), before, 'nor with --status')
  const planned = await run(`tenants plan ${t.testdir({ 'd.yaml': yamlOf('d', 'active', 'email') })} --status`)
  t.match(planned.stdout, /tenants apply .* --status --yes\n/)
})

t.test('names both commands if two lead from the one status to the other', async (t) => {
  const { stdout } = await apply(t.testdir({ 'd.yaml': yamlOf('d', 'passkeys-off') }))
  t.match(
    stdout,
    '  ! status stays draft; the file says passkeys-off: corbado-gateway tenants activate d, then corbado-gateway tenants pause d\n',
  )
})

t.test('a draft that was suspended and resumed is a draft again, and no other way but activate leads on', async (t) => {
  const dir = t.testdir({ 'x.yaml': yamlOf('x', 'active') })
  await apply(dir)
  for (const [line, status] of [
    ['suspend x --yes', 'suspended'],
    ['resume x', 'draft'],
    ['suspend x --yes', 'suspended'],
  ] as const) {
    t.equal((await run(`tenants ${line} --dir nowhere`)).code, 0)
    t.match(await current('x'), { config: { status } }, line)
  }
  t.equal((await apply(dir, ' --status')).code, 0)
  t.match(await current('x'), { config: { status: 'suspended' } }, 'an edited file')
  t.equal((await run('tenants rollback x --to 1 --yes --dir nowhere')).code, 0)
  t.match(await current('x'), { config: { status: 'draft' } }, 'an old version')
  t.match(await run('tenants resume x --dir nowhere'), { code: 1, stderr: 'a draft goes live by corbado-gateway' })

  // A version from when it was live, before it was taken out and came back as a draft.
  await seed(t.testdir({ 'y.yaml': yamlOf('y', 'active') }))
  t.equal((await run('tenants pause y --dir nowhere')).code, 0)
  t.equal((await run('tenants remove y --confirm y --unchecked --dir nowhere')).code, 0)
  await apply(t.testdir({ 'y.yaml': yamlOf('y', 'active') }))
  const back = await run('tenants rollback y --to 1 --yes --dir nowhere')
  t.match(back.stdout, 'its status stays draft, not active as in that version: a draft goes live by corbado-gateway')
  t.match(await current('y'), { config: { status: 'draft' } })
})

t.test('a torn record is repaired as a draft', async (t) => {
  await client.send(
    new PutItemCommand({ TableName, Item: marshall({ ...(await current('d')), config: { status: 'on' } }) }),
  )
  t.equal((await apply(t.testdir({ 'd.yaml': yamlOf('d', 'active') }))).code, 0)
  t.match(await current('d'), { version: 2, config: { status: 'draft' } })
})

t.test('a file cannot take the account or the ExternalId of a pool that only the table has', async (t) => {
  const before = writes()
  const dir = t.testdir({ 'm.yaml': yamlOf('m', 'draft').replaceAll(/0{9}109/g, '000000000097') })
  const account = await apply(dir)
  t.equal(account.code, 1)
  t.equal(
    account.stdout,
    `${dir}/m.yaml:8:3  aws.accountId  is the account of customer a in the table (a, user pool eu-central-1_a): an account has one customer

1 issue in 1 file
`,
  )
  const external = t.testdir({ 'm.yaml': yamlOf('m', 'draft').replace('ext-m', 'ext-a') })
  t.match(await apply(external), {
    code: 1,
    stdout: `${external}/m.yaml:11:3  aws.externalId  is the ExternalId of account 000000000097 in the table (a, user pool eu-central-1_a): every account has its own\n`,
  })
  t.match(await run(`tenants plan ${external} --json`), { code: 1, stdout: '"valid": false' })
  t.equal(writes(), before)
  // A second pool of the same customer may share both.
  const second = yamlOf('m', 'draft')
    .replace('customer: m', 'customer: a')
    .replaceAll(/0{9}109/g, '000000000097')
    .replace('ext-m', 'ext-a')
  t.match(await apply(t.testdir({ 'm.yaml': second })), { code: 0, stdout: '1 added' })
})

import { type AttributeValue, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { putTenantRecord, toLocal } from '../../../src/local/world/tenants.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { startOperator } from '../fixtures/operator.js'

const { stack, env, run, json, setUp, writes } = await startOperator(t)
const acme = toLocal(tenantFile(), stack)
const { userPoolId } = acme

/** A record as any other program may write it: only the two keys must be there, and texts. */
async function put(record: string, fields: Record<string, AttributeValue>, key: string = userPoolId): Promise<void> {
  Object.assign(process.env, env)
  const client = new DynamoDBClient({ endpoint: stack.table.url, region: 'eu-central-1' })
  const Item = { userPoolId: { S: key }, record: { S: record }, ...fields }
  await client.send(new PutItemCommand({ TableName: stack.table.tableName, Item }))
  client.destroy()
}

const text = (S: string) => ({ S })
const odd: Record<string, Record<string, AttributeValue>> = {
  'no field but its keys': {},
  'every field of another type': {
    version: { S: 'three' },
    updatedAt: { N: '1767261600' },
    updatedBy: { M: { name: text('eve') } },
    config: text('none'),
  },
  'lists, sets, bytes and nothing': {
    version: { L: [] },
    updatedAt: { NULL: true },
    updatedBy: { SS: ['eve', 'mallory'] },
    config: { B: new Uint8Array([1, 2, 3]) },
  },
  'numbers that JavaScript cannot hold': {
    version: { N: '99999999999999999999999999999999999999' },
    updatedAt: { N: '1e100' },
    updatedBy: { N: '-1' },
    config: { M: { tenantId: { N: '12345678901234567890123456789012345678' }, aws: { BS: [new Uint8Array([1])] } } },
  },
  'a version that is none': {
    version: { N: '-3.5' },
    updatedAt: text('then'),
    updatedBy: text('eve'),
    config: { M: {} },
  },
}

setUp(acme)

for (const [what, fields] of Object.entries(odd)) {
  t.test(`a record with ${what} is told in a sentence, and the others are shown`, async (t) => {
    await putTenantRecord(stack, acme, userPoolId, 7)
    await put('v1', fields)
    await put('config', fields, 'eu-central-1_Odd000001')
    await put('config', fields, 'no pool\u001b[2J')

    const list = await run('tenants list')
    t.match(list, { code: 0, stdout: /^acme +acme +eu-central-1_Acme00001 +active +t-acme +7 /m })
    t.match(list.stdout, '3 of 3 tenants')
    t.match(list.stderr, /^warning: the record config of \S+ \(eu-central-1_Odd000001\) is without a version number/m)
    t.match(list.stderr, 'no command of this program wrote it so\n')
    t.equal(((await json('tenants list')).tenants as object[]).length, 3)

    const history = await run('tenants history acme')
    t.match(history, { code: 0, stdout: /^acme \(eu-central-1_Acme00001\)\n.*\n7 / })
    t.match(history.stderr, /^warning: the record v1 of \S+ \(eu-central-1_Acme00001\) is without a version number/m)
    t.match(await json('tenants history acme'), { versions: [{ version: 7 }, { version: 0 }] })

    const shown = await run('tenants show eu-central-1_Odd000001')
    t.match(shown, { code: 0, stdout: /^# version without a number by /, stderr: '' })
    t.match(await run('tenants show acme'), { code: 0, stdout: /^# version 7 by local of / })

    const before = writes()
    for (const line of ['tenants rollback acme --yes', 'tenants rollback acme --to 1 --yes']) {
      t.match(await run(line), {
        code: 1,
        stderr: /^error: acme cannot go back: it is at version 7, and there is no earlier/,
      })
    }
    const refused = /^error: the record of \S+ \(eu-central-1_Odd000001\) does not hold a tenant config/
    t.match(await run('tenants rollback eu-central-1_Odd000001 --yes'), { code: 1, stderr: refused })
    t.match(await run('tenants suspend eu-central-1_Odd000001 --yes'), { code: 1, stderr: refused })
    t.equal(writes(), before, 'and nothing was written')

    const examined = await run('doctor eu-central-1_Odd000001')
    t.match(examined, { code: 1, stderr: '' })
    t.match(examined.stdout, /✗ config +/)
    const printed = [list, history, shown, examined].map(({ stdout, stderr }) => stdout + stderr).join('')
    t.notMatch(printed, /^\s+at /m, 'no stack')
    t.notMatch(printed, '\u001b')
  })
}

t.test('a config without a version is read, and no command writes over it', async (t) => {
  const client = { updatedBy: text('eve'), updatedAt: text('then') }
  await putTenantRecord(stack, acme, userPoolId, 7)
  const { Item } = await import('@aws-sdk/util-dynamodb').then(({ marshall }) => ({ Item: marshall({ config: acme }) }))
  await put('config', { ...client, ...Item })
  t.match(await run('tenants list'), { code: 0, stderr: /is without a version number/ })
  const before = writes()
  t.match(await run('tenants suspend acme --yes'), {
    code: 1,
    stderr:
      /^error: the record of eu-central-1_Acme00001 has no version number, so no command of this program wrote it/,
  })
  t.equal(writes(), before)
})

t.test('what a later version of this program wrote is shown, and not written over', async (t) => {
  await putTenantRecord(stack, { ...acme, later: { field: true } }, userPoolId, 7)
  await put('v3', {
    version: { N: '3' },
    updatedAt: text('then'),
    updatedBy: text('eve'),
    config: { M: {} },
    signed: text('x'),
  })
  t.match(await run('tenants show acme'), { code: 0, stdout: 'later:\n  field: true\n' })
  const history = await run('tenants history acme')
  t.match(history, { code: 0, stdout: /^3 +then +eve /m })
  t.notMatch(history.stderr, 'v3')
  t.match(await run('tenants suspend acme --yes'), { code: 1, stderr: /does not hold a tenant config/ })
})

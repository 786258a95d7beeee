import t from 'tap'
import { createCall, systemClock } from '../../../src/call.js'
import { parseEnv } from '../../../src/env.js'
import { putTenantRecord } from '../../../src/local/world/tenants.js'
import { createUpstreams } from '../../../src/upstreams/index.js'
import { createOperatorUpstreams } from '../../../src/upstreams/operator.js'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { startOperator } from '../fixtures/operator.js'

const { run, env, stack, writes } = await startOperator(t)
const random = createRandom(3)
const world = createWorld(random, 8, 150)
const { incident, tenant = '', onset } = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const pool = world.tenants.find(({ tenantId }) => tenantId === tenant)?.userPoolId ?? ''
const texts: { readonly at: number; readonly text: string }[] = []
generate(world, 4, incident, (at, fields) => texts.push({ at, text: JSON.stringify(fields) }))
const timeOf = (minute: number) => new Date(START + minute * MINUTE_MS).toISOString()
const look = (minute: number, line = 'watch') =>
  run(line, {
    now: timeOf(minute),
    stdin: texts
      .filter(({ at }) => at < START + minute * MINUTE_MS)
      .map(({ text }) => text)
      .join('\n'),
  })
const upstreams = createOperatorUpstreams(
  { region: env.AWS_REGION ?? '', tenantTable: env.TENANT_TABLE, actionsAlias: 'actions' },
  systemClock,
)
t.teardown(() => upstreams.close())
const records = (minute: number) => upstreams.states.list('watch', START + minute * MINUTE_MS, createCall(5_000))

const region = pool.replace(/_.*/, '')
const config = tenantFile({ tenantId: tenant, userPoolId: pool, aws: { accountId: '111122223333', region } })
await putTenantRecord(stack, config, pool)

t.test('what was told is kept in the table, by tenant, under a key of its own, and goes by itself', async (t) => {
  t.match(await look(onset + 30), { code: 0, stdout: '' })
  t.match(await look(onset + 31), { code: 1, stdout: /^failing: .*backend_unauthorized/ })
  t.match(await look(onset + 36), { code: 1, stdout: '', stderr: /0 notices, 1 cause going on/ })
  const found = await records(onset + 36)
  t.strictSame(found.map(({ record }) => record).sort(), [pool, 'watch'].sort())
  t.notMatch(JSON.stringify(found), /u_[0-9a-f]{8}|flowId|requestId/)
  const own = found.find(({ record }) => record === pool)
  t.match(own, { state: { tenantId: tenant, causes: { 'reason backend_unauthorized 401': { health: 'failing' } } } })
  t.equal(own?.expiresAt, Math.floor((START + (onset + 36) * MINUTE_MS) / 1_000) + 7 * 86_400)
  t.strictSame(await records(onset + 36 + 8 * 1_440), [], 'an expired one counts for nothing, however long it is there')
})

t.test('neither the service nor a command takes such a record for a config', async (t) => {
  const service = createUpstreams(parseEnv(env), systemClock)
  t.teardown(() => service.close())
  t.match(await service.table.listConfigs(createCall(5_000)), [{ userPoolId: pool, record: 'config' }])
  t.strictSame(await service.table.listVersions(pool as never, createCall(5_000)), [])
  const { stdout } = await run('tenants list --json')
  t.equal(JSON.parse(stdout).tenants.length, 1)
  t.match(await run(`tenants history ${tenant} --json`), { code: 0 })
})

t.test('of two that look at once, one says so, and nothing is torn', async (t) => {
  const [head] = (await records(onset + 36)).filter(({ record }) => record === 'watch')
  t.ok(head)
  if (!head) return
  const call = createCall(5_000)
  const at = START + (onset + 36) * MINUTE_MS
  t.equal(await upstreams.states.putNext(head, at, call), false, 'the version is there already')
  t.equal(await upstreams.states.putNext({ ...head, version: head.version + 1 }, at, call), true)
})

t.test('a record of another hand is told, and stays', async (t) => {
  const [head] = (await records(onset + 36)).filter(({ record }) => record === 'watch')
  if (head) await upstreams.states.put({ ...head, state: { version: 2 } }, createCall(5_000))
  const before = writes()
  t.match(await look(onset + 40), { code: 1, stderr: /the record watch of watch in the table is not what watch wrote/ })
  t.equal(writes(), before)
})

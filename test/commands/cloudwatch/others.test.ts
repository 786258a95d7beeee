import { join } from 'node:path'
import t from 'tap'
import { LOG_GROUP, onCall } from '../../../src/local/accounts.js'
import { putTenantRecord } from '../../../src/local/world/tenants.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { startOperator } from '../fixtures/operator.js'
import { createPassingClock } from '../fixtures/passing-clock.js'

const START = Date.UTC(2026, 10, 30, 2)
const clock = createPassingClock(new Date(START + 5 * 60_000).toISOString())
const { stack, run } = await startOperator(t, { clock, as: onCall })
const onTerminal = { clock, isTTY: true, env: { NO_COLOR: '1' } }
const messages = Array.from({ length: 69 }, (_, i) => ({
  at: START + i * 3_000,
  message: JSON.stringify({
    level: i < 60 ? 'info' : 'error',
    time: new Date(START + i * 3_000).toISOString(),
    tenantId: i < 60 ? 'globex' : 'northwind',
    userPoolId: i < 60 ? 'eu-central-1_Globex001' : 'eu-central-1_North0001',
    trigger: 'verify-auth-challenge-response',
    ...(i < 60
      ? { outcome: 'correct', reason: 'verified' }
      : { outcome: 'incorrect', reason: 'backend_unauthorized', failed: 'corbado', upstreamStatus: 401 }),
  }),
}))
stack.cloudwatch.put(LOG_GROUP, messages)

t.test('watch reads CloudWatch without files, and names a fault of which there is no past', async (t) => {
  const state = join(t.testdir({}), 'watch.json')
  const first = await run(`watch --state ${state}`, onTerminal)
  t.match(first.stderr, /69 lines; 0 notices/, 'a second look confirms it')
  const second = await run(`watch --log-group ${LOG_GROUP} --state ${state}`, { clock })
  t.match(second, { code: 1, stdout: /^failing: verify-auth-challenge-response incorrect backend_unauthorized/ })
  t.match(second.stdout, /do +corbado-gateway secret set northwind/)
  t.notMatch(second.stdout, /silent/, 'the end of the others is no silence')
  const none = await run(`watch --state ${state}`, { clock })
  t.match(none, { code: 1, stderr: /nothing was piped in; for CloudWatch/ })
})

t.test('report reads CloudWatch without files', async (t) => {
  const out = join(t.testdir({}), 'report.html')
  t.match(await run(`report --out ${out}`, onTerminal), { code: 0, stdout: /69 lines, 1 incident, / })
})

t.test('explain of CloudWatch tells the same of a tenant and of all', async (t) => {
  for (const whose of ['northwind', '--all']) {
    const told = await run(`explain ${whose}`, onTerminal)
    t.match(told, { code: 1, stdout: /9 of 9, what was before is not in these\s+lines/ }, whose)
    t.notMatch(told.stdout, /No line of any tenant/)
  }
})

t.test('logs of a mistyped tenant suggests one of the table, as CloudWatch gives no line of another', async (t) => {
  const file = tenantFile({ tenantId: 'northwind', userPoolId: 'eu-central-1_North0001' })
  await putTenantRecord(stack, file, file.userPoolId)
  t.match(await run('logs --tenant northwnd', onTerminal), { code: 2, stdout: '', stderr: /did you mean northwind\?/ })
})

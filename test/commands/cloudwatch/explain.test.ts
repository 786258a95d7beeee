import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOG_GROUP, onCall } from '../../../src/local/accounts.js'
import { HARMLESS, KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'
import { cli } from '../fixtures/cli.js'
import { startOperator } from '../fixtures/operator.js'
import { createPassingClock } from '../fixtures/passing-clock.js'

const TENANTS = 8
const MINUTES = 130
const SEED = 7_919
const NOW = new Date(START + (MINUTES + 10) * MINUTE_MS).toISOString()
const clock = createPassingClock(NOW)
const { stack, run } = await startOperator(t, { clock, as: onCall })
const onTerminal = { clock, isTTY: true, env: { NO_COLOR: '1' } }
const isQuery = ({ operation }: { readonly operation: string }) => operation === 'StartQuery'

/** Plants an incident in lines, in the order of time; answers the tenant that has it. */
function plant(make: (typeof KINDS)[string] | (typeof HARMLESS)[string]): {
  tenant?: string | undefined
  texts: string[]
} {
  const random = createRandom(SEED)
  const world = createWorld(random, TENANTS, MINUTES)
  const planted = make(world, random)
  const incident = 'incident' in planted ? planted.incident : planted
  const lines: { at: number; message: string }[] = []
  generate(world, SEED + 1, incident, (at, fields) => lines.push({ at, message: JSON.stringify(fields) }))
  lines.sort((a, b) => a.at - b.at)
  stack.cloudwatch.clear(LOG_GROUP)
  stack.cloudwatch.put(LOG_GROUP, lines)
  stack.cloudwatch.calls.length = 0
  clock.begin()
  return { ...('tenant' in planted && { tenant: planted.tenant }), texts: lines.map(({ message }) => message) }
}

/** The end of the last minute, up to which both look. */
const span = `--since ${new Date(START).toISOString()} --until ${new Date(START + (MINUTES + 5) * MINUTE_MS).toISOString()}`

t.test('lines of a file and counts of CloudWatch come to the same answer, in at most ten queries', async (t) => {
  const folder = t.testdir({})
  for (const kind of [
    'key revoked by Corbado',
    'Corbado slow',
    'an outage of all over one of its own',
    'triggers detached',
    'one client lost custom auth',
    'one sick instance',
    'canary at 5 %',
    'a clock that is wrong',
    'secret deleted',
  ]) {
    const { tenant, texts } = plant(KINDS[kind] as (typeof KINDS)[string])
    const file = join(folder, 'lines')
    writeFileSync(file, texts.join('\n'))
    for (const whose of tenant === undefined ? ['--all'] : [tenant, '--all']) {
      stack.cloudwatch.calls.length = 0
      const read = await cli(`explain ${whose} ${span} --json`.split(' ').toSpliced(2, 0, file), { now: NOW })
      const counted = await run(`explain ${whose} ${span} --json`, onTerminal)
      t.strictSame(JSON.parse(counted.stdout), JSON.parse(read.stdout), `${kind} ${whose}`)
      t.match(JSON.parse(counted.stdout), { causes: [{}] }, 'and there is one')
      t.equal(counted.code, read.code)
      const { calls } = stack.cloudwatch
      t.ok(calls.filter(isQuery).length <= 10, `${calls.filter(isQuery).length} queries`)
      t.notOk(
        calls.some(({ operation }) => operation === 'FilterLogEvents'),
        'no lines are read',
      )
    }
  }
})

t.test('where nothing is wrong, CloudWatch is asked no more than that', async (t) => {
  plant(HARMLESS['campaign of five times the traffic'] as (typeof HARMLESS)[string])
  // The lines end then; up to now, their silence would be what is wrong.
  const answer = await run('explain --all --until 2026-11-02T08:11:00Z', onTerminal)
  t.match(answer, { code: 0, stdout: /Nothing differs from the rest of these lines/ })
})

t.test('the time around the one that is named is looked at', async (t) => {
  const { tenant } = plant(KINDS['key revoked by Corbado'] as (typeof KINDS)[string])
  await run(`explain ${tenant} --at 02:10 --utc`, onTerminal)
  const { startTime, endTime } = (stack.cloudwatch.calls.find(isQuery)?.input ?? {}) as Record<string, number>
  const timeOf = (seconds = 0) => new Date(seconds * 1_000).toISOString()
  t.equal(timeOf(startTime), '2026-11-01T20:10:00.000Z')
  t.equal(timeOf(endTime), '2026-11-02T04:09:59.000Z')
})

t.test('a tenant that has no lines, and a name that no query can hold, are refused', async (t) => {
  plant(KINDS['key revoked by Corbado'] as (typeof KINDS)[string])
  t.match(await run('explain tenant-0000', onTerminal), { code: 1, stderr: /no line of "tenant-0000" among/ })
  t.match(await run('explain x"or"1"="1', onTerminal), { code: 2, stderr: /is no tenant/ })
  for (const { input } of stack.cloudwatch.calls) t.notMatch(JSON.stringify(input), /or\\*"1/)
})

t.test('one login is found in three queries, with the steps before its flow', async (t) => {
  const { tenant, texts } = plant(KINDS['key revoked by Corbado'] as (typeof KINDS)[string])
  const { flowId } = JSON.parse(texts.find((text) => text.includes('backend_unauthorized')) ?? '')
  const read = await cli(`explain ${tenant} - --flow ${flowId}`.split(' '), { now: NOW, stdin: texts.join('\n') })
  const counted = await run(`explain ${tenant} --flow ${flowId}`, { ...onTerminal, isTTY: true })
  t.match(counted, { code: 1, stdout: /backend_unauthorized: 401 or 403/ })
  t.equal(counted.stdout.match(/pre-login +found/g)?.length, 1)
  t.match(read.stdout, /pre-login +found/)
  t.equal(stack.cloudwatch.calls.filter(isQuery).length, 3, 'its own, those around it, and what names no tenant')
})

t.test('rows that are left out are said, and make the exit code 1', async (t) => {
  plant(HARMLESS['a new tenant'] as (typeof HARMLESS)[string])
  const rows = Array.from({ length: 10_000 }, () => [{ field: 'n', value: '1' }])
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'any' }
  await stack.cloudwatch.setFault(
    {
      kind: 'say',
      say(response, { input }) {
        const page = Number((input as { nextToken?: string }).nextToken ?? 0)
        const next = page < 9 ? { nextToken: String(page + 1) } : {}
        response.writeHead(200, headers).end(JSON.stringify({ status: 'Complete', results: rows, ...next }))
        return true
      },
    },
    'GetQueryResults',
  )
  const answer = await run('explain --all', onTerminal)
  await stack.cloudwatch.setFault(undefined)
  t.match(answer, { code: 1, stderr: /CloudWatch counts more kinds of lines than it tells/ })
})

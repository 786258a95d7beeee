import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
  GetQueryResultsCommand,
  StartQueryCommand,
  type StartQueryCommandInput,
} from '@aws-sdk/client-cloudwatch-logs'
import t from 'tap'
import { QUERIES } from '../../infra/lib/watch/queries.js'
import { actionCaller, GATEWAY_ACCOUNT, LOG_GROUP, onCall, REGION } from '../../src/local/accounts.js'
import { createIdentity, type Principal } from '../../src/local/aws/identity.js'
import { startCloudWatchLogs } from '../../src/local/cloudwatch/index.js'
import { createFrozenClock } from '../fixtures/clock.js'

const clock = createFrozenClock()
const identity = createIdentity(clock)
const logs = await startCloudWatchLogs({ clock, identity, accountId: GATEWAY_ACCOUNT })
t.teardown(() => logs.stop())

const clientOf = (principal: Principal, region = REGION) => {
  const { accessKeyId, secretAccessKey, sessionToken } = identity.issue(principal, Number.POSITIVE_INFINITY)
  const credentials = { accessKeyId, secretAccessKey, sessionToken }
  const client = new CloudWatchLogsClient({ endpoint: logs.url, region, maxAttempts: 1, credentials })
  t.teardown(() => client.destroy())
  return client
}
const client = clientOf(onCall)
const START = Date.UTC(2026, 10, 30, 2)
const group = `${LOG_GROUP}-test`
/** Quotas are of a second: what they refuse is told in a test of its own. */
const filter = (input: Partial<FilterLogEventsCommandInput>) => {
  clock.advance(1_000)
  return client.send(new FilterLogEventsCommand({ logGroupName: group, ...input }))
}
const query = async (queryString: string, input: Partial<StartQueryCommandInput> = {}) => {
  clock.advance(1_000)
  const [startTime, endTime] = [START / 1_000, START / 1_000 + 86_400]
  const { queryId } = await client.send(
    new StartQueryCommand({ logGroupNames: [group], startTime, endTime, queryString, ...input }),
  )
  for (;;) {
    clock.advance(1_000)
    const answer = await client.send(new GetQueryResultsCommand({ queryId }))
    if (answer.status === 'Complete') return answer
  }
}
const rowsOf = async (queryString: string) =>
  (await query(queryString)).results?.map((row) => Object.fromEntries(row.map(({ field, value }) => [field, value])))
const put = (fields: readonly object[], everyMs = 1_000) =>
  logs.put(
    group,
    fields.map((one, index) => ({ at: START + index * everyMs, message: JSON.stringify(one) })),
  )
t.beforeEach(() => logs.clear(group))

t.test('what is asked wrongly is refused as AWS refuses it', async (t) => {
  put([{ tenantId: 'acme' }])
  const refusal = async (input: Partial<FilterLogEventsCommandInput>, name: string) =>
    t.rejects(filter(input), { name }, JSON.stringify(input))
  await refusal({ logGroupName: `${LOG_GROUP}-none` }, 'ResourceNotFoundException')
  await refusal({ nextToken: 'made-up' }, 'InvalidParameterException')
  await refusal({ filterPattern: '{ $.a = }' }, 'InvalidParameterException')
  await refusal({ filterPattern: `"${'x'.repeat(1_024)}"` }, 'InvalidParameterException')
  await refusal({ limit: 10_001 }, 'InvalidParameterException')
  await refusal({ startTime: 2, endTime: 1 }, 'InvalidParameterException')
  await refusal({ startTime: 0, startFromHead: false }, 'InvalidParameterException')
  await t.rejects(query('parse @message "a" as b'), { name: 'MalformedQueryException' })
  await t.rejects(query('filter a ='), { name: 'MalformedQueryException' })
  await t.rejects(query('limit 1', { logGroupNames: [`${LOG_GROUP}-none`] }), { name: 'ResourceNotFoundException' })
  await t.rejects(query('limit 1', { limit: 100_001 }), { name: 'InvalidParameterException' })
  await t.rejects(client.send(new GetQueryResultsCommand({ queryId: 'none' })), { name: 'ResourceNotFoundException' })
})

t.test('nobody reads lines without the right to', async (t) => {
  const other = clientOf(actionCaller)
  await t.rejects(other.send(new FilterLogEventsCommand({ logGroupName: group })), {
    name: 'AccessDeniedException',
    message: /logs:FilterLogEvents on resource: .*:log-group:.*:log-stream:/,
  })
  await t.rejects(filter({ logGroupName: '/aws/lambda/of-others' }), { name: 'AccessDeniedException' })
})

t.test('the sixth call of a second is refused in eu-central-1, and the second after is a new one', async (t) => {
  const ask = (one = client) => one.send(new FilterLogEventsCommand({ logGroupName: group }))
  const refused = { name: 'ThrottlingException', message: 'Rate exceeded' }
  clock.advance(1_000)
  for (let count = 0; count < 5; count += 1) await ask()
  await t.rejects(ask(), refused)
  clock.advance(999)
  await t.rejects(ask(), refused)
  clock.advance(1)
  await ask()
  const { queryId } = await client.send(
    new StartQueryCommand({ logGroupNames: [group], startTime: 1, endTime: 2, queryString: 'limit 1' }),
  )
  for (let count = 0; count < 10; count += 1) await client.send(new GetQueryResultsCommand({ queryId }))
  await t.rejects(client.send(new GetQueryResultsCommand({ queryId })), refused)
})

t.test('a page may be part full or empty, and only a missing token ends a search', async (t) => {
  put(
    Array.from({ length: 25_000 }, (_, index) => ({ tenantId: index === 24_999 ? 'acme' : 'globex' })),
    1,
  )
  const sizes: number[] = []
  let nextToken: string | undefined
  do {
    const page = await filter({ filterPattern: '{ $.tenantId = "acme" }', nextToken })
    sizes.push(page.events?.length ?? -1)
    nextToken = page.nextToken
  } while (nextToken !== undefined)
  t.strictSame(sizes, [0, 0, 1])
})

t.test('a page ends at its limit; the next begins behind it, whatever came meanwhile', async (t) => {
  put(Array.from({ length: 5 }, (_, n) => ({ n })))
  const nsOf = (events: readonly { message?: string | undefined }[] = []) =>
    events.map(({ message = '' }) => (JSON.parse(message) as { n: number }).n)
  const first = await filter({ limit: 2 })
  logs.put(group, [{ at: START, message: '{"n":9}' }])
  const second = await filter({ limit: 10, nextToken: first.nextToken })
  t.strictSame(
    [nsOf(first.events), nsOf(second.events)],
    [
      [0, 1],
      [2, 3, 4],
    ],
  )
  const newest = await filter({ startFromHead: false, startTime: START, limit: 3 })
  const rest = await filter({ nextToken: newest.nextToken })
  t.strictSame(
    [nsOf(newest.events), nsOf(rest.events)],
    [
      [4, 3, 2],
      [1, 9, 0],
    ],
  )
  const ids = [...(newest.events ?? []), ...(rest.events ?? [])].map(({ eventId }) => eventId)
  t.equal(new Set(ids).size, 6, 'every event has an id of its own')
  logs.forgetTokens()
  await t.rejects(filter({ nextToken: newest.nextToken }), { name: 'InvalidParameterException' })
  clock.advance(1_000)
  const again = await filter({ limit: 2 })
  clock.advance(86_400_000)
  await t.rejects(filter({ nextToken: again.nextToken }), { name: 'InvalidParameterException' }, 'a day later')
})

t.test('a pattern goes over the fields of a line, or over its words', async (t) => {
  put([
    { tenantId: 'acme', trigger: 'verify-auth', upstream: { corbado: 40 } },
    { tenantId: 'globex', door: 'lambda' },
  ])
  logs.put(group, [{ at: START + 5_000, message: 'START RequestId: 8476a536 Version: 7' }])
  for (const [filterPattern, found] of [
    ['{ $.tenantId = "acme" }', 1],
    ['{ $.tenantId = "*" }', 2],
    ['{ $.trigger = "*verify*" || $.door = "lambda" }', 2],
    ['{ ($.tenantId = "acme" || $.tenantId = "globex") && $.upstream.corbado >= 40 }', 1],
    ['{ $.tenantId != "acme" }', 1],
    ['"RequestId: 8476a536"', 1],
    ['?globex ?START', 2],
    ['', 3],
  ] as const)
    t.equal((await filter({ filterPattern })).events?.length, found, filterPattern)
})

t.test('a query that runs says so, and is asked again', async (t) => {
  put([{ a: 1 }])
  clock.advance(1_000)
  const { queryId } = await client.send(
    new StartQueryCommand({
      logGroupNames: [group],
      startTime: START / 1_000,
      endTime: START / 1_000,
      queryString: 'fields a',
    }),
  )
  t.match(await client.send(new GetQueryResultsCommand({ queryId })), { status: 'Running', results: [] })
  t.match(await client.send(new GetQueryResultsCommand({ queryId })), {
    status: 'Complete',
    results: [[{ field: 'a', value: '1' }, { field: '@ptr' }]],
    statistics: { recordsMatched: 1 },
  })
})

t.test('counts by minute and field, of what passes a filter', async (t) => {
  put(
    Array.from({ length: 120 }, (_, index) => ({
      tenantId: index % 3 === 0 ? 'acme' : 'globex',
      ...(index % 10 === 0 && { reason: 'expired' }),
      upstream: { corbado: index * 10 },
    })),
  )
  t.strictSame(
    await rowsOf(
      'filter tenantId = "acme" | stats count(*) as n, max(@timestamp) as last by bin(1m) as minute, reason',
    ),
    [
      { minute: '2026-11-30 02:00:00.000', reason: 'expired', n: '2', last: String(START + 30_000) },
      { minute: '2026-11-30 02:00:00.000', n: '18', last: String(START + 57_000) },
      { minute: '2026-11-30 02:01:00.000', reason: 'expired', n: '2', last: String(START + 90_000) },
      { minute: '2026-11-30 02:01:00.000', n: '18', last: String(START + 117_000) },
    ],
  )
  t.strictSame(
    await rowsOf(
      'fields least(floor(upstream.corbado / 500), 4) as slow, floor(upstream.none / 2) as other | stats count(*) as n by slow | sort slow asc | limit 2',
    ),
    [
      { slow: '0', n: '50' },
      { slow: '1', n: '50' },
    ],
  )
  t.strictSame(
    await rowsOf('filter reason in ["expired"] and not tenantId like /acme/ | stats count_distinct(tenantId) as n'),
    [{ n: '1' }],
  )
})

t.test('rows come ten thousand at a time, and no more than were asked for', async (t) => {
  put(
    Array.from({ length: 12_000 }, (_, n) => ({ n })),
    1,
  )
  const first = await query('stats count(*) by n', { limit: 11_000 })
  t.equal(first.results?.length, 10_000)
  t.equal((await query('stats count(*) by n | limit 7')).results?.length, 7)
  t.equal((await query('stats count(*) by n')).results?.length, 10_000)
  t.equal((await query('stats count(*) by n')).nextToken, undefined)
  t.type(first.nextToken, 'string')
})

t.test('every saved query of the stack can be run', async (t) => {
  put([
    { tenantId: 'acme-shop', level: 'error', reason: 'expired', durationMs: 5, gatewayVersion: '1', coldStart: true },
  ])
  for (const [name, { text }] of Object.entries(QUERIES)) t.equal((await query(text)).status, 'Complete', name)
  t.match(await rowsOf(QUERIES['cold-starts']?.text ?? ''), [{ starts: '1', p50: '5' }])
})

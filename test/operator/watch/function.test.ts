/** The function that watches, over the embedded CloudWatch and DynamoDB: its handler, with the rights that the stack gives it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { type Clock, systemClock } from '../../../src/call.js'
import { isUpstreamError } from '../../../src/errors.js'
import { LOG_GROUP, onCall, TOPIC_ARN, watcher } from '../../../src/local/accounts.js'
import { startStack } from '../../../src/local/stack.js'
import { createCloudWatchSource } from '../../../src/operator/lines/cloudwatch.js'
import { createWatchHandler } from '../../../src/operator/watch/function.js'
import { lookOnce } from '../../../src/operator/watch/look.js'
import { readWatchSettings } from '../../../src/operator/watch/settings.js'
import { createPatientCall } from '../../../src/upstreams/patience.js'
import { createWatchUpstreams } from '../../../src/upstreams/watch/index.js'
import { cli } from '../../commands/fixtures/cli.js'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { startTopic } from '../../fixtures/oncall/topic.js'
import { createWorld, generate, MINUTE_MS, START } from '../../fixtures/oncall/traffic.js'

const random = createRandom(3)
const world = createWorld(random, 8, 150)
const { incident, tenant = '', onset } = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
const lines: { readonly at: number; readonly message: string }[] = []
generate(world, 4, incident, (at, fields) => lines.push({ at, message: JSON.stringify(fields) }))

let minute = 0
let passed = 0
/** Stands still but in pauses, which are over at once; a long one is the end of an answer that nobody waits for. */
const clock: Clock = {
  now: () => START + minute * MINUTE_MS,
  elapsed: () => passed,
  after(ms, run) {
    if (ms > 10_000) return () => undefined
    passed += ms
    const soon = setImmediate(run)
    return () => clearImmediate(soon)
  },
}
const stack = await startStack({ clock })
t.teardown(() => stack.stop())
const topic = await startTopic({ clock, identity: stack.identity })
t.teardown(() => topic.stop())
const env = {
  ...stack.envFor(watcher),
  AWS_ENDPOINT_URL_SNS: topic.url,
  LOG_GROUPS: LOG_GROUP,
  ALARM_TOPIC_ARN: TOPIC_ARN,
  WATCH_HOURS: '2',
}
Object.assign(process.env, env)
const settings = readWatchSettings(env)
const upstreams = createWatchUpstreams(settings, clock)
t.teardown(() => upstreams.close())
const printed: Record<string, unknown>[] = []
const handler = createWatchHandler(settings, upstreams, clock, (line) => printed.push(JSON.parse(line)))
const call = () => createPatientCall(60_000, clock)

/** Looks at a minute; answers the one line that it printed, and what it told. */
async function look(at: number) {
  minute = at
  passed += 1_000
  await handler()
  return { line: printed.splice(0)[0] ?? {}, told: topic.take() }
}
/** Why a dependency did not do it. */
const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'done',
    (error) => (isUpstreamError(error) ? error.reason : String(error)),
  )
const records = () => upstreams.states.list('watch', clock.now(), call())
const queries = () => stack.cloudwatch.calls.filter(({ operation }) => operation === 'StartQuery').length

t.test('what is missing or wrong in its environment is told at once', async (t) => {
  t.throws(() => readWatchSettings({}), {
    code: 'GW_ERR_ENV_INVALID',
    message: /AWS_REGION .*TENANT_TABLE .*LOG_GROUPS .*ALARM_TOPIC_ARN .*WATCH_HOURS must be a number from 2 to 24/,
  })
  for (const [name, value] of Object.entries({ WATCH_HOURS: '25', LOG_GROUPS: 'a b', ALARM_TOPIC_ARN: 'on-call' }))
    t.throws(() => readWatchSettings({ ...env, [name]: value }), { message: new RegExp(`^${name} must be`) })
})

t.test('without a line nothing is told, and nothing is kept', async (t) => {
  const { line, told } = await look(onset - 5)
  t.match(line, { level: 'info', msg: 'look', lines: 0, rows: 0, cut: false, notices: 0, causes: 0 })
  t.strictSame(told, [])
  t.strictSame(await records(), [])
})

t.test('a look that CloudWatch refuses, or that cannot be told, throws, and the next one tells it', async (t) => {
  stack.cloudwatch.put(
    LOG_GROUP,
    [...lines].sort((a, b) => a.at - b.at),
  )
  await stack.cloudwatch.setFault({ kind: 'denied' })
  await t.rejects(look(onset + 10), { code: /^GW_ERR_/ })
  t.match(printed.splice(0), [{ level: 'error', failed: 'cloudwatch', upstreamErrorType: 'AccessDeniedException' }])
  await stack.cloudwatch.setFault(undefined)
  t.strictSame(await records(), [])
  t.strictSame((await look(onset + 30)).told, [], 'a second look confirms it')
  await topic.setFault({ kind: 'status', status: 500 })
  await t.rejects(look(onset + 35), { code: /^GW_ERR_/ })
  t.match(printed.splice(0), [{ level: 'error', failed: 'sns' }])
  await topic.setFault(undefined)
  t.match((await look(onset + 35)).told, [{ subject: /failing/ }])
})

t.test('one query a look; a cause is told once, with whom, since when, who acts, and what to type', async (t) => {
  for (const record of await records()) await upstreams.states.put({ ...record, expiresAt: 1 }, call())
  const told: { readonly minute: number; readonly subject: string; readonly text: string }[] = []
  const before = queries()
  let looks = 0
  for (let at = onset - 10; at <= onset + 40; at += 5) {
    const { line, told: messages } = await look(at)
    looks += 1
    t.ok(Number(line.lines) > 500 && line.cut === false, JSON.stringify(line))
    told.push(...messages.map((message) => ({ minute: at, ...message })))
  }
  t.equal(queries() - before, looks, 'one query each')
  t.notOk(stack.cloudwatch.calls.some(({ operation }) => operation === 'FilterLogEvents'))
  t.equal(told.length, 1, told.map(({ minute, subject }) => `${minute} ${subject}`).join('; '))
  const [message] = told
  t.ok((message?.minute ?? 999) - onset <= 30)
  t.match(message?.subject, /^Passkey gateway failing: verify-auth-challenge-response incorrect backend_unauthorized/)
  const since = Date.parse(/^since +(\S+),/m.exec(message?.text ?? '')?.[1] ?? '')
  t.ok(Math.abs(since - (START + onset * MINUTE_MS)) <= 2 * MINUTE_MS, message?.text ?? 'no message')
  for (const wanted of [
    new RegExp(`^whom +1 tenant: ${tenant}$`, 'm'),
    /^who acts +Corbado$/m,
    new RegExp(`^do +corbado-gateway secret set ${tenant}$`, 'm'),
    /^page +infra\/ON-CALL\.md#verify-reasons$/m,
    new RegExp(`^more +corbado-gateway explain ${tenant} --at 2026-11-02T\\d\\d:\\d\\d:\\d\\dZ$`, 'm'),
  ])
    t.match(message?.text, wanted)
  t.notMatch(message?.text, /u_[0-9a-f]{8}|flowId|requestId/)

  // What it prints of `explain <whose>`, typed as it stands by whoever is on call.
  const [, typed = ''] = /^more +corbado-gateway (.+)$/m.exec(message?.text ?? '') ?? []
  const { code, stdout } = await cli(typed.split(' '), { env: stack.envFor(onCall), clock, isTTY: true })
  t.equal(code, 1, 'it found a cause')
  t.match(stdout, /backend_unauthorized/)
})

t.test('what it keeps is under its own key alone, and it may write no other', async (t) => {
  const found = await records()
  const pool = world.tenants.find(({ tenantId }) => tenantId === tenant)?.userPoolId ?? ''
  t.strictSame(found.map(({ record }) => record).sort(), [pool, 'watch'].sort())
  const [own] = found
  if (!own) return
  t.equal(await refusalOf(upstreams.states.put({ ...own, owner: pool, record: 'config' }, call())), 'table_denied')
  t.equal(await refusalOf(upstreams.states.list(pool, clock.now(), call())), 'table_denied')
})

t.test('the silence of all is told at once; a cut answer neither begins nor ends what is missing', async (t) => {
  const { ask } = createCloudWatchSource({ logs: upstreams.logs, groups: [LOG_GROUP], clock, call })
  /** Looks as if there were more rows than a query answers. */
  async function lookCut(at: number) {
    minute = at
    passed += 1_000
    const subjects: string[] = []
    const looked = await lookOnce({
      ...{ table: { states: upstreams.states, call }, clock, hours: 2 },
      ask: async (...asked) => ({ ...(await ask(...asked)), cut: true }),
      publish: async ({ subject }) => void subjects.push(subject),
    })
    t.equal(looked.cut, true)
    return subjects.join('; ')
  }
  t.notMatch(await lookCut(world.minutes + 5), /silent/)
  const { told } = await look(world.minutes + 5)
  t.match(
    told.find(({ subject }) => /silent/.test(subject)),
    { subject: 'Passkey gateway silent: logins, everywhere', text: /^whom +everybody$/m },
  )
  t.notMatch(await lookCut(world.minutes + 25), /recovered: logins/)
  const [head] = (await records()).filter(({ record }) => record === 'watch')
  t.match(head?.state, { causes: { silent: { health: 'silent' } } })
})

t.test(
  'the built function does the same by the time of the machine, and carries neither the service nor the commands',
  async (t) => {
    const { inputs } = JSON.parse(readFileSync('dist/watch.meta.json', 'utf8')) as { inputs: Record<string, unknown> }
    const foreign = /^src\/(local|commands|app|routes|triggers|actions|tenant)\b|node_modules\/(fastify|pino|undici)\//
    t.strictSame(
      Object.keys(inputs).filter((name) => foreign.test(name)),
      [],
    )
    const real = await startStack()
    t.teardown(() => real.stop())
    const at = systemClock.now() - 120_000
    real.cloudwatch.put(
      LOG_GROUP,
      lines.slice(0, 50).map(({ message }, index) => {
        const time = at + index
        return { at: time, message: JSON.stringify({ ...JSON.parse(message), time: new Date(time).toISOString() }) }
      }),
    )
    const script = "import('./dist/watch/index.mjs').then(({ handler }) => handler({}, {}))"
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { PATH: process.env.PATH, ...env, ...real.envFor(watcher) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (data) => {
      out += data
    })
    const [code] = await once(child, 'close')
    t.equal(code, 0)
    t.match(JSON.parse(out), { level: 'info', msg: 'look', cut: false, notices: 0, causes: 0 })
    t.ok(JSON.parse(out).lines > 30, out)
  },
)

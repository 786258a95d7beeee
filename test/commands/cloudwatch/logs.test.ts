import { appendFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOG_GROUP, onCall } from '../../../src/local/accounts.js'
import { putTenantRecord } from '../../../src/local/world/tenants.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { startOperator } from '../fixtures/operator.js'
import { createPassingClock } from '../fixtures/passing-clock.js'

const START = Date.UTC(2026, 10, 30, 2)
const NOW = '2026-11-30T03:00:00.000Z'
const OTHER = `${LOG_GROUP}-forwarder`

/** What happens in a pause; told the time after it. */
let onPause: ((now: number) => unknown) | undefined
const clock = createPassingClock(NOW, (now) => onPause?.(now))
const { stack, run } = await startOperator(t, { clock, as: onCall })
const logs = (words: string, options = {}) =>
  run(`logs ${words}`.trim(), { clock, isTTY: true, env: { NO_COLOR: '1' }, ...options })
const line = (seconds: number, more: object = {}) => {
  const at = START + seconds * 1_000
  const fields = {
    level: 'info',
    time: new Date(at).toISOString(),
    tenantId: 'acme',
    userPoolId: 'eu-central-1_Acme00001',
    trigger: 'verify-auth-challenge-response',
    outcome: 'correct',
    reason: 'verified',
    user: 'u_0123456789abcdef',
    requestId: `request-${seconds}`,
    ...more,
  }
  return { at, message: `${JSON.stringify(fields)}\n` }
}
const secondsOf = (stdout: string) =>
  [...stdout.matchAll(/^2026-11-30T(\d\d):(\d\d):(\d\d)\.\d{3}Z/gm)].map(
    ([, h, m, s]) => (Number(h) - 2) * 3_600 + Number(m) * 60 + Number(s),
  )
const searches = () => stack.cloudwatch.calls.filter(({ operation }) => operation === 'FilterLogEvents')
t.beforeEach(() => {
  stack.cloudwatch.clear(LOG_GROUP)
  stack.cloudwatch.calls.length = 0
  clock.begin()
})

t.test('what cannot be read is said, and what to do', async (t) => {
  t.match(await logs('lines.json --log-group a'), { code: 1, stderr: /either from files or from --log-group/ })
  t.match(await logs('--log-group /aws/lambda/of-others'), {
    code: 1,
    stderr: /AccessDeniedException.*logs:FilterLogEvents/s,
  })
  t.match(await logs(`--log-group ${LOG_GROUP}-none`), { code: 1, stderr: /ResourceNotFoundException/ })
  t.match(await logs('', { env: { LOG_GROUPS: 'a b' } }), { code: 2, stderr: /LOG_GROUPS must be at most ten names/ })
  t.match(await logs('--follow --last 3'), { code: 2, stderr: /--follow begins with what comes/ })
})

t.test(
  'on a terminal without files, the lines are those of the function in CloudWatch, in the order of time',
  async (t) => {
    stack.cloudwatch.put(LOG_GROUP, [
      line(5),
      line(3),
      { at: START + 4_000, message: 'START RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Version: 7' },
      line(4, { tenantId: 'globex' }),
    ])
    const shown = await logs('--tenant acme')
    t.strictSame(secondsOf(shown.stdout), [3, 5])
    t.match(shown, { code: 0, stderr: /2 lines of 2 lines read, from 2026-11-30T02:00:00Z to 2026-11-30T03:00:00Z/ })
    t.match(searches()[0]?.input, {
      logGroupName: LOG_GROUP,
      filterPattern: '{ $.outcome = "*" && $.tenantId = "acme" }',
      startFromHead: false,
    })
  },
)

t.test('what has only a pool is asked for with its tenant, if the table knows the pool; else it is said', async (t) => {
  const nameless = { tenantId: undefined, outcome: 'fault', reason: 'table_unavailable' }
  stack.cloudwatch.put(LOG_GROUP, [line(1), line(2, nameless)])
  const without = await logs('--tenant acme')
  t.strictSame(secondsOf(without.stdout), [1])
  t.match(without.stderr.replaceAll(/\s+/g, ' '), /has only a pool, and is under --pool eu-central-1_Acme00001/)
  const file = tenantFile({ tenantId: 'northwind', userPoolId: 'eu-central-1_North0001' })
  await putTenantRecord(stack, file, file.userPoolId)
  const { userPoolId } = file
  stack.cloudwatch.put(LOG_GROUP, [
    line(3, { tenantId: 'northwind', userPoolId }),
    line(4, { ...nameless, userPoolId }),
  ])
  const known = await logs('--tenant northwind')
  t.strictSame(secondsOf(known.stdout), [3, 4])
  t.notMatch(known.stderr, /only a pool/)
})

t.test('what Lambda wrote of an invocation that broke is asked for if the gateway has no line of it', async (t) => {
  const ref = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'
  const message = `REPORT RequestId: ${ref}\tDuration: 5000.21 ms\tBilled Duration: 5000 ms\tStatus: timeout\n`
  stack.cloudwatch.put(LOG_GROUP, [line(1), { at: START + 2_000, message }])
  const { code, stderr } = await logs(`--ref ${ref}`)
  t.equal(code, 0)
  t.match(stderr.replaceAll(/\s+/g, ' '), /0 lines of 0 lines read.* Lambda ended it with timeout after 5000 ms\. See:/)
})

t.test('several groups are read as one', async (t) => {
  stack.cloudwatch.put(LOG_GROUP, [line(1), line(3)])
  stack.cloudwatch.put(OTHER, [line(2), line(4)])
  t.strictSame(secondsOf((await logs(`--log-group ${LOG_GROUP} --log-group ${OTHER}`)).stdout), [1, 2, 3, 4])
  t.strictSame(secondsOf((await logs('', { env: { LOG_GROUPS: `${LOG_GROUP},${OTHER}` } })).stdout), [1, 2, 3, 4])
  stack.cloudwatch.clear(OTHER)
})

t.test('empty pages end no search, and refused calls are waited for', async (t) => {
  const many = Array.from({ length: 90_000 }, (_, index) => ({ at: START + index, message: '{"outcome":"none"}' }))
  stack.cloudwatch.put(LOG_GROUP, [...many, line(95, { flowId: 'asked' })])
  const shown = await logs('--flow asked --last 0')
  t.strictSame(secondsOf(shown.stdout), [95])
  t.ok(searches().length > 10, 'nine pages of nothing, and some refused')
  t.match(shown, { code: 0, stderr: /CloudWatch Logs is asked more than it allows: waiting/ })
})

t.test('the latest lines are asked for first, and what is left out is said', async (t) => {
  stack.cloudwatch.put(
    LOG_GROUP,
    Array.from({ length: 30_000 }, (_, index) => line(index / 10)),
  )
  const shown = await logs('--last 2')
  t.strictSame(secondsOf(shown.stdout), [2999, 2999])
  t.match(shown, { code: 0, stderr: /earlier lines left out: --last 0 shows all/ })
  t.equal(searches().length, 1)
})

t.test('with --last 0 each line is shown when it is there, whatever becomes of the rest', async (t) => {
  stack.cloudwatch.put(
    LOG_GROUP,
    Array.from({ length: 25_000 }, (_, index) => line(index / 10)),
  )
  await stack.cloudwatch.setFault({
    kind: 'chosen',
    of: () => (searches().length > 2 ? { kind: 'denied' } : undefined),
  })
  const shown = await logs('--last 0')
  await stack.cloudwatch.setFault(undefined)
  t.ok(secondsOf(shown.stdout).length > 1_000)
  t.match(shown, { code: 1, stderr: /AccessDeniedException/ })
})

t.test('a search that comes to no end is ended, and that is said', async (t) => {
  const body = JSON.stringify({ events: [], nextToken: 'more' })
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'any' }
  await stack.cloudwatch.setFault({
    kind: 'say',
    say(response) {
      response.writeHead(200, headers).end(body)
      return true
    },
  })
  const shown = await logs('--flow none')
  await stack.cloudwatch.setFault(undefined)
  t.match(shown, { code: 1, stderr: /was read in part: after 300\s+answers/ })
  t.equal(searches().length, 300)
})

const until = (seconds: number) => new Date(Date.parse(NOW) + seconds * 1_000).toISOString()
const now = (seconds: number, more = {}) => line(3_600 + seconds, more)

t.test(
  'followed, each line comes once, through refusals, lost tokens and late lines, with two seconds between looks',
  async (t) => {
    stack.cloudwatch.put(LOG_GROUP, [now(-1)])
    const looks: number[] = []
    onPause = async (at) => {
      const second = Math.round((at - Date.parse(NOW)) / 1_000)
      looks.push(second)
      if (second === 2) stack.cloudwatch.put(LOG_GROUP, [now(2), now(1)])
      if (second === 4) await stack.cloudwatch.setFault({ kind: 'status', status: 503 })
      if (second === 6) stack.cloudwatch.put(LOG_GROUP, [now(6)])
      if (second === 8) await stack.cloudwatch.setFault(undefined)
      if (second === 10) {
        // More than one look reads.
        stack.cloudwatch.put(
          LOG_GROUP,
          Array.from({ length: 70_000 }, () => ({ at: Date.parse(NOW) + 9_000, message: '{}' })),
        )
        stack.cloudwatch.put(LOG_GROUP, [now(9.5)])
      }
      if (second === 12) stack.cloudwatch.forgetTokens()
      if (second === 20) stack.cloudwatch.put(LOG_GROUP, [now(-20)])
    }
    const shown = await logs(`--follow --since 1m --until ${until(30)}`)
    onPause = undefined
    t.strictSame(
      secondsOf(shown.stdout).map((second) => second - 3_600),
      [-1, 1, 2, 6, 9, -20],
    )
    t.equal(shown.code, 0)
    t.match(shown.stderr, /note: CloudWatch did not answer \(InternalServerError\): asking again/)
    const times = searches().map(({ at }) => at - Date.parse(NOW))
    t.strictSame(new Set(times.map((at) => at % 2_000)), new Set([0]), 'between two looks nothing is asked')
  },
)

t.test('followed as JSON, it is a line for each', async (t) => {
  onPause = (at) =>
    at === Date.parse(NOW) + 2_000 && stack.cloudwatch.put(LOG_GROUP, [now(1), now(2, { tenantId: 'b' })])
  const { stdout } = await logs(`--follow --json --tenant acme --until ${until(6)}`)
  onPause = undefined
  t.match(
    stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text)),
    [{ requestId: 'request-3601' }],
  )
})

t.test('without the right to, nothing is followed', async (t) => {
  t.match(await logs(`--follow --log-group /aws/lambda/of-others --until ${until(6)}`), {
    code: 1,
    stderr: /AccessDenied/,
  })
})

t.test('a file is followed as it grows, is cut, and is replaced', async (t) => {
  const file = join(t.testdir({ lines: line(0).message }), 'lines')
  const steps: Record<number, () => void> = {
    2: () => appendFileSync(file, line(1).message + line(2).message.slice(0, 30)),
    4: () => appendFileSync(file, line(2).message.slice(30)),
    6: () => {
      appendFileSync(file, line(3).message)
      renameSync(file, `${file}.1`)
      writeFileSync(file, line(4).message)
    },
    8: () => writeFileSync(file, line(5).message.slice(0, -1)),
    10: () => appendFileSync(file, '\n'),
  }
  onPause = (at) => steps[Math.round((at - Date.parse(NOW)) / 1_000)]?.()
  const shown = await logs(`${file} --follow --until ${until(14)}`)
  onPause = undefined
  t.strictSame(secondsOf(shown.stdout), [1, 2, 3, 4, 5])
  t.match(await logs('none --follow'), { code: 1, stderr: /none cannot be read \(ENOENT\)/ })
})

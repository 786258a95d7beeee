import t from 'tap'
import { request } from 'undici'
import { METRIC_DOCS } from '../../src/plugins/metrics.js'
import { isReason, OUTCOMES, placesOf, reasons } from '../../src/reasons.js'
import { startContainer } from '../fixtures/container.js'
import { defineEvent, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PROJECT = 'pro-1001'

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { corbado, cognito, sts } = stack
const file = tenantFile()
const { userPoolId } = file
await gateway.addTenant(file)
cognito.putUser(userPoolId, { username: USER })

interface Series {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The series of our own metrics in Prometheus text; of a histogram those of each bucket too. */
function seriesIn(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    const [, metric = '', labels = '', value] = /^(gateway_\w+?)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (metric === '') return []
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', text = '']) => [name, text])
    return [{ metric, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }]
  })
}

const STEPS = new Set(reasons.flatMap((reason) => placesOf(reason).map(({ step }) => step as string)))
const RANGES: Readonly<Record<string, (value: string) => boolean>> = {
  name: (value) => STEPS.has(value),
  outcome: (value) => value === 'none' || OUTCOMES.some((outcome) => outcome === value),
  reason: (value) => value === 'none' || isReason(value),
  dependency: (value) => ['table', 'ssm', 'sts', 'cognito', 'corbado'].includes(value),
  cache: (value) => ['config', 'credentials', 'secret'].includes(value),
  result: (value) => ['done', 'failed'].includes(value),
  le: (value) => value === '+Inf' || Number.isFinite(Number(value)),
}
/** Every series that the catalogue allows a counter of requests: its places, and each step with each outcome and no reason. */
const REQUEST_SERIES_MAX = reasons.flatMap(placesOf).length + STEPS.size * (OUTCOMES.length + 1)

const HOSTILE = [
  'x'.repeat(2_000),
  '"} 1\ngateway_evil_total{a="',
  '\\"\n# TYPE gateway_evil counter',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '\u0000\u001b[2J',
  '𝓍ü\u202e',
  '{}',
  'none',
]

t.test('whatever names come in, no label holds one, and the series stay those of the catalogue', async (t) => {
  const container = await startContainer(t, gateway)
  const seen: number[] = []
  for (let round = 0; round < 2; round += 1) {
    for (const [index, evil] of HOSTILE.entries()) {
      const name = `${evil}${round}${index}`
      const more = {
        userPoolId: name,
        region: name,
        userName: name,
        callerContext: { clientId: name, awsSdkVersion: name },
      }
      // The tenant's limits count by the clock.
      clock.advance(1_000)
      const path = encodeURIComponent(name)
      const route = `/v1/pools/${userPoolId}/triggers`
      await container.post(`${route}/define-auth-challenge`, defineEvent([], {}, more))
      await container.post(`${route}/define-auth-challenge`, { ...defineEvent([]), triggerSource: name })
      await container.post(`${route}/unknown`, triggerEvent(`${name}_${name}`))
      await container.post(`${route}/${path}`, defineEvent([]))
      await container.post(`/v1/pools/${path}/triggers/define-auth-challenge`, defineEvent([]))
      await container.post(`/v1/pools/${userPoolId}/actions/${path}`, { action: name, userPoolId })
      await container.post(`/v1/pools/${userPoolId}/actions/pre-login`, { action: name, userPoolId, identifier: name })
      await container.action({ action: 'pre-login', userPoolId, identifier: name })
      await container.post(`${route}/verify-auth-challenge-response`, verifyEvent(name, { challengeMetadata: name }))
      corbado.answerWith({ status: 200, body: { verificationResult: name, error: { type: name } } })
      await container.trigger(verifyEvent(await corbado.sign(PROJECT, USER)))
      corbado.answerWith(undefined)
      const answer = await request(`${container.url}/${path}?${path}`, {
        headers: { 'webhook-id': `${round}${index}` },
      })
      await answer.body.dump()
    }
    seen.push(seriesIn(await container.metrics()).length)
  }
  const text = await container.metrics()
  const series = seriesIn(text)
  t.ok(series.length > 50, `${series.length} series`)
  for (const { metric, labels } of series)
    for (const [label, value] of Object.entries(labels)) t.ok(RANGES[label]?.(value), `${metric} ${label}=${value}`)
  const requests = series.filter(({ metric }) => metric === 'gateway_requests_total')
  for (const { labels } of requests) {
    const { name, outcome, reason = '' } = labels
    if (isReason(reason))
      t.ok(
        placesOf(reason).some((place) => place.step === name && place.outcome === outcome),
        `${reason} at ${name}: ${outcome}`,
      )
  }
  t.ok(requests.length > 5 && requests.length <= REQUEST_SERIES_MAX)
  t.equal(seen[1], seen[0], 'as many names again add no series')
  t.notMatch(text, /evil|passwd|xxxx|__proto__/)
  const names = new Set(text.match(/^# TYPE gateway_\w+/gm)?.map((line) => line.slice('# TYPE '.length)))
  t.ok([...names].every((name) => name in METRIC_DOCS))
})

t.test(
  'reasons, time of dependencies, renewals, misses of the deadline and remembered failures are counted',
  async (t) => {
    const container = await startContainer(t, gateway)
    const verify = async () => container.trigger(verifyEvent(await corbado.sign(PROJECT, USER)))
    const count = async (metric: string, wanted: Record<string, string> = {}) =>
      seriesIn(await container.metrics())
        .filter((one) => one.metric === metric)
        .filter(({ labels }) => Object.entries(wanted).every(([name, value]) => labels[name] === value))
        .reduce((sum, { value }) => sum + value, 0)
    const verifies = { name: 'verify-auth-challenge-response' }

    await verify()
    t.equal(await count('gateway_requests_total', { ...verifies, outcome: 'correct', reason: 'verified' }), 1)
    t.equal(await count('gateway_dependency_duration_seconds_count', { dependency: 'corbado' }), 1)
    t.equal(await count('gateway_renewals_total', { cache: 'config', result: 'done' }), 1)
    t.equal(await count('gateway_renewals_total', { cache: 'secret', result: 'done' }), 1)
    t.equal(await count('gateway_deadline_misses_total'), 0)

    await corbado.setFault({ kind: 'hang' })
    await verify()
    await corbado.setFault(undefined)
    t.equal(await count('gateway_requests_total', { ...verifies, reason: 'backend_timeout' }), 1)
    t.equal(await count('gateway_deadline_misses_total', verifies), 1)

    await sts.setFault({ kind: 'status', status: 403 })
    for (let time = 0; time < 3; time += 1)
      await container.action({ action: 'pre-login', userPoolId, identifier: USER })
    await sts.setFault(undefined)
    t.equal(await count('gateway_renewals_total', { cache: 'credentials', result: 'failed' }), 1)
    t.equal(await count('gateway_remembered_failures_total'), 2)
    t.equal(await count('gateway_requests_total', { name: 'pre-login', outcome: 'refused' }), 3)

    const lines = container.take().filter(({ outcome }) => outcome !== undefined)
    t.equal(await count('gateway_requests_total'), lines.length, 'one for each closing line')
  },
)

t.test('what only grows is a counter, and what goes up and down a gauge', async (t) => {
  const container = await startContainer(t, gateway)
  const types = (await container.metrics()).match(/^# TYPE gateway_\w+ \w+$/gm) ?? []
  t.ok(types.length >= 7)
  for (const line of types) {
    const [, , name = '', type] = line.split(' ')
    const expected = name.endsWith('_total') ? 'counter' : name.endsWith('_seconds') ? 'histogram' : 'gauge'
    t.equal(type, expected, name)
  }
})

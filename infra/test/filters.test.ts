import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { LOG_FIELDS } from '../../src/plugins/log-line.js'
import { levelOf, OUTCOMES, type Outcome, placesOf, reasons, type Step } from '../../src/reasons.js'
import { triggers } from '../../src/triggers/index.js'
import { startContainer } from '../../test/fixtures/container.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from '../../test/fixtures/events.js'
import { startGateway } from '../../test/fixtures/gateway.js'
import { tenantFile } from '../../test/fixtures/tenants.js'
import { type LineMetric, lineMetricsOf } from '../lib/watch/line-metrics.js'
import { startForwarder } from './fixtures/forwarder.js'
import { undoAfter } from './fixtures/undo.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

const t = undoAfter()
const gateway = await startGateway(t, {})
const { corbado, cognito } = gateway.stack

const [FUNCTION, CONTAINERS, FORWARDER] = ['function', 'containers', 'forwarder'] as const
const FILTERS = {
  [FUNCTION]: lineMetricsOf('gateway'),
  [CONTAINERS]: lineMetricsOf('gateway'),
  [FORWARDER]: lineMetricsOf('forwarder'),
}

type Line = Readonly<Record<string, unknown>>

/** The field that `$.name` names, as CloudWatch reads it. */
const fieldOf = (line: Line, selector: string) => line[selector.replace('$.', '')]

/** Whether a line fits a pattern of the kinds that are used here: any other fails. */
function fits({ pattern }: LineMetric, line: Line): boolean {
  const [, inner] = /^\{ (.*) \}$/.exec(pattern) ?? assert.fail(pattern)
  return (inner ?? '').split(' && ').every((term) => {
    const [, selector = '', text, least, missing] =
      /^(\$\.\w+) (?:= "([\w*]+)"|>= (\d+)|(NOT EXISTS))$/.exec(term) ?? assert.fail(`${term} in ${pattern}`)
    const value = fieldOf(line, selector)
    if (missing !== undefined) return value === undefined
    if (least !== undefined) return typeof value === 'number' && value >= Number(least)
    return typeof value === 'string' && (text === '*' || value === text)
  })
}

test('each filter has three dimensions at most, all of them in its pattern, none a tenant or a client', () => {
  const filters = Object.values(FILTERS).flat()
  assert.equal(filters.length, 2 * (1 + 3 * 3) + 1 + 3)
  const allowed = new Set(['$.trigger', '$.action', '$.msg', '$.door', '$.outcome', '$.reason'])
  for (const { pattern, dimensions, value } of filters) {
    const fields = Object.values(dimensions)
    assert.ok(fields.length >= 1 && fields.length <= 3)
    for (const field of [...fields, ...(value === '1' ? [] : [value])]) {
      assert.ok(new RegExp(`\\${field} (=|>=)`).test(pattern), `${field} in ${pattern}`)
      assert.ok(Object.hasOwn(LOG_FIELDS, field.replace('$.', '')))
    }
    for (const field of fields) assert.ok(allowed.has(field), field)
  }
})

/** What the doors print of a login, of what surrounds it, and of what goes wrong. */
async function printed(): Promise<Record<keyof typeof FILTERS, Line[]>> {
  const container = await startContainer(t, gateway)
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const { userPoolId, alias } = tenantFile()
  await gateway.addTenant(tenantFile())
  cognito.putUser(userPoolId, { username: USER })
  const events = [
    defineEvent([]),
    createEvent([]),
    verifyEvent(await corbado.sign('pro-1001', USER)),
    verifyEvent('no proof'),
    triggerEvent('PostConfirmation_ConfirmSignUp'),
    triggerEvent('Later_Source'),
    triggerEvent('CustomEmailSender_SignUp'),
  ]
  const tried = (work: Promise<unknown>) => work.catch(() => undefined)
  for (const event of events) {
    await tried(gateway.trigger(event))
    await tried(forwarder.send(event, { alias }))
  }
  await gateway.action({ action: 'pre-login', userPoolId, identifier: USER })
  await gateway.action({ action: 'post-append', userPoolId, username: USER })
  await tried(gateway.trigger({ nobody: 'knows' }))
  await corbado.setFault({ kind: 'status', status: 500 })
  const failing = verifyEvent(await corbado.sign('pro-1001', USER), {
    privateChallengeParameters: { cognitoID: USER, nonce: 'another' },
  })
  await gateway.trigger(failing)
  await forwarder.send(failing, { alias })
  await corbado.setFault(undefined)
  const { body } = await container.post('/nowhere', {})
  assert.equal(body.code, 'GW_ERR_ROUTE_UNKNOWN')
  return { [FUNCTION]: gateway.take(), [CONTAINERS]: container.take(), [FORWARDER]: forwarder.lines as Line[] }
}

test('each closing line is counted once by step and outcome, its time once, its fault once; no other line is', async () => {
  const lines = await printed()
  const seen = new Set<string>()
  for (const [log, written] of Object.entries(lines) as [keyof typeof FILTERS, Line[]][]) {
    assert.ok(written.length > 5, log)
    for (const line of [...written, { level: 'info', msg: 'listening', time: 'x' }]) {
      const hits = FILTERS[log].filter((filter) => fits(filter, line))
      const counted = (metric: string) => hits.filter(({ metricName }) => metricName === metric)
      const closing = line.outcome !== undefined
      const text = `${log}: ${JSON.stringify(line)}`
      const [invocation, ...more] = counted('Invocations')
      assert.deepEqual([invocation !== undefined, more.length], [closing, 0], text)
      assert.equal(counted('Duration').length, line.durationMs === undefined ? 0 : 1, text)
      const fault = closing && line.level === 'error' ? 1 : 0
      assert.deepEqual([counted('StepFaults').length, counted('Faults').length], [fault, fault], text)
      if (invocation === undefined) continue
      const step = fieldOf(line, invocation.dimensions.Step ?? '')
      assert.ok(OUTCOMES.some((outcome) => outcome === line.outcome))
      seen.add(`${step}`)
    }
  }
  for (const step of [
    'define-auth-challenge',
    'pre-login',
    'post-append',
    'forwarder',
    'request',
    'invocation',
    'unknown',
  ])
    assert.ok(seen.has(step), `${step} among ${[...seen]}`)
})

/** What comes of steps that go well, without a reason. */
const WELL: Readonly<Partial<Record<Step, readonly Outcome[]>>> = {
  'define-auth-challenge': ['challenge', 'tokens'],
  'create-auth-challenge': ['created'],
  'pre-login': ['found'],
  'post-login': ['signed_in'],
  'post-append': ['factor_set'],
  'connect-tokens': ['issued'],
  'pre-token-generation': ['claimed'],
  forwarder: ['forwarded'],
}

test('COSTS.md says how many metrics the catalogue can make at most, and what they would cost', () => {
  const places = reasons.flatMap((reason) => placesOf(reason).map((place) => ({ reason, ...place })))
  const well = Object.entries(WELL).flatMap(([step, outcomes]) => outcomes.map((outcome) => `${step} ${outcome}`))
  const chained = triggers.map(({ name }) => `${name} chained`)
  const lines = new Set([...well, ...chained, ...places.map(({ step, outcome }) => `${step} ${outcome}`)])
  const steps = new Set(places.map(({ step }) => step))
  const faults = places.filter(({ reason, outcome }) => levelOf(reason, outcome) === 'error')
  const stepFaults = new Set(faults.map(({ step, reason }) => `${step} ${reason}`))
  const byReason = new Set(faults.map(({ reason }) => reason))
  const count = lines.size + steps.size + stepFaults.size + byReason.size
  // CloudWatch turns a filter off at this many values in an hour.
  assert.ok(count < 1_000)
  const text = readFileSync('COSTS.md', 'utf8').replaceAll(/\s+/g, ' ')
  const usd = (count * 0.3).toFixed(2)
  assert.ok(text.includes(`these would be ${count} metrics, ${usd} USD.`), `${count} metrics, ${usd} USD`)
})

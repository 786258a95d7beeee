import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REGION } from '../../../src/local/accounts.js'
import { HOURS } from '../../../src/operator/watch/settings.js'
import { amountOf, factorOf } from '../fixtures/calculations.js'
import { containersWith, synthContainers } from '../fixtures/containers.js'
import { tablesIn } from '../fixtures/pages.js'
import { hostedWith, stackOf, synth } from '../fixtures/synth.js'

const CENT = 0.01
const costsIn = (path: string) => tablesIn(readFileSync(path, 'utf8'), ['part', 'calculation', 'USD'])
const tables = { 'COSTS.md': costsIn('COSTS.md'), 'forwarder/README.md': costsIn('forwarder/README.md') }

/** Is one number the other in another unit: ms and s, bytes and GB? */
function isInOtherUnit(a: number, b: number): boolean {
  const power = Math.log10(a / b)
  return Math.abs(power - Math.round(power)) < 0.001
}

for (const [path, found] of Object.entries(tables)) {
  test(`${path}: every cost is what its calculation gives, and every sum adds up`, () => {
    const parts =
      path === 'COSTS.md'
        ? ['by the million', 'by the month', 'of watch', 'of small customers', 'of a large one']
        : ['by the million', 'by the month']
    assert.equal(found.length, parts.length, parts.join(', '))
    for (const rows of found) {
      const [, , total = ''] = rows.at(-1) ?? []
      assert.match(rows.at(-1)?.[0] ?? '', /sum/)
      const costs = rows.slice(0, -1).map(([part, calculation = '', usd]) => {
        const [beginning, end = beginning ?? ''] = calculation.split(' = ')
        if (end !== beginning) {
          const quantity = factorOf(end.split(' × ')[0] ?? '')
          assert.ok(isInOtherUnit(amountOf(beginning ?? ''), quantity), `${part}: ${beginning} is not ${quantity}`)
        }
        const cents = Math.round(amountOf(end) / CENT)
        assert.equal(cents, Math.round(Number(usd) / CENT), `${part}: ${calculation} is ${cents} cents`)
        return cents
      })
      const sum = costs.reduce((a, b) => a + b)
      assert.equal(Math.round(Number(total.replaceAll('*', '')) / CENT), sum, `the sum is ${sum} cents`)
    }
  })
}

test('SCALE.md: every number is what its calculation gives', () => {
  const text = readFileSync('SCALE.md', 'utf8')
  const rows = ['a second', 'in all'].flatMap((unit) => tablesIn(text, ['what', 'calculation', unit, 'limit']).flat())
  assert.ok(rows.length > 10)
  for (const [what, calculation = '', number = ''] of rows) {
    const amount = amountOf(calculation)
    assert.ok(Math.abs(amount / factorOf(number) - 1) < 0.001, `${what}: ${calculation} is ${amount}`)
  }
})

test('what is paid by the month is counted as often as the example has it', () => {
  const templates = synthContainers(containersWith())
  const gateway = stackOf(templates, `CorbadoGateway-${REGION}`)
  const containers = stackOf(templates, `CorbadoGatewayContainers-${REGION}`)
  const [scaling] = Object.values(containers.findResources('AWS::ApplicationAutoScaling::ScalableTarget'))
  const endpoints = containers.findResources('AWS::EC2::VPCEndpoint', { Properties: { VpcEndpointType: 'Interface' } })
  const watch = stackOf(synth(hostedWith({ watch: { hours: HOURS.usual } })), `CorbadoGatewayWatch-${REGION}`)
  const [alarm] = Object.values(watch.findResources('AWS::CloudWatch::Alarm'))
  const watched = ((alarm?.Properties.Metrics ?? []) as object[]).filter((metric) => 'MetricStat' in metric)
  const [, ofAlarm = ''] = tables['COSTS.md'][2]?.find(([part]) => part?.startsWith('alarm')) ?? []
  assert.equal(Number(/\d+/.exec(ofAlarm)?.[0]), watched.length)
  const [, ofQueries = ''] = tables['COSTS.md'][2]?.find(([part]) => part?.startsWith('queries')) ?? []
  assert.ok(ofQueries.startsWith(`${HOURS.usual} × 12 looks`), ofQueries)
  const count = (stack: typeof gateway, type: string) => Object.keys(stack.findResources(type)).length
  const expected = {
    'COSTS.md': {
      keys: count(gateway, 'AWS::KMS::Key'),
      dashboard: count(gateway, 'AWS::CloudWatch::Dashboard'),
      alarms: count(gateway, 'AWS::CloudWatch::Alarm'),
      rankings: count(gateway, 'AWS::CloudWatch::InsightRule'),
    },
    'forwarder/README.md': {
      tasks: scaling?.Properties.MinCapacity,
      'load balancer': count(containers, 'AWS::ElasticLoadBalancingV2::LoadBalancer'),
      'NAT gateways': count(containers, 'AWS::EC2::NatGateway'),
      'their addresses': count(containers, 'AWS::EC2::EIP'),
      'interface endpoints': Object.keys(endpoints).length,
      alarms: count(containers, 'AWS::CloudWatch::Alarm'),
      'private zone': count(containers, 'AWS::Route53::HostedZone'),
    },
  }
  for (const path of Object.keys(expected) as (keyof typeof expected)[]) {
    for (const [part, times] of Object.entries(expected[path])) {
      const [, calculation = ''] = tables[path][1]?.find(([name]) => name?.startsWith(part)) ?? []
      assert.equal(Number(/\d+/.exec(calculation)?.[0]), times, `${path}: ${part}`)
    }
  }
})

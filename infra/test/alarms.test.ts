import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '../../src/local/aws/server.js'
import { type Reason, reasons, rowOf } from '../../src/reasons.js'
import { defineEvent, verifyEvent } from '../../test/fixtures/events.js'
import { startGateway } from '../../test/fixtures/gateway.js'
import { tenantFile } from '../../test/fixtures/tenants.js'
import { undoAfter } from './fixtures/undo.js'

const t = undoAfter()
const gateway = await startGateway(t, {})
const { table, ssm, sts, corbado, identity } = gateway.stack

type Trigger = (userPoolId: string) => Promise<unknown>
const define: Trigger = (userPoolId) => gateway.trigger(defineEvent([], {}, { userPoolId }))
const preLogin: Trigger = (userPoolId) => gateway.action({ action: 'pre-login', userPoolId, identifier: 'ada' })
const verify: Trigger = async (userPoolId) =>
  gateway.trigger(verifyEvent(await corbado.sign('pro-1001', 'ada'), {}, { userPoolId }))

const during = (standIn: { setFault(fault: Fault | undefined): unknown }, fault: Fault, trigger: Trigger): Trigger => {
  return async (userPoolId) => {
    await standIn.setFault(fault)
    await trigger(userPoolId).catch(() => undefined)
    await standIn.setFault(undefined)
  }
}
const status = (code: number): Fault => ({ kind: 'status', status: code })

/** The gateway's role without its rights. */
const withoutRights = async (userPoolId: string, trigger = define) => {
  const principal =
    identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')?.principal ?? assert.fail('the gateway is nobody')
  const { policies } = principal
  Object.assign(principal, { policies: [] })
  await trigger(userPoolId).catch(() => undefined)
  Object.assign(principal, { policies })
}
const withoutClock: Trigger = async (userPoolId) => {
  const { now } = gateway.clock
  Object.assign(gateway.clock, { now: () => assert.fail('a bug') })
  await define(userPoolId).catch(() => undefined)
  Object.assign(gateway.clock, { now })
}

const provocations: Partial<Record<Reason, Trigger>> = {
  internal: withoutClock,
  table_denied: withoutRights,
  table_throttled: during(table, status(429), define),
  table_timeout: during(table, { kind: 'hang' }, define),
  table_unavailable: during(table, status(500), define),
  secret_denied: async (userPoolId) => {
    await define(userPoolId)
    await withoutRights(userPoolId, verify)
  },
  secret_throttled: during(ssm, status(429), verify),
  secret_timeout: during(ssm, { kind: 'hang' }, verify),
  secret_unavailable: during(ssm, status(500), verify),
  sts_throttled: during(sts, status(429), preLogin),
  backend_rate_limited: during(corbado, status(429), verify),
  backend_timeout: during(corbado, { kind: 'hang' }, verify),
  backend_unavailable: during(corbado, status(500), verify),
  backend_malformed: during(corbado, { kind: 'garbage' }, verify),
  backend_rejected: during(corbado, status(400), verify),
  backend_unauthorized: during(corbado, status(401), verify),
}

test('every reason that has an alarm is on a line that the alarm counts, when its fault is there', async () => {
  assert.deepEqual(Object.keys(provocations).sort(), reasons.filter((reason) => rowOf(reason).alarm).sort())
  for (const [index, [reason, provoke]] of Object.entries(provocations).entries()) {
    // Each its own tenant: nothing is remembered of it.
    const userPoolId = `eu-central-1_Alarm${String(index).padStart(4, '0')}`
    await gateway.addTenant(tenantFile({ tenantId: `alarm-${index}`, userPoolId }))
    gateway.take()
    await provoke(userPoolId)
    const counted = gateway.take().filter(({ level, msg }) => level === 'error' && msg !== undefined)
    assert.ok(
      counted.some((line) => line.reason === reason),
      `${reason}: ${JSON.stringify(counted)}`,
    )
  }
})

import { hostedArn, putTenantRecord, toLocal } from '../../../src/local/world/tenants.js'
import { defineEvent } from '../../fixtures/events.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { lambdaContext, startHandler } from '../gateway.js'
import { median, medianRatio, type Row, times } from '../report.js'
import { openWorld, type World } from '../world.js'

const MANY = times(10_000, 50)
const FEW = times(100, 10)
const ROUNDS = times(9)
const WRITERS = 32

const poolId = (i: number) => `eu-central-1_T${String(i).padStart(8, '0')}`

async function writeTenants({ stack }: World): Promise<void> {
  let next = 0
  async function write(): Promise<void> {
    while (next < MANY) {
      const i = next
      next += 1
      const file = tenantFile({ tenantId: `tenant-${i}`, userPoolId: poolId(i) })
      await putTenantRecord(stack, toLocal(file, stack), file.userPoolId)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, write))
}

/** Requests a second over 10,000 tenants in rotation, all in memory, against 100. */
export async function manyTenants(): Promise<Row[]> {
  const world = await openWorld()
  await writeTenants(world)
  const handler = await startHandler(world.env)
  const context = lambdaContext(hostedArn(world.tenant.alias))
  const events = Array.from({ length: MANY }, (_, i) => defineEvent([], {}, { userPoolId: poolId(i) }))

  async function perSecond(tenants: number): Promise<number> {
    const start = performance.now()
    for (let i = 0; i < MANY; i += 1) await handler(events[i % tenants], context)
    return MANY / ((performance.now() - start) / 1_000)
  }

  const ours: number[] = []
  const reference: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const many = await perSecond(MANY)
    const few = await perSecond(FEW)
    // The first round reads every config from the table.
    if (round > 0) ours.push(many)
    if (round > 0) reference.push(few)
  }
  await world.stack.stop()
  return [
    {
      name: 'Define over 10,000 tenants in rotation',
      unit: 'requests/s',
      ours: median(ours),
      reference: median(reference),
      referenceName: '100 tenants',
      ratio: medianRatio(ours, reference),
      least: 0.85,
    },
  ]
}

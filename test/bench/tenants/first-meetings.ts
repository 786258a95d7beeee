import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { hostedArn } from '../../../src/local/world/tenants.js'
import { defineEvent } from '../../fixtures/events.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { lambdaContext, startHandler } from '../gateway.js'
import { median, medianRatio, type Row, times } from '../report.js'
import { startServices } from '../soak/services.js'

const POOLS = times(2_000, 20)
const ROUNDS = times(7)
const IN_FLIGHT = 32

/** The pools of one round: none is met twice. */
const poolId = (round: number, i: number) => `eu-central-1_S${String(round * POOLS + i).padStart(6, '0')}`

async function perSecond(work: (i: number) => Promise<unknown>): Promise<number> {
  const start = performance.now()
  let next = 0
  async function one(): Promise<void> {
    while (next < POOLS) {
      next += 1
      await work(next - 1)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  return POOLS / ((performance.now() - start) / 1_000)
}

/** The first Define of a pool, whose record is read and checked for it, beside nothing but reading such a record. */
export async function firstMeetings(): Promise<Row[]> {
  const services = await startServices()
  const base = tenantFile()
  await services.putTenants(base)
  const handler = await startHandler({
    AWS_REGION: 'eu-central-1',
    TENANT_TABLE: 'tenants',
    BACKEND_API_HOSTS: '127.0.0.1',
    MAX_TENANTS_IN_MEMORY: '100000',
    AWS_ACCESS_KEY_ID: 'AKIABENCH',
    AWS_SECRET_ACCESS_KEY: 'x',
    ...services.endpoints,
  })
  const context = lambdaContext(hostedArn(base.alias))
  const client = new DynamoDBClient({ region: 'eu-central-1', endpoint: services.url })

  const ours: number[] = []
  const reference: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const met = await perSecond((i) => handler(defineEvent([], {}, { userPoolId: poolId(round, i) }), context))
    const read = await perSecond(async (i) => {
      const Key = marshall({ userPoolId: poolId(round, i), record: 'config' })
      const { Item = {} } = await client.send(new GetItemCommand({ TableName: 'tenants', Key }))
      return unmarshall(Item)
    })
    // The first round warms both up.
    if (round > 0) ours.push(met)
    if (round > 0) reference.push(read)
  }
  client.destroy()
  services.stop()
  return [
    {
      name: 'pools met for the first time, by a Define each',
      unit: 'requests/s',
      ours: median(ours),
      reference: median(reference),
      referenceName: 'a record read and unmarshalled, and nothing else',
      ratio: medianRatio(ours, reference),
      least: 0.6,
    },
  ]
}

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../../../src/local/accounts.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { lambdaContext, startHandler } from '../gateway.js'
import { type Row, times } from '../report.js'
import { startServices } from '../soak/services.js'

const TENANTS = times(8_000, 600)
/** What is kept once, however many tenants there are, is there by then: such as the clients that were made last. */
const BEFORE = times(2_000, 520)
const IN_FLIGHT = 32
const REACH_BYTES = 6_144

const poolId = (i: number) => `eu-central-1_S${String(i).padStart(6, '0')}`

/** What the heap grows by with each tenant whose config and role are in use: a pre-login of each. */
export async function memoryATenant(): Promise<Row[]> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const services = await startServices()
  await services.putTenants(tenantFile())
  const handler = await startHandler({
    AWS_REGION: 'eu-central-1',
    TENANT_TABLE: 'tenants',
    BACKEND_API_HOSTS: '127.0.0.1',
    AWS_ACCESS_KEY_ID: 'AKIABENCH',
    AWS_SECRET_ACCESS_KEY: 'x',
    ...services.endpoints,
  })
  const context = lambdaContext(`${FUNCTION_ARN}:${ACTIONS_ALIAS}`)
  let next = 0
  let wrong = 0
  async function meet(until: number): Promise<void> {
    async function one(): Promise<void> {
      while (next < until) {
        next += 1
        const ask = { action: 'pre-login', userPoolId: poolId(next), identifier: 'user-1' }
        const answer = JSON.stringify(await handler(ask, context))
        if (!answer.includes('"identifier":"user-1"')) wrong += 1
      }
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, one))
  }
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  await meet(BEFORE)
  const before = heap()
  await meet(TENANTS)
  const ours = (heap() - before) / (TENANTS - BEFORE)
  services.stop()
  if (wrong > 0) throw new Error(`${wrong} of ${TENANTS} answers were wrong`)
  return [
    {
      name: 'memory of a tenant whose config and role are in use',
      unit: 'bytes',
      ours,
      reference: REACH_BYTES,
      referenceName: '6 KB',
      ratio: ours / REACH_BYTES,
      most: 1,
    },
  ]
}

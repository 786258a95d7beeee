import { Pool } from 'undici'
import { sendAtRate } from './open-loop.js'
import { requestsBy } from './requests.js'
import type { Sending } from './world.js'

// The tenant in trouble, in a process of its own: hundreds of its answers may come at once, and whoever reads them is late for
// everything else. In the process that measures the other tenants, that would count as the gateway's time.

const requests = requestsBy(process.argv[2] ?? '')
const pools = new Map<string, Pool>()

async function send({ url, call, member, proof, perSecond, seconds }: Sending): Promise<void> {
  const pool = pools.get(url) ?? new Pool(url, { connections: null })
  pools.set(url, pool)
  const { taken, ended } = await sendAtRate(pool, perSecond, seconds, () => requests[call](member, proof))
  await ended
  process.send?.(taken)
}

process.on('message', (sending: Sending) => void send(sending))
process.once('disconnect', () => process.exit())

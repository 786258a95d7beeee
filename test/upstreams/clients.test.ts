import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { UserPoolId } from '../../src/ids.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'

const POOL = 'eu-central-1_Example01' as UserPoolId
/** More than clients are kept. */
const TENANTS = 600
const IN_FLIGHT = 8

t.test('whatever clients were kept or have made room, every call is signed with its own credentials', async (t) => {
  // Answers with the key that the request was signed with, and the token it carried.
  const server = createServer((request, response) => {
    const [, accessKeyId] = /Credential=(\w+)\//.exec(request.headers.authorization ?? '') ?? []
    const user = { Username: `${accessKeyId} ${request.headers['x-amz-security-token']}`, UserStatus: 'CONFIRMED' }
    response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(user))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER = `http://127.0.0.1:${port}`
  const clock = createFrozenClock()
  const upstreams = createUpstreams(parseEnv({ AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants' }), clock)
  t.teardown(upstreams.close)

  const sets = Array.from({ length: TENANTS }, (_, i) => {
    const issued = { accessKeyId: `ASIA${i}`, secretAccessKey: `secret-${i}`, sessionToken: `token-${i}` }
    return { ...issued, expiration: new Date(clock.now() + 3_600_000) }
  })
  /** All of them once, a few that stay in use among them, and then all again. */
  const order = [...sets, ...sets].flatMap((one, i) => [one, sets[i % 10]])
  const wrong: string[] = []
  let next = 0
  async function ask(): Promise<void> {
    while (next < order.length) {
      const credentials = order[next++]
      if (!credentials) continue
      const pool = upstreams.userPool(POOL, 'eu-central-1', credentials)
      const { username } = await pool.fetchUser('ada', createCall(5_000, clock))
      const own = `${credentials.accessKeyId} ${credentials.sessionToken}`
      if (username !== own) wrong.push(`${username} for ${own}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, ask))
  t.strictSame([next, wrong], [order.length, []])
})

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall, SLICE_MS } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { UserPoolId } from '../../src/ids.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'

const ISSUED = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials>
    <AccessKeyId>EXAMPLE</AccessKeyId><SecretAccessKey>example</SecretAccessKey><SessionToken>example</SessionToken>
    <Expiration>2099-01-01T00:00:00Z</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`

t.test('a request for credentials that nobody answers ends by itself: later calls get an answer', async (t) => {
  let [hangs, asked] = [true, 0]
  const sts = createServer((_request, response) => {
    asked += 1
    if (!hangs) response.setHeader('content-type', 'text/xml').end(ISSUED)
  })
  const dynamodb = createServer((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': randomUUID() })
      .end('{}')
  })
  const urls = await Promise.all(
    [sts, dynamodb].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.teardown(() => server.close().closeAllConnections())
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }),
  )
  for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_)/.test(name)) delete process.env[name]
  const token = join(t.testdir({ token: 'example' }), 'token')
  Object.assign(process.env, {
    AWS_WEB_IDENTITY_TOKEN_FILE: token,
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/example',
    AWS_ENDPOINT_URL_STS: urls[0],
    AWS_ENDPOINT_URL_DYNAMODB: urls[1],
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  })
  // The SDK has timers of its own; those that outlast every call of the service need not be waited for here.
  const { setTimeout } = globalThis
  t.intercept(globalThis, 'setTimeout', {
    value: (run: () => void, ms = 0) => setTimeout(run, ms > SLICE_MS.table ? ms / 50 : ms),
  })

  const clock = createFrozenClock()
  const env = parseEnv({ AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants', GATEWAY_ALIASES: 'off' })
  const { table, close } = createUpstreams(env, clock)
  t.teardown(close)
  const fetch = () => table.fetchConfig('eu-central-1_Example01' as UserPoolId, createCall(SLICE_MS.table, clock))

  const first = fetch()
  while (asked === 0) await setImmediate()
  clock.advance(SLICE_MS.table)
  t.match(await first.catch((error: unknown) => error), { reason: 'timeout' })

  hangs = false
  t.equal(await fetch(), undefined, 'the table was asked, and knows no such pool')
  t.ok(asked > 1, 'for credentials too')
})

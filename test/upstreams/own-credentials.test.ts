import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { gateway as gatewayPrincipal } from '../../src/local/accounts.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { mustExit } from '../fixtures/loopback.js'
import { tenantFile } from '../fixtures/tenants.js'

mustExit(t)

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const gateway = await startGateway(t)
const { stack, clock } = gateway
const file = tenantFile()
await gateway.addTenant(file)
stack.cognito.putUser(file.userPoolId, { username: USER })

/** A container's credentials endpoint; each request waits until the test lets it go. */
const waiting: ServerResponse[] = []
let asked = 0
const endpoint = createServer((_request, response) => {
  asked += 1
  waiting.push(response)
})
endpoint.listen(0, '127.0.0.1')
await once(endpoint, 'listening')
t.teardown(() => endpoint.close().closeAllConnections())
for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete process.env[name]
Object.assign(process.env, {
  AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`,
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
})

function answer(): void {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(gatewayPrincipal)
  const Expiration = new Date(Date.now() + 3_600_000).toISOString()
  const body = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration }
  for (const response of waiting.splice(0)) {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }
}

const through = { arn: hostedArn(file.alias) }
const define = () => gateway.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }), through)

t.test(
  'a credentials endpoint that takes 700 ms, or three times as much, costs the first call its own time, and no slice',
  async (t) => {
    await gateway.byHand(async () => {
      const first = define()
      while (waiting.length === 0) await setImmediate()
      clock.advance(2_100)
      answer()
      t.match(await first, { response: { challengeName: 'CUSTOM_CHALLENGE' } })
    })
    t.equal(asked, 1)

    const proof = await stack.corbado.sign(file.corbado.projectId, USER)
    const verified = await gateway.trigger(verifyEvent(proof, {}, { userPoolId: file.userPoolId }), through)
    t.match(verified, { response: { answerCorrect: true } })
    const payload = { action: 'pre-login', userPoolId: file.userPoolId, identifier: USER }
    t.match(await gateway.action(payload), { body: { identifier: USER } })
    t.equal(asked, 1, 'once for the table, SSM and STS')
  },
)

t.test('an endpoint that does not answer is waited for no longer than the call can', async (t) => {
  const other = tenantFile({ tenantId: 'other', userPoolId: 'eu-central-1_Other0001', alias: 't-other' })
  await gateway.addTenant(other)
  // So many hours later the credentials have expired for the SDK too, which knows the machine's date alone.
  const now = Date.now
  t.intercept(Date, 'now', { value: () => now() + 7_200_000 })
  await gateway.byHand(async () => {
    const start = clock.elapsed()
    const call = gateway.trigger(defineEvent([], {}, { userPoolId: other.userPoolId }), {
      arn: hostedArn(other.alias),
      remainingMs: 2_150,
    })
    const ended = call.catch((error: Error) => error.message)
    while (waiting.length === 0) await setImmediate()
    clock.advance(2_000)
    t.match(await ended, /^Sign-in with a passkey is not available right now/)
    t.equal(clock.elapsed() - start, 2_000)
  })
  answer()
})

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { gateway as gatewayPrincipal } from '../../src/local/accounts.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { type Gateway, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

/** A container's credentials endpoint; each request waits until the test lets it go. */
const waiting: ServerResponse[] = []
let asked = 0
/** Begins an answer that never ends; undefined: says nothing at all. */
let begin: ((response: ServerResponse) => void) | undefined
const endpoint = createServer((_request, response) => {
  asked += 1
  begin?.(response)
  waiting.push(response)
})
endpoint.listen(0, '127.0.0.1')
await once(endpoint, 'listening')
t.teardown(() => endpoint.close().closeAllConnections())

/** A gateway in a container, which has just begun, and its tenant. */
interface Young {
  readonly gateway: Gateway
  readonly file: TenantFile
}

async function start(t: Test): Promise<Young> {
  const gateway = await startGateway(t)
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) delete process.env[name]
  Object.assign(process.env, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  })
  const file = tenantFile()
  await gateway.addTenant(file)
  gateway.stack.cognito.putUser(file.userPoolId, { username: USER })
  asked = 0
  begin = undefined
  return { gateway, file }
}

/** Answers all that wait. */
function answer({ gateway: { stack } }: Young): void {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(gatewayPrincipal)
  const Expiration = new Date(Date.now() + 3_600_000).toISOString()
  const body = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration }
  for (const response of waiting.splice(0)) {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }
}

/** Until the endpoint was asked so often. */
async function askedTimes(count: number): Promise<void> {
  while (asked < count) await setImmediate()
}

/** Until the endpoint has no connection: one that stays open keeps the test from ending. */
async function allClosed(): Promise<void> {
  const open = () => new Promise<number>((resolve) => endpoint.getConnections((_error, count) => resolve(count)))
  while ((await open()) > 0) await setImmediate()
  waiting.splice(0)
}

/** A trigger that can take so long: its answer, or the words that it failed with. */
function define({ gateway, file }: Young, ms = 4_000): Promise<unknown> {
  const event = defineEvent([], {}, { userPoolId: file.userPoolId })
  const call = gateway.trigger(event, { arn: hostedArn(file.alias), remainingMs: ms + 150 })
  return call.catch((error: Error) => error.message)
}

const WELL = { response: { challengeName: 'CUSTOM_CHALLENGE' } }
const FAILED = /^Sign-in with a passkey is not available right now/

t.test('a credentials endpoint that takes 700 ms costs the first call its own time, and no slice', async (t) => {
  const young = await start(t)
  const { gateway, file } = young
  await gateway.byHand(async () => {
    const first = define(young)
    await askedTimes(1)
    gateway.clock.advance(700)
    answer(young)
    t.match(await first, WELL)
  })

  const proof = await gateway.stack.corbado.sign(file.corbado.projectId, USER)
  const event = verifyEvent(proof, {}, { userPoolId: file.userPoolId })
  t.match(await gateway.trigger(event, { arn: hostedArn(file.alias) }), { response: { answerCorrect: true } })
  const payload = { action: 'pre-login', userPoolId: file.userPoolId, identifier: USER }
  t.match(await gateway.action(payload), { body: { identifier: USER } })
  t.equal(asked, 1, 'once for the table, SSM and STS')
})

t.test('an endpoint that is slow is asked again after a second, and its first answer counts', async (t) => {
  const young = await start(t)
  await young.gateway.byHand(async () => {
    const call = define(young)
    await askedTimes(1)
    const [first] = waiting.splice(0)
    young.gateway.clock.advance(1_000)
    await askedTimes(2)
    waiting.splice(0)
    if (first) waiting.push(first)
    answer(young)
    t.match(await call, WELL)
    t.equal(asked, 2)
    await allClosed()
  })
})

/** The ways in which an endpoint that accepts a connection keeps a request waiting for ever. */
const silences: Readonly<Record<string, typeof begin>> = {
  'says nothing': undefined,
  'begins an answer and never ends it': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' }).write('{"AccessKeyId":')
  },
  'answers without end': (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  },
}
for (const [how, silence] of Object.entries(silences)) {
  t.test(`an endpoint that ${how} costs no call more than its time, and none once it is well again`, async (t) => {
    const young = await start(t)
    const { clock, byHand } = young.gateway
    begin = silence
    await byHand(async () => {
      const startedAt = clock.elapsed()
      const call = define(young, 2_500)
      for (const second of [1, 2]) {
        await askedTimes(second)
        clock.advance(1_000)
      }
      await askedTimes(3)
      clock.advance(500)
      t.match(await call, FAILED)
      t.equal(clock.elapsed() - startedAt, 2_500)

      begin = undefined
      waiting.splice(0)
      const healed = define(young)
      clock.advance(500)
      await askedTimes(4)
      answer(young)
      t.match(await healed, WELL)
      await allClosed()
    })
  })
}

t.test('an endpoint that stays silent is given up after ten seconds, and asked anew', async (t) => {
  const young = await start(t)
  const { clock, byHand } = young.gateway
  await byHand(async () => {
    const call = define(young, 1_000)
    for (let second = 1; second <= 10; second += 1) {
      await askedTimes(second)
      clock.advance(1_000)
    }
    t.match(await call, FAILED)

    await askedTimes(11)
    const next = define(young)
    answer(young)
    t.match(await next, WELL)
    await allClosed()
  })
})

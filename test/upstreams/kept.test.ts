import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { UserPoolId } from '../../src/ids.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'

const CALL_MS = 4_200
const POOL = 'eu-central-1_Acme00001' as UserPoolId
const LOGIN = { clientId: 'app' }

const clock = createFrozenClock()

/** A service of which every answer is the same, that counts its connections. */
async function startService(answer: object) {
  const open = new Set<Socket>()
  const silent = new WeakSet<Socket>()
  const seen = { connections: 0, silenced: 0 }
  const server = createServer((request, response) => {
    request.resume()
    if (silent.has(request.socket)) seen.silenced += 1
    else request.on('end', () => say(response, answer))
  })
  server.on('connection', (socket) => {
    seen.connections += 1
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close().closeAllConnections())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    /** Answers nothing more on the connections that are open now. */
    silence() {
      for (const socket of open) silent.add(socket)
    },
    /** Resolves once so many are left. */
    async untilOpen(count: number) {
      while (open.size !== count) await setImmediate()
    },
  }
}

function say(response: ServerResponse, answer: object): void {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'r-1' })
  response.end(JSON.stringify(answer))
}

const user = { Username: 'u', UserStatus: 'CONFIRMED', Enabled: true, Users: [], UserPoolClient: { ClientId: 'app' } }
const challenge = { ChallengeName: 'CUSTOM_CHALLENGE', Session: 's', ChallengeParameters: { USERNAME: 'u' } }
const table = await startService({})
const lambda = await startService({})
const cognito = await startService({ ...user, ...challenge, keys: [] })
const before = { ...process.env }
Object.assign(process.env, {
  AWS_ACCESS_KEY_ID: 'a',
  AWS_SECRET_ACCESS_KEY: 'b',
  AWS_ENDPOINT_URL_DYNAMODB: table.url,
  AWS_ENDPOINT_URL_LAMBDA: lambda.url,
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: cognito.url,
})
const upstreams = createUpstreams(parseEnv({ AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants' }), clock)
t.teardown(async () => {
  await upstreams.close()
  process.env = before
})
const pool = upstreams.userPool(POOL, 'eu-central-1', null)

const call = () => createCall(CALL_MS, clock)
const readTable = () => upstreams.table.fetchConfig(POOL, call())
const invoke = () =>
  upstreams.invokeFunction(
    { functionArn: 'arn:aws:lambda:eu-central-1:1:function:f', payload: '{}', wait: 'answer', hops: 1, timeoutMs: 900 },
    null,
    call(),
  )

t.test("what is asked once on a connection of its own closes nobody else's, and its own when it is done", async (t) => {
  for (let i = 0; i < 10; i += 1) {
    await readTable()
    t.match(await invoke(), { kind: 'answered' })
    await lambda.untilOpen(0)
  }
  await readTable()
  t.equal(table.seen.connections, 1)
  t.equal(lambda.seen.connections, 10)
})

t.test('nor those that are kept to the same host', async (t) => {
  await pool.fetchUser('u', call())
  await pool.answerLogin(LOGIN, { username: 'u', session: 's' }, 'answer', call())
  await cognito.untilOpen(1)
  await pool.fetchUser('u', call())
  t.equal(cognito.seen.connections, 2)
})

t.test('a host that has fallen silent costs other hosts no connection', async (t) => {
  await readTable()
  await pool.fetchUser('u', call())
  const [connections, asked] = [table.seen.connections, cognito.seen.silenced]
  cognito.silence()
  const reading = pool.fetchUser('u', call())
  while (cognito.seen.silenced === asked) await setImmediate()
  clock.advance(CALL_MS / 2)
  t.match(await reading, { username: 'u' })
  await readTable()
  t.equal(table.seen.connections, connections)
})

for (const [name, run] of [
  ['AdminGetUser', () => pool.fetchUser('u', call())],
  ['ListUsers', () => pool.fetchUsers('email = "a"', undefined, call())],
  ['DescribeUserPoolClient', () => pool.fetchAppClient('app', call())],
  ['AdminInitiateAuth', () => pool.startLogin(LOGIN, 'u', call())],
  ['AdminSetUserMFAPreference', () => pool.preferMfa('u', 'sms', call())],
] as const) {
  t.test(`a kept connection that has fallen silent takes half of the time of ${name}`, async (t) => {
    await pool.fetchUser('u', call())
    const asked = cognito.seen.silenced
    cognito.silence()
    const running: Promise<unknown> = run()
    while (cognito.seen.silenced === asked) await setImmediate()
    clock.advance(CALL_MS / 2)
    await running
    t.equal(cognito.seen.silenced, asked + 1)
  })
}

t.test('none that has fallen silent is used for a key set', async (t) => {
  const read = () => upstreams.fetchKeySet(`${cognito.url}/${POOL}`, call())
  await read()
  const { connections, silenced } = cognito.seen
  cognito.silence()
  t.match(await read(), /"keys"/)
  t.strictSame(cognito.seen, { connections: connections + 1, silenced })
})

import t from 'tap'
import { startContainer } from '../fixtures/container.js'
import { defineEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

/* What people who have proven nothing can make the gateway do. */

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { userPoolId: known } = tenantFile()
await gateway.addTenant(tenantFile())

const container = await startContainer(t, gateway)
await container.trigger(defineEvent([]))

const ORIGIN = { origin: 'https://app.acme.example' }
async function ask(userPoolId: string, init: { method: string; headers?: Record<string, string> }) {
  const { method, headers = {} } = init
  const answer = await fetch(`${container.url}/v1/pools/${userPoolId}/connect-tokens`, {
    ...{ method, headers: { ...ORIGIN, ...(method === 'POST' && { 'content-type': 'application/json' }), ...headers } },
    ...(method === 'POST' && { body: JSON.stringify({ type: 'passkey-list' }) }),
  })
  const text = await answer.text()
  return {
    status: answer.status,
    code: text ? JSON.parse(text).code : '',
    retryAfter: answer.headers.get('retry-after'),
  }
}

/** A token that says of itself whose it is. */
function tokenOf(iss: unknown): Record<string, string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return { authorization: `Bearer ${part({ alg: 'RS256', kid: 'x' })}.${part({ iss })}.c2ln` }
}

let pools = 0
const madeUp = () => {
  pools += 1
  return `eu-central-1_MadeUp${pools}`
}
const reads = () => stack.table.calls.filter(({ operation }) => operation === 'GetItem').length
async function flood(asking: (userPoolId: string) => ReturnType<typeof ask>) {
  const before = reads()
  const answers = await Promise.all(Array.from({ length: 300 }, () => asking(madeUp())))
  return { answers, read: reads() - before }
}

for (const [what, asking] of [
  ['preflights', (pool: string) => ask(pool, { method: 'OPTIONS' })],
  ['made-up tokens', (pool: string) => ask(pool, { method: 'POST', headers: tokenOf(`https://x.example/${pool}`) })],
] as const) {
  t.test(`300 ${what} of made-up pools at once cost 50 reads of the table; tenants go on`, async (t) => {
    clock.advance(1_000)
    const { answers, read } = await flood(asking)
    t.equal(read, 50)
    t.equal(answers.filter(({ status, code }) => status === 404 && code === 'GW_ERR_TENANT_UNKNOWN').length, 50)
    const refused = answers.filter(({ status }) => status !== 404)
    for (const answer of refused) t.match(answer, { status: 503, code: 'GW_ERR_OVERLOADED', retryAfter: '1' })
    t.match(await ask(known, { method: 'OPTIONS' }), { code: 'GW_ERR_CONNECT_TOKENS_NOT_CONFIGURED' }, 'in memory')
    const fresh = tenantFile({ userPoolId: madeUp(), tenantId: `fresh-${pools}`, alias: `t-fresh-${pools}` })
    await gateway.addTenant(fresh)
    t.match(
      await ask(fresh.userPoolId, { method: 'OPTIONS' }),
      { status: 503 },
      'a tenant that nobody has asked for yet',
    )
    const ids = { userPoolId: fresh.userPoolId }
    t.match(await container.trigger(defineEvent([], {}, ids)), { statusCode: 200 }, 'signed calls are not limited')
    t.match(await ask(fresh.userPoolId, { method: 'OPTIONS' }), { code: 'GW_ERR_CONNECT_TOKENS_NOT_CONFIGURED' })
    clock.advance(100)
    t.equal((await flood(asking)).read, 5, 'a fiftieth of a second brings one more')
  })
}

t.test('a POST without a token of the pool it names costs no read at all', async (t) => {
  clock.advance(1_000)
  const headers: Record<string, (pool: string) => Record<string, string>> = {
    'no token': () => ({}),
    'another scheme': (pool) => ({
      authorization: `Basic ${tokenOf(`https://x.example/${pool}`).authorization?.slice(7)}`,
    }),
    'no JWT': () => ({ authorization: 'Bearer x' }),
    'two parts': () => ({ authorization: 'Bearer x.y' }),
    'no JSON': () => ({ authorization: 'Bearer x.y.z' }),
    'no claims': () => ({ authorization: `Bearer x.${Buffer.from('null').toString('base64url')}.z` }),
    'no issuer': () => tokenOf(undefined),
    'an issuer that is no text': (pool) => tokenOf([`/${pool}`]),
    'the issuer of another pool': () => tokenOf(`https://cognito-idp.eu-central-1.amazonaws.com/${known}`),
    'the end of an id': (pool) => tokenOf(`https://x.example/x${pool}`),
  }
  for (const [what, of] of Object.entries(headers)) {
    const { answers, read } = await flood((pool) => ask(pool, { method: 'POST', headers: of(pool) }))
    t.equal(read, 0, what)
    for (const answer of answers) t.match(answer, { status: 401, code: 'GW_ERR_CONNECT_TOKEN_UNAUTHORIZED' }, what)
  }
})

import assert from 'node:assert/strict'
import t from 'tap'
import { PSEUDONYM_KEY_PARAMETER } from '../../src/local/accounts.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const gateway = await startGateway(t, { env: { PSEUDONYM_KEY_PARAMETER } })
const { stack, clock } = gateway
const { cognito, ssm } = stack
ssm.put(PSEUDONYM_KEY_PARAMETER, 'a key of the pseudonyms that nobody can guess')

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const ADA = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const EMAIL = 'ada@acme.example'

let pools = 0
async function newTenant(preLogin: object = {}) {
  pools += 1
  const file = tenantFile({
    ...{ userPoolId: `eu-central-1_Decoy${pools}`, tenantId: `decoy-${pools}`, alias: `t-decoy-${pools}` },
    aws: { externalId: `ext-${pools}` },
    actions: { preLogin: { unknownUser: 'decoy', ...preLogin }, postAppend: { mfa: 'none' } },
    limits: { listUsersPerSecond: 25 },
  })
  await gateway.addTenant(file, { aliasAttributes: ['email'] })
  const attributes = { sub: ADA, email: EMAIL, email_verified: 'true' }
  cognito.putUser(file.userPoolId, { username: ADA, attributes })
  // Known by the attribute alone: the address is not verified, so that it is no alias.
  cognito.putUser(file.userPoolId, { username: 'bob-1', attributes: { email: 'bob@acme.example' } })
  return file
}
const preLogin = (userPoolId: string, identifier: string) =>
  gateway.action({ action: 'pre-login', userPoolId, identifier })
const operationsOf = (since: number) => cognito.calls.slice(since).map(({ operation }) => operation)

t.test('a fault of either call, or of the key, answers a user and nobody alike', async (t) => {
  const { userPoolId } = await newTenant()
  for (const operation of ['AdminGetUser', 'ListUsers']) {
    await cognito.setFault({ kind: 'status', status: 500 }, operation)
    const [known, unknown] = [await preLogin(userPoolId, EMAIL), await preLogin(userPoolId, 'nobody@acme.example')]
    await cognito.setFault(undefined)
    t.strictSame(known, unknown, operation)
    t.match(known.body, { identifier: '', error: { return: true, code: 'untyped' } })
    clock.advance(60_000)
  }
})

t.test('nobody gets a name in the form of a user’s: the same for the same text, and another elsewhere', async (t) => {
  const [{ userPoolId }, other] = [await newTenant(), await newTenant()]
  const of = async (identifier: string, pool: string = userPoolId) => {
    const { statusCode, body } = await preLogin(pool, identifier)
    t.strictSame([statusCode, Object.keys(body)], [200, ['identifier']])
    return String(body.identifier)
  }
  const name = await of('nobody@acme.example')
  t.match(name, UUID)
  for (const same of ['nobody@acme.example', ' Nobody@Acme.example ', 'NOBODY@ACME.EXAMPLE'])
    t.equal(await of(same), name)
  t.not(await of('nobody2@acme.example'), name)
  t.not(await of('nobody@acme.example', other.userPoolId), name)
  t.equal(await of(EMAIL), ADA)
  t.equal(await of('Ada@Acme.example'), ADA)
  t.match(await of('bob@acme.example'), UUID, 'who may not sign in by an attribute is nobody there')
  const line = gateway.take().at(-1)
  t.match(line, { action: 'pre-login', outcome: 'refused', reason: 'attribute_match_only' }, 'the line says who it was')
  const accepting = await newTenant({ acceptAttributeMatch: true })
  t.equal(await of('bob@acme.example', accepting.userPoolId), 'bob-1')
})

t.test('both calls are made for everybody', async (t) => {
  const { userPoolId } = await newTenant()
  for (const identifier of [EMAIL, ADA, 'nobody@acme.example', 'nobody']) {
    const since = cognito.calls.length
    await preLogin(userPoolId, identifier)
    t.strictSame(operationsOf(since).sort(), ['AdminGetUser', 'ListUsers'], identifier)
  }
})

/** Of two samples, how likely so great a difference of their ranks is by chance (Mann–Whitney, normal approximation). */
function pValue(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((ms) => ({ ms, first: true })), ...other.map((ms) => ({ ms, first: false }))]
  all.sort((a, b) => a.ms - b.ms)
  let [ranks, ties] = [0, 0]
  for (let start = 0; start < all.length; ) {
    let end = start
    while (all[end]?.ms === all[start]?.ms) end += 1
    const rank = (start + end + 1) / 2
    for (let at = start; at < end; at += 1) if (all[at]?.first) ranks += rank
    ties += (end - start) ** 3 - (end - start)
    start = end
  }
  const [n, m] = [one.length, other.length]
  const u = ranks - (n * (n + 1)) / 2
  const spread = Math.sqrt(((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
  return erfc(Math.abs(u - (n * m) / 2) / spread / Math.SQRT2)
}
/** Abramowitz and Stegun 7.1.26: to 1.5e-7. */
function erfc(x: number): number {
  const k = 1 / (1 + 0.3275911 * x)
  const series = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429]
  return series.reduceRight((sum, term) => (sum + term) * k, 0) * Math.exp(-x * x)
}

t.test('over 2,000 pairs, neither the calls nor the time tells who has an account', async (t) => {
  const PAIRS = 2_000
  const { userPoolId } = await newTenant()
  await preLogin(userPoolId, EMAIL)
  let seed = 20_261_130
  /** The next of a fixed series between 0 and 1 (mulberry32). */
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  // As a dependency's times are: most short, a few long. Each call has its own.
  const waits: Record<string, number[]> = { AdminGetUser: [], ListUsers: [] }
  const draw = (operation: string) => {
    const ms = Math.ceil(20 - 30 * Math.log(1 - next()))
    waits[operation]?.push(ms)
    return ms
  }
  await cognito.setFault({ kind: 'chosen', of: ({ operation }) => ({ kind: 'slow', ms: draw(operation) }) })
  const times = { known: [] as number[], unknown: [] as number[] }
  const calls = { known: 0, unknown: 0 }
  for (let pair = 0; pair < PAIRS; pair += 1) {
    for (const who of next() < 0.5 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)) {
      const [begun, since] = [clock.elapsed(), cognito.calls.length]
      const { body } = await preLogin(userPoolId, who === 'known' ? EMAIL : `nobody-${pair}@acme.example`)
      assert.match(String(body.identifier), UUID)
      times[who].push(clock.elapsed() - begun)
      calls[who] += cognito.calls.length - since
      // As far apart as the tenant's limit of searches lets them come.
      clock.advance(40)
    }
  }
  await cognito.setFault(undefined)
  t.strictSame(calls, { known: 2 * PAIRS, unknown: 2 * PAIRS })
  const p = pValue(times.known, times.unknown)
  t.comment(`p = ${p.toFixed(4)} over ${PAIRS} pairs (Mann–Whitney)`)
  t.ok(p > 0.01, `p = ${p}`)
  const oneAfterTheOther = (waits.AdminGetUser ?? []).map((ms, at) => ms + (waits.ListUsers?.[at] ?? 0))
  t.ok(pValue(times.known, oneAfterTheOther.slice(0, PAIRS)) < 1e-6, 'a second call after the first would show')
})

import t from 'tap'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { looksAt, mostInAnHour } from '../../fixtures/oncall/looks.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, type Effect, type Event } from '../../fixtures/oncall/traffic.js'

const worldOf = (minutes: number, tenants = 12) => createWorld(createRandom(17), tenants, minutes)
const DOWN: Effect = {
  outcome: 'incorrect',
  reason: 'backend_unavailable',
  failed: 'corbado',
  operation: 'verifySignedData',
  status: 503,
}
const downWhile = (is: (minute: number) => boolean) => ({
  effect: ({ step, minute }: Event) => (step === 'verify-auth-challenge-response' && is(minute) ? DOWN : undefined),
})
const wordsOf = (told: ReturnType<typeof looksAt>) =>
  told.map(({ minute, what, health, tenants }) => `${minute} ${health} ${what} of ${tenants.length}`)

t.test('where nothing is wrong, nothing is told', async (t) => {
  t.strictSame(wordsOf(looksAt(worldOf(720), 18, {}, 5)), [])
})

t.test('an outage of all is told once, with all that have it, and once when it is over', async (t) => {
  const told = looksAt(
    worldOf(360),
    18,
    downWhile((minute) => minute >= 200 && minute < 240),
    5,
  )
  t.ok(told.length >= 2 && told.length <= 3, wordsOf(told).join('; '))
  t.match(told[0], { health: 'failing', everywhere: true })
  t.ok((told[0]?.minute ?? 0) <= 210 && (told[0]?.tenants.length ?? 0) > 8)
  t.match(told.at(-1), { health: 'recovered' })
  // A few good lines of each tenant, and a quarter of an hour without it.
  t.ok((told.at(-1)?.minute ?? 999) <= 265, wordsOf(told).join('; '))
})

t.test('a dependency that swings is told at most four times an hour', async (t) => {
  for (const [on, off] of [
    [3, 4],
    [10, 20],
  ] as const) {
    const swings = (minute: number) => minute >= 150 && minute < 400 && (minute - 150) % (on + off) < on
    const told = looksAt(worldOf(420), 18, downWhile(swings), 5)
    t.ok(told.length > 0 && mostInAnHour(told) <= 4, wordsOf(told).join('; '))
  }
})

t.test('the silence of a tenant of a hundred logins an hour is told within half an hour', async (t) => {
  for (const seed of [3, 5, 7]) {
    const world = createWorld(createRandom(seed), 12, 420)
    const [tenant] = world.tenants
    if (!tenant) continue
    Object.assign(tenant, { rate: 100 / 60 })
    const silent = { traffic: (one: typeof tenant, minute: number) => (one === tenant && minute >= 370 ? 0 : 1) }
    const told = looksAt(world, seed, silent, 5)
    t.match(told, [{ health: 'silent', tenants: [tenant.tenantId] }], wordsOf(told).join('; '))
    t.ok((told[0]?.minute ?? 999) <= 400, wordsOf(told).join('; '))
  }
})

t.test('the silence of the whole service is told within five minutes', async (t) => {
  const told = looksAt(worldOf(300), 18, { traffic: (_, minute) => (minute >= 240 ? 0 : 1) }, 1)
  t.match(told[0], { health: 'silent', everywhere: true })
  t.ok((told[0]?.minute ?? 999) <= 245, wordsOf(told).join('; '))
})

t.test('a tenant whose key was revoked is one notice, of that tenant', async (t) => {
  const random = createRandom(3)
  const world = createWorld(random, 12, 300)
  const { incident, tenant, onset } = (KINDS['key revoked by Corbado'] as (typeof KINDS)[string])(world, random)
  const [first, ...more] = looksAt(world, 4, incident, 5)
  t.match(first, { health: 'failing', tenants: [tenant], reason: 'backend_unauthorized' })
  t.ok((first?.minute ?? 999) - onset <= 30, `${first?.minute} after ${onset}`)
  t.ok(more.every(({ health }) => health === 'recovered'))
})

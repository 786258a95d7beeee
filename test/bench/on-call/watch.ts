/**
 * Runs `watch` over days of generated lines, a look every five minutes, and counts what it says. Hours for all tenants:
 *
 *     npm run bench:watch -- --tenants 200 --days 7      minutes
 *     npm run bench:watch -- --tenants 10000 --days 7    a night
 */
import { parseArgs } from 'node:util'
import { looksAt, mostInAnHour } from '../../fixtures/oncall/looks.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, type Event, type Incident } from '../../fixtures/oncall/traffic.js'

const SEED = 15_485_863
const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '200' },
    days: { type: 'string', default: '7' },
    traffic: { type: 'string', default: '0.3' },
  },
})
const tenants = Number(values.tenants)
const minutes = Math.round(Number(values.days) * 1_440)
const usual = Number(values.traffic)
const worldOf = (length: number) => createWorld(createRandom(SEED), tenants, length)
const DOWN = { outcome: 'incorrect', reason: 'backend_unavailable', failed: 'corbado', status: 503 } as const
const down = (is: (minute: number) => boolean): Incident => ({
  traffic: () => usual,
  effect: ({ step, minute }: Event) => (step === 'verify-auth-challenge-response' && is(minute) ? DOWN : undefined),
})

const started = performance.now()
const clean = looksAt(worldOf(minutes), SEED, { traffic: () => usual }, 5)
for (const { minute, health, what, tenants } of clean)
  console.log(`false: minute ${minute} ${health} ${what} of ${tenants.join(', ').slice(0, 100)}`)
const outage = looksAt(
  worldOf(600),
  SEED,
  down((minute) => minute >= 400 && minute < 460),
  5,
)
const swings = looksAt(
  worldOf(720),
  SEED,
  down((minute) => minute >= 300 && minute % 30 < 10),
  5,
)
const silent = looksAt(worldOf(500), SEED, { traffic: (_, minute) => (minute < 480 ? usual : 0) }, 1)
const hundred = worldOf(600)
const [one] = hundred.tenants
if (one) Object.assign(one, { rate: 100 / 60 })
const quiet = looksAt(
  hundred,
  SEED,
  { traffic: (tenant, minute) => (tenant !== one ? usual : minute < 540 ? 1 : 0) },
  5,
).find(({ health, tenants }) => health === 'silent' && tenants.includes(one?.tenantId ?? ''))
const after = (minute: number | undefined, onset: number) => (minute === undefined ? 'never' : `${minute - onset} min`)
const rows = [
  [`false notices in ${values.days} days of ${tenants} tenants`, clean.length, '≤ 1 a week of 10,000'],
  ['notices for an outage of all', outage.length, '≤ 3'],
  ['notices an hour of a dependency that swings', mostInAnHour(swings), '≤ 4'],
  ['silence of a tenant of 100 logins an hour told after', after(quiet?.minute, 540), '≤ 30 min'],
  [
    'silence of the whole service told after',
    after(silent.find(({ everywhere }) => everywhere)?.minute, 480),
    '≤ 5 min',
  ],
]
console.log(['| what | measured | reach |', '|---|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n'))
console.log(`in ${((performance.now() - started) / 1_000).toFixed(0)} s`)

import { createHash } from 'node:crypto'
import t from 'tap'
import { diagnose } from '../../../src/operator/causes/diagnose.js'
import { createEvidence } from '../../../src/operator/causes/evidence.js'
import { findCauses } from '../../../src/operator/causes/find.js'
import { createFold, foldLine, ownerOf } from '../../../src/operator/causes/fold.js'
import { type Fields, lineOf } from '../../../src/operator/lines/line.js'
import { reportFacts } from '../../../src/operator/report/facts.js'
import { html } from '../../../src/operator/report/markup.js'
import { reportPage } from '../../../src/operator/report/page.js'
import { createTally, quantileOf, tallyLine } from '../../../src/operator/report/tally.js'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate, type Incident, START, type World } from '../../fixtures/oncall/traffic.js'

function linesOf(world: World, incident: Incident): Fields[] {
  const lines: Fields[] = []
  generate(world, 4, incident, (_, fields) => lines.push(fields))
  return lines
}

function factsOf(lines: readonly Fields[], only?: string) {
  const fold = createFold()
  const tally = createTally()
  const read = lines.flatMap((fields) => lineOf(fields) ?? [])
  for (const line of read) {
    foldLine(fold, line)
    if (only === undefined || ownerOf(line) === only) tallyLine(tally, line)
  }
  const diagnoses = findCauses(fold, only).map((finding) => {
    const evidence = createEvidence(finding)
    for (const line of read) evidence.look(line)
    return diagnose(fold, finding, evidence.end())
  })
  return reportFacts({ made: START, tenant: only, fold, tally, others: 0, diagnoses, left: 0 })
}

const random = createRandom(3)
const world = createWorld(random, 12, 200)
const planted = (KINDS['wrong project applied'] as (typeof KINDS)[string])(world, random)
const hit = planted.tenant ?? ''
const silenced = world.tenants.find(({ tenantId, rate }) => tenantId !== hit && rate > 3)?.tenantId
const incident: Incident = {
  ...planted.incident,
  traffic: (tenant, minute) => (tenant.tenantId === silenced && minute > 120 ? 0 : 1),
  begin: (minute, world) => {
    planted.incident.begin?.(minute, world)
    if (minute === 90) world.release = '1.5.0'
  },
}
const lines = linesOf(world, incident)
const facts = factsOf(lines)
const page = reportPage(facts)

t.test('the page can load, send and run nothing, and has its style by its hash', async (t) => {
  const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? ''
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  t.equal(policy, `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`)
  t.ok(page.indexOf('Content-Security-Policy') < page.indexOf('<style>'), 'the policy comes first')
  t.notMatch(page, /<(script|img|link|iframe|object|embed|form|base|video|audio)\b/)
  t.notMatch(page, /\sstyle="|\son\w+=|url\(|@import|\bsrc=|https?:|\/\/\w/)
  for (const [, to] of page.matchAll(/\shref="([^"]*)"/g)) t.match(to, /^#[\w-]+$/)
})

t.test('every link has its place, every region a name, every chart a title, and every figure a table', async (t) => {
  const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, ids.length)
  for (const [, to = ''] of page.matchAll(/\shref="#([^"]*)"/g)) t.ok(ids.includes(to), to)
  for (const [, to = ''] of page.matchAll(/\saria-labelledby="([^"]*)"/g)) t.ok(ids.includes(to), to)
  const tables = page.match(/<table>/g)?.length ?? 0
  t.ok(tables >= 7, `${tables} tables`)
  t.equal(page.match(/role="region" aria-label="[^"]+" tabindex="0"><table><caption>/g)?.length, tables)
  const columns = facts.columns.length
  t.equal(page.match(/<rect class="tokens"[^>]*%"/g)?.length, columns)
  t.equal(page.slice(page.indexOf('id="figures"')).match(/<tr><td>/g)?.length, columns)
})

t.test('it says what broke and for whom, who is silent, what changed, and how often logins ended well', async (t) => {
  const tokens = lines.filter(({ outcome }) => outcome === 'tokens').length
  t.equal(facts.total.tokens, tokens)
  t.equal(
    facts.columns.reduce((sum, column) => sum + column.tokens, 0),
    tokens,
  )
  t.ok(facts.total.begun > tokens && tokens / facts.total.begun > 0.8)
  t.match(facts.incidents.map(({ what }) => what).join(), /wrong_project/)
  t.match(facts.silent, [{ tenant: silenced }])
  t.ok((facts.silent[0]?.expected ?? 0) >= 30)
  t.ok(facts.changes.some(({ what, version }) => what === 'release' && version === '1.5.0'))
  t.ok(facts.changes.some(({ what, tenant }) => what === 'config' && tenant === hit))
  t.notOk(
    facts.changes.some(({ tenant }) => tenant !== undefined && tenant !== hit),
    'a first version is no change',
  )
  t.match(
    facts.health.map(({ to, whom }) => `${whom} ${to}`),
    [/./],
  )
  t.ok(facts.dependencies.every(({ p50, p95, p99, maxMs }) => p50 <= p95 && p95 <= p99 && p99 <= maxMs))
})

t.test('a login counts once, however often it tried, and not again if a container told it twice', async (t) => {
  const at = (second: number, more: object) => ({
    time: new Date(START + second * 1_000).toISOString(),
    tenantId: 'acme',
    ...more,
  })
  const verify = { trigger: 'verify-auth-challenge-response' }
  const create = { trigger: 'create-auth-challenge', outcome: 'created' }
  const facts = factsOf([
    at(1, create),
    at(2, { ...verify, outcome: 'incorrect', reason: 'expired' }),
    at(3, create),
    at(4, { ...verify, outcome: 'correct', reason: 'verified', attempt: 2 }),
    at(5, { ...verify, outcome: 'correct', reason: 'verified', attempt: 2, remembered: true }),
    at(6, { trigger: 'define-auth-challenge', outcome: 'tokens' }),
    at(6, { trigger: 'define-auth-challenge', outcome: 'forwarded', door: 'forwarder' }),
    at(7, { action: 'pre-login', outcome: 'refused', reason: 'sts_denied' }),
  ])
  t.match(facts.total, { begun: 2, tokens: 1, broken: 1 })
  t.match(facts.worst, [{ tenant: 'acme', begun: 2, tokens: 1, broken: 1 }])
})

t.test('every login that a remembered failure of the secret ended is counted', async (t) => {
  const failed = (second: number, more: object = {}) => ({
    time: new Date(START + second * 1_000).toISOString(),
    tenantId: 'acme',
    trigger: 'verify-auth-challenge-response',
    outcome: 'incorrect',
    reason: 'secret_missing',
    failed: 'ssm',
    ...more,
  })
  const facts = factsOf([failed(1), failed(2, { remembered: true }), failed(3, { remembered: true })])
  t.match(facts.total, { broken: 3 })
  t.match(facts.reasons, [{ reason: 'secret_missing', lines: 3 }])
})

t.test('how long calls took is told to a tenth', async (t) => {
  const tally = createTally()
  for (let ms = 1; ms <= 1_000; ms += 1) {
    const line = lineOf({ time: new Date(START).toISOString(), outcome: 'correct', upstream: { corbado: ms } })
    if (line) tallyLine(tally, line)
  }
  const corbado = tally.dependencies.get('corbado')
  t.ok(corbado)
  for (const share of [0.5, 0.95, 0.99]) {
    const told = corbado ? quantileOf(corbado, share) : 0
    t.ok(told >= share * 1_000 * 0.99 && told <= share * 1_000 * 1.2, `${share}: ${told}`)
  }
})

t.test('no user, no pseudonym and no id of a login or request is in it', async (t) => {
  const ids = new Set(lines.flatMap(({ user, flowId, requestId }) => [user, flowId, requestId]).map(String))
  t.ok(ids.size > 1_000)
  t.strictSame(
    [...ids].filter((id) => id !== 'undefined' && page.includes(id)),
    [],
  )
  t.notMatch(page, /\bu_[0-9a-f]/)
})

t.test('of one tenant, no other is named', async (t) => {
  const down = (KINDS['Corbado down'] as (typeof KINDS)[string])(world, random).incident
  const own = reportPage(factsOf(linesOf(world, down), 'tenant-004'))
  t.match(own, /tenant-004/)
  t.match(own, /of 12 tenants/, 'an incident of all says how many')
  t.notMatch(own, /tenant-(?!004)\d/)
})

t.test('what stands in a line is text, and never a tag', async (t) => {
  t.equal(
    html`<b title="${'"><i>'}">${'<script>&'}${['\u202e', 1]}${html`<br>`}</b>`.markup,
    '<b title="&quot;&gt;&lt;i&gt;">&lt;script&gt;&amp;\\u202e1<br></b>',
  )
  const evil = lines.map((fields, index) =>
    index % 3 === 0
      ? {
          ...fields,
          tenantId: '<script>alert(1)</script>',
          gatewayVersion: '"><img src=x>',
          upstream: { '<b>': 5, 'ada@example.com': 7 },
          upstreamErrorType: 'user ada@example.com',
        }
      : fields,
  )
  const shown = reportPage(factsOf(evil))
  t.notMatch(shown, /<script|<img|<b>|ada@/)
})

t.test('a day of a thousand tenants is under a megabyte, however much went wrong', async (t) => {
  const random = createRandom(5)
  const day = createWorld(random, 1_000, 1_440)
  const all = linesOf(day, {
    traffic: () => 0.006,
    begin: (minute) => {
      for (const tenant of day.tenants) if (random.chance(0.002)) tenant.configVersion += 1
      if (minute % 100 === 50) day.release = `1.5.${minute}`
    },
  })
  t.ok(new Set(all.map(({ tenantId }) => tenantId)).size > 900)
  const { incidents, ...of } = factsOf(all)
  t.strictSame(incidents, [], 'what changed harmed nobody')
  const [incident] = facts.incidents
  const many = Array.from({ length: 20 }, () => incident).flatMap((one) => one ?? [])
  t.equal(many.length, 20)
  const full = reportPage({ ...of, incidents: many })
  t.ok(of.changesLeft > 0 && of.worstLeft > 800)
  t.ok(Buffer.byteLength(full) < 1_000_000, `${Buffer.byteLength(full)} bytes`)
})

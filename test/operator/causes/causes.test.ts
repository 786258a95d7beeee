import t from 'tap'
import { wilson } from '../../../src/operator/causes/evidence.js'
import { findCauses } from '../../../src/operator/causes/find.js'
import { createFold, foldLine } from '../../../src/operator/causes/fold.js'
import { findInterval, higherShare, lowerRate } from '../../../src/operator/causes/interval.js'
import { add, createSeries, sumsOf } from '../../../src/operator/causes/series.js'
import { lineOf } from '../../../src/operator/lines/line.js'
import { HARMLESS, KINDS } from '../../fixtures/oncall/incidents.js'
import { blame, judge } from '../../fixtures/oncall/score.js'

/** Enough to tell every kind. */
const SMALL = { tenants: 12, minutes: 130 }
const START = Date.UTC(2026, 10, 30)
const fieldsAt = (minute: number, more: object = {}) => ({
  time: new Date(START + minute * 60_000).toISOString(),
  tenantId: 'acme',
  trigger: 'verify-auth-challenge-response',
  outcome: 'correct',
  reason: 'verified',
  ...more,
})
const foldOf = (lines: readonly object[]) => {
  const fold = createFold()
  for (const fields of lines) {
    const line = lineOf(fields)
    if (line) foldLine(fold, line)
  }
  return fold
}
const FAILED = { outcome: 'incorrect', reason: 'wrong_project' }

t.test('of no lines, or of lines that are all alike, nothing is said', async (t) => {
  t.strictSame(findCauses(createFold()), [])
  t.strictSame(findCauses(foldOf(Array.from({ length: 600 }, (_, i) => fieldsAt(i % 60)))), [])
  t.strictSame(
    findCauses(foldOf(Array.from({ length: 600 }, (_, i) => fieldsAt(i % 60, FAILED)))),
    [],
    'and what always was is no incident',
  )
})

t.test('an incident is named with its minutes, while it runs and when it is over', async (t) => {
  const lines = (to: number) =>
    Array.from({ length: 1_200 }, (_, i) => fieldsAt(i % 120, i % 120 >= 70 && i % 120 < to ? FAILED : {}))
  const [running] = findCauses(foldOf(lines(120)))
  t.match(running, {
    what: { kind: 'reason', cell: { reason: 'wrong_project' } },
    from: START / 60_000 + 70,
    ongoing: true,
    lost: 500,
  })
  const [over] = findCauses(foldOf(lines(90)))
  t.match(over, { from: START / 60_000 + 70, to: START / 60_000 + 90, ongoing: false, lost: 200 })
})

t.test('the order of lines, and who wrote a login twice, changes nothing', async (t) => {
  const lines = Array.from({ length: 1_200 }, (_, i) => fieldsAt(i % 120, i % 120 >= 70 ? FAILED : {}))
  const again = lines.flatMap((line) => [
    line,
    { ...line, remembered: true },
    { ...line, door: 'forwarder', outcome: 'forwarded', reason: undefined },
  ])
  t.strictSame(findCauses(foldOf([...again].reverse())), findCauses(foldOf(lines)))
})

t.test('a failure of a moment ago that answers other logins is counted with each of them', async (t) => {
  for (const reason of ['secret_missing', 'secret_malformed', 'secret_throttled', 'secret_wrong_project']) {
    const failed = (i: number) => ({
      outcome: 'incorrect',
      reason,
      failed: 'ssm',
      ...(i % 10 > 0 && { remembered: true }),
    })
    const lines = Array.from({ length: 1_200 }, (_, i) => fieldsAt(i % 120, i % 120 >= 70 ? failed(i) : {}))
    t.match(findCauses(foldOf(lines)), [{ inside: { k: 500, n: 500 }, lost: 500 }], reason)
  }
})

t.test('G is that of the likelihood ratio test, and one-sided', async (t) => {
  // 30 of 40 against 10 of 60: 2 Σ O ln(O/E) over the four cells.
  const cells = [
    [30, 16],
    [10, 24],
    [10, 24],
    [50, 36],
  ] as const
  const g = 2 * cells.reduce((sum, [observed, expected]) => sum + observed * Math.log(observed / expected), 0)
  t.ok(Math.abs(higherShare({ k: 30, n: 40 }, { k: 10, n: 60 }) - g) < 1e-9)
  t.equal(higherShare({ k: 10, n: 60 }, { k: 30, n: 40 }), 0)
  t.ok(lowerRate({ k: 0, n: 30 }, { k: 100, n: 100 }) > 40)
  t.equal(lowerRate({ k: 30, n: 30 }, { k: 100, n: 100 }), 0)
})

t.test('the bounds of a share are those of Wilson', async (t) => {
  // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
  for (const [k, n, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
  ] as const) {
    const bounds = wilson({ k, n })
    t.ok(
      Math.abs(bounds.low - low) < 5e-5 && Math.abs(bounds.high - high) < 5e-5,
      `${k} of ${n}: ${bounds.low} ${bounds.high}`,
    )
  }
})

t.test('an interval needs something normal before it', async (t) => {
  const bad = createSeries()
  const all = createSeries()
  for (let minute = 0; minute < 60; minute += 1) {
    add(all, minute, 10)
    if (minute < 20) add(bad, minute, 10)
  }
  const limits = { before: { k: 0, n: 5 }, inside: { k: 5, n: 5 } }
  const found = findInterval(sumsOf([bad], 0, 60), sumsOf([all], 0, 60), higherShare, limits)
  t.ok(found === undefined || found.from >= 1)
})

t.test('whoever fills lines with ever new values fills no memory, and hides nothing that comes before', async (t) => {
  const lines = Array.from({ length: 3_000 }, (_, i) =>
    fieldsAt(i % 120, {
      ...(i % 120 >= 70 ? FAILED : {}),
      ...(i > 1_200 && { upstreamErrorType: `E${i}`, configVersion: i, upstream: { [`d${i}`]: 1 } }),
    }),
  )
  const fold = foldOf(lines)
  const tenant = fold.tenants.get('acme')
  t.ok((tenant?.cells.size ?? 0) <= 501)
  t.ok((tenant?.configs.size ?? 0) <= 200 && (tenant?.calls.size ?? 0) <= 200)
  t.match(findCauses(fold)[0], { what: { kind: 'reason', cell: { reason: 'wrong_project' } } })
})

t.test('names that objects have of their own are tenants and values like any other', async (t) => {
  const odd = ['__proto__', 'constructor', 'toString', '']
  const fold = foldOf(
    odd.flatMap((tenantId) => Array.from({ length: 100 }, (_, i) => fieldsAt(i, { tenantId, clientId: tenantId }))),
  )
  t.strictSame([...fold.tenants.keys()].sort(), [...odd].sort())
  t.strictSame(findCauses(fold), [])
})

t.test('every kind of incident is named first, with who has to act', async (t) => {
  // One seed of each; the score over many is the benchmark's.
  const judged = Object.keys(KINDS).map((kind) => judge(kind, 7_919, SMALL))
  t.equal(judged.length, 28)
  for (const { kind, right, ownerRight, oddRight, said, advice, invented } of judged) {
    t.ok(right, `${kind}: ${said}`)
    t.ok(ownerRight, `who acts at ${kind}: ${said}`)
    t.not(oddRight, false, `the odd field of ${kind}: ${said}`)
    t.strictSame(invented, [], `what is said of ${kind} besides`)
    t.not(advice[0], '', `what to do at ${kind}`)
    t.strictSame(
      advice.filter((text) => /<tenant>|TENANT/.test(text)),
      [],
      `what can be typed at ${kind}`,
    )
  }
  const adviceAt = (kind: string) => judged.find((one) => one.kind === kind)?.advice ?? []
  t.match(adviceAt('address blocked'), [/^compare our egress addresses/])
  t.match(adviceAt('paused').at(-1), /tenants history tenant-\d/)
  t.match(adviceAt('bots'), [/AWS WAF/])
  t.match(adviceAt('permission missing'), [/^corbado-gateway doctor tenant-\d/], 'and nothing that it may be besides')
  t.ok(judged.filter(({ onsetRight }) => onsetRight).length >= 24, 'since when')
})

t.test(
  'what a tenant has of its own is told from its first minute, though an outage of all lies over it',
  async (t) => {
    for (const seed of [1, 2, 3, 4]) {
      const { onsetRight, said } = judge('an outage of all over one of its own', seed, { tenants: 12, minutes: 300 })
      t.ok(onsetRight, `${seed}: ${said}`)
    }
  },
)

t.test('nothing is blamed where nothing is wrong', async (t) => {
  for (const kind of Object.keys(HARMLESS)) t.strictSame(blame(kind, 104_729, SMALL), [], kind)
})

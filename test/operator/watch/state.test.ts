import t from 'tap'
import { Check } from 'typebox/value'
import type { Finding, What } from '../../../src/operator/causes/find.js'
import { createSeries } from '../../../src/operator/causes/series.js'
import { advance, EMPTY, type Notice, WatchState } from '../../../src/operator/watch/state.js'
import type { Reason } from '../../../src/reasons.js'

const START = Date.UTC(2026, 10, 30)
const MINUTE = 60_000
const reason = (reason: Reason, status = 503): What => ({
  kind: 'reason',
  key: reason,
  cell: {
    step: 'verify-auth-challenge-response',
    outcome: 'incorrect',
    reason,
    failed: 'corbado',
    operation: 'verifySignedData',
    status,
    errorType: undefined,
    series: createSeries(),
  },
})
const finding = (what: What, tenants: readonly string[], more: Partial<Finding> = {}): Finding => ({
  what,
  tenants,
  everywhere: false,
  of: 10,
  from: START / MINUTE,
  to: START / MINUTE + 10,
  ongoing: true,
  inside: { k: 90, n: 100 },
  outside: { k: 0, n: 1_000 },
  g: 200,
  lost: 90,
  folded: [],
  ...more,
})

/** Looks every so many minutes; what goes on at each is told by its minute. */
function play(minutes: number, goesOn: (minute: number) => readonly Finding[], every = 1) {
  let state = EMPTY
  const notices: (Notice & { minute: number })[] = []
  for (let minute = 0; minute < minutes; minute += every) {
    const next = advance(state, goesOn(minute), START + minute * MINUTE)
    state = next.state
    notices.push(...next.notices.map((notice) => ({ ...notice, minute })))
  }
  return { state, notices, said: notices.map(({ minute, was, health }) => `${minute} ${was} ${health}`) }
}
const during = (from: number, to: number, one: Finding) => (minute: number) =>
  minute >= from && minute < to ? [one] : []
const down = reason('backend_unavailable')
const own = finding(down, ['acme'])

t.test('what follows from a cause is not told beside it, nor while that is being found to be over', async (t) => {
  const exhausted = finding(reason('attempts_exhausted'), ['acme'], { from: START / MINUTE + 12 })
  const both = (minute: number) => [...during(10, 20, own)(minute), ...during(14, 30, exhausted)(minute)]
  t.strictSame(play(60, both).said, ['11 ok failing', '34 failing recovered'])
  const others = (minute: number) => [
    ...during(10, 20, own)(minute),
    ...during(14, 30, { ...exhausted, tenants: ['b'] })(minute),
  ]
  t.match(play(60, others).said, ['11 ok failing', /^15 ok/], 'of a tenant that the cause does not reach, it is told')
  const longer = (minute: number) => [...during(10, 20, own)(minute), ...during(14, 50, exhausted)(minute)]
  t.match(play(60, longer).said, ['11 ok failing', '34 failing recovered', /^35 ok/], 'and of what outlasts it')
  const later = { ...exhausted, from: START / MINUTE + 22 }
  const after = (minute: number) => [...during(10, 20, own)(minute), ...during(24, 30, later)(minute)]
  t.match(play(60, after).said, ['11 ok failing', /^25 ok/], 'and of what began when it was over')
})

t.test(
  'a cause is told when a second look confirms it, and when it has been over for a quarter of an hour',
  async (t) => {
    const { said, notices, state } = play(60, during(10, 20, own))
    t.strictSame(said, ['11 ok failing', '34 failing recovered'])
    t.match(notices[0], { tenants: ['acme'], first: START, reason: 'backend_unavailable', finding: own })
    t.match(notices[1], { tenants: ['acme'], last: START + 19 * MINUTE, finding: undefined })
    t.ok(Check(WatchState, JSON.parse(JSON.stringify(state))), 'and what is kept can be read again')
  },
)

t.test('what is seen once is chance, and neither told nor kept', async (t) => {
  const { said, state } = play(30, during(10, 11, own))
  t.strictSame(said, [])
  t.strictSame(state.causes, {})
})

t.test('what all have, and the silence of all, is told at once', async (t) => {
  t.strictSame(play(40, during(10, 15, finding(down, ['a', 'b', 'c'], { everywhere: true }))).said[0], '10 ok failing')
  const silent = finding({ kind: 'silent', by: 'hour' }, [], { everywhere: true })
  t.strictSame(play(40, during(10, 15, silent)).said, ['10 ok silent', '29 silent recovered'])
})

t.test('it gets worse at once, and not better until it is over', async (t) => {
  const half = finding(down, ['acme'], { inside: { k: 20, n: 100 } })
  const { said } = play(60, (minute) => (minute < 20 || minute >= 30 ? [half] : [own]))
  t.strictSame(said, ['1 ok degraded', '20 degraded failing'])
})

t.test('ten thousand tenants that fall one after another are a few notices of one cause', async (t) => {
  const { notices } = play(120, (minute) => [
    finding(
      down,
      Array.from({ length: Math.min(10_000, 3 ** Math.floor(minute / 8)) }, (_, i) => `tenant-${i}`),
      { everywhere: minute >= 30 },
    ),
  ])
  t.ok(notices.length <= 5, `${notices.length} notices`)
  t.match(notices.at(-1), { everywhere: true })
  const apart = play(20, () => [finding(down, ['a']), finding(down, ['b']), finding(reason('expired'), ['c'])])
  t.strictSame(
    apart.notices.map(({ tenants }) => tenants),
    [['a', 'b'], ['c']],
  )
})

t.test('a cause that swings is told at most four times in any hour', async (t) => {
  for (const [on, off] of [
    [1, 1],
    [3, 4],
    [2, 14],
    [2, 16],
    [5, 17],
    [20, 20],
    [1, 31],
    [30, 61],
  ] as const)
    for (const every of [1, 5]) {
      const { notices } = play(24 * 60, (minute) => (minute % (on + off) < on ? [own] : []), every)
      const most = Math.max(
        ...notices.map(
          ({ minute }) => notices.filter((one) => one.minute >= minute && one.minute < minute + 60).length,
        ),
        0,
      )
      t.ok(most <= 4, `${on} on, ${off} off, every ${every}: ${most}`)
    }
})

t.test('a tenant that recovers while others do not is no notice, and its state says so', async (t) => {
  const { said, state } = play(60, (minute) => [finding(down, minute < 10 ? ['a', 'b'] : ['a'])])
  t.strictSame(said, ['1 ok failing'])
  t.match(Object.values(state.causes)[0]?.tenants, { a: { health: 'failing' }, b: { health: 'recovered' } })
})

t.test(
  'names that objects have of their own are tenants like any other, and ever new causes fill no state',
  async (t) => {
    const odd = ['constructor', 'toString', 'hasOwnProperty']
    t.strictSame(play(3, () => [finding(down, odd)]).notices[0]?.tenants, odd)
    const many = Array.from({ length: 3_000 }, (_, i) => finding({ kind: 'client', clientId: `c${i}` }, ['a']))
    t.equal(Object.keys(play(3, () => many).state.causes).length, 1_000)
  },
)

t.test('looking again at the same changes nothing, and the state that was given stays as it was', async (t) => {
  const { state } = play(5, () => [own])
  const before = structuredClone(state)
  t.strictSame(advance(state, [own], state.at + MINUTE).notices, [])
  t.strictSame(state, before)
})

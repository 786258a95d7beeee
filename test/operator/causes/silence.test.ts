import t from 'tap'
import { diagnose } from '../../../src/operator/causes/diagnose.js'
import { findAll } from '../../../src/operator/causes/faults.js'
import { findCauses } from '../../../src/operator/causes/find.js'
import { createFold, foldLine } from '../../../src/operator/causes/fold.js'
import { lineOf } from '../../../src/operator/lines/line.js'

const START = Date.UTC(2026, 10, 2)
const HOUR = 60
const DAY = 24 * HOUR
const minuteOf = (minute: number) => START / 60_000 + minute
const timeOf = (minute: number) => START + minute * 60_000

/** Steps of logins, as many in a minute as `rate` says; a part of one comes every so many minutes. */
function foldOf(minutes: number, tenants: Record<string, (minute: number) => number>, steps = ['pre-login found']) {
  const fold = createFold()
  for (const [tenantId, rate] of Object.entries(tenants)) {
    let left = 0
    for (let minute = 0; minute < minutes; minute += 1)
      for (left += rate(minute); left >= 1; left -= 1)
        for (const step of steps) {
          const [name = '', outcome, clientId] = step.split(' ')
          const which = name === 'pre-login' ? { action: name } : { trigger: name }
          const line = lineOf({ time: new Date(timeOf(minute)).toISOString(), tenantId, ...which, outcome, clientId })
          if (line) foldLine(fold, line)
        }
  }
  return fold
}

const except = (rate: number, from: number, to: number) => (minute: number) =>
  minute >= from && minute < to ? 0 : rate
const always = (rate: number) => () => rate
const others = (count: number, rate: (minute: number) => number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`other-${index}`, rate]))
const NOBODY = { users: 0, odd: [], lateMs: [], samples: [] }

t.test('a tenant alone in the lines is silent by its own days before, and since when', async (t) => {
  const fold = foldOf(2 * DAY, { acme: except(2, DAY + 600, DAY + 640) })
  const [found, ...more] = findCauses(fold)
  t.match(found, {
    what: { kind: 'silent', by: 'day' },
    tenants: ['acme'],
    everywhere: false,
    from: minuteOf(DAY + 600),
    to: minuteOf(DAY + 640),
    lost: 80,
  })
  t.strictSame(more, [])
  if (!found) return
  const { cause, owner, confidence } = diagnose(fold, found, NOBODY)
  t.match(cause, /had some at this time on the days before/)
  t.equal(owner, 'customer')
  t.equal(confidence, 'medium')
})

t.test('a night in which it never has lines is no silence, once a day before it was read', async (t) => {
  const office = (minute: number) => (minute % DAY >= 8 * HOUR && minute % DAY < 18 * HOUR ? 2 : 0)
  t.strictSame(
    findCauses(foldOf(4 * DAY, { acme: office })).filter(({ from }) => from >= minuteOf(DAY + 12 * HOUR)),
    [],
  )
  const [first] = findCauses(foldOf(DAY, { acme: office }), undefined, timeOf(DAY))
  t.match(first?.what, { by: 'hour' }, 'on the first it cannot know')
  t.equal(first && diagnose(createFold(), first, NOBODY).confidence, 'low', 'and says so')
})

t.test('what is silent to the end is seen only if the end is known', async (t) => {
  const fold = foldOf(10 * HOUR, { acme: except(2, 500, 10 * HOUR) })
  t.strictSame(findCauses(fold), [], 'an old file says nothing of what came after it')
  t.match(findCauses(fold, 'acme', timeOf(540)), [{ from: minuteOf(500), to: minuteOf(540), ongoing: true, lost: 80 }])
  t.strictSame(findCauses(fold, 'acme', timeOf(514)), [], 'and not before thirty would have come')
})

t.test('the window grows with how seldom lines come, and never under thirty expected', async (t) => {
  const seldom = (gap: number) => foldOf(3 * DAY, { acme: except(10 / HOUR, 2 * DAY, 2 * DAY + gap) })
  t.strictSame(findCauses(seldom(2.8 * HOUR)), [])
  t.match(findCauses(seldom(3.5 * HOUR)), [{ what: { kind: 'silent', by: 'day' } }])
})

t.test('among others, its share tells: what the night does to all is nobody silent', async (t) => {
  const curve = (minute: number) => (minute % DAY < 6 * HOUR ? 0.5 : 3)
  t.strictSame(findCauses(foldOf(2 * DAY, { acme: curve, ...others(6, curve) })), [])
  const cut = (minute: number) => (minute >= DAY + 500 && minute < DAY + 560 ? 0 : curve(minute))
  t.match(findCauses(foldOf(2 * DAY, { acme: cut, ...others(6, curve) })), [
    { what: { kind: 'silent', by: 'share' }, tenants: ['acme'], from: minuteOf(DAY + 500), to: minuteOf(DAY + 560) },
  ])
})

t.test('all at once are one silence of the service, and none of each tenant', async (t) => {
  for (const count of [2, 6]) {
    const fold = foldOf(6 * HOUR, others(count, except(8, 300, 304)))
    const [found, ...more] = findCauses(fold)
    t.match(found, { what: { kind: 'silent' }, everywhere: true, tenants: [], from: minuteOf(300), to: minuteOf(304) })
    t.strictSame(more, [])
    t.match(found && diagnose(fold, found, NOBODY), { owner: 'us', cause: /^No line of any tenant/ })
  }
  const open = foldOf(5 * HOUR, others(6, except(8, 296, 300)))
  t.match(findCauses(open, undefined, timeOf(300)), [{ everywhere: true, ongoing: true }])
})

t.test('the silence of the whole service comes first while it lasts, with one number of what is missing', async (t) => {
  // Traffic that falls off, so that the mean of the hour before is not the steady rate.
  const falling = (minute: number) => (minute >= 340 ? 0 : minute < 255 ? 40 : 20)
  const fold = foldOf(6 * HOUR, others(6, falling))
  for (let minute = 0; minute < 340; minute += 1)
    for (let count = 0; count < 5; count += 1) {
      const reason = minute < 200 ? undefined : 'sts_denied'
      const outcome = reason === undefined ? 'found' : 'refused'
      const fields = { time: new Date(timeOf(minute)).toISOString(), tenantId: 'acme', action: 'pre-login' }
      const line = lineOf({ ...fields, outcome, reason })
      if (line) foldLine(fold, line)
    }
  const [first, ...more] = findAll(fold, { until: timeOf(400) })
  t.match(first, { what: { kind: 'silent', by: 'hour' }, everywhere: true, ongoing: true, outside: { k: first?.lost } })
  t.match(more, [{ what: { cell: { reason: 'sts_denied' } } }])
})

t.test('a tenant that was silent before all were is not back with them', async (t) => {
  const cut = (minute: number) => (minute >= 400 ? 0 : 8)
  const fold = foldOf(400, { acme: except(8, 330, 400), ...others(6, cut) })
  const found = findCauses(fold, 'acme', timeOf(430))
  t.match(
    found.find(({ tenants }) => tenants.includes('acme')),
    { what: { kind: 'silent', by: 'share' }, from: minuteOf(330), to: minuteOf(430), ongoing: true },
  )
})

t.test('a burst tells no rate: what a demo or a test filled is not missing after it', async (t) => {
  const burst = (at: number) => (minute: number) => (minute === at || minute === at + 1 ? 33 : 0)
  t.strictSame(findCauses(foldOf(2, { acme: burst(0), globex: burst(0) }), undefined, timeOf(40)), [])
  t.strictSame(findCauses(foldOf(2, { acme: burst(0) }), 'acme', timeOf(40)), [])
  const late = (minute: number) => burst(20)(minute) + (minute === 0 || minute === 59 ? 1 : 0)
  t.strictSame(findCauses(foldOf(60, { acme: late, globex: late }), undefined, timeOf(130)), [])
  t.strictSame(findCauses(foldOf(20, { acme: always(9) }), 'acme', timeOf(30)), [], 'nor do twenty minutes')
})

t.test('one minute without a line is none, nor one that is not over', async (t) => {
  t.strictSame(findCauses(foldOf(6 * HOUR, others(6, except(40, 300, 301)))), [])
  const fold = foldOf(6 * HOUR, others(6, always(40)))
  t.strictSame(findCauses(fold, undefined, timeOf(6 * HOUR + 1.9)), [])
})

t.test('one app client, or one step, is silent within a tenant that goes on', async (t) => {
  const define = (client: string) => `define-auth-challenge challenge ${client}`
  const both = foldOf(5 * HOUR, { acme: always(1) }, [define('web'), define('app')])
  t.strictSame(findCauses(both), [])
  const lost = createFold()
  const halted = createFold()
  for (let minute = 0; minute < 5 * HOUR; minute += 1)
    for (const [clientId, from, to] of [
      ['web', 0, 5 * HOUR],
      ['app', 0, 200],
    ] as const) {
      const fields = { time: new Date(timeOf(minute)).toISOString(), tenantId: 'acme', clientId }
      const defined = lineOf({ ...fields, trigger: 'define-auth-challenge', outcome: 'challenge' })
      const created = lineOf({ ...fields, trigger: 'create-auth-challenge', outcome: 'created' })
      if (defined) foldLine(halted, defined)
      if (created && minute < 200) foldLine(halted, created)
      if (defined && minute >= from && minute < to) foldLine(lost, defined)
    }
  t.match(findCauses(lost), [{ what: { kind: 'client', clientId: 'app' }, from: minuteOf(200), ongoing: true }])
  t.match(findCauses(halted), [{ what: { kind: 'missing', step: 'create' }, from: minuteOf(200), ongoing: true }])
})

import t from 'tap'
import { diagnose } from '../../../src/operator/causes/diagnose.js'
import { failedOf, findAll } from '../../../src/operator/causes/faults.js'
import { createFold, foldLine, minuteOf } from '../../../src/operator/causes/fold.js'
import { lineOf } from '../../../src/operator/lines/line.js'

const START = Date.UTC(2026, 10, 30)
const NOBODY = { users: 0, odd: [], lateMs: [], samples: [] }
const fieldsAt = (seconds: number, more: object = {}) => ({
  time: new Date(START + seconds * 1_000).toISOString(),
  tenantId: 'acme',
  trigger: 'verify-auth-challenge-response',
  outcome: 'correct',
  reason: 'verified',
  ...more,
})
const DENIED = { outcome: 'incorrect', reason: 'backend_unauthorized', failed: 'corbado', upstreamStatus: 401 }
const TABLE = { action: 'pre-login', trigger: undefined, outcome: 'fault', reason: 'table_denied' }
const foldOf = (lines: readonly object[]) => {
  const fold = createFold()
  for (const fields of lines) {
    const line = lineOf(fields)
    if (line) foldLine(fold, line)
  }
  return fold
}
const times = <T>(count: number, make: (index: number) => T) => Array.from({ length: count }, (_, i) => make(i))
/** Sound lines of another tenant, so that there are enough to tell what is usual. */
const others = times(80, (i) => fieldsAt(i, { tenantId: 'globex' }))

t.test('a user who fails, and one fault among many lines, are no incident', async (t) => {
  const expired = times(9, (i) => fieldsAt(i, { outcome: 'incorrect', reason: 'expired' }))
  t.strictSame(findAll(foldOf([...others, ...expired])), [])
  t.strictSame(findAll(foldOf([...others, fieldsAt(5, DENIED)])), [])
  t.strictSame(failedOf(foldOf([...others, ...expired, fieldsAt(5, DENIED)]), undefined), [
    { step: 'verify-auth-challenge-response', reason: 'backend_unauthorized', lines: 1, of: 90 },
    { step: 'verify-auth-challenge-response', reason: 'expired', lines: 9, of: 90 },
  ])
})

t.test('nine of nine that fail are told, though nothing is known of before', async (t) => {
  const fold = foldOf([...others, ...times(9, (i) => fieldsAt(100 + i, DENIED))])
  for (const only of [undefined, 'acme']) {
    const [found, ...more] = findAll(fold, { only })
    t.match(found, { plain: true, tenants: ['acme'], inside: { k: 9, n: 9 }, outside: { n: 0 }, ongoing: true })
    t.strictSame(more, [])
    const said = found && diagnose(fold, found, NOBODY)
    t.match(said, { owner: 'operator', fix: 'corbado-gateway secret set acme', confidence: 'medium' })
    t.ok((said?.alike.length ?? 0) > 1, 'what nothing of before tells apart is named beside it')
  }
  const [before] = findAll(foldOf([...others, fieldsAt(1), ...times(9, (i) => fieldsAt(100 + i, DENIED))]), {
    only: 'acme',
  })
  t.match(before, { inside: { k: 9, n: 9 }, outside: { k: 0, n: 1 } })
})

t.test('a secret with which a proof was right in the same minute is no wrong one', async (t) => {
  const causeOf = (before: readonly object[]) => {
    const failing = times(9, (i) => fieldsAt(110 + i, { ...DENIED, secretVersion: 1 }))
    const fold = foldOf([...others, ...before, ...failing])
    const [found] = findAll(fold, { only: 'acme' })
    return found && diagnose(fold, found, NOBODY)
  }
  t.match(causeOf([fieldsAt(100, { secretVersion: 1 })]), { cause: /^Corbado took the key back/, owner: 'Corbado' })
  t.match(causeOf([fieldsAt(100, { secretVersion: 2 })]), { cause: /^A wrong secret was stored/, owner: 'operator' })
  const mended = [fieldsAt(100, { secretVersion: 2 }), fieldsAt(200, { secretVersion: 1 })]
  t.match(causeOf(mended), { cause: /^A wrong secret was stored/, owner: 'operator' }, 'it was right only afterwards')
})

t.test('what rings an alarm at one line is told at one, and any fault among very few lines', async (t) => {
  const denied = times(3, (i) => fieldsAt(200 + i, TABLE))
  t.match(findAll(foldOf([...others, ...denied])), [{ what: { cell: { reason: 'table_denied' } }, inside: { k: 3 } }])
  const limited = { outcome: 'incorrect', reason: 'backend_rate_limited' }
  t.strictSame(findAll(foldOf([...others, fieldsAt(9, limited)])), [])
  t.match(findAll(foldOf([fieldsAt(1), fieldsAt(9, limited)])), [
    { what: { cell: { reason: 'backend_rate_limited' } } },
  ])
  const some = foldOf([fieldsAt(1), fieldsAt(9, limited)])
  t.match(diagnose(some, findAll(some)[0] as never, NOBODY), { confidence: 'low', owner: 'us' })
})

t.test('several tenants with one reason, and several steps of it, are one', async (t) => {
  const lines = ['a', 'b', 'c'].flatMap((tenantId) => [
    ...times(6, (i) => fieldsAt(i, { ...TABLE, tenantId })),
    ...times(5, (i) => fieldsAt(i, { tenantId, outcome: 'fault', reason: 'table_denied' })),
  ])
  t.match(findAll(foldOf(lines)), [{ everywhere: true, tenants: ['a', 'b', 'c'], inside: { k: 18, n: 18 } }])
})

t.test('who asks every few minutes is told too, while it goes on', async (t) => {
  const lines = [...others, ...times(9, (i) => fieldsAt(300 + i, DENIED))]
  const look = (minutes: number, more: readonly object[] = []) =>
    findAll(foldOf([...lines, ...more]), { until: START + minutes * 60_000, open: true })
  t.match(look(7), [{ what: { cell: { reason: 'backend_unauthorized' } }, from: minuteOf(START) + 5 }])
  t.strictSame(look(7, [fieldsAt(370)]), [], 'a login that succeeds ends it')
  t.strictSame(look(40), [], 'and so does a quarter of an hour without one')
})

import t from 'tap'
import { createBrokenFold } from '../../../src/operator/causes/broken.js'
import { diagnose } from '../../../src/operator/causes/diagnose.js'
import { findAll } from '../../../src/operator/causes/faults.js'
import { createFold, type Fold, foldLine, joinPools } from '../../../src/operator/causes/fold.js'
import { lineOf, parseLine } from '../../../src/operator/lines/line.js'

const START = Date.UTC(2026, 10, 30)
const NOTHING = { users: 0, odd: [], lateMs: [], samples: [] }

/** So many lines a minute, the first of each minute of a tenant. */
function foldOf(minutes: number, perMinute = 10): Fold {
  const fold = createFold()
  for (let i = 0; i < minutes * perMinute; i += 1) {
    const time = new Date(START + Math.floor((i * 60_000) / perMinute)).toISOString()
    const line = lineOf({ time, tenantId: 'acme', userPoolId: 'pool', action: 'pre-login', outcome: 'found' } as object)
    if (line) foldLine(fold, line)
  }
  return fold
}

let ids = 0
/** What Lambda writes at the end of an invocation. */
function report(fold: Fold, minute: number, end: string, broken = createBrokenFold(fold)): void {
  ids += 1
  const requestId = `${String(ids).padStart(8, '0')}-e9f4-11e8-9739-2dfe598c3fcd`
  const line = parseLine(`REPORT RequestId: ${requestId}\tDuration: 900.21 ms\tMemory Size: 128 MB\t${end}`)
  if (line?.kind === 'lambda') broken.take(line, START + minute * 60_000)
}
const MEMORY = 'Status: error\tError Type: Runtime.OutOfMemory'

t.test(
  'invocations that begin to break are a cause of their own, with how they end, who acts and what to do',
  async (t) => {
    const fold = foldOf(60)
    for (let i = 0; i < 40; i += 1) report(fold, 40 + (i % 20), MEMORY)
    const [found, ...more] = findAll(fold)
    t.match(found, { what: { kind: 'unfinished', how: 'Runtime.OutOfMemory' }, everywhere: true, ongoing: true })
    t.equal(found?.plain, undefined, 'there is a time before to compare with')
    t.strictSame(more, [])
    const said = found && diagnose(fold, found, NOTHING)
    t.match(said, { owner: 'us', fix: /^raise function\.memoryMb/, confidence: 'high' })
    t.equal(said?.cause, 'Invocations end without a line of the gateway: it ran out of memory.')
    t.equal(findAll(fold, { only: 'acme' })[0]?.what.kind, 'unfinished', 'of one tenant too: they may be its own')
  },
)

t.test('without a time before, a tenth of all is told, and any among very few lines', async (t) => {
  const many = foldOf(1, 100)
  for (let i = 0; i < 12; i += 1) report(many, 0, 'Status: timeout')
  t.match(findAll(many), [{ what: { kind: 'unfinished', how: 'timeout' }, plain: true, inside: { k: 12, n: 112 } }])
  const few = foldOf(1, 8)
  report(few, 0, 'Status: timeout')
  t.match(findAll(few), [{ what: { kind: 'unfinished' }, inside: { k: 1 } }])
})

t.test(
  'a few among many, what ended well, and what a handler threw are no incident; a timeout is counted once',
  async (t) => {
    const fold = foldOf(60)
    for (let i = 0; i < 4; i += 1) report(fold, 50, MEMORY)
    for (let i = 0; i < 40; i += 1) report(fold, 40, '')
    for (let i = 0; i < 40; i += 1) report(fold, 40, 'Status: error\tError Type: TenantUnknown')
    t.strictSame(findAll(fold), [])
    t.strictSame([...fold.broken.keys()], ['Runtime.OutOfMemory'])

    const twice = createFold()
    const broken = createBrokenFold(twice)
    const requestId = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'
    for (const text of [
      `2026-11-30T00:00:05Z ${requestId} Task timed out after 5.00 seconds`,
      `REPORT RequestId: ${requestId}\tDuration: 5000.00 ms\tStatus: timeout`,
    ]) {
      const line = parseLine(text)
      if (line?.kind === 'lambda') broken.take(line, START)
    }
    t.equal(twice.broken.get('timeout')?.total, 1)
  },
)

t.test('lines that have only a pool are of the tenant that other lines name with it', async (t) => {
  const fold = foldOf(60)
  const denied = { userPoolId: 'pool', action: 'pre-login', outcome: 'fault', reason: 'table_denied' }
  for (let i = 0; i < 6; i += 1) {
    const line = lineOf({ ...denied, time: new Date(START + 3_550_000 + i).toISOString() } as object)
    if (line) foldLine(fold, line)
  }
  t.strictSame([...fold.tenants.keys()], ['acme', 'pool'])
  joinPools(fold)
  t.strictSame([...fold.tenants.keys()], ['acme'])
  t.match(findAll(fold, { only: 'acme' }), [{ what: { cell: { reason: 'table_denied' } }, tenants: ['acme'] }])
  t.equal(fold.tenants.get('acme')?.all.total, 606)
})

t.test(
  'a table that fails while older configs serve on is a cause; where logins fail for it, that tells it',
  async (t) => {
    const add = (fold: Fold, minute: number, more: object) => {
      const time = new Date(START + minute * 60_000).toISOString()
      const own = { time, tenantId: 'acme', userPoolId: 'pool', action: 'pre-login', ...more }
      const line = lineOf(own as object)
      if (line) foldLine(fold, line)
    }
    const fold = foldOf(60)
    for (let i = 0; i < 60; i += 1) add(fold, 40 + (i % 20), { outcome: 'found', configStale: true })
    const [found, ...more] = findAll(fold, { only: 'acme' })
    t.match(found, { what: { kind: 'stale' }, everywhere: true, ongoing: true })
    t.strictSame(more, [])
    t.match(found && diagnose(fold, found, NOTHING), { owner: 'us', cause: /^The table fails, and tenants are served/ })

    const few = foldOf(1)
    for (let i = 0; i < 6; i += 1) add(few, 0, { outcome: 'found', configStale: true })
    t.match(findAll(few), [{ what: { kind: 'stale' }, plain: true, inside: { k: 6 } }])
    for (let i = 0; i < 6; i += 1) add(few, 0, { outcome: 'refused', reason: 'table_denied', failed: 'table' })
    t.match(findAll(few, { only: 'acme' })[0], { what: { cell: { reason: 'table_denied' } } })
    t.equal(findAll(few, { only: 'acme' }).filter(({ what }) => what.kind === 'stale').length, 0)
  },
)

import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { upstreamError } from '../../src/errors.js'
import { tenantKey, type UserPoolId } from '../../src/ids.js'
import { createExpiringCache, type Loaded } from '../../src/resilience/expiring-cache.js'
import { createFrozenClock } from '../fixtures/clock.js'

const key = (name: string) => tenantKey(`eu-central-1_${name}` as UserPoolId)
const A = key('A')

/** One load that the test ends when it likes. */
interface Load {
  readonly name: string
  readonly remainingMs: () => number
  end(value: string, life?: Partial<Loaded<string>>): Promise<void>
  fail(error: Error): Promise<void>
}

const LIFE = { freshMs: 60, staleMs: 300, keepMs: 1_000 }

function createBench({ max = 10, failureMs = 5, loadMs = 400 } = {}) {
  const clock = createFrozenClock()
  const loads: Load[] = []
  const told: { message: string; known: boolean }[] = []
  const cache = createExpiringCache<string, [string]>({
    clock,
    max,
    upstream: 'table',
    loadMs,
    load: (call, name) =>
      new Promise((resolve, reject) => {
        // A load is settled a few microtasks after it ended; by the next turn everybody has heard of it.
        loads.push({
          name,
          remainingMs: call.remainingMs,
          async end(value, life) {
            resolve({ value, ...LIFE, ...life })
            await setImmediate()
          },
          async fail(error) {
            reject(error)
            await setImmediate()
          },
        })
      }),
    failureMs(error, known) {
      told.push({ message: String(error), known })
      return failureMs
    },
  })
  /** A call that has so much time left. */
  const callOf = (ms = 10_000) => createCall(ms, clock)
  const get = (of = A, call = callOf()) => cache.get(of, call, `name of ${of}`)
  /** The load that was started last. */
  function last(): Load {
    const load = loads.at(-1)
    if (!load) throw new Error('No load was started.')
    return load
  }
  async function fill(value = 'one', of = A) {
    const got = get(of)
    await last().end(value)
    return got
  }
  return { clock, cache, loads, told, callOf, get, last, fill }
}

const unavailable = { code: 'GW_ERR_UPSTREAM_UNAVAILABLE' }
const timeout = { code: 'GW_ERR_UPSTREAM_TIMEOUT' }
const down = () => upstreamError('table', 'unavailable', { status: 500, errorType: 'InternalServerError' })

t.test('an error of the source goes to the caller if nothing older can serve', async (t) => {
  const { get, last } = createBench()
  const got = get()
  const error = down()
  await Promise.all([t.rejects(got, error), last().fail(error)])
})

t.test('a failure is remembered to the millisecond, then the source is asked again', async (t) => {
  const { clock, get, loads, last, told } = createBench({ failureMs: 5 })
  const error = down()
  const got = get()
  await Promise.all([t.rejects(got), last().fail(error)])
  clock.advance(4)
  await t.rejects(get(), error, 'the very error of the load')
  t.equal(loads.length, 1)
  clock.advance(1)
  const again = get()
  t.equal(loads.length, 2)
  await last().end('one')
  t.strictSame(await again, { value: 'one', stale: false })
  t.strictSame(told, [{ message: String(error), known: false }])
})

t.test('a failure with a memory of zero costs one load a call', async (t) => {
  const { get, loads, last } = createBench({ failureMs: 0 })
  for (const count of [1, 2, 3]) {
    const got = get()
    await Promise.all([t.rejects(got), last().fail(down())])
    t.equal(loads.length, count)
  }
})

t.test('a failure of one key is not remembered for another', async (t) => {
  const { get, fill, last } = createBench()
  const got = get()
  await Promise.all([t.rejects(got), last().fail(down())])
  t.strictSame(await fill('two', key('B')), { value: 'two', stale: false })
})

t.test('a fresh value is served without a look at the source, up to the last millisecond', async (t) => {
  const { clock, get, fill, loads } = createBench()
  t.strictSame(await fill(), { value: 'one', stale: false })
  clock.advance(59)
  t.strictSame(await get(), { value: 'one', stale: false })
  t.equal(loads.length, 1)
  clock.advance(1)
  await get()
  t.equal(loads.length, 2, 'at 60 ms it is no longer fresh')
})

t.test('the arguments of the call that starts a load reach the source', async (t) => {
  const { fill, last } = createBench()
  await fill()
  t.equal(last().name, `name of ${A}`)
})

t.test('a stale value is served at once while one load runs, and the next call gets the new one', async (t) => {
  const { clock, get, fill, loads, last } = createBench()
  await fill()
  clock.advance(299)
  t.strictSame(await get(), { value: 'one', stale: false })
  t.strictSame(await get(), { value: 'one', stale: false })
  t.equal(loads.length, 2, 'one refresh, however many ask')
  await last().end('two')
  t.strictSame(await get(), { value: 'two', stale: false })
  t.equal(loads.length, 2)
})

t.test('work in the background is deferred on the call, so that it is settled before the answer leaves', async (t) => {
  const { clock, callOf, get, fill, last } = createBench()
  await fill()
  clock.advance(60)
  const call = callOf()
  await get(A, call)
  let settled = false
  const settling = call.settled().then(() => (settled = true))
  await setImmediate()
  t.equal(settled, false)
  await last().end('two')
  await settling
  t.strictSame(await get(), { value: 'two', stale: false })
})

t.test('a value past its stale time makes the call wait for the load', async (t) => {
  const { clock, get, fill, last } = createBench()
  await fill()
  clock.advance(300)
  const got = get()
  let answered = false
  got.then(() => (answered = true))
  await setImmediate()
  t.equal(answered, false)
  await last().end('two')
  t.strictSame(await got, { value: 'two', stale: false })
})

t.test('a new value lives from when its load ended, not from when it began', async (t) => {
  const { clock, get, last, loads } = createBench()
  const got = get()
  clock.advance(50)
  await last().end('one')
  await got
  clock.advance(59)
  await get()
  t.equal(loads.length, 1)
})

t.test('an older value is served, marked stale, while the source fails, up to the last millisecond', async (t) => {
  const { clock, get, fill, last, told } = createBench()
  await fill()
  clock.advance(999)
  const got = get()
  await last().fail(down())
  t.strictSame(await got, { value: 'one', stale: true })
  t.strictSame(told.at(-1)?.known, true, 'failureMs hears that an older value is known')

  clock.advance(1)
  await t.rejects(get(), unavailable, 'at 1,000 ms it is too old even for that')
})

t.test(
  'a failing source is asked once in the time its failure is remembered, and the value marked meanwhile',
  async (t) => {
    const { clock, get, fill, last, loads } = createBench()
    await fill()
    clock.advance(60)
    t.strictSame(await get(), { value: 'one', stale: false }, 'the cache does not know yet that the source fails')
    await last().fail(down())
    clock.advance(4)
    t.strictSame(await get(), { value: 'one', stale: true })
    t.equal(loads.length, 2)
    clock.advance(1)
    t.strictSame(await get(), { value: 'one', stale: true }, 'asked again in the background, still marked')
    t.equal(loads.length, 3)
    await last().end('two')
    t.strictSame(await get(), { value: 'two', stale: false }, 'healed')
  },
)

t.test('a value that is not to be kept is handed out and forgotten', async (t) => {
  const { get, last, loads, cache } = createBench()
  const got = get()
  await last().end('gone', { freshMs: 0, staleMs: 0, keepMs: 0 })
  t.strictSame(await got, { value: 'gone', stale: false })
  t.equal(cache.size, 0)
  get().catch(() => undefined)
  t.equal(loads.length, 2)
})

t.test('a value that is not to be kept takes an older one away', async (t) => {
  const { clock, get, fill, last, cache } = createBench()
  await fill()
  clock.advance(300)
  const got = get()
  await last().end('gone', { keepMs: 0 })
  await got
  t.equal(cache.size, 0)
})

t.test('concurrent callers share one load, and its error', async (t) => {
  const { get, loads, last } = createBench()
  const good = Promise.all([get(), get(), get()])
  t.equal(loads.length, 1)
  await last().end('one', { keepMs: 0 })
  t.strictSame(
    (await good).map(({ value }) => value),
    ['one', 'one', 'one'],
  )

  const bad = [get(), get(), get()].map((got) => t.rejects(got, unavailable))
  t.equal(loads.length, 2)
  await last().fail(down())
  await Promise.all(bad)
})

t.test('a load of one key does not hold up another', async (t) => {
  const { get, fill } = createBench()
  get().catch(() => undefined)
  t.strictSame(await fill('two', key('B')), { value: 'two', stale: false })
})

t.test('a load has a time of its own, whatever the call has that happens to start it', async (t) => {
  const { clock, callOf, get, last } = createBench({ loadMs: 400 })
  const got = get(A, callOf(1))
  clock.advance(1)
  await t.rejects(got, timeout)
  t.equal(last().remainingMs(), 399)
})

t.test('a caller whose time is up hears of a time-out while the load goes on for everybody else', async (t) => {
  const { clock, callOf, get, loads, last } = createBench()
  const hasty = callOf(5)
  let ended = false
  const got = get(A, hasty).finally(() => (ended = true))
  got.catch(() => undefined)
  const patient = get()
  clock.advance(4)
  await setImmediate()
  t.equal(ended, false, 'a millisecond is left')
  clock.advance(1)
  await t.rejects(got, timeout)
  t.type(hasty.observed.upstream.table, 'number', 'the wait is on its line')
  t.equal(loads.length, 1)
  await last().end('one')
  t.strictSame(await patient, { value: 'one', stale: false })
  t.strictSame(await get(), { value: 'one', stale: false }, 'what came too late for one serves the next')
  t.equal(loads.length, 1)
})

t.test("a caller's own time-out is not remembered as a failure of the source", async (t) => {
  const { clock, callOf, get, last, loads, told } = createBench()
  const late = get(A, callOf(1))
  clock.advance(1)
  await t.rejects(late, timeout)
  const next = get()
  t.equal(loads.length, 1, 'the next caller joins the load that still runs')
  await last().end('one')
  t.strictSame(await next, { value: 'one', stale: false })
  t.strictSame(told, [])
})

t.test('a caller whose time is up gets the older value, marked stale, if there is one', async (t) => {
  const { clock, callOf, get, fill } = createBench()
  await fill()
  clock.advance(300)
  const got = get(A, callOf(1))
  clock.advance(1)
  t.strictSame(await got, { value: 'one', stale: true })
})

t.test('what the source said of a failed load is on the line of every caller that waited', async (t) => {
  const { callOf, get, last } = createBench()
  const calls = [callOf(), callOf()]
  const got = calls.map((call) => t.rejects(get(A, call)))
  await last().fail(down())
  await Promise.all(got)
  for (const { observed } of calls)
    t.strictSame(observed.last, { status: 500, errorType: 'InternalServerError', failed: 'table' })
})

t.test('drop forgets the value and a remembered failure: the next call loads', async (t) => {
  const { get, fill, last, loads, cache } = createBench()
  await fill()
  cache.drop(A)
  const got = get()
  t.equal(loads.length, 2)
  await Promise.all([t.rejects(got, unavailable, 'nothing older is left to serve'), last().fail(down())])
  cache.drop(A)
  const again = get()
  t.equal(loads.length, 3)
  await last().end('two')
  t.strictSame(await again, { value: 'two', stale: false })
})

t.test('expire makes the next call load, and leaves the value as the last known good one', async (t) => {
  const { get, fill, last, loads, cache } = createBench()
  await fill()
  cache.expire(A)
  const got = get()
  t.equal(loads.length, 2)
  await last().fail(down())
  t.strictSame(await got, { value: 'one', stale: true })
})

t.test('expire does not make a value live longer', async (t) => {
  const { clock, get, fill, last, cache } = createBench()
  await fill()
  clock.advance(1_000)
  cache.expire(A)
  const got = get()
  await Promise.all([t.rejects(got), last().fail(down())])
})

t.test('expire of a key that is not there is no entry', async (t) => {
  const { cache } = createBench()
  cache.expire(A)
  t.equal(cache.size, 0)
})

t.test('a load that timed out because the process was busy is tried once more, for all who wait', async (t) => {
  const { clock, get, last, loads } = createBench({ loadMs: 20 })
  const crowd = Promise.all([get(), get(), get()])
  clock.advance(20 + 25)
  await last().fail(upstreamError('table', 'timeout'))
  t.equal(loads.length, 2)
  t.equal(last().remainingMs(), 20, 'with all its time')
  await last().end('one')
  t.strictSame(await crowd, Array(3).fill({ value: 'one', stale: false }))
})

t.test('a load is tried again once at most, and without much time only after a timeout that came late', async (t) => {
  const { clock, get, last, loads } = createBench({ loadMs: 20, failureMs: 0 })
  const twice = t.rejects(get(), upstreamError('table', 'timeout'))
  for (const many of [1, 2]) {
    t.equal(loads.length, many)
    clock.advance(60)
    await last().fail(upstreamError('table', 'timeout'))
  }
  await twice
  t.equal(loads.length, 2)
  for (const [afterMs, kind] of [
    [20, 'timeout'],
    [20 + 24, 'timeout'],
    [60, 'denied'],
  ] as const) {
    const other = createBench({ loadMs: 20, failureMs: 0 })
    const once = t.rejects(other.get(A, other.callOf(1_500 + 20)), upstreamError('table', kind))
    other.clock.advance(afterMs)
    await other.last().fail(upstreamError('table', kind))
    await once
    t.equal(other.loads.length, 1, `${kind} after ${afterMs} ms`)
  }
})

t.test(
  'a load that timed out is tried once more while a call that waits for it has more than 1.5 s left',
  async (t) => {
    for (const [what, leftMs, known, loaded] of [
      ['no more than that', 1_500 + 20, false, 1],
      ['a millisecond more', 1_501 + 20, false, 2],
      ['an older value can serve', 10_000, true, 1],
    ] as const) {
      const { clock, get, fill, last, loads, callOf } = createBench({ loadMs: 20 })
      if (known) {
        await fill()
        clock.advance(301)
        loads.length = 0
      }
      // The call that starts the load has less time than the one that joins it.
      const calls = Promise.allSettled([get(A, callOf(100)), get(A, callOf(leftMs))])
      clock.advance(20)
      await last().fail(upstreamError('table', 'timeout'))
      t.equal(loads.length, loaded, what)
      if (loaded === 2) await last().end('one')
      const statuses = (await calls).map(({ status }) => status)
      t.strictSame(statuses, Array(2).fill(loaded === 2 || known ? 'fulfilled' : 'rejected'), what)
    }
  },
)

t.test('what is fresh is there without a promise, and nothing else is', async (t) => {
  const { clock, fill, cache } = createBench()
  t.equal(cache.fresh(A), undefined)
  await fill()
  t.equal(cache.fresh(A), 'one')
  t.equal(cache.fresh(key('B')), undefined)
  clock.advance(LIFE.freshMs)
  t.equal(cache.fresh(A), undefined)
})

t.test('the cache is bounded: the least recently used entry goes first, and is counted', async (t) => {
  const { get, fill, cache, loads } = createBench({ max: 2 })
  await fill('a', key('A'))
  await fill('b', key('B'))
  await get(key('A'))
  t.equal(cache.evictions, 0)
  await fill('c', key('C'))
  t.equal(cache.size, 2)
  t.equal(cache.evictions, 1)
  await get(key('A'))
  await get(key('C'))
  t.equal(loads.length, 3, 'A was used and stays')
  get(key('B')).catch(() => undefined)
  t.equal(loads.length, 4, 'B had to go')
})

t.test('replacing and dropping are no evictions', async (t) => {
  const { clock, get, fill, last, cache } = createBench({ max: 1 })
  await fill()
  clock.advance(300)
  const got = get()
  await last().end('two')
  await got
  cache.drop(A)
  t.equal(cache.evictions, 0)
  t.equal(cache.size, 0)
})

t.test('what was loaded is counted by how it ended; a failure that is remembered is no load', async (t) => {
  const { get, fill, last, cache } = createBench()
  await fill()
  const failing = get(key('B'))
  await Promise.all([t.rejects(failing), last().fail(down())])
  await t.rejects(get(key('B')))
  t.strictSame(cache.loads, { done: 1, failed: 1 })
})

t.test('remembered failures stay within the bound too', async (t) => {
  const { get, last, cache } = createBench({ max: 3 })
  for (let i = 0; i < 10; i++) {
    const got = get(key(`X${i}`))
    await Promise.all([t.rejects(got), last().fail(down())])
  }
  t.equal(cache.size, 3)
})

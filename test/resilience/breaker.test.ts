import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { type TenantKey, tenantKey, type UserPoolId } from '../../src/ids.js'
import { createBreaker, type Ended, type Silence, type Tried } from '../../src/resilience/breaker.js'
import { createFrozenClock } from '../fixtures/clock.js'

const key = (name: string): TenantKey => tenantKey(`eu-central-1_${name}` as UserPoolId, 'corbado')
/** Longer than any pause before the next call is let through. */
const PAUSE_MS = 2_400
const TIMEOUT_MS = 4_000

type End = 'answer' | 'refusal' | 'error' | Silence

/** Work says by its value or its error how it ended, as the Backend API's client and Cognito's do. */
function silenceOf(ended: Ended<End>): Silence | undefined {
  const end = 'value' in ended ? ended.value : (ended.error as Error).message
  return end === 'timeout' || end === 'unavailable' ? end : undefined
}

function createBench({ max = 100 } = {}) {
  const clock = createFrozenClock()
  const breaker = createBreaker(max, clock)
  let begun = 0
  return {
    clock,
    breaker,
    begun: () => begun,
    /** Begins work that ends when the test says so. */
    begin(of = 'A') {
      let end = (_end: End, _throws?: boolean) => {}
      const outcome = breaker.run(
        key(of),
        () => {
          begun += 1
          return new Promise<End>((resolve, reject) => {
            end = (kind, throws) => (throws ? reject(new Error(kind)) : resolve(kind))
          })
        },
        silenceOf,
      )
      outcome.catch(() => undefined)
      return { outcome, end: (kind: End, throws = false) => end(kind, throws) }
    },
    /** One call from its beginning to its end. */
    async once(kind: End, { ms = TIMEOUT_MS, of = 'A', throws = false } = {}): Promise<Tried<End> | 'thrown'> {
      const { outcome, end } = this.begin(of)
      clock.advance(ms)
      end(kind, throws)
      return outcome.catch(() => 'thrown' as const)
    },
    async open(of = 'A') {
      for (let count = 0; count < 5; count += 1) await this.once('timeout', { of })
    },
  }
}

t.test('neither a throttle, a 4xx, a verdict nor an error about one user opens it, however slow', async (t) => {
  const bench = createBench()
  for (let count = 0; count < 50; count += 1) {
    t.match(await bench.once('refusal'), { kind: 'done' })
    t.equal(await bench.once('error', { throws: true }), 'thrown')
  }
  t.equal(bench.breaker.blocked(key('A')), undefined)
  t.equal(bench.breaker.size, 0, 'nothing is remembered of what answers')
})

t.test('what costs no login its time does not open it: a quick failure may be the doing of one caller', async (t) => {
  const bench = createBench()
  for (let count = 0; count < 50; count += 1) {
    await bench.once('unavailable', { ms: 999 })
    await bench.once('timeout', { ms: 999, throws: true })
  }
  t.equal(bench.breaker.blocked(key('A')), undefined)
})

t.test('four calls that wait in vain do not open it, the fifth does, for this key alone', async (t) => {
  const bench = createBench()
  for (let count = 0; count < 4; count += 1) t.match(await bench.once('timeout', { ms: 1_000 }), { kind: 'done' })
  t.equal(bench.breaker.blocked(key('A')), undefined)
  await bench.once('unavailable', { ms: 1_000, throws: true })
  t.strictSame(await bench.once('answer'), { kind: 'open', last: 'unavailable' })
  t.equal(bench.begun(), 5, 'the sixth never began')
  t.match(await bench.once('answer', { of: 'B' }), { kind: 'done' })
})

t.test('an answer among the failures starts the count again, and so does a quiet minute', async (t) => {
  const bench = createBench()
  for (let count = 0; count < 20; count += 1) {
    if (count % 4 === 3) await bench.once('answer')
    await bench.once('timeout')
  }
  t.equal(bench.breaker.blocked(key('A')), undefined)
  for (let count = 0; count < 20; count += 1) {
    bench.clock.advance(60_000)
    await bench.once('timeout')
  }
  t.equal(bench.breaker.blocked(key('A')), undefined)
})

t.test(
  'after a pause of seconds one call is let through with its full time, and its answer lets all through',
  async (t) => {
    const bench = createBench()
    await bench.open()
    bench.clock.advance(1_599)
    t.match(await bench.once('answer', { ms: 0 }), { kind: 'open' }, 'the shortest pause')
    bench.clock.advance(PAUSE_MS - 1_599)
    const probe = bench.begin()
    bench.clock.advance(TIMEOUT_MS - 1)
    for (let count = 0; count < 5; count += 1) t.match(await bench.once('answer', { ms: 0 }), { kind: 'open' })
    probe.end('answer')
    t.match(await probe.outcome, { kind: 'done' })
    for (let count = 0; count < 5; count += 1) t.match(await bench.once('answer'), { kind: 'done' })
  },
)

t.test('a call that was let through in vain begins the pause again', async (t) => {
  const bench = createBench()
  await bench.open()
  bench.clock.advance(PAUSE_MS)
  t.match(await bench.once('timeout'), { kind: 'done' })
  t.match(await bench.once('answer', { ms: 0 }), { kind: 'open' })
  bench.clock.advance(PAUSE_MS)
  t.match(await bench.once('answer'), { kind: 'done' })
})

t.test(
  'a call that was let through with little time of its own says nothing: the next is let through at once',
  async (t) => {
    const bench = createBench()
    await bench.open()
    bench.clock.advance(PAUSE_MS)
    t.match(await bench.once('timeout', { ms: 600 }), { kind: 'done' })
    t.match(await bench.once('answer'), { kind: 'done' })
  },
)

t.test(
  'calls that were under way when it opened run to their end, and their failures do not lengthen it',
  async (t) => {
    const bench = createBench()
    const underWay = Array.from({ length: 16 }, () => bench.begin())
    bench.clock.advance(TIMEOUT_MS)
    for (const one of underWay.slice(0, 5)) one.end('timeout')
    await setImmediate()
    t.match(await bench.once('answer', { ms: 0 }), { kind: 'open' })
    bench.clock.advance(PAUSE_MS - 1)
    for (const one of underWay.slice(5, 10)) one.end('timeout')
    await setImmediate()
    bench.clock.advance(1)
    t.match(await bench.once('answer'), { kind: 'done' })
    for (const one of underWay.slice(10)) one.end('timeout')
    for (const one of underWay) t.strictSame(await one.outcome, { kind: 'done', value: 'timeout' })
    t.match(await bench.once('answer'), { kind: 'done' }, 'nor do those of before an answer open it again')
  },
)

t.test('remembers no more keys than it may', async (t) => {
  const bench = createBench({ max: 3 })
  for (let count = 0; count < 10; count += 1) await bench.open(`T${count}`)
  t.equal(bench.breaker.size, 3)
  t.match(await bench.once('answer', { of: 'T0', ms: 0 }), { kind: 'done' }, 'asked again')
  t.match(await bench.once('answer', { of: 'T9', ms: 0 }), { kind: 'open' })
})

t.test(
  'for any schedule: one call at a time is let through, an answer lets all through, and none that began is lost',
  async (t) => {
    const command = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('begin' as const) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('end' as const),
          index: fc.nat(7),
          as: fc.oneof(
            { weight: 1, arbitrary: fc.constantFrom<End>('answer', 'refusal', 'error') },
            { weight: 12, arbitrary: fc.constantFrom<End>('timeout', 'unavailable') },
          ),
          throws: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 5_000 }) }),
      },
    )
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: 120 }), async (commands) => {
        const bench = createBench()
        const running: { end: (kind: End, throws?: boolean) => void; outcome: Promise<unknown>; late: boolean }[] = []
        // From a refusal to the next answer, calls are let through one by one.
        let [open, answeredLast] = [false, false]
        for (const one of commands) {
          if (one.kind === 'pass') bench.clock.advance(one.ms)
          if (one.kind === 'begin') {
            const before = bench.begun()
            const call = bench.begin()
            const admitted = bench.begun() > before
            if (!admitted && answeredLast) throw new Error('refused right after an answer')
            if (!admitted) open = true
            if (!admitted) refused += 1
            if (admitted) running.push({ ...call, late: open })
            if (running.filter(({ late }) => late).length > 1) throw new Error('two were let through')
          }
          if (one.kind === 'end') {
            const [call] = running.splice(one.index, 1)
            if (!call) continue
            call.end(one.as, one.throws)
            const outcome = await call.outcome.catch((error: Error) => ({ kind: 'done', value: error.message }))
            if (JSON.stringify(outcome) !== JSON.stringify({ kind: 'done', value: one.as })) throw new Error('lost')
            answeredLast = one.as !== 'timeout' && one.as !== 'unavailable'
            if (answeredLast) open = false
            if (answeredLast) for (const other of running) other.late = false
          }
        }
      }),
      { numRuns: 300 },
    )
    t.ok(refused > 100, 'breakers did open')
  },
)

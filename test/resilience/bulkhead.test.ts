import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { type TenantKey, tenantKey, type UserPoolId } from '../../src/ids.js'
import { createBulkhead, type Entered } from '../../src/resilience/bulkhead.js'
import { createFrozenClock } from '../fixtures/clock.js'

const key = (name: string): TenantKey => tenantKey(`eu-central-1_${name}` as UserPoolId, 'corbado')

/** A bulkhead whose work ends when the test says so. */
function createBench(limit: number) {
  const clock = createFrozenClock()
  const bulkhead = createBulkhead(clock)
  const under: { readonly name: string; readonly end: (value: string) => void; readonly fail: () => void }[] = []
  const outcomes: Promise<Entered<string> | 'failed'>[] = []
  let most = 0
  const started: string[] = []
  return {
    clock,
    bulkhead,
    under,
    started,
    outcomes,
    most: () => most,
    enter(name: string, { ms = 4_000, of = 'A' } = {}) {
      const work = () => {
        started.push(name)
        return new Promise<string>((resolve, reject) => {
          const leave = () => under.splice(under.indexOf(one), 1)
          const one = {
            name,
            end: (value: string) => {
              leave()
              resolve(value)
            },
            fail: () => {
              leave()
              reject(new Error('work failed'))
            },
          }
          under.push(one)
          most = Math.max(most, under.length)
        })
      }
      const outcome = bulkhead.run(key(of), limit, createCall(ms, clock), work).catch(() => 'failed' as const)
      outcomes.push(outcome)
      return outcome
    },
  }
}

t.test(
  'no more than the limit are under way; the next begins when one ends, in the order in which they came',
  async (t) => {
    const { enter, under, started } = createBench(2)
    for (const name of ['1', '2', '3', '4']) void enter(name)
    await setImmediate()
    t.strictSame(started, ['1', '2'])
    under[1]?.end('done')
    await setImmediate()
    t.strictSame(started, ['1', '2', '3'])
    under[0]?.fail()
    await setImmediate()
    t.strictSame(started, ['1', '2', '3', '4'], 'a place is free whether the work is done or fails')
  },
)

t.test('one key waits for itself alone', async (t) => {
  const { enter, started } = createBench(1)
  void enter('A1')
  void enter('A2')
  void enter('B1', { of: 'B' })
  await setImmediate()
  t.strictSame(started, ['A1', 'B1'])
})

t.test('a call whose time is up while it waits is busy, and its work never begins', async (t) => {
  const { clock, enter, under, started } = createBench(1)
  void enter('1')
  const waits = enter('2', { ms: 500 })
  clock.advance(499)
  await setImmediate()
  clock.advance(1)
  t.strictSame(await waits, { kind: 'busy' })
  under[0]?.end('done')
  await setImmediate()
  t.strictSame(started, ['1'])
})

t.test('a call that cannot be answered in time any more is busy at once', async (t) => {
  const { clock, bulkhead, enter, under } = createBench(1)
  // Answers take two seconds each; the next call always waits already.
  void enter('0', { ms: 60_000 })
  for (let n = 1; n <= 30; n++) {
    void enter(String(n), { ms: 60_000 })
    await setImmediate()
    clock.advance(2_000)
    under[0]?.end('done')
    await setImmediate()
  }
  t.strictSame(await enter('too late', { ms: 3_900 }), { kind: 'busy' }, 'no time passed')
  const inTime = enter('in time', { ms: 4_100 })
  under[0]?.end('done')
  await setImmediate()
  under[0]?.end('done')
  t.strictSame(await inTime, { kind: 'done', value: 'done' })
  t.equal(bulkhead.size, 0)
})

t.test('while nothing is answered, only as many calls wait as could still be: a dependency that hangs', async (t) => {
  const { clock, enter, started } = createBench(2)
  void enter('1')
  void enter('2')
  let refused = 0
  // 500 calls a second for a second.
  for (let n = 0; n < 500; n += 1) {
    clock.advance(2)
    void enter(`${n}`).then((outcome) => {
      if (outcome !== 'failed' && outcome.kind === 'busy') refused += 1
    })
    await setImmediate()
  }
  t.strictSame(started, ['1', '2'])
  t.strictSame(
    await enter('next'),
    { kind: 'busy' },
    'a place takes a second at least, and more than five wait for two',
  )
  t.ok(refused > 400, `${500 - refused} wait`)
})

t.test('calls that come in one moment know each other', async (t) => {
  const { clock, enter, started } = createBench(2)
  clock.advance(10_000_000)
  for (let n = 0; n < 20; n += 1) void enter(`${n}`)
  await setImmediate()
  t.strictSame(started, ['0', '1'])
  const last = enter('last', { ms: 100 })
  clock.advance(100)
  t.strictSame(await last, { kind: 'busy' }, 'it waited: nothing was known of how long the others take')
})

t.test('places are never lost: whatever comes, fails and runs out of time, all that is left is nothing', async (t) => {
  const command = fc.oneof(
    fc.record({
      kind: fc.constant('enter' as const),
      of: fc.constantFrom('A', 'B'),
      ms: fc.integer({ min: 1, max: 50 }),
    }),
    fc.record({ kind: fc.constant('end' as const), index: fc.nat(5), fails: fc.boolean() }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 30 }) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), async (commands, limit) => {
      const bench = createBench(limit)
      let count = 0
      for (const one of commands) {
        if (one.kind === 'enter') void bench.enter(`${count++}`, one)
        else if (one.kind === 'pass') bench.clock.advance(one.ms)
        else {
          const work = bench.under[one.index]
          if (one.fails) work?.fail()
          else work?.end('done')
        }
        await setImmediate()
        if (bench.most() > 2 * limit) throw new Error('over the limit of two keys')
      }
      bench.clock.advance(1_000)
      await setImmediate()
      while (bench.under.length > 0) {
        bench.under[0]?.end('done')
        await setImmediate()
      }
      await Promise.all(bench.outcomes)
      if (bench.bulkhead.size !== 0) throw new Error('a lane was left behind')
    }),
  )
  t.pass('for 100 random schedules')
})

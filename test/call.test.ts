import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall, createLoadCall, systemClock } from '../src/call.js'
import { createFrozenClock } from './fixtures/clock.js'

const hangs = () => new Promise<never>(() => {})
const late = () => 'late'

t.test('a wait that is over leaves no timer behind, however it ended: one would keep the process alive', async (t) => {
  const clock = createFrozenClock()
  const call = createCall(1_000, clock)
  const rejects = () => Promise.reject(new Error('broken'))
  const throws = () => {
    throw new Error('broken')
  }
  t.equal(await call.within(Promise.resolve('done'), late), 'done')
  await t.rejects(call.within(rejects(), late), { message: 'broken' })
  t.equal(await call.slice(400, async () => 'done'), 'done')
  await t.rejects(call.slice(400, rejects), { message: 'broken' })
  await t.rejects(call.slice(400, throws), { message: 'broken' })
  await call.settled()
  t.equal(clock.untilNextMs(), undefined)
})

t.test('within waits to the last millisecond, and what is rejected later harms nobody', async (t) => {
  const clock = createFrozenClock()
  let reject = (_: Error) => {}
  const work = new Promise<string>((_, no) => {
    reject = no
  })
  let answer: string | undefined
  const waiting = createCall(1_000, clock)
    .within(work, late)
    .then((value) => {
      answer = value
    })
  clock.advance(999)
  await setImmediate()
  t.equal(answer, undefined)
  clock.advance(1)
  await waiting
  t.equal(answer, 'late')
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  reject(new Error('too late'))
  await setImmediate()
  process.off('unhandledRejection', note)
  t.strictSame(unhandled, [])
})

t.test('a slice ends with the call if that is sooner, is never early, and says why it ended', async (t) => {
  for (const [budgetMs, sliceMs, endsMs] of [
    [1_000, 400, 400],
    [300, 400, 300],
    [300, undefined, 300],
    [299.5, undefined, 300],
    [0, 400, 1],
    [-5, undefined, 1],
  ] as const) {
    const clock = createFrozenClock()
    const signals: AbortSignal[] = []
    const work = createCall(budgetMs, clock).slice(sliceMs, (signal) => {
      signals.push(signal)
      return hangs()
    })
    work.catch(() => undefined)
    clock.advance(endsMs - 1)
    t.equal(signals[0]?.aborted, false, `${budgetMs} ${sliceMs}`)
    clock.advance(1)
    t.match(signals[0], { aborted: true, reason: { name: 'TimeoutError' } })
  }
})

t.test('a call whose time is up waits for nothing', async (t) => {
  for (const budgetMs of [0, -1]) {
    const call = createCall(budgetMs, systemClock)
    t.equal(call.remainingMs(), 0)
    t.equal(await call.within(hangs(), late), 'late')
    call.defer(hangs())
    await call.settled()
  }
})

t.test('a slice begins when its work can: what passes before is not its own', async (t) => {
  const clock = createFrozenClock()
  const call = createCall(1_000, clock)
  let ended = 0
  const slice = call.slice(undefined, async (signal, begin) => {
    clock.advance(700)
    begin(200)
    clock.advance(199)
    t.equal(signal.aborted, false)
    clock.advance(1)
    t.equal(signal.aborted, true)
    ended = clock.elapsed()
  })
  await slice
  t.equal(ended, 900)
  await call.slice(undefined, async (signal, begin) => {
    begin(500)
    clock.advance(100)
    t.equal(signal.aborted, true, "a request's own time goes on")
  })
})

t.test("a load's time stands still until its slice begins, but not for ever", async (t) => {
  const clock = createFrozenClock()
  const load = createLoadCall(500, clock)
  await load.slice(undefined, async (signal, begin) => {
    clock.advance(3_000)
    t.equal(signal.aborted, false)
    begin(undefined)
    t.equal(load.remainingMs(), 500)
    clock.advance(500)
    t.equal(signal.aborted, true)
  })
  t.equal(load.lateMs(), 0)
  clock.advance(30)
  t.equal(load.lateMs(), 30)
  await createLoadCall(500, clock).slice(undefined, async (signal) => {
    clock.advance(10_499)
    t.equal(signal.aborted, false)
    clock.advance(1)
    t.equal(signal.aborted, true)
  })
})

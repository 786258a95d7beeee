import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall, systemClock } from '../src/call.js'
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

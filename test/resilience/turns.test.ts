import t from 'tap'
import { createTurns } from '../../src/resilience/turns.js'

t.test('of a crowd, eight go on in one turn of the event loop, in the order in which they came', async (t) => {
  const turn = createTurns()
  const gone: number[] = []
  const crowd = Promise.all(Array.from({ length: 100 }, (_, i) => turn().then(() => gone.push(i))))
  for (let i = 0; i < 5; i += 1) await Promise.resolve()
  const counts = [gone.length]
  while (gone.length < 100) {
    const before = gone.length
    await new Promise(setImmediate)
    counts.push(gone.length - before)
  }
  await crowd
  t.strictSame(
    gone,
    Array.from({ length: 100 }, (_, i) => i),
  )
  t.ok(Math.max(...counts) <= 8, `${counts}`)
  t.ok(counts.length >= 12)
})

t.test('one that comes alone goes on at once, whatever came before', async (t) => {
  const turn = createTurns()
  for (let i = 0; i < 20; i += 1) {
    let isGone = false
    void turn().then(() => {
      isGone = true
    })
    await Promise.resolve()
    await Promise.resolve()
    t.ok(isGone)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
  }
})

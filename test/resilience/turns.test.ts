import t from 'tap'
import { createTurns } from '../../src/resilience/turns.js'

t.test('of a crowd, two go on in one turn of the event loop, in the order in which they came', async (t) => {
  const turn = createTurns<string>()
  const gone: number[] = []
  const crowd = Promise.all(Array.from({ length: 100 }, (_, i) => turn('acme').then(() => gone.push(i))))
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
  t.ok(Math.max(...counts) <= 2, `${counts}`)
  t.ok(counts.length >= 50)
})

t.test('one that comes alone goes on at once, whatever came before', async (t) => {
  const turn = createTurns<string>()
  for (let i = 0; i < 20; i += 1) {
    let isGone = false
    void turn('acme').then(() => {
      isGone = true
    })
    await Promise.resolve()
    await Promise.resolve()
    t.ok(isGone)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
  }
})

t.test('whoever is of another key waits behind no more than one turn of a crowd', async (t) => {
  const turn = createTurns<string>()
  let gone = 0
  const crowd = Promise.all(Array.from({ length: 1_500 }, () => turn('acme').then(() => (gone += 1))))
  await new Promise(setImmediate)
  for (const key of ['globex', 'initech']) {
    const before = gone
    await turn(key)
    t.ok(gone - before <= 4, `${key} let ${gone - before} of the crowd go first`)
  }
  await crowd
  t.equal(gone, 1_500)
})

t.test('a crowd of many keys goes on a few at a time too, each key in turn', async (t) => {
  const turn = createTurns<number>()
  const gone: number[] = []
  const crowd = Promise.all(Array.from({ length: 300 }, (_, i) => turn(i % 100).then(() => gone.push(i % 100))))
  let most = 0
  while (gone.length < 300) {
    const before = gone.length
    await new Promise(setImmediate)
    most = Math.max(most, gone.length - before)
  }
  await crowd
  t.ok(most <= 4, `${most}`)
  t.equal(new Set(gone.slice(2, 102)).size, 100, 'nobody twice before all were once')
})

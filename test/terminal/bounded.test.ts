import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { eachBounded } from '../../src/terminal/bounded.js'

/** Runs tasks over 0 … 19, four at a time, and says what came of it. */
async function run(task: (item: number) => Promise<boolean>) {
  const seen = { begun: 0, running: 0, most: 0 }
  const items = Array.from({ length: 20 }, (_, i) => i)
  const work = eachBounded(
    items,
    async (item) => {
      seen.begun += 1
      seen.running += 1
      seen.most = Math.max(seen.most, seen.running)
      await setImmediate()
      return task(item).finally(() => {
        seen.running -= 1
      })
    },
    4,
  )
  const error = await work.catch((error) => error)
  return { ...seen, error }
}

t.test('every item has its turn, and never more than the bound at a time', async (t) => {
  t.strictSame(await run(async () => true), { begun: 20, running: 0, most: 4, error: undefined })
})

t.test('after a task that fails no further one begins, and those that run are waited for', async (t) => {
  const stopped = await run(async (item) => item !== 5)
  t.match(stopped, { running: 0, error: undefined })
  t.ok(stopped.begun < 12, String(stopped.begun))
  const thrown = await run(async (item) => {
    if (item >= 5) throw new Error(String(item))
    return true
  })
  t.match(thrown, { running: 0, error: { message: '5' } })
  t.ok(thrown.begun < 12, String(thrown.begun))
})

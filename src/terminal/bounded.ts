import pLimit from 'p-limit'

/** How many files are read, or records written, at the same time. */
export const CONCURRENCY = 16

/**
 * Runs a task for every item, a bounded number of them at a time. If one answers false or throws, no further one is
 * started; those that run are waited for.
 * @throws what the first failing task threw
 */
export async function eachBounded<T>(
  items: Iterable<T>,
  task: (item: T) => Promise<boolean>,
  concurrency = CONCURRENCY,
): Promise<void> {
  const limit = pLimit(concurrency)
  const thrown: unknown[] = []
  let stopped = false
  const run = async (item: T): Promise<void> => {
    if (stopped) return
    try {
      if (!(await task(item))) stopped = true
    } catch (error) {
      thrown.push(error)
      stopped = true
    }
  }
  await limit.map(items, run)
  if (thrown.length > 0) throw thrown[0]
}

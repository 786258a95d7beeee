/** How many files are read, or records written, at the same time. */
export const CONCURRENCY = 16

/**
 * Runs a task for every item, a bounded number of them at a time. Where one answers false or throws, no further one is
 * started; those that run are waited for.
 * @throws what the first failing task threw
 */
export async function eachBounded<T>(
  items: Iterable<T>,
  task: (item: T) => Promise<boolean>,
  concurrency = CONCURRENCY,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const thrown: unknown[] = []
  let stopped = false
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !stopped && !next.done; next = queue.next()) {
      try {
        if (!(await task(next.value))) stopped = true
      } catch (error) {
        thrown.push(error)
        stopped = true
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  if (thrown.length > 0) throw thrown[0]
}

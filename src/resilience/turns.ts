/** How many go on in one turn of the event loop. */
const AT_ONCE = 2

/**
 * Lets a crowd go on a few at a time. Hundreds of calls of one tenant may wait for one thing, such as a load that they
 * share. If all were answered in one turn of the event loop, every other tenant's calls would wait for that long. Here a
 * call with another key waits behind at most one of the crowd.
 * @returns a function whose promise resolves when it is the turn of a caller with this key: at once if few came before it
 * in this turn of the loop
 */
export function createTurns<K>(): (key: K) => Promise<void> {
  const waiting = new Map<K, (() => void)[]>()
  let left = AT_ONCE

  /** Lets the first of each key go on in turn, up to {@link AT_ONCE} of them. */
  function next(): void {
    left = AT_ONCE
    for (let first = waiting.entries().next(); left > 0 && !first.done; first = waiting.entries().next()) {
      const [key, crowd] = first.value
      // Behind the other keys from now on.
      waiting.delete(key)
      crowd.shift()?.()
      if (crowd.length > 0) waiting.set(key, crowd)
      left -= 1
    }
    if (left < AT_ONCE) setImmediate(next)
  }

  return async (key) => {
    if (left > 0) {
      if (left === AT_ONCE) setImmediate(next)
      left -= 1
      return
    }
    await new Promise<void>((resolve) => {
      const crowd = waiting.get(key)
      if (crowd === undefined) waiting.set(key, [resolve])
      else crowd.push(resolve)
    })
  }
}

/** How many go on in one turn of the event loop. */
const AT_ONCE = 8

/**
 * Lets a crowd go on a few at a time. Hundreds of calls of one tenant may wait for one thing, such as a load that they share;
 * when it ends, all of them would be answered in one turn of the loop, and every other tenant's call would wait for that long.
 * @returns what resolves when it is the caller's turn: at once, if few came before it in this turn of the loop
 */
export function createTurns(): () => Promise<void> {
  const waiting: (() => void)[] = []
  let left = AT_ONCE

  function next(): void {
    const now = waiting.splice(0, AT_ONCE)
    left = AT_ONCE - now.length
    for (const go of now) go()
    if (now.length > 0) setImmediate(next)
  }

  return async () => {
    if (left > 0) {
      if (left === AT_ONCE) setImmediate(next)
      left -= 1
      return
    }
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
    })
  }
}

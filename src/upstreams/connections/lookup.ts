import dns, { type LookupAddress, type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * Names that are looked up at the same time. Node has a thread stand still for each, in half of the threads that the process
 * has. The deployed service has 64, and looks names up for AWS, for Corbado and for key sets.
 */
const LOOKUPS_MAX = 10

/** Names that may wait for their turn: more would not come to it while their calls have time. */
const NAMES_MAX = 1_000

type Done = Parameters<LookupFunction>[2]
type Result = [error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number]

/**
 * Makes a lookup of names for new connections. Whoever wants a name that is being looked up joins: a lookup cannot be ended,
 * so that of a name which nobody answers for keeps one thread, however many calls want it. Nothing is remembered.
 */
export function createLookup(): LookupFunction {
  const asking = new Map<string, Done[]>()
  const waiting: (() => void)[] = []
  let running = 0

  function end(key: string, result: Result): void {
    running -= 1
    const joined = asking.get(key) ?? []
    asking.delete(key)
    waiting.shift()?.()
    for (const done of joined) done(...result)
  }

  return (hostname, options, done) => {
    const key = keyOf(hostname, options)
    const joined = asking.get(key)
    if (joined) return void joined.push(done)
    if (asking.size >= NAMES_MAX) return void setImmediate(done, tooMany(hostname), '')
    asking.set(key, [done])
    function start(): void {
      running += 1
      dns.lookup(hostname, options, (...result: Result) => end(key, result))
    }
    if (running < LOOKUPS_MAX) start()
    else waiting.push(start)
  }
}

/** Only what is asked for alike has the same answer. */
function keyOf(hostname: string, { all, family, hints, order, verbatim }: LookupOptions): string {
  return JSON.stringify([hostname, all, family, hints, order, verbatim])
}

/** As the resolver says that it cannot answer now. */
function tooMany(hostname: string): NodeJS.ErrnoException {
  const facts = { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname }
  return Object.assign(new Error(`getaddrinfo EAI_AGAIN ${hostname}`), facts)
}

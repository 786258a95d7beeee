import type { Server } from 'node:http'
import type { Clock } from '../../call.js'

/** How far the process is behind with what reaches its port. */
export interface Backlog {
  /** The longest that a request whose headers are read now may have waited, in milliseconds, because the loop was busy. */
  waitedMs(): number
  stop(): void
}

/** Milliseconds between two looks; a shorter wait goes unseen. */
const LOOK_MS = 100

/**
 * Nothing tells when bytes have reached the machine. So each look finds out up to when everything that had arrived has been
 * read: its own time, once the loop has polled again after it. Each turn of the loop takes one new connection, whose
 * request is read in the next: while connections come, more may be waiting.
 * @param connectionsMax how many new connections may wait at the port
 */
export function watchBacklog(server: Server, connectionsMax: number, clock: Clock): Backlog {
  let readUpTo = clock.elapsed()
  let looking = false
  let [connections, last] = [0, 0]
  let cancel = clock.after(LOOK_MS, look)
  const onConnection = () => {
    connections += 1
  }
  server.on('connection', onConnection)

  function look(): void {
    cancel = clock.after(LOOK_MS, look)
    if (looking) return
    looking = true
    const [at, before] = [clock.elapsed(), connections]
    function settle(): void {
      const came = connections > last
      last = connections
      if (came && connections - before <= connectionsMax) {
        setImmediate(settle)
        return
      }
      readUpTo = at
      looking = false
    }
    // The first ends the turn that runs.
    setImmediate(() => {
      last = connections
      setImmediate(settle)
    })
  }

  return {
    waitedMs: () => Math.max(0, clock.elapsed() - readUpTo - LOOK_MS),
    stop() {
      cancel()
      server.off('connection', onConnection)
    },
  }
}

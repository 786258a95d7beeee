import type { Server } from 'node:http'
import type { Clock } from '../../call.js'

/** How far the process is behind with what reaches its port. */
export interface Backlog {
  /** Milliseconds for which a request whose headers are read now has waited to be read, at most: the loop was busy. */
  waitedMs(): number
  stop(): void
}

/** How often is looked, and so how much of a wait goes unseen. */
const LOOK_MS = 100

/**
 * Nothing tells when bytes have reached the machine. So it is noted up to when all that had come has been read: a look's own
 * time, once the loop has polled again after it. Of new connections one is taken a turn, and its request is read in the next:
 * while any come, there may be more that wait.
 * @param connectionsMax as many new connections as the port lets wait
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

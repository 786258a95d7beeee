import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface FarServer {
  readonly port: number
  stop(): void
}

/**
 * Puts a server as far away as another data centre: a relay on loopback that delivers every chunk half a round trip
 * late, and the first one of a connection a whole round trip later still, as TCP's own handshake would take it.
 */
export async function farAway(port: number, roundTripMs: number): Promise<FarServer> {
  const sockets = new Set<Socket>()
  const relay = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => socket.destroy())
    }
    const openedAt = performance.now() + roundTripMs
    deliver(near, far, () => Math.max(0, openedAt - performance.now()) + roundTripMs / 2)
    deliver(far, near, () => roundTripMs / 2)
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return {
    port: (relay.address() as AddressInfo).port,
    stop() {
      for (const socket of sockets) socket.destroy()
      relay.close()
    },
  }
}

/** Timers of one length fire in order, so chunks stay in order; a shorter delay can only follow once the first is over. */
function deliver(from: Socket, to: Socket, delayMs: () => number): void {
  from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), delayMs()))
  from.on('end', () => setTimeout(() => to.end(), delayMs()))
}

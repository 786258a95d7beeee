import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../call.js'
import { IDLE_MS, isStale, type Stamp, stampOf } from './idle.js'

/** One request on its way: what its connection and the code that waits for it tell each other. */
export interface Trip {
  /**
   * Wanted: a new connection, because a kept one may be dead. `once`: it is closed after the request, and those that are kept
   * stay; `instead`: in place of all that are kept to the host, of which one has just failed.
   */
  readonly fresh: 'once' | 'instead' | false
  /** Told once the request has its connection; `kept`: one that was used before. */
  readonly onPlaced: (kept: boolean) => void
  /** Bytes of the request may have left: its connection is open. */
  sent: boolean
}

/**
 * Most connections of one AWS client to its service. Three tenants whose pools hang would take nearly all of the SDK's own
 * 50, at 16 calls each (`limits.concurrentCalls`).
 */
const SOCKETS_MAX = 512

/** The timeout only closes connections that nobody uses any more; before each use the clocks decide. */
export const AGENT_OPTIONS = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS } as const

type RequestOptions = Parameters<HttpAgent['getName']>[0] & { readonly headers?: object }

// biome-ignore lint/suspicious/noExplicitAny: TypeScript wants it so of a class that is extended.
type AgentClass = new (...args: any[]) => HttpAgent
/** Node calls this for every request; its types leave it out. */
type AddRequest = (this: HttpAgent, request: ClientRequest, options: RequestOptions) => void
const { addRequest } = HttpAgent.prototype as unknown as { addRequest: AddRequest }

/**
 * Makes a class of Node's agent, or of a proxy's, that never uses a connection that was idle for too long by either clock.
 * @param trips the trips that are told about their connections, by the headers of their requests
 */
export function keeping<A extends AgentClass>(Base: A, clock: Clock, trips: WeakMap<object, Trip>) {
  const stamps = new WeakMap<Duplex, Stamp>()
  const single = new WeakSet<Duplex>()

  return class extends Base {
    override keepSocketAlive(socket: Duplex) {
      // Or those that are opened for what is never repeated would grow in number, and be of use to nobody.
      if (single.has(socket)) return false
      stamps.set(socket, stampOf(clock))
      return super.keepSocketAlive(socket)
    }

    /** Called by node for each request. */
    addRequest(request: ClientRequest, options: RequestOptions): void {
      const trip = trips.get(options.headers ?? this)
      const kept = this.#keptTo(options)
      // Each list is in the order of last use: the first has been idle longest.
      for (const [, sockets] of kept) {
        const isOver = (socket: Socket) => trip?.fresh === 'instead' || isStale(stamps.get(socket) ?? NEVER, clock)
        while (sockets[0] && isOver(sockets[0])) sockets.shift()?.destroy()
      }
      if (trip) {
        request.once('socket', (socket) => {
          if (trip.fresh === 'once' && !request.reusedSocket) single.add(socket)
          follow(trip, request, socket)
        })
      }
      // Node takes a kept one if it sees one.
      const free = this.freeSockets as Record<string, Socket[]>
      const hidden = trip?.fresh ? kept : []
      for (const [name] of hidden) delete free[name]
      addRequest.call(this, request, options)
      for (const [name, sockets] of hidden) if (sockets.length > 0) free[name] = sockets
    }

    /** What is kept to a request's own host, by Node's name for it; further parts of the name are TLS's. */
    #keptTo(options: RequestOptions): [name: string, sockets: Socket[]][] {
      const host = HttpAgent.prototype.getName.call(this, options)
      return Object.entries(this.freeSockets as Record<string, Socket[]>).filter(([name]) => name.startsWith(host))
    }
  }
}

const NEVER: Stamp = { now: 0, elapsed: Number.NEGATIVE_INFINITY }

function follow(trip: Trip, request: ClientRequest, socket: Duplex): void {
  const {
    connecting = false,
    encrypted,
    secureConnecting,
  } = socket as Partial<TLSSocket> & {
    secureConnecting?: boolean
  }
  // Until its connection is open, a request waits in this process.
  trip.sent = !connecting && secureConnecting !== true
  if (!trip.sent) {
    socket.once(encrypted ? 'secureConnect' : 'connect', () => {
      trip.sent = true
    })
  }
  trip.onPlaced(request.reusedSocket)
}

/** Agents for http and https. */
export function createAgents(clock: Clock, lookup: LookupFunction, trips: WeakMap<object, Trip>) {
  const [Http, Https] = [keeping(HttpAgent, clock, trips), keeping(HttpsAgent, clock, trips)]
  const options = { ...AGENT_OPTIONS, lookup }
  return { httpAgent: new Http(options), httpsAgent: new Https(options) }
}

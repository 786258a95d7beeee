import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../call.js'
import { IDLE_MS, isStale, type Stamp, stampOf } from './idle.js'

/** One request on its way, as those who wait for it and its connection tell each other of it. */
export interface Trip {
  /** Wanted: a new connection, because what is kept may be dead. */
  readonly fresh: boolean
  /** Told once the request has its connection; `kept`: one that was used before. */
  readonly onPlaced: (kept: boolean) => void
  /** Bytes of the request may have left: its connection is open. */
  sent: boolean
}

/**
 * Connections of one AWS client to its service. The SDK's own 50 are what three tenants take whose pools all hang, at 16 calls
 * each (`limits.concurrentCalls`).
 */
const SOCKETS_MAX = 512

/** The timeout closes a connection that nobody uses any more; what decides before each use are the clocks. */
export const AGENT_OPTIONS = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS } as const

interface RequestOptions {
  readonly headers?: object
}

// biome-ignore lint/suspicious/noExplicitAny: TypeScript wants it so of a class that is extended.
type AgentClass = new (...args: any[]) => HttpAgent
/** What node calls for every request, and its types leave out. */
type AddRequest = (this: HttpAgent, request: ClientRequest, options: RequestOptions) => void
const { addRequest } = HttpAgent.prototype as unknown as { addRequest: AddRequest }

/**
 * Node's agent, or one that speaks to a proxy, that never uses a connection which was idle for too long by either clock.
 * @param trips those that want to know of their connection, by the headers of their request
 */
export function keeping<A extends AgentClass>(Base: A, clock: Clock, trips: WeakMap<object, Trip>) {
  const stamps = new WeakMap<Duplex, Stamp>()

  return class extends Base {
    override keepSocketAlive(socket: Duplex) {
      stamps.set(socket, stampOf(clock))
      return super.keepSocketAlive(socket)
    }

    /** Called by node for each request. */
    addRequest(request: ClientRequest, options: RequestOptions): void {
      const trip = trips.get(options.headers ?? this)
      // What is kept was put there in order: the first has been idle longest.
      for (const kept of Object.values(this.freeSockets)) {
        while (kept?.[0] && (trip?.fresh || isStale(stamps.get(kept[0]) ?? NEVER, clock))) kept.shift()?.destroy()
      }
      if (trip) request.once('socket', (socket) => follow(trip, request, socket))
      addRequest.call(this, request, options)
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
export function createAgents(clock: Clock, trips: WeakMap<object, Trip>) {
  const [Http, Https] = [keeping(HttpAgent, clock, trips), keeping(HttpsAgent, clock, trips)]
  return { httpAgent: new Http(AGENT_OPTIONS), httpsAgent: new Https(AGENT_OPTIONS) }
}

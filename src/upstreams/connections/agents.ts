import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../call.js'
import { IDLE_MS, isStale, type Stamp, stampOf } from './idle.js'

/** One request on its way: what its connection and the code that waits for it tell each other. */
export interface Trip {
  /** Wanted: a new connection, because what is kept may be dead. */
  readonly fresh: boolean
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

interface RequestOptions {
  readonly headers?: object
}

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

  return class extends Base {
    override keepSocketAlive(socket: Duplex) {
      stamps.set(socket, stampOf(clock))
      return super.keepSocketAlive(socket)
    }

    /** Called by node for each request. */
    addRequest(request: ClientRequest, options: RequestOptions): void {
      const trip = trips.get(options.headers ?? this)
      // The list is in the order of last use: the first has been idle longest.
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
export function createAgents(clock: Clock, lookup: LookupFunction, trips: WeakMap<object, Trip>) {
  const [Http, Https] = [keeping(HttpAgent, clock, trips), keeping(HttpsAgent, clock, trips)]
  const options = { ...AGENT_OPTIONS, lookup }
  return { httpAgent: new Http(options), httpsAgent: new Https(options) }
}

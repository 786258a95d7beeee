import type { Agent as HttpAgent } from 'node:http'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Clock } from '../../call.js'
import type { Proxies } from '../../env.js'
import { AGENT_OPTIONS, createAgents, keeping, type Trip } from './agents.js'
import { createLookup } from './lookup.js'
import { proxyFault, proxyFor } from './proxy.js'

/** In milliseconds: longer than any call of the service may take, and the most for one request of an operator's. */
export const REQUEST_MS = 10_000

/** A call's own signal ends its requests; this ends those that have none, e.g. the SDK's own for credentials. */
const TIMEOUTS = {
  connectionTimeout: REQUEST_MS,
  requestTimeout: REQUEST_MS,
  throwOnRequestTimeout: true,
} as const

type Handle = NodeHttpHandler['handle']
type Request = Parameters<Handle>[0]
/** What `callAws` gives the SDK with a command, and the SDK hands on. */
type Options = Parameters<Handle>[1] & { readonly trip?: Trip }

/** Sends the requests of all AWS clients, over kept connections that are never used after being idle too long. */
export class RequestHandler extends NodeHttpHandler {
  readonly #clock: Clock
  readonly #lookup: LookupFunction
  readonly #proxies: Proxies
  readonly #trips: WeakMap<object, Trip>
  readonly #proxied = new Map<string, Promise<NodeHttpHandler>>()

  constructor(clock: Clock, proxies: Proxies) {
    const trips = new WeakMap<object, Trip>()
    const lookup = createLookup()
    super({ ...TIMEOUTS, ...createAgents(clock, lookup, trips) })
    this.#clock = clock
    this.#lookup = lookup
    this.#proxies = proxies
    this.#trips = trips
  }

  override async handle(request: Request, options: Options = {}): ReturnType<Handle> {
    if (options.trip) this.#trips.set(request.headers, options.trip)
    const proxy = proxyFor(request, this.#proxies)
    if (proxy === undefined) return super.handle(request, options)
    const handler = this.#proxied.get(proxy) ?? this.#through(proxy)
    this.#proxied.set(proxy, handler)
    return (await handler).handle(request, options)
  }

  override destroy(): void {
    super.destroy()
    for (const handler of this.#proxied.values()) void handler.then((one) => one.destroy())
  }

  /** Loaded only if a proxy is set: a cold start does without it. */
  async #through(proxy: string): Promise<NodeHttpHandler> {
    const { HttpProxyAgent, HttpsProxyAgent } = await import('hpagent')
    const Http = keeping(naming(HttpProxyAgent, proxy), this.#clock, this.#trips)
    const Https = keeping(naming(HttpsProxyAgent, proxy), this.#clock, this.#trips)
    // The only name that is looked up is the proxy's; hpagent's types leave the option out.
    const proxyRequestOptions: object = { lookup: this.#lookup }
    const options = { ...AGENT_OPTIONS, proxy, proxyRequestOptions }
    return new NodeHttpHandler({ ...TIMEOUTS, httpAgent: new Http(options), httpsAgent: new Https(options) })
  }
}

// biome-ignore lint/suspicious/noExplicitAny: TypeScript wants it so of a class that is extended.
type ProxyAgentClass = new (...args: any[]) => HttpAgent
type Connect = (
  this: HttpAgent,
  options: { readonly host?: string; readonly port?: number | string },
  done: (error: unknown, socket?: Duplex) => void,
) => void

/** A proxy's agent with faults that name the proxy. */
function naming<A extends ProxyAgentClass>(Base: A, proxy: string): A {
  const { createConnection } = Base.prototype as unknown as { createConnection: Connect }
  return class extends Base {
    /** Called by node for each new connection. */
    override createConnection(...[options, done]: Parameters<Connect>): Duplex | null | undefined {
      const target = `${options.host}:${options.port}`
      createConnection.call(this, options, (error, socket) => {
        done(error ? proxyFault(error, proxy, target, true) : error, socket)
      })
      return undefined
    }
  }
}

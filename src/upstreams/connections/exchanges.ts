import pLimit, { type LimitFunction } from 'p-limit'
import { Client, type Dispatcher, ProxyAgent } from 'undici'
import type { Clock } from '../../call.js'
import type { Proxies } from '../../env.js'
import { IDLE_MS, isStale, type Stamp, stampOf } from './idle.js'
import { createLookup } from './lookup.js'
import { proxyFault, proxyFor } from './proxy.js'

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly text: string
}

/** What came of one request. `sent`: bytes of it may have left this process. */
export type Exchange =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly error: unknown; readonly sent: boolean }

/** One HTTP request; its signal ends it. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Of a POST. */
  readonly body?: string
  readonly signal: AbortSignal
}

/** Sends requests that must not be sent twice, over new or kept connections, one request at a time on each. */
export interface Exchanges {
  /** Sends a request. Never throws, and never repeats what may have been sent. */
  send(request: ExchangeRequest): Promise<Exchange>
  close(): Promise<void>
}

/** Largest answer, in bytes: a real one is one small object. */
const RESPONSE_BYTES_MAX = 65_536
/**
 * Connections per Backend API host: 500 verifications a second at 100 ms each take 50, and a tenant whose calls all hang
 * takes `limits.concurrentCalls`, 16 by default, so that 28 such tenants still leave enough for the others.
 */
const CONNECTIONS_MAX = 512

/** One connection and what may be sent over it. */
interface Line {
  readonly dispatcher: Dispatcher
  /** When its last answer had been read; undefined while none has. */
  usedAt: Stamp | undefined
}

/** The lines to one host. */
interface Host {
  readonly limit: LimitFunction
  /** Idle lines, the last used at the end. */
  readonly kept: Line[]
}

const OPTIONS = {
  pipelining: 1,
  // A timer that only closes connections that nobody uses any more; before each use the clocks decide.
  keepAliveTimeout: IDLE_MS,
  keepAliveMaxTimeout: IDLE_MS,
  maxResponseSize: RESPONSE_BYTES_MAX,
  // The kernel probes an idle connection each second, so that no proof is lost on a dead one.
  connect: { timeout: 3_000, keepAlive: true, keepAliveInitialDelay: 1_000 },
} as const

/**
 * Makes exchanges that keep connections to each host.
 * @param keptMs how long a connection may have been idle to be used again; 0: none is ever used twice
 */
export function createExchanges(clock: Clock, proxies: Proxies, keptMs: number): Exchanges {
  const hosts = new Map<string, Host>()
  const lookup = createLookup()
  const options = { ...OPTIONS, connect: { ...OPTIONS.connect, lookup } }

  function hostOf(origin: string): Host {
    const host = hosts.get(origin) ?? { limit: pLimit(CONNECTIONS_MAX), kept: [] }
    hosts.set(origin, host)
    return host
  }

  function forget(origin: string, { limit, kept }: Host): void {
    if (kept.length === 0 && limit.activeCount === 0 && limit.pendingCount === 0) hosts.delete(origin)
  }

  /** Closes what is idle, and never what runs. */
  function drop(lines: Line[]): void {
    for (const { dispatcher } of lines.splice(0)) dispatcher.destroy().catch(() => undefined)
  }

  function open(url: URL, host: Host): Line {
    const line: Line = { dispatcher: createDispatcher(url, onClose), usedAt: undefined }
    function onClose(): void {
      const index = host.kept.indexOf(line)
      if (index === -1) return
      drop(host.kept.splice(index, 1))
      forget(url.origin, host)
    }
    return line
  }

  function createDispatcher({ origin, protocol, hostname, port }: URL, onClose: () => void): Dispatcher {
    const factory = (origin: string | URL, options: object) => new Client(origin, options).on('disconnect', onClose)
    const proxy = proxyFor({ protocol, hostname, port }, proxies)
    if (proxy === undefined) return factory(origin, options)
    return new ProxyAgent({ ...options, uri: proxy, factory, proxyTls: { lookup } })
  }

  /** An exchange's fault, in words that name the proxy if it is the proxy's. */
  function faultOf(error: unknown, { protocol, hostname, port, host }: URL): unknown {
    const proxy = proxyFor({ protocol, hostname, port }, proxies)
    const target = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host
    return proxy === undefined ? error : proxyFault(error, proxy, target)
  }

  async function exchange(host: Host, url: URL, request: ExchangeRequest): Promise<Exchange> {
    const { kept } = host
    // The first has been idle longest.
    while (kept[0]?.usedAt && isStale(kept[0].usedAt, clock, keptMs)) drop(kept.splice(0, 1))
    const line = kept.pop() ?? open(url, host)
    const exchanged = await exchangeOver(line.dispatcher, url, request)
    // If a kept connection was dead or silent, all of them may be.
    if (exchanged.kind === 'failed' && line.usedAt) drop(kept)
    if (exchanged.kind === 'answered' && keptMs > 0) {
      line.usedAt = stampOf(clock)
      kept.push(line)
    } else drop([line])
    return exchanged
  }

  return {
    async send(request) {
      const url = new URL(request.url)
      const host = hostOf(url.origin)
      const once = () => host.limit(() => exchange(host, url, request))
      const first = await once()
      // What has never left may be sent again: a kept connection may have been closed just then.
      const last = first.kind === 'failed' && !first.sent && !request.signal.aborted ? await once() : first
      forget(url.origin, host)
      return last.kind === 'failed' ? { ...last, error: faultOf(last.error, url) } : last
    },
    async close() {
      for (const { kept } of hosts.values()) drop(kept)
    },
  }
}

function exchangeOver(dispatcher: Dispatcher, url: URL, request: ExchangeRequest): Promise<Exchange> {
  const { method, signal, headers, body = null } = request
  return new Promise((resolve) => {
    let [sent, status] = [false, 0]
    const chunks: Buffer[] = []
    // The connection carries this request alone.
    const abort = () => void dispatcher.destroy(signal.reason)
    const end = (exchanged: Exchange) => {
      signal.removeEventListener('abort', abort)
      resolve(exchanged)
    }
    if (signal.aborted) return end({ kind: 'failed', error: signal.reason, sent })
    signal.addEventListener('abort', abort)
    const { origin, pathname, search } = url
    // The signal ends the call; undici's own timers are up to half a second early.
    const timers = { headersTimeout: 0, bodyTimeout: 0 }
    dispatcher.dispatch(
      { origin, path: pathname + search, method, headers, body, ...timers },
      {
        // Called when the connection is open, just before the first byte is written.
        onRequestStart() {
          sent = true
        },
        onResponseStart(_controller, statusCode) {
          status = statusCode
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk)
        },
        onResponseEnd: () => end({ kind: 'answered', answer: { status, text: Buffer.concat(chunks).toString() } }),
        onResponseError: (_controller, error) => end({ kind: 'failed', error, sent }),
      },
    )
  })
}

import http from 'node:http'
import https from 'node:https'
import { setImmediate } from 'node:timers/promises'
import type { Call, Clock } from '../../src/call.js'

/** What came of one request. */
export type Posted =
  /** `body` is undefined if it was no JSON. */
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  /** `unsent`: no connection came about, so no container has seen the request. */
  | { readonly kind: 'failed'; readonly reason: 'unsent' | 'timeout' | 'reset' | 'too_large' }

/** The way to the container door, over connections that are kept. */
export interface Connection {
  /** Sends JSON once, within the time that the call has left. Never rejects, never follows a redirect. */
  post(path: string, headers: Readonly<Record<string, string>>, body: Buffer, call: Call): Promise<Posted>
  close(): void
}

/** A load balancer's address that does not answer is given up for another one; across zones a connection takes 2 ms. */
const CONNECT_MS = 1_000
/** Less than the 60 s after which the load balancer closes an idle connection (ALB's default). */
const IDLE_MS = 20_000
/** More than any event that the door takes (1 MiB), and less than Lambda could give back (6 MB, fact A25). */
const ANSWER_BYTES_MAX = 4_194_304

/** @param origin an https origin, or an http one on loopback */
export function createConnection(origin: URL, clock: Clock): Connection {
  const { Agent, request } = origin.protocol === 'https:' ? https : http
  let agent = new Agent({ keepAlive: true })
  let usedAt = clock.now()

  /**
   * A frozen environment does not see a connection end, and a proof sent over such a one could not be sent again. So a
   * connection that was idle for long is dropped, by the wall clock, since timers froze too; one that has ended
   * meanwhile is noticed, which takes a whole turn of the loop, and dropped as well.
   */
  async function wake(): Promise<void> {
    if (clock.now() - usedAt > IDLE_MS) {
      agent.destroy()
      agent = new Agent({ keepAlive: true })
    }
    usedAt = clock.now()
    await setImmediate()
    await setImmediate()
    for (const socket of Object.values(agent.freeSockets).flat()) if (socket?.readableEnded) socket.destroy()
  }

  return {
    async post(path, headers, body, call) {
      await wake()
      const posted = await call.slice(undefined, (signal) => {
        const outgoing = request(new URL(path, origin), { method: 'POST', headers, agent, signal })
        return exchange(outgoing, body, signal, clock)
      })
      usedAt = clock.now()
      return posted
    },
    close: () => agent.destroy(),
  }
}

function exchange(outgoing: http.ClientRequest, body: Buffer, signal: AbortSignal, clock: Clock): Promise<Posted> {
  return new Promise((resolve) => {
    const isConnected = watchConnect(outgoing, clock)
    const failed = (reason: 'reset' | 'too_large') => resolve({ kind: 'failed', reason })
    outgoing.on('error', () => {
      if (signal.aborted) resolve({ kind: 'failed', reason: 'timeout' })
      else if (isConnected()) failed('reset')
      else resolve({ kind: 'failed', reason: 'unsent' })
    })
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      let bytes = 0
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= ANSWER_BYTES_MAX) return void chunks.push(chunk)
        failed('too_large')
        outgoing.destroy()
      })
      incoming.on('error', () => (signal.aborted ? resolve({ kind: 'failed', reason: 'timeout' }) : failed('reset')))
      incoming.on('end', () => {
        resolve({ kind: 'answered', status: incoming.statusCode ?? 0, body: parseJson(Buffer.concat(chunks)) })
      })
    })
    outgoing.end(body)
  })
}

/** Gives a connection up that does not come about, and tells whether one was there: before that, no byte has left. */
function watchConnect(outgoing: http.ClientRequest, clock: Clock): () => boolean {
  let connected = false
  const cancel = clock.after(CONNECT_MS, () => outgoing.destroy(new Error('no connection')))
  const ready = () => {
    connected = true
    cancel()
  }
  outgoing.on('socket', (socket) => {
    if (outgoing.reusedSocket || !socket.connecting) ready()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', ready)
  })
  outgoing.on('close', cancel)
  return () => connected
}

/** Plain JSON.parse, which keeps a key `__proto__` a key. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

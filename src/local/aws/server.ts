import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, pause } from '../../call.js'
import type { Identity, Principal } from './identity.js'
import { awsJsonError, parseJson } from './json.js'
import { type SignedRequest, verifySignature } from './signature.js'

export interface WireRequest extends SignedRequest {
  /** Verified signer, if the service authenticates with SigV4. */
  readonly principal?: Principal
  /** Region that the request was signed for. */
  readonly region?: string
}

export interface WireAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Objects are sent as JSON. */
  readonly body?: string | Buffer | object
}

export interface RecordedCall {
  readonly operation: string
  /** ARN of the verified signer, or what the stand-in calls its caller. */
  readonly principal: string | undefined
  readonly input: unknown
  /** By the injected clock. */
  readonly at: number
  /** Ordinal of the TCP connection, from 1: lets tests see keep-alive. */
  readonly connection: number
}

/** How a request ended. */
export interface CallEnd {
  /** undefined: nothing was answered. */
  readonly answer: WireAnswer | undefined
  readonly ms: number
}

/** Is told of each request as it comes, and answers what is told of its end. */
export type CallWatcher = (call: RecordedCall) => (end: CallEnd) => void

export type Fault =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }
  /** Waits for what `until` answers, then serves the request: a test decides what happens before. */
  | { readonly kind: 'held'; readonly until: (call: RecordedCall) => Promise<unknown> | undefined }
  | { readonly kind: 'status'; readonly status: number }
  /** Refuses the signatures of the next so many requests with this code, as the service words that. */
  | { readonly kind: 'unsigned'; readonly code: string; readonly times: number }
  /** Refuses what the caller asks as the service does if a right is missing. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'garbage' }
  /** Decides for each call; what it leaves alone is served. */
  | { readonly kind: 'chosen'; readonly of: (call: RecordedCall) => ChosenFault | undefined }
  /** Answers in the service's place, down to the bytes on the socket; a request that `say` does not take is served. */
  | { readonly kind: 'say'; readonly say: (response: ServerResponse, call: RecordedCall) => boolean }

/** A fault of one call. */
export type ChosenFault = Exclude<Fault, { kind: 'refuse' | 'unsigned' | 'chosen' }>

/** Faults under which a request may wait. */
const HOLDING: readonly Fault['kind'][] = ['hang', 'slow', 'say']

/** A running stand-in for one counterpart of the gateway. */
export interface StandIn {
  readonly name: string
  readonly url: string
  readonly port: number
  readonly calls: RecordedCall[]
  /**
   * Breaks the stand-in; `undefined` heals it. `refuse` really closes the listener, and healing reopens the same port.
   * `only` limits the fault to one operation, which `refuse` cannot.
   */
  setFault(fault: Fault | undefined, only?: string): Promise<void>
  /** How many requests a fault holds whose clients still wait. */
  waiting(): number
  /** From now on, has every request and its end told. */
  watch(watcher: CallWatcher): void
  stop(): Promise<void>
}

interface StandInOptions {
  readonly name: string
  /** 0 or none: any free one. */
  readonly port?: number | undefined
  readonly clock: Clock
  /** Names the operation, e.g. from x-amz-target, for recording and faults. */
  operationOf(request: WireRequest): string
  handle(request: WireRequest, operation: string): Promise<WireAnswer> | WireAnswer
  /** How this service words an HTTP error status (429, 500 …) of an injected fault. */
  faultAnswer(status: number): WireAnswer
  /** If given, every request's SigV4 signature is checked against it before handle(). */
  readonly identity?: Identity
  /** Name of the service in the signature's scope; `name` by default. */
  readonly service?: string
  /** Error answer when authentication fails; by default as JSON services give it. */
  denied?(code: string, message: string): WireAnswer
  /** Operations that need no signature. */
  readonly unsigned?: readonly string[]
  /** What calls[].input records; by default the parsed JSON body. */
  inputOf?(request: WireRequest): unknown
  /** Names the caller for calls[].principal if the service does not use SigV4. */
  callerOf?(request: WireRequest): string | undefined
}

async function readRequest(message: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const [path = '/', query = ''] = (message.url ?? '/').split(/\?(.*)/s)
  const { method = 'GET', headers } = message
  return { method, path, query: new URLSearchParams(query), headers, body: Buffer.concat(chunks) }
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: WireAnswer, skewMs = 0): void {
  if (skewMs !== 0) response.setHeader('date', new Date(Date.now() + skewMs).toUTCString())
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  if (bytes !== body) response.setHeader('content-type', 'application/json')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.writeHead(status).end(bytes)
}

function jsonBody({ body }: WireRequest): unknown {
  return parseJson(body) ?? body.toString()
}

/** Who sent the request, or what the service answers instead of serving it. */
async function authenticate(request: WireRequest, operation: string, options: StandInOptions) {
  const { identity, unsigned, clock, service = options.name, denied = awsJsonError } = options
  if (!identity || unsigned?.includes(operation)) return { request }
  const verified = await verifySignature(request, service, identity, clock)
  if ('code' in verified) return { request, refusal: denied(verified.code, verified.message) }
  return { request: { ...request, ...verified } }
}

/** What the service answers; a bug in a stand-in must be seen at once, not look like an outage. */
async function answerOf(request: WireRequest, operation: string, options: StandInOptions): Promise<WireAnswer> {
  try {
    return await options.handle(request, operation)
  } catch (error) {
    const { headers, ...answer } = options.faultAnswer(500)
    return { ...answer, headers: { ...headers, 'x-stand-in-error': encodeURIComponent(String(error)) } }
  }
}

function oneLess(fault: Extract<Fault, { kind: 'unsigned' }>): Fault {
  return { ...fault, times: fault.times - 1 }
}

/**
 * Resets a connection. One that is being ended is closed: it cannot be reset any more, and Node 20 would keep the handle of one
 * that it tried to reset for ever.
 */
export function resetConnection(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** Applies a fault to a request; an answer replaces the real one, `taken` means that there will be none. */
async function applyFault(
  fault: Exclude<Fault, { kind: 'chosen' }>,
  response: ServerResponse,
  call: RecordedCall,
  options: StandInOptions,
): Promise<WireAnswer | 'taken' | undefined> {
  switch (fault.kind) {
    case 'slow':
      await pause(fault.ms, options.clock)
      return undefined
    case 'held':
      await fault.until(call)
      return undefined
    case 'status':
      return options.faultAnswer(fault.status)
    case 'unsigned':
      return (options.denied ?? awsJsonError)(fault.code, 'The signature does not match.')
    case 'denied':
      return options.denied === undefined && options.identity === undefined
        ? options.faultAnswer(403)
        : (options.denied ?? awsJsonError)('AccessDeniedException', 'The caller is not authorized to perform this.')
    case 'garbage':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"half": <an answ' }
    case 'hang':
      return 'taken'
    case 'say':
      return fault.say(response, call) ? 'taken' : undefined
    case 'refuse':
    case 'reset':
      resetConnection(response.req.socket)
      return 'taken'
    default:
      return fault satisfies never
  }
}

/**
 * Starts an HTTP server on 127.0.0.1 that records calls, checks signatures and can be broken on request.
 * @throws node's own error if the port is taken: `code` EADDRINUSE, with `port`
 */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { name, clock } = options
  const calls: RecordedCall[] = []
  const connections = new WeakMap<Socket, number>()
  const waiting = new Set<ServerResponse>()
  const watchers: CallWatcher[] = []
  let connectionCount = 0
  let current: { fault: Fault; only: string | undefined } | undefined

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await readRequest(message)
    const operation = options.operationOf(received)
    const { request, refusal } = await authenticate(received, operation, options)
    const call: RecordedCall = {
      operation,
      principal: request.principal?.arn ?? options.callerOf?.(request),
      input: (options.inputOf ?? jsonBody)(request),
      at: clock.now(),
      connection: connections.get(message.socket) ?? 0,
    }
    calls.push(call)
    const startedAt = clock.elapsed()
    const ends = watchers.map((watcher) => watcher(call))
    const ended = (answer: WireAnswer | undefined) => {
      for (const end of ends) end({ answer, ms: clock.elapsed() - startedAt })
    }
    const set = (current?.only ?? operation) === operation ? current?.fault : undefined
    const fault = set?.kind === 'chosen' ? set.of(call) : set
    if (fault && HOLDING.includes(fault.kind)) {
      waiting.add(response)
      response.once('close', () => waiting.delete(response))
    }
    if (fault?.kind === 'unsigned')
      current = fault.times > 1 ? { fault: oneLess(fault), only: current?.only } : undefined
    const forced = fault && (await applyFault(fault, response, call, options))
    if (forced === 'taken') {
      if (response.closed || response.destroyed) ended(undefined)
      else response.once('close', () => ended(undefined))
      return
    }
    waiting.delete(response)
    const answer = forced ?? refusal ?? (await answerOf(request, operation, options))
    ended(answer)
    send(response, answer, options.identity?.skewMs)
  }
  // A client that gave up while its request was read gets no answer.
  const server = createServer((message, response) => void serve(message, response).catch(() => message.destroy()))
  // Above the idle time of every client, so that no test meets a connection that closes under it.
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => connections.set(socket, ++connectionCount))

  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })

  await listen(options.port ?? 0)
  const { port } = server.address() as AddressInfo
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    port,
    calls,
    async setFault(fault, only) {
      if (fault?.kind === 'refuse' && only !== undefined)
        throw new Error('A whole listener refuses, not one operation.')
      current = fault && { fault, only }
      if (fault?.kind === 'refuse' && server.listening) await close()
      if (fault?.kind !== 'refuse' && !server.listening) await listen(port)
    },
    waiting: () => waiting.size,
    watch: (watcher) => void watchers.push(watcher),
    async stop() {
      if (server.listening) await close()
    },
  }
}

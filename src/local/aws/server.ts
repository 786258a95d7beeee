import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { sufferFault } from './fault.js'
import { awsJsonError } from './json.js'
import { verifySignature } from './signature.js'
import type { Fault, RecordedCall, StandIn, StandInOptions, WireAnswer, WireRequest } from './wire.js'

export type { Fault, RecordedCall, StandIn, StandInOptions, WireAnswer, WireRequest } from './wire.js'

async function readRequest(message: IncomingMessage): Promise<WireRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  const [path = '/', query = ''] = (message.url ?? '/').split(/\?(.*)/s)
  const { method = 'GET', headers } = message
  return { method, path, query: new URLSearchParams(query), headers, body: Buffer.concat(chunks) }
}

function send(response: ServerResponse, { status, headers = {}, body = '' }: WireAnswer): void {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  if (bytes !== body) response.setHeader('content-type', 'application/json')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.writeHead(status).end(bytes)
}

function jsonBody({ body }: WireRequest): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return body.toString()
  }
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

/**
 * Starts an HTTP server on 127.0.0.1 that records calls, checks signatures and can be broken on request.
 * @throws node's own error where the port is taken: `code` EADDRINUSE, with `port`
 */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { name, clock } = options
  const calls: RecordedCall[] = []
  const connections = new WeakMap<Socket, number>()
  let connectionCount = 0
  let current: { fault: Fault; only: string | undefined } | undefined

  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const received = await readRequest(message)
    const operation = options.operationOf(received)
    const { request, refusal } = await authenticate(received, operation, options)
    calls.push({
      operation,
      principal: request.principal?.arn ?? options.callerOf?.(request),
      input: (options.inputOf ?? jsonBody)(request),
      at: clock.now(),
      connection: connections.get(message.socket) ?? 0,
    })
    const hit = current !== undefined && (current.only ?? operation) === operation
    const forced = hit && current ? await sufferFault(current.fault, message, options) : undefined
    if (forced !== 'taken') send(response, forced ?? refusal ?? (await answerOf(request, operation, options)))
  }
  // A client that gave up while its request was read leaves nobody to tell.
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
    async stop() {
      if (server.listening) await close()
    },
  }
}

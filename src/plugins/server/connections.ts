import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyHttpOptions } from 'fastify'
import { GATEWAY_VERSION } from '../../env.js'
import {
  type GatewayError,
  MethodNotAllowed,
  RequestHeadersTooLarge,
  RequestInvalid,
  RequestLate,
  reasonOf,
} from '../../errors.js'
import { GIVEN_UP } from '../body.js'
import type { LineFacts } from '../log-line.js'
import { createRequestId } from '../logging.js'

/** How many connections a port takes, how long a request may take to arrive on one, and how long one may stand still. */
export interface ConnectionLimits {
  readonly connectionsMax: number
  /** Milliseconds from the first byte of a request to its last. */
  readonly arrivalMs: number
  /** Milliseconds for which no byte may move, from a request's arrival until its answer has been taken. */
  readonly silentMs: number
}

/** Twice the longest time that a request may be under way: only a peer that does not read is silent for so long. */
const SILENT_MS = 10_000

/** The door: as many calls as a container can have under way, and what load balancers keep open beside them. */
export const DOOR_LIMITS: ConnectionLimits = { connectionsMax: 4_096, arrivalMs: 5_000, silentMs: SILENT_MS }
/** A few scrapers. */
export const METRICS_LIMITS: ConnectionLimits = { connectionsMax: 64, arrivalMs: 5_000, silentMs: SILENT_MS }

/** How many times Node looks for late requests in the time that they have. */
const LOOKS = 10

/**
 * Server options that bound the time in which a request arrives and its answer is taken, and that word every refusal as the
 * app does.
 */
export function serverOptions({ arrivalMs, silentMs }: ConnectionLimits, log: FastifyBaseLogger) {
  return {
    requestTimeout: arrivalMs,
    // Between two requests, the time for which a connection is kept applies instead.
    connectionTimeout: silentMs,
    // A request on a connection that is kept is answered while the process stops; the answer closes it.
    return503OnClosing: false,
    http: {
      requestTimeout: arrivalMs,
      headersTimeout: arrivalMs,
      connectionsCheckingInterval: Math.ceil(arrivalMs / LOOKS),
      // Node's own refusal has neither a body nor a line.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => giveUp(socket, failureOf(error), log),
  } as const satisfies FastifyHttpOptions<Server>
}

/** Bounds a server's connections; further ones are closed at once. */
export function boundConnections(server: Server, { connectionsMax }: ConnectionLimits, log: FastifyBaseLogger): void {
  server.maxConnections = connectionsMax
  // Node would close a CONNECT without an answer, and answer an unknown `expect` without a body.
  server.on('connect', (_request, socket) => giveUp(socket as Socket, new MethodNotAllowed(), log))
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
}

function failureOf({ code }: NodeJS.ErrnoException): GatewayError | undefined {
  if (code === 'ECONNRESET') return undefined
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestLate()
  if (code === 'HPE_HEADER_OVERFLOW') return new RequestHeadersTooLarge()
  return new RequestInvalid('it is not HTTP')
}

/** Ends the request that is arriving. If its headers are here, the app answers it, otherwise this does. */
function giveUp(socket: Socket, failure: GatewayError | undefined, log: FastifyBaseLogger): void {
  if (failure && socket.emit(GIVEN_UP, failure)) return
  // A connection on which nothing ever arrived was no request.
  if (failure && socket.writable && socket.bytesRead > 0) refuse(socket, failure, log)
  else socket.destroy()
}

function refuse(socket: Socket, failure: GatewayError, log: FastifyBaseLogger): void {
  const requestId = createRequestId()
  const { code, message, statusCode } = failure
  const line: LineFacts = { msg: 'request', outcome: 'rejected', reason: reasonOf(failure) }
  const { outcome, reason } = line
  log.warn({ outcome, reason, requestId, gatewayVersion: GATEWAY_VERSION, err: failure }, line.msg)
  const body = JSON.stringify({ code, message, requestId })
  const head = [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

import type { IncomingMessage } from 'node:http'
import { type GatewayError, Overloaded, RequestInvalid, RequestTooLarge } from '../errors.js'

/** The largest body, and the most memory for all bodies that are still arriving together, in bytes. */
export interface BodyLimits {
  readonly bytesMax: number
  readonly unfinishedBytesMax: number
}

/** Hands over a request's bytes once all are here, or the error if they never will be; calls `done` once. */
export type ReadBody = (message: IncomingMessage, done: (error: GatewayError | null, body?: Buffer) => void) => void

/** Emitted on a connection, with the failure, if the server gives up the request that is arriving on it. */
export const GIVEN_UP = 'given up'

/** Memory that a piece takes beside its bytes: a sender can cut a body into pieces of one byte. */
const PIECE_BYTES = 128

/** Makes a reader that refuses with GW_ERR_REQUEST_TOO_LARGE, GW_ERR_OVERLOADED or GW_ERR_REQUEST_INVALID. */
export function createBodyReader({ bytesMax, unfinishedBytesMax }: BodyLimits): ReadBody {
  let unfinished = 0
  return (message, done) => {
    if (Number(message.headers['content-length']) > bytesMax) return done(new RequestTooLarge())
    const { socket } = message as { socket?: IncomingMessage['socket'] }
    const pieces: Buffer[] = []
    let [bytes, held] = [0, 0]
    const take = (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      held += piece.length + PIECE_BYTES
      unfinished += piece.length + PIECE_BYTES
      if (bytes > bytesMax) end(new RequestTooLarge())
      else if (unfinished > unfinishedBytesMax) end(new Overloaded())
    }
    const finish = () => end(null)
    const breakOff = () => end(new RequestInvalid('its body broke off'))
    const end = (error: GatewayError | null) => {
      unfinished -= held
      message.off('data', take).off('end', finish).off('error', breakOff)
      socket?.off(GIVEN_UP, end)
      // Whatever else arrives of it is read and dropped, so that the answer gets through.
      if (error) message.on('error', () => undefined).resume()
      done(error, error ? undefined : Buffer.concat(pieces, bytes))
    }
    message.on('data', take).on('end', finish).on('error', breakOff)
    socket?.on(GIVEN_UP, end)
  }
}

import type { IncomingMessage } from 'node:http'
import { type GatewayError, Overloaded, RequestInvalid, RequestTooLarge } from '../errors.js'

/** The largest body, and the most memory for all bodies together that are arriving or not released yet, in bytes. */
export interface BodyLimits {
  readonly bytesMax: number
  readonly heldBytesMax: number
}

/** A whole body. */
export interface Body {
  readonly bytes: Buffer
  /** To be called once, when it is decided whether the request is served: until then strangers may have sent it. */
  release(): void
}

/** Hands over a request's body once it is whole, or the error if it never will be; calls `done` once. */
export type ReadBody = (message: IncomingMessage, done: (error: GatewayError | null, body?: Body) => void) => void

/** Emitted on a connection, with the failure, if the server gives up the request that is arriving on it. */
export const GIVEN_UP = 'given up'

/** Memory that a piece takes beside its bytes: a sender can cut a body into pieces of one byte. */
const PIECE_BYTES = 128

/** Makes a reader that refuses with GW_ERR_REQUEST_TOO_LARGE, GW_ERR_OVERLOADED or GW_ERR_REQUEST_INVALID. */
export function createBodyReader({ bytesMax, heldBytesMax }: BodyLimits): ReadBody {
  let heldByAll = 0
  return (message, done) => {
    if (Number(message.headers['content-length']) > bytesMax) return done(new RequestTooLarge())
    const { socket } = message as { socket?: IncomingMessage['socket'] }
    const pieces: Buffer[] = []
    let [bytes, held] = [0, 0]
    const take = (piece: Buffer) => {
      pieces.push(piece)
      bytes += piece.length
      held += piece.length + PIECE_BYTES
      heldByAll += piece.length + PIECE_BYTES
      if (bytes > bytesMax) end(new RequestTooLarge())
      else if (heldByAll > heldBytesMax) end(new Overloaded())
    }
    const finish = () => end(null)
    const breakOff = () => end(new RequestInvalid('its body broke off'))
    const end = (error: GatewayError | null) => {
      heldByAll -= held
      message.off('data', take).off('end', finish).off('error', breakOff)
      socket?.off(GIVEN_UP, end)
      // Whatever else arrives of it is read and dropped, so that the answer gets through.
      if (error) message.on('error', () => undefined).resume()
      if (error) return done(error)
      heldByAll += bytes
      const release = () => {
        heldByAll -= bytes
      }
      done(null, { bytes: Buffer.concat(pieces, bytes), release })
    }
    message.on('data', take).on('end', finish).on('error', breakOff)
    socket?.on(GIVEN_UP, end)
  }
}

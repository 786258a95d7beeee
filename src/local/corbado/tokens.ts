import { randomBytes } from 'node:crypto'
import type { Clock } from '../../call.js'
import { fieldAt, textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import type { WireAnswer } from '../aws/server.js'
import { failure } from './answers.js'

const TOKEN_TYPES = ['passkey-append', 'passkey-delete', 'passkey-list', 'passkey-login']
/** For an hour, if it is not said (fact C13). */
const LIFE_SECONDS = 3_600

/** A connect token that was given out: what its holder may do once, for whom. */
export interface ConnectToken {
  readonly projectId: string
  readonly type: string
  /** The Cognito user name. */
  readonly identifier: string
  /** What the user sees; the identifier if none was given. */
  readonly displayName: string
  /** Seconds since the epoch. */
  readonly expires: number
}

export interface ConnectTokens {
  /** Answers `POST /v2/connectTokens`. */
  create(projectId: string, body: Buffer): WireAnswer
  /**
   * What a token allows; undefined if it is none of this project and type, has ended or was used. One for the list can be
   * used until it ends, as Corbado's own list sends it again after each change.
   */
  take(projectId: string, type: string, secret: string): ConnectToken | undefined
}

/** Makes connect tokens and remembers them until they are used. */
export function createConnectTokens(clock: Clock): ConnectTokens {
  const given = new Map<string, ConnectToken>()
  const nowSeconds = () => Math.floor(clock.now() / 1_000)

  /** The map keeps the order in which they were given, and nearly that of their ends. */
  function forgetOld(): void {
    for (const [secret, { expires }] of given) {
      if (expires > nowSeconds()) return
      given.delete(secret)
    }
  }

  return {
    create(projectId, body) {
      const input = parseJson(body)
      if (input === undefined) return failure(400, { type: 'invalid_json' })
      const [type, identifier] = [textAt(input, 'type'), textAt(input, 'data', 'identifier')]
      const displayName = textAt(input, 'data', 'displayName')
      if (!type || !TOKEN_TYPES.includes(type) || !identifier) return failure(400, { type: 'validation_error' })
      if (type === 'passkey-append' && !displayName) return failure(400, { type: 'validation_error' })
      forgetOld()
      const id = `ctk-${randomBytes(8).readBigUInt64BE()}`
      const secret = `ctk1_${randomBytes(32).toString('base64url')}`
      const expires = nowSeconds() + LIFE_SECONDS
      given.set(secret, { projectId, type, identifier, displayName: displayName || identifier, expires })
      const data = fieldAt(input, 'data')
      return { status: 200, body: { id, tokenType: type, data, connectTokenStatus: 'initial', secret, expires } }
    },
    take(projectId, type, secret) {
      const token = given.get(secret)
      if (token?.projectId !== projectId || token.type !== type || token.expires <= nowSeconds()) return undefined
      if (type !== 'passkey-list') given.delete(secret)
      return token
    },
  }
}

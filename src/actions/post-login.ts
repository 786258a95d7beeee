import { decodeJwt } from 'jose'
import { type Static, Type } from 'typebox'
import { ActionNotConfigured, actionRefused } from '../errors.js'
import { isUsername } from '../ids.js'
import { type Action, ActionPayload } from './action.js'

const PostLoginPayload = Type.Object({ ...ActionPayload.properties, signedPasskeyData: Type.String() })
type PostLoginPayload = Static<typeof PostLoginPayload>

/** A proof is about 900 characters (fact C5); Verify refuses a longer one too. */
const PROOF_BYTES_MAX = 16_384

/**
 * The user name that a proof claims; undefined if there is none. Nothing is verified here: in the login itself, Verify asks
 * Corbado.
 */
export function userOf(signedPasskeyData: string): string | undefined {
  if (Buffer.byteLength(signedPasskeyData) > PROOF_BYTES_MAX) return undefined
  try {
    const { webauthnId } = decodeJwt(signedPasskeyData)
    return typeof webauthnId === 'string' && isUsername(webauthnId) ? webauthnId : undefined
  } catch {
    return undefined
  }
}

/** Exchanges a proof for a session: signs its user in through the pool's custom authentication and answers Cognito's tokens. */
export const postLogin: Action<typeof PostLoginPayload> = {
  name: 'post-login',
  schema: PostLoginPayload,
  userOf: ({ signedPasskeyData }) => userOf(signedPasskeyData),
  whenOff() {
    throw actionRefused('passkeys_off')
  },
  async handle({ signedPasskeyData }: PostLoginPayload, tenant) {
    const { postLogin: client } = tenant.config.actions
    if (!client) throw new ActionNotConfigured()
    const username = userOf(signedPasskeyData)
    if (username === undefined) throw actionRefused()
    const signedIn = await tenant.signIn(client, username, signedPasskeyData)
    if (signedIn.kind === 'refused') throw actionRefused()
    return { body: { session: JSON.stringify(signedIn.tokens) }, outcome: 'signed_in' }
  },
}

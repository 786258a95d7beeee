import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { textAt } from '../../../fields.js'
import type { Passkey } from './passkeys.js'

/** For whom passkeys are made, and on whose pages they may be used. */
export interface RelyingParty {
  readonly rpId: string
  readonly origins: readonly string[]
}

type RegistrationResponse = Parameters<typeof verifyRegistrationResponse>[0]['response']
type AuthenticationResponse = Parameters<typeof verifyAuthenticationResponse>[0]['response']

/** Options travel as JSON in JSON, and so do the answers to them. */
const wrapped = (publicKey: object) => JSON.stringify({ publicKey })

const credentials = (passkeys: readonly Passkey[]) =>
  passkeys.map(({ credentialId: id, transports }) => ({ id, transports: [...transports] }))

/** Asks for a new passkey of a user, on a device that has none yet. */
export async function registrationOptions(
  { rpId: rpID }: RelyingParty,
  user: { readonly username: string; readonly displayName: string; readonly rpName: string },
  existing: readonly Passkey[],
) {
  const options = await generateRegistrationOptions({
    rpName: user.rpName,
    rpID,
    userID: new Uint8Array(Buffer.from(user.username)),
    userName: user.displayName,
    userDisplayName: user.displayName,
    excludeCredentials: credentials(existing),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })
  return { challenge: options.challenge, options: wrapped(options) }
}

/** Asks for one of these passkeys; for any of the relying party's, if none are named. */
export async function authenticationOptions({ rpId: rpID }: RelyingParty, allowed: readonly Passkey[]) {
  const options = await generateAuthenticationOptions({
    rpID,
    userVerification: 'required',
    allowCredentials: credentials(allowed),
  })
  return { challenge: options.challenge, options: wrapped(options) }
}

/** A response as a browser sent it; undefined if the text is none. */
function parseResponse<T extends { readonly id: string }>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text)
    // What else it must have is checked by the library, which refuses all that it cannot read.
    return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string'
      ? (value as T)
      : undefined
  } catch {
    return undefined
  }
}

/** The credential that a response says it is of. */
export const credentialIdOf = (response: string) => parseResponse<AuthenticationResponse>(response)?.id

/** A new passkey, if the response is a valid answer to this challenge; undefined if not. */
export async function verifyRegistration({ rpId, origins }: RelyingParty, challenge: string, text: string) {
  const response = parseResponse<RegistrationResponse>(text)
  if (!response) return undefined
  const verified = await verifyRegistrationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: [...origins],
    expectedRPID: rpId,
  }).catch(() => undefined)
  if (!verified?.verified) return undefined
  const { credential, aaguid, credentialDeviceType, credentialBackedUp } = verified.registrationInfo
  return {
    credentialId: credential.id,
    publicKey: credential.publicKey,
    counter: credential.counter,
    transports: credential.transports ?? [],
    aaguid,
    synced: credentialDeviceType === 'multiDevice',
    backedUp: credentialBackedUp,
  }
}

/** The authenticator's new count, if the response is a valid use of the passkey for this challenge; undefined if not. */
export async function verifyAuthentication(
  { rpId, origins }: RelyingParty,
  challenge: string,
  passkey: Passkey,
  text: string,
): Promise<number | undefined> {
  const response = parseResponse<AuthenticationResponse>(text)
  if (!response) return undefined
  const userHandle = textAt(response, 'response', 'userHandle')
  // The handle is the user's name: of another account, it is not this passkey's.
  if (userHandle && Buffer.from(userHandle, 'base64url').toString() !== passkey.username) return undefined
  const { credentialId: id, publicKey, counter } = passkey
  const verified = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: [...origins],
    expectedRPID: rpId,
    credential: { id, publicKey, counter },
  }).catch(() => undefined)
  return verified?.verified ? verified.authenticationInfo.newCounter : undefined
}

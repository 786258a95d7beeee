import { createHash, randomBytes } from 'node:crypto'
import type { User, UserPool } from '../pool/pools.js'
import { invalidParameter, readParameter } from '../pool/wire.js'
import { createServerKey, createVerifier, deriveKey, type SrpIdentity, signClaim, toNumber } from './srp.js'

/** How far a client's clock may be off, either way. AWS documents no number; this is the one of SigV4. */
const SKEW_MS = 300_000
const SALT_BYTES = 16
/** RFC 5054 asks for 256 random bits at least. */
const SECRET_BYTES = 32

/** Who is asked for a password. */
interface PasswordSubject {
  readonly pool: UserPool
  /** undefined: there is no such user, and the client must not notice. */
  readonly user: User | undefined
  readonly userName: string
}

/** What Cognito remembers of a password that it asked for. */
export interface PasswordChallenge {
  readonly identity: SrpIdentity
  /** Ties the answer to this challenge; base64, opaque to the client. */
  readonly secretBlock: string
  readonly key: Buffer
}

const bytesFrom = (...parts: string[]) => createHash('sha256').update(parts.join('|')).digest().subarray(0, SALT_BYTES)

/** As documented, an unknown user gets the form of a UUID, and for the same name always the same one. */
function userIdOf({ pool, user, userName }: PasswordSubject): string {
  if (user) return user.username
  const hex = bytesFrom('user', pool.userPoolId, userName.toLowerCase()).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 * Asks for a password by SRP-6a. A user who has none, or does not exist, is asked for a random one: the parameters look
 * the same, and no answer is right.
 */
export function createPasswordChallenge(subject: PasswordSubject, clientKey: bigint) {
  const { pool, user } = subject
  const userId = userIdOf(subject)
  const identity: SrpIdentity = { poolName: pool.userPoolId.replace(/^.*_/, ''), userId }
  const salt = toNumber(bytesFrom('salt', pool.userPoolId, userId))
  const verifier = createVerifier(identity, user?.password ?? randomBytes(SECRET_BYTES).toString('hex'), salt)
  const b = toNumber(randomBytes(SECRET_BYTES))
  const secretBlock = randomBytes(512).toString('base64')
  const challenge: PasswordChallenge = { identity, secretBlock, key: deriveKey(clientKey, verifier, b) }
  const parameters = {
    USERNAME: userId,
    USER_ID_FOR_SRP: userId,
    SALT: salt.toString(16),
    SRP_B: createServerKey(verifier, b).toString(16),
    SECRET_BLOCK: secretBlock,
  }
  return { challenge, parameters }
}

/** Cognito's spelling of a time: `Wed Apr 5 22:42:34 UTC 2017`. */
export function formatTimestamp(ms: number): string {
  const [weekday, day, month, year, time] = new Date(ms).toUTCString().split(/,? /)
  return `${weekday} ${month} ${Number(day)} ${time} UTC ${year}`
}

/** Milliseconds since the epoch. @throws InvalidParameterException if the text has another form */
export function parseTimestamp(text: string): number {
  const form = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d\d:\d\d:\d\d) UTC (\d{4})$/
  const [, month, day, time, year] = form.exec(text) ?? []
  const ms = Date.parse(`${day} ${month} ${year} ${time} GMT`)
  if (!Number.isNaN(ms)) return ms
  throw invalidParameter('TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.')
}

/** Do these responses prove the password, for this challenge and at this time (milliseconds since the epoch)? */
export function provesPassword(challenge: PasswordChallenge, responses: Record<string, string>, now: number): boolean {
  const { identity, secretBlock, key } = challenge
  const claimedAt = parseTimestamp(readParameter(responses, 'TIMESTAMP'))
  // The signature has to be of Cognito's own spelling: a day like `05` or a wrong weekday is refused, as on AWS.
  const signature = signClaim(key, identity, secretBlock, formatTimestamp(claimedAt))
  return (
    Math.abs(now - claimedAt) <= SKEW_MS &&
    responses.PASSWORD_CLAIM_SECRET_BLOCK === secretBlock &&
    responses.PASSWORD_CLAIM_SIGNATURE === signature
  )
}

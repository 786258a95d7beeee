import { createDiffieHellman, createHash, createHmac, getDiffieHellman, hkdfSync } from 'node:crypto'

/** Whose password it is, as Cognito hashes it. */
export interface SrpIdentity {
  /** The user pool id after its `_`. */
  readonly poolName: string
  /** USER_ID_FOR_SRP. */
  readonly userId: string
}

/** The 3072-bit prime of RFC 5054, appendix A: group 15 of RFC 3526, which Node carries. */
const prime = getDiffieHellman('modp15').getPrime()
export const N = toNumber(prime)
/** Cognito's generator; RFC 5054 has 5 for this prime. */
const g = 2n
const k = hash(toBytes(N), toBytes(g))

/** Longest SRP_A: as many digits as N has, and the two of a sign byte. */
const PUBLIC_KEY_DIGITS_MAX = 770
/** Cognito's HKDF: this text, and a key of 16 bytes. */
const KEY_INFO = 'Caldera Derived Key'
const KEY_BYTES = 16

function hash(...parts: Buffer[]): bigint {
  return toNumber(createHash('sha256').update(Buffer.concat(parts)).digest())
}

/** Reads an unsigned, big-endian number. */
export function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

/** Cognito hashes numbers as Java writes them: no more bytes than needed, and a zero before a first bit that is set. */
function toBytes(number: bigint): Buffer {
  const hex = number.toString(16)
  const even = hex.length % 2 === 0 ? hex : `0${hex}`
  return Buffer.from(/^[89a-f]/.test(even) ? `00${even}` : even, 'hex')
}

/** base to the exponent, modulo N; both positive. By OpenSSL, which is ten times as fast as a loop over bigints. */
export function power(base: bigint, exponent: bigint): bigint {
  const residue = base % N
  // OpenSSL accepts none of these as a key.
  if (residue <= 1n) return residue
  if (residue === N - 1n) return exponent % 2n === 0n ? 1n : residue
  const keys = createDiffieHellman(prime, Number(g))
  keys.setPrivateKey(toBytes(exponent))
  return toNumber(keys.computeSecret(toBytes(residue)))
}

/** Reads SRP_A. undefined if it is no number, or a multiple of N: with that the key would need no password. */
export function parseClientKey(hex: string): bigint | undefined {
  if (hex.length > PUBLIC_KEY_DIGITS_MAX || !/^[0-9a-f]+$/i.test(hex)) return undefined
  const A = BigInt(`0x${hex}`)
  return A % N === 0n ? undefined : A
}

/** v = g^x with x = H(salt | H(poolName userId ":" password)): what a server keeps instead of the password. */
export function createVerifier({ poolName, userId }: SrpIdentity, password: string, salt: bigint): bigint {
  const inner = createHash('sha256').update(`${poolName}${userId}:${password}`).digest()
  return power(g, hash(toBytes(salt), inner))
}

/** B = k·v + g^b, with b secret and random. */
export function createServerKey(verifier: bigint, b: bigint): bigint {
  return (k * verifier + power(g, b)) % N
}

/** The key that a client derives too, if it has the right password: HKDF of S = (A·v^u)^b with u = H(A | B). */
export function deriveKey(A: bigint, verifier: bigint, b: bigint): Buffer {
  const u = hash(toBytes(A), toBytes(createServerKey(verifier, b)))
  const S = power(A * power(verifier, u), b)
  return Buffer.from(hkdfSync('sha256', toBytes(S), toBytes(u), KEY_INFO, KEY_BYTES))
}

/** PASSWORD_CLAIM_SIGNATURE: the proof of having derived the key, in base64. `secretBlock` is base64 too. */
export function signClaim(key: Buffer, { poolName, userId }: SrpIdentity, secretBlock: string, timestamp: string) {
  const block = Buffer.from(secretBlock, 'base64')
  return createHmac('sha256', key).update(poolName).update(userId).update(block).update(timestamp).digest('base64')
}

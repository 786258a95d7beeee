import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Makes one key pair for RS256, which takes a tenth of a second. */
export type MakeKeyPair = () => Promise<KeyPair>

export const makeKeyPair: MakeKeyPair = () => promisify(generateKeyPair)('rsa', { modulusLength: 2_048 })

/** Starts to make so many pairs at once, so that they are ready when they are needed; any more are made on request. */
export function prepareKeyPairs(count: number): MakeKeyPair {
  const prepared = Array.from({ length: count }, makeKeyPair)
  return () => prepared.shift() ?? makeKeyPair()
}

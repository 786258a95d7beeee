import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Makes one key pair for RS256, which takes a tenth of a second. */
export type MakeKeyPair = () => Promise<KeyPair>

export const makeKeyPair: MakeKeyPair = () => promisify(generateKeyPair)('rsa', { modulusLength: 2_048 })

/** Begins with so many pairs at once, so that they are there when they are asked for; further ones are made then. */
export function prepareKeyPairs(count: number): MakeKeyPair {
  const prepared = Array.from({ length: count }, makeKeyPair)
  return () => prepared.shift() ?? makeKeyPair()
}

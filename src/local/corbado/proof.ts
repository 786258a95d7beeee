import { randomBytes, randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../call.js'
import type { KeyPair, MakeKeyPair } from '../aws/key-pairs.js'

/** Claims of signed passkey data (fact C5). */
export interface ProofClaims {
  iss: string
  sub: string
  /** Seconds since the epoch, as are nbf and exp. */
  iat: number
  nbf: number
  exp: number
  jti: string
  processId: string
  challengeId: string
  credential: string
  username: string
  webauthnId: string
  isCUI: boolean
}

export type VerificationResult =
  | 'success'
  | 'invalid_signature'
  | 'invalid_challenge'
  | 'user_mismatch'
  | 'generic_error'

/** Signs and verifies the proofs of all projects. */
export interface ProofDesk {
  sign(projectId: string, webauthnId: string, overrides?: Partial<ProofClaims>): Promise<string>
  verify(projectId: string, proof: string, username: string): Promise<VerificationResult>
}

const id = (prefix: string) => `${prefix}-${BigInt(`0x${randomBytes(8).toString('hex')}`)}`

type ProjectKeys = KeyPair & { readonly kid: string }

/** One pair a project in the whole process: tests start many stand-ins. */
const projectKeys = new Map<string, Promise<ProjectKeys>>()

function keysOf(projectId: string, makeKeyPair: MakeKeyPair): Promise<ProjectKeys> {
  const known = projectKeys.get(projectId) ?? makeKeyPair().then((pair) => ({ ...pair, kid: id('pki') }))
  projectKeys.set(projectId, known)
  return known
}

/** A proof lives 300 s and is valid from 10 s before it was issued (fact C6). */
function newClaims(projectId: string, webauthnId: string, clock: Clock): ProofClaims {
  const iat = Math.floor(clock.now() / 1_000)
  return {
    iss: projectId,
    sub: id('usr'),
    iat,
    nbf: iat - 10,
    exp: iat + 300,
    jti: randomBytes(15).toString('hex'),
    processId: randomUUID(),
    challengeId: id('was'),
    credential: id('cre'),
    username: '',
    webauthnId,
    isCUI: false,
  }
}

/** Corbado documents no result for an expired proof: of the five, `generic_error` says least. */
function verdictOf(error: unknown): VerificationResult {
  const outOfTime = error instanceof errors.JWTExpired
  const early = error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf'
  return outOfTime || early ? 'generic_error' : 'invalid_signature'
}

/** Makes a desk that remembers which proofs were used. */
export function createProofDesk(clock: Clock, makeKeyPair: MakeKeyPair): ProofDesk {
  const used = new Set<string>()
  return {
    async sign(projectId, webauthnId, overrides = {}) {
      const { privateKey, kid } = await keysOf(projectId, makeKeyPair)
      const claims = { ...newClaims(projectId, webauthnId, clock), ...overrides }
      return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' }).sign(privateKey)
    },
    async verify(projectId, proof, username) {
      try {
        const { publicKey } = await keysOf(projectId, makeKeyPair)
        const rules = { algorithms: ['RS256'], issuer: projectId, currentDate: new Date(clock.now()) }
        const { payload } = await jwtVerify<ProofClaims>(proof, publicKey, rules)
        if (used.has(payload.challengeId)) return 'invalid_challenge'
        if (payload.webauthnId !== username) return 'user_mismatch'
        used.add(payload.challengeId)
        return 'success'
      } catch (error) {
        return verdictOf(error)
      }
    },
  }
}

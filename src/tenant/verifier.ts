import { createHash } from 'node:crypto'
import type { Call, Clock } from '../call.js'
import { type TenantKey, tenantKey } from '../ids.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import type { Guard } from '../resilience/guard.js'
import type { Limiter } from '../resilience/limiter.js'
import type { Upstreams, VerifyAnswer } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { SecretFault, TenantSecrets } from './secrets.js'

/** What came of a question to the Backend API, or why it was not asked. */
export type Verdict = VerifyAnswer | { readonly kind: `secret-${SecretFault}` | 'verify-rate-limited' | 'busy' }

/** A user's answer to a challenge, as Corbado is asked about it. */
export interface Proof {
  readonly signedPasskeyData: string
  readonly username: string
  /** Ties the proof to one challenge of one login; without it no verdict is kept. */
  readonly nonce: string | undefined
  /** How long the proof lives from now, in milliseconds. */
  readonly lifeMs: number
}

/** Asks Corbado about a tenant's proof: once, however often the same event comes, also at the same time. */
export type Verify = (config: TenantConfig, proof: Proof, call: Call) => Promise<Verdict>

interface Kept {
  readonly verdict: Promise<Verdict>
  readonly until: number
}

/** Most verdicts kept: six minutes of 270 logins a second in one process, at about 500 bytes each. */
const KEPT_MAX = 100_000

export interface VerifierOptions {
  readonly verifySignedData: Upstreams['verifySignedData']
  readonly secrets: TenantSecrets
  readonly limiter: Limiter
  readonly guard: Guard
  readonly clock: Clock
  /** Most verdicts kept, those of running calls included; the least recently asked for goes first. */
  readonly keptMax?: number
}

/** Makes the {@link Verify} of a process, with its memory of verdicts. */
export function createVerifier(options: VerifierOptions): Verify {
  const { verifySignedData, secrets, limiter, guard, clock, keptMax = KEPT_MAX } = options
  const kept = createBoundedMap<TenantKey, Kept>(keptMax)

  async function ask(config: TenantConfig, proof: Proof, call: Call): Promise<Verdict> {
    const limiterKey = tenantKey(config.userPoolId, 'verify')
    if (!limiter.take(limiterKey, config.limits.verifyPerSecond)) return { kind: 'verify-rate-limited' }
    const credential = await secrets.backendCredential(config, call)
    if (credential.kind !== 'usable') return { kind: `secret-${credential.kind}` }
    const { backendApiUrl } = config.corbado
    const { signedPasskeyData, username } = proof
    const lane = tenantKey(config.userPoolId, 'corbado')
    async function send(authorization: string): Promise<Verdict> {
      const request = { backendApiUrl, authorization, signedPasskeyData, username }
      const ask = () => verifySignedData(request, call)
      const guarded = await guard.run(lane, config.limits.concurrentCalls, call, ask)
      if (guarded.kind === 'done') return guarded.value
      if (guarded.kind === 'busy') return { kind: 'busy' }
      const facts = { operation: 'verifySignedData', breakerOpen: true } as const
      call.observe('corbado', 0, facts)
      return { kind: guarded.last, facts, sent: false }
    }
    // A proof that was refused for the credential is unspent: the only case in which it may be sent again.
    return secrets.authorized(credential, config, call, send)
  }

  return async (config, proof, call) => {
    if (proof.nonce === undefined) return ask(config, proof, call)
    const key = proofKey(config, proof, proof.nonce)
    const now = clock.elapsed()
    const known = kept.get(key)
    if (known && now < known.until) {
      call.note({ remembered: true })
      return call.within(known.verdict, timedOut)
    }

    const verdict = ask(config, proof, call)
    kept.set(key, { verdict, until: now + proof.lifeMs })
    const forget = () => void (kept.peek(key)?.verdict === verdict && kept.delete(key))
    // A question that never left may be asked again: Cognito's retry of the event then has a chance.
    verdict.then((settled) => wasSent(settled) || forget(), forget)
    return verdict
  }
}

function proofKey({ userPoolId }: TenantConfig, { username, signedPasskeyData }: Proof, nonce: string): TenantKey {
  const hash = createHash('sha256').update(signedPasskeyData).digest('base64url')
  return tenantKey(userPoolId, 'verdict', username, nonce, hash)
}

function timedOut(): Verdict {
  return { kind: 'timeout', facts: {}, sent: true }
}

function wasSent(verdict: Verdict): boolean {
  return 'sent' in verdict ? verdict.sent : verdict.kind === 'result'
}

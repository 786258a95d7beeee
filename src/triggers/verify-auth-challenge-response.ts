import { decodeJwt, type JWTPayload } from 'jose'
import { type Static, Type } from 'typebox'
import type { ReasonAt } from '../reasons.js'
import type { Proof, TenantConfig, Verdict } from '../tenant/context.js'
import { isFlowId } from './challenge.js'
import { type Trigger, TriggerEvent } from './trigger.js'

/**
 * Any value but a text that is not valid Unicode: half a surrogate pair has no UTF-8 form, so it could not be sent to
 * Corbado or Cognito.
 */
const Encodable = Type.Refine(
  Type.Unknown(),
  (value) => typeof value !== 'string' || !/\p{Cs}/u.test(value),
  () => 'must be valid Unicode',
)

const VerifyEvent = Type.Object({
  ...TriggerEvent.properties,
  request: Type.Object({
    challengeAnswer: Type.Optional(Type.Unknown()),
    privateChallengeParameters: Type.Optional(
      Type.Union([
        Type.Object({
          cognitoID: Type.Optional(Encodable),
          flowId: Type.Optional(Type.Unknown()),
          nonce: Type.Optional(Encodable),
        }),
        Type.Null(),
      ]),
    ),
    userNotFound: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  }),
})
type VerifyEvent = Static<typeof VerifyEvent>

/** What came of a proof. */
export type VerifyReason = ReasonAt<'verify-auth-challenge-response', 'correct' | 'incorrect'>

/** Signed passkey data is about 900 characters (fact C5). */
const ANSWER_BYTES_MAX = 16_384
/** How long after its expiry a proof is still sent to Corbado: clocks differ. */
const EXPIRY_LEEWAY_MS = 60_000
/** How long a proof is assumed to live if it does not say (fact C6). */
const PROOF_LIFE_MS = 300_000

type Screened =
  | { readonly kind: 'proof'; readonly proof: Proof }
  | { readonly kind: 'refused'; readonly reason: VerifyReason; readonly lateMs?: number }

const refused = (reason: VerifyReason): Screened => ({ kind: 'refused', reason })

/**
 * Refuses an answer that cannot be genuine, without asking Corbado. It accepts none: the claims are not verified yet.
 * @param now milliseconds since the epoch
 */
export function screenAnswer(request: VerifyEvent['request'], projectId: string, now: number): Screened {
  const { challengeAnswer: answer, privateChallengeParameters } = request
  const { cognitoID, nonce } = privateChallengeParameters ?? {}
  if (answer === undefined || answer === null || answer === '') return refused('missing_answer')
  if (typeof cognitoID !== 'string' || cognitoID === '') return refused('missing_answer')
  const claims = typeof answer === 'string' ? claimsOf(answer) : undefined
  if (typeof answer !== 'string' || !claims) return refused('malformed_answer')
  const { iss, exp } = claims
  if (typeof iss === 'string' && /^pro-\d+$/.test(iss) && iss !== projectId) return refused('wrong_project')
  const lifeMs = typeof exp !== 'number' ? PROOF_LIFE_MS : exp * 1_000 + EXPIRY_LEEWAY_MS - now
  if (lifeMs < 0) return { kind: 'refused', reason: 'expired', lateMs: Math.round(EXPIRY_LEEWAY_MS - lifeMs) }
  const proof = { signedPasskeyData: answer, username: cognitoID, nonce: typeof nonce === 'string' ? nonce : undefined }
  return { kind: 'proof', proof: { ...proof, lifeMs: Math.min(lifeMs, 2 * PROOF_LIFE_MS) } }
}

function claimsOf(answer: string): JWTPayload | undefined {
  if (Buffer.byteLength(answer) > ANSWER_BYTES_MAX) return undefined
  try {
    return decodeJwt(answer)
  } catch {
    return undefined
  }
}

const reasonOfKind = {
  unauthorized: 'backend_unauthorized',
  'rate-limited': 'backend_rate_limited',
  rejected: 'backend_rejected',
  unavailable: 'backend_unavailable',
  timeout: 'backend_timeout',
  malformed: 'backend_malformed',
  busy: 'backend_busy',
  'verify-rate-limited': 'verify_rate_limited',
  'secret-missing': 'secret_missing',
  'secret-malformed': 'secret_malformed',
  'secret-denied': 'secret_denied',
  'secret-throttled': 'secret_throttled',
  'secret-timeout': 'secret_timeout',
  'secret-unavailable': 'secret_unavailable',
  'secret-wrong-project': 'secret_wrong_project',
} as const satisfies Record<Exclude<Verdict['kind'], 'result'>, VerifyReason>

/** The level of a login that failed through no fault of the user; empty for others. */
function levelOf(reason: VerifyReason): { readonly level?: 'warn' | 'error' } {
  if (reason === 'verify_rate_limited') return { level: 'warn' }
  return /^(backend|secret)_/.test(reason) ? { level: 'error' } : {}
}

function reasonOf(verdict: Verdict): VerifyReason {
  if (verdict.kind !== 'result') return reasonOfKind[verdict.kind]
  return verdict.result === 'success' ? 'verified' : verdict.result
}

async function verdictOf(
  { request }: VerifyEvent,
  config: TenantConfig,
  verify: (proof: Proof) => Promise<Verdict>,
  now: number,
): Promise<{ readonly reason: VerifyReason; readonly lateMs?: number }> {
  const screened = screenAnswer(request, config.corbado.projectId, now)
  if (screened.kind === 'refused') {
    const { reason, lateMs } = screened
    return { reason, ...(lateMs !== undefined && { lateMs }) }
  }
  const verdict = await verify(screened.proof)
  // An unknown user costs the same call and the same time as a real one, and is refused whatever Corbado says.
  const hidden = request.userNotFound === true && verdict.kind === 'result'
  return { reason: hidden ? 'user_not_found' : reasonOf(verdict) }
}

/** Asks Corbado whether the answer is a genuine, unused proof of this very user. */
export const verifyAuthChallengeResponse: Trigger<typeof VerifyEvent> = {
  name: 'verify-auth-challenge-response',
  triggerSource: ['VerifyAuthChallengeResponse', 'VerifyAuthChallenge'],
  kind: 'custom-auth',
  schema: VerifyEvent,
  async handle(event: VerifyEvent, { tenant, now }) {
    const judged = await verdictOf(event, tenant.config, tenant.verify, now)
    const answerCorrect = judged.reason === 'verified'
    const flowId = event.request.privateChallengeParameters?.flowId
    return {
      response: { answerCorrect },
      outcome: answerCorrect ? 'correct' : 'incorrect',
      ...judged,
      ...levelOf(judged.reason),
      ...(isFlowId(flowId) && { flowId }),
    }
  },
}

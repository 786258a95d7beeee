import { type Static, Type } from 'typebox'

/**
 * Begins a challenge's metadata: create writes it, define reads it. A wire format, shared with a customer's earlier Corbado
 * Lambdas.
 */
const METADATA = 'CORBADO_CHALLENGE_COGNITO_CLAIM'
const flowIdPattern = new RegExp(`^${METADATA}\\.([\\w-]{22})(\\.|$)`)

/** One past challenge of a login, as Cognito lists it. Any name is accepted, as Cognito adds new ones. */
export const ChallengeResult = Type.Object({
  challengeName: Type.String(),
  challengeResult: Type.Optional(Type.Unknown()),
  challengeMetadata: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})
export type ChallengeResult = Static<typeof ChallengeResult>

/** The past challenges of a login; null or missing in its first call. */
export const Session = Type.Optional(Type.Union([Type.Array(ChallengeResult), Type.Null()]))

/** Is this a custom challenge that the gateway, or a customer's earlier Corbado Lambda, made? */
export function isOwn({ challengeName, challengeMetadata }: ChallengeResult): boolean {
  if (challengeName !== 'CUSTOM_CHALLENGE' || typeof challengeMetadata !== 'string') return false
  return challengeMetadata === METADATA || challengeMetadata.startsWith(`${METADATA}.`)
}

/** Is this a challenge of the gateway itself? An earlier Corbado Lambda gives its own no login's id. */
export function isOfGateway(entry: ChallengeResult): boolean {
  return isOwn(entry) && flowIdPattern.test(entry.challengeMetadata ?? '')
}

/** The id of a login, from the last of our challenges; undefined if that has none. */
export function flowIdOf(session: readonly ChallengeResult[]): string | undefined {
  const last = session.filter(isOwn).at(-1)
  return flowIdPattern.exec(last?.challengeMetadata ?? '')?.[1]
}

/** Does a value have the form of a login's id, 22 base64url characters? */
export function isFlowId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{22}$/.test(value)
}

/** The log field for the number of a passkey attempt, counted from 1; empty for the first. */
export function attemptFact(attempt: number): { readonly attempt?: number } {
  return attempt > 1 ? { attempt } : {}
}

/** The metadata of a new challenge. */
export function challengeMetadata(flowId: string): string {
  return `${METADATA}.${flowId}`
}

import { type Static, Type } from 'typebox'

/** Written by create, read by define: a wire format, shared with the Lambdas that a customer used before. */
const METADATA = 'CORBADO_CHALLENGE_COGNITO_CLAIM'
const flowIdPattern = new RegExp(`^${METADATA}\\.([\\w-]{22})(\\.|$)`)

/** One past challenge of the login, as Cognito lists them. Names are open: Cognito adds some. */
export const ChallengeResult = Type.Object({
  challengeName: Type.String(),
  challengeResult: Type.Optional(Type.Unknown()),
  challengeMetadata: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})
export type ChallengeResult = Static<typeof ChallengeResult>

/** Null and a missing list are the empty session of a first call. */
export const Session = Type.Optional(Type.Union([Type.Array(ChallengeResult), Type.Null()]))

/** Is this a custom challenge that the gateway, or a customer's earlier Corbado Lambda, made? */
export function isOwn({ challengeName, challengeMetadata }: ChallengeResult): boolean {
  if (challengeName !== 'CUSTOM_CHALLENGE' || typeof challengeMetadata !== 'string') return false
  return challengeMetadata === METADATA || challengeMetadata.startsWith(`${METADATA}.`)
}

/** The id of the login, from the last of our challenges that carries one. */
export function flowIdOf(session: readonly ChallengeResult[]): string | undefined {
  const last = session.filter(isOwn).at(-1)
  return flowIdPattern.exec(last?.challengeMetadata ?? '')?.[1]
}

/** Is a text of the form that create gives the id of a login? */
export function isFlowId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{22}$/.test(value)
}

/** What a line says of the how-many-th try of the passkey this is: nothing of the first. */
export function attemptFact(attempt: number): { readonly attempt?: number } {
  return attempt > 1 ? { attempt } : {}
}

/** The metadata of a new challenge. */
export function challengeMetadata(flowId: string): string {
  return `${METADATA}.${flowId}`
}

import { type Static, Type } from 'typebox'
import type { ReasonAt } from '../reasons.js'
import type { TenantConfig } from '../tenant/context.js'
import { attemptFact, type ChallengeResult, flowIdOf, isOfGateway, isOwn, Session } from './challenge.js'
import { isOurClient } from './our-client.js'
import { type Trigger, TriggerEvent, type TriggerResult } from './trigger.js'

const DefineEvent = Type.Object({
  ...TriggerEvent.properties,
  callerContext: Type.Optional(Type.Unknown()),
  request: Type.Object({
    session: Session,
    userNotFound: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    userAttributes: Type.Optional(
      Type.Union([Type.Object({ 'cognito:user_status': Type.Optional(Type.Unknown()) }), Type.Null()]),
    ),
  }),
})
type DefineEvent = Static<typeof DefineEvent>

/** What the decision depends on. */
export interface LoginState {
  readonly flow: TenantConfig['login']['flow']
  readonly maxAttempts: number
  readonly passkeysOff: boolean
  readonly session: readonly ChallengeResult[]
  readonly userNotFound: boolean
  /** `cognito:user_status` of the event. */
  readonly userStatus: string | undefined
}

/** What comes next in a login. */
export type Decision =
  | { readonly kind: 'tokens' }
  | {
      readonly kind: 'challenge'
      readonly challengeName: 'CUSTOM_CHALLENGE' | 'PASSWORD_VERIFIER' | 'NEW_PASSWORD_REQUIRED'
    }
  | { readonly kind: 'fail'; readonly reason: FailReason }

/** Why a login fails. */
export type FailReason = ReasonAt<'define-auth-challenge', 'fail'>

/** Most entries of a session. No login of ours comes near it; Cognito documents no limit of its own. */
const SESSION_MAX = 20

/** Challenges that Cognito itself sets after a password (fact A14). */
const cognitoChallenges = new Set([
  'SMS_MFA',
  'EMAIL_OTP',
  'SOFTWARE_TOKEN_MFA',
  'DEVICE_SRP_AUTH',
  'DEVICE_PASSWORD_VERIFIER',
  'NEW_PASSWORD_REQUIRED',
])

const fail = (reason: FailReason): Decision => ({ kind: 'fail', reason })
const challenge = (challengeName: 'CUSTOM_CHALLENGE' | 'PASSWORD_VERIFIER' | 'NEW_PASSWORD_REQUIRED'): Decision => ({
  kind: 'challenge',
  challengeName,
})
const isCustom = ({ challengeName }: ChallengeResult) => challengeName === 'CUSTOM_CHALLENGE'
const isTrue = ({ challengeResult }: ChallengeResult) => challengeResult === true

/** The decision table of a login, row by row: the first that matches decides. */
export function decideLogin(state: LoginState): Decision {
  const { flow, session, maxAttempts } = state
  if (session.length > SESSION_MAX) return fail('session_too_long')
  const own = session.filter(isOwn)
  if (state.passkeysOff && own.length === 0) return fail('passkeys_off')
  if (session.some((entry) => isCustom(entry) && !isOwn(entry))) return fail('foreign_challenge')
  if (isInconsistent(state, own)) return fail('inconsistent_session')

  const before = flow === 'passkey' ? decidePasskeyOnly(session) : decidePasswordFirst(state)
  if (before) return before

  if (own.filter((entry) => !isTrue(entry)).length >= maxAttempts) return fail('attempts_exhausted')
  const last = session.at(-1)
  if (last && isOwn(last) && isTrue(last)) return { kind: 'tokens' }
  return challenge('CUSTOM_CHALLENGE')
}

/** Does the session contradict itself? An accepted proof ends a login, so it is the last entry, and its user exists. */
function isInconsistent({ session, userNotFound }: LoginState, own: readonly ChallengeResult[]): boolean {
  const accepted = own.filter(isTrue)
  if (accepted.length === 0) return false
  return userNotFound || accepted.length > 1 || accepted[0] !== session.at(-1)
}

function decidePasskeyOnly(session: readonly ChallengeResult[]): Decision | undefined {
  return session.every(isCustom) ? undefined : fail('foreign_challenge')
}

function decidePasswordFirst({ session, userStatus }: LoginState): Decision | undefined {
  if (!hasPasswordForm(session)) return fail('unexpected_challenge')
  if (!session.every((entry) => isCustom(entry) || isTrue(entry))) return fail('cognito_challenge_failed')
  if (session.length === 1) return challenge('PASSWORD_VERIFIER')
  const mustChange = userStatus === 'FORCE_CHANGE_PASSWORD' || userStatus === 'RESET_REQUIRED'
  const changed = session.some(({ challengeName }) => challengeName === 'NEW_PASSWORD_REQUIRED')
  return mustChange && !changed ? challenge('NEW_PASSWORD_REQUIRED') : undefined
}

/** Is it SRP_A, PASSWORD_VERIFIER, Cognito's own challenges, then ours, or a non-empty beginning of that? */
function hasPasswordForm(session: readonly ChallengeResult[]): boolean {
  const firstCustom = session.findIndex(isCustom)
  const end = firstCustom === -1 ? session.length : firstCustom
  const [srp, password, ...cognito] = session.slice(0, end)
  return (
    srp?.challengeName === 'SRP_A' &&
    (password === undefined ? end === session.length : password.challengeName === 'PASSWORD_VERIFIER') &&
    cognito.every(({ challengeName }) => cognitoChallenges.has(challengeName)) &&
    session.slice(end).every(isCustom)
  )
}

/** Both flags are always set: an absent one is not a decision. */
function toResponse(decision: Decision): Record<string, unknown> {
  const flags = { issueTokens: decision.kind === 'tokens', failAuthentication: decision.kind === 'fail' }
  return decision.kind === 'challenge' ? { challengeName: decision.challengeName, ...flags } : flags
}

/** The number of the passkey attempt that a decision is about: the one it asks for, else the last one. */
function attemptOf(decision: Decision, session: readonly ChallengeResult[]): number {
  const asksForPasskey = decision.kind === 'challenge' && decision.challengeName === 'CUSTOM_CHALLENGE'
  return session.filter(isOwn).length + (asksForPasskey ? 1 : 0)
}

function resultOf(decision: Decision, session: readonly ChallengeResult[]): TriggerResult {
  return {
    response: toResponse(decision),
    outcome: decision.kind,
    ...(decision.kind === 'fail' && { reason: decision.reason }),
    flowId: flowIdOf(session),
    ...attemptFact(attemptOf(decision, session)),
  }
}

/** Decides what comes next in a login: a challenge, tokens, or its end. */
export const defineAuthChallenge: Trigger<typeof DefineEvent> = {
  name: 'define-auth-challenge',
  triggerSource: ['DefineAuthChallenge'],
  kind: 'custom-auth',
  schema: DefineEvent,
  handle({ request, callerContext }: DefineEvent, { tenant: { config } }) {
    const session = request.session ?? []
    const userStatus = request.userAttributes?.['cognito:user_status']
    const userNotFound = request.userNotFound === true
    const state: LoginState = {
      passkeysOff: config.status === 'passkeys-off',
      session,
      userNotFound,
      userStatus: typeof userStatus === 'string' ? userStatus : undefined,
      flow: config.login.flow,
      maxAttempts: config.login.maxAttempts,
    }
    const decision = isOurClient(callerContext, config.login) ? decideLogin(state) : fail('foreign_client')
    return { ...resultOf(decision, session), ...(userNotFound && { userNotFound }) }
  },
  /** A login that began as ours, before its app client left `login.clientIds`, ends: nobody knows the whole of it. */
  beforeChain({ request }) {
    const session = request.session ?? []
    return session.some(isOfGateway) ? resultOf(fail('foreign_challenge'), session) : undefined
  },
}

import { isRepeated } from '../../operator/causes/fold.js'
import { type Line, numberOf, textOf } from '../../operator/lines/line.js'
import type { Step } from '../../reasons.js'

/** One step of a login: the line that closed it, and what else was written of it. */
export interface LoginStep {
  readonly line: Line
  /** How often Cognito asked: again if an answer came too late, or none. */
  readonly tries: number
  /** The forwarder's line of the same call, if the container's answer was no success. */
  readonly forwarder?: Line | undefined
}

/** Cognito gives an answer up after 5 s, and asks three times at most (src/FACTS.md). */
const RETRIES_MS = 15_000
/** An answer that took so long may have come too late: what the way to Cognito takes comes on top. */
const LATE_MS = 4_000

/**
 * The steps that lines tell of: those of a call through two doors are one, and so are the tries of one question.
 * @param lines of the gateway, by time
 * @param forwarders lines of the forwarder, other than of answers that it handed on
 */
export function stepsOf(lines: readonly Line[], forwarders: readonly Line[]): LoginStep[] {
  const byContainer = new Map(forwarders.map((line) => [textOf(line.fields, 'upstreamRequestId'), line]))
  byContainer.delete(undefined)
  const steps: LoginStep[] = []
  for (const line of lines) {
    const last = steps.at(-1)
    const forwarder = byContainer.get(textOf(line.fields, 'requestId'))
    if (last !== undefined && isRetry(last.line, line))
      // A verdict that is remembered is the one that was given before.
      steps[steps.length - 1] = { ...last, line: isRepeated(line) ? last.line : line, tries: last.tries + 1, forwarder }
    else if (!isRepeated(line)) steps.push({ line, tries: 1, forwarder })
  }
  return steps
}

/** Is it Cognito's next try of the same question? Between two of a user there is always a define. */
function isRetry(before: Line, line: Line): boolean {
  if (line.step !== before.step || line.at - before.at > RETRIES_MS) return false
  if (isRepeated(line)) return true
  if (textOf(line.fields, 'clientId') !== textOf(before.fields, 'clientId')) return false
  const isLate = before.outcome === 'fault' || (numberOf(before.fields, 'durationMs') ?? 0) >= LATE_MS
  if (line.step === 'define-auth-challenge' || line.step === 'create-auth-challenge') return isLate
  const flowId = textOf(line.fields, 'flowId')
  return (
    line.step === 'verify-auth-challenge-response' && flowId !== undefined && flowId === textOf(before.fields, 'flowId')
  )
}

/** A login is over by then: Cognito's session of it ends after 15 minutes at most. */
const LOGIN_MS = 15 * 60_000

/**
 * The logins that steps are of, by the user and the time at which each began. A pre-login begins one, and so does a define that has
 * no flow yet, unless a pre-login came just before it: it is of the login that follows. What has a flow is of the login with that
 * flow, also when the user has begun another one meanwhile.
 */
export function splitLogins(steps: readonly LoginStep[]): LoginStep[][] {
  const byUser = new Map<string | undefined, LoginStep[]>()
  for (const step of steps) {
    const user = textOf(step.line.fields, 'user')
    byUser.set(user, [...(byUser.get(user) ?? []), step])
  }
  const beganAt = ([first]: readonly LoginStep[]) => first?.line.at ?? 0
  return [...byUser.values()].flatMap(splitOfUser).sort((a, b) => beganAt(a) - beganAt(b))
}

function splitOfUser(steps: readonly LoginStep[]): LoginStep[][] {
  const logins: LoginStep[][] = []
  const byFlow = new Map<string, LoginStep[]>()
  for (const step of steps) {
    const flowId = textOf(step.line.fields, 'flowId')
    const known = flowId === undefined ? undefined : byFlow.get(flowId)
    const last = logins.at(-1)
    const login = known ?? (last !== undefined && goesOnWith(last, step) ? last : [])
    if (login.length === 0) logins.push(login)
    login.push(step)
    if (flowId !== undefined) byFlow.set(flowId, login)
  }
  return logins
}

/** What a user who is signed in asks for. */
const ALONE: readonly Step[] = ['post-append', 'connect-tokens']
/** What Cognito calls once a login is decided, and the action that began it; each comes at once. */
const ENDING: readonly Step[] = ['post-authentication', 'pre-token-generation', 'post-login']
const ENDING_MS = 30_000

/** Is a step, of a flow that was not seen yet or of none, the next of the latest login? */
function goesOnWith(login: readonly LoginStep[], { line }: LoginStep): boolean {
  const before = login.at(-1)?.line
  if (before === undefined || line.step === 'pre-login' || line.at - before.at > LOGIN_MS) return false
  if (ALONE.includes(line.step) || ALONE.includes(before.step)) return false
  if (ENDING.includes(line.step)) {
    // A refresh is of an earlier login.
    const isRefresh = textOf(line.fields, 'triggerSource') === 'TokenGeneration_RefreshTokens'
    return !isRefresh && before.step !== 'pre-login' && line.at - before.at <= ENDING_MS
  }
  if (ENDING.includes(before.step)) return false
  if (before.outcome === 'tokens' || before.outcome === 'fail') return false
  if (flowOf(login) === undefined)
    return line.step !== 'define-auth-challenge' || before.step !== 'define-auth-challenge'
  return textOf(line.fields, 'flowId') === undefined && line.step !== 'define-auth-challenge'
}

/** The first lines of a login come before it has one. */
export const flowOf = (login: readonly LoginStep[]) =>
  login.map(({ line }) => textOf(line.fields, 'flowId')).find((id) => id !== undefined)

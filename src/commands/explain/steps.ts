import { isRepeated } from '../../operator/causes/fold.js'
import { type Line, numberOf, textOf } from '../../operator/lines/line.js'

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

/** A login begins with a pre-login, or with the first define after one has ended; what has another flow is another one. */
export function splitLogins(steps: readonly LoginStep[]): LoginStep[][] {
  const logins: LoginStep[][] = []
  let flow: string | undefined
  let ended = true
  for (const step of steps) {
    const { line } = step
    const flowId = textOf(line.fields, 'flowId')
    const begins = line.step === 'pre-login' || (flow !== undefined && flowId !== undefined && flowId !== flow)
    if (ended || begins || logins.length === 0) {
      logins.push([])
      flow = undefined
    }
    logins.at(-1)?.push(step)
    flow ??= flowId
    ended = line.outcome === 'tokens' || line.outcome === 'fail'
  }
  return logins
}

/** The first lines of a login come before it has one. */
export const flowOf = (login: readonly LoginStep[]) =>
  login.map(({ line }) => textOf(line.fields, 'flowId')).find((id) => id !== undefined)

import type { TriggerCall } from '../cognito/index.js'

/** One call of a trigger within a step. */
interface TriggerReport {
  readonly trigger: string
  readonly outcome: string
  readonly ms: number
}

/** One step of the story, once it is over. */
export interface StepReport {
  readonly step: string
  readonly expected: string
  readonly outcome: string
  readonly ok: boolean
  readonly ms: number
  readonly triggers: readonly TriggerReport[]
  /** An execution environment was started for it. */
  readonly coldStart: boolean
  /** Its triggers are worth a line of their own. */
  readonly detailed: boolean
}

/** What a step saw. Without `ok`, it is right only if it is the expected text. */
export interface Seen {
  readonly outcome: string
  readonly ok?: boolean
}

/** What a step is measured by. */
export interface Meters {
  readonly triggerCalls: readonly TriggerCall[]
  coldStarts(): number
}

/** Does one step; what it throws is its outcome. Time spent afterwards, in `verdictOf`, does not count. */
export async function takeStep<T>(
  { triggerCalls, coldStarts }: Meters,
  { step, expected, detailed = false }: { step: string; expected: string; detailed?: boolean },
  act: () => Promise<T>,
  verdictOf: (result: T) => Seen | Promise<Seen>,
): Promise<StepReport> {
  const [calls, colds, startedAt] = [triggerCalls.length, coldStarts(), performance.now()]
  let endedAt: number | undefined
  const acted = act().finally(() => {
    endedAt = performance.now()
  })
  const seen = await acted.then(verdictOf).catch((error: unknown): Seen => ({ outcome: String(error), ok: false }))
  return {
    step,
    expected,
    outcome: seen.outcome,
    ok: seen.ok ?? seen.outcome === expected,
    ms: (endedAt ?? performance.now()) - startedAt,
    triggers: triggerCalls.slice(calls).map(reportTrigger),
    coldStart: coldStarts() > colds,
    detailed,
  }
}

interface TriggerEvent {
  readonly triggerSource: string
  readonly response: Readonly<Record<string, unknown>>
}

/** By the start of its source. */
const shortNames: Record<string, string> = {
  DefineAuthChallenge: 'define',
  CreateAuthChallenge: 'create',
  VerifyAuthChallengeResponse: 'verify',
}

function reportTrigger({ event, answer, ms }: TriggerCall): TriggerReport {
  const { triggerSource } = event as TriggerEvent
  const name = triggerSource.split('_')[0] ?? ''
  const response = (answer as Partial<TriggerEvent> | undefined)?.response
  return { trigger: shortNames[name] ?? name, outcome: response ? outcomeOf(response) : 'no answer', ms }
}

/** What a trigger decided, in Cognito's words. */
export function outcomeOf(response: TriggerEvent['response']): string {
  if (response.issueTokens === true) return 'issueTokens'
  if (response.failAuthentication === true) return 'failAuthentication'
  if (typeof response.challengeName === 'string') return response.challengeName
  if (typeof response.answerCorrect === 'boolean') return `answerCorrect ${response.answerCorrect}`
  return response.publicChallengeParameters ? 'challenge parameters' : 'unchanged'
}

/** What failed and says no user: no such line is found by its user. */
import { allowed, type Line, textOf } from '../../operator/lines/line.js'
import { type Outcome, rowOf } from '../../reasons.js'

/** Lines of a tenant that failed, and on which no user stands. */
export interface Refused {
  readonly lines: number
  readonly latest: Line
  /** All are pre-logins, which were refused before their user was known. */
  readonly early: boolean
}

/** A define that fails follows from what failed before it. */
const FAILED: readonly Outcome[] = ['refused', 'incorrect', 'rejected', 'fault']

/** Whoever types a wrong name, or calls an action without a right to, is refused too, and that is no failure. */
function isOne({ step, outcome, reason, fields }: Line): boolean {
  if (reason === undefined || !FAILED.includes(outcome) || textOf(fields, 'user') !== undefined) return false
  // What the forwarder handed on has a line of the container.
  if (step === 'forwarder') return textOf(fields, 'upstreamRequestId') === undefined
  return textOf(fields, 'action') === undefined || rowOf(reason).owner !== 'end user'
}

/** Collects those that came after a time, in any order. */
export function createRefused(after: number) {
  let refused: Refused | undefined
  return {
    take(line: Line): void {
      if (line.at <= after || !isOne(line)) return
      const known = refused?.latest
      const latest = known === undefined || line.at > known.at ? allowed(line) : known
      const early = (refused?.early ?? true) && line.step === 'pre-login' && line.outcome === 'refused'
      refused = { lines: (refused?.lines ?? 0) + 1, latest, early }
    },
    end: () => refused,
  }
}

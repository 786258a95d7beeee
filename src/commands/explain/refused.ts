/** What fails before anybody knows whose login it is: no such line is found by its user. */
import { allowed, type Line, textOf } from '../../operator/lines/line.js'
import { rowOf } from '../../reasons.js'

/** Pre-logins of a tenant that were refused before their user was known. */
export interface Refused {
  readonly lines: number
  readonly latest: Line
}

/** Who types a wrong name is refused too, and that is no failure. */
const isOne = ({ step, outcome, reason, fields }: Line) =>
  step === 'pre-login' &&
  outcome === 'refused' &&
  reason !== undefined &&
  textOf(fields, 'user') === undefined &&
  rowOf(reason).owner !== 'end user'

/** Collects those that came after a time, in any order. */
export function createRefused(after: number) {
  let refused: Refused | undefined
  return {
    take(line: Line): void {
      if (line.at <= after || !isOne(line)) return
      const known = refused?.latest
      const latest = known === undefined || line.at > known.at ? allowed(line) : known
      refused = { lines: (refused?.lines ?? 0) + 1, latest }
    },
    end: () => refused,
  }
}

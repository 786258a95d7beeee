import type { Diagnosis } from '../../operator/causes/diagnose.js'
import type { Finding } from '../../operator/causes/find.js'
import { type Fold, minuteOf, timeOfMinute } from '../../operator/causes/fold.js'
import type { Series } from '../../operator/causes/series.js'
import { spanText, timeText } from '../../operator/lines/when.js'

/** Since when something is so, and until when. */
export function sinceOf({ finding, evidence }: Diagnosis, fold: Fold): string {
  const { from, to, ongoing, plain, outside } = finding
  const length = spanText(timeOfMinute(to) - timeOfMinute(from))
  const last = lastOf(finding, evidence.lastAt, fold)
  const until = ongoing
    ? `still so at the end of the lines, ${length} later`
    : `until ${timeText(timeOfMinute(to))}, ${length}`
  const end = last === undefined ? until : `its last line of this step failed, at ${last}; none since`
  const before = !plain ? '' : outside.n === 0 ? ' or before: no such line is older' : ', the first that failed'
  return `${timeText(timeOfMinute(from))}${before}, ${end}`
}

/**
 * When a tenant's last line of a step failed, if nothing shows that it still does: others have lines after it, or it all was in
 * one minute.
 * @param at of the last line of them that was looked at
 */
function lastOf({ what, tenants, everywhere, from, to, ongoing }: Finding, at: number | undefined, fold: Fold) {
  const [name = '', ...others] = tenants
  const tenant = fold.tenants.get(name)
  if (!ongoing || everywhere || others.length > 0 || what.kind !== 'reason' || tenant === undefined) return
  const [step, failing] = [tenant.steps.get(what.cell.step), tenant.cells.get(what.key)?.series]
  if (step === undefined || failing === undefined) return
  const last = lastMinuteOf(step)
  if (countIn(failing, last) < countIn(step, last)) return
  if (minuteOf(fold.last) <= last + 1 && to - from > 1) return
  return at !== undefined && minuteOf(at) === last ? timeText(at) : `${timeText(timeOfMinute(last)).slice(0, 16)}Z`
}

const HOUR = 60

/** The last minute in which something was counted. */
function lastMinuteOf({ hours }: Series): number {
  const hour = Math.max(...[...hours].flatMap(([hour, counts]) => (counts.some((count) => count > 0) ? hour : [])))
  return hour * HOUR + (hours.get(hour)?.findLastIndex((count) => count > 0) ?? 0)
}

function countIn({ hours }: Series, minute: number): number {
  const hour = Math.floor(minute / HOUR)
  return hours.get(hour)?.[minute - hour * HOUR] ?? 0
}

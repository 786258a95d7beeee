import { NotPossible } from '../../terminal/failure.js'
import { closestNames } from '../../terminal/text.js'
import type { DoctorState } from './state.js'

type Known = DoctorState['tables'][string]
type KeptFinding = Known[string]['findings'][string]

/** How often a check may have changed before the oldest is forgotten. */
const PAST_MAX = 50

/** What is kept of a check, given what it says now and what was kept of it before. */
export function keptFinding(
  before: KeptFinding | undefined,
  now: { readonly state: string; readonly what: string },
  checkedAt: string,
  lastAt: string | undefined,
): KeptFinding {
  if (!before) return { ...now, since: checkedAt }
  if (before.state === now.state && before.what === now.what) return before
  const { state, what, since = lastAt ?? checkedAt, past = [] } = before
  return {
    ...now,
    since: state === now.state ? since : checkedAt,
    past: [{ until: checkedAt, state, what }, ...past].slice(0, PAST_MAX),
  }
}

/** What was known at a time: each check as it was then, and only tenants that had been examined. */
export function knownAt(known: Known, when: string): Known {
  const then = Object.entries(known).flatMap(([userPoolId, tenant]) => {
    if ((tenant.firstAt ?? tenant.checkedAt) > when) return []
    const findings = Object.entries(tenant.findings).map(([check, finding]) => {
      const { past = [] } = finding
      const said = past.findLast(({ until }) => until > when) ?? finding
      return [check, { state: said.state, what: said.what }]
    })
    return [[userPoolId, { ...tenant, checkedAt: when, findings: Object.fromEntries(findings) }]]
  })
  return Object.fromEntries(then)
}

/**
 * Reads a time that was typed: a date in ISO form, whose end is meant if it is a day, or the name of a run.
 * @throws NotPossible with the closest names if it is neither
 */
export function timeOf(text: string, names: Readonly<Record<string, string>> = {}): string {
  const named = names[text]
  if (named !== undefined) return named
  const date = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T23:59:59.999Z` : text
  if (/^\d{4}-\d{2}-\d{2}T/.test(date) && !Number.isNaN(Date.parse(date))) return new Date(date).toISOString()
  const closest = closestNames(Object.keys(names), text)
  const hint = closest.length > 0 ? `: did you mean ${closest.join(' or ')}?` : ', nor a date such as 2026-11-22'
  throw new NotPossible(`no run of the doctor was called ${JSON.stringify(text)}${hint}`)
}

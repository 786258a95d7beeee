import type { Finding } from './find.js'

/** A state of a tenant, as far as its lines tell it. */
export type Health = 'ok' | 'degraded' | 'failing' | 'silent' | 'recovered'

/** From this share on, logins fail rather than suffer. */
const FAILING = 0.5

/** What a finding makes of the tenants that have it. */
export function healthOf({ what, inside }: Finding): Exclude<Health, 'ok' | 'recovered'> {
  if (what.kind === 'silent' || what.kind === 'missing' || what.kind === 'client') return 'silent'
  if (what.kind !== 'reason' && what.kind !== 'unfinished') return 'degraded'
  return inside.k >= FAILING * inside.n ? 'failing' : 'degraded'
}

/** What was counted, in the words of the lines. */
export function nameOf({ what }: Finding): string {
  if (what.kind === 'slow') return `${what.dependency} over ${what.overMs} ms`
  if (what.kind === 'missing') return `${what.step} after ${what.after}`
  if (what.kind === 'client') return `logins of app client ${what.clientId}`
  if (what.kind === 'silent') return 'logins'
  if (what.kind === 'stale') return 'lines with an older config, as the table failed'
  if (what.kind === 'unfinished') return `invocations without a closing line (${what.how})`
  const { step, outcome, reason, status, errorType, operation } = what.cell
  const said = [operation, status, errorType].filter((part) => part !== undefined).join(' ')
  return `${step} ${outcome} ${reason}${said === '' ? '' : ` (${said})`}`
}

const SHARES: readonly Finding['what']['kind'][] = ['reason', 'slow', 'unfinished', 'stale']
/** Is it told as a share of lines that should not be? Else it is of lines that are missing. */
export const isShare = ({ what }: Finding) => SHARES.includes(what.kind)

/** A share for a person. */
export const percent = (share: number) => (share > 0 && share < 0.01 ? 'under 1 %' : `${Math.round(share * 100)} %`)

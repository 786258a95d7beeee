import { isFault, type Reason } from '../../reasons.js'
import { isRepeated, minuteOf, ownerOf } from '../causes/fold.js'
import { add, createSeries, type Series } from '../causes/series.js'
import { isDependency, type Line, numberOf } from '../lines/line.js'

/** Each bound is some 1.2 times the one before: a quantile is told to a tenth, in 64 numbers a dependency. */
const BUCKETS = 64
const STEP = 1.2
/** The gateway has seven; whoever writes other names fills nothing. */
const DEPENDENCIES_MAX = 20

/** How long calls to one dependency took. */
export interface Durations {
  readonly counts: Uint32Array
  calls: number
  maxMs: number
}

/** Lines of one reason. */
export interface ReasonTally {
  readonly series: Series
  readonly tenants: Set<string>
}

/** What a tenant's lines came to. */
export interface TenantTally {
  /** Logins that came to their first challenge, or broke before it. */
  begun: number
  again: number
  tokens: number
  broken: number
  /** Milliseconds since 1970. */
  last: number
}

/** What is counted for a report besides the fold: whole logins, and durations. */
export interface Tally {
  readonly begun: Series
  /** Challenges that were not their login's first; they are counted among those that began. */
  readonly again: Series
  readonly tokens: Series
  /** Lines of what should not fail. */
  readonly broken: Series
  readonly reasons: Map<Reason, ReasonTally>
  readonly dependencies: Map<string, Durations>
  readonly tenants: Map<string, TenantTally>
}

export const createTally = (): Tally => ({
  begun: createSeries(),
  again: createSeries(),
  tokens: createSeries(),
  broken: createSeries(),
  reasons: new Map(),
  dependencies: new Map(),
  tenants: new Map(),
})

const BEFORE_CHALLENGE = ['pre-login', 'define-auth-challenge', 'create-auth-challenge']

/** Counts a line. A login is counted when it gets its first challenge, or breaks before: no earlier line is of all logins. */
export function tallyLine(tally: Tally, line: Line): void {
  if (isRepeated(line)) return
  const { at, step, outcome, reason, fields } = line
  const minute = minuteOf(at)
  const tenant = tenantOf(tally, ownerOf(line), at)
  const count = (name: 'begun' | 'again' | 'tokens' | 'broken') => {
    add(tally[name], minute)
    tenant[name] += 1
  }
  const broken = outcome === 'fault' || (reason !== undefined && outcome !== 'correct' && isFault(reason))
  if (broken) count('broken')
  if (outcome === 'created' || (broken && BEFORE_CHALLENGE.includes(step))) count('begun')
  else if (step === 'verify-auth-challenge-response' && (numberOf(fields, 'attempt') ?? 1) > 1) count('again')
  if (outcome === 'tokens') count('tokens')
  if (reason !== undefined && outcome !== 'correct') {
    const known = tally.reasons.get(reason) ?? { series: createSeries(), tenants: new Set<string>() }
    tally.reasons.set(reason, known)
    add(known.series, minute)
    known.tenants.add(ownerOf(line))
  }
  tallyCalls(tally, fields.upstream)
}

function tenantOf({ tenants }: Tally, name: string, at: number): TenantTally {
  const known = tenants.get(name)
  if (known !== undefined) {
    known.last = Math.max(known.last, at)
    return known
  }
  const tenant = { begun: 0, again: 0, tokens: 0, broken: 0, last: at }
  tenants.set(name, tenant)
  return tenant
}

function tallyCalls({ dependencies }: Tally, upstream: unknown): void {
  if (typeof upstream !== 'object' || upstream === null) return
  for (const [name, ms] of Object.entries(upstream)) {
    if (typeof ms !== 'number' || !(ms >= 0) || !isDependency(name)) continue
    let durations = dependencies.get(name)
    if (durations === undefined) {
      if (dependencies.size >= DEPENDENCIES_MAX) continue
      durations = { counts: new Uint32Array(BUCKETS), calls: 0, maxMs: 0 }
      dependencies.set(name, durations)
    }
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log(Math.max(1, ms)) / Math.log(STEP)))
    durations.counts[bucket] = (durations.counts[bucket] ?? 0) + 1
    durations.calls += 1
    durations.maxMs = Math.max(durations.maxMs, ms)
  }
}

/** The milliseconds within which a share of the calls was answered, to a tenth; never more than the slowest took. */
export function quantileOf({ counts, calls, maxMs }: Durations, share: number): number {
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    seen += count
    if (seen >= share * calls) return Math.min(maxMs, Math.round(STEP ** (bucket + 1)))
  }
  return maxMs
}

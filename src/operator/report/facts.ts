import { type Owner, type Reason, rowOf } from '../../reasons.js'
import type { Diagnosis } from '../causes/diagnose.js'
import { type Fold, minuteOf, timeOfMinute } from '../causes/fold.js'
import { type Series, sumsOf } from '../causes/series.js'
import { type Health, healthOf, nameOf } from '../causes/words.js'
import { quantileOf, type Tally } from './tally.js'

const MINUTE_MS = 60_000
/** As many columns as a narrow screen can show, and as many rows as a person reads. */
const COLUMNS_MAX = 50
const COLUMN_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440]
const ROWS_MAX = 100
/** From so many expected lines on, none is no chance. */
const SILENCE_MIN = 30
/** With fewer tenants than this, their own past says more of them than what the others do. */
const OTHERS_MIN = 5

/** What the lines of an interval came to, as a report shows it: counts and names, of no person. */
export interface ReportFacts {
  readonly made: number
  readonly from: number
  readonly to: number
  /** The one that was asked for; nothing of others is in the report then but their number. */
  readonly tenant: string | undefined
  readonly tenants: number
  readonly lines: number
  readonly others: number
  readonly columnMs: number
  readonly columns: readonly Column[]
  readonly total: Omit<Column, 'at'>
  readonly incidents: readonly Incident[]
  readonly incidentsLeft: number
  readonly changes: readonly Changed[]
  readonly changesLeft: number
  readonly reasons: readonly ReasonRow[]
  readonly dependencies: readonly DependencyRow[]
  readonly silent: readonly SilentRow[]
  readonly silentLeft: number
  readonly health: readonly HealthChange[]
  readonly worst: readonly TenantRow[]
  readonly worstLeft: number
}

/** Logins in one column of the chart. */
export interface Column {
  readonly at: number
  readonly begun: number
  readonly tokens: number
  readonly broken: number
}

export interface Incident {
  readonly number: number
  readonly from: number
  readonly to: number
  readonly ongoing: boolean
  readonly diagnosis: Diagnosis
  readonly what: string
  readonly health: Health
  readonly whom: string
  /** The same, without names if they are many. */
  readonly reach: string
}

export interface Changed {
  readonly at: number
  readonly what: 'config' | 'secret' | 'release'
  readonly version: string
  /** Nothing for a release: it is everybody's. */
  readonly tenant: string | undefined
}

export interface ReasonRow {
  readonly reason: Reason
  readonly owner: Owner
  readonly lines: number
  readonly tenants: number
  /** Of each column of the chart. */
  readonly columns: readonly number[]
}

export interface DependencyRow {
  readonly name: string
  readonly calls: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly maxMs: number
}

export interface SilentRow {
  readonly tenant: string
  readonly last: number
  /** Lines that would have come since. */
  readonly expected: number
}

export interface HealthChange {
  readonly at: number
  readonly to: Health
  readonly whom: string
  readonly incident: number
}

export interface TenantRow {
  readonly tenant: string
  readonly begun: number
  readonly tokens: number
  readonly broken: number
  readonly last: number
}

/** What a report is made from. */
export interface Read {
  readonly made: number
  readonly tenant: string | undefined
  readonly fold: Fold
  readonly tally: Tally
  readonly others: number
  readonly diagnoses: readonly Diagnosis[]
  /** Findings that were not diagnosed. */
  readonly left: number
}

/** Gathers what a report shows. */
export function reportFacts({ made, tenant, fold, tally, others, diagnoses, left }: Read): ReportFacts {
  const first = minuteOf(fold.first)
  const minutes = minuteOf(fold.last) - first + 1
  const step = COLUMN_MINUTES.find((one) => minutes / one <= COLUMNS_MAX) ?? Math.ceil(minutes / COLUMNS_MAX)
  const count = Math.ceil(minutes / step)
  const by = (series: Series): number[] => {
    const sums = sumsOf([series], first, count * step)
    return Array.from({ length: count }, (_, i) => (sums[(i + 1) * step] ?? 0) - (sums[i * step] ?? 0))
  }
  const [begun, again, tokens, broken] = [by(tally.begun), by(tally.again), by(tally.tokens), by(tally.broken)]
  const columns = begun.map((value, i) => ({
    at: timeOfMinute(first + i * step),
    // A second challenge may be answered in the column after its own.
    begun: Math.max(tokens[i] ?? 0, value - (again[i] ?? 0)),
    tokens: tokens[i] ?? 0,
    broken: broken[i] ?? 0,
  }))
  const incidents = [...diagnoses]
    .sort((a, b) => a.finding.from - b.finding.from)
    .map((diagnosis, index) => incidentOf(diagnosis, index + 1, tenant !== undefined))
  const changes = changesOf(fold, tenant)
  const worst = [...tally.tenants]
    .map(([name, { begun, again, tokens, broken, last }]) => {
      return { tenant: name, begun: Math.max(tokens, begun - again), tokens, broken, last }
    })
    .sort((a, b) => b.broken - a.broken || b.begun - a.begun || (a.tenant < b.tenant ? -1 : 1))
  const silent = silentOf(fold, tenant)
  return {
    made,
    from: fold.first,
    to: fold.last,
    tenant,
    tenants: fold.tenants.size,
    lines: tenant === undefined ? fold.lines : (fold.tenants.get(tenant)?.all.total ?? 0),
    others,
    columnMs: step * MINUTE_MS,
    columns,
    total: {
      begun: Math.max(tally.tokens.total, tally.begun.total - tally.again.total),
      tokens: tally.tokens.total,
      broken: tally.broken.total,
    },
    incidents,
    incidentsLeft: left,
    changes: changes.slice(0, ROWS_MAX),
    changesLeft: Math.max(0, changes.length - ROWS_MAX),
    reasons: [...tally.reasons]
      .map(([reason, { series, tenants }]) => {
        return { reason, owner: rowOf(reason).owner, lines: series.total, tenants: tenants.size, columns: by(series) }
      })
      .sort((a, b) => b.lines - a.lines),
    dependencies: [...tally.dependencies]
      .map(([name, durations]) => ({
        name,
        calls: durations.calls,
        p50: quantileOf(durations, 0.5),
        p95: quantileOf(durations, 0.95),
        p99: quantileOf(durations, 0.99),
        maxMs: durations.maxMs,
      }))
      .sort((a, b) => b.p99 - a.p99),
    silent: silent.slice(0, ROWS_MAX),
    silentLeft: Math.max(0, silent.length - ROWS_MAX),
    health: incidents
      .flatMap(({ number, from, to, ongoing, health, reach: whom }): HealthChange[] => [
        { at: from, to: health, whom, incident: number },
        ...(ongoing ? [] : [{ at: to, to: 'recovered' as const, whom, incident: number }]),
      ])
      .sort((a, b) => a.at - b.at),
    worst: worst.slice(0, ROWS_MAX),
    worstLeft: Math.max(0, worst.length - ROWS_MAX),
  }
}

/** Names of tenants that a sentence holds; a report of one tenant names no other. */
const NAMES_MAX = 4

function incidentOf(diagnosis: Diagnosis, number: number, ofOne: boolean): Incident {
  const { finding } = diagnosis
  const { tenants, everywhere, of, from, to, ongoing } = finding
  const more = tenants.length > NAMES_MAX ? ` and ${tenants.length - NAMES_MAX} more` : ''
  const names = `${tenants.slice(0, NAMES_MAX).join(', ')}${more}`
  const all = tenants.length === 0 ? 'everybody' : `${tenants.length} of ${of} tenants`
  return {
    number,
    from: timeOfMinute(from),
    to: timeOfMinute(to),
    ongoing,
    diagnosis,
    what: nameOf(finding),
    health: healthOf(finding),
    whom: everywhere ? (ofOne || tenants.length === 0 ? all : `${all} (${names})`) : names,
    reach: everywhere ? all : names,
  }
}

/** Versions that came while lines were read, the latest first. */
function changesOf(fold: Fold, only: string | undefined): Changed[] {
  // What was there first did not come.
  const came = <K>(what: Changed['what'], spans: ReadonlyMap<K, { first: number }>, tenant?: string): Changed[] =>
    [...spans]
      .sort(([, a], [, b]) => a.first - b.first)
      .slice(1)
      .map(([version, { first }]) => ({ what, version: String(version), at: first, tenant }))
  const tenants = [...fold.tenants].filter(([name]) => only === undefined || name === only)
  return [
    ...came('release', fold.releases),
    ...tenants.flatMap(([name, { configs, secrets }]) => [
      ...came('config', configs, name),
      ...came('secret', secrets, name),
    ]),
  ].sort((a, b) => b.at - a.at)
}

/** Tenants of which lines should have come by the end of what was read: by the others', or by their own past. */
function silentOf(fold: Fold, only: string | undefined): SilentRow[] {
  const first = minuteOf(fold.first)
  const minutes = minuteOf(fold.last) - first + 1
  const all = sumsOf([fold.all], first, minutes)
  return [...fold.tenants]
    .filter(([name]) => name !== '' && (only === undefined || name === only))
    .flatMap(([tenant, { all: own }]) => {
      const sums = sumsOf([own], first, minutes)
      const last = sums.indexOf(own.total) - 1
      const rest = minutes - last - 1
      if (own.total === 0 || rest < 1) return []
      const [before, after] = [(all[last + 1] ?? 0) - own.total, (all[minutes] ?? 0) - (all[last + 1] ?? 0)]
      const share = fold.tenants.size < OTHERS_MIN ? rest / (last + 1) : after / Math.max(1, before)
      const expected = Math.round(own.total * share)
      return expected < SILENCE_MIN ? [] : [{ tenant, last: timeOfMinute(first + last), expected }]
    })
    .sort((a, b) => b.expected - a.expected)
}

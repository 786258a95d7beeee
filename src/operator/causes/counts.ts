/**
 * The fold of lines that CloudWatch counts: a few queries for numbers by minute, never the lines themselves. A row stands for all
 * lines of a minute that say the same, and goes through the fold that each line of a file goes through.
 */
import type { Fields, Line } from '../lines/line.js'
import { lineOf, parseLine } from '../lines/line.js'
import type { Interval } from '../lines/select.js'
import { conditionOf, isPlain, ofTenant, type Where } from '../lines/where.js'
import { createBrokenFold } from './broken.js'
import { createEvidence, type Evidence, ODD_FIELDS } from './evidence.js'
import { findFaults } from './faults.js'
import { type Finding, findCauses, sharedEdges } from './find.js'
import { createFold, type Fold, foldLine, joinPools, SLOW_MS, timeOfMinute } from './fold.js'

type Row = ReadonlyMap<string, string>

/** Asks Logs Insights for what lies between two times; `cut` if there are more rows than it gives. */
export type Ask = (
  text: string,
  interval: Interval,
  rowsMax?: number,
) => Promise<{ readonly rows: readonly Row[]; readonly cut: boolean }>

export interface Counted {
  readonly fold: Fold
  /** Tenants by their pools. */
  readonly pools: ReadonlyMap<string, string>
  /** What is not whole, in sentences for a person. */
  readonly notes: readonly string[]
}

/** The most rows that a query may have (fact A49). */
const ROWS_MAX = 100_000
/** Failing lines that are read whole, for their users and as samples. */
const SAMPLES_MAX = 10_000
/** Of all tenants at once, those with something of their own are looked at by the minute; these are the most. */
const TENANTS_MAX = 25
/** The steps of the coarse look at all tenants, in minutes. */
const COARSE_MINUTES = 10
/** Invocations that broke, of which Lambda's own lines are read. */
const BROKEN_MAX = 10_000
/** The share of failing lines from which on a tenant is looked at by the minute. */
const COARSE_SHARE = 0.25
/** Intervals that may be common to all. */
const SHARED_MAX = 6

export const OWNER = ['tenantId', 'userPoolId', 'customer'] as const
export const CELL = [
  'door',
  'trigger',
  'action',
  'msg',
  'outcome',
  'reason',
  'failed',
  'operation',
  'upstreamStatus',
  'upstreamErrorType',
  'remembered',
  'configStale',
] as const
export const VERSIONS = ['clientId', 'configVersion', 'secretVersion'] as const
/** What lines name under `upstream`. */
const DEPENDENCIES = ['table', 'ssm', 'sts', 'cognito', 'lambda', 'corbado'] as const
const NUMBERS: ReadonlySet<string> = new Set(['upstreamStatus', 'configVersion', 'secretVersion'])
const FLAGS: ReadonlySet<string> = new Set(['remembered', 'coldStart', 'configStale'])

const STEP_MS = SLOW_MS[0]
/** How long calls took, in steps of which the limits of what is slow are multiples. */
const SLOW_FIELDS = DEPENDENCIES.map((name) => `floor(upstream.${name} / ${STEP_MS}) as slow_${name}`).join(', ')
export const SLOW_KEYS = DEPENDENCIES.map((name) => `slow_${name}`)

interface Counting {
  readonly where: Where
  readonly by: readonly string[]
  /** Minutes a bin; none for the whole time at once. */
  readonly bin?: number
  /** Epoch minutes at which a new part of the time begins; counts are told apart by it. */
  readonly edges?: readonly number[]
  /** Rows of many lines first, so that those of the fewest are missing if there are more rows than a query answers. */
  readonly mostFirst?: boolean
}

/** The text of a query that counts lines by fields, with the time of the first and the last. */
export function countsQuery({ where, by, bin, edges = [], mostFirst = false }: Counting): string {
  // A time divided by an earlier one is 1 and a bit; by a later one, nought and a bit.
  const parts = edges.map((edge) => `floor(toMillis(@timestamp) / ${timeOfMinute(edge)})`)
  const part = parts.length > 0 ? `, ${parts.join(' + ')} as part` : ''
  const keys = [...(bin === undefined ? [] : [`bin(${bin}m)`]), ...by, ...(parts.length > 0 ? ['part'] : [])]
  return `filter ${conditionOf(where)}
| fields ${SLOW_FIELDS}${part}
| stats count(*) as n, min(@timestamp) as first, max(@timestamp) as last by ${keys.join(', ')}${mostFirst ? '\n| sort n desc' : ''}
| limit ${ROWS_MAX}`
}

/** A row as a line: its fields, and as many milliseconds as its step says. */
export function lineOfRow(row: Row, at: number): Line | undefined {
  const fields: Record<string, unknown> = {}
  const upstream: Record<string, number> = {}
  for (const [name, text] of row) {
    const slow = /^slow_(\w+)$/.exec(name)?.[1]
    if (slow !== undefined) upstream[slow] = Number(text) * STEP_MS
    else if (NUMBERS.has(name)) fields[name] = Number(text)
    else if (FLAGS.has(name)) fields[name] = text === '1' || text === 'true'
    else if (!name.includes('(') && !['n', 'first', 'last', 'part'].includes(name)) fields[name] = text
  }
  if (Object.keys(upstream).length > 0) fields.upstream = upstream
  return lineOf({ ...(fields as Fields), time: new Date(at).toISOString() })
}

/** A time in a row: milliseconds, or as Insights shows a time, in UTC. */
export function timeOf(text: string | undefined): number {
  if (text === undefined) return Number.NaN
  return /^[\d.eE+]+$/.test(text) ? Number(text) : Date.parse(`${text.replace(' ', 'T')}Z`)
}

function foldRow(fold: Fold, row: Row, at = timeOf(row.get('first')), last = timeOf(row.get('last'))): void {
  const line = Number.isFinite(at) ? lineOfRow(row, at) : undefined
  if (line !== undefined) foldLine(fold, line, Number(row.get('n') ?? 0), last)
}

/** Lines of tenants: those that name one, and those that name one's pool. */
function among(tenants: readonly string[], pools: ReadonlyMap<string, string>): Where {
  const own = [...pools].flatMap(([pool, tenant]) => (tenants.includes(tenant) ? [pool] : []))
  return [[...new Set([...tenants, ...own])].flatMap((name) => ofTenant(name)[0] ?? [])]
}

/**
 * Counts the lines of a time: those of one tenant by the minute, beside those of all together. Without a tenant, those by the minute
 * that are found to have something of their own in a coarser look.
 * @param tenant its id or its pool; all if left out
 */
export async function foldCounts(ask: Ask, interval: Interval, tenant?: string): Promise<Counted> {
  const notes = new Set<string>()
  async function rowsOf(counting: Counting): Promise<readonly Row[]> {
    const { rows, cut } = await ask(countsQuery(counting), interval)
    if (cut) notes.add('CloudWatch counts more kinds of lines than it tells: name less with --since and --until')
    return rows
  }

  const together = createFold()
  for (const row of await rowsOf({ where: [], by: [...CELL, 'gatewayVersion', ...SLOW_KEYS], bin: 1 }))
    foldRow(together, row)
  const whole = together.tenants.get('')

  // All tenants: only how many lines of each kind they have while something is common to all, and before and after.
  const edges = sharedEdges({ ...together, tenants: new Map(), together: whole }, SHARED_MAX)
  const starts = [together.first, ...edges.map(timeOfMinute)]
  const others = createFold()
  for (const row of await rowsOf({ where: [], by: [...OWNER, ...CELL, ...SLOW_KEYS], edges })) {
    const at = starts[Number(row.get('part') ?? 0)] ?? together.first
    foldRow(others, row, at, at)
  }
  const { pools } = others
  joinPools(others)

  const names = tenant === undefined ? await suspectsOf(rowsOf, together, pools, notes) : [tenant].filter(isPlain)
  const detailed = createFold()
  if (names.length > 0) {
    const where = among(names, pools)
    for (const row of await rowsOf({ where, by: [...OWNER, ...CELL, ...VERSIONS, ...SLOW_KEYS], bin: 1 }))
      foldRow(detailed, row)
  }
  joinPools({ tenants: detailed.tenants, pools })
  await foldBrokenOf(ask, interval, together, notes)
  const tenants = new Map([...others.tenants, ...detailed.tenants])
  const { first, last, lines, all, releases, broken, stale } = together
  const fold: Fold = {
    first,
    last,
    lines,
    all,
    releases,
    broken,
    stale,
    tenants,
    pools,
    together: whole,
    detailed: new Set(detailed.tenants.keys()),
  }
  return { fold, pools, notes: [...notes] }
}

/** Reads what Lambda says of invocations that broke: they are few, or they are the incident. */
async function foldBrokenOf(ask: Ask, interval: Interval, fold: Fold, notes: Set<string>): Promise<void> {
  const { rows, cut } = await ask(
    `filter not ispresent(outcome) and @message like /Status: timeout|Error Type: \\w+\\.|Task timed out after/
| fields @timestamp, @message
| sort @timestamp asc
| limit ${BROKEN_MAX}`,
    interval,
    BROKEN_MAX,
  )
  if (cut) notes.add(`of invocations that broke only the first ${BROKEN_MAX} were counted`)
  const broken = createBrokenFold(fold)
  for (const row of rows) {
    const line = parseLine((row.get('@message') ?? '').trimEnd())
    if (line?.kind === 'lambda') broken.take(line, timeOf(row.get('@timestamp')))
  }
}

/** Tenants that have something of their own, by steps of ten minutes. */
async function suspectsOf(
  rowsOf: (counting: Counting) => Promise<readonly Row[]>,
  together: Fold,
  pools: ReadonlyMap<string, string>,
  notes: Set<string>,
): Promise<readonly string[]> {
  const coarse = createFold()
  for (const row of await rowsOf({ where: [], by: [...OWNER, ...CELL, 'clientId', ...SLOW_KEYS], bin: COARSE_MINUTES }))
    foldRow(coarse, row)
  joinPools({ tenants: coarse.tenants, pools })
  const whole = { ...coarse, releases: together.releases }
  // In steps of ten minutes a share is rough: those that may have faults are looked at.
  const found = [...findCauses(whole), ...findFaults(whole, {}, COARSE_SHARE)]
  const names = [
    ...new Set(found.filter(({ everywhere, plain }) => plain || !everywhere).flatMap(({ tenants }) => tenants)),
  ]
  if (names.length > TENANTS_MAX)
    notes.add(
      `${names.length} tenants have something of their own: those with most of it were looked at, ${TENANTS_MAX}`,
    )
  return names.slice(0, TENANTS_MAX).filter(isPlain)
}

/** What the lines of findings say beyond their number: two queries for all. */
export async function evidenceCounts(
  ask: Ask,
  findings: readonly Finding[],
  pools: ReadonlyMap<string, string>,
): Promise<{ readonly evidence: readonly Evidence[]; readonly notes: readonly string[] }> {
  const notes: string[] = []
  const collectors = findings.map((finding) => createEvidence(finding, pools))
  const told = findings.filter(({ what }) => what.kind === 'reason' || what.kind === 'slow')
  if (told.length > 0) {
    const edges = [...new Set(told.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
    const [first = 0, last = 0] = [edges[0], edges.at(-1)]
    const interval = { from: timeOfMinute(first), to: timeOfMinute(last) }
    const everywhere = told.some((finding) => finding.everywhere)
    const where = everywhere ? [] : among([...new Set(told.flatMap(({ tenants }) => tenants))], pools)
    // Tenants are told apart only where they must be.
    const owner = everywhere && told.length === 1 ? [] : ['tenantId', 'userPoolId']
    const odd = ODD_FIELDS.filter((field) => !(CELL as readonly string[]).includes(field))
    const query = countsQuery({ where, by: [...owner, ...CELL, ...odd, ...SLOW_KEYS], edges: edges.slice(1, -1) })
    const starts = edges.slice(0, -1).map(timeOfMinute)
    const counted = await ask(query, interval)
    if (counted.cut) notes.push('fields that differ were looked for in part of the lines')
    for (const row of counted.rows) {
      const line = lineOfRow(row, starts[Number(row.get('part') ?? 0)] ?? interval.from)
      if (line !== undefined) for (const { count } of collectors) count(line, Number(row.get('n') ?? 0))
    }
    const failing = told.map(({ what }) => conditionOfWhat(what)).join(' or ')
    const { rows, cut } = await ask(
      `filter ${conditionOf(where)} and (${failing})
| fields @message
| sort @timestamp asc
| limit ${SAMPLES_MAX}`,
      interval,
      SAMPLES_MAX,
    )
    if (cut) notes.push(`users were counted in the first ${SAMPLES_MAX} failing lines`)
    for (const row of rows) {
      const text = (row.get('@message') ?? '').trimEnd()
      const line = text.startsWith('{') ? lineOf(JSON.parse(text)) : undefined
      if (line !== undefined) for (const { sample } of collectors) sample(line)
    }
  }
  return { evidence: collectors.map(({ end }) => end()), notes }
}

function conditionOfWhat(what: Finding['what']): string {
  if (what.kind === 'slow') return `upstream.${what.dependency} >= ${what.overMs}`
  return what.kind === 'reason'
    ? `reason = "${what.cell.reason}" and outcome = "${what.cell.outcome}"`
    : 'ispresent(none)'
}

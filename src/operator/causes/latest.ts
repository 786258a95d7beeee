/**
 * The fold of the latest lines from one query, for who looks every few minutes. What goes on is told by when it began: so the time is
 * cut finely at its end, and ever more coarsely before.
 */
import type { Line } from '../lines/line.js'
import type { Interval } from '../lines/select.js'
import { type Ask, CELL, countsQuery, lineOfRow, OWNER, SLOW_KEYS, timeOf, VERSIONS } from './counts.js'
import { createEvidence, type Evidence } from './evidence.js'
import type { Finding } from './find.js'
import { createFold, type Fold, foldLine, joinPools, minuteOf, timeOfMinute } from './fold.js'

export type { Ask } from './counts.js'

/** Where the time before a look is cut, in minutes back from it. */
const AGES = [2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 540, 720, 1_080]

/** Lines that say the same in one part of the time. */
export interface Row {
  /** One of them, at the time of the first. */
  readonly line: Line
  readonly count: number
}

export interface Latest {
  readonly fold: Fold
  readonly rows: readonly Row[]
  /** Tenants by their pools. */
  readonly pools: ReadonlyMap<string, string>
  /** There are more rows than a query answers; those of the fewest lines are missing. */
  readonly cut: boolean
}

/** Counts all lines of a time up to now, in one query. */
export async function foldLatest(ask: Ask, interval: Interval): Promise<Latest> {
  const [first, last] = [minuteOf(interval.from), minuteOf(interval.to)]
  const edges = AGES.map((age) => last - age).filter((edge) => edge > first)
  const by = [...OWNER, ...CELL, ...VERSIONS, 'gatewayVersion', ...SLOW_KEYS]
  const answer = await ask(countsQuery({ where: [], by, edges, mostFirst: true }), interval)
  const fold = createFold()
  const rows = answer.rows.flatMap((row) => {
    const at = timeOf(row.get('first'))
    const line = Number.isFinite(at) ? lineOfRow(row, at) : undefined
    if (line === undefined) return []
    const count = Number(row.get('n') ?? 0)
    spread(fold, line, count, timeOf(row.get('last')))
    return [{ line, count }]
  })
  joinPools(fold)
  return { fold, rows, pools: fold.pools, cut: answer.cut }
}

/** Counts lines of which only the first and the last are known: those, and the others evenly between them. */
function spread(fold: Fold, line: Line, count: number, last: number): void {
  const from = minuteOf(line.at)
  const minutes = Math.max(1, minuteOf(last) - from + 1)
  if (minutes === 1) {
    foldLine(fold, line, count, last)
    return
  }
  const between = Math.max(0, count - 2)
  for (let index = 0; index < minutes; index += 1) {
    const isEnd = index === 0 || index === minutes - 1
    const own = Math.floor(((index + 1) * between) / minutes) - Math.floor((index * between) / minutes)
    const lines = own + Number(isEnd)
    if (lines === 0) continue
    const at = index === 0 ? line.at : timeOfMinute(from + index)
    foldLine(fold, { ...line, at }, lines, index === minutes - 1 ? last : at)
  }
}

/** What the rows of a finding say beyond their number: in which field they differ. Users and samples are in the lines alone. */
export function evidenceOf({ rows, pools }: Latest, finding: Finding): Evidence {
  const { count, end } = createEvidence(finding, pools)
  for (const row of rows) count(row.line, row.count)
  return end()
}

import { allowed, type Line, nameIn, numberOf, textOf } from '../lines/line.js'
import type { Finding } from './find.js'
import { cellKeyOf, isRepeated, minuteOf, ownerOf } from './fold.js'
import type { Counts } from './interval.js'

/** Fields in which what fails may differ from the rest: part of the clients, of the releases, of the processes. */
export const ODD_FIELDS = [
  'clientId',
  'gatewayVersion',
  'configVersion',
  'alias',
  'region',
  'coldStart',
  'door',
  'instance',
  'clientSdk',
] as const
export type OddField = (typeof ODD_FIELDS)[number]

/** More values than this tell nothing, and cost memory. */
const VALUES_MAX = 200
const SAMPLES_MAX = 5
const LATENESS_MAX = 1_000
/** 95 of 100 such intervals hold the true share. */
const Z = 1.96

/** A value that failing lines have more often than the others. */
export interface Odd {
  readonly field: OddField
  readonly value: string
  /** Share that fails among lines with the value, and among the rest. */
  readonly share: number
  readonly rest: number
  /** Share of the failing lines that have the value. */
  readonly covers: number
}

/** What the lines of a finding say beyond their number. */
export interface Evidence {
  readonly users: number
  readonly odd: readonly Odd[]
  /** Milliseconds after their end at which proofs came. */
  readonly lateMs: readonly number[]
  /** The first few lines themselves, as the gateway writes them. */
  readonly samples: readonly string[]
  /** When the last of them was written, in milliseconds since 1970. */
  readonly lastAt?: number | undefined
}

/** Bounds of a share, after Wilson: holds for few lines and for shares near 0 and 1 too. */
export function wilson({ k, n }: Counts): { readonly low: number; readonly high: number } {
  if (n === 0) return { low: 0, high: 1 }
  const p = k / n
  const z2 = Z * Z
  const middle = p + z2 / (2 * n)
  const spread = Z * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n))
  const scale = 1 + z2 / n
  return { low: Math.max(0, (middle - spread) / scale), high: Math.min(1, (middle + spread) / scale) }
}

interface Tally {
  failing: number
  all: number
}

/**
 * Collects the evidence of one finding from the lines that were folded: a second look at few of them.
 * @param pools tenants by their pools: lines may name the pool alone
 */
export function createEvidence(
  { what, tenants, everywhere, from, to }: Finding,
  pools: ReadonlyMap<string, string> = new Map(),
) {
  const names = new Set(tenants)
  const users = new Set<string>()
  const lateMs: number[] = []
  const samples: string[] = []
  const values = new Map<OddField, Map<string, Tally>>(ODD_FIELDS.map((field) => [field, new Map()]))
  let failing = 0
  let all = 0
  let lastAt: number | undefined

  function isOf(line: Line): boolean {
    if (what.kind === 'reason') return line.step === what.cell.step
    return what.kind === 'slow' && msOf(line, what.dependency) !== undefined
  }

  function fails(line: Line): boolean {
    if (what.kind === 'reason') return cellKeyOf(line) === what.key
    return what.kind === 'slow' && (msOf(line, what.dependency) ?? 0) >= what.overMs
  }

  function isWithin(line: Line): boolean {
    const minute = minuteOf(line.at)
    if (minute < from || minute >= to || isRepeated(line)) return false
    const owner = ownerOf(line)
    return (everywhere || names.has(pools.get(owner) ?? owner)) && isOf(line)
  }

  /** Looks at a line. */
  function look(line: Line): void {
    count(line, 1)
    sample(line)
  }

  /** Takes whom a failing line is of, and what of the line may be shown. */
  function sample(line: Line): void {
    if (!isWithin(line) || !fails(line)) return
    lastAt = Math.max(lastAt ?? line.at, line.at)
    const user = textOf(line.fields, 'user')
    if (user !== undefined) users.add(user)
    const late = numberOf(line.fields, 'lateMs')
    if (late !== undefined && lateMs.length < LATENESS_MAX) lateMs.push(late)
    if (samples.length < SAMPLES_MAX) samples.push(JSON.stringify(allowed(line).fields))
  }

  /** Counts the values of a line that stands for so many. */
  function count(line: Line, lines: number): void {
    if (!isWithin(line)) return
    const bad = fails(line)
    all += lines
    if (bad) failing += lines
    for (const [field, tallies] of values) {
      const value = line.fields[field]
      const name =
        typeof value === 'string' ? nameIn(line.fields, field) : value === undefined ? undefined : String(value)
      if (name === undefined) continue
      let tally = tallies.get(name)
      if (tally === undefined) {
        if (tallies.size >= VALUES_MAX) continue
        tally = { failing: 0, all: 0 }
        tallies.set(name, tally)
      }
      tally.all += lines
      if (bad) tally.failing += lines
    }
  }

  /** The value of each field that fails more often than the rest beyond doubt, most telling first. */
  function oddOf(): Odd[] {
    const found = [...values].flatMap(([field, tallies]) =>
      [...tallies].flatMap(([value, tally]) => {
        const rest = { k: failing - tally.failing, n: all - tally.all }
        const own = { k: tally.failing, n: tally.all }
        const covers = tally.failing / Math.max(1, failing)
        if (rest.n < 5 || covers < 0.8 || wilson(own).low <= 2 * wilson(rest).high) return []
        return [{ field, value, share: own.k / own.n, rest: rest.k / rest.n, covers }]
      }),
    )
    // Of two values that mean the same lines, the rarer one says more.
    return found.sort(
      (a, b) => b.share - b.rest - (a.share - a.rest) || ODD_FIELDS.indexOf(a.field) - ODD_FIELDS.indexOf(b.field),
    )
  }

  const end = (): Evidence => ({ users: users.size, odd: oddOf(), lateMs, samples, lastAt })
  return { look, count, sample, end }
}

function msOf(line: Line, dependency: string): number | undefined {
  const { upstream } = line.fields
  const ms =
    typeof upstream === 'object' && upstream !== null ? (upstream as Record<string, unknown>)[dependency] : undefined
  return typeof ms === 'number' ? ms : undefined
}

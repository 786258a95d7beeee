/** What lines say plainly: faults that need no comparison, where it is not known since when, or what was usual before. */
import { levelOf, type Reason, rowOf } from '../../reasons.js'
import { type Finding, findCauses, isSuspect } from './find.js'
import { type Cell, type Fold, minuteOf, type TenantFold } from './fold.js'
import type { Series } from './series.js'

/** So many lines are told, if most of their step fail. */
const LINES_MIN = 5
const SHARE_MIN = 0.5
/** Among fewer lines than this there is no usual: every fault counts. */
const FEW_LINES = 50
/** The time in which an alarm counts. */
const ALARM_MINUTES = 5
/** Who asks every few minutes is told only of what cannot be compared with the hour before, and was seen so lately. */
const BASELINE_MINUTES = 60
const LATELY_MINUTES = 15
/** More tenants than this share, and it is nobody's own. */
const EVERYWHERE = 0.3
/** Invocations that break are told from this share of all on. */
const BROKEN_SHARE = 0.1

/** What is looked for: as `findCauses` has it. */
export interface Looking {
  readonly only?: string | undefined
  readonly until?: number
  readonly open?: boolean
}

/** Is it an error of anybody but the user? */
export const isError = ({ reason, outcome }: Cell) => reason !== undefined && levelOf(reason, outcome) === 'error'

/**
 * All that is wrong by the lines: that nobody has any now, then what differs from the rest, gravest first, then faults that nothing
 * shows the usual of. Any other silence that is told by the hour before alone comes last: it is the least sure.
 */
export function findAll(fold: Fold, looking: Looking = {}): Finding[] {
  const { only, until = 0, open = false } = looking
  const found = findCauses(fold, only, until, open)
  const faults = findFaults(fold, looking, SHARE_MIN)
  // Logins that fail for the table tell of it.
  const stale = [...found, ...faults].some(isOfTable) ? [] : findStale(fold, looking)
  const all = [...findBroken(fold, looking), ...stale, ...faults]
  const plain = all.filter((one) => !found.some((cause) => covers(cause, one)))
  const rankOf = ({ what, everywhere, ongoing, plain }: Finding) => {
    if (what.kind === 'silent' && everywhere && ongoing) return 0
    if (what.kind === 'silent' && what.by === 'hour') return 3
    return plain ? 2 : 1
  }
  return [...found, ...plain].sort((a, b) => rankOf(a) - rankOf(b))
}

/** Is a fault told with a cause already, as it or as what follows from it? */
function covers(cause: Finding, one: Finding): boolean {
  if (one.what.kind === 'unfinished') return cause.what.kind === 'unfinished' && cause.what.how === one.what.how
  const isOf = cause.everywhere || one.tenants.every((name) => cause.tenants.includes(name))
  return (
    isOf && [cause, ...cause.folded].some((told) => reasonOf(told) !== undefined && reasonOf(told) === reasonOf(one))
  )
}

const reasonOf = ({ what }: Finding) => (what.kind === 'reason' ? what.cell.reason : undefined)

/** Lines of one tenant with one reason at one step. */
interface Failing {
  readonly name: string
  readonly key: string
  readonly cell: Cell
  /** Of all kinds of lines with this reason at this step. */
  readonly lines: number
  readonly inside: { readonly k: number; readonly n: number }
  readonly outside: { readonly k: number; readonly n: number }
  readonly from: number
  readonly to: number
  readonly ongoing: boolean
}

/**
 * Faults that most lines of a step have from the first on, or that ring an alarm, or any among very few lines.
 * @param share of the lines of the step that must fail
 */
export function findFaults(fold: Fold, { only, until = 0, open = false }: Looking, share: number): Finding[] {
  if (fold.lines === 0) return []
  const end = Math.max(minuteOf(fold.last) + 1, minuteOf(until))
  const names = only === undefined ? [...(fold.detailed ?? fold.tenants.keys())] : [only]
  const own = names.flatMap((name) => {
    const tenant = fold.tenants.get(name)
    return tenant === undefined ? [] : failingOf(name, tenant)
  })
  const few = !open && ((only === undefined ? fold.lines : fold.tenants.get(only)?.all.total) ?? 0) < FEW_LINES
  const rings = alarmsOf(fold, only)
  function isTold({ cell, inside, outside, from, to, ongoing }: Failing): boolean {
    const owner = cell.reason === undefined ? 'end user' : rowOf(cell.reason).owner
    // What one asks about may be refused on purpose; of all, only errors are told.
    if (!isError(cell) && (only === undefined || open || owner === 'end user')) return false
    if (open && (!ongoing || to < end - LATELY_MINUTES)) return false
    if (open && outside.n >= LINES_MIN && from - minuteOf(fold.first) >= BASELINE_MINUTES) return false
    if (isError(cell) && (few || (cell.reason !== undefined && rings.has(cell.reason)))) return true
    return inside.k >= LINES_MIN && inside.k >= share * inside.n
  }
  return oneAReason(own.filter(isTold)).map((group) => findingOf(fold, group))
}

const isOfTable = ({ what }: Finding) =>
  what.kind === 'stale' || (what.kind === 'reason' && what.cell.failed === 'table')

/** Lines that older configs served: of a table that works there are none. */
function findStale(fold: Fold, { open = false }: Looking): Finding[] {
  const { stale, all, lines } = fold
  if (open || stale.total < LINES_MIN) return []
  const [from, to, k] = [firstOf(stale), lastOf(stale) + 1, stale.total]
  const n = countFrom(all, from)
  const ongoing = lastOf(all) < to
  return [
    ofAll(fold, { what: { kind: 'stale' }, from, to, ongoing, inside: { k, n }, outside: { k: 0, n: lines - n } }),
  ]
}

/** What is seen of all tenants together, without a comparison. */
function ofAll(fold: Fold, seen: Pick<Finding, 'what' | 'from' | 'to' | 'ongoing' | 'inside' | 'outside'>): Finding {
  const common = { plain: true, tenants: [], everywhere: true, of: fold.tenants.size, g: 0, folded: [] } as const
  return { ...common, ...seen, lost: seen.inside.k }
}

/** Invocations that broke, of which a tenth of all from the first on did, or any among very few lines. */
function findBroken(fold: Fold, { open = false }: Looking): Finding[] {
  if (open || fold.lines === 0) return []
  return [...fold.broken].flatMap(([how, series]): Finding[] => {
    const [from, to, k] = [firstOf(series), lastOf(series) + 1, series.total]
    const n = k + countFrom(fold.all, from)
    const few = fold.lines < FEW_LINES
    if (!few && (k < LINES_MIN || k < BROKEN_SHARE * n)) return []
    const outside = { k: 0, n: fold.lines + k - n }
    const ongoing = lastOf(fold.all) <= to
    return [ofAll(fold, { what: { kind: 'unfinished', how }, from, to, ongoing, inside: { k, n }, outside })]
  })
}

/** What fails at a tenant, by reason and step. */
function failingOf(name: string, tenant: TenantFold): Failing[] {
  const groups = new Map<string, [key: string, cell: Cell][]>()
  for (const [key, cell] of tenant.cells) {
    if (!isSuspect(cell) || cell.series.total === 0) continue
    const group = `${cell.step} ${cell.outcome} ${cell.reason}`
    groups.set(group, [...(groups.get(group) ?? []), [key, cell]])
  }
  return [...groups.values()].flatMap((cells) => {
    const [most] = [...cells].sort(([, a], [, b]) => b.series.total - a.series.total)
    if (most === undefined) return []
    const [key, cell] = most
    const series = cells.map(([, { series }]) => series)
    const step = tenant.steps.get(cell.step)
    const [from, to] = [Math.min(...series.map(firstOf)), Math.max(...series.map(lastOf)) + 1]
    const lines = series.reduce((sum, { total }) => sum + total, 0)
    const n = step === undefined ? lines : countFrom(step, from)
    const ongoing = step === undefined || lastOf(step) < to
    const outside = { k: 0, n: (step?.total ?? lines) - n }
    return [{ name, key, cell, lines, inside: { k: lines, n }, outside, from, to, ongoing }]
  })
}

/** A reason of several tenants, and at several steps, is one: the step with most lines tells it. */
function oneAReason(failing: readonly Failing[]): Failing[][] {
  const byStep = new Map<string, Failing[]>()
  for (const one of failing) {
    const group = `${one.cell.step} ${one.cell.outcome} ${one.cell.reason}`
    byStep.set(group, [...(byStep.get(group) ?? []), one])
  }
  const linesOf = (group: readonly Failing[]) => group.reduce((sum, { lines }) => sum + lines, 0)
  const told = new Map<Reason | undefined, Failing[]>()
  for (const group of [...byStep.values()].sort((a, b) => linesOf(b) - linesOf(a))) {
    const reason = group[0]?.cell.reason
    if (!told.has(reason))
      told.set(
        reason,
        [...group].sort((a, b) => b.lines - a.lines),
      )
  }
  return [...told.values()]
}

function findingOf(fold: Fold, group: readonly Failing[]): Finding {
  const [first] = group
  if (first === undefined) throw new Error('a fault has lines')
  const { cell, key } = first
  const tenants = group.map(({ name }) => name)
  const sum = (of: (one: Failing) => number) => group.reduce((all, one) => all + of(one), 0)
  const active = [...fold.tenants.values()].filter(({ steps }) => steps.has(cell.step)).length
  return {
    what: { kind: 'reason', cell, key },
    plain: true,
    tenants,
    everywhere: tenants.length >= 3 && tenants.length > EVERYWHERE * active,
    of: active,
    from: Math.min(...group.map(({ from }) => from)),
    to: Math.max(...group.map(({ to }) => to)),
    ongoing: group.some(({ ongoing }) => ongoing),
    inside: { k: sum(({ inside }) => inside.k), n: sum(({ inside }) => inside.n) },
    outside: { k: 0, n: sum(({ outside }) => outside.n) },
    g: 0,
    lost: sum(({ lines }) => lines),
    folded: [],
  }
}

/** Reasons of which as many lines came in five minutes as ring their alarm: of all tenants, or of the one that is asked about. */
function alarmsOf(fold: Fold, only: string | undefined): ReadonlySet<Reason> {
  const counted = only === undefined && fold.together !== undefined ? [fold.together] : undefined
  const tenants =
    counted ?? [...fold.tenants].flatMap(([name, tenant]) => (only === undefined || name === only ? [tenant] : []))
  const minutes = new Map<Reason, Map<number, number>>()
  for (const { cells } of tenants)
    for (const { reason, series } of cells.values()) {
      if (reason === undefined || rowOf(reason).alarm === undefined) continue
      const counts = minutes.get(reason) ?? new Map<number, number>()
      for (const [minute, count] of minutesOf(series)) counts.set(minute, (counts.get(minute) ?? 0) + count)
      minutes.set(reason, counts)
    }
  const isRinging = (reason: Reason, counts: ReadonlyMap<number, number>) => {
    const from = rowOf(reason).alarm?.from ?? Number.POSITIVE_INFINITY
    return [...counts.keys()].some((minute) => {
      let lines = 0
      for (let at = minute; at < minute + ALARM_MINUTES; at += 1) lines += counts.get(at) ?? 0
      return lines >= from
    })
  }
  return new Set([...minutes].flatMap(([reason, counts]) => (isRinging(reason, counts) ? [reason] : [])))
}

/** The minutes that have something, each with how much. */
function minutesOf({ hours }: Series): [minute: number, count: number][] {
  return [...hours].flatMap(([hour, counts]) =>
    [...counts.entries()].flatMap(([at, count]): [number, number][] => (count > 0 ? [[hour * 60 + at, count]] : [])),
  )
}

/** The first minute that has something. A look at thousands of tenants asks this of each series: no list is made for it. */
function firstOf({ hours }: Series): number {
  let first = Number.POSITIVE_INFINITY
  for (const [hour, counts] of hours) {
    if (hour * 60 >= first) continue
    const at = counts.findIndex((count) => count > 0)
    if (at >= 0) first = hour * 60 + at
  }
  return first
}

/** The last minute that has something. */
function lastOf({ hours }: Series): number {
  let last = Number.NEGATIVE_INFINITY
  for (const [hour, counts] of hours) {
    if (hour * 60 + 59 <= last) continue
    const at = counts.findLastIndex((count) => count > 0)
    if (at >= 0) last = hour * 60 + at
  }
  return last
}

/** How much there is from a minute on. */
function countFrom({ hours }: Series, from: number): number {
  let sum = 0
  for (const [hour, counts] of hours)
    for (let at = Math.max(0, from - hour * 60); at < counts.length; at += 1) sum += counts[at] ?? 0
  return sum
}

/** Lines that say that something failed, by step and reason. */
export interface Failed {
  readonly step: Cell['step']
  readonly reason: Reason
  readonly lines: number
  /** Lines of the step. */
  readonly of: number
}

/** All that failed, errors first, then what came most: what an answer must not be silent about. */
export function failedOf(fold: Fold, only: string | undefined): Failed[] {
  const failed = new Map<string, Failed & { readonly error: boolean }>()
  const tenants = [...fold.tenants].flatMap(([name, one]) => (only === undefined || name === only ? [one] : []))
  for (const { cells } of tenants)
    for (const cell of cells.values()) {
      const { step, reason, series } = cell
      if (reason === undefined || !isSuspect(cell)) continue
      const known = failed.get(`${step} ${reason}`)
      const lines = (known?.lines ?? 0) + series.total
      const of = known?.of ?? tenants.reduce((sum, { steps }) => sum + (steps.get(step)?.total ?? 0), 0)
      failed.set(`${step} ${reason}`, { step, reason, lines, of, error: isError(cell) || known?.error === true })
    }
  return [...failed.values()]
    .sort((a, b) => Number(b.error) - Number(a.error) || b.lines - a.lines)
    .map(({ error: _, ...one }) => one)
}

/**
 * Finds what went wrong in folded lines: for each kind of line the interval in which it differs from the rest. What all tenants
 * have in common comes first and is set aside, so that it does not hide what one tenant has of its own; what follows from an
 * earlier step is folded into it. Longer than other files, as it is the one place where these rules meet.
 */
import { isFault, type Outcome, type Reason, rowOf, type Step } from '../../reasons.js'
import { type Calls, type Cell, type Fold, minuteOf, SLOW_MS, type TenantFold } from './fold.js'
import { findInterval, goesOn, higherShare, type Interval, lowerRate, ofRate, ofShare, type Score } from './interval.js'
import { findQuiet, type Quiet } from './quiet.js'
import { type Series, sumsOf } from './series.js'

/** What can be wrong, told from lines. */
export type What =
  | { readonly kind: 'reason'; readonly cell: Cell; readonly key: string }
  | { readonly kind: 'slow'; readonly dependency: string; readonly overMs: number }
  | { readonly kind: 'missing'; readonly after: Stage; readonly step: Stage }
  | { readonly kind: 'client'; readonly clientId: string }
  /** Invocations without a closing line, by Lambda's word for how they ended. */
  | { readonly kind: 'unfinished'; readonly how: string }
  /** The table fails, and older configs serve on. */
  | { readonly kind: 'stale' }
  /** By its share of what others have, or by its own past: of days before, or of the hour before alone. */
  | { readonly kind: 'silent'; readonly by: 'share' | Quiet['by'] }

export interface Finding {
  readonly what: What
  /** Told by its lines alone: what was usual before is not known, nor whether it began with the first of them. */
  readonly plain?: true
  /** The tenants that have it, most lines first; all tenants of the service count if `everywhere`. */
  readonly tenants: readonly string[]
  readonly everywhere: boolean
  /** Tenants that had any such lines then. */
  readonly of: number
  /** First and last minute, as minutes since 1970; the last is not in it. */
  readonly from: number
  readonly to: number
  /** It goes on until the end of what was read. */
  readonly ongoing: boolean
  readonly inside: Interval['inside']
  readonly outside: Interval['outside']
  readonly g: number
  /** How many lines or logins more failed, or are missing, than would have been without it. */
  readonly lost: number
  /** What came of it: later steps, reasons that only follow. */
  readonly folded: readonly Finding[]
}

/** The steps of a login in their order, with the lines that show that it was reached. */
const STAGES = {
  found: (cell: Cell) => cell.step === 'pre-login' && cell.outcome === 'found',
  define: (cell: Cell) => cell.step === 'define-auth-challenge' && cell.outcome !== 'tokens' && cell.outcome !== 'fail',
  create: (cell: Cell) => cell.step === 'create-auth-challenge',
  verify: (cell: Cell) => cell.step === 'verify-auth-challenge-response',
  tokens: (cell: Cell) => cell.step === 'define-auth-challenge' && cell.outcome === 'tokens',
} as const
export type Stage = keyof typeof STAGES | 'challenge' | 'created' | 'correct'

const PASSED: Readonly<Record<string, (cell: Cell) => boolean>> = {
  found: STAGES.found,
  challenge: (cell) => cell.step === 'define-auth-challenge' && cell.outcome === 'challenge',
  created: (cell) => cell.outcome === 'created',
  correct: (cell) => cell.outcome === 'correct',
}
/** After the first, the second is expected. */
const FUNNEL = [
  ['found', 'define'],
  ['challenge', 'create'],
  ['created', 'verify'],
  ['correct', 'tokens'],
] as const

const GOOD: readonly Outcome[] = [
  'challenge',
  'tokens',
  'created',
  'correct',
  'found',
  'factor_set',
  'signed_in',
  'claimed',
  'issued',
  'forwarded',
]
/** Where a step stands in a login; what is earlier explains what is later. */
const ORDER: readonly string[] = [
  'forwarder',
  'request',
  'invocation',
  'pre-login',
  'found',
  'define-auth-challenge',
  'define',
  'challenge',
  'create-auth-challenge',
  'create',
  'created',
  'verify-auth-challenge-response',
  'verify',
  'correct',
  'tokens',
  'post-login',
  'post-append',
]
/** Follows from proofs that failed, whatever made them fail. */
const FOLLOWS: readonly Reason[] = ['attempts_exhausted', 'cognito_challenge_failed', 'action_refused']
/** More tenants than this share, and it is nobody's own. */
const EVERYWHERE = 0.3
const LINES_MIN = 5
/** An expected count from which on silence is no chance; traffic comes in bursts, so that 18 would not do. */
const SILENCE_MIN = 30
/** And how long it must last at least: in a single minute, bursts leave gaps. */
const SILENCE_MINUTES = 5
/** Of all tenants together gaps are shorter; lines of one minute may arrive late. */
const QUIET_MINUTES = 2
/** With fewer tenants than this, a share tells more of the others than of the one. */
const OTHERS_MIN = 5

/** Over so many times its usual share, a tenant's lines are more. */
const SURGE = 2

interface Window {
  readonly from: number
  readonly minutes: number
  readonly open: boolean
}

/** From this share of all invocations on, those that broke explain what is missing at every tenant. */
const BROKEN_SHARE = 0.1

/** Who asks every five minutes has asked so often in a week; what is chance once in so many times must not be told. */
const LOOKS = 2_016

/** What has been found of all tenants, and is to be left out of each one's own. */
interface Aside {
  readonly reason: Reason | undefined
  readonly dependency: string | undefined
  readonly from: number
  readonly to: number
}

/**
 * All that differs, gravest first. One cause is one finding: what follows from it is within it.
 * @param only of this tenant, and what it shares with all; of every tenant if left out
 * @param until milliseconds since 1970 up to which all lines were read: from the last one on there are none. The last line's own
 *   time if left out
 * @param open only what goes on until then, told so surely that it can be asked every few minutes
 */
export function findCauses(fold: Fold, only?: string, until = 0, open = false): Finding[] {
  if (fold.lines === 0) return []
  // The minute of the end is not over.
  const end = Math.max(minuteOf(fold.last), minuteOf(until) - 1)
  const window = { from: minuteOf(fold.first), minutes: end - minuteOf(fold.first) + 1 }
  const search = createSearch(fold, { ...window, open })
  const shared = search.shared()
  const broken = search.broken()
  const asides = [...shared, ...broken.filter(isGrave)].map(asideOf)
  const names = only === undefined ? [...(fold.detailed ?? fold.tenants.keys())] : [only]
  const quiet = search.quietService()
  // Proofs that fail for all end the logins of some, who are too few to have that in common.
  const isItsOwn = (one: Finding) => !isConsequence(one) || !shared.some((cause) => explains(cause, one))
  const own = names.flatMap((name) => {
    const tenant = fold.tenants.get(name)
    return tenant === undefined ? [] : foldCascade(search.ofTenant(name, tenant, asides, quiet)).filter(isItsOwn)
  })
  return [
    ...foldCascade([...(quiet === undefined ? [] : [quiet]), ...broken, ...search.stale(), ...shared]),
    ...groupTenants(own),
  ].sort(byWeight)
}

const isGrave = ({ inside }: Finding) => inside.k >= BROKEN_SHARE * inside.n

/**
 * The minutes at which something that all tenants may have in common began or ended, by the lines of all together: between two of
 * them it is enough to know how many lines of each kind a tenant has.
 * @param most intervals, those that differ most
 */
export function sharedEdges(fold: Fold, most: number): number[] {
  if (fold.lines === 0) return []
  const window = { from: minuteOf(fold.first), minutes: minuteOf(fold.last) - minuteOf(fold.first) + 1, open: false }
  const found = createSearch(fold, window)
    .intervals()
    .sort((a, b) => b.g - a.g)
  const edges = found.slice(0, most).flatMap(({ from, to }) => [window.from + from, window.from + to])
  return [...new Set(edges)].sort((a, b) => a - b)
}

function asideOf({ what, from, to }: Finding): Aside {
  if (what.kind === 'slow') return { reason: undefined, dependency: what.dependency, from, to }
  if (what.kind !== 'reason') return { reason: undefined, dependency: undefined, from, to }
  return { reason: what.cell.reason, dependency: what.cell.failed, from, to }
}

/** What is everywhere before what is one tenant's, then what cost most. */
const byWeight = (a: Finding, b: Finding) =>
  Number(b.everywhere) - Number(a.everywhere) || b.tenants.length - a.tenants.length || b.g - a.g

function createSearch(fold: Fold, window: Window) {
  const { from: start, minutes, open } = window
  const tenants = [...fold.tenants]
  const kinds = Math.max(8, ...tenants.map(([, { cells }]) => cells.size))
  /** G beyond chance, for so many intervals of so many kinds of so many tenants. */
  const barOf = (count: number) => 2 * Math.log(minutes ** 2 * Math.max(1, count) * kinds * (open ? LOOKS : 1))
  const sums = (...series: readonly (Series | undefined)[]) => sumsOf(series, start, minutes)
  const allSums = sums(fold.all)
  const stepSums = new Map<string, Float64Array>()

  function finding(what: What, found: Interval, lost: number, names: readonly string[]): Finding {
    const to = start + found.to
    return {
      what,
      tenants: names,
      everywhere: false,
      of: fold.tenants.size,
      from: start + found.from,
      to,
      ongoing: found.to >= minutes - 1,
      inside: found.inside,
      outside: found.outside,
      g: found.g,
      lost: Math.max(0, Math.round(lost)),
      folded: [],
    }
  }

  /** A share that is higher than before by more than chance and more than a little. */
  function higher(k: Float64Array, n: Float64Array, bar: number, reason: Reason | undefined): Interval | undefined {
    const limits = { before: { k: 0, n: LINES_MIN }, inside: { k: LINES_MIN, n: LINES_MIN }, open }
    const found = findInterval(k, n, higherShare, limits)
    if (found === undefined || found.g < bar) return
    const share = found.inside.k / found.inside.n
    const usual = found.outside.k / found.outside.n
    const least = reason !== undefined && !isFault(reason) && rowOf(reason).owner === 'end user' ? 0.1 : 0.02
    if (share < least || share < 2 * usual) return
    return !open || goesOn(k, n, found, { usual, wrong: share, likelihood: ofShare }) ? found : undefined
  }

  /** A rate that is lower than before by more than chance, and at least by half. */
  function lower(k: Float64Array, n: Float64Array, bar: number, expected: number, score: Score = lowerRate) {
    const limits = { before: { k: 10, n: 10 }, inside: { k: 0, n: LINES_MIN }, minutes: SILENCE_MINUTES, open }
    const found = findInterval(k, n, score, limits)
    if (found === undefined || found.g < bar) return
    const usual = (found.inside.n * found.outside.k) / found.outside.n
    if (usual < expected || found.inside.k > usual / 2) return
    const [normal, wrong] = [found.outside.k / found.outside.n, found.inside.k / found.inside.n]
    return !open || goesOn(k, n, found, { usual: normal, wrong, likelihood: ofRate })
      ? { found, lost: usual - found.inside.k }
      : undefined
  }

  const lostOf = ({ inside, outside }: Interval) => inside.k - (inside.n * outside.k) / outside.n

  /** Kinds of lines that many tenants have at once. */
  function shared(): Finding[] {
    const byKey = new Map<string, { cell: Cell; has: [name: string, tenant: TenantFold, cell: Cell][] }>()
    for (const [name, tenant] of tenants)
      for (const [key, cell] of tenant.cells) {
        if (!isSuspect(cell)) continue
        const known = byKey.get(key) ?? { cell, has: [] }
        known.has.push([name, tenant, cell])
        byKey.set(key, known)
      }
    const found = [...byKey].flatMap(([key, { cell, has }]) => {
      if (has.length < 3) return []
      const steps = sumsOfStep(cell.step)
      const series = fold.together?.cells.get(key)?.series
      const all = series === undefined ? sums(...has.map(([, , own]) => own.series)) : sums(series)
      const one = higher(all, steps, barOf(1), cell.reason)
      if (one === undefined) return []
      const hit = has
        .map(([name, tenant, { series }]) => ({
          name,
          count: countIn(series, one),
          all: countIn(tenant.steps.get(cell.step), one),
        }))
        .filter(({ count, all }) => count > 0 && count / all > 2 * (one.outside.k / one.outside.n))
        .sort((a, b) => b.count - a.count)
      const active = tenants.filter(([, { steps }]) => countIn(steps.get(cell.step), one) > 0).length
      return isEverywhere(hit, active)
        ? [
            {
              ...finding(
                { kind: 'reason', cell, key },
                one,
                lostOf(one),
                hit.map(({ name }) => name),
              ),
              everywhere: true,
              of: active,
            },
          ]
        : []
    })
    return [...found, ...slowShared()]
  }

  function isEverywhere(hit: readonly { count: number }[], active: number): boolean {
    const all = hit.reduce((sum, { count }) => sum + count, 0)
    return hit.length >= 3 && hit.length > EVERYWHERE * active && (hit[0]?.count ?? 0) <= all / 2
  }

  function slowShared(): Finding[] {
    const names = new Set(tenants.flatMap(([, { calls }]) => [...calls.keys()]))
    return [...names].flatMap((dependency) => {
      const has = tenants.flatMap(([name, { calls }]) => {
        const own = calls.get(dependency)
        return own === undefined ? [] : [{ name, own }]
      })
      const whole = fold.together?.calls.get(dependency)
      const counted = whole === undefined ? has.map(({ own }) => own) : [whole]
      const all = sums(...counted.map((own) => own.all))
      const slow = SLOW_MS.flatMap((overMs) => {
        const one = higher(sums(...counted.map((own) => own.slow.get(overMs))), all, barOf(1), undefined)
        if (one === undefined) return []
        const hit = has
          .map(({ name, own }) => ({ name, count: countIn(own.slow.get(overMs), one) }))
          .filter(({ count }) => count > 0)
          .sort((a, b) => b.count - a.count)
        const active = has.filter(({ own }) => countIn(own.all, one) > 0).length
        if (!isEverywhere(hit, active)) return []
        const what: What = { kind: 'slow', dependency, overMs }
        return [
          {
            ...finding(
              what,
              one,
              lostOf(one),
              hit.map(({ name }) => name),
            ),
            everywhere: true,
            of: active,
          },
        ]
      })
      return slow.sort((a, b) => b.g - a.g).slice(0, 1)
    })
  }

  /** Invocations that broke, as a share of all: whose they were, nobody wrote down. */
  function broken(): Finding[] {
    const all = sums(fold.all, ...fold.broken.values())
    return [...fold.broken].flatMap(([how, series]) => {
      const one = higher(sums(series), all, barOf(1), undefined)
      return one === undefined
        ? []
        : [{ ...finding({ kind: 'unfinished', how }, one, lostOf(one), []), everywhere: true }]
    })
  }

  /** Whoever fails for it fails by a reason of the table; here is only that it serves nothing new. */
  function stale(): Finding[] {
    const one = higher(sums(fold.stale), allSums, barOf(1), undefined)
    return one === undefined ? [] : [{ ...finding({ kind: 'stale' }, one, lostOf(one), []), everywhere: true }]
  }

  function sumsOfStep(step: Step): Float64Array {
    const known = stepSums.get(step)
    if (known !== undefined) return known
    const counted = fold.together === undefined ? tenants.map(([, tenant]) => tenant) : [fold.together]
    const made = sums(...counted.map(({ steps }) => steps.get(step)))
    stepSums.set(step, made)
    return made
  }

  function countIn(series: Series | undefined, { from, to }: { from: number; to: number }): number {
    if (series === undefined) return 0
    let count = 0
    for (const [hour, counts] of series.hours)
      for (let at = 0; at < 60; at += 1) {
        const index = hour * 60 + at - start
        if (index >= from && index < to) count += counts[at] ?? 0
      }
    return count
  }

  /** Takes minutes out of running sums: as if nothing had come in them. */
  function without(made: Float64Array, asides: readonly Aside[]): Float64Array {
    if (asides.length === 0) return made
    const kept = new Float64Array(made.length)
    for (let index = 1; index < made.length; index += 1) {
      const minute = start + index - 1
      const left = asides.some(({ from, to }) => minute >= from && minute < to)
      kept[index] = (kept[index - 1] ?? 0) + (left ? 0 : (made[index] ?? 0) - (made[index - 1] ?? 0))
    }
    return kept
  }

  /** Of the lines of a step those that could have ended with a cell: not those that what is common to all ended before. */
  function openTo(cell: Cell, cells: Iterable<[string, Cell]>, lines: Float64Array, asides: readonly Aside[]) {
    const open = Float64Array.from(lines)
    for (const [, other] of cells) {
      const ended = asides.filter(({ reason }) => reason !== undefined && reason === other.reason)
      if (other === cell || other.step !== cell.step || ended.length === 0) continue
      const all = sums(other.series)
      for (const [index, kept] of without(all, ended).entries())
        open[index] = (open[index] ?? 0) - (all[index] ?? 0) + kept
    }
    return open
  }

  /** What one tenant has of its own. */
  function ofTenant(name: string, tenant: TenantFold, asides: readonly Aside[], quiet: Finding | undefined): Finding[] {
    const bar = barOf(tenants.length)
    const cells = [...tenant.cells]
    const sumsWhere = (is: (cell: Cell) => boolean) =>
      sums(...cells.flatMap(([, cell]) => (is(cell) ? [cell.series] : [])))
    const reasons = cells.flatMap(([key, cell]) => {
      if (!isSuspect(cell) || cell.series.total < LINES_MIN) return []
      const left = asides.filter((aside) => aside.reason === cell.reason || isTrouble(cell, aside.dependency))
      const lines = without(sums(tenant.steps.get(cell.step)), left)
      const ended = asides.filter((aside) => !left.includes(aside))
      const one = higher(without(sums(cell.series), left), openTo(cell, cells, lines, ended), bar, cell.reason)
      return one === undefined ? [] : [finding({ kind: 'reason', cell, key }, one, lostOf(one), [name])]
    })
    const slow = [...tenant.calls].flatMap(([dependency, { all, slow }]) => {
      const left = asides.filter((aside) => aside.dependency === dependency)
      const each = [...slow].flatMap(([overMs, series]) => {
        if (series.total < LINES_MIN) return []
        const one = higher(without(sums(series), left), without(sums(all), left), bar, undefined)
        return one === undefined ? [] : [finding({ kind: 'slow', dependency, overMs }, one, lostOf(one), [name])]
      })
      return each.sort((a, b) => b.g - a.g).slice(0, 1)
    })
    const missing = FUNNEL.flatMap(([after, step]) => {
      const before = sumsWhere(PASSED[after] ?? (() => false))
      const one = lower(without(sumsWhere(STAGES[step]), asides), without(before, asides), bar, SILENCE_MIN)
      return one === undefined ? [] : [finding({ kind: 'missing', after, step }, one.found, one.lost, [name])]
    })
    const challenges = without(
      sumsWhere((cell) => cell.outcome === 'challenge'),
      asides,
    )
    const clients = [...tenant.clients].flatMap(([clientId, series]) => {
      if (tenant.clients.size < 2) return []
      const one = lower(without(sums(series), asides), challenges, bar, SILENCE_MIN)
      return one === undefined ? [] : [finding({ kind: 'client', clientId }, one.found, one.lost, [name])]
    })
    const silent = silence(name, tenant, [...asides, ...surgesOf(tenant, reasons)], bar, quiet)
    return [...reasons, ...slow, ...[...missing, ...clients, ...silent].map((one) => throughQuiet(one, quiet))]
  }

  /** What was missing until the whole service fell silent did not come back by that. */
  function throughQuiet(one: Finding, quiet: Finding | undefined): Finding {
    if (quiet === undefined || one.to < quiet.from - 1 || one.to >= quiet.to) return one
    return { ...one, to: quiet.to, ongoing: quiet.ongoing }
  }

  /** The minutes in which whoever only tries made a tenant's lines many more: they do not tell what is usual. */
  function surgesOf({ steps }: TenantFold, reasons: readonly Finding[]): Aside[] {
    return reasons
      .filter(({ what, from, to }) => {
        if (what.kind !== 'reason') return false
        const all = sumsOfStep(what.cell.step)
        const span = { from: from - start, to: to - start }
        const own = countIn(steps.get(what.cell.step), span)
        const others = (all[span.to] ?? 0) - (all[span.from] ?? 0) - own
        const rest = { own: (steps.get(what.cell.step)?.total ?? 0) - own, others: 0 }
        rest.others = (all.at(-1) ?? 0) - own - others - rest.own
        return own * rest.others > SURGE * rest.own * others
      })
      .map(asideOf)
  }

  /** The tenant's share of all logins, by their first step: what the night does to one it does to all. */
  function silence(
    name: string,
    tenant: TenantFold,
    asides: readonly Aside[],
    bar: number,
    quiet: Finding | undefined,
  ): Finding[] {
    const step = tenant.steps.has('pre-login') ? 'pre-login' : 'define-auth-challenge'
    const own = sums(tenant.steps.get(step))
    if (tenants.length < OTHERS_MIN) return ownSilence(name, own, quiet)
    const others = without(sumsOfStep(step), asides)
    const one = lower(without(own, asides), others, 2 * bar, SILENCE_MIN, silentRate)
    return one === undefined ? [] : [finding({ kind: 'silent', by: 'share' }, one.found, one.lost, [name])]
  }

  /** Without others to compare with, a tenant's own past has to do. */
  function ownSilence(name: string, own: Float64Array, quiet: Finding | undefined): Finding[] {
    const found = findQuiet(own, SILENCE_MIN, SILENCE_MINUTES, open)
    const known =
      quiet !== undefined && found !== undefined && start + found.from < quiet.to && start + found.to > quiet.from
    return found === undefined || known ? [] : [quietFinding(found, [name])]
  }

  /** Nobody has a line in minutes in which thirty would have come. Of one tenant alone it is that tenant's silence. */
  function quietService(): Finding | undefined {
    if (tenants.length < 2) return
    const found = findQuiet(allSums, SILENCE_MIN, QUIET_MINUTES, open)
    return found && { ...quietFinding(found, []), everywhere: true }
  }

  /** What would have come is told by one number, in as many minutes as there are without a line. */
  function quietFinding({ from, to, expected, by }: Quiet, names: readonly string[]): Finding {
    const counts = { inside: { k: 0, n: to - from }, outside: { k: Math.round(expected), n: to - from } }
    return finding({ kind: 'silent', by }, { from, to, g: 2 * expected, ...counts }, expected, names)
  }

  /** Where kinds of lines differ, of all tenants as one: more of them than will be found to be everywhere. */
  function intervals(): Interval[] {
    const { cells = new Map<string, Cell>(), calls = new Map<string, Calls>() } = fold.together ?? {}
    const suspects = [...cells.values()].filter(isSuspect)
    const slow = [...calls.values()].flatMap(({ all, slow }) => [...slow.values()].map((series) => ({ all, series })))
    return [
      ...suspects.map(({ series, step, reason }) => higher(sums(series), sumsOfStep(step), barOf(1), reason)),
      ...slow.map(({ all, series }) => higher(sums(series), sums(all), barOf(1), undefined)),
    ].filter((found) => found !== undefined)
  }

  return { shared, broken, stale, ofTenant, quietService, intervals }
}

/** Next to nothing comes. A tenant that has fewer lines than usual has fewer users; one that has none is cut off. */
const silentRate: Score = (inside, outside) =>
  inside.k <= 0.05 * ((inside.n * outside.k) / outside.n) ? lowerRate(inside, outside) : 0

/** May lines like these be of something that is wrong? */
export function isSuspect({ outcome, reason }: Cell): boolean {
  return reason !== undefined && !GOOD.includes(outcome)
}

/** Did the dependency not answer as it should? What it refuses is another matter. */
function isTrouble({ failed, reason }: Cell, dependency: string | undefined): boolean {
  return failed !== undefined && failed === dependency && /_(timeout|unavailable|busy|throttled)$/.test(reason ?? '')
}

function stepOf({ what }: Finding): number {
  if (what.kind === 'reason') return ORDER.indexOf(what.cell.step)
  if (what.kind === 'missing') return ORDER.indexOf(what.step)
  if (what.kind === 'client') return ORDER.indexOf('define')
  if (what.kind === 'unfinished' || what.kind === 'stale') return ORDER.indexOf('invocation')
  return what.kind === 'silent' ? ORDER.length : -1
}

const overlap = (a: Finding, b: Finding) => Math.min(a.to, b.to) - Math.max(a.from, b.from)

/** Is it what comes of failed tries, and so of whatever made them fail? */
export const isConsequence = ({ what }: Pick<Finding, 'what'>): boolean =>
  what.kind === 'reason' && isOfFailedTries(what.cell.reason)

/** The same of a reason alone. */
export const isOfFailedTries = (reason: unknown): boolean => FOLLOWS.some((one) => one === reason)

/** Does `cause` explain `one`? Both of the same tenants, and most of the shorter within the longer. */
function explains(cause: Finding, one: Finding): boolean {
  if (cause === one) return false
  if (overlap(cause, one) < 0.5 * Math.min(cause.to - cause.from, one.to - one.from)) return false
  const [a, b] = [cause.what, one.what]
  if (a.kind === 'unfinished') return b.kind === 'silent' && isGrave(cause)
  if (b.kind === 'unfinished') return false
  if (b.kind === 'stale') return a.kind === 'reason' && a.cell.failed === 'table'
  if (a.kind === 'stale') return false
  if (a.kind === 'silent' && cause.everywhere) return true
  if (b.kind === 'silent') return a.kind !== 'silent'
  if (a.kind === 'slow') return b.kind === 'reason' && isTrouble(b.cell, a.dependency)
  if (b.kind === 'slow') return a.kind === 'reason' && a.cell.failed === b.dependency
  if (a.kind === 'reason' && b.kind === 'reason') {
    // The same reason at several steps, or with several statuses, is one cause: the one with most lines tells it.
    if (a.cell.reason === b.cell.reason) return cause.g > one.g
    if (isOfFailedTries(b.cell.reason)) return true
    if (isTrouble(a.cell, a.cell.failed) && isTrouble(b.cell, a.cell.failed)) return cause.g > one.g
    return false
  }
  if (a.kind === 'reason') return stepOf(cause) <= stepOf(one)
  // Without one step there is none of the later ones either.
  if (b.kind === 'reason') return isOfFailedTries(b.cell.reason)
  return stepOf(cause) < stepOf(one) || (stepOf(cause) === stepOf(one) && cause.g > one.g)
}

/** Puts what follows from another finding into that one. */
function foldCascade(findings: readonly Finding[]): Finding[] {
  const strongest = [...findings].sort((a, b) => stepOf(a) - stepOf(b) || b.g - a.g)
  const folded = new Map<Finding, Finding[]>()
  const roots = strongest.filter((one) => {
    const causes = strongest.filter((cause) => explains(cause, one) && !explains(one, cause))
    const root =
      causes.find((cause) => !strongest.some((other) => explains(other, cause) && !explains(cause, other))) ?? causes[0]
    if (root !== undefined) folded.set(root, [...(folded.get(root) ?? []), one])
    return root === undefined
  })
  return roots.map((root) => ({ ...root, folded: folded.get(root) ?? [] }))
}

/** Several tenants that have the same from the same minutes on have one cause. */
function groupTenants(findings: readonly Finding[]): Finding[] {
  const groups: Finding[] = []
  for (const one of [...findings].sort((a, b) => b.g - a.g)) {
    const index = groups.findIndex((group) => isSame(group.what, one.what) && Math.abs(group.from - one.from) <= 5)
    const group = groups[index]
    if (group === undefined) groups.push(one)
    else
      groups[index] = {
        ...group,
        tenants: [...group.tenants, ...one.tenants],
        to: Math.max(group.to, one.to),
        ongoing: group.ongoing || one.ongoing,
        inside: { k: group.inside.k + one.inside.k, n: group.inside.n + one.inside.n },
        outside: { k: group.outside.k + one.outside.k, n: group.outside.n + one.outside.n },
        lost: group.lost + one.lost,
        folded: [...group.folded, ...one.folded],
      }
  }
  return groups
}

function isSame(a: What, b: What): boolean {
  if (a.kind === 'reason' && b.kind === 'reason') return a.key === b.key
  if (a.kind === 'slow' && b.kind === 'slow') return a.dependency === b.dependency
  return a.kind === b.kind && a.kind === 'silent'
}

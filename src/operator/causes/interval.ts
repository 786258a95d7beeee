/** Something counted inside an interval and outside: `k` of `n`. */
export interface Counts {
  readonly k: number
  readonly n: number
}

/** The interval of a window, in minutes from its start and without the last, in which a count differs most from the rest. */
export interface Interval {
  readonly from: number
  readonly to: number
  readonly inside: Counts
  readonly outside: Counts
  /** G of the likelihood ratio test, 2 Σ O ln(O/E): the larger, the less it can be chance. */
  readonly g: number
}

/** How far inside and outside are apart; 0 if it is not the difference that is looked for. */
export type Score = (inside: Counts, outside: Counts) => number

const term = (observed: number, expected: number) => (observed > 0 ? observed * Math.log(observed / expected) : 0)

/** `k` of `n` lines say something: is the share higher inside? */
export const higherShare: Score = (inside, outside) => {
  const share = (inside.k + outside.k) / (inside.n + outside.n)
  if (!(inside.k * outside.n > outside.k * inside.n)) return 0
  const of = ({ k, n }: Counts) => term(k, n * share) + term(n - k, n * (1 - share))
  return 2 * (of(inside) + of(outside))
}

/** `k` comes at a steady rate to `n`, as one step of a login to the step before: is the rate lower inside? */
export const lowerRate: Score = (inside, outside) => {
  if (!(inside.k * outside.n < outside.k * inside.n)) return 0
  const rate = (inside.k + outside.k) / (inside.n + outside.n)
  return 2 * (term(inside.k, inside.n * rate) + term(outside.k, outside.n * rate))
}

/** How likely counts are, as a logarithm, if `usual` of `n` are usual. */
export type Likelihood = (counts: Counts, usual: number) => number

/** `k` of `n` lines say something. Where all have said it, one that does not is rare, and possible. */
export const ofShare: Likelihood = ({ k, n }, share) =>
  k * Math.log(share) + (n - k) * Math.log(Math.max(1 - share, 0.02))

/** `k` comes at a steady rate to `n`. */
export const ofRate: Likelihood = ({ k, n }, rate) => k * Math.log(rate) - n * rate

/**
 * Does an interval that reaches to the end go on? Not if the latest lines, however many of its own, are far likelier where nothing
 * is wrong. Of what failed altogether a few good lines show that it is over; of what failed at times it takes more.
 * @param usual of `k` to `n` when nothing is wrong
 * @param wrong of `k` to `n` in the interval
 */
export function goesOn(
  k: Float64Array,
  n: Float64Array,
  { from }: Interval,
  { usual, wrong, likelihood }: { readonly usual: number; readonly wrong: number; readonly likelihood: Likelihood },
): boolean {
  const since = (sums: Float64Array, at: number) => (sums.at(-1) ?? 0) - (sums[at] ?? 0)
  // What was never seen may be seen all the same.
  const least = Math.max(usual, wrong) / 50
  const [good, bad] = [Math.max(usual, least), Math.max(wrong, least)]
  for (let at = k.length - 1; at >= from; at -= 1) {
    const counts = { k: since(k, at), n: since(n, at) }
    if (likelihood(counts, good) - likelihood(counts, bad) > OVER) return false
  }
  return true
}
/** A hundred times likelier. */
const OVER = Math.log(100)

/** What an interval must have before it is looked at. */
export interface Limits {
  /** Of `n`, before the interval: what is normal must have been seen before it ends. An incident that still runs has the same G
   *  as the quiet hours before it. */
  readonly before: Counts
  readonly inside: Counts
  /** The shortest interval that is looked at, in minutes; 1 if left out. */
  readonly minutes?: number
  /** Only what goes on until the end of the window. */
  readonly open?: boolean
}

/** The lengths that are tried, in minutes: each is some 1.6 times the one before. */
const LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1_597, 2_584, 4_181, 6_765, 10_946]

/**
 * The interval in which the score is highest. Lengths are tried in coarse steps, then both ends minute by minute.
 * @param k running sums over the minutes of the window, as `sumsOf` makes them
 * @param n the same of what `k` is compared with
 */
export function findInterval(k: Float64Array, n: Float64Array, score: Score, limits: Limits): Interval | undefined {
  const minutes = k.length - 1
  const between = (sums: Float64Array, from: number, to: number) => (sums[to] ?? 0) - (sums[from] ?? 0)
  const all = { k: k[minutes] ?? 0, n: n[minutes] ?? 0 }
  let best: Interval | undefined

  const look = (from: number, to: number) => {
    if (from < 1 || to > minutes || to - from < (limits.minutes ?? 1)) return
    const inside = { k: between(k, from, to), n: between(n, from, to) }
    if (inside.k < limits.inside.k || inside.n < limits.inside.n) return
    if (between(n, 0, from) < limits.before.n || between(k, 0, from) < limits.before.k) return
    const outside = { k: all.k - inside.k, n: all.n - inside.n }
    const g = score(inside, outside)
    // Minutes without a line change nothing: of two that say the same, the shorter one.
    const equal = best !== undefined && Math.abs(g - best.g) < 1e-9 && to - from < best.to - best.from
    if (equal || g > (best?.g ?? 0)) best = { from, to, inside, outside, g }
  }

  for (const length of limits.open ? [] : LENGTHS.filter((length) => length <= minutes)) {
    const step = Math.max(1, Math.floor(length / 8))
    for (let from = 1; from + length <= minutes; from += step) look(from, from + length)
  }
  // What still runs: every start, up to the end of the window.
  for (let from = 1; from < minutes; from += 1) look(from, minutes)

  for (let round = 0; round < 2 && best !== undefined; round += 1) {
    const { from, to } = best as Interval
    const reach = Math.max(4, Math.ceil((to - from) / 6))
    for (let at = from - reach; at <= from + reach; at += 1) look(at, to)
    const { from: start } = best as Interval
    if (!limits.open) for (let at = to - reach; at <= to + reach; at += 1) look(start, at)
  }
  return best
}

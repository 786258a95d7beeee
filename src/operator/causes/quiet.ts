const DAY = 1_440
/** The rate of the minutes before is told from an hour at least, and from more until so many lines are in it. */
const BEFORE_MINUTES = 60
const BEFORE_LINES = 30
/** What came in less than this tells no rate. */
const SPAN_MINUTES = 30
/** The time before is looked at in so many parts, of which the two fullest do not count: a burst is no rate. */
const PARTS = 4

/** Minutes without a line in which lines would have come by what was before. */
export interface Quiet {
  /** In minutes from the start of the window, the last without. */
  readonly from: number
  readonly to: number
  readonly expected: number
  /** What it was compared with: the same minutes of days before, or only the time just before, which knows no night. */
  readonly by: 'day' | 'hour'
}

/**
 * The stretch without a line in which most would have come: by the steady rate before it, and by the same minutes of the days before, as
 * far as they were read; the smaller of the two counts. It grows until enough would have come, however few a minute has.
 * @param sums running sums over the minutes of the window, as `sumsOf` makes them
 * @param expected how many must have been expected
 * @param minutes how long it must last at least
 * @param open only the stretch at the end of the window
 */
export function findQuiet(sums: Float64Array, expected: number, minutes: number, open = false): Quiet | undefined {
  const last = sums.length - 1
  let best: Quiet | undefined
  let from = -1
  for (let index = 0; index <= last; index += 1) {
    const empty = index < last && (sums[index + 1] ?? 0) === (sums[index] ?? 0)
    if (empty && from < 0) from = index
    if (empty || from < 0) continue
    const found = index - from >= minutes && (!open || index === last) ? quietIn(sums, from, index) : undefined
    if (found !== undefined && found.expected >= expected && found.expected > (best?.expected ?? 0)) best = found
    from = -1
  }
  return best
}

function quietIn(sums: Float64Array, from: number, to: number): Quiet | undefined {
  const between = (a: number, b: number) => (sums[b] ?? 0) - (sums[a] ?? 0)
  let start = Math.max(0, from - BEFORE_MINUTES)
  while (start > 0 && between(start, from) < BEFORE_LINES) start -= 1
  if (between(start, from) === 0) return
  const byRate = rateOf(sums, start, from) * (to - from)
  const days: number[] = []
  for (let back = DAY; from - back >= 0; back += DAY) days.push(between(from - back, Math.min(to - back, from)))
  if (days.length === 0) return { from, to, expected: byRate, by: 'hour' }
  const byDay = days.reduce((sum, lines) => sum + lines, 0) / days.length
  return { from, to, expected: Math.min(byRate, byDay), by: 'day' }
}

/** Lines a minute as they come steadily: a demo, a test or a campaign that fills a few minutes goes on at no such rate. */
function rateOf(sums: Float64Array, from: number, to: number): number {
  const minutes = (to - from) / PARTS
  if (to - from < SPAN_MINUTES) return 0
  const edge = (part: number) => sums[Math.round(from + part * minutes)] ?? 0
  const parts = Array.from({ length: PARTS }, (_, part) => edge(part + 1) - edge(part)).sort((a, b) => a - b)
  return (parts[1] ?? 0) / minutes
}

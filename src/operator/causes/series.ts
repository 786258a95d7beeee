const HOUR = 60

/** Counts by minute, sparse over hours: most kinds of lines come in few of them. */
export interface Series {
  total: number
  readonly hours: Map<number, Uint32Array>
}

export const createSeries = (): Series => ({ total: 0, hours: new Map() })

/** Counts something in a minute, which is a number of minutes since 1970. */
export function add(series: Series, minute: number, count = 1): void {
  const hour = Math.floor(minute / HOUR)
  let counts = series.hours.get(hour)
  if (counts === undefined) {
    counts = new Uint32Array(HOUR)
    series.hours.set(hour, counts)
  }
  const at = minute - hour * HOUR
  counts[at] = (counts[at] ?? 0) + count
  series.total += count
}

/** Adds all that another has counted. */
export function addAll(series: Series, other: Series): void {
  for (const [hour, counts] of other.hours)
    for (const [at, count] of counts.entries()) if (count > 0) add(series, hour * HOUR + at, count)
}

/**
 * Running sums over the minutes of a window: the count from minute i up to, and without, minute j is `sums[j] - sums[i]`.
 * @param from first minute of the window
 * @param minutes how many it has
 */
export function sumsOf(series: readonly (Series | undefined)[], from: number, minutes: number): Float64Array {
  const sums = new Float64Array(minutes + 1)
  for (const one of series)
    for (const [hour, counts] of one?.hours ?? [])
      for (let at = 0; at < HOUR; at += 1) {
        const index = hour * HOUR + at - from
        const count = counts[at] ?? 0
        if (count > 0 && index >= 0 && index < minutes) sums[index + 1] = (sums[index + 1] ?? 0) + count
      }
  for (let index = 1; index <= minutes; index += 1) sums[index] = (sums[index] ?? 0) + (sums[index - 1] ?? 0)
  return sums
}

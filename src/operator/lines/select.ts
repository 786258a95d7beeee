import { type Option as Flag, Option } from 'commander'
import { WrongUsage } from '../../terminal/failure.js'
import { type Fields, type Line, textOf } from './line.js'
import { timeOf } from './when.js'

/** Milliseconds since 1970 between which lines are asked for; either end may be open. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** What lines are asked for, as flags of `logs` and `explain`. */
export interface Selection {
  readonly tenant?: string
  readonly pool?: string
  readonly customer?: string
  readonly step?: string
  readonly outcome?: string
  readonly reason?: string
  readonly level?: string
  readonly flow?: string
  readonly ref?: string
  readonly client?: string
  readonly release?: string
  readonly user?: string
  readonly since?: string
  readonly until?: string
  readonly utc?: boolean
}

const PSEUDONYM = /^u_[\w-]{8,}$/

/** Is it a user's name as lines have it? */
export const isPseudonym = (text: string) => PSEUDONYM.test(text)

/** The flags that say between which times. */
export const timeFlags = (): Flag[] => [
  new Option('--since <time>', 'from this time on: 15m, 2h, 02:10, or ISO 8601; from the first line on if left out'),
  new Option('--until <time>', 'up to this time; to the last line if left out'),
  new Option('--utc', 'a time without a zone is of UTC; local if left out'),
]

/**
 * The interval that the flags say.
 * @param now milliseconds since 1970; durations count back from it
 * @throws WrongUsage for what is no time, and for an interval that ends before it begins
 */
export function intervalOf({ since, until, utc = false }: Selection, now: number): Interval {
  const from = since === undefined ? Number.NEGATIVE_INFINITY : timeOf(since, now, utc)
  const to = until === undefined ? Number.POSITIVE_INFINITY : timeOf(until, now, utc)
  if (from < to) return { from, to }
  throw new WrongUsage(`--since ${since} is not before --until ${until}`)
}

/** The interval with both ends: up to now, and from so long before its end on. A log group has no first and no last line. */
export function closed({ from, to }: Interval, backMs: number, now: number): Interval {
  const end = Number.isFinite(to) ? to : now
  return { from: Number.isFinite(from) ? from : end - backMs, to: end }
}

/**
 * Tells whether a line is asked for. A name fits as a whole, a step and a client by a part of it.
 */
export function createSelect(selection: Selection, { from, to }: Interval): (line: Line) => boolean {
  const { user } = selection
  const tests: ((fields: Fields, line: Line) => boolean)[] = []
  const same = (name: keyof Fields, wanted: string | undefined) => {
    if (wanted !== undefined) tests.push((fields) => textOf(fields, name) === wanted)
  }
  same('tenantId', selection.tenant)
  same('userPoolId', selection.pool)
  same('customer', selection.customer)
  same('outcome', selection.outcome)
  same('reason', selection.reason)
  same('level', selection.level)
  same('flowId', selection.flow)
  same('requestId', selection.ref)
  same('gatewayVersion', selection.release)
  same('user', user)
  const { step, client } = selection
  if (step !== undefined) tests.push((_, line) => line.step.includes(step))
  if (client !== undefined) tests.push((fields) => textOf(fields, 'clientId')?.includes(client) === true)
  return (line) => line.at >= from && line.at < to && tests.every((test) => test(line.fields, line))
}

import type { Clock } from '../../call.js'

/**
 * A connection that was idle for longer is not used again, in milliseconds (contract, section 7). Networks between here and
 * a service silently forget connections, some after less than a minute, and a process that was frozen cannot know what
 * became of its own.
 */
export const IDLE_MS = 20_000

/** When a connection was last in use, by both clocks: after a thaw either of them may have stood still. */
export interface Stamp {
  readonly now: number
  readonly elapsed: number
}

/** A stamp of this moment. */
export function stampOf(clock: Clock): Stamp {
  return { now: clock.now(), elapsed: clock.elapsed() }
}

/** Was a connection idle for too long, by either clock? A date in the future counts as too long as well. */
export function isStale(stamp: Stamp, clock: Clock, idleMs: number = IDLE_MS): boolean {
  return clock.elapsed() - stamp.elapsed > idleMs || Math.abs(clock.now() - stamp.now) > idleMs
}

import { howOf } from '../../operator/causes/broken.js'
import type { LambdaLine } from '../../operator/lines/line.js'

/** An invocation that Lambda began, and that has no closing line of the gateway. */
export interface Unfinished {
  readonly requestId: string
  /** When it began; of a line without a time, when the gateway's line before it was written. */
  readonly at: number
  /** How Lambda says that it ended; nothing if it does not say. */
  readonly how: string | undefined
  readonly durationMs: number | undefined
}

/** More are under way at no time, and a log that has lost its closing lines must not fill our memory. */
const OPEN_MAX = 50_000
/** Ids that are done with, so that a line that comes late does not begin them again. */
const DONE_MAX = 50_000

/**
 * Follows Lambda's own lines and the closing lines of one period, in any order.
 * @param from, to milliseconds since 1970; what began outside is not told
 */
export function createInvocations(from: number, to: number) {
  const open = new Map<string, { at?: number; failed?: string; durationMs?: number; reported?: true }>()
  const done = new Set<string>()
  let lastAt: number | undefined

  function finish(requestId: string): void {
    open.delete(requestId)
    done.add(requestId)
    if (done.size > DONE_MAX) for (const oldest of done) return void done.delete(oldest)
  }

  /** A closing line of the gateway, or of the forwarder. */
  function close(requestId: string | undefined, at: number): void {
    lastAt = at
    if (requestId !== undefined && at >= from && at <= to) finish(requestId)
  }

  function see({ what, at = lastAt, requestId, failed, durationMs }: LambdaLine): void {
    if (at === undefined || at < from || at > to || done.has(requestId)) return
    const known = open.get(requestId) ?? {}
    if (!open.has(requestId) && open.size >= OPEN_MAX) return
    open.set(requestId, known)
    // Lambda says how it ended when it is over; what is known of its beginning counts.
    if (what === 'start' || known.at === undefined || at < known.at) known.at = at
    if (failed !== undefined) known.failed ??= failed
    if (durationMs !== undefined) known.durationMs = durationMs
    if (what === 'report') known.reported = true
  }

  /** Those without a closing line, by time; what Lambda reports as well ended is not among them, its line is only elsewhere. */
  function end(): Unfinished[] {
    return [...open]
      .flatMap(([requestId, { at, failed, durationMs, reported }]) =>
        at === undefined || (reported && failed === undefined) ? [] : [{ requestId, at, how: failed, durationMs }],
      )
      .sort((a, b) => a.at - b.at)
  }

  return { close, see, end }
}

/** What became of it, as part of a sentence, and what to do. */
export function howEnded({ how }: Unfinished): { readonly text: string; readonly fix?: string } {
  return how === undefined ? { text: 'Lambda has no report of it: it still ran when these lines end' } : howOf(how)
}

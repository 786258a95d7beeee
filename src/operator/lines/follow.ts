import { type Clock, pause } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import type { LogEvent } from '../../upstreams/operator.js'
import type { CloudWatchOptions } from './cloudwatch.js'
import { patternOf, type Where } from './where.js'

/** Between the beginnings of two looks. All who read in the region share five calls a second (fact A50). */
export const POLL_MS = 2_000
/** Answers of one look at one group; what is left is there at the next. */
const PAGES_A_POLL = 5
/** Lines that arrive this much later than they were written are still seen. */
const OVERLAP_MS = 60_000
/** Ids that are remembered, so that no line is shown twice. */
const SEEN_MAX = 200_000

/** What came since the look before; a note if something is wrong, and it goes on. */
export interface Came {
  readonly texts: readonly string[]
  readonly note?: string | undefined
}

/**
 * Lines as they come, from now on, for ever. Each is given once, by its id; what CloudWatch does not answer in between is read
 * when it does.
 * @param from of this time on, in milliseconds since 1970
 * @throws the fault if CloudWatch refuses: without the right to, no waiting helps
 */
export async function* followCloudWatch(
  { logs, groups, clock, call }: CloudWatchOptions,
  where: Where,
  from: number,
): AsyncGenerator<Came> {
  const pattern = patternOf(where)
  const readers = groups.map((group) => ({ group, since: from, token: undefined as string | undefined }))
  const seen = new Map<string, number>()

  /** What is new in a group, up to the pages of one look. */
  async function look(reader: (typeof readers)[number], fresh: LogEvent[]): Promise<void> {
    const { group } = reader
    const range = { from: reader.since, to: clock.now() + OVERLAP_MS }
    let newest = reader.since
    for (let pages = 0; pages < PAGES_A_POLL; pages += 1) {
      const page = await logs.search({ group, ...range, pattern, token: reader.token }, call())
      for (const event of page.events) {
        newest = Math.max(newest, event.at)
        if (seen.has(event.id)) continue
        seen.set(event.id, event.at)
        fresh.push(event)
      }
      reader.token = page.token
      if (page.token === undefined) {
        reader.since = Math.max(reader.since, newest - OVERLAP_MS)
        return
      }
    }
  }

  for (;;) {
    const begunAt = clock.elapsed()
    const fresh: LogEvent[] = []
    let note: string | undefined
    for (const reader of readers) {
      try {
        await look(reader, fresh)
      } catch (error) {
        if (!isUpstreamError(error)) throw error
        const { kind, facts } = error
        // A token does not live for ever: without it, the search begins again, and what was shown is known by its id.
        if (kind === 'rejected' && reader.token !== undefined) reader.token = undefined
        else if (kind === 'throttled' || kind === 'unavailable' || kind === 'timeout')
          note = `CloudWatch did not answer (${facts.errorType ?? kind}): asking again`
        else throw error
      }
    }
    yield { texts: fresh.sort((a, b) => a.at - b.at).map(({ text }) => text), note }
    const oldest = Math.min(...readers.map(({ since }) => since))
    for (const [id, at] of seen) if (at < oldest || seen.size > SEEN_MAX) seen.delete(id)
    await untilNextLook(clock, begunAt)
  }
}

/** A file from its end on, whatever becomes of it. */
export interface Growing {
  /** The whole lines that were added since, of the file that came in its place too. */
  read(): Promise<readonly string[]>
}

/** Lines that are added to files. */
export async function* followFiles(files: readonly Growing[], clock: Clock): AsyncGenerator<Came> {
  for (;;) {
    const begunAt = clock.elapsed()
    const texts: string[] = []
    for (const file of files) texts.push(...(await file.read()))
    yield { texts }
    await untilNextLook(clock, begunAt)
  }
}

const untilNextLook = (clock: Clock, begunAt: number) =>
  pause(Math.max(0, POLL_MS - (clock.elapsed() - begunAt)), clock)

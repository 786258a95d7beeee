import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { CommandIo, Input } from '../../terminal/io.js'
import { type LambdaLine, type Line, parseLine } from './line.js'
import { type ReadCounts, readLines } from './read.js'
import type { Interval } from './select.js'
import type { Where } from './where.js'

export interface LineCounts extends ReadCounts {
  /** Lines that are none of the gateway's closing lines: of Lambda itself, of other programs, cut off. */
  others: number
}

/** Takes a line with its text; `false` says that no more are wanted. */
export type Take = (line: Line, text: string) => unknown

/** What a source that can look for lines is told; files are read as they are. */
export interface Asked {
  readonly where?: Where
  readonly interval?: Interval
  /** The newest first, so that the rest need not be read. */
  readonly newestFirst?: boolean
  /** Few lines among very many, as those of one login are. */
  readonly few?: boolean
  /** Few lines besides that name no tenant: what may belong to a login. */
  readonly nameless?: Nameless
  /** Few lines besides of these pools, from a time on: what failed and says no user. */
  readonly refused?: { readonly pools: ReadonlySet<string>; readonly interval: Interval }
}

/** Lines that name no tenant: Lambda's own, and the forwarder's of what it could not hand on. */
export interface Nameless {
  /** What Lambda wrote of this invocation. */
  readonly ref?: string | undefined
  /** What Lambda wrote of all invocations that did not end well, and what the forwarder could not hand on of these pools. */
  readonly pools?: ReadonlySet<string>
}

/** Lines to be read once or twice. */
export interface LineSource {
  readonly counts: LineCounts
  /** What was not read, or is not whole, in sentences for a person. */
  readonly notes: ReadonlySet<string>
  /**
   * Hands over each closing line with its text, in the order in which they stand; more than were asked for, never fewer.
   * @param isWanted of a text, asked before it is parsed, where most lines are not
   * @param takeLambda gets each line that Lambda wrote by itself
   */
  readonly each: (
    take: Take,
    isWanted?: (text: string) => boolean,
    asked?: Asked,
    takeLambda?: (line: LambdaLine) => void,
  ) => Promise<void>
}

/** The files that a command was given; standard input if none and something is piped in; nothing on a terminal. */
export function filesOf(files: readonly string[], { stdin }: Pick<CommandIo, 'stdin'>): readonly string[] {
  return files.length > 0 || stdin.isTTY ? files : ['-']
}

/**
 * Opens sources for as many readings as are needed. What comes on standard input is kept in a file that only this user can read,
 * until the work is done.
 */
export async function withLines<T>(
  sources: readonly string[],
  stdin: Input,
  again: boolean,
  work: (source: LineSource) => Promise<T>,
): Promise<T> {
  if (!again || !sources.includes('-')) return await work(createSource(sources, stdin))
  const folder = mkdtempSync(join(tmpdir(), 'corbado-lines-'))
  try {
    const file = join(folder, 'stdin')
    await pipeline(stdin, createWriteStream(file, { mode: 0o600 }))
    return await work(
      createSource(
        sources.map((source) => (source === '-' ? file : source)),
        stdin,
      ),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function createSource(sources: readonly string[], stdin: Input): LineSource {
  const counts = { lines: 0, tooLong: 0, others: 0 }
  return {
    counts,
    notes: new Set(),
    async each(take, isWanted = () => true, _asked = undefined, takeLambda = () => {}) {
      Object.assign(counts, { lines: 0, tooLong: 0, others: 0 })
      for await (const texts of readLines(sources, stdin, counts))
        for (const text of texts) {
          if (!isWanted(text)) continue
          const line = parseLine(text)
          if (line?.kind === 'line') {
            if (take(line, text) === false) return
          } else if (text !== '') counts.others += 1
          if (line?.kind === 'lambda') takeLambda(line)
        }
    },
  }
}

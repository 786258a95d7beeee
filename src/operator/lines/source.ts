import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo, Input } from '../../terminal/io.js'
import { type LambdaLine, type Line, parseLine } from './line.js'
import { type ReadCounts, readLines } from './read.js'

export interface LineCounts extends ReadCounts {
  /** Lines that are none of the gateway's closing lines: of Lambda itself, of other programs, cut off. */
  others: number
}

/** Lines to be read once or twice. */
export interface LineSource {
  readonly counts: LineCounts
  /**
   * Hands over each closing line with its text, in the order in which they stand.
   * @param isWanted of a text, asked before it is parsed, where most lines are not
   * @param takeLambda gets each line that Lambda wrote by itself
   */
  readonly each: (
    take: (line: Line, text: string) => void,
    isWanted?: (text: string) => boolean,
    takeLambda?: (line: LambdaLine) => void,
  ) => Promise<void>
}

/** The sources that a command was given; standard input if none and something is piped in. */
export function sourcesOf(files: readonly string[], { stdin }: Pick<CommandIo, 'stdin'>): readonly string[] {
  if (files.length > 0) return files
  if (!stdin.isTTY) return ['-']
  throw new NotPossible(
    'no lines to read: name files of log lines, plain or gzip, or pipe them in, e.g. aws logs tail <group> --since 2h --format short | corbado-gateway logs',
  )
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
    async each(take, isWanted = () => true, takeLambda = () => {}) {
      Object.assign(counts, { lines: 0, tooLong: 0, others: 0 })
      for await (const texts of readLines(sources, stdin, counts))
        for (const text of texts) {
          if (!isWanted(text)) continue
          const line = parseLine(text)
          if (line?.kind === 'line') take(line, text)
          else if (text !== '') counts.others += 1
          if (line?.kind === 'lambda') takeLambda(line)
        }
    },
  }
}

import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { NotPossible } from '../../terminal/failure.js'
import { openLargeFile } from '../../terminal/file.js'

/** CloudWatch takes no event that is longer; a file may hold anything. */
const LINE_CHARS_MAX = 1_048_576

/** What was read, besides the lines. */
export interface ReadCounts {
  lines: number
  /** Lines over one MiB, of which nothing was kept. */
  tooLong: number
}

/**
 * Reads sources one after another, in pieces of many lines. Nothing is held but the piece at hand.
 * @param sources paths of files, plain or gzip; `-` is standard input
 * @throws NotPossible for a file that cannot be read, or is cut off in the middle of its compression
 */
export async function* readLines(
  sources: readonly string[],
  stdin: Readable,
  counts: ReadCounts,
): AsyncGenerator<readonly string[]> {
  for (const source of sources) {
    try {
      yield* splitLines(source === '-' ? stdin : await openSource(source), counts)
    } catch (error) {
      if (error instanceof NotPossible) throw error
      const { code, message } = error as NodeJS.ErrnoException
      throw new NotPossible(
        `${source === '-' ? 'standard input' : source} cannot be read to its end (${code ?? message})`,
      )
    }
  }
}

async function openSource(file: string): Promise<Readable> {
  const opened = await openLargeFile(file)
  if ('kind' in opened) throw new NotPossible(`${file} ${opened.why}`)
  return opened
}

async function* splitLines(stream: Readable, counts: ReadCounts): AsyncGenerator<readonly string[]> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let skipping = false
  for await (const chunk of stream) {
    const pieces = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n')
    rest = pieces.pop() ?? ''
    if (skipping && pieces.length > 0) {
      pieces.shift()
      skipping = false
    }
    if (rest.length > LINE_CHARS_MAX || skipping) {
      if (!skipping) counts.tooLong += 1
      skipping = true
      rest = ''
    }
    counts.lines += pieces.length
    if (pieces.length > 0) yield pieces
  }
  if (rest === '' || skipping) return
  counts.lines += 1
  yield [rest]
}

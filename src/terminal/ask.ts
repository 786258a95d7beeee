import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { NotPossible } from './failure.js'
import type { Io } from './io.js'

/** Can somebody be asked? Not where input or questions go to a file or a pipe. */
export function canAsk({ stdin, stderr }: Io): boolean {
  return stdin.isTTY === true && stderr.isTTY === true
}

/** Asks one question on stderr, so that stdout stays the command's own, and answers the line that was typed. */
export async function askLine(question: string, { stdin, stderr }: Io): Promise<string> {
  stderr.write(question)
  const lines = createInterface({ input: stdin, terminal: false })
  try {
    const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')])
    if (typeof line !== 'string') throw new NotPossible('the input ended without an answer')
    return line.trim()
  } finally {
    lines.close()
  }
}

/** Asks for a yes; anything else, an empty line too, is a no. Nobody there to be asked is a no. */
export async function askYes(question: string, io: Io): Promise<boolean> {
  return canAsk(io) && /^y(es)?$/i.test(await askLine(`${question} [y/N] `, io))
}

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { NotPossible } from './failure.js'
import type { CommandIo, Io } from './io.js'

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

/** What a key sends where a terminal hands over each one. */
const ENTER = /[\r\n]/
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const BACKSPACE = /[\b\u007f]/

/**
 * Asks for one line on a terminal that shows nothing of it.
 * @throws NotPossible where it is broken off, or where the terminal cannot be kept from showing it
 */
export async function askHidden(question: string, { stdin, stderr }: Io): Promise<string> {
  if (!stdin.setRawMode) throw new NotPossible('this terminal cannot hide what is typed: pipe the secret in')
  stderr.write(question)
  stdin.setRawMode(true)
  try {
    // The usual iterator would close the terminal with the last key, and nothing could give it back its echo.
    return await readKeys(stdin.iterator({ destroyOnReturn: false }))
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

async function readKeys(keys: AsyncIterable<unknown>): Promise<string> {
  let typed = ''
  for await (const chunk of keys) {
    for (const key of String(chunk)) {
      if (key === CTRL_C) throw new NotPossible('broken off: nothing was stored')
      if (ENTER.test(key) || key === CTRL_D) return typed
      typed = BACKSPACE.test(key) ? typed.slice(0, -1) : typed + key
    }
  }
  return typed
}

/** May what was shown be written? By `--yes`, or by whoever is asked; where nobody is, that is a problem found. */
export async function isAgreed(options: { yes?: true; json?: true }, io: CommandIo): Promise<boolean> {
  if (options.yes) return true
  if (options.json || !canAsk(io)) io.foundProblems()
  return !options.json && (await askYes('Write it?', io))
}

import { NotPossible } from './failure.js'
import type { Io } from './io.js'

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

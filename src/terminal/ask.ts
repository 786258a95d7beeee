import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { cleaned, own } from './clean.js'
import { NotPossible } from './failure.js'
import { type CommandIo, type Io, type Output, takesEscapes } from './io.js'

/** Can a person be asked? Not if input or questions go to a file or a pipe. */
export function canAsk({ stdin, stderr }: Io): boolean {
  return stdin.isTTY === true && stderr.isTTY === true
}

/** Asks the same person several questions. Lines that were typed before their question are kept for it. */
export interface Asker {
  /**
   * Shows a question and answers the line that was typed.
   * @throws NotPossible after Ctrl-C, and if the input ended without an answer
   */
  ask(question: string): Promise<string>
  /** Gives the terminal back; the process can end. */
  close(): void
}

/** Asks on stderr, so that stdout stays the command's own. */
export function createAsker({ stdin, stderr, env }: Pick<Io, 'stdin' | 'stderr' | 'env'>): Asker {
  // If no escapes are wanted, the terminal itself edits the line.
  const terminal = takesEscapes(stderr, env)
  const lines = createInterface({ input: stdin, output: streamOf(stderr), terminal, historySize: 0 })
  const typed = lines[Symbol.asyncIterator]()
  let brokenOff = false
  const breakOff = () => {
    brokenOff = true
    lines.close()
  }
  // Ctrl-C is a key if Node edits the line, else a signal.
  lines.on('SIGINT', breakOff)
  process.on('SIGINT', breakOff)
  return {
    async ask(question) {
      lines.setPrompt(cleaned(question))
      // The cursor stays where it is: what was typed ahead is the beginning of the line.
      if (!brokenOff) lines.prompt(true)
      const { value, done } = await typed.next()
      if (!done) return value
      stderr.write('\n')
      throw new NotPossible(`${brokenOff ? 'broken off' : 'the input ended without an answer'}: nothing was written`)
    },
    close() {
      process.off('SIGINT', breakOff)
      lines.close()
    },
  }
}

/** What readline writes to: it moves the cursor, and shows what the person types and the question, which was cleaned. */
function streamOf(output: Output) {
  const stream = new Writable({
    write(text, _encoding, done) {
      output.write(own(String(text)))
      done()
    },
  })
  return Object.assign(stream, { columns: output.columns })
}

/**
 * Asks one question and answers the line that was typed, without spaces around it.
 * @throws NotPossible after Ctrl-C, and if the input ended without an answer
 */
export async function askLine(question: string, io: Io): Promise<string> {
  const asker = createAsker(io)
  try {
    return (await asker.ask(question)).trim()
  } finally {
    asker.close()
  }
}

/** Asks for a yes; anything else, an empty line too, is a no. If no person can be asked, that is a no. */
export async function askYes(question: string, io: Io): Promise<boolean> {
  return canAsk(io) && /^y(es)?$/i.test(await askLine(`${question} [y/N] `, io))
}

/**
 * Asks for one line on a terminal that shows nothing of it.
 * @throws NotPossible after Ctrl-C, if the input ended without an answer, or if the terminal cannot be kept from showing it
 */
export async function askHidden(question: string, { stdin, stderr, env }: Io): Promise<string> {
  // On a dumb terminal, Node would take Backspace for a letter of the secret.
  if (!stdin.setRawMode || env.TERM === 'dumb') {
    throw new NotPossible('this terminal cannot hide what is typed: pipe the secret in')
  }
  // Node turns the terminal's echo off and writes its own: to nowhere.
  const nowhere = { isTTY: true, write: () => true }
  const asker = createAsker({ stdin, stderr: nowhere, env: {} })
  // Only now: whoever answers at once, as a program that pastes the secret, would see it.
  stderr.write(question)
  try {
    return await asker.ask('')
  } finally {
    asker.close()
    stderr.write('\n')
  }
}

/** What the command line says of asking before something is written. */
export interface AskOptions {
  /** Write without asking. */
  readonly yes?: boolean
  /** A program reads the answer: no person is there to be asked. */
  readonly json?: boolean
}

/** May what was shown be written? By `--yes`, or by the person who is asked. */
export async function isAgreed({ yes = false, json = false }: AskOptions, io: Io): Promise<boolean> {
  return yes || (!json && (await askYes('Write this?', io)))
}

/**
 * {@link isAgreed}; if not, prints how to write it without being asked, and the exit code becomes 1: whatever runs after it
 * must see that nothing was written, whoever said no.
 */
export async function mayWrite(options: AskOptions, command: string, io: CommandIo): Promise<boolean> {
  if (await isAgreed(options, io)) return true
  io.foundProblems()
  if (!options.json) io.stdout.write(notWrittenText(command))
  return false
}

/** Says that nothing was written, and the command line that writes it. */
export function notWrittenText(command: string): string {
  return `\nNothing was written. To write it:\n  ${command}\n`
}

import type { Readable } from 'node:stream'
import { inspect } from 'node:util'
import type { Clock } from '../call.js'
import { cleaned, own } from './clean.js'
import { adviceAt } from './text.js'

/** Where text goes; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  /** Of a terminal: how many characters fit in a line. */
  readonly columns?: number | undefined
}

/** Where a person, or a pipe, answers; `process.stdin` is one. */
export type Input = Readable & {
  readonly isTTY?: boolean | undefined
  /** Of a terminal: whether keys come one by one, unechoed. */
  setRawMode?(raw: boolean): unknown
}

/** All that the command line takes from its process, so that tests can bring their own. */
export interface Io {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Folder of the compiled program, with the gateway's bundles beside it. */
  readonly built: string
}

/** What a command gets. */
export interface CommandIo extends Io {
  /** Makes the exit code 1: the command did its work and found something wrong. */
  foundProblems(): void
  /** Takes the document that answers `--json`; one is given at most, and goes out when the command has ended. */
  answer?(document: object): void
  /** Makes it 2: a plan that was asked for its exit code has something to change. Problems count for more. */
  foundChanges?(): void
}

type Color = 'green' | 'yellow' | 'red' | 'dim' | 'bold'

/** What colours text for one output. */
export type Paint = (color: Color, text: string) => string

/** May escape sequences be sent? Only to a terminal that knows them, and whose user has not said no (no-color.org). */
export function takesEscapes({ isTTY }: Output, { TERM, NO_COLOR }: Io['env']): boolean {
  return isTTY === true && TERM !== 'dumb' && !NO_COLOR
}

/**
 * The one way out of the command line: every text by others, wherever it comes from, loses here what a terminal would obey.
 * What a command prints goes through it; a test keeps it so.
 */
export function cleanOutput(output: Output): Output {
  return {
    get isTTY() {
      return output.isTTY
    },
    get columns() {
      return output.columns
    },
    write: (text) => output.write(cleaned(text)),
  }
}

/** Colours text for an output that takes escape sequences, and leaves it as it is for any other. */
export function createPaint(output: Output, env: Io['env']): Paint {
  if (!takesEscapes(output, env)) return (_, text) => text
  return (color, text) => {
    const [on, off] = inspect.colors[color] ?? [0, 0]
    return `${own(`\u001b[${on}m`)}${text}${own(`\u001b[${off}m`)}`
  }
}

/** Writes one JSON document, as every `--json` does. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`)
}

const NOTE_COLORS = { error: 'red', warning: 'yellow', note: 'yellow' } as const

/**
 * Writes a note for a person on stderr, so that stdout stays the command's own. Only its first line begins at the margin:
 * nothing in it can pass for another.
 */
export function writeNote({ stderr, env }: Io, kind: keyof typeof NOTE_COLORS, text: string): void {
  const [first = '', ...others] = text.split('\n')
  const more = others.map((line) => {
    const [margin = ''] = /^ +/.exec(line) ?? ['  ']
    return `\n${margin}${adviceAt(margin.length, line.trimStart(), stderr)}`
  })
  const said = adviceAt(`${kind}: `.length, first, stderr)
  stderr.write(`${createPaint(stderr, env)(NOTE_COLORS[kind], `${kind}:`)} ${said}${more.join('')}\n`)
}

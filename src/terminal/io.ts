import type { Readable } from 'node:stream'
import { styleText } from 'node:util'
import type { Clock } from '../call.js'

/** Where text goes; `process.stdout` is one. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
}

/** Where somebody, or a pipe, answers; `process.stdin` is one. */
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
}

type Color = 'green' | 'yellow' | 'red' | 'dim' | 'bold'

/** What colours text for one output. */
export type Paint = (color: Color, text: string) => string

/** Colours text where somebody looks at a terminal and has not said no (no-color.org). */
export function createPaint({ isTTY }: Output, { NO_COLOR }: Io['env']): Paint {
  const colored = isTTY === true && !NO_COLOR
  return (color, text) => (colored ? styleText(color, text, { validateStream: false }) : text)
}

/** Writes one JSON document, as every `--json` does. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`)
}

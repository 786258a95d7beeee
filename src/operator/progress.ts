import type { Output } from './io.js'

/** Between two lines where no terminal can overwrite the last one. */
const STEPS_A_LINE = 500

export interface Progress {
  step(): void
  /** Leaves a terminal's line empty. */
  end(): void
}

/**
 * Tells how far long work is: a running counter on a terminal, else a line now and then.
 * @param what completes "3 of 10 …"
 */
export function createProgress(output: Output, total: number, what = 'written'): Progress {
  let done = 0
  return {
    step() {
      done += 1
      if (output.isTTY) output.write(`\r${done} of ${total} ${what}`)
      else if (done % STEPS_A_LINE === 0) output.write(`${done} of ${total} ${what}\n`)
    },
    end() {
      if (output.isTTY && done > 0) output.write('\r\x1b[K')
    },
  }
}

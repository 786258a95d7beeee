import type { Output } from './io.js'

/** Between two lines where no terminal can overwrite the last one. */
const STEPS_A_LINE = 500

export interface Progress {
  step(): void
  /** Leaves a terminal's line empty. */
  end(): void
}

/** Fits a narrow terminal together with its text. */
const BAR_WIDTH = 30

/**
 * Tells how far long work is: a growing bar on a terminal, else a line now and then.
 * @param what completes "3 of 10 …"
 */
export function createProgress(output: Output, total: number, what = 'written'): Progress {
  let done = 0
  return {
    step() {
      done += 1
      if (output.isTTY) output.write(`\r${barOf(done / total)} ${done} of ${total} ${what}`)
      else if (done % STEPS_A_LINE === 0) output.write(`${done} of ${total} ${what}\n`)
    },
    end() {
      if (output.isTTY && done > 0) output.write('\r\x1b[K')
    },
  }
}

function barOf(share: number): string {
  const full = Math.round(share * BAR_WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`
}

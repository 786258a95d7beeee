import { own } from './clean.js'
import type { Io } from './io.js'

/** Between two lines, if a line cannot be overwritten. */
const STEPS_A_LINE = 500

export interface Progress {
  step(): void
  /** Leaves a terminal's line empty. */
  end(): void
}

/** Fits a narrow terminal together with its text. */
const BAR_WIDTH = 30

/**
 * Tells on stderr how far work has come: a growing bar on a terminal, else a line now and then. Writes no escapes.
 * @param what completes "3 of 10 …"
 */
export function createProgress({ stderr, env }: Pick<Io, 'stderr' | 'env'>, total: number, what = 'written'): Progress {
  const overwrites = stderr.isTTY === true && env.TERM !== 'dumb'
  let done = 0
  let shown = ''
  return {
    step() {
      done += 1
      const count = `${done} of ${total} ${what}`
      if (overwrites) {
        shown = `${barOf(done / total)} ${count}`
        stderr.write(`${own('\r')}${shown}`)
      } else if (done % STEPS_A_LINE === 0) stderr.write(`${count}\n`)
    },
    end() {
      if (shown !== '') stderr.write(`${own('\r')}${' '.repeat(shown.length)}${own('\r')}`)
    },
  }
}

function barOf(share: number): string {
  const full = Math.round(share * BAR_WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`
}

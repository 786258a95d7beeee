import { askYes, canAsk } from './ask.js'
import type { CommandIo } from './io.js'

/** May what was shown be written? By `--yes`, or by whoever is asked; where nobody is, that is a problem found. */
export async function isAgreed(options: { yes?: true; json?: true }, io: CommandIo): Promise<boolean> {
  if (options.yes) return true
  if (options.json || !canAsk(io)) io.foundProblems()
  return !options.json && (await askYes('Write it?', io))
}

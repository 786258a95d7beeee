import { askYes } from './ask.js'
import type { CommandIo } from './io.js'

/** May what was shown be written? By `--yes`, or by whoever is asked; `--json` asks nobody. */
export async function isAgreed(options: { yes?: true; json?: true }, io: CommandIo): Promise<boolean> {
  if (options.yes) return true
  return !options.json && (await askYes('Write it?', io))
}

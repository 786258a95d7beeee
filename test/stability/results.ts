/** What a run of the tests came to. */
export interface Results {
  readonly passed: number
  readonly failed: number
  /** Each test that failed, as `file › name`, or the file where none of its tests says why. */
  readonly failures: readonly string[]
}

/**
 * Reads what test/run.mjs prints.
 * @param tap its whole output
 * @param exitCode of the run: one that failed without saying where counts as one failure
 */
export function readResults(tap: string, exitCode: number | null): Results {
  const failures: string[] = []
  let inFile: string[] = []
  for (const [, indent, not, name = ''] of tap.matchAll(/^( {4})?(not )?ok \d+ - (.*?)(?: # time=[\d.]+ms)?$/gm)) {
    if (indent !== undefined) {
      if (not) inFile.push(name)
      continue
    }
    if (not) failures.push(...(inFile.length > 0 ? inFile.map((test) => `${name} › ${test}`) : [name]))
    inFile = []
  }
  const summary = /^# \{ total: .*\}$/m.exec(tap)?.[0] ?? ''
  const count = (what: string) => Number(new RegExp(`\\b${what}: (\\d+)`).exec(summary)?.[1] ?? 0)
  const failed = count('fail')
  if (exitCode === 0 || failed > 0) return { passed: count('pass'), failed, failures }
  return {
    passed: count('pass'),
    failed: 1,
    failures: failures.length > 0 ? failures : [`the run ended with ${exitCode}`],
  }
}

/** One run, as a row of the table. */
export interface Run extends Results {
  readonly run: number
  /** How many busy processes ran beside it. */
  readonly beside: number
  readonly seconds: number
}

const columns = [5, 8, 9, 8, 8]

/** A row: run, beside, seconds, passed, failed, and the names of what failed. */
function row(cells: readonly (string | number)[], names = ''): string {
  const padded = cells.map((cell, index) => String(cell).padStart(columns[index] ?? 0))
  return `${padded.join('')}  ${names}`.trimEnd()
}

/** What stands above the rows. */
export const heading = row(['run', 'beside', 'seconds', 'passed', 'failed'], 'failures')

/** The line of a run. */
export function rowOf({ run, beside, seconds, passed, failed, failures }: Run): string {
  return row([run, beside, Math.round(seconds), passed, failed], failures.join('; '))
}

/** The last line: how many runs failed, and how long the quickest and the slowest took. */
export function summaryOf(runs: readonly Run[]): string {
  const seconds = runs.map((run) => Math.round(run.seconds))
  const failed = runs.filter((run) => run.failed > 0).length
  return `${failed} of ${runs.length} runs failed; ${Math.min(...seconds)} to ${Math.max(...seconds)} s`
}

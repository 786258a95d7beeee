import { execFile } from 'node:child_process'
import { NO_SDK_NOTICE } from '../aws/variables.js'

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the operator's own program, with these variables and no other. */
export type RunCommand = (words: readonly string[]) => Promise<Ended>

const TIMEOUT_MS = 60_000
const BYTES_MAX = 4 * 1024 * 1024

/** Makes what runs the program at a path in the rights of an operator on call. */
export function createRunCommand(program: string, env: Readonly<Record<string, string>>): RunCommand {
  const options = {
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...NO_SDK_NOTICE, ...env },
    timeout: TIMEOUT_MS,
    maxBuffer: BYTES_MAX,
  }
  return (words) =>
    new Promise((resolve) => {
      execFile(process.execPath, [program, ...words], options, (error, stdout, stderr) => {
        // It has no number if it was not run to its end.
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
        resolve({ code, stdout, stderr })
      })
    })
}

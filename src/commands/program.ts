import type { Command } from 'commander'
import { GATEWAY_VERSION } from '../env.js'
import { defineCommand } from '../terminal/command.js'
import { failureOf } from '../terminal/failure.js'
import { type CommandIo, createPaint, type Io } from '../terminal/io.js'
import { COMMANDS, type CreateCommand } from './index.js'

/** Builds `corbado-gateway` with all its commands. `more` are those of rooms that an operator's command must not know. */
export function createProgram(io: CommandIo, more: readonly CreateCommand[] = []): Command {
  const program = defineCommand(io, {
    path: 'corbado-gateway',
    summary: 'Operates the passkey gateway between Amazon Cognito user pools and Corbado Connect.',
    examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants apply --help'],
  })
    .version(GATEWAY_VERSION)
    // An option belongs to the command that it stands behind, also where one above has an option of the same name.
    .enablePositionalOptions()
  for (const create of [...more, ...COMMANDS]) program.addCommand(create(io))
  return program
}

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit code: 0 done, 1 found problems, 2 wrong usage
 */
export async function runCli(argv: readonly string[], io: Io, more: readonly CreateCommand[] = []): Promise<0 | 1 | 2> {
  let exitCode: 0 | 1 = 0
  const foundProblems = () => {
    exitCode = 1
  }
  try {
    await createProgram({ ...io, foundProblems }, more).parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    const failure = failureOf(error)
    if (!failure) throw error
    const paint = createPaint(io.stderr, io.env)
    if (failure.line !== undefined) io.stderr.write(`${paint('red', 'error:')} ${failure.line}\n`)
    return failure.exitCode
  }
}

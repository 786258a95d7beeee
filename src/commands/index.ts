import { inspect } from 'node:util'
import type { Command } from 'commander'
import { GATEWAY_VERSION } from '../env.js'
import { type CreateCommand, commandGroup } from '../terminal/command.js'
import { type Failure, failureOf } from '../terminal/failure.js'
import { helpAsOption } from '../terminal/help.js'
import { type CommandIo, cleanOutput, type Io, writeJson, writeNote } from '../terminal/io.js'
import { aliasesCheckCommand } from './aliases/check.js'
import { aliasesCleanCommand } from './aliases/clean.js'
import { aliasesGrantCommand } from './aliases/grant.js'
import { aliasesListCommand } from './aliases/list.js'
import { aliasesRevokeCommand } from './aliases/revoke.js'
import { completionCommand } from './completion/index.js'
import { doctorCommand } from './doctor/index.js'
import { explainCommand } from './explain/index.js'
import { invokeCommand } from './invoke/index.js'
import { localCommand } from './local/index.js'
import { logsCommand } from './logs/index.js'
import { onboardCommand } from './onboard/index.js'
import { reasonsCommand } from './reasons/index.js'
import { reportCommand } from './report/index.js'
import { secretSetCommand } from './secret/set.js'
import { tenantsApplyCommand, tenantsPlanCommand } from './tenants/apply.js'
import { tenantsHistoryCommand } from './tenants/history.js'
import { tenantsListCommand } from './tenants/list.js'
import { tenantsRemoveCommand } from './tenants/remove.js'
import { tenantsRollbackCommand } from './tenants/rollback.js'
import { tenantsSchemaCommand } from './tenants/schema.js'
import { tenantsShowCommand } from './tenants/show.js'
import { tenantsStatusCommands } from './tenants/status.js'
import { tenantsValidateCommand } from './tenants/validate.js'
import { watchCommand } from './watch/index.js'
import { wireApplyCommand } from './wire/apply.js'
import { wireClientCommand } from './wire/client/index.js'
import { wireExample } from './wire/options.js'
import { wirePlanCommand } from './wire/plan.js'
import { wireUndoCommand } from './wire/undo.js'

/** The commands of `corbado-gateway`, in the order of its help. A new one is one file, and one line here. */
const COMMANDS: readonly CreateCommand[] = [
  localCommand,
  invokeCommand,
  commandGroup(
    {
      path: 'corbado-gateway tenants',
      summary: 'Checks tenant files, brings them into the table, and shows and changes what is there.',
      examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants apply --yes'],
    },
    [
      tenantsValidateCommand,
      tenantsPlanCommand,
      tenantsApplyCommand,
      tenantsListCommand,
      tenantsShowCommand,
      tenantsHistoryCommand,
      tenantsRollbackCommand,
      ...tenantsStatusCommands,
      tenantsRemoveCommand,
      tenantsSchemaCommand,
    ],
  ),
  commandGroup(
    {
      path: 'corbado-gateway secret',
      summary: "Stores tenants' secrets. None is ever printed.",
      examples: ['corbado-gateway secret set acme-shop'],
    },
    [secretSetCommand],
  ),
  commandGroup(
    {
      path: 'corbado-gateway wire',
      summary: "Points a user pool's triggers at Corbado and back. Run it with credentials of the pool's account.",
      examples: [wireExample('plan'), wireExample('apply')],
    },
    [wirePlanCommand, wireApplyCommand, wireUndoCommand, wireClientCommand],
  ),
  onboardCommand,
  commandGroup(
    {
      path: 'corbado-gateway aliases',
      summary: "Lets user pools invoke the gateway's function through their tenant's alias.",
      examples: ['corbado-gateway aliases list', 'corbado-gateway aliases grant acme-shop'],
    },
    [aliasesListCommand, aliasesGrantCommand, aliasesRevokeCommand, aliasesCheckCommand, aliasesCleanCommand],
  ),
  doctorCommand,
  logsCommand,
  explainCommand,
  reportCommand,
  watchCommand,
  reasonsCommand,
  completionCommand,
]

/** Builds `corbado-gateway` with all its commands. */
export function createProgram(io: CommandIo): Command {
  return (
    commandGroup(
      {
        path: 'corbado-gateway',
        summary: 'Operates the passkey gateway between Amazon Cognito user pools and Corbado Connect.',
        examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants apply --help'],
      },
      COMMANDS,
    )(io)
      .version(GATEWAY_VERSION)
      // An option belongs to the command that it stands behind, also if one above has an option of the same name.
      .enablePositionalOptions()
  )
}

/**
 * Runs one command line.
 * @param argv the words after the program's name
 * @returns the exit code: 0 done, 1 found problems, 2 wrong usage, or changes if a plan was given `--exit-code`
 */
export async function runCli(argv: readonly string[], given: Io): Promise<0 | 1 | 2> {
  const io = { ...given, stdout: cleanOutput(given.stdout), stderr: cleanOutput(given.stderr) }
  let exitCode: 0 | 1 | 2 = 0
  const foundProblems = () => {
    exitCode = 1
  }
  const foundChanges = () => {
    if (exitCode === 0) exitCode = 2
  }
  let document: object | undefined
  const answer = (given: object) => {
    document = given
  }
  try {
    const program = createProgram({ ...io, foundProblems, foundChanges, answer })
    await program.parseAsync(helpAsOption(program, argv), { from: 'user' })
    if (document !== undefined) writeJson(io.stdout, document)
    return exitCode
  } catch (error) {
    const failure = failureOf(error) ?? bugOf(error, io)
    if (failure.line !== undefined) writeNote(io, 'error', failure.line)
    // What a program reads is one document in any case: that of the command, if it came so far, with the error in it.
    if (failure.error && asksForJson(argv)) writeJson(io.stdout, { kind: 'error', ...document, error: failure.error })
    return failure.exitCode
  }
}

/** A bug of ours: its place is what we need to know. Its words may hold anything. */
function bugOf(error: unknown, io: Io): Failure {
  io.stderr.write(`${inspect(error)}\n`)
  return { exitCode: 1, error: { message: 'a bug of this program: its place is on stderr', exitCode: 1 } }
}

/** Is `--json` among the words? Asked of lines too that cannot be parsed. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).includes('--json')
}

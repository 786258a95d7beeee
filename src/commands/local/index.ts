import { type Command, InvalidArgumentError } from 'commander'
import { prepareKeyPairs } from '../../local/aws/key-pairs.js'
import { defineCommand } from '../../terminal/command.js'
import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { credentialCommand } from './credential.js'
import { faultCommand } from './fault.js'
import { deleteRoleCommand, deployRoleCommand } from './role.js'
import type { LocalOptions } from './run.js'
import { signInCommand } from './sign-in.js'

/** Lower ports need special rights; above there is no room for all services. */
const PORT_MIN = 1_024
const PORT_MAX = 65_500

/** Cognito signs with one, Corbado with one for each project; the three example tenants have three projects. */
const KEY_PAIRS = 4

/** `local`, which is `npm start`: the whole service on this machine, with logins through it. */
export function localCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway local',
    summary:
      'Starts the gateway and stand-ins for all around it on this machine, and signs a user of each tenant in. Needs no account, key or network.',
    examples: [
      'corbado-gateway local',
      'corbado-gateway local --port 5500 --logs',
      'corbado-gateway local tenants --once --json',
    ],
  })
    .argument('[dir]', 'folder of the tenant files', 'tenants')
    .option('--port <n>', 'first of ten ports to use; 0 takes any free ones', readPort, 4_500)
    .option('--once', 'end after the logins; exit code 1 if a step did not go as expected')
    .option('--json', 'with --once: print { kind: "local", tenants }')
    .option('--logs', "print the gateway's log lines on stderr, not into a file")
    .action(async (dir: string, options: LocalOptions) => {
      if (options.json && !options.once) throw new WrongUsage('--json needs --once')
      if (!options.json) io.stdout.write('Starting the gateway on this machine, with stand-ins for all around it ...\n')
      const makeKeyPair = prepareKeyPairs(KEY_PAIRS)
      // The stand-ins take longer to load than any other command to run.
      const { runLocal } = await import('./run.js').catch(missingPackage)
      await runLocal({ dir, options, io, makeKeyPair })
    })
  const others = [deployRoleCommand, deleteRoleCommand, signInCommand, faultCommand, credentialCommand]
  for (const create of others) command.addCommand(create(io))
  return command.enablePositionalOptions()
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && (port === 0 || (port >= PORT_MIN && port <= PORT_MAX))) return port
  throw new InvalidArgumentError(`It must be 0 or a number from ${PORT_MIN} to ${PORT_MAX}.`)
}

/** The published package leaves out the doors of the service and what the stand-ins are made of. */
function missingPackage(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  throw new NotPossible('local needs a checkout of the gateway, with npm ci: the published package has no stand-ins')
}

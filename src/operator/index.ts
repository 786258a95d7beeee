import type { Command } from 'commander'
import type { CommandIo } from '../terminal/io.js'
import { aliasesCommand } from './aliases.js'
import { doctorCommand } from './doctor-command.js'
import { onboardCommand } from './onboard.js'
import { secretCommand } from './secret.js'
import { tenantsCommand } from './tenants.js'
import { wireCommand } from './wire.js'

/** Makes one command of the program, with all that is below it. */
export type CreateCommand = (io: CommandIo) => Command

/** The commands of `corbado-gateway`. A new one is one file, and one line here. */
export const COMMANDS: readonly CreateCommand[] = [
  tenantsCommand,
  secretCommand,
  wireCommand,
  onboardCommand,
  aliasesCommand,
  doctorCommand,
]

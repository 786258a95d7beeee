import type { Command } from 'commander'
import type { CommandIo } from '../terminal/io.js'
import { aliasesCommand } from './aliases/index.js'
import { doctorCommand } from './doctor/index.js'
import { onboardCommand } from './onboard/index.js'
import { secretCommand } from './secret/index.js'
import { tenantsCommand } from './tenants/index.js'
import { wireCommand } from './wire/index.js'

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

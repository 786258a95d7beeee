import type { Command } from 'commander'
import type { CommandIo } from './io.js'
import { tenantsCommand } from './tenants.js'

/** Makes one command of the program, with all that is below it. */
export type CreateCommand = (io: CommandIo) => Command

/** The commands of `corbado-gateway`. A new one is one file, and one line here. */
export const COMMANDS: readonly CreateCommand[] = [tenantsCommand]

import type { Command } from 'commander'
import type { CommandIo } from './io.js'
import { tenantsCommand } from './tenants.js'

/** The commands of `corbado-gateway`. A new one is one file, and one line here. */
export const COMMANDS: readonly ((io: CommandIo) => Command)[] = [tenantsCommand]

import type { Command } from 'commander'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { secretSetCommand } from './set.js'

/** `secret …`: what tenants' parameters hold. */
export function secretCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway secret',
    summary: "Stores tenants' secrets. None is ever printed.",
    examples: ['corbado-gateway secret set acme-shop'],
  }).addCommand(secretSetCommand(io))
}

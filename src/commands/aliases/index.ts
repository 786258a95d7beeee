import type { Command } from 'commander'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { aliasesCheckCommand } from './check.js'
import { aliasesGrantCommand } from './grant.js'
import { aliasesListCommand } from './list.js'
import { aliasesRevokeCommand } from './revoke.js'

/** `aliases …`: which user pools may invoke the gateway's function, and through which of its aliases. */
export function aliasesCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway aliases',
    summary: "Lets user pools invoke the gateway's function through their tenant's alias.",
    examples: ['corbado-gateway aliases list', 'corbado-gateway aliases grant acme-shop'],
  })
    .addCommand(aliasesListCommand(io))
    .addCommand(aliasesGrantCommand(io))
    .addCommand(aliasesRevokeCommand(io))
    .addCommand(aliasesCheckCommand(io))
}

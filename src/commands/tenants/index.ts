import type { Command } from 'commander'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { tenantsApplyCommand, tenantsPlanCommand } from './apply.js'
import { tenantsHistoryCommand } from './history.js'
import { tenantsListCommand } from './list.js'
import { tenantsRemoveCommand } from './remove.js'
import { tenantsRollbackCommand } from './rollback.js'
import { tenantsSchemaCommand } from './schema.js'
import { tenantsShowCommand } from './show.js'
import { tenantsStatusCommands } from './status.js'
import { tenantsValidateCommand } from './validate.js'

/** `tenants …`: the files in `tenants/` and the table that the gateway reads. */
export function tenantsCommand(io: CommandIo): Command {
  const command = defineCommand(io, {
    path: 'corbado-gateway tenants',
    summary: 'Checks tenant files, brings them into the table, and shows and changes what is there.',
    examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants apply --yes'],
  })
  const commands = [
    tenantsValidateCommand(io),
    tenantsPlanCommand(io),
    tenantsApplyCommand(io),
    tenantsListCommand(io),
    tenantsShowCommand(io),
    tenantsHistoryCommand(io),
    tenantsRollbackCommand(io),
    ...tenantsStatusCommands(io),
    tenantsRemoveCommand(io),
    tenantsSchemaCommand(io),
  ]
  for (const each of commands) command.addCommand(each)
  return command
}

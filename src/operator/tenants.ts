import type { Command } from 'commander'
import { defineCommand } from './define-command.js'
import type { CommandIo } from './io.js'
import { tenantsApplyCommand } from './tenants-apply.js'
import { tenantsSchemaCommand } from './tenants-schema.js'
import { tenantsValidateCommand } from './tenants-validate.js'

/** `tenants …`: the files in `tenants/` and the table that the gateway reads. */
export function tenantsCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants',
    summary: 'Checks tenant files and brings them into the table.',
    examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants apply --yes'],
  })
    .addCommand(tenantsValidateCommand(io))
    .addCommand(tenantsApplyCommand(io))
    .addCommand(tenantsSchemaCommand(io))
}

import type { Command } from 'commander'
import { TenantFile } from '../../tenant/config.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, writeJson } from '../../terminal/io.js'

/** `tenants schema`: what `tenants/schema.json` holds. */
export function tenantsSchemaCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants schema',
    summary: 'Prints the JSON schema of a tenant file, for editors.',
    examples: ['corbado-gateway tenants schema > tenants/schema.json'],
  })
    .option('--json', 'accepted for symmetry: the schema always is JSON')
    .action(() => writeJson(io.stdout, TenantFile))
}

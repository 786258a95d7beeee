import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
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
    .option('--json', 'print { kind: "tenant-schema", schema }')
    .action(({ json }: { json?: true }) => {
      if (json) writeAnswer(io, 'tenant-schema', { schema: TenantFile })
      else writeJson(io.stdout, TenantFile)
    })
}

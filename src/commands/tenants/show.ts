import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { yamlText } from '../../operator/files/yaml.js'
import { printable } from '../../operator/records/changes.js'
import { fetchRecords, findTenant } from '../../operator/records/find.js'
import { textOf, writtenText } from '../../operator/records/record.js'
import { readOperatorSettings } from '../../operator/settings.js'
import { withUpstreams } from '../../operator/upstreams.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { TENANT_ARGUMENT } from '../options.js'

/** `tenants show`: one tenant as the table has it. */
export function tenantsShowCommand(io: CommandIo): Command {
  const path = 'corbado-gateway tenants show'
  return defineCommand(io, {
    path,
    summary: "Prints a tenant's config as the table has it, who wrote it and when, and its hosted ARN.",
    examples: [`${path} acme-shop`, `${path} eu-central-1_Ac0meSh0p --json`],
  })
    .argument(...TENANT_ARGUMENT)
    .option('--json', 'print { kind: "tenant", config, version, updatedAt, updatedBy, hostedArn? }')
    .action((word: string, { json = false }: { json?: boolean }) =>
      withUpstreams(io, async ({ table }) => {
        const record = findTenant(await fetchRecords({ table }), word)
        const { version, updatedAt, updatedBy } = record
        const { gatewayFunctionArn } = readOperatorSettings(io.env)
        const hostedArn = gatewayFunctionArn && `${gatewayFunctionArn}:${textOf(record, 'alias')}`
        const config = printable(record.config)
        if (json) return writeAnswer(io, 'tenant', { config, version, updatedAt, updatedBy, hostedArn })
        const about = [writtenText(record), ...(hostedArn ? [`hosted ARN ${hostedArn}`] : [])]
        io.stdout.write(`${about.map((line) => `# ${line}\n`).join('')}${yamlText(config)}`)
      }),
    )
}

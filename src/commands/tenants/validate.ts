import type { Command } from 'commander'
import { writeAnswer } from '../../operator/answers/write.js'
import { readConfigRules } from '../../operator/config-rules.js'
import { readTenantFolder } from '../../operator/files/folder.js'
import { folderJson, reportIssues } from '../../operator/files/issues.js'
import { defineCommand } from '../../terminal/command.js'
import type { CommandIo } from '../../terminal/io.js'
import { counted } from '../../terminal/text.js'
import { FOLDER_ARGUMENT } from '../options.js'

/** `tenants validate`: needs neither AWS nor any setting. */
export function tenantsValidateCommand(io: CommandIo): Command {
  return defineCommand(io, {
    path: 'corbado-gateway tenants validate',
    summary: 'Checks every tenant file of a folder and reports everything that is wrong.',
    examples: ['corbado-gateway tenants validate', 'corbado-gateway tenants validate tenants --json'],
  })
    .argument(...FOLDER_ARGUMENT)
    .option('--json', 'print { kind: "tenant-files", valid, tenants, issues }')
    .action(async (dir: string, { json = false }: { json?: boolean }) => {
      const folder = await readTenantFolder(dir, readConfigRules(io.env))
      if (folder.issues.length > 0) return reportIssues(folder, json, io)
      const { length } = folder.entries
      if (json) writeAnswer(io, 'tenant-files', folderJson(folder))
      else io.stdout.write(`${counted(length, 'tenant is', 'tenants are')} valid\n`)
    })
}

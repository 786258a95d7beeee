import type { Command } from 'commander'
import { askAdmin } from '../../local/clients/admin.js'
import { findApp, readApps } from '../../local/clients/apps.js'
import { writeAnswer } from '../../operator/answers/write.js'
import { defineCommand } from '../../terminal/command.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import { counted } from '../../terminal/text.js'

interface CredentialOptions {
  readonly keepNewest?: boolean
  readonly json?: true
}

/** `local credential`: the API secrets of a project, as they are made and deleted in Corbado's console. */
export function credentialCommand(io: CommandIo): Command {
  const path = 'corbado-gateway local credential'
  return defineCommand(io, {
    path,
    summary:
      "Makes one more API secret in a tenant's project of the embedded stack, as one does in Corbado's console, and prints " +
      'it as secret set takes it. The older ones go on working until --keep-newest deletes them.',
    examples: [`${path} northwind > second.credential`, `${path} northwind --keep-newest`],
  })
    .argument('<tenant>', 'tenant id or user pool id')
    .option('--keep-newest', 'make none, and delete all but the newest')
    .option('--json', 'print { kind: "local-credential", tenantId, projectId, secrets, credential? }')
    .action(async (word: string, { keepNewest = false, json }: CredentialOptions) => {
      const apps = await readApps(io.env)
      const { tenantId, projectId, credentialScheme: scheme } = findApp(apps, word)
      const { secrets, credential } = await askAdmin(apps, 'POST /credentials', { projectId, scheme, keepNewest })
      if (json) return writeAnswer(io, 'local-credential', { tenantId, projectId, secrets, credential })
      const now = `${projectId} has ${counted(secrets, 'API secret')} now`
      if (credential === undefined) return void io.stdout.write(`${now}\n`)
      // What goes to stdout is the credential alone, for a file or a pipe.
      writeNote(io, 'note', now)
      io.stdout.write(`${credential}\n`)
    })
}

import type { Command } from 'commander'
import { createCall } from '../../call.js'
import type { Env } from '../../env.js'
import { fieldName } from '../../fields.js'
import { findTenant } from '../../operator/records/find.js'
import { configOf, tenantIdOf } from '../../operator/records/record.js'
import { AWS_CALL_MS } from '../../operator/records/write.js'
import { withUpstreams } from '../../operator/upstreams.js'
import type { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { TENANTS_DIR } from './change.js'

/** What every command about one tenant takes. */
export const TENANT_ARGUMENT = ['<tenant>', 'tenant id, user pool id, or a customer with one pool'] as const

/** Adds the options of a command that changes a tenant's record, and its file with it. */
export function addChangeOptions(command: Command): Command {
  return command
    .option('--dir <folder>', 'folder with the tenant files; the one of this tenant is changed likewise', TENANTS_DIR)
    .option('--by <name>', 'who does it, as the record says (default: your user name)')
    .option('--json', 'print what was done as JSON')
}

/** A tenant as the table has it. */
export interface FoundTenant {
  readonly record: TenantRecord
  readonly config: TenantFile
  /** All current records. */
  readonly records: readonly TenantRecord[]
}

/** Does work on the one tenant that a word names, with its config in the form that the schema wants. */
export function withTenant<T>(
  word: string,
  io: CommandIo,
  work: (found: FoundTenant, upstreams: OperatorUpstreams, env: Env) => Promise<T>,
): Promise<T> {
  return withUpstreams(io, async (upstreams, env) => {
    const records = await upstreams.table.listConfigs(createCall(AWS_CALL_MS))
    const record = findTenant(records, word)
    const config = configOf(record)
    if (!config) throw new NotPossible(`${recordName(record)} does not hold a tenant config: apply the tenant's file`)
    return work({ record, config, records }, upstreams, env)
  })
}

/**
 * Checks a config by the rules that `tenants validate` goes by, settings included.
 * @throws NotPossible with all that is wrong
 */
export function requireValid(config: unknown, record: TenantRecord, env: Env): TenantFile {
  const parsed = parseTenantFile(config, env)
  if (parsed.kind === 'valid') return parsed.file
  const issues = parsed.issues.map(({ path, message }) => `${fieldName(path)} ${message}`)
  throw new NotPossible(`${recordName(record)} is not valid: ${issues.join('; ')}`)
}

function recordName(record: TenantRecord): string {
  const name = record.record === 'config' ? 'the record' : `version ${record.version}`
  return `${name} of ${tenantIdOf(record)} (${record.userPoolId})`
}

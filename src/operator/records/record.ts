import { Check } from 'typebox/value'
import type { ConfigRules } from '../../env.js'
import { textAt } from '../../fields.js'
import { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { NotPossible } from '../../terminal/failure.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { issueTexts } from '../config-rules.js'

/** What to call a record whose config may be anything. */
export function tenantIdOf(record: TenantRecord): string {
  return textOf(record, 'tenantId') || record.userPoolId
}

/** A text of a record's config; empty if the config has none of that name. */
export function textOf({ config }: TenantRecord, field: 'tenantId' | 'customer' | 'status' | 'alias'): string {
  return textAt(config, field) ?? ''
}

/**
 * Checks a config of a record by the rules that `tenants validate` goes by, settings included.
 * @throws NotPossible with all that is wrong
 */
export function requireValid(config: unknown, record: TenantRecord, rules: ConfigRules): TenantFile {
  const parsed = parseTenantFile(config, rules)
  if (parsed.kind === 'valid') return parsed.file
  throw new NotPossible(`${recordName(record)} is not valid: ${issueTexts(parsed.issues).join('; ')}`)
}

/**
 * A record's config, as {@link configOf}.
 * @throws NotPossible if it has not the form of one
 */
export function requireConfig(record: TenantRecord): TenantFile {
  const config = configOf(record)
  if (config) return config
  throw new NotPossible(`${recordName(record)} does not hold a tenant config: apply the tenant's file`)
}

function recordName(record: TenantRecord): string {
  const name = record.record === 'config' ? 'the record' : `version ${record.version}`
  return `${name} of ${tenantIdOf(record)} (${record.userPoolId})`
}

/**
 * A record's config, if it has the form of one. The rules that depend on settings are not asked: an operator need not
 * know the service's settings to pause a tenant.
 */
export function configOf({ config }: TenantRecord): TenantFile | undefined {
  return Check(TenantFile, config) ? config : undefined
}

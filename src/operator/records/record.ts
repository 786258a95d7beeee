import { Check } from 'typebox/value'
import type { ConfigRules } from '../../env.js'
import { isFields, textAt } from '../../fields.js'
import { TenantFile } from '../../tenant/config.js'
import { parseTenantFile } from '../../tenant/config-rules.js'
import { inLine } from '../../terminal/clean.js'
import { NotPossible } from '../../terminal/failure.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { issueTexts } from '../config-rules.js'

/** What to call a record whose config may be anything. */
export function tenantIdOf(record: TenantRecord): string {
  return textOf(record, 'tenantId') || record.userPoolId
}

/** A text of a record's config, as part of a line; empty if the config has none of that name. */
export function textOf({ config }: TenantRecord, field: 'tenantId' | 'customer' | 'status' | 'alias'): string {
  return inLine(textAt(config, field) ?? '')
}

/** Which version a record is, who wrote it and when, as far as it says. */
export function writtenText({ version, updatedBy, updatedAt }: Omit<TenantRecord, 'config' | 'record' | 'userPoolId'>) {
  const number = version === 0 ? 'without a number' : version
  return `version ${number} by ${inLine(updatedBy) || 'nobody named'} of ${inLine(updatedAt) || 'no known time'}`
}

/** A sentence on each record that this program cannot have written, or that a later one did. None of them hides the others. */
export function oddRecordTexts(records: readonly TenantRecord[]): string[] {
  return records.flatMap((record) => {
    const { version, updatedAt, updatedBy, config } = record
    const removed = record.record.endsWith('-removed')
    const missing = [
      ...(version === 0 ? ['a version number'] : []),
      ...(updatedBy === '' ? ['an author'] : []),
      ...(updatedAt === '' ? ['a time'] : []),
      ...(removed || isFields(config) ? [] : ['a config']),
    ]
    if (missing.length === 0) return []
    const what = `the record ${inLine(record.record)} of ${tenantIdOf(record)} (${record.userPoolId})`
    return [`${what} is without ${missing.join(', ')}: no command of this program wrote it so`]
  })
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

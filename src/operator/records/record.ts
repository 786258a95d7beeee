import { Check } from 'typebox/value'
import { textAt } from '../../fields.js'
import { TenantFile } from '../../tenant/config.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** What to call a record whose config may be anything. */
export function tenantIdOf(record: TenantRecord): string {
  return textOf(record, 'tenantId') || record.userPoolId
}

/** A text of a record's config; empty where the config has none of that name. */
export function textOf({ config }: TenantRecord, field: 'tenantId' | 'customer' | 'status' | 'alias'): string {
  return textAt(config, field) ?? ''
}

/**
 * A record's config, where it has the form of one. The rules that depend on settings are not asked: nobody should have to
 * know the service's settings to pause a tenant.
 */
export function configOf({ config }: TenantRecord): TenantFile | undefined {
  return Check(TenantFile, config) ? config : undefined
}

import type { TenantRecord } from '../../upstreams/operator.js'
import { poolArnIn } from '../pool/arn.js'
import { configOf, tenantIdOf, textOf } from '../records/record.js'

/** A tenant of the table whose pool, or a replica of it, is in this region. */
export interface AliasTenant {
  readonly tenantId: string
  readonly userPoolId: string
  readonly status: string
  readonly alias: string
  /** The ARN under which its pool calls here. */
  readonly poolArn: string
}

/** A tenant whose config cannot be read here: it may be wrong, or written by another version of this program. */
export interface UnreadableTenant {
  readonly tenantId: string
  readonly userPoolId: string
  /** As the record has it; empty where it has none. */
  readonly alias: string
}

/** The records that are no config, whatever their region: they are somebody's all the same. */
export function unreadableTenantsOf(records: readonly TenantRecord[]): UnreadableTenant[] {
  return records
    .filter((record) => !configOf(record))
    .map((record) => {
      return { tenantId: tenantIdOf(record), userPoolId: record.userPoolId, alias: textOf(record, 'alias') }
    })
}

/** The tenants among the records that call the gateway in this region, as far as their configs can be read. */
export function aliasTenantsOf(records: readonly TenantRecord[], region: string): AliasTenant[] {
  return records.flatMap((record) => {
    const tenant = configOf(record)
    const poolArn = tenant && poolArnIn(region, tenant)
    if (!tenant || poolArn === undefined) return []
    const { tenantId, userPoolId, status, alias } = tenant
    return [{ tenantId, userPoolId, status, alias, poolArn }]
  })
}

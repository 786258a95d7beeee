import { createCall } from '../call.js'
import type { OperatorUpstreams, TenantRecord } from '../upstreams/operator.js'
import { poolArnIn } from './alias-pool.js'
import { configOf } from './tenant-record.js'
import { AWS_CALL_MS } from './write-record.js'

/** A tenant of the table whose pool, or a replica of it, is in this region. */
export interface AliasTenant {
  readonly tenantId: string
  readonly userPoolId: string
  readonly status: string
  readonly alias: string
  /** The ARN under which its pool calls here. */
  readonly poolArn: string
}

/** All records of the table. */
export function fetchRecords({ table }: OperatorUpstreams): Promise<TenantRecord[]> {
  return table.listConfigs(createCall(AWS_CALL_MS))
}

/** The tenants among the records that call the gateway in this region. A record that is no config is nobody's. */
export function aliasTenantsOf(records: readonly TenantRecord[], region: string): AliasTenant[] {
  return records.flatMap((record) => {
    const tenant = configOf(record)
    const poolArn = tenant && poolArnIn(region, tenant)
    if (!tenant || poolArn === undefined) return []
    const { tenantId, userPoolId, status, alias } = tenant
    return [{ tenantId, userPoolId, status, alias, poolArn }]
  })
}

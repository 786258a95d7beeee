import { accountClashes, type ConfigSource } from '../../operator/files/account-clashes.js'
import type { TenantEntry } from '../../operator/files/folder.js'
import { type FileIssue, placeOf } from '../../operator/files/read.js'
import { tenantIdOf } from '../../operator/records/record.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** What files may not say because of pools of the table that no file names. */
export function tableClashes(entries: readonly TenantEntry[], withoutFile: readonly TenantRecord[]): FileIssue[] {
  const files = entries.map(({ tenant, issueAt }): ConfigSource => {
    return { value: tenant, where: (path) => placeOf(issueAt(path, '')), issueAt }
  })
  return [...takenIds(entries, withoutFile), ...accountClashes([...withoutFile.map(recordSource), ...files])]
}

/** A record among the configs that are compared. */
export function recordSource(record: TenantRecord): ConfigSource {
  const where = `the table (${tenantIdOf(record)}, user pool ${record.userPoolId})`
  return { value: record.config, where: () => where, issueAt: undefined }
}

/** A tenant id that a pool without a file holds already: two pools would share one name in logs and commands. */
function takenIds(entries: readonly TenantEntry[], withoutFile: readonly TenantRecord[]): FileIssue[] {
  const holders = new Map(withoutFile.map((record) => [tenantIdOf(record), record.userPoolId]))
  return entries.flatMap(({ tenant, issueAt }) => {
    const holder = holders.get(tenant.tenantId)
    return holder ? [issueAt('/tenantId', `is already used in the table, by user pool ${holder}`)] : []
  })
}

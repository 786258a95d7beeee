import { isDeepStrictEqual } from 'node:util'
import type { TenantFile } from '../tenant/config.js'
import type { TenantRecord } from '../upstreams/operator.js'
import { changesOf, type FieldChange } from './config-changes.js'
import type { TenantEntry } from './tenant-files.js'
import { tenantIdOf } from './tenant-record.js'

/** One record that is to be written. */
export interface PlannedWrite {
  readonly tenant: TenantFile
  /** The record it replaces; undefined for a new tenant. */
  readonly old: TenantRecord | undefined
  readonly changes: readonly FieldChange[]
}

/** What `tenants apply` would do, and what it leaves to `tenants remove`. */
export interface Plan {
  readonly writes: readonly PlannedWrite[]
  /** How many files say what the table says. */
  readonly untouched: number
  /** Records of pools that no file names. */
  readonly withoutFile: readonly TenantRecord[]
}

/** Compares valid files with the table's current records. */
export function planTenants(entries: readonly TenantEntry[], records: readonly TenantRecord[]): Plan {
  const current = new Map(records.map((record) => [record.userPoolId, record]))
  const writes = entries.flatMap(({ tenant }): PlannedWrite[] => {
    const old = current.get(tenant.userPoolId)
    if (!old) return [{ tenant, old, changes: [] }]
    return isDeepStrictEqual(old.config, tenant) ? [] : [{ tenant, old, changes: changesOf(old.config, tenant) }]
  })
  const named = new Set(entries.map(({ tenant }) => tenant.userPoolId))
  const withoutFile = records.filter(({ userPoolId }) => !named.has(userPoolId))
  return { writes, untouched: entries.length - writes.length, withoutFile: withoutFile.sort(byName) }
}

function byName(a: TenantRecord, b: TenantRecord): number {
  return tenantIdOf(a) < tenantIdOf(b) ? -1 : 1
}

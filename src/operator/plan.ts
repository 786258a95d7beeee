import { isDeepStrictEqual } from 'node:util'
import type { TenantFile } from '../tenant/config.js'
import type { TenantRecord } from '../upstreams/index.js'
import type { TenantEntry } from './tenant-files.js'

/** One field that differs; `from` or `to` is absent where the field is. */
export interface FieldChange {
  /** Names joined by dots; empty where the whole config is meant. */
  readonly field: string
  readonly from?: unknown
  readonly to?: unknown
}

/** One record that is to be written. */
export interface PlannedWrite {
  readonly tenant: TenantFile
  /** The record it replaces; undefined for a new tenant. */
  readonly old: TenantRecord | undefined
  readonly changes: readonly FieldChange[]
}

/** What `tenants apply` would do. */
export interface Plan {
  readonly writes: readonly PlannedWrite[]
  /** How many files say what the table says. */
  readonly untouched: number
  /** Records of pools that no file names. */
  readonly kept: readonly TenantRecord[]
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
  const kept = records.filter(({ userPoolId }) => !named.has(userPoolId))
  return { writes, untouched: entries.length - writes.length, kept: kept.sort(byName) }
}

/** What to call a record whose config may be anything. */
export function tenantIdOf({ config, userPoolId }: TenantRecord): string {
  const known = typeof config === 'object' && config !== null && 'tenantId' in config ? config.tenantId : undefined
  return typeof known === 'string' ? known : userPoolId
}

function byName(a: TenantRecord, b: TenantRecord): number {
  return tenantIdOf(a) < tenantIdOf(b) ? -1 : 1
}

function changesOf(from: unknown, to: unknown): FieldChange[] {
  const [before, after] = [leaves(from), leaves(to)]
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => !isDeepStrictEqual(before.get(field), after.get(field)))
    .map((field) => ({
      field,
      ...(before.has(field) && { from: before.get(field) }),
      ...(after.has(field) && { to: after.get(field) }),
    }))
}

/** Every value that is not an object with fields, by its name; a list is one value. */
function leaves(value: unknown, field = ''): Map<string, unknown> {
  const nested = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
  if (nested.length === 0) return new Map([[field, value]])
  return new Map(nested.flatMap(([key, inner]) => [...leaves(inner, field === '' ? key : `${field}.${key}`)]))
}

import { isDeepStrictEqual } from 'node:util'
import { Check } from 'typebox/value'
import type { TenantEntry } from '../../operator/files/read.js'
import { changesOf, type FieldChange } from '../../operator/records/changes.js'
import { tenantIdOf, textOf } from '../../operator/records/record.js'
import { type Writer, writeRecord } from '../../operator/records/write.js'
import { TenantFile } from '../../tenant/config.js'
import { eachBounded } from '../../terminal/bounded.js'
import type { TenantRecord } from '../../upstreams/operator.js'

/** One record that is to be written. */
export interface PlannedWrite {
  readonly tenant: TenantFile
  /** The record it replaces; undefined for a new tenant. */
  readonly old: TenantRecord | undefined
  readonly changes: readonly FieldChange[]
}

/** A file whose status is not taken over. */
export interface KeptStatus {
  /** With the status that the table has, or gets. */
  readonly tenant: TenantFile
  readonly fileStatus: TenantFile['status']
  readonly isNew: boolean
}

/** What `tenants apply` would do, and what it leaves to `tenants remove`. */
export interface Plan {
  readonly writes: readonly PlannedWrite[]
  /** How many files say what the table says, the status aside. */
  readonly untouched: number
  readonly keptStatus: readonly KeptStatus[]
  /** Records of pools that no file names. */
  readonly withoutFile: readonly TenantRecord[]
}

interface PlanOptions {
  /** The files' status goes into the table as well. */
  readonly takeStatus: boolean
}

/**
 * Compares valid files with the table's current records. What is served is not a matter of files, unless that is asked for:
 * a file from yesterday would undo what was paused or suspended at night, and a draft would go live past the doctor.
 */
export function planTenants(
  entries: readonly TenantEntry[],
  records: readonly TenantRecord[],
  { takeStatus }: PlanOptions,
): Plan {
  const current = new Map(records.map((record) => [record.userPoolId, record]))
  const wanted = entries.map(({ tenant: file }) => {
    const old = current.get(file.userPoolId)
    return { old, fileStatus: file.status, tenant: takeStatus ? file : { ...file, status: statusOf(old) } }
  })
  const writes = wanted.flatMap(({ tenant, old }): PlannedWrite[] => {
    if (!old) return [{ tenant, old, changes: [] }]
    return isDeepStrictEqual(old.config, tenant) ? [] : [{ tenant, old, changes: changesOf(old.config, tenant) }]
  })
  const keptStatus = wanted
    .filter(({ tenant, fileStatus }) => tenant.status !== fileStatus)
    .map(({ tenant, fileStatus, old }): KeptStatus => ({ tenant, fileStatus, isNew: !old }))
  const named = new Set(entries.map(({ tenant }) => tenant.userPoolId))
  const withoutFile = records.filter(({ userPoolId }) => !named.has(userPoolId))
  return { writes, untouched: entries.length - writes.length, keptStatus, withoutFile: withoutFile.sort(byName) }
}

/** What a pool is served as; one that the table does not know, or whose record is torn, begins as a draft. */
function statusOf(old: TenantRecord | undefined): TenantFile['status'] {
  const status = old && textOf(old, 'status')
  return Check(TenantFile.properties.status, status) ? status : 'draft'
}

function byName(a: TenantRecord, b: TenantRecord): number {
  return tenantIdOf(a) < tenantIdOf(b) ? -1 : 1
}

/** A tenant whose record was no longer the one that the plan was made of. */
export interface Conflict {
  readonly tenantId: string
  /** The record as it is now; undefined if it is gone. */
  readonly now: TenantRecord | undefined
}

/** What came of a plan. After a conflict or a fault, no further write was begun. */
export interface Written {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly conflicts: readonly Conflict[]
  readonly fault?: unknown
}

interface WriteOptions extends Writer {
  /** Called after every record that was written. */
  onWritten(): void
}

/** Writes records, several at a time, each under the version that the plan was made of. */
export async function writePlan(writes: readonly PlannedWrite[], options: WriteOptions): Promise<Written> {
  const done = new Set<PlannedWrite>()
  const conflicts: Conflict[] = []
  const writeOne = async (write: PlannedWrite): Promise<boolean> => {
    const { tenant, old } = write
    const written = await writeRecord({ userPoolId: tenant.userPoolId, config: tenant, old }, options)
    if (written.kind === 'conflict') {
      conflicts.push({ tenantId: tenant.tenantId, now: written.now })
      return false
    }
    done.add(write)
    options.onWritten()
    return true
  }
  const outcome = await eachBounded(writes, writeOne).then(
    () => ({}),
    (fault: unknown) => ({ fault }),
  )
  const ids = (isNew: boolean) =>
    writes
      .filter((write) => done.has(write) && (write.old === undefined) === isNew)
      .map(({ tenant }) => tenant.tenantId)
  return { added: ids(true), changed: ids(false), conflicts, ...outcome }
}

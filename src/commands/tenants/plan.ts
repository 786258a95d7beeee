import { isDeepStrictEqual } from 'node:util'
import type { UserPoolId } from '../../ids.js'
import type { TenantEntry } from '../../operator/files/read.js'
import { changesOf, type FieldChange } from '../../operator/records/changes.js'
import { poolsWithPast } from '../../operator/records/find.js'
import { removalOf, type SetBack, setBacks } from '../../operator/records/past.js'
import { tenantIdOf } from '../../operator/records/record.js'
import {
  nextStatus,
  placeOfRecord,
  type Status,
  type StatusCommand,
  statusOf,
  waysTo,
} from '../../operator/records/status-machine.js'
import { type Writer, writeRecord } from '../../operator/records/write.js'
import { operatorCall } from '../../operator/upstreams.js'
import type { TenantFile } from '../../tenant/config.js'
import { eachBounded } from '../../terminal/bounded.js'
import type { Table, TenantRecord } from '../../upstreams/operator.js'

/** One record that is to be written. */
export interface PlannedWrite {
  readonly tenant: TenantFile
  /** The record it replaces; undefined for a new tenant. */
  readonly old: TenantRecord | undefined
  readonly changes: readonly FieldChange[]
  /** What of it takes back, or writes over, a later change of the table. */
  readonly setBacks: readonly SetBack[]
  /** Who took the pool out before, if it is one that was in the table. */
  readonly removed?: TenantRecord | undefined
}

/** A file whose status is not taken over. */
export interface KeptStatus {
  /** With the status that the table has, or gets. */
  readonly tenant: TenantFile
  readonly fileStatus: Status
  readonly isNew: boolean
  /** The commands that bring it to the file's status, one after the other; undefined if none do. */
  readonly ways: readonly StatusCommand[] | undefined
  /** Would `apply --status` bring it there? */
  readonly byStatus: boolean
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
  /** Which command it is for: `apply --status` takes over the files' status, as far as the status machine lets it. */
  readonly command: 'apply' | 'apply --status' | 'npm start'
  readonly selfHosted: boolean
  /** What suspended tenants were before that, by user pool id. */
  readonly before: ReadonlyMap<string, Status>
  /** Is the plan of one tenant alone? Then what has no file is not its matter. */
  readonly only: boolean
}

/**
 * Compares valid files with the table's current records. What is served is not a matter of files, unless that is asked for:
 * a file from yesterday would undo what was paused or suspended at night. A draft goes live past the doctor in no case.
 */
export function planTenants(
  entries: readonly TenantEntry[],
  records: readonly TenantRecord[],
  { command, selfHosted, before, only }: PlanOptions,
): Plan {
  const current = new Map(records.map((record) => [record.userPoolId, record]))
  const wanted = entries.map(({ tenant: file }) => {
    const old = current.get(file.userPoolId)
    const was = before.get(file.userPoolId)
    const question = { place: placeOfRecord(old, was), asked: file.status, selfHosted, ...(was && { before: was }) }
    const status = nextStatus({ command, ...question }) ?? (old ? statusOf(old) : 'draft')
    return { old, question, fileStatus: file.status, tenant: { ...file, status } }
  })
  const writes = wanted.flatMap(({ tenant, old }): PlannedWrite[] => {
    if (!old) return [{ tenant, old, changes: [], setBacks: [] }]
    return isDeepStrictEqual(old.config, tenant)
      ? []
      : [{ tenant, old, changes: changesOf(old.config, tenant), setBacks: [] }]
  })
  const keptStatus = wanted
    .filter(({ tenant, fileStatus }) => tenant.status !== fileStatus)
    .map(({ tenant, fileStatus, old, question }): KeptStatus => {
      // Once this is applied.
      const place = question.place === 'none' ? 'draft' : question.place
      const byStatus = nextStatus({ ...question, command: 'apply --status' }) === fileStatus
      return { tenant, fileStatus, isNew: !old, ways: waysTo(fileStatus, place, question.before), byStatus }
    })
  const named = new Set(entries.map(({ tenant }) => tenant.userPoolId))
  const withoutFile = records.filter(({ userPoolId }) => !only && !named.has(userPoolId))
  return { writes, untouched: entries.length - writes.length, keptStatus, withoutFile: withoutFile.sort(byName) }
}

function byName(a: TenantRecord, b: TenantRecord): number {
  return tenantIdOf(a) < tenantIdOf(b) ? -1 : 1
}

/** The plan with what its changes take back, by the kept versions of each; `by` is who would write it. */
export async function withPast(plan: Plan, by: string, table: Table): Promise<Plan> {
  const known = await poolsWithPast(newPools(plan.writes), table)
  const found = new Map<PlannedWrite, Pick<PlannedWrite, 'setBacks' | 'removed'>>()
  await eachBounded(plan.writes, async (write) => {
    const { tenant, old } = write
    // A first version has no past.
    if (old ? old.version === 1 : !known.has(tenant.userPoolId)) return true
    const kept = await table.listVersions(tenant.userPoolId, operatorCall())
    found.set(write, old ? { setBacks: setBacks(tenant, old, kept, by) } : { setBacks: [], removed: removalOf(kept) })
    return true
  })
  return { ...plan, writes: plan.writes.map((write) => ({ ...write, ...found.get(write) })) }
}

function newPools(writes: readonly PlannedWrite[]): UserPoolId[] {
  return writes.filter(({ old }) => !old).map(({ tenant }) => tenant.userPoolId)
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
  // Read again: a plan may have been looked at for long.
  const known = await poolsWithPast(newPools(writes), options.table)
  const writeOne = async (write: PlannedWrite): Promise<boolean> => {
    const { tenant, old } = write
    const { userPoolId } = tenant
    const hasNoPast = !known.has(userPoolId)
    const written = await writeRecord({ userPoolId, config: tenant, old, hasNoPast }, options)
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

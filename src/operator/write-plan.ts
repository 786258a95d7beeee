import { isDeepStrictEqual } from 'node:util'
import { type Clock, createCall } from '../call.js'
import type { Table, TenantRecord } from '../upstreams/index.js'
import { eachBounded } from './bounded.js'
import { NotPossible } from './failure.js'
import type { PlannedWrite } from './plan.js'

/** Most that one request to AWS may take; nobody waits for a sign-in here. */
export const AWS_CALL_MS = 60_000

/** A tenant whose record was no longer the one that the plan was made of. */
export interface Conflict {
  readonly tenantId: string
  /** The record as it is now; undefined where it is gone. */
  readonly now: TenantRecord | undefined
}

/** What came of a plan. Where there are conflicts or a fault, writes that were not yet begun were left out. */
export interface Written {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly conflicts: readonly Conflict[]
  readonly fault?: unknown
}

export interface WriteOptions {
  readonly table: Table
  readonly clock: Clock
  readonly updatedBy: string
  /** Called after every record that was written. */
  onWritten(): void
}

/** Writes records, several at a time: first keeps the old one, then replaces it if the table still holds it. */
export async function writePlan(writes: readonly PlannedWrite[], options: WriteOptions): Promise<Written> {
  const done = new Set<PlannedWrite>()
  const conflicts: Conflict[] = []
  const writeOne = async (write: PlannedWrite): Promise<boolean> => {
    const conflict = await replace(write, options)
    if (conflict) {
      conflicts.push(conflict)
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

async function replace(
  { tenant, old }: PlannedWrite,
  { table, clock, updatedBy }: WriteOptions,
): Promise<Conflict | undefined> {
  const record: TenantRecord = {
    userPoolId: tenant.userPoolId,
    record: 'config',
    version: (old?.version ?? 0) + 1,
    updatedAt: new Date(clock.now()).toISOString(),
    updatedBy,
    config: tenant,
  }
  if (old && !(await table.keepVersion(old, createCall(AWS_CALL_MS)))) {
    throw new NotPossible(
      `${tenant.tenantId}: the table keeps another v${old.version} of ${tenant.userPoolId}, from before the pool was ` +
        'taken out. Move or delete that record, then apply again.',
    )
  }
  if (await table.putConfig(record, old?.version, createCall(AWS_CALL_MS))) return undefined
  // The SDK sends a request again whose answer was lost; the condition then fails on our own record.
  const now = await table.fetchConfig(tenant.userPoolId, createCall(AWS_CALL_MS))
  return isDeepStrictEqual(now, record) ? undefined : { tenantId: tenant.tenantId, now }
}

import { type Writer, writeRecord } from '../../operator/records/write.js'
import { eachBounded } from '../../terminal/bounded.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import type { PlannedWrite } from './plan.js'

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

export interface WriteOptions extends Writer {
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

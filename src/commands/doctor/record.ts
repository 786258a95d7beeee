import type { Examined } from '../../operator/doctor/examine.js'
import { compare, type DoctorChanges, lastTimes, remember } from './changes.js'
import { readDoctorState, writeDoctorState } from './state.js'

/** What one run of the doctor examined. */
export interface DoctorRun {
  readonly all: readonly Examined[]
  /** Were these all active tenants of the table? */
  readonly whole: boolean
  /** Region and name of the table: one file serves however many regions somebody looks after. */
  readonly table: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
}

/**
 * Keeps what a run found in place of what the last one found of the same tenants, and answers what is otherwise, and when
 * they were last examined. Reads the file now: somebody else may have written it during the run.
 * @throws NotPossible where the file cannot be read or written, or is of something else
 */
export async function recordRun(
  file: string,
  { all, whole, table, nowMs }: DoctorRun,
): Promise<{ readonly changes: DoctorChanges; readonly times: readonly string[] }> {
  const state = await readDoctorState(file)
  const known = state.tables[table] ?? {}
  const changes = compare(known, all, whole)
  const now = remember(known, all, changes.gone, new Date(nowMs).toISOString())
  await writeDoctorState(file, { ...state, tables: { ...state.tables, [table]: now } })
  return { changes, times: lastTimes(known, all) }
}

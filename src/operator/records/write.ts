import { userInfo } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../call.js'
import type { UserPoolId } from '../../ids.js'
import { NotPossible } from '../../terminal/failure.js'
import type { Table, TenantRecord } from '../../upstreams/operator.js'
import { operatorCall } from '../upstreams.js'
import { writtenText } from './record.js'

/** A config that is to become a pool's current one. */
interface RecordWrite {
  readonly userPoolId: UserPoolId
  readonly config: unknown
  /** The record it replaces; undefined if the table has none. */
  readonly old: TenantRecord | undefined
  /** The table was just read, and keeps no record of this pool. */
  readonly hasNoPast?: boolean
}

export interface Writer {
  readonly table: Table
  readonly clock: Clock
  readonly updatedBy: string
}

/** Written as `record`, or not at all because the table holds `now` (undefined: nothing) instead of what was read before. */
export type RecordWritten =
  | { readonly kind: 'written'; readonly record: TenantRecord }
  | { readonly kind: 'conflict'; readonly now: TenantRecord | undefined }

/**
 * Keeps the old record, then replaces it if the table still holds it. A pool that was taken out once goes on counting
 * after its kept versions.
 * @throws NotPossible if another record is kept under the old one's version, or the old one has none
 */
export async function writeRecord(
  { userPoolId, config, old, hasNoPast = false }: RecordWrite,
  { table, clock, updatedBy }: Writer,
): Promise<RecordWritten> {
  const call = operatorCall()
  const newest = old ?? (hasNoPast ? undefined : (await table.listVersions(userPoolId, call)).at(-1))
  const record: TenantRecord = {
    userPoolId,
    record: 'config',
    version: (newest?.version ?? 0) + 1,
    updatedAt: new Date(clock.now()).toISOString(),
    updatedBy,
    config,
  }
  if (old) await keepRecord(old, table)
  if (await table.putConfig(record, old?.version, call)) return { kind: 'written', record }
  // A request whose answer was lost is sent again; the condition then fails on our own record.
  const now = await table.fetchConfigNow(userPoolId, call)
  return isDeepStrictEqual(now, record) ? { kind: 'written', record } : { kind: 'conflict', now }
}

/**
 * Keeps a record as `v<version>`.
 * @throws NotPossible if another one is kept under that name, or it has no version: no command of ours brings either about
 */
export async function keepRecord(record: TenantRecord, table: Table): Promise<void> {
  if (record.version === 0) {
    throw new NotPossible(
      `the record of ${record.userPoolId} has no version number, so no command of this program wrote it, and none ` +
        'replaces it. Give it one, or delete it, in the table itself.',
    )
  }
  if (await table.keepVersion(record, operatorCall())) return
  throw new NotPossible(
    `the table keeps another v${record.version} of ${record.userPoolId} than the one that is to be kept. ` +
      'Move or delete that record, then try again.',
  )
}

/** What stopped a write, for a person. */
export function conflictText(tenantId: string, now: TenantRecord | undefined): string {
  const who = now ? `it is ${writtenText(now)}` : 'its record is gone'
  return `${tenantId} was changed in the table meanwhile: ${who}; it was not written`
}

/** Who runs the command, for records. An account without a name, as in some containers, makes userInfo throw. */
export function userName(): string {
  try {
    return userInfo().username || 'unknown'
  } catch {
    return 'unknown'
  }
}

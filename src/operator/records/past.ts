import type { TenantRecord } from '../../upstreams/operator.js'
import { changesOf } from './changes.js'

/** A change that takes back what the table went through after the file was as it is. */
export interface SetBack {
  /** The version that changed the fields. */
  readonly changedIn: Pick<TenantRecord, 'version' | 'updatedAt' | 'updatedBy'>
  /** The newest version that says of them what the file says. */
  readonly said: number
  readonly fields: readonly string[]
}

/**
 * Finds what a file would take back: fields of which an older version said what the file says, and a later one something
 * else. The file is then older than the table, whatever the clock of its checkout says.
 * @param old the current record
 * @param kept the versions of its pool, the oldest first
 */
export function setBacks(config: unknown, old: TenantRecord, kept: readonly TenantRecord[]): readonly SetBack[] {
  const past = kept.filter(({ record, version }) => version < old.version && !record.endsWith('-removed'))
  const versions = [...past, old].map((record) => ({
    record,
    differs: new Set(changesOf(record.config, config).map(({ field }) => field)),
  }))
  const found = new Map<number, SetBack>()
  for (const field of versions.at(-1)?.differs ?? []) {
    const index = field === 'status' ? -1 : versions.findLastIndex(({ differs }) => !differs.has(field))
    const [said, changed] = [versions[index]?.record, versions[index + 1]?.record]
    if (index < 0 || !said || !changed) continue
    const { version, updatedAt, updatedBy } = changed
    const fields = [...(found.get(version)?.fields ?? []), field]
    found.set(version, { changedIn: { version, updatedAt, updatedBy }, said: said.version, fields })
  }
  return [...found.values()]
}

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000]

/** How long ago something was written: `3 days ago`. */
export function agoText(updatedAt: string, nowMs: number): string {
  const ms = Math.max(0, nowMs - Date.parse(updatedAt))
  if (Number.isNaN(ms)) return updatedAt
  const [count, unit] =
    ms >= 2 * DAY_MS ? [ms / DAY_MS, 'day'] : ms >= 2 * HOUR_MS ? [ms / HOUR_MS, 'hour'] : [ms / MINUTE_MS, 'minute']
  const whole = Math.floor(count)
  return `${whole} ${unit}${whole === 1 ? '' : 's'} ago`
}

import { inLine } from '../../terminal/clean.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { changesOf } from './changes.js'

/** Fields of a file that undo, or write over, what the table went through after the file was as it is. */
export interface SetBack {
  /** The version that changed the fields last. */
  readonly changedIn: Pick<TenantRecord, 'version' | 'updatedAt' | 'updatedBy'>
  /** The newest version that says of them what the file says; undefined if none does: then both were changed. */
  readonly said?: number
  readonly fields: readonly string[]
}

/**
 * Finds what a file would take back, or write over. A field of which an older version said what the file says shows that the
 * file is older than the change after it, whatever the clock of its checkout says; all that was changed after that version
 * is then unknown to the file, also where the file says something new. So is what somebody else changed last.
 * @param old the current record
 * @param kept the versions of its pool, the oldest first
 * @param by who would write it: what they changed themselves, their file knows
 */
export function setBacks(
  config: unknown,
  old: TenantRecord,
  kept: readonly TenantRecord[],
  by: string,
): readonly SetBack[] {
  const past = kept.filter(({ record, version }) => version < old.version && !record.endsWith('-removed'))
  const versions = [...past, old]
  const lastDiffers = changesOf(old.config, config).map(({ field }) => field)
  const differs = versions.map((one) => new Set(changesOf(one.config, config).map(({ field }) => field)))
  const traces = lastDiffers.map((field) => ({
    field,
    said: differs.findLastIndex((fields) => !fields.has(field)),
    changed: lastChangeOf(field, versions),
  }))
  // The file knows no version after this one.
  const knows = Math.min(...traces.flatMap(({ said }) => (said < 0 ? [] : [said])))
  const found = new Map<string, SetBack>()
  for (const { field, said, changed } of traces) {
    // What the field has said since the first version, the file was made with.
    const back = said < 0 ? versions[changed] : versions[said + 1]
    if (!back || (said < 0 && (changed === 0 || (changed <= knows && back.updatedBy === by)))) continue
    const { version, updatedAt, updatedBy } = back
    const saidIn = versions[said]?.version
    const key = `${version} ${saidIn}`
    const fields = [...(found.get(key)?.fields ?? []), field]
    found.set(key, {
      changedIn: { version, updatedAt, updatedBy },
      ...(saidIn !== undefined && { said: saidIn }),
      fields,
    })
  }
  return [...found.values()]
}

/** The index of the version since which a field is as it is now. */
function lastChangeOf(field: string, versions: readonly TenantRecord[]): number {
  const now = versions.at(-1)
  const other = versions.findLastIndex(({ config }) =>
    changesOf(config, now?.config).some((one) => one.field === field),
  )
  return other + 1
}

/** Who took a pool out of the table, if that was the last that happened to it: a file that is still there would bring it back. */
export function removalOf(kept: readonly TenantRecord[]): TenantRecord | undefined {
  const last = kept.at(-1)
  return last?.record.endsWith('-removed') ? last : undefined
}

/** Which version the table has, who wrote it and how long ago: what a plan says of what it replaces. */
export function inTableText(record: Omit<TenantRecord, 'config' | 'record' | 'userPoolId'>, nowMs: number): string {
  const { version, updatedBy, updatedAt } = record
  const number = version === 0 ? 'a record without a number' : `version ${version}`
  const ago = updatedAt === '' ? 'at no known time' : agoText(inLine(updatedAt), nowMs)
  return `${number} by ${inLine(updatedBy) || 'nobody named'}, ${ago}`
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

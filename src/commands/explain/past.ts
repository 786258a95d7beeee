import { AFTER_MS, type Change, type Diagnosis } from '../../operator/causes/diagnose.js'
import { timeOfMinute } from '../../operator/causes/fold.js'
import { changesOf } from '../../operator/records/changes.js'
import { authorOf, type TenantSecret } from '../../operator/records/secret.js'
import { inLine } from '../../terminal/clean.js'
import type { Recorded } from './probe.js'

/** How long before the onset a change is still worth a look. */
const BEFORE_MS = 60 * 60_000
/** More changes in an hour tell nothing at night. */
const CHANGES_MAX = 5

/** Adds to a diagnosis who changed the tenant's config or a secret shortly before the onset, and when, as the table has it. */
export function withPast(
  diagnosis: Diagnosis,
  { record, versions }: Recorded,
  histories: readonly TenantSecret[],
): Diagnosis {
  const began = timeOfMinute(diagnosis.finding.from)
  const isNear = ({ at }: Change) => at >= began - BEFORE_MS && at <= began + AFTER_MS
  // A write that was stopped half-way has kept the current record already.
  const records = [...versions.filter(({ version }) => record.version === 0 || version < record.version), record]
  const configs = records.map((one, index): Change => {
    const before = records[index - 1]
    const fields = before && changesOf(before.config, one.config).map(({ field }) => inLine(field))
    const removed = one.record.endsWith('-removed')
    return {
      what: 'config',
      version: removed ? `${one.version}, removed` : String(one.version),
      at: Date.parse(one.updatedAt),
      by: inLine(one.updatedBy),
      ...(fields && !removed && { fields }),
    }
  })
  const secrets = histories.flatMap(({ what, versions }) =>
    versions.map((one): Change => {
      const [version, at] = [String(one.version), Date.parse(one.updatedAt)]
      return { what, version, at, by: inLine(authorOf(one)) }
    }),
  )
  const known = [...configs, ...secrets]
  // Lines say when a version was first seen; the table says more.
  const seen = diagnosis.changes.map(
    (change) => known.find(({ what, version }) => what === change.what && version === change.version) ?? change,
  )
  const others = known.filter((change) => isNear(change) && !seen.includes(change))
  const changes = [...seen, ...others].sort((a, b) => a.at - b.at).slice(-CHANGES_MAX)
  return { ...diagnosis, changes }
}

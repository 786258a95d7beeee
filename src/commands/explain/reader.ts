import { evidenceCounts, foldCounts } from '../../operator/causes/counts.js'
import { createEvidence, type Evidence } from '../../operator/causes/evidence.js'
import type { Finding } from '../../operator/causes/find.js'
import { createFold, type Fold, foldLine } from '../../operator/causes/fold.js'
import type { CloudWatchSource } from '../../operator/lines/cloudwatch.js'
import { createSelect, type Interval } from '../../operator/lines/select.js'
import type { LineCounts, LineSource } from '../../operator/lines/source.js'
import type { Opened } from '../../operator/log-source.js'

/** Where causes are looked for: lines that are read, or that CloudWatch counts. */
export interface Reader {
  readonly counts: LineCounts
  /** @param tenant the one that is asked about, by its id or its pool; all if there is none */
  fold(tenant: string | undefined): Promise<{ readonly fold: Fold; readonly pools: ReadonlyMap<string, string> }>
  /** What the lines of findings say beyond their number, in the order of the findings. */
  evidence(findings: readonly Finding[]): Promise<readonly Evidence[]>
}

export function readerOf(opened: Opened, interval: Interval): Reader {
  return opened.kind === 'files' ? readLines(opened.source, interval) : askCloudWatch(opened.source, interval)
}

function readLines(source: LineSource, interval: Interval): Reader {
  const isAsked = createSelect({}, interval)
  return {
    counts: source.counts,
    async fold() {
      const fold = createFold()
      const pools = new Map<string, string>()
      await source.each((line) => {
        if (!isAsked(line)) return
        foldLine(fold, line)
        const { userPoolId, tenantId } = line.fields
        if (typeof userPoolId === 'string' && typeof tenantId === 'string') pools.set(userPoolId, tenantId)
      })
      return { fold, pools }
    },
    /** Looks a second time at the lines of what was found: which users, clients and releases they are of. */
    async evidence(findings) {
      const evidence = findings.map(createEvidence)
      const everywhere = findings.some((finding) => finding.everywhere)
      const names = [...new Set(findings.flatMap(({ tenants }) => tenants))]
      await source.each(
        (line, text) => {
          if (isAsked(line)) for (const { look } of evidence) look(line, text)
        },
        everywhere ? undefined : (text) => names.some((name) => text.includes(name)),
      )
      return evidence.map(({ end }) => end())
    },
  }
}

function askCloudWatch({ ask, counts, tell }: CloudWatchSource, interval: Interval): Reader {
  return {
    counts,
    async fold(tenant) {
      const { notes, ...counted } = await foldCounts(ask, interval, tenant)
      for (const note of notes) tell(note)
      return counted
    },
    async evidence(findings) {
      const { notes, evidence } = await evidenceCounts(ask, findings)
      for (const note of notes) tell(note)
      return evidence
    },
  }
}

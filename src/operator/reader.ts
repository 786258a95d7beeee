import { evidenceCounts, foldCounts } from './causes/counts.js'
import type { Evidence } from './causes/evidence.js'
import { type Examined, foldSource, lookAgain } from './causes/examine.js'
import type { Finding } from './causes/find.js'
import type { CloudWatchSource } from './lines/cloudwatch.js'
import { createSelect, type Interval } from './lines/select.js'
import type { LineCounts, LineSource } from './lines/source.js'
import type { Opened } from './log-source.js'

/** Where causes are looked for: lines that are read, or that CloudWatch counts. */
export interface Reader {
  readonly interval: Interval
  readonly counts: LineCounts
  /** @param tenant the one that is asked about, by its id or its pool; all if there is none */
  fold(tenant: string | undefined): Promise<Examined>
  /** What the lines of findings say beyond their number, in the order of the findings. */
  evidence(findings: readonly Finding[]): Promise<readonly Evidence[]>
}

export function readerOf(opened: Opened, interval: Interval): Reader {
  return opened.kind === 'files' ? readLines(opened.source, interval) : askCloudWatch(opened.source, interval)
}

function readLines(source: LineSource, interval: Interval): Reader {
  const isAsked = createSelect({}, interval)
  let pools: ReadonlyMap<string, string> = new Map()
  return {
    interval,
    counts: source.counts,
    async fold() {
      const examined = await foldSource(source, interval)
      pools = examined.names
      return examined
    },
    evidence: (findings) => lookAgain(source, findings, isAsked, pools),
  }
}

function askCloudWatch({ ask, counts, tell }: CloudWatchSource, interval: Interval): Reader {
  let pools: ReadonlyMap<string, string> = new Map()
  return {
    interval,
    counts,
    async fold(tenant) {
      const { notes, fold, pools: names } = await foldCounts(ask, interval, tenant)
      for (const note of notes) tell(note)
      pools = names
      return { fold, names }
    },
    async evidence(findings) {
      const { notes, evidence } = await evidenceCounts(ask, findings, pools)
      for (const note of notes) tell(note)
      return evidence
    },
  }
}

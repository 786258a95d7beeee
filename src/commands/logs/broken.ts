import type { LambdaLine } from '../../operator/lines/line.js'
import type { Interval } from '../../operator/lines/select.js'
import { whereOf } from '../../operator/lines/where.js'
import type { Opened } from '../../operator/log-source.js'

/** What Lambda itself wrote of one invocation. */
export interface Broken {
  see(line: LambdaLine): void
  /** As a note that leads on; nothing if Lambda wrote nothing of it. */
  note(tenant: string | undefined): string | undefined
}

/** Follows Lambda's lines of the invocation that `--ref` names: one that broke has no line of the gateway. */
export function createBroken(ref: string | undefined): Broken {
  let seen = false
  let reported = false
  let failed: string | undefined
  let ms: number | undefined
  return {
    see(line) {
      if (line.requestId !== ref) return
      seen = true
      reported ||= line.what === 'report'
      failed ??= line.failed
      ms ??= line.durationMs
    },
    note(tenant = '<tenant>') {
      if (!seen) return
      const after = ms === undefined ? '' : ` after ${ms} ms`
      const well = reported ? 'reports that it ended well' : 'began it, and says nothing of its end'
      const how = failed === undefined ? well : `ended it with ${failed}${after}`
      return `this invocation has no line of the gateway; Lambda ${how}. See: corbado-gateway explain ${tenant} --ref ${ref}`
    },
  }
}

/** Asks CloudWatch for what Lambda wrote of an invocation: a search for the gateway's lines does not give it. */
export async function askLambda(
  { source }: Opened,
  ref: string,
  interval: Interval,
  see: (line: LambdaLine) => void,
): Promise<void> {
  const asked = { where: whereOf({ ref }), interval, few: true, nameless: { ref } }
  await source.each(() => true, undefined, asked, see)
}

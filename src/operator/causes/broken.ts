/** Invocations that ended without a line of the gateway: what Lambda says of them, and what that means. */
import type { LambdaLine } from '../lines/line.js'
import { type Fold, foldBroken, minuteOf } from './fold.js'

/** Ids that are counted already: of a timeout Lambda writes twice. */
const IDS_MAX = 50_000
/** Lambda's own errors. What a handler throws by itself has a name of ours, and a closing line. */
const OF_LAMBDA = /^(timeout$|Runtime\.|Sandbox\.|Extension\.|Init)/

/** Counts the invocations that Lambda's lines say have broken. */
export function createBrokenFold(fold: Fold) {
  const seen = new Set<string>()
  return {
    /** @param lastAt the time of the line before, of a file whose lines of Lambda have none */
    take({ at, failed, requestId }: LambdaLine, lastAt?: number): void {
      const time = at ?? lastAt
      if (failed === undefined || time === undefined || !OF_LAMBDA.test(failed) || seen.has(requestId)) return
      if (seen.size < IDS_MAX) seen.add(requestId)
      foldBroken(fold, failed, minuteOf(time))
    },
  }
}

interface How {
  /** What became of it, as part of a sentence. */
  readonly text: string
  /** What to do. */
  readonly fix: string
}

const BACK = 'if it began with a release, go back: infra/RELEASE.md#roll-back'
const MEMORY = `raise function.memoryMb in the config of infra/, and deploy it; ${BACK}`
const HOW: Readonly<Record<string, How>> = {
  timeout: {
    text: 'Lambda ended it at its time limit',
    fix: `see which dependency is slow, by the upstream of the lines before it; ${BACK}`,
  },
  'Runtime.OutOfMemory': { text: 'it ran out of memory', fix: MEMORY },
  'Runtime.ExitError': { text: 'its process ended: a crash, or too little memory', fix: MEMORY },
}
const NO_START = /^(Runtime\.(ImportModuleError|HandlerNotFound|UserCodeSyntaxError|MalformedHandlerName)|Init)/

/** How an invocation ended by Lambda's word for it, and what to do. */
export function howOf(failed: string): How {
  const known = HOW[failed]
  if (known !== undefined) return known
  return {
    text: NO_START.test(failed) ? `the function did not start (${failed})` : `it ended with ${failed}`,
    fix: 'go back to the release before: infra/RELEASE.md#roll-back',
  }
}

/** One look of the function that watches: counts from CloudWatch, the state of the table, and a message for each notice. */
import type { Clock } from '../../call.js'
import type { Message } from '../../upstreams/watch/index.js'
import { diagnose } from '../causes/diagnose.js'
import { findAll } from '../causes/faults.js'
import type { Finding } from '../causes/find.js'
import { type Ask, evidenceOf, foldLatest, type Latest } from '../causes/latest.js'
import { messageOf } from './notice.js'
import { advance, causeKey, type Notice, type WatchState } from './state.js'
import { readTableState, type StateTable, writeTableState } from './table.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Lines of the last minute may still be on their way. */
export const LATE_MS = MINUTE_MS
/** Messages of one look; of more causes at once, the last one says how many. */
export const MESSAGES_MAX = 20

export interface LookOptions {
  readonly ask: Ask
  readonly table: StateTable
  /** Tells who is on call. */
  readonly publish: (message: Message) => Promise<void>
  readonly clock: Clock
  /** How many hours are compared. */
  readonly hours: number
}

/** What one look came to. */
export interface Looked {
  readonly lines: number
  readonly rows: number
  /** There were more kinds of lines than a query tells: only what is there was judged, not what is missing. */
  readonly cut: boolean
  readonly notices: number
  /** Causes that go on. */
  readonly causes: number
}

/**
 * Looks once. Without a line nothing is told, and the state stays as it was: that all are silent for so long is an alarm of its own.
 * @throws NotPossible if the table holds another hand's state, or another look wrote meanwhile; the fault of a dependency
 */
export async function lookOnce({ ask, table, publish, clock, hours }: LookOptions): Promise<Looked> {
  const at = clock.now()
  const from = Math.floor((at - hours * HOUR_MS) / MINUTE_MS) * MINUTE_MS
  const before = await readTableState(table, at)
  const latest = await foldLatest(ask, { from, to: at })
  const { fold, rows, pools, cut } = latest
  const known = { lines: fold.lines, rows: rows.length, cut }
  if (fold.lines === 0) return { ...known, notices: 0, causes: goingOn(before.state) }
  const found = findAll(fold, { until: at - LATE_MS, open: true })
  const { state, notices } = cut ? advanceByLines(before.state, found, at) : advance(before.state, found, at)
  // Told before it is kept: what could not be told is told by the next look.
  for (const message of messagesOf(latest, notices, at)) await publish(message)
  await writeTableState(table, before, state, new Map([...pools].map(([pool, tenant]) => [tenant, pool])), at)
  return { ...known, notices: notices.length, causes: goingOn(state) }
}

/** By what is there alone: what is missing may be among the rows that were left out, and neither begins nor ends by that. */
function advanceByLines(state: WatchState, found: readonly Finding[], at: number): ReturnType<typeof advance> {
  const isThere = (key: string) => /^(reason|slow|unfinished|stale)\b/.test(key)
  const causes = Object.entries(state.causes)
  const judged = { ...state, causes: Object.fromEntries(causes.filter(([key]) => isThere(key))) }
  const next = advance(
    judged,
    found.filter((finding) => isThere(causeKey(finding))),
    at,
  )
  const others = Object.fromEntries(causes.filter(([key]) => !isThere(key)))
  return { ...next, state: { ...next.state, causes: { ...next.state.causes, ...others } } }
}

const goingOn = ({ causes }: WatchState) =>
  Object.values(causes).filter(({ health }) => health !== 'recovered' && health !== 'new').length

function messagesOf(latest: Latest, notices: readonly Notice[], at: number): Message[] {
  const shown = notices.length > MESSAGES_MAX ? notices.slice(0, MESSAGES_MAX - 1) : notices
  const messages = shown.map((notice) => {
    const { finding } = notice
    const said = finding && diagnose(latest.fold, finding, evidenceOf(latest, finding))
    return messageOf(notice, said, at)
  })
  const left = notices.length - shown.length
  if (left === 0) return messages
  const subject = `Passkey gateway: ${left} more causes have changed`
  return [...messages, { subject, text: `${subject}.\n\nmore     corbado-gateway explain --all\n` }]
}

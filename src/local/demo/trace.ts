import type { Clock } from '../../call.js'
import { type Fields, textAt } from '../../fields.js'
import { REASONS } from '../../reasons.js'
import { parseLine } from '../gateway/log.js'
import type { OutboxMessage, TraceCall, TraceEvent } from './api.js'

/** What is known of a call when it begins. */
export type TraceBeginning = Pick<TraceCall, 'from' | 'to' | 'name'> &
  Partial<Pick<TraceCall, 'detail' | 'tenantId' | 'tab'>>

/** What is known of it when it has ended. */
export interface TraceEnding {
  readonly ms: number | null
  readonly ok: boolean
  readonly outcome: string
  /** Of the gateway's invocation, by which its log line is found. */
  readonly requestId?: string | undefined
  /** What the line is found by if the caller is not told the request's id: see {@link connectTokenKey}. */
  readonly lineKey?: string | undefined
}

/** By which the next line about connect tokens of a tenant is found. */
export const connectTokenKey = (tenantId: string) => `connect-tokens of ${tenantId}`

/** An event of the stream, with its place in it. */
export interface Placed {
  readonly id: number
  readonly event: TraceEvent
}

export interface Trace {
  /** A call has begun; what is returned takes its end. */
  begin(about: TraceBeginning): (end: TraceEnding) => void
  /** A line of the gateway: one that belongs to a call completes it. */
  addLine(line: string): void
  addMessage(message: Omit<OutboxMessage, 'id'>): void
  readonly messages: readonly OutboxMessage[]
  tell(event: TraceEvent): void
  /** Calls `listener` with every event after a place, then with each that comes; returns what ends that. */
  follow(after: number, listener: (placed: Placed) => void): () => void
}

/** Kept at most; the oldest go first. */
const EVENTS_MAX = 2_000
const LINES_MAX = 500

function keyOf(line: Fields): string | undefined {
  const [action, tenantId] = [textAt(line, 'action'), textAt(line, 'tenantId')]
  if (action === 'connect-tokens' && tenantId !== undefined) return connectTokenKey(tenantId)
  return textAt(line, 'requestId')
}

/** What a log line says of the call that it closes. */
function factsOf(line: Fields): Partial<TraceCall> {
  const reason = textAt(line, 'reason')
  const flowId = textAt(line, 'flowId')
  const meaning = textAt(REASONS, reason ?? '', 'means')
  return { ...(reason && { reason }), ...(flowId && { flowId }), ...(meaning && { meaning }), line }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (map.size > LINES_MAX && oldest !== undefined) map.delete(oldest)
}

/** Remembers what happened between all who take part, and tells it to those who look on. */
export function createTrace(clock: Clock): Trace {
  const events: Placed[] = []
  const listeners = new Set<(placed: Placed) => void>()
  const messages: OutboxMessage[] = []
  /** By request: whichever of a call and its line comes first waits for the other. */
  const calls = new Map<string, TraceCall>()
  const lines = new Map<string, Fields>()
  /** What tabs have asked for and not been answered yet: calls in between are theirs. */
  const asked = new Set<TraceBeginning>()
  let [placed, begun] = [0, 0]

  function tabOf({ tab, tenantId }: TraceBeginning): string | undefined {
    if (tab !== undefined) return tab
    const isOf = (one: TraceBeginning) => tenantId === undefined || one.tenantId === tenantId
    const [first, second] = new Set([...asked].filter(isOf).map((one) => one.tab))
    return second === undefined ? first : undefined
  }

  function tell(event: TraceEvent): void {
    placed += 1
    const next = { id: placed, event }
    events.push(next)
    if (events.length > EVENTS_MAX) events.shift()
    for (const listener of listeners) listener(next)
  }

  return {
    tell,
    messages,
    begin(about) {
      begun += 1
      const [id, at] = [begun, new Date(clock.now()).toISOString()]
      const tab = tabOf(about)
      if (about.tab !== undefined) asked.add(about)
      return ({ requestId, lineKey: key = requestId, ...end }) => {
        asked.delete(about)
        const line = key === undefined ? undefined : lines.get(key)
        const call: TraceCall = {
          ...{ id, at },
          ...about,
          ...(tab !== undefined && { tab }),
          ...end,
          ...(requestId !== undefined && { requestId }),
          ...(line && factsOf(line)),
        }
        if (key !== undefined && line) lines.delete(key)
        if (key !== undefined && !line) {
          calls.set(key, call)
          forgetOldest(calls)
        }
        tell({ kind: 'call', call })
      }
    },
    addLine(text) {
      const line = parseLine(text)
      const key = keyOf(line)
      if (key === undefined) return
      const call = calls.get(key)
      if (!call) {
        lines.set(key, line)
        return forgetOldest(lines)
      }
      calls.delete(key)
      tell({ kind: 'call', call: { ...call, ...factsOf(line) } })
    },
    addMessage(about) {
      const message = { ...about, id: placed + 1 }
      messages.push(message)
      if (messages.length > EVENTS_MAX) messages.shift()
      tell({ kind: 'message', message })
    },
    follow(after, listener) {
      for (const one of events.filter(({ id }) => id > after)) listener(one)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

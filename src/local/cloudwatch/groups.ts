/** One line in a log group. */
export interface LogEvent {
  /** As CloudWatch makes them: digits, growing with the order of arrival. */
  readonly eventId: string
  /** When it was written, by whoever wrote it, and when it arrived; milliseconds since 1970. */
  readonly timestamp: number
  readonly ingestionTime: number
  readonly logStreamName: string
  readonly message: string
  /** Ordinal of its arrival: of events of the same millisecond, the one that came first is the first. */
  readonly ordinal: number
}

/** A line as it is put. */
export interface NewEvent {
  readonly at: number
  readonly message: string
}

export type Direction = 'oldest' | 'newest'

/** The events of one log group, in the order in which FilterLogEvents gives them. */
export function createLogGroup() {
  let events: LogEvent[] = []
  let sorted = true
  let ordinal = 0

  function inOrder(): readonly LogEvent[] {
    if (!sorted) events.sort((a, b) => a.timestamp - b.timestamp || a.ordinal - b.ordinal)
    sorted = true
    return events
  }

  /** The first index whose event is not before the place. */
  function indexOf(timestamp: number, after: number): number {
    const all = inOrder()
    let [low, high] = [0, all.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const event = all[middle]
      const before = event && (event.timestamp < timestamp || (event.timestamp === timestamp && event.ordinal < after))
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    put(logStreamName: string, added: readonly NewEvent[], ingestionTime: number): void {
      for (const { at: timestamp, message } of added) {
        ordinal += 1
        const eventId = String(ordinal).padStart(56, '3')
        const last = events.at(-1)
        if (last !== undefined && last.timestamp > timestamp) sorted = false
        events.push({ eventId, timestamp, ingestionTime, logStreamName, message, ordinal })
      }
    },
    clear: () => {
      events = []
    },
    /** Those between two times, both included. */
    between: (from: number, to: number) => inOrder().slice(indexOf(from, 0), indexOf(to + 1, 0)),
    /**
     * Goes from one event to the next between two times, both included.
     * @param after the event that was the last before; the first of the range if none is given
     */
    *walk(from: number, to: number, direction: Direction, after?: LogEvent): Generator<LogEvent> {
      const all = inOrder()
      if (direction === 'oldest') {
        let index = after === undefined ? indexOf(from, 0) : indexOf(after.timestamp, after.ordinal + 1)
        for (; index < all.length; index += 1) {
          const event = all[index]
          if (event === undefined || event.timestamp > to) return
          yield event
        }
        return
      }
      let index = (after === undefined ? indexOf(to + 1, 0) : indexOf(after.timestamp, after.ordinal)) - 1
      for (; index >= 0; index -= 1) {
        const event = all[index]
        if (event === undefined || event.timestamp < from) return
        yield event
      }
    },
  }
}

export type LogGroup = ReturnType<typeof createLogGroup>

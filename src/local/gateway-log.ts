import { setTimeout } from 'node:timers/promises'

/** A line comes through a pipe of its own, so it may be a moment later than the answer that it is about. */
const WAIT_MS = 1_000
const POLL_MS = 5

type LogFields = Readonly<Record<string, unknown>>

/** Everything that the gateway's environments printed. */
export interface GatewayLog {
  readonly lines: readonly string[]
  /** Takes one line. */
  add(line: string): void
  /** The closing lines of trigger calls, in their order, once there are so many; fewer where they do not come. */
  triggerLines(count: number): Promise<readonly LogFields[]>
}

/** Collects lines, and passes each on. */
export function createGatewayLog(write: (line: string) => void): GatewayLog {
  const lines: string[] = []
  const triggers: LogFields[] = []
  return {
    lines,
    add(line) {
      lines.push(line)
      write(line)
      const fields = parseLine(line)
      if (fields.msg === 'trigger') triggers.push(fields)
    },
    async triggerLines(count) {
      for (const until = performance.now() + WAIT_MS; triggers.length < count && performance.now() < until; ) {
        await setTimeout(POLL_MS)
      }
      return triggers
    },
  }
}

/** What the runtime prints of itself is no JSON. */
function parseLine(line: string): LogFields {
  try {
    const fields: unknown = JSON.parse(line)
    return typeof fields === 'object' && fields !== null ? { ...fields } : {}
  } catch {
    return {}
  }
}

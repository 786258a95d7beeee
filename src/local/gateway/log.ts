import { setTimeout } from 'node:timers/promises'
import { type Fields, fieldsOf } from '../../fields.js'
import { parseJson } from '../aws/json.js'

/** A line comes through a pipe of its own, so it may be a moment later than the answer that it is about. */
const WAIT_MS = 10_000
const POLL_MS = 5

/** Through which door the calls come that a line is about. */
export type Door = 'lambda' | 'container'

/** Everything that the gateway's processes printed. */
export interface GatewayLog {
  readonly lines: readonly string[]
  /** Makes what takes the lines of one door. */
  adder(door: Door): (line: string) => void
  /** From now on each line is told. */
  onLine(listener: (line: string) => void): void
  /** The closing lines of a door's trigger calls, in their order, once there are so many; fewer if they do not come. */
  triggerLines(door: Door, count: number): Promise<readonly Fields[]>
}

/** Collects lines, and passes each on. */
export function createGatewayLog(write: (line: string) => void): GatewayLog {
  const lines: string[] = []
  const listeners: ((line: string) => void)[] = []
  const triggers: Record<Door, Fields[]> = { lambda: [], container: [] }
  return {
    lines,
    onLine: (listener) => void listeners.push(listener),
    adder: (door) => (line) => {
      lines.push(line)
      write(line)
      for (const listener of listeners) listener(line)
      const fields = parseLine(line)
      if (fields.msg === 'trigger') triggers[door].push(fields)
    },
    async triggerLines(door, count) {
      const found = triggers[door]
      for (const until = performance.now() + WAIT_MS; found.length < count && performance.now() < until; ) {
        await setTimeout(POLL_MS)
      }
      return found
    },
  }
}

/** The fields of a line; what a runtime prints of itself is no JSON, and has none. */
export function parseLine(line: string): Fields {
  return fieldsOf(parseJson(line))
}

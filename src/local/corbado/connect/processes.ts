import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../call.js'

/** How long a browser need not ask again, in seconds. */
const LIFE_SECONDS = 1_800
/** Browsers kept at most; the oldest go first. */
const PROCESSES_MAX = 1_000

/** What one browser is doing: the ceremonies that it was asked for and has not answered. */
export interface Process {
  readonly id: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
  login?: { readonly challenge: string; readonly username: string; readonly identifier: string } | undefined
  /** The field's own suggestions: the browser keeps the challenge as long as the process. */
  suggested?: string | undefined
  append?: { readonly challenge: string; readonly username: string; readonly displayName: string } | undefined
}

export interface Processes {
  /** The browser's own process, or a new one if it has none that still lives. */
  begin(id: string | undefined): Process
  find(id: string | undefined): Process | undefined
  clear(id: string): void
}

/** Remembers what browsers are doing. */
export function createProcesses(clock: Clock): Processes {
  const processes = new Map<string, Process>()
  const nowSeconds = () => Math.floor(clock.now() / 1_000)

  function find(id: string | undefined): Process | undefined {
    const process = processes.get(id ?? '')
    return process && process.expiresAt > nowSeconds() ? process : undefined
  }

  return {
    find,
    begin(id) {
      const known = find(id)
      if (known) return known
      const process: Process = { id: randomUUID(), expiresAt: nowSeconds() + LIFE_SECONDS }
      processes.set(process.id, process)
      const [oldest] = processes.keys()
      if (processes.size > PROCESSES_MAX && oldest !== undefined) processes.delete(oldest)
      return process
    },
    clear: (id) => void processes.delete(id),
  }
}

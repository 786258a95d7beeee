import type { Pool } from 'undici'
import type { Shot } from '../load.js'

/** A request, and whether its answer is what its tenant has a right to. */
export interface Try {
  readonly shot: Shot
  isRight(status: number, body: string): boolean
}

/** How long each answer took, in milliseconds from when its request was due, and how many were wrong or missing. */
export interface Taken {
  readonly ms: number[]
  failures: number
}

/** How often is looked for requests that are due. */
const TICK_MS = 2

/**
 * Sends so many requests a second, whether the ones before are answered or not, and counts the time of each from when it was
 * due: an answer that is late delays none of the next, and none of them hides how late it was.
 * @returns resolves when all have been sent; `ended` when the last has been answered
 */
export async function sendAtRate(
  pool: Pool,
  perSecond: number,
  seconds: number,
  next: (index: number) => Try,
): Promise<{ readonly taken: Taken; readonly ended: Promise<unknown> }> {
  const taken: Taken = { ms: [], failures: 0 }
  const count = Math.round(perSecond * seconds)
  const start = performance.now()
  const running: Promise<void>[] = []
  async function send(index: number): Promise<void> {
    const due = start + (index * 1_000) / perSecond
    const { shot, isRight } = next(index)
    try {
      const { path, headers, body } = shot
      const answer = await pool.request({ method: 'POST', path, headers, body })
      if (!isRight(answer.statusCode, await answer.body.text())) taken.failures += 1
    } catch {
      taken.failures += 1
    }
    taken.ms.push(performance.now() - due)
  }
  let sent = 0
  while (sent < count) {
    const due = Math.min(count, Math.floor(((performance.now() - start) * perSecond) / 1_000) + 1)
    for (; sent < due; sent += 1) running.push(send(sent))
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  return { taken, ended: Promise.all(running) }
}

/** The value below which this part of the others lies. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

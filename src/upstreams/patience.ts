import { type Call, type Clock, createCall, pause } from '../call.js'
import { isUpstreamError, type Upstream } from '../errors.js'

/**
 * A call of a person's command: when the dependency says that it is asked too fast, the call waits and tries again, as long
 * as anything of the command goes on.
 */
export interface PatientCall extends Call {
  readonly patient: true
}

/** Begins a call that may wait; each of its requests may take `budgetMs` milliseconds. */
export function createPatientCall(budgetMs: number, clock?: Clock): PatientCall {
  return { ...createCall(budgetMs, clock), patient: true }
}

/**
 * Longest time in which none of a command's requests is served, in milliseconds. A quota per second, or of a burst, is back
 * long before.
 */
const PATIENCE_MS = 60_000
/** The longest first pause, in milliseconds; each further one may be twice as long, up to the longest of all. */
const PAUSE_MS = 200
const PAUSE_MS_MAX = 1_000

/** How one command waits. */
interface PatienceOptions {
  readonly clock: Clock
  /** Called once for every dependency that is waited for. */
  onWait(upstream: Upstream): void
  /** Between 0 and 1: callers that were refused together must not come back together. */
  random?(): number
}

/** Gives the calls of a person's command their patience; the service's calls go through as they are. */
export interface Patience {
  /** The same functions; a patient call among their arguments waits. */
  of<T extends object>(functions: T): T
}

/** Makes one command's patience. */
export function createPatience({ clock, onWait, random = Math.random }: PatienceOptions): Patience {
  const told = new Set<Upstream>()
  let servedAt = Number.NEGATIVE_INFINITY

  /** Waits before another try; answers false, without a wait, if the patience is at its end. */
  async function waited(upstream: Upstream, tries: number, begunAt: number): Promise<boolean> {
    if (clock.elapsed() - Math.max(servedAt, begunAt) >= PATIENCE_MS) return false
    if (!told.has(upstream)) onWait(upstream)
    told.add(upstream)
    const longest = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(tries, 10))
    await pause(Math.ceil((longest / 2) * (1 + random())), clock)
    return true
  }

  function patiently(call: PatientCall): Call {
    const budgetMs = call.remainingMs()
    return {
      ...call,
      // A wait takes nothing from the time of the request after it.
      remainingMs: () => budgetMs,
      async slice(ms, work) {
        const begunAt = clock.elapsed()
        for (let tries = 0; ; tries++) {
          try {
            const answer = await (tries === 0 ? call : createCall(budgetMs)).slice(ms, work)
            servedAt = clock.elapsed()
            return answer
          } catch (error) {
            if (!isUpstreamError(error) || error.kind !== 'throttled') throw error
            if (!(await waited(error.upstream, tries, begunAt))) throw error
          }
        }
      },
    }
  }

  return {
    of: (functions) =>
      new Proxy(functions, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name)
          if (typeof value !== 'function') return value
          return (...args: unknown[]) => value(...args.map((arg) => (isPatient(arg) ? patiently(arg) : arg)))
        },
      }),
  }
}

function isPatient(value: unknown): value is PatientCall {
  return typeof value === 'object' && value !== null && 'patient' in value
}

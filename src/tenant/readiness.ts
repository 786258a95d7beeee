import type { Call, Clock } from '../call.js'
import type { UserPoolId } from '../ids.js'
import type { Upstreams } from '../upstreams/index.js'
import type { Callers } from './own/callers.js'

/** Names of the dependencies without which nothing can be served; empty if all is well. */
export type Readiness = (call: Call) => Promise<readonly string[]>

/** Probes come from several sides every few seconds; one look at the dependencies serves them all. */
const KEEP_MS = 1_000
/** A pool that cannot exist, since no region has this name: to look for it costs one read that finds nothing. */
const PROBE = 'readiness-probe_0' as UserPoolId

export interface ReadinessOptions {
  readonly table: Pick<Upstreams['table'], 'fetchConfig'>
  readonly callers: Callers
  readonly clock: Clock
}

/** Asks the table for a pool and SSM for the callers' secrets, at most once in {@link KEEP_MS}. */
export function createReadiness({ table, callers, clock }: ReadinessOptions): Readiness {
  let known: Promise<readonly string[]> | undefined
  let until = 0

  async function look(call: Call): Promise<readonly string[]> {
    const failing = await Promise.all([
      table.fetchConfig(PROBE, call).then(
        () => [],
        () => ['table'],
      ),
      lookAtCallers(call),
    ])
    return failing.flat()
  }

  async function lookAtCallers(call: Call): Promise<string[]> {
    if (!callers.configured) return []
    const secrets = await callers.secrets(call)
    if (callers.spoiled) return ['caller-secrets']
    return secrets === undefined ? ['ssm'] : []
  }

  return (call) => {
    if (!known || clock.elapsed() >= until) {
      known = look(call)
      until = clock.elapsed() + KEEP_MS
    }
    return known
  }
}

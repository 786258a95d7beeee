import { readAllClients } from '../../operator/pool/clients.js'
import { CUSTOM_AUTH_SLOTS } from '../../operator/pool/triggers.js'
import { changedTriggers, planWiring, type WiredPool, type WirePlan } from './changes.js'
import { managementOfPool } from './managed.js'
import type { WireOptions } from './options.js'
import type { OwnedPool } from './pool.js'
import type { WireReport } from './report.js'
import { unknownIn } from './unknown.js'
import { ownFlowWarnings, poolWarnings } from './warnings.js'

/** The options with which the slots in use would be let go of too. */
export function replacingOptions(options: WireOptions, { taken }: WirePlan): WireOptions {
  const held = taken.flatMap(({ slot, holds }) => (holds === undefined ? [] : [[slot, holds]]))
  return { ...options, replace: { ...options.replace, ...Object.fromEntries(held) } }
}

/** What these options make of a pool. */
export function planFor({ arn, also = [], replace = {} }: WireOptions, userPool: WiredPool['userPool']): WirePlan {
  return planWiring(userPool, arn, [...new Set([...CUSTOM_AUTH_SLOTS, ...also])], replace)
}

/** Reads a pool, what its app clients allow and what manages it, and plans. */
export async function readPool(pool: OwnedPool, options: WireOptions): Promise<WireReport> {
  const whole = await pool.describe()
  const { userPool } = whole
  const [clients, { management, warnings }, identity] = await Promise.all([
    readAllClients(pool.settings, pool.clock),
    managementOfPool(pool, userPool),
    pool.identity(),
  ])
  const plan = planFor(options, userPool)
  const held = [
    ...plan.changes.map(({ slot, from }) => [slot, from]),
    ...plan.taken.map(({ slot, holds }) => [slot, holds]),
  ]
  const lost = ownFlowWarnings(Object.fromEntries(held), options.arn)
  const triggers = changedTriggers(userPool, plan.changes)
  const told = [...lost, ...warnings, ...poolWarnings(userPool, clients, { triggers, arn: options.arn })]
  return {
    userPool,
    identity,
    plan,
    management,
    unknown: unknownIn(whole),
    warnings: told,
    json: options.json === true,
  }
}

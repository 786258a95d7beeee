import { clientWarnings } from '../../operator/pool/clients.js'
import { CUSTOM_AUTH_SLOTS } from '../../operator/pool/triggers.js'
import { ownFlowWarnings, settingWarnings } from '../../operator/pool/warnings.js'
import { planWiring, type WiredPool, type WirePlan } from './changes.js'
import { managementOfPool } from './managed.js'
import type { WireOptions } from './options.js'
import type { OwnedPool } from './pool.js'
import type { WireReport } from './report.js'
import { unknownIn } from './unknown.js'

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
  const [ofClients, { management, warnings }] = await Promise.all([
    clientWarnings(pool.settings, pool.clock),
    managementOfPool(pool, userPool),
  ])
  const plan = planFor(options, userPool)
  const held = [
    ...plan.changes.map(({ slot, from }) => [slot, from]),
    ...plan.taken.map(({ slot, holds }) => [slot, holds]),
  ]
  const lost = ownFlowWarnings(Object.fromEntries(held), options.arn)
  const told = [...lost, ...warnings, ...settingWarnings(userPool), ...ofClients]
  return { userPool, plan, management, unknown: unknownIn(whole), warnings: told, json: options.json === true }
}

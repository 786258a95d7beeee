import { readAllClients } from '../../operator/pool/clients.js'
import { CUSTOM_AUTH_SLOTS } from '../../operator/pool/triggers.js'
import { chainOfTaken, chainWarnings, planChain, triggersOfChain } from './chain.js'
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

/** The options with which the slots in use would go on behind the gateway; undefined if they could not. */
export function chainingOptions(options: WireOptions, { userPool, plan }: WiredPool): WireOptions | undefined {
  const chain = chainOfTaken(userPool, options.arn, plan.taken)
  return chain && { ...options, chain: { ...options.chain, ...chain } }
}

/** What these options make of a pool. */
export function planFor(
  { arn, also = [], replace = {}, chain = {} }: WireOptions,
  userPool: WiredPool['userPool'],
): WirePlan {
  const slots = [...new Set([...CUSTOM_AUTH_SLOTS, ...also])].filter((slot) => chain[slot] === undefined)
  const wiring = planWiring(userPool, arn, slots, replace)
  const { changes, taken, chained } = planChain(userPool, arn, chain)
  return { changes: [...wiring.changes, ...changes], taken: [...wiring.taken, ...taken], chained }
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
    ...plan.changes.map(({ slot, from }) => [slot, from] as const),
    ...plan.taken.map(({ slot, holds }) => [slot, holds] as const),
  ].filter(([slot]) => options.chain?.[slot] === undefined)
  const lost = ownFlowWarnings(Object.fromEntries(held), options.arn)
  const triggers = changedTriggers(userPool, plan.changes)
  const chained = triggersOfChain(plan.chained)
  const wired = { triggers, chained, arn: options.arn }
  const told = [...lost, ...chainWarnings(plan.chained), ...warnings, ...poolWarnings(userPool, clients, wired)]
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

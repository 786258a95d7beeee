import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { functionOf } from '../../ids.js'
import { yamlText } from '../../operator/files/yaml.js'
import type { SlotChains } from '../../operator/pool/line.js'
import {
  CUSTOM_AUTH_SLOTS,
  isOfFunction,
  isSlot,
  SLOTS,
  type Slot,
  slotArn,
  slotVersion,
  triggerOfSlot,
} from '../../operator/pool/triggers.js'
import type { TenantFile } from '../../tenant/config.js'
import type { ChainedSlot, SlotChange, TakenSlot, WirePlan } from './changes.js'

/** Versions of a slot's event that the gateway is sure to hand on and to answer whole. */
const KNOWN_VERSIONS: { readonly [S in Slot]?: readonly string[] } = {
  PreTokenGeneration: ['V1_0', 'V2_0', 'V3_0'],
  InboundFederation: ['V1_0'],
  CustomEmailSender: ['V1_0'],
  CustomSMSSender: ['V1_0'],
}

/** A function as a tenant's file may name it: its form is the schema's. */
const functionForm = /^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}(:[\w-]{1,128})?$/

/** Points slots at the gateway, each of which goes on with the function that it holds. */
export function planChain(pool: UserPoolType, arn: string, chain: SlotChains): WirePlan {
  const changes: SlotChange[] = []
  const taken: TakenSlot[] = []
  const chained: ChainedSlot[] = []
  for (const slot of SLOTS.filter((one) => chain[one] !== undefined)) {
    const expected = chain[slot] === true ? undefined : chain[slot]
    const holds = slotArn(pool.LambdaConfig, slot)
    // What was named is chained by now: a second run has nothing to do.
    if (holds === arn && expected !== undefined) {
      chained.push({ slot, functionArn: expected })
      continue
    }
    const why = whyNot(pool, slot, arn, expected)
    if (holds === undefined || why !== undefined) taken.push({ slot, holds, expected, why: why ?? 'is empty' })
    else {
      changes.push({ slot, from: holds, to: arn })
      chained.push({ slot, functionArn: holds })
    }
  }
  return { changes, taken, chained }
}

/** What keeps a slot's function from being chained; completes "<slot> …". */
function whyNot(pool: UserPoolType, slot: Slot, arn: string, expected: string | undefined): string | undefined {
  const holds = slotArn(pool.LambdaConfig, slot)
  if (holds === undefined) return 'is empty: there is no function to hand its events on to'
  if (isOfFunction(holds, functionOf(arn))) return `holds ${holds}, which is the gateway itself`
  if (expected !== undefined && holds !== expected) return `holds ${holds}, not ${expected}`
  const [, , , region, accountId] = holds.split(':')
  const [, , , poolRegion, poolAccount] = (pool.Arn ?? '').split(':')
  if (accountId !== poolAccount || region !== poolRegion) {
    return `holds ${holds}: a function must be of account ${poolAccount} in ${poolRegion}, as the pool is, to be chained`
  }
  if (!functionForm.test(holds)) return `holds ${holds}, which is no ARN of a function that can be chained`
  const version = slotVersion(pool.LambdaConfig, slot)
  const known = KNOWN_VERSIONS[slot] ?? []
  return version === undefined || known.includes(version)
    ? undefined
    : `sends its function events of version ${version}, and this version knows ${known.join(', ')}`
}

/** Why these options cannot be meant; undefined if they can. */
export function chainFault(chain: SlotChains, others: readonly string[]): string | undefined {
  const slots = Object.keys(chain)
  const both = slots.find((slot) => others.includes(slot))
  if (both !== undefined) return `--chain ${both}: what is chained is not named in --also or --replace too`
  const missing = CUSTOM_AUTH_SLOTS.filter((slot) => !slots.includes(slot))
  if (missing.length === 0 || missing.length === CUSTOM_AUTH_SLOTS.length) return undefined
  return `--chain ${missing.join(', --chain ')} is missing: the three triggers of custom authentication are chained together, or none`
}

/** Slots in use, each with what it holds: chained, they would go on. Undefined if one of them could not be chained. */
export function chainOfTaken(pool: UserPoolType, arn: string, taken: readonly TakenSlot[]): SlotChains | undefined {
  const chain = Object.fromEntries(taken.map(({ slot, holds }) => [slot, holds ?? true])) as SlotChains
  const possible = chainFault(chain, []) === undefined && planChain(pool, arn, chain).taken.length === 0
  return possible ? chain : undefined
}

/** The chained functions as a tenant's file names them. */
export function triggersOfChain(chained: readonly ChainedSlot[]): NonNullable<TenantFile['triggers']> {
  return Object.fromEntries(
    chained.map(({ slot, functionArn }) => [triggerOfSlot(slot), { mode: 'chain' as const, functionArn }]),
  )
}

/** The same as lines of such a file. */
export function chainYaml(chained: readonly ChainedSlot[]): string {
  return yamlText({ triggers: triggersOfChain(chained) })
}

/** What Corbado has to have done before the pool is written; none if nothing is chained. */
export function chainWarnings(chained: readonly ChainedSlot[]): string[] {
  if (chained.length === 0) return []
  const fields = chained.map(({ slot }) => `triggers.${triggerOfSlot(slot)}`)
  const names = chained.filter(({ slot }) => CUSTOM_AUTH_SLOTS.some((one) => one === slot))
  const split = names.length === 0 ? '' : ', and login.clientIds the app clients that are for passkeys'
  return [
    `write this only once Corbado has said that its config of this pool has ${fields.join(', ')}${split}: until then its ` +
      'gateway answers without your functions',
  ]
}

/** Reads `<slot>` or `<slot>=<ARN>`; undefined if it is neither. */
export function parseChainWord(text: string): { readonly slot: Slot; readonly held: string | true } | undefined {
  const [slot = '', held] = text.split('=', 2)
  return isSlot(slot) && held !== '' ? { slot, held: held ?? true } : undefined
}

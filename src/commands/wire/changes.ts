import type { LambdaConfigType, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { type Slot, type SlotArns, slotArn, withSlot } from '../../operator/pool/triggers.js'

/** One slot that changes; undefined stands for an empty slot. */
export interface SlotChange {
  readonly slot: Slot
  readonly from: string | undefined
  readonly to: string | undefined
}

/** A slot that holds a function which was not said to be replaceable, or none that can be chained. */
export interface TakenSlot {
  readonly slot: Slot
  readonly holds: string | undefined
  /** What the caller believed it held; undefined if nothing was said of it. */
  readonly expected: string | undefined
  /** Why what it holds cannot be chained; completes "<slot> …". */
  readonly why?: string
}

/** A slot that is to call the gateway, and the function that the gateway then hands its events on to. */
export interface ChainedSlot {
  readonly slot: Slot
  readonly functionArn: string
}

/** What wiring, or unwiring, a pool comes to. If a slot is taken, nothing at all is to be changed. */
export interface WirePlan {
  readonly changes: readonly SlotChange[]
  readonly taken: readonly TakenSlot[]
  /** The functions that go on behind the gateway. */
  readonly chained: readonly ChainedSlot[]
}

/** A pool as it was read, and what is to become of its triggers. */
export interface WiredPool {
  readonly userPool: UserPoolType
  readonly plan: WirePlan
}

/**
 * Points slots at the gateway.
 * @param replace what a slot may hold now and lose
 */
export function planWiring(pool: UserPoolType, arn: string, slots: readonly Slot[], replace: SlotArns): WirePlan {
  const changes: SlotChange[] = []
  const taken: TakenSlot[] = []
  for (const slot of slots) {
    const holds = slotArn(pool.LambdaConfig, slot)
    if (holds === arn) continue
    if (holds === undefined || holds === replace[slot]) changes.push({ slot, from: holds, to: arn })
    else taken.push({ slot, holds, expected: replace[slot] })
  }
  return { changes, taken, chained: [] }
}

/** Takes changes back, each only if its slot still holds what was put there; a slot that is back already is left. */
export function planUndo(pool: UserPoolType, changes: readonly SlotChange[]): WirePlan {
  const back: SlotChange[] = []
  const taken: TakenSlot[] = []
  for (const { slot, from, to } of changes) {
    const holds = slotArn(pool.LambdaConfig, slot)
    if (holds === from) continue
    if (holds === to) back.push({ slot, from: to, to: from })
    else taken.push({ slot, holds, expected: to })
  }
  return { changes: back, taken, chained: [] }
}

/** The pool's LambdaConfig with the changes made. */
export function changedTriggers(pool: UserPoolType, changes: readonly SlotChange[]): LambdaConfigType {
  return changes.reduce((config, { slot, to }) => withSlot(config, slot, to), pool.LambdaConfig ?? {})
}

import { type Static, type TSchema, Type } from 'typebox'
import type { Outcome, Reason } from '../reasons.js'
import type { TenantContext } from '../tenant/context.js'

/**
 * What every trigger event has. Cognito may add, move and change keys at any time, so the schema has only what a decision
 * needs. What only goes into the log is checked where the line is written.
 */
export const TriggerEvent = Type.Object({
  triggerSource: Type.String(),
  userPoolId: Type.String(),
  region: Type.Optional(Type.Unknown()),
})
export type TriggerEvent = Static<typeof TriggerEvent>

/** What a trigger decided: the event's new `response`, and what the log line says of it. */
export interface TriggerResult {
  /** undefined: the event goes back as it came. */
  readonly response?: Readonly<Record<string, unknown>>
  readonly outcome: Outcome
  readonly reason?: Reason
  /** Set if the line is more than a note: `error` for a fault, `warn` for what an operator should look at. */
  readonly level?: 'warn' | 'error'
  /** Ties together the lines of one login. */
  readonly flowId?: string | undefined
  /** Number of the passkey attempt; left out for the first. */
  readonly attempt?: number
  /** How long after its expiry a proof came, in milliseconds. */
  readonly lateMs?: number
  /** The pool has no such user, and hides that from the client. */
  readonly userNotFound?: true
  /** The customer's own function was asked. */
  readonly chained?: true
}

/** What a trigger may use in addition to its event. */
export interface TriggerInput {
  readonly tenant: TenantContext
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** One trigger of Cognito's LambdaConfig. */
export interface Trigger<Schema extends TSchema = TSchema> {
  /** Kebab case of its name in LambdaConfig: the last part of its route. */
  readonly name: string
  /** The parts of `triggerSource` before `_`; matched ignoring case. */
  readonly triggerSource: readonly string[]
  /**
   * `custom-auth` needs a tenant that is served; `pass-through` must work even without one; `sender` replaces Cognito's
   * delivery.
   */
  readonly kind: 'custom-auth' | 'pass-through' | 'sender'
  readonly schema: Schema
  handle(event: Static<Schema>, input: TriggerInput): TriggerResult | Promise<TriggerResult>
  /** What comes of an event that the customer's own function must not be asked about; undefined if it may be. */
  beforeChain?(event: Static<Schema>): TriggerResult | undefined
  /** Adds to the answer of the customer's own function. Without it, that answer is used as it is. */
  onTop?(event: Static<Schema>, chained: TriggerResult, input: TriggerInput): Promise<TriggerResult>
}

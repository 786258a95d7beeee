import { type Static, type TSchema, Type } from 'typebox'
import type { Outcome, Reason } from '../reasons.js'
import type { TenantContext } from '../tenant/context.js'

/** What every action's payload has; further keys are Corbado's business. */
export const ActionPayload = Type.Object({ action: Type.String(), userPoolId: Type.String() })

/** What an action decided: the body for Corbado, and what the log line says of it. */
export interface ActionResult {
  readonly body: Readonly<Record<string, unknown>>
  readonly outcome: Outcome
  readonly reason?: Reason
  /** Cognito's user name if the action found one; the log shows its pseudonym only. */
  readonly username?: string
}

/** One hook of Corbado Connect. */
export interface Action<Schema extends TSchema = TSchema> {
  /** Corbado's name of it: the last part of its route. */
  readonly name: string
  readonly schema: Schema
  /**
   * The user name that a payload claims, if any; unverified. The log line has its pseudonym, whether the action is served
   * or refused.
   */
  userOf?(payload: Static<Schema>): string | undefined
  /** What Corbado gets if the tenant's passkeys are switched off. */
  whenOff(payload: Static<Schema>): ActionResult
  handle(payload: Static<Schema>, tenant: TenantContext): Promise<ActionResult>
  /**
   * What Corbado gets if a dependency failed; without this method, the fault itself (502, 503, 504). The tenant is
   * undefined if it could not be resolved. `message` is public.
   */
  whenFaulty?(fault: { reason: Reason; message: string }, tenant: TenantContext | undefined): ActionResult
}

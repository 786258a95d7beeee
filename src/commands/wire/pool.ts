import type { UpdateUserPoolCommandInput, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { createCall } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import type { UserPoolId } from '../../ids.js'
import type { CommandIo } from '../../terminal/io.js'
import type { StackResource, UserPoolSettings } from '../../upstreams/operator.js'
import { explainFault, saidBy } from './faults.js'

/** How an update ended. A fault that leaves open whether it was carried out is thrown. */
export type UpdateOutcome =
  | { readonly kind: 'written' }
  /** Somebody else's change was going on; nothing was changed. */
  | { readonly kind: 'changed-meanwhile' }
  /** Cognito said no, and changed nothing. */
  | { readonly kind: 'refused'; readonly said: string }

/** A user pool under its owner's own credentials. What the owner can mend is thrown as NotPossible. */
export interface OwnedPool {
  describe(): Promise<UserPoolType>
  update(input: UpdateUserPoolCommandInput): Promise<UpdateOutcome>
  readonly settings: UserPoolSettings
  /** The CloudFormation stack that has it; undefined where none does. Throws as it came: nothing hangs on it. */
  findStack(): Promise<StackResource | undefined>
}

/** Longest that one call may take; somebody waits for it. */
const POOL_CALL_MS = 15_000
/** Longest wait for CloudFormation, which some networks do not let through: the work goes on without it. */
const STACK_CALL_MS = 5_000

/** Opens a pool with the credentials that the AWS SDK finds, and closes it after the work. */
export async function withOwnedPool<T>(
  at: { readonly userPoolId: UserPoolId; readonly region: string },
  io: CommandIo,
  work: (pool: OwnedPool) => Promise<T>,
): Promise<T> {
  const { userPoolId, region } = at
  // The AWS SDK takes longer to load than all the rest, and wrong arguments are told without it.
  const { createOperatorUpstreams } = await import('../../upstreams/operator.js')
  const upstreams = createOperatorUpstreams({ region, actionsAlias: '' }, io.clock)
  const settings = upstreams.userPoolSettings(userPoolId, region, null)
  const explained = async (error: unknown): Promise<never> => {
    throw await explainFault(error, { ...at, callerIdentity: upstreams.callerIdentity })
  }
  try {
    return await work({
      settings,
      findStack: () => upstreams.findStack(userPoolId, createCall(STACK_CALL_MS)),
      describe: () => settings.describe(createCall(POOL_CALL_MS)).catch(explained),
      update: (input) => updateOf(settings, input).catch(explained),
    })
  } finally {
    await upstreams.close()
  }
}

async function updateOf(settings: UserPoolSettings, input: UpdateUserPoolCommandInput): Promise<UpdateOutcome> {
  try {
    await settings.update(input, createCall(POOL_CALL_MS))
    return { kind: 'written' }
  } catch (error) {
    return refusalOf(error)
  }
}

function refusalOf(error: unknown): UpdateOutcome {
  if (!isUpstreamError(error)) throw error
  if (error.facts.errorType === 'ConcurrentModificationException') return { kind: 'changed-meanwhile' }
  const gone = error.facts.errorType === 'ResourceNotFoundException'
  if (!gone && (error.kind === 'rejected' || error.kind === 'throttled'))
    return { kind: 'refused', said: saidBy(error) }
  throw error
}

import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { isUpstreamError } from '../../errors.js'
import { type Management, managementOf } from './managed.js'
import type { OwnedPool } from './pool.js'

/** What manages a pool, as far as CloudFormation and the pool's tags say. */
export interface PoolManagement {
  readonly management?: Management | undefined
  /** Sentences for where CloudFormation would not say. */
  readonly warnings: readonly string[]
}

/**
 * Asks CloudFormation whose stack the pool is of: it need not have left a tag. Whoever may not ask, or cannot reach it, is
 * told so and has the tags alone.
 */
export async function managementOfPool(pool: OwnedPool, { UserPoolTags }: UserPoolType): Promise<PoolManagement> {
  const tagged = managementOf(UserPoolTags)
  try {
    const stack = await pool.findStack()
    return { management: stack ? { tool: 'cloudformation', ...stack } : tagged, warnings: [] }
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    const said = error.facts.errorType ?? error.reason
    const unknown =
      `nobody could tell whether a CloudFormation stack made this pool (cloudformation:DescribeStackResources: ${said}); ` +
      'only its tags were looked at. If one did, see wire plan --as cloudformation'
    return { management: tagged, warnings: [unknown] }
  }
}

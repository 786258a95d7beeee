import { type CloudFormationClient, DescribeStackResourcesCommand } from '@aws-sdk/client-cloudformation'
import type { Call } from '../call.js'
import { isUpstreamError, upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** A resource as the CloudFormation stack that made it knows it. */
export interface StackResource {
  /** The stack's name. */
  readonly stack: string
  /** The resource's logical id: its name in the stack's template. */
  readonly resource: string
}

/**
 * Which stack a resource belongs to, by the id that its own service gave it, e.g. that of a user pool. Undefined if it
 * belongs to none in the account and region.
 */
export type FindStack = (physicalId: string, call: Call) => Promise<StackResource | undefined>

/** A stack that was deleted, or let go of the resource, no longer changes it. */
const left = /^DELETE_(COMPLETE|SKIPPED)$/

/** Asks with the client's credentials; needs `cloudformation:DescribeStackResources`. */
export function createFindStack(client: CloudFormationClient): FindStack {
  return async (physicalId, call) => {
    const command = new DescribeStackResourcesCommand({ PhysicalResourceId: physicalId })
    try {
      const answer = await callAws('cloudformation', call, undefined, (options) => client.send(command, options))
      const found = answer.StackResources?.find(({ PhysicalResourceId }) => PhysicalResourceId === physicalId)
      const { StackName: stack, LogicalResourceId: resource, ResourceStatus: status = '' } = found ?? {}
      if (stack === undefined || resource === undefined) throw upstreamError('cloudformation', 'malformed')
      return left.test(status) ? undefined : { stack, resource }
    } catch (error) {
      if (isNoStack(error)) return undefined
      throw error
    }
  }
}

/** The same error name stands for other faults of a request too, so its text must be read. */
function isNoStack(error: unknown): boolean {
  if (!isUpstreamError(error) || error.facts.errorType !== 'ValidationError') return false
  return error.cause instanceof Error && /^Stack for \S+ does not exist/.test(error.cause.message)
}

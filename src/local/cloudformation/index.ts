import type { Identity } from '../aws/identity.js'
import { formOf } from '../aws/query.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from '../aws/server.js'
import { cloudFormation, createStacks, type PutStack, type StacksOptions } from './stacks.js'

const stackName = /^[a-zA-Z][a-zA-Z0-9-]{0,127}$/

interface CloudFormationOptions extends StacksOptions {
  readonly identity: Identity
  readonly port?: number | undefined
}

export interface CloudFormationStandIn extends StandIn {
  /** Adds a stack of which only its resources are known, e.g. a user pool. */
  putStack(stack: PutStack): void
}

/** Starts what a stack with one role needs of CloudFormation. Unlike on AWS, a stack is made or deleted at once. */
export async function startCloudFormation(options: CloudFormationOptions): Promise<CloudFormationStandIn> {
  const stacks = createStacks(options)

  function handle(request: WireRequest, operation: string): WireAnswer {
    const { principal, region } = request
    if (!stacks.has(operation) || !principal || !region) return cloudFormation.unknownOperation(operation)
    const form = formOf(request)
    // A question for all stacks, or by the id of a resource, needs the right for all stacks: it may be in any.
    const all = operation === 'DescribeStacks' && form.get('StackName') === null
    const named = operation !== 'DescribeStackResources' && !all
    const name = named ? (form.get('StackName') ?? '') : '*'
    if (named && !stackName.test(name))
      return cloudFormation.failure('ValidationError', 'StackName is not the name of a stack.')
    return stacks.serve(operation, { principal, region, name, form })
  }

  const { clock, identity, port } = options
  const standIn = await startStandIn({
    name: 'cloudformation',
    clock,
    identity,
    port,
    ...cloudFormation.standIn,
    handle,
  })
  return { ...standIn, putStack: stacks.putStack }
}

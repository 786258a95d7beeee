import { cloudFormationXml, createStacks, type StacksOptions } from './cloudformation-stacks.js'
import type { Identity } from './iam.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from './stand-in.js'

const { failure, denied, fault } = cloudFormationXml
const stackName = /^[a-zA-Z][a-zA-Z0-9-]{0,127}$/

export interface CloudFormationOptions extends StacksOptions {
  readonly identity: Identity
  readonly port?: number | undefined
}

/** Starts CloudFormation as far as a stack with one role goes. Unlike AWS's, a stack is there or gone at once. */
export async function startCloudFormation(options: CloudFormationOptions): Promise<StandIn> {
  const stacks = createStacks(options)

  function handle({ principal, region, body }: WireRequest, operation: string): WireAnswer {
    if (!stacks.has(operation) || !principal || !region) {
      return failure('InvalidAction', `Could not find operation ${operation} for version 2010-05-15`)
    }
    const form = new URLSearchParams(body.toString())
    const name = form.get('StackName') ?? ''
    if (!stackName.test(name)) return failure('ValidationError', 'StackName is not the name of a stack.')
    return stacks.serve(operation, { principal, region, name, form })
  }

  const { clock, identity, port } = options
  return startStandIn({
    name: 'cloudformation',
    clock,
    identity,
    port,
    operationOf: ({ body }) => new URLSearchParams(body.toString()).get('Action') ?? 'unknown',
    inputOf: ({ body }) => Object.fromEntries(new URLSearchParams(body.toString())),
    denied,
    faultAnswer: fault,
    handle,
  })
}

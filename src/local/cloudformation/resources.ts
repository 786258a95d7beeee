import { createQueryXml } from '../aws/query.js'
import type { WireAnswer } from '../aws/wire.js'

/** How CloudFormation answers. */
export const cloudFormationXml = createQueryXml('http://cloudformation.amazonaws.com/doc/2010-05-15/')
const { success, failure } = cloudFormationXml

/** What a stack made. */
export interface MadeResource {
  /** Its name in the template. */
  readonly logicalId: string
  /** What its own service calls it, e.g. the id of a user pool. */
  readonly physicalId: string
  /** E.g. `AWS::Cognito::UserPool`. */
  readonly type: string
  /** `CREATE_COMPLETE` unless given. */
  readonly status?: string
}

/** A stack that a test has made, of whatever template. */
export interface PutStack {
  readonly region: string
  readonly accountId: string
  readonly name: string
  readonly resources: readonly MadeResource[]
}

export const stackArn = (region: string, accountId: string, name: string, id: string) =>
  `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/${id}`

/** The resources of all stacks, by the ARN of their stack. */
export function createStackResources() {
  const made = new Map<string, readonly MadeResource[]>()

  return {
    put: (stackId: string, resources: readonly MadeResource[]) => void made.set(stackId, resources),
    delete: (stackId: string) => void made.delete(stackId),
    /** DescribeStackResources by physical id: it tells of that resource alone (coverage roadmap #998). */
    describe(region: string, accountId: string, form: URLSearchParams): WireAnswer {
      const PhysicalResourceId = form.get('PhysicalResourceId')
      if (PhysicalResourceId === null) return failure('ValidationError', 'PhysicalResourceId must be specified')
      const within = stackArn(region, accountId, '', '').slice(0, -1)
      for (const [StackId, resources] of made) {
        const found = resources.find(({ physicalId }) => physicalId === PhysicalResourceId)
        if (!found || !StackId.startsWith(within)) continue
        const { logicalId: LogicalResourceId, type: ResourceType, status: ResourceStatus = 'CREATE_COMPLETE' } = found
        const StackName = StackId.split('/')[1] ?? ''
        const member = { StackName, StackId, LogicalResourceId, PhysicalResourceId, ResourceType, ResourceStatus }
        return success('DescribeStackResources', { StackResources: { member } })
      }
      return failure('ValidationError', `Stack for ${PhysicalResourceId} does not exist`)
    },
  }
}

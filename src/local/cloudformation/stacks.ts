import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../call.js'
import { allows, deniedText, type PolicyDocument, type Principal, type Role } from '../aws/identity.js'
import { createQueryProtocol } from '../aws/query.js'
import type { WireAnswer } from '../aws/server.js'
import {
  evaluateRole,
  parameterFault,
  parseTemplate,
  readParameters,
  ruleFault,
  type Template,
  withDefaults,
} from './template.js'

/** How CloudFormation speaks. */
export const cloudFormation = createQueryProtocol('http://cloudformation.amazonaws.com/doc/2010-05-15/')
const { success, failure } = cloudFormation

/** What a stack made. */
interface MadeResource {
  /** Its name in the template. */
  readonly logicalId: string
  /** What its own service calls it, e.g. the id of a user pool. */
  readonly physicalId: string
  /** E.g. `AWS::Cognito::UserPool`. */
  readonly type: string
  /** `CREATE_COMPLETE` unless given. */
  readonly status?: string
}

/** A stack that a test has made, of any template. */
export interface PutStack {
  readonly region: string
  readonly accountId: string
  readonly name: string
  readonly resources: readonly MadeResource[]
}

const stackArn = (region: string, accountId: string, name: string, id: string) =>
  `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/${id}`

interface CloudFormationStack {
  readonly stackId: string
  readonly role: RoleProperties
  readonly roleArn: string
  readonly createdAt: string
  /** Missing until it is updated. */
  readonly updatedAt?: string
}

/** Who asks, and for which stack. */
export interface Asked {
  readonly principal: Principal
  readonly region: string
  readonly name: string
  readonly form: URLSearchParams
}

/** The template's role with everything filled in. */
interface RoleProperties {
  readonly Path: string
  readonly RoleName: string
  readonly PermissionsBoundary?: string
  readonly AssumeRolePolicyDocument: PolicyDocument
  readonly Policies: readonly { readonly PolicyDocument: PolicyDocument }[]
}

export interface StacksOptions {
  readonly clock: Clock
  /** The templates that stand in S3, by their address; each has one role. */
  readonly templates: ReadonlyMap<string, Template>
  /** Where a stack makes its role and deletes it. */
  readonly roles: { putRole(role: Role): void; deleteRole(roleArn: string): void }
}

/** The resources of all stacks, by the ARN of their stack. */
function createStackResources() {
  const made = new Map<string, readonly MadeResource[]>()

  return {
    put: (stackId: string, resources: readonly MadeResource[]) => void made.set(stackId, resources),
    delete: (stackId: string) => void made.delete(stackId),
    /** DescribeStackResources by physical id: it answers with that resource alone (coverage roadmap #998). */
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

const arnOf = ({ principal, region, name }: Asked, id: string) => stackArn(region, principal.accountId, name, id)

/** The stacks of all accounts, and the calls on them by name. */
export function createStacks({ clock, templates, roles }: StacksOptions) {
  const stacks = new Map<string, CloudFormationStack>()
  const resources = createStackResources()
  const keyOf = (asked: Asked) => arnOf(asked, '')

  function mayNot({ principal }: Asked, actions: readonly string[], arn: string): WireAnswer | undefined {
    const action = actions.find((one) => !allows(principal, one, arn))
    if (action === undefined) return undefined
    return failure('AccessDenied', deniedText(principal.arn, action, arn), 403)
  }

  /** The template that stands in S3, or in the request; or what is wrong with it. */
  function templateOf(form: URLSearchParams): Template | string {
    const [url, body] = [form.get('TemplateURL'), form.get('TemplateBody')]
    if ((url === null) === (body === null)) return 'Either Template URL or Template Body must be specified.'
    return body === null ? (templates.get(url ?? '') ?? 'S3 error: Access Denied') : parseTemplate(body)
  }

  /** The role that a request describes, or what is wrong with it. */
  function roleOf({ form, principal, region }: Asked): WireAnswer | Pick<CloudFormationStack, 'role' | 'roleArn'> {
    const template = templateOf(form)
    if (typeof template === 'string') return failure('ValidationError', template)
    const parameters = withDefaults(template, readParameters(form))
    const wrong = parameterFault(template, parameters)
    if (wrong !== undefined) return failure('ValidationError', wrong)
    if (form.get('Capabilities.member.1') !== 'CAPABILITY_NAMED_IAM') {
      return failure('InsufficientCapabilitiesException', 'Requires capabilities : [CAPABILITY_NAMED_IAM]')
    }
    const { accountId } = principal
    const pseudo = { 'AWS::Partition': 'aws', 'AWS::AccountId': accountId, 'AWS::Region': region }
    const values = new Map([...Object.entries(pseudo), ...parameters])
    const broken = ruleFault(template, values)
    if (broken !== undefined) return failure('ValidationError', broken)
    // customerRoleTemplate has these properties, and its role is evaluated whole.
    const role = evaluateRole(template, values) as RoleProperties
    if (role.PermissionsBoundary !== undefined) return failure('ValidationError', 'There are no managed policies here.')
    return { role, roleArn: `arn:aws:iam::${accountId}:role${role.Path}${role.RoleName}` }
  }

  function putRole({ role, roleArn }: Pick<CloudFormationStack, 'role' | 'roleArn'>): void {
    const policies = role.Policies.map(({ PolicyDocument }) => PolicyDocument)
    roles.putRole({ roleArn, trust: role.AssumeRolePolicyDocument, policies })
  }

  function createStack(asked: Asked): WireAnswer {
    const made = roleOf(asked)
    if (!('role' in made)) return made
    if (stacks.has(keyOf(asked))) return failure('AlreadyExistsException', `Stack [${asked.name}] already exists`)
    // CloudFormation works with the rights of its caller.
    const refusal = mayNot(asked, ['iam:CreateRole', 'iam:PutRolePolicy'], made.roleArn)
    if (refusal) return refusal
    putRole(made)
    const stackId = arnOf(asked, randomUUID())
    resources.put(stackId, [{ logicalId: 'Role', physicalId: made.role.RoleName, type: 'AWS::IAM::Role' }])
    stacks.set(keyOf(asked), { stackId, ...made, createdAt: new Date(clock.now()).toISOString() })
    return success('CreateStack', { StackId: stackId })
  }

  /** The role keeps its name here: another pool's would be another stack. */
  function updateStack(asked: Asked): WireAnswer {
    const stack = stacks.get(keyOf(asked))
    if (!stack) return failure('ValidationError', `Stack [${asked.name}] does not exist`)
    const made = roleOf(asked)
    if (!('role' in made)) return made
    if (made.roleArn !== stack.roleArn) return failure('ValidationError', 'The role of another pool is not made here.')
    if (isDeepStrictEqual(made.role, stack.role)) return failure('ValidationError', 'No updates are to be performed.')
    const refusal = mayNot(asked, ['iam:UpdateAssumeRolePolicy', 'iam:PutRolePolicy'], made.roleArn)
    if (refusal) return refusal
    putRole(made)
    stacks.set(keyOf(asked), { ...stack, ...made, updatedAt: new Date(clock.now()).toISOString() })
    return success('UpdateStack', { StackId: stack.stackId })
  }

  const view = ({ stackId: StackId, roleArn, createdAt: CreationTime, updatedAt }: CloudFormationStack) => {
    const Outputs = { member: { OutputKey: 'RoleArn', OutputValue: roleArn } }
    const updated = updatedAt !== undefined && { LastUpdatedTime: updatedAt }
    const StackStatus = updatedAt === undefined ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE'
    return { StackName: StackId.split('/')[1] ?? '', StackId, CreationTime, ...updated, StackStatus, Outputs }
  }

  /** One stack, or all of the account and region if none is named. */
  function describeStacks(asked: Asked): WireAnswer {
    const { name } = asked
    const all = name === '*'
    const within = stackArn(asked.region, asked.principal.accountId, '', '').slice(0, -1)
    const found = all
      ? [...stacks.values()].filter(({ stackId }) => stackId.startsWith(within))
      : [stacks.get(keyOf(asked))]
    const shown = found.flatMap((stack) => (stack ? [view(stack)] : []))
    if (!all && shown.length === 0) return failure('ValidationError', `Stack with id ${name} does not exist`)
    return success('DescribeStacks', { Stacks: { member: shown } })
  }

  /** A stack that is not there counts as deleted, as in AWS. */
  function deleteStack(asked: Asked): WireAnswer {
    const stack = stacks.get(keyOf(asked))
    const refusal = stack && mayNot(asked, ['iam:DeleteRole', 'iam:DeleteRolePolicy'], stack.roleArn)
    if (refusal) return refusal
    if (stack) {
      roles.deleteRole(stack.roleArn)
      resources.delete(stack.stackId)
    }
    stacks.delete(keyOf(asked))
    return success('DeleteStack', {})
  }

  const describeResources = ({ principal, region, form }: Asked) =>
    resources.describe(region, principal.accountId, form)

  const operations = {
    CreateStack: createStack,
    UpdateStack: updateStack,
    DescribeStacks: describeStacks,
    DeleteStack: deleteStack,
    DescribeStackResources: describeResources,
  }
  return {
    has: (operation: string): operation is keyof typeof operations => operation in operations,
    serve: (operation: keyof typeof operations, asked: Asked): WireAnswer =>
      mayNot(asked, [`cloudformation:${operation}`], arnOf(asked, '*')) ?? operations[operation](asked),
    putStack: ({ region, accountId, name, resources: made }: PutStack) =>
      resources.put(stackArn(region, accountId, name, randomUUID()), made),
  }
}

import { randomUUID } from 'node:crypto'
import type { Clock } from '../call.js'
import { evaluateRole, parameterFault, type Template } from './cloudformation-template.js'
import { allows, type PolicyDocument, type Principal } from './iam.js'
import { createQueryXml } from './query-xml.js'
import type { StsStandIn } from './sts.js'
import type { WireAnswer } from './wire.js'

/** How CloudFormation answers. */
export const cloudFormationXml = createQueryXml('http://cloudformation.amazonaws.com/doc/2010-05-15/')
const { success, failure } = cloudFormationXml

interface CloudFormationStack {
  readonly stackId: string
  readonly roleArn: string
  readonly createdAt: string
}

/** Who asks, and for which stack. */
export interface Asked {
  readonly principal: Principal
  readonly region: string
  readonly name: string
  readonly form: URLSearchParams
}

/** What the template's role comes to. */
interface RoleProperties {
  readonly Path: string
  readonly RoleName: string
  readonly AssumeRolePolicyDocument: PolicyDocument
  readonly Policies: readonly { readonly PolicyDocument: PolicyDocument }[]
}

export interface StacksOptions {
  readonly clock: Clock
  /** The templates that stand in S3, by their address; each has one role. */
  readonly templates: ReadonlyMap<string, Template>
  /** Where roles come to be and go. */
  readonly roles: Pick<StsStandIn, 'putRole' | 'deleteRole'>
}

/** `Parameters.member.1.ParameterKey=…&Parameters.member.1.ParameterValue=…` as a map. */
function readParameters(form: URLSearchParams): Map<string, string> {
  const keys = [...form].filter(([name]) => /^Parameters\.member\.\d+\.ParameterKey$/.test(name))
  return new Map(keys.map(([name, key]) => [key, form.get(name.replace('ParameterKey', 'ParameterValue')) ?? '']))
}

const stackArn = ({ principal, region, name }: Asked, id: string) =>
  `arn:aws:cloudformation:${region}:${principal.accountId}:stack/${name}/${id}`

/** The stacks of all accounts, and the calls on them by name. */
export function createStacks({ clock, templates, roles }: StacksOptions) {
  const stacks = new Map<string, CloudFormationStack>()
  const keyOf = (asked: Asked) => stackArn(asked, '')

  function mayNot({ principal }: Asked, actions: readonly string[], arn: string): WireAnswer | undefined {
    const action = actions.find((one) => !allows(principal, one, arn))
    if (action === undefined) return undefined
    const message = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${arn}`
    return failure('AccessDenied', message, 403)
  }

  function createStack(asked: Asked): WireAnswer {
    const { form, principal, region, name } = asked
    const template = templates.get(form.get('TemplateURL') ?? '')
    if (!template) return failure('ValidationError', 'S3 error: Access Denied')
    const parameters = readParameters(form)
    const wrong = parameterFault(template, parameters)
    if (wrong !== undefined) return failure('ValidationError', wrong)
    if (form.get('Capabilities.member.1') !== 'CAPABILITY_NAMED_IAM') {
      return failure('InsufficientCapabilitiesException', 'Requires capabilities : [CAPABILITY_NAMED_IAM]')
    }
    if (stacks.has(keyOf(asked))) return failure('AlreadyExistsException', `Stack [${name}] already exists`)
    const { accountId } = principal
    const pseudo = { 'AWS::Partition': 'aws', 'AWS::AccountId': accountId, 'AWS::Region': region }
    // customerRoleTemplate has these properties, and its role is evaluated whole.
    const role = evaluateRole(template, new Map([...Object.entries(pseudo), ...parameters])) as RoleProperties
    const roleArn = `arn:aws:iam::${accountId}:role${role.Path}${role.RoleName}`
    // CloudFormation works with the rights of whoever calls it.
    const refusal = mayNot(asked, ['iam:CreateRole', 'iam:PutRolePolicy'], roleArn)
    if (refusal) return refusal
    const policies = role.Policies.map(({ PolicyDocument }) => PolicyDocument)
    roles.putRole({ roleArn, trust: role.AssumeRolePolicyDocument, policies })
    const stackId = stackArn(asked, randomUUID())
    stacks.set(keyOf(asked), { stackId, roleArn, createdAt: new Date(clock.now()).toISOString() })
    return success('CreateStack', { StackId: stackId })
  }

  function describeStack(asked: Asked): WireAnswer {
    const { name: StackName } = asked
    const stack = stacks.get(keyOf(asked))
    if (!stack) return failure('ValidationError', `Stack with id ${StackName} does not exist`)
    const { stackId: StackId, roleArn, createdAt: CreationTime } = stack
    const Outputs = { member: { OutputKey: 'RoleArn', OutputValue: roleArn } }
    const member = { StackName, StackId, CreationTime, StackStatus: 'CREATE_COMPLETE', Outputs }
    return success('DescribeStacks', { Stacks: { member } })
  }

  /** A stack that is not there counts as deleted, as in AWS. */
  function deleteStack(asked: Asked): WireAnswer {
    const stack = stacks.get(keyOf(asked))
    const refusal = stack && mayNot(asked, ['iam:DeleteRole', 'iam:DeleteRolePolicy'], stack.roleArn)
    if (refusal) return refusal
    if (stack) roles.deleteRole(stack.roleArn)
    stacks.delete(keyOf(asked))
    return success('DeleteStack', {})
  }

  const operations = { CreateStack: createStack, DescribeStacks: describeStack, DeleteStack: deleteStack }
  return {
    has: (operation: string): operation is keyof typeof operations => operation in operations,
    serve: (operation: keyof typeof operations, asked: Asked): WireAnswer =>
      mayNot(asked, [`cloudformation:${operation}`], stackArn(asked, '*')) ?? operations[operation](asked),
  }
}

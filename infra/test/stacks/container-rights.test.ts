import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Template } from 'aws-cdk-lib/assertions'
import { GATEWAY_ACCOUNT as account, FUNCTION_ARN, REGION as region } from '../../../src/local/accounts.js'
import { type PolicyDocument, type Principal, resourceDecision } from '../../../src/local/aws/identity.js'
import { containersWith, synthContainers } from '../fixtures/containers.js'
import { policiesIn } from '../fixtures/policies.js'
import { type Call, checkRights } from '../fixtures/rights.js'
import { example, stackOf, synth } from '../fixtures/synth.js'

const templates = synthContainers(containersWith())
const stack = stackOf(templates, `CorbadoGatewayContainers-${region}`)

const KEY = `arn:aws:kms:${region}:${account}:key/of-the-parameters`
const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`
const forwarder = arn('lambda', 'function:corbado-cognito-gateway-forwarder')
const callers = arn('ssm', 'parameter/corbado/gateway/callers')
const secretOfTenant = arn('ssm', 'parameter/corbado/gateway/eu-central-1_Ac0meSh0p/backend-api')
const table = arn('dynamodb', 'table/corbado-gateway-tenants')
const stream = arn('logs', 'log-group:/aws/lambda/corbado-cognito-gateway-forwarder:log-stream:2026/11/22/[1]0a')
const viaSsm = { 'kms:ViaService': `ssm.${region}.amazonaws.com`, 'kms:EncryptionContext:PARAMETER_ARN': callers }

interface Properties {
  readonly PolicyDocument: PolicyDocument
  readonly Policies: readonly { readonly PolicyDocument: PolicyDocument }[]
  readonly TaskRoleArn: unknown
}

/** Properties of the resources of a type, with the stack's references put in. */
function propertiesOf(template: Template, type: string): Record<string, Properties> {
  const logArn = arn('logs', 'log-group:/corbado/cognito-gateway/containers:*')
  const text = JSON.stringify(template.findResources(type))
    .replaceAll(/\{"Fn::ImportValue":"[^"]*ParameterKey[^"]*"\}/g, `"${KEY}"`)
    .replaceAll('{"Ref":"AWS::Partition"}', '"aws"')
    .replaceAll(/\{"Fn::GetAtt":\["Log[^\]]*\]\}/g, `"${logArn}"`)
    .replaceAll(/\{"Fn::Join":\["",\[([^\]{}]*)\]\]\}/g, (_, parts: string) =>
      JSON.stringify(JSON.parse(`[${parts}]`).join('')),
    )
  const resources: Record<string, { Properties: Properties }> = JSON.parse(text)
  return Object.fromEntries(Object.entries(resources).map(([id, { Properties }]) => [id, Properties]))
}

function find(type: string, beginning: string): Properties {
  const [, found] = Object.entries(propertiesOf(stack, type)).find(([id]) => id.startsWith(beginning)) ?? []
  assert.ok(found, `${type} ${beginning}`)
  return found
}

const session = (name: string, policies: readonly PolicyDocument[], accountId = account): Principal => ({
  arn: `arn:aws:sts::${accountId}:assumed-role/${name}/x`,
  roleArn: `arn:aws:iam::${accountId}:role/${name}`,
  ...{ accountId, policies },
})

test('the forwarder can read the one secret that it signs with, and nothing of any tenant', () => {
  const role = find('AWS::IAM::Role', 'ForwarderRole')
  const who = session(
    'corbado-gateway-forwarder',
    role.Policies.map(({ PolicyDocument }) => PolicyDocument),
  )
  const byCode = { 'lambda:SourceFunctionArn': forwarder }
  const denied: Call[] = [
    ['ssm:GetParameter', secretOfTenant],
    ['ssm:GetParameter', `${callers}-2`],
    ['ssm:GetParameter', `${callers}/more`],
    ['ssm:GetParameter', callers.replace(region, 'us-east-1')],
    ['ssm:GetParameter', callers.replace(account, '111122223333')],
    ...['GetParameters', 'GetParametersByPath', 'GetParameterHistory', 'PutParameter', 'DeleteParameter'].map(
      (name): Call => [`ssm:${name}`, callers],
    ),
    ['kms:Decrypt', KEY],
    ['kms:Decrypt', KEY, { 'kms:ViaService': viaSsm['kms:ViaService'] }],
    ['kms:Decrypt', KEY, { ...viaSsm, 'kms:EncryptionContext:PARAMETER_ARN': secretOfTenant }],
    ['kms:Decrypt', KEY, { ...viaSsm, 'kms:ViaService': `dynamodb.${region}.amazonaws.com` }],
    ['kms:Decrypt', arn('kms', 'key/of-somebody-else'), viaSsm],
    ['kms:Encrypt', KEY, viaSsm],
    ['dynamodb:GetItem', table],
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado/corbado-x', { 'sts:ExternalId': 'id' }],
    ['sts:AssumeRole', `arn:aws:iam::${account}:role/corbado-gateway`],
    ['lambda:InvokeFunction', `${FUNCTION_ARN}:actions`],
    ['lambda:InvokeFunction', forwarder],
    ['logs:PutLogEvents', stream.replace('-forwarder', '')],
    ['logs:FilterLogEvents', stream],
    ['ec2:CreateNetworkInterface', '*', byCode],
    ['ec2:DescribeSubnets', '*', byCode],
    ['ec2:RunInstances', '*'],
    ['ecr:BatchGetImage', arn('ecr', 'repository/corbado/cognito-gateway')],
  ]
  const allowed: Call[] = [
    ['ssm:GetParameter', callers],
    ['kms:Decrypt', KEY, viaSsm],
    ['logs:PutLogEvents', stream],
    ['ec2:CreateNetworkInterface', '*'],
  ]
  checkRights(who, allowed, denied)
})

test('what starts the containers can pull their image and write their lines, and not do their work', () => {
  const policy = find('AWS::IAM::Policy', 'ExecutionRoleDefaultPolicy')
  const image = arn('ecr', 'repository/corbado/cognito-gateway')
  const lines = arn('logs', 'log-group:/corbado/cognito-gateway/containers:*')
  const denied: Call[] = [
    ['ecr:BatchGetImage', arn('ecr', 'repository/other')],
    ['ecr:BatchGetImage', image.replace(region, 'us-east-1')],
    ['ecr:BatchGetImage', image.replace(account, '111122223333')],
    ['ecr:GetDownloadUrlForLayer', arn('ecr', 'repository/other')],
    ...['PutImage', 'InitiateLayerUpload', 'BatchDeleteImage', 'SetRepositoryPolicy', 'DeleteRepository'].map(
      (name): Call => [`ecr:${name}`, image],
    ),
    ...['FilterLogEvents', 'DeleteLogStream', 'DeleteLogGroup', 'PutRetentionPolicy'].map(
      (name): Call => [`logs:${name}`, lines],
    ),
    ['logs:PutLogEvents', stream],
    ['logs:PutLogEvents', lines.replace('containers', 'others')],
    ['ssm:GetParameter', callers],
    ['ssm:GetParameter', secretOfTenant],
    ['kms:Decrypt', KEY, viaSsm],
    ['dynamodb:GetItem', table],
    ['secretsmanager:GetSecretValue', '*'],
    ['lambda:InvokeFunction', `${FUNCTION_ARN}:actions`],
    ['iam:PassRole', `arn:aws:iam::${account}:role/corbado-gateway`],
    ['sts:AssumeRole', `arn:aws:iam::${account}:role/corbado-gateway`],
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado/corbado-x', { 'sts:ExternalId': 'id' }],
    ['ecs:ExecuteCommand', '*'],
    ['ssmmessages:OpenDataChannel', '*'],
  ]
  const allowed: Call[] = [
    ['ecr:BatchGetImage', image],
    ['ecr:GetAuthorizationToken', '*'],
    ['logs:PutLogEvents', lines],
  ]
  checkRights(session('execution', [policy.PolicyDocument]), allowed, denied)
})

test('containers work as the gateway, whom customers trust, and only tasks of this account do', () => {
  const trust = policiesIn(stackOf(templates, 'CorbadoGatewayGlobal'), { account, region }).trust('GatewayRole')
  const ask = (service: string, context: Record<string, string> = {}, of = trust) =>
    resourceDecision(of, { service }, 'sts:AssumeRole', 'role', context)
  assert.equal(ask('ecs-tasks.amazonaws.com', { 'aws:SourceAccount': account }), 'allow')
  assert.equal(ask('ecs-tasks.amazonaws.com', { 'aws:SourceAccount': '111122223333' }), 'none')
  assert.equal(ask('ecs-tasks.amazonaws.com'), 'none')
  assert.equal(ask('lambda.amazonaws.com'), 'allow')
  assert.equal(ask('ecs.amazonaws.com', { 'aws:SourceAccount': account }), 'none')
  const task = JSON.stringify(find('AWS::ECS::TaskDefinition', 'Task').TaskRoleArn)
  assert.equal(task, JSON.stringify(`arn:aws:iam::${account}:role/corbado-gateway`))

  const without = policiesIn(stackOf(synth(example('hosted')), 'CorbadoGatewayGlobal'), { account, region })
  const tasks = { 'aws:SourceAccount': account }
  assert.equal(ask('ecs-tasks.amazonaws.com', tasks, without.trust('GatewayRole')), 'none', 'without containers')
})

test("the VPC's ways to AWS are for the gateway's account and for what the gateway does there", () => {
  const endpoints = Object.values(propertiesOf(stack, 'AWS::EC2::VPCEndpoint'))
  assert.equal(endpoints.length, 4)
  const through = (who: Principal, action: string, resource: string) =>
    endpoints.some(({ PolicyDocument }) => resourceDecision(PolicyDocument, who, action, resource) === 'allow')
  const role = 'arn:aws:iam::111122223333:role/corbado/corbado-x'
  const own = session('corbado-gateway', [])
  const foreign = session('intruder', [], '444455556666')
  const used: Call[] = [
    ['dynamodb:GetItem', table],
    ['ssm:GetParameter', callers],
    ['sts:AssumeRole', role],
    ['logs:PutLogEvents', stream],
  ]
  for (const [action, resource] of used) {
    assert.equal(through(own, action, resource), true, action)
    assert.equal(through(foreign, action, resource), false, `another account's ${action}`)
  }
  const unused: Call[] = [
    ['dynamodb:PutItem', table],
    ...['UpdateItem', 'DeleteItem', 'Query', 'Scan'].map((name): Call => [`dynamodb:${name}`, table]),
    ['dynamodb:GetItem', arn('dynamodb', 'table/other')],
    ...['GetParametersByPath', 'PutParameter', 'DeleteParameter'].map((name): Call => [`ssm:${name}`, callers]),
    ['ssm:GetParameter', callers.replace(account, '111122223333')],
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/admin'],
    ['sts:GetFederationToken', role],
    ['sts:TagSession', role],
    ...['FilterLogEvents', 'GetLogEvents', 'DeleteLogStream', 'CreateLogGroup'].map(
      (name): Call => [`logs:${name}`, stream],
    ),
  ]
  for (const [action, resource] of unused) assert.equal(through(own, action, resource), false, action)
})

test("an operator can grant the forwarder's aliases; the stack itself lets no caller in", () => {
  const policy = find('AWS::IAM::ManagedPolicy', 'OperatorPolicy')
  const denied: Call[] = [
    ['lambda:UpdateFunctionCode', forwarder],
    ['lambda:UpdateFunctionConfiguration', forwarder],
    ['lambda:InvokeFunction', `${forwarder}:t-1`],
    ['lambda:UpdateAlias', `${forwarder}:t-1`],
    ['lambda:DeleteAlias', `${forwarder}:t-1`],
    ['lambda:AddPermission', `${forwarder}:t-1`],
    ['lambda:InvokeFunction', forwarder],
    ['lambda:PublishVersion', forwarder],
    ['lambda:DeleteFunction', forwarder],
    ['lambda:PutFunctionConcurrency', forwarder],
    ['lambda:PutResourcePolicy', forwarder],
    ['lambda:PutResourcePolicy', arn('lambda', 'function:other:t-1')],
    ['lambda:PutResourcePolicy', `${forwarder.replace(region, 'us-east-1')}:t-1`],
    ['lambda:PutResourcePolicy', `${forwarder.replace(account, '111122223333')}:t-1`],
    // The gateway's own function has an operator's policy of its own.
    ['lambda:PutResourcePolicy', `${FUNCTION_ARN}:t-1`],
    ['lambda:CreateAlias', arn('lambda', 'function:other')],
    ['iam:PassRole', `arn:aws:iam::${account}:role/corbado-gateway-forwarder-${region}`],
    ['kms:Decrypt', KEY, viaSsm],
    ['ssm:GetParameter', callers],
    ['ecs:UpdateService', '*'],
    ['ecs:ExecuteCommand', '*'],
  ]
  const allowed: Call[] = [
    ['lambda:CreateAlias', forwarder],
    ['lambda:PutResourcePolicy', `${forwarder}:t-1`],
  ]
  checkRights(session('corbado-operator', [policy.PolicyDocument]), allowed, denied)
  assert.deepEqual(stack.findResources('AWS::Lambda::Permission'), {})
})

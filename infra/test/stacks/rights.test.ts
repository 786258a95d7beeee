import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as local from '../../../src/local/accounts.js'
import { allows, type PolicyDocument, type Principal, resourceDecision } from '../../../src/local/aws/identity.js'
import { policiesIn, rightsOf } from '../fixtures/policies.js'
import { type Call, checkRights } from '../fixtures/rights.js'
import { hostedWith, stackOf, synth } from '../fixtures/synth.js'

const place = { account: local.GATEWAY_ACCOUNT, region: local.REGION }
const network = { subnetIds: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] }
const templates = synth(hostedWith({}))
const inGlobal = policiesIn(stackOf(templates, 'CorbadoGatewayGlobal'), place)
const inRegion = policiesIn(stackOf(templates, `CorbadoGateway-${place.region}`), place)

const session = (name: string, policies: PolicyDocument[]): Principal => ({
  arn: `arn:aws:sts::${place.account}:assumed-role/${name}/x`,
  roleArn: `arn:aws:iam::${place.account}:role/${name}`,
  accountId: place.account,
  policies,
})
const gateway = session('corbado-gateway', [...inGlobal.inline('GatewayRole'), ...inRegion.attached('corbado-gateway')])
const doctor = session('corbado-gateway-doctor', inGlobal.inline('DoctorRole'))
const operator = session('corbado-operator', inRegion.managed('OperatorPolicy'))
const onCall = session('corbado-operator', inRegion.managed('OnCallPolicy'))

const arn = (service: string, rest: string) => `arn:aws:${service}:${place.region}:${place.account}:${rest}`
const table = arn('dynamodb', 'table/corbado-gateway-tenants')
const parameter = arn('ssm', 'parameter/corbado/gateway/eu-central-1_Ac0meSh0p/backend-api')
const customerRole = 'arn:aws:iam::111122223333:role/corbado/corbado-eu-central-1_Ac0meSh0p'
const [tableKey, parameterKey] = [inRegion.keyArn('TableKey'), inRegion.keyArn('ParameterKey')]
const viaTable = { 'kms:ViaService': `dynamodb.${place.region}.amazonaws.com` }
const viaSsm = {
  'kms:ViaService': `ssm.${place.region}.amazonaws.com`,
  'kms:EncryptionContext:PARAMETER_ARN': parameter,
}
const withId = { 'sts:ExternalId': 'corbado-acme' }
const lambda = local.FUNCTION_ARN
const stream = arn('logs', 'log-group:/aws/lambda/corbado-cognito-gateway:log-stream:2026/11/22/[1]0a')

const gatewayDoes: Call[] = [
  ['dynamodb:GetItem', table],
  ['kms:Decrypt', tableKey, viaTable],
  ['ssm:GetParameter', parameter],
  ['kms:Decrypt', parameterKey, viaSsm],
  ['sts:AssumeRole', customerRole, withId],
  ['logs:CreateLogStream', stream],
  ['logs:PutLogEvents', stream],
]
const gatewayMustNot: Call[] = [
  ...['PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Scan', 'BatchGetItem', 'DeleteTable'].map(
    (name): Call => [`dynamodb:${name}`, table],
  ),
  ['dynamodb:GetItem', arn('dynamodb', 'table/corbado-gateway-tenants-2')],
  ['dynamodb:GetItem', table.replace(place.region, 'us-east-1')],
  ['dynamodb:GetItem', table.replace(place.account, '111122223333')],
  ...['GetParameters', 'GetParametersByPath', 'GetParameterHistory', 'PutParameter', 'DeleteParameter'].map(
    (name): Call => [`ssm:${name}`, parameter],
  ),
  ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway')],
  ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway-2/secret')],
  ['ssm:GetParameter', arn('ssm', 'parameter/corbado/other')],
  ['ssm:GetParameter', parameter.replace(place.account, '111122223333')],
  ['kms:Decrypt', parameterKey],
  ['kms:Decrypt', parameterKey, { 'kms:ViaService': viaSsm['kms:ViaService'] }],
  ['kms:Decrypt', parameterKey, { ...viaSsm, 'kms:EncryptionContext:PARAMETER_ARN': arn('ssm', 'parameter/other') }],
  ['kms:Decrypt', parameterKey, { ...viaSsm, 'kms:ViaService': 's3.eu-central-1.amazonaws.com' }],
  ['kms:Decrypt', arn('kms', 'key/of-somebody-else'), viaSsm],
  ['kms:Encrypt', parameterKey, viaSsm],
  ['kms:Decrypt', tableKey],
  ['kms:Decrypt', tableKey, viaSsm],
  ['kms:CreateGrant', tableKey, viaTable],
  ['sts:AssumeRole', customerRole],
  ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado-eu-central-1_Ac0meSh0p', withId],
  ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado/admin', withId],
  ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/other/corbado/corbado-x', withId],
  ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/admin', withId],
  ['sts:AssumeRole', local.OPERATOR_VARIABLES.DOCTOR_ROLE_ARN, withId],
  ['sts:TagSession', customerRole, withId],
  ['logs:PutLogEvents', stream.replace('corbado-cognito-gateway', 'other')],
  ['logs:FilterLogEvents', stream],
  ['logs:DeleteLogStream', stream],
  ['lambda:InvokeFunction', `${lambda}:t-1`],
  ['lambda:PutResourcePolicy', `${lambda}:t-1`],
  ['cognito-idp:AdminGetUser', 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Ac0meSh0p'],
  ['ec2:RunInstances', '*'],
  ['iam:PassRole', local.OPERATOR_VARIABLES.GATEWAY_ROLE_ARN],
]

test("the gateway's role cannot do what is next to its work", () => {
  checkRights(gateway, gatewayDoes, [...gatewayMustNot, ['ec2:CreateNetworkInterface', '*']])
})

test('in subnets, Lambda can attach the network, and the code of the function cannot', () => {
  const inNetwork = policiesIn(stackOf(synth(hostedWith({ network })), `CorbadoGateway-${place.region}`), place)
  const policies = [...inGlobal.inline('GatewayRole'), ...inNetwork.attached('corbado-gateway')]
  const byCode = { 'lambda:SourceFunctionArn': lambda }
  checkRights(
    session('corbado-gateway', policies),
    [...gatewayDoes, ['ec2:CreateNetworkInterface', '*']],
    [...gatewayMustNot, ['ec2:CreateNetworkInterface', '*', byCode], ['ec2:DescribeSubnets', '*', byCode]],
  )
})

test('the doctor can try customer roles, with and without ExternalId, and do nothing else', () => {
  const denied: Call[] = [
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado/admin'],
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/admin'],
    ['sts:AssumeRole', local.OPERATOR_VARIABLES.GATEWAY_ROLE_ARN],
    ['sts:AssumeRole', 'arn:aws:iam::999900000001:role/corbado-operator'],
    ['sts:TagSession', customerRole],
    ['sts:SetSourceIdentity', customerRole],
    ['sts:AssumeRoleWithWebIdentity', customerRole],
    ['iam:UpdateAssumeRolePolicy', customerRole],
    ['iam:GetRole', customerRole],
    ['dynamodb:GetItem', table],
    ['dynamodb:Scan', table],
    ['dynamodb:PutItem', table],
    ['ssm:GetParameter', parameter],
    ['ssm:PutParameter', parameter],
    ['kms:Decrypt', parameterKey, viaSsm],
    ['kms:Decrypt', tableKey, viaTable],
    ['lambda:GetResourcePolicy', `${lambda}:t-1`],
    ['lambda:InvokeFunction', `${lambda}:actions`],
    ['logs:PutLogEvents', stream],
    ['logs:FilterLogEvents', stream],
    ['cognito-idp:DescribeUserPool', 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Ac0meSh0p'],
    ['s3:GetObject', 'arn:aws:s3:::corbado-gateway-templates-999900000001/role.template.json'],
  ]
  checkRights(
    doctor,
    [
      ['sts:AssumeRole', customerRole],
      ['sts:AssumeRole', customerRole, withId],
    ],
    denied,
  )
})

test('only the operator can become the doctor, and only Lambda the gateway', () => {
  const ask = (trust: PolicyDocument, who: Principal | { service: string }) =>
    resourceDecision(trust, who, 'sts:AssumeRole', 'role')
  const doctorTrust = inGlobal.trust('DoctorRole')
  for (const who of [gateway, doctor, local.actionCaller, local.customerAdmin('111122223333')]) {
    assert.equal(ask(doctorTrust, who), 'none', who.arn)
    assert.equal(ask(inGlobal.trust('GatewayRole'), who), 'none', who.arn)
  }
  assert.equal(ask(doctorTrust, { service: 'lambda.amazonaws.com' }), 'none')
  assert.equal(ask(doctorTrust, operator), 'allow')
  assert.equal(ask(inGlobal.trust('GatewayRole'), operator), 'none')
  assert.equal(ask(inGlobal.trust('GatewayRole'), { service: 'ec2.amazonaws.com' }), 'none')
  assert.equal(ask(inGlobal.trust('GatewayRole'), { service: 'lambda.amazonaws.com' }), 'allow')
})

test('the operator can work on tenants, secrets and aliases, and on nothing beside them', () => {
  const allowed: Call[] = [
    ...['GetItem', 'PutItem', 'DeleteItem', 'Query', 'Scan'].map((name): Call => [`dynamodb:${name}`, table]),
    ['kms:GenerateDataKey', tableKey, viaTable],
    ['ssm:GetParameter', parameter],
    ['ssm:GetParameterHistory', parameter],
    ['ssm:PutParameter', parameter],
    ['kms:Encrypt', parameterKey, viaSsm],
    // For parameters of the advanced tier.
    ['kms:GenerateDataKey', parameterKey, viaSsm],
    ['lambda:CreateAlias', lambda],
    ['lambda:PutResourcePolicy', `${lambda}:t-1`],
    ['sts:AssumeRole', local.OPERATOR_VARIABLES.DOCTOR_ROLE_ARN],
  ]
  const denied: Call[] = [
    ['dynamodb:DeleteTable', table],
    ['dynamodb:UpdateTable', table],
    ['dynamodb:UpdateContinuousBackups', table],
    ['dynamodb:Scan', arn('dynamodb', 'table/other')],
    ['ssm:PutParameter', arn('ssm', 'parameter/corbado/other')],
    // The gateway's own secrets: their holder speaks for every tenant, or sees through the pseudonyms.
    ...['callers', 'pseudonym-key', 'with_underscore'].flatMap((name): Call[] => {
      const own = arn('ssm', `parameter/corbado/gateway/${name}`)
      const context = { ...viaSsm, 'kms:EncryptionContext:PARAMETER_ARN': own }
      return [
        ['ssm:GetParameter', own],
        ['ssm:GetParameterHistory', own],
        ['ssm:PutParameter', own],
        ['kms:Decrypt', parameterKey, context],
        ['kms:Encrypt', parameterKey, context],
        ['kms:GenerateDataKey', parameterKey, context],
      ]
    }),
    ['ssm:DeleteParameter', parameter],
    ['ssm:GetParametersByPath', parameter],
    ['kms:Decrypt', parameterKey],
    ['kms:Encrypt', parameterKey, viaTable],
    ['kms:ScheduleKeyDeletion', parameterKey, viaSsm],
    ['kms:PutKeyPolicy', tableKey, viaTable],
    ['lambda:UpdateFunctionCode', lambda],
    ['lambda:UpdateFunctionConfiguration', lambda],
    ['lambda:UpdateAlias', `${lambda}:t-1`],
    ['lambda:DeleteAlias', `${lambda}:t-1`],
    ['lambda:AddPermission', `${lambda}:t-1`],
    ['lambda:InvokeFunction', `${lambda}:t-1`],
    ['lambda:PutResourcePolicy', `${lambda}:actions`],
    ['lambda:DeleteResourcePolicy', `${lambda}:actions`],
    ['lambda:PutResourcePolicy', arn('lambda', 'function:other:t-1')],
    ['lambda:CreateAlias', arn('lambda', 'function:other')],
    ['sts:AssumeRole', customerRole, withId],
    ['sts:AssumeRole', local.OPERATOR_VARIABLES.GATEWAY_ROLE_ARN],
    ['iam:UpdateAssumeRolePolicy', local.OPERATOR_VARIABLES.DOCTOR_ROLE_ARN],
  ]
  checkRights(operator, allowed, denied)
})

const lines = ['/aws/lambda/corbado-cognito-gateway', '/corbado/cognito-gateway/containers'].map((name) =>
  arn('logs', `log-group:${name}:log-stream:`),
)

test('who is on call reads lines and the key of the pseudonyms, and nothing beside them', () => {
  const key = arn('ssm', 'parameter/corbado/gateway/pseudonym-key')
  const context = { ...viaSsm, 'kms:EncryptionContext:PARAMETER_ARN': key }
  const allowed: Call[] = [
    ...lines.flatMap((line): Call[] => [
      ['logs:FilterLogEvents', line],
      ['logs:StartQuery', line],
    ]),
    ['logs:GetQueryResults', '*'],
    ['ssm:GetParameter', key],
    ['kms:Decrypt', parameterKey, context],
  ]
  const denied: Call[] = [
    ['logs:FilterLogEvents', arn('logs', 'log-group:/aws/lambda/other:log-stream:')],
    ['logs:FilterLogEvents', arn('logs', 'log-group:/aws/lambda/corbado-cognito-gateway-2:log-stream:')],
    ['logs:PutLogEvents', lines[0] ?? ''],
    ['logs:DeleteLogGroup', lines[0] ?? ''],
    ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway/callers')],
    ['ssm:GetParameter', parameter],
    ['ssm:GetParameterHistory', key],
    ['ssm:PutParameter', key],
    ['kms:Decrypt', parameterKey, viaSsm],
    ['kms:Encrypt', parameterKey, context],
    ['ssm:DeleteParameter', key],
    ['ssm:GetParametersByPath', arn('ssm', 'parameter/corbado/gateway')],
    ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway/pseudonym-key-2')],
    ['ssm:GetParameter', key.replace(place.region, 'us-east-1')],
    ['kms:GenerateDataKey', parameterKey, context],
    ['kms:Decrypt', parameterKey],
    ['kms:Decrypt', tableKey, viaTable],
    ['logs:PutRetentionPolicy', lines[0] ?? ''],
    ['logs:GetLogEvents', lines[0] ?? ''],
    ['logs:Unmask', lines[0] ?? ''],
    ['dynamodb:GetItem', table],
  ]
  checkRights(onCall, allowed, denied)
  for (const who of [gateway, doctor, operator])
    for (const line of lines) assert.equal(allows(who, 'logs:FilterLogEvents', line), false, who.arn)
})

test('gateway, doctor and operator have the rights that the embedded stack gives them; keys and log lines come on top', () => {
  const ours = ({ policies }: Principal) => rightsOf(policies).filter((right) => !/^Allow (kms|logs):/.test(right))
  assert.deepEqual(ours(gateway), rightsOf(local.gateway.policies))
  assert.deepEqual(ours(doctor), rightsOf(local.doctor.policies))
  assert.deepEqual(ours(operator), rightsOf(local.operator.policies))
})

test("actions can be invoked by Corbado's caller through their alias alone; no tenant alias gets a policy here", () => {
  const policy = inRegion.permissions()
  const ask = (who: Principal | { service: string }, alias: string) =>
    resourceDecision(policy, who, 'lambda:InvokeFunction', `${lambda}:${alias}`)
  assert.equal(ask(local.actionCaller, 'actions'), 'allow')
  assert.equal(ask(local.actionCaller, 't-1'), 'none')
  assert.equal(ask(operator, 'actions'), 'none')
  assert.equal(ask({ service: 'cognito-idp.amazonaws.com' }, 'actions'), 'none')
  assert.equal(ask({ service: 'cognito-idp.amazonaws.com' }, 't-1'), 'none')
  assert.equal(policy.Statement.length, 1)
})

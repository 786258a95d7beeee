import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Match } from 'aws-cdk-lib/assertions'
import { parseEnv } from '../../../src/env.js'
import { allows, type Principal, resourceDecision } from '../../../src/local/aws/identity.js'
import { withDefaults } from '../../../src/tenant/config.js'
import { parseTenantFile } from '../../../src/tenant/config-rules.js'
import { policiesIn } from '../fixtures/policies.js'
import { type Call, checkRights } from '../fixtures/rights.js'
import { example, type Json, stackOf, synth } from '../fixtures/synth.js'

const place = { account: '111122223333', region: 'eu-central-1' }
const stack = (changes: Json = {}) => stackOf(synth(example('self-hosted', changes)), 'CorbadoGatewaySelfHosted')
const template = stack()
const policies = policiesIn(template, place)

const FUNCTION = 'arn:aws:lambda:eu-central-1:111122223333:function:corbado-cognito-gateway'
const POOL = 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Ac0meSh0p'
const role: Principal = { arn: 'role', accountId: place.account, policies: policies.inline('GatewayRole') }

const environment = () => {
  const [own] = Object.values(template.findResources('AWS::Lambda::Function'))
  return own?.Properties.Environment.Variables as Record<string, string>
}

test('the function starts with these settings and takes a config without a role', () => {
  assert.equal(environment().SELF_HOSTED, 'true')
  assert.equal(environment().ALLOW_UNQUALIFIED, 'true')
  const env = parseEnv({ ...environment(), AWS_REGION: place.region })
  const file = {
    ...{ tenantId: 'acme', customer: 'acme', displayName: 'Acme', userPoolId: 'eu-central-1_Ac0meSh0p' },
    ...{ status: 'active', alias: 'self' },
    aws: { accountId: place.account, region: place.region, roleArn: null, externalId: null },
    corbado: {
      projectId: 'pro-1',
      backendApiUrl: 'https://backendapi.cloud.corbado.io',
      credentialParameter: '/corbado/gateway/eu-central-1_Ac0meSh0p/backend-api',
      credentialScheme: 'basic',
    },
    actions: { postAppend: { mfa: 'none' } },
  }
  const parsed = parseTenantFile(file, env)
  assert.ok(parsed.kind === 'valid', JSON.stringify(parsed))
  assert.equal(withDefaults(parsed.file).aws.roleArn, null)
})

test('its role reaches one pool, one table and one prefix, and assumes no role at all', () => {
  const may = (action: string, resource: string) => allows(role, action, resource)
  const table = 'arn:aws:dynamodb:eu-central-1:111122223333:table/corbado-gateway-tenants'
  const parameter = 'arn:aws:ssm:eu-central-1:111122223333:parameter/corbado/gateway/eu-central-1_Ac0meSh0p/backend-api'
  const viaSsm = {
    'kms:ViaService': 'ssm.eu-central-1.amazonaws.com',
    'kms:EncryptionContext:PARAMETER_ARN': parameter,
  }
  for (const name of ['AdminGetUser', 'ListUsers', 'AdminSetUserMFAPreference']) {
    assert.equal(may(`cognito-idp:${name}`, POOL), true, name)
    assert.equal(may(`cognito-idp:${name}`, POOL.replace('Ac0meSh0p', 'Other0000')), false, name)
    assert.equal(may(`cognito-idp:${name}`, POOL.replace('central-1:', 'west-1:')), false, name)
  }
  const allowed: Call[] = [
    ['dynamodb:GetItem', table],
    ['ssm:GetParameter', parameter],
    ['kms:Decrypt', policies.keyArn('ParameterKey'), viaSsm],
  ]
  const neighbours: Call[] = [
    ...['AdminCreateUser', 'AdminDeleteUser', 'AdminSetUserPassword', 'AdminInitiateAuth', 'UpdateUserPool'].map(
      (name): Call => [`cognito-idp:${name}`, POOL],
    ),
    ['cognito-idp:DescribeUserPool', POOL],
    ...['PutItem', 'DeleteItem', 'Query', 'Scan'].map((name): Call => [`dynamodb:${name}`, table]),
    ['dynamodb:GetItem', table.replace('tenants', 'other')],
    ['ssm:GetParametersByPath', parameter],
    ['ssm:PutParameter', parameter],
    ['ssm:GetParameter', parameter.replace('/corbado/gateway', '/app')],
    ['kms:Decrypt', policies.keyArn('ParameterKey')],
    ['kms:Decrypt', policies.keyArn('TableKey'), viaSsm],
    ['sts:AssumeRole', `arn:aws:iam::${place.account}:role/corbado/corbado-eu-central-1_Ac0meSh0p`],
    ['sts:AssumeRole', `arn:aws:iam::${place.account}:role/corbado/corbado-x`, { 'sts:ExternalId': 'corbado-acme' }],
    ['sts:AssumeRole', `arn:aws:iam::${place.account}:role/admin`, { 'sts:ExternalId': 'corbado-acme' }],
    ['lambda:InvokeFunction', FUNCTION],
    ['iam:PassRole', 'role'],
    [
      'logs:FilterLogEvents',
      `arn:aws:logs:eu-central-1:${place.account}:log-group:/aws/lambda/corbado-cognito-gateway`,
    ],
  ]
  checkRights(role, allowed, neighbours)
})

test('this pool alone invokes the function, and Corbado its actions only if the config says so', () => {
  const cognito = { service: 'cognito-idp.amazonaws.com' }
  const ask = (policy: typeof policies, pool: string, account = place.account) =>
    resourceDecision(policy.permissions(), cognito, 'lambda:InvokeFunction', FUNCTION, {
      'AWS:SourceArn': pool,
      'AWS:SourceAccount': account,
    })
  assert.equal(ask(policies, POOL), 'allow')
  assert.equal(ask(policies, POOL.replace('Ac0meSh0p', 'Other0000')), 'none')
  assert.equal(ask(policies, POOL.replace(place.account, '444455556666'), '444455556666'), 'none')
  template.resourceCountIs('AWS::Lambda::Alias', 0)

  const caller = 'arn:aws:iam::999900000001:role/corbado-connect'
  const withActions = policiesIn(stack({ actionCallerRoleArn: caller }), place)
  const corbado: Principal = { arn: caller, accountId: '999900000001', policies: [] }
  const invoke = (from: typeof policies, resource: string) =>
    resourceDecision(from.permissions(), corbado, 'lambda:InvokeFunction', resource)
  assert.equal(invoke(withActions, `${FUNCTION}:actions`), 'allow')
  assert.equal(invoke(withActions, FUNCTION), 'none')
  assert.equal(invoke(policies, `${FUNCTION}:actions`), 'none')
})

test('it is protected and watched like the hosted one', () => {
  stack({ deletionProtection: true }).hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'RetainExceptOnCreate',
    Properties: { Replicas: [Match.objectLike({ DeletionProtectionEnabled: true })] },
  })
  template.hasResourceProperties('AWS::Lambda::Function', {
    Timeout: 5,
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
  })
  template.resourceCountIs('AWS::CloudWatch::Dashboard', 1)
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmActions: Match.absent() })
})

import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation'
import {
  CognitoIdentityProviderClient,
  ListUsersCommand,
  UpdateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import {
  AddPermissionCommand,
  GetPolicyCommand,
  GetResourcePolicyCommand,
  LambdaClient,
  RemovePermissionCommand,
} from '@aws-sdk/client-lambda'
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  type GetParametersByPathCommandOutput,
  SSMClient,
} from '@aws-sdk/client-ssm'
import t from 'tap'
import { customerAdmin, FUNCTION_ARN, gateway, operator } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { startStack } from '../../src/local/stack.js'
import { customerRoleTemplate } from '../../src/operator/role/cloudformation.js'
import { fullPool } from '../fixtures/full-pool.js'
import { stayOnLoopback } from '../fixtures/loopback.js'

const strangers = stayOnLoopback(t)
const stack = await startStack()
t.teardown(stack.stop)
stack.deploy(async () => ({}), ['acme'])
const region = 'eu-central-1'
const admin = customerAdmin(fullPool.accountId)

function optionsFor(endpoint: string, principal: Principal) {
  return { endpoint, region, maxAttempts: 1, credentials: stack.credentialsFor(principal) }
}

const allow = (Action: string, Resource: string) =>
  ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource }] }) as const

t.test('SSM: one version of a parameter is read by name:version, and one that is not there is named', async (t) => {
  const ssm = new SSMClient(optionsFor(stack.ssm.url, operator))
  t.teardown(() => ssm.destroy())
  const name = '/corbado/gateway/eu-central-1_Versions/backend-api'
  const get = (Name: string) => ssm.send(new GetParameterCommand({ Name, WithDecryption: true }))
  await t.rejects(get(`${name}:1`), { name: 'ParameterNotFound' })
  stack.ssm.put(name, 'first')
  stack.ssm.put(name, 'second')
  t.match((await get(`${name}:1`)).Parameter, { Name: name, Selector: ':1', Version: 1, Value: 'first' })
  t.match((await get(`${name}:2`)).Parameter, { Name: name, Selector: ':2', Version: 2, Value: 'second' })
  const newest = (await get(name)).Parameter
  t.match(newest, { Name: name, Version: 2, Value: 'second' })
  t.notOk('Selector' in (newest ?? {}))
  const gone = { name: 'ParameterVersionNotFound', message: /could not find version 9 of / }
  await t.rejects(get(`${name}:9`), gone)
  await t.rejects(get('/other:1'), { name: 'AccessDeniedException' }, 'the right is to the name')
})

t.test(
  'SSM: a path may be listed by nobody whose rights are to single parameters; the refusal names right and path',
  async (t) => {
    const list = async (principal: Principal, input: { Path: string; Recursive?: boolean; MaxResults?: number }) => {
      const ssm = new SSMClient(optionsFor(stack.ssm.url, principal))
      t.teardown(() => ssm.destroy())
      return ssm.send(new GetParametersByPathCommand(input))
    }
    const Path = '/corbado/gateway'
    const message =
      /is not authorized to perform: ssm:GetParametersByPath on resource: arn:aws:ssm:\S+:parameter\/corbado\/gateway because/
    for (const principal of [operator, gateway]) {
      await t.rejects(list(principal, { Path }), { name: 'AccessDeniedException', message })
    }
    await t.rejects(list(operator, { Path: 'corbado' }), {
      name: 'ValidationException',
      message: /must begin with a forward slash/,
    })
    const reader = { ...operator, policies: [allow('ssm:GetParametersByPath', '*')] }
    for (const name of ['/listed/a', '/listed/b', '/listed/deep/c']) stack.ssm.put(name, 'x', 'String')
    const names = ({ Parameters = [] }: Pick<GetParametersByPathCommandOutput, 'Parameters'>) =>
      Parameters.map(({ Name }) => Name)
    t.strictSame(names(await list(reader, { Path: '/listed' })), ['/listed/a', '/listed/b'])
    const page = await list(reader, { Path: '/listed/', Recursive: true, MaxResults: 2 })
    t.strictSame(names(page), ['/listed/a', '/listed/b'])
    t.ok(page.NextToken)
  },
)

t.test('Cognito: users are listed with the attributes that were asked for, which all of them must have', async (t) => {
  stack.cognito.putPool(fullPool)
  const UserPoolId = fullPool.userPoolId
  const cognito = new CognitoIdentityProviderClient(optionsFor(stack.cognito.url, admin))
  t.teardown(() => cognito.destroy())
  stack.cognito.putUser(UserPoolId, { username: 'ada', attributes: { email: 'ada@acme.example', name: 'Ada' } })
  stack.cognito.putUser(UserPoolId, { username: 'bob', attributes: { email: 'bob@acme.example' } })
  const list = (AttributesToGet?: string[]) => cognito.send(new ListUsersCommand({ UserPoolId, AttributesToGet }))
  const { Users = [] } = await list(['email'])
  t.strictSame(
    Users.map(({ Attributes }) => Attributes),
    [[{ Name: 'email', Value: 'ada@acme.example' }], [{ Name: 'email', Value: 'bob@acme.example' }]],
  )
  t.match((await list()).Users, [{ Attributes: [{ Name: 'sub' }, { Name: 'email' }, { Name: 'name' }] }, {}])
  const missing = { name: 'InvalidParameterException', message: 'One or more requested attributes do not exist.' }
  await t.rejects(list(['name']), missing, 'Bob has none')
})

t.test('Cognito: an update with a word that the model does not know is refused, and the words are named', async (t) => {
  stack.cognito.putPool(fullPool)
  const UserPoolId = fullPool.userPoolId
  const cognito = new CognitoIdentityProviderClient(optionsFor(stack.cognito.url, admin))
  t.teardown(() => cognito.destroy())
  const wrong: Record<string, object> = {
    mfaConfiguration: { MfaConfiguration: 'MAYBE' },
    deletionProtection: { DeletionProtection: 'ON' },
    userPoolTier: { UserPoolTier: 'FREE' },
    autoVerifiedAttributes: { AutoVerifiedAttributes: ['email', 'name'] },
    'emailConfiguration.emailSendingAccount': { EmailConfiguration: { EmailSendingAccount: 'MINE' } },
    'verificationMessageTemplate.defaultEmailOption': { VerificationMessageTemplate: { DefaultEmailOption: 'x' } },
    'userPoolAddOns.advancedSecurityMode': { UserPoolAddOns: { AdvancedSecurityMode: 'ON' } },
    'policies.signInPolicy.allowedFirstAuthFactors': {
      Policies: { SignInPolicy: { AllowedFirstAuthFactors: ['PASSKEY'] } },
    },
    'accountRecoverySetting.recoveryMechanisms.name': {
      AccountRecoverySetting: { RecoveryMechanisms: [{ Priority: 1, Name: 'letter' }] },
    },
  }
  for (const [member, input] of Object.entries(wrong)) {
    const sent = cognito.send(new UpdateUserPoolCommand({ UserPoolId, ...input }))
    const message = new RegExp(
      `^1 validation error detected: Value '\\w+' at '${member.replaceAll('.', '\\.')}' failed to satisfy constraint: ` +
        'Member must satisfy enum value set: \\[',
    )
    await t.rejects(sent, { name: 'InvalidParameterException', message }, member)
  }
})

t.test('CloudFormation: a template may come with the request, and stacks are told without a name', async (t) => {
  const cloudformation = new CloudFormationClient(optionsFor(stack.cloudformation.url, admin))
  t.teardown(() => cloudformation.destroy())
  const Capabilities = ['CAPABILITY_NAMED_IAM' as const]
  const create = (input: object) =>
    cloudformation.send(new CreateStackCommand({ StackName: 'corbado-own', Capabilities, ...input }))
  const either = { name: 'ValidationError', message: 'Either Template URL or Template Body must be specified.' }
  await t.rejects(create({}), either)
  await t.rejects(create({ TemplateURL: 'https://x.s3.amazonaws.com/x', TemplateBody: '{}' }), either)
  await t.rejects(create({ TemplateBody: '{' }), { message: 'Template format error: JSON or YAML not well-formed.' })
  await t.rejects(create({ TemplateBody: 'a: b' }), { message: /At least one Resources member must be defined/ })
  t.strictSame((await cloudformation.send(new DescribeStacksCommand())).Stacks ?? [], [])

  const parameters = {
    AccountId: fullPool.accountId,
    Region: region,
    UserPoolId: 'eu-central-1_Own000001',
    ExternalId: 'external',
    GatewayAccountId: '999900000001',
    GatewayRoleArn: 'arn:aws:iam::999900000001:role/gateway',
    DoctorRoleArn: 'arn:aws:iam::999900000001:role/doctor',
    PostAppend: 'true',
    Checks: 'true',
  }
  const Parameters = Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  }))
  await create({ TemplateBody: JSON.stringify(customerRoleTemplate()), Parameters })
  await create({ StackName: 'corbado-second', TemplateBody: JSON.stringify(customerRoleTemplate()), Parameters })
  const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand())
  t.strictSame(
    Stacks.map(({ StackName, StackStatus }) => [StackName, StackStatus]),
    [
      ['corbado-own', 'CREATE_COMPLETE'],
      ['corbado-second', 'CREATE_COMPLETE'],
    ],
  )
  const stranger = new CloudFormationClient(optionsFor(stack.cloudformation.url, customerAdmin('444455556666')))
  t.teardown(() => stranger.destroy())
  t.strictSame((await stranger.send(new DescribeStacksCommand())).Stacks ?? [], [], 'only those of the account')
  for (const StackName of ['corbado-own', 'corbado-second'])
    await cloudformation.send(new DeleteStackCommand({ StackName }))
})

t.test('Lambda: the older calls add and remove single statements of the one policy that both kinds read', async (t) => {
  const rights = ['GetPolicy', 'AddPermission', 'RemovePermission', 'GetResourcePolicy'].map((name) =>
    allow(`lambda:${name}`, `${FUNCTION_ARN}:*`),
  )
  const clientOf = (principal: Principal) => {
    const client = new LambdaClient(optionsFor(stack.lambda.url, principal))
    t.teardown(() => client.destroy())
    return client
  }
  const lambda = clientOf({ ...operator, policies: rights })
  const [FunctionName, Qualifier] = [FUNCTION_ARN, 'acme']
  const read = () => lambda.send(new GetPolicyCommand({ FunctionName, Qualifier }))
  const add = (StatementId: string, more: object = {}) =>
    lambda.send(
      new AddPermissionCommand({
        ...{ FunctionName, Qualifier, StatementId },
        ...{ Action: 'lambda:InvokeFunction', Principal: 'cognito-idp.amazonaws.com' },
        SourceArn: 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_A',
        SourceAccount: '111122223333',
        ...more,
      }),
    )
  const remove = (StatementId: string, RevisionId?: string) =>
    lambda.send(new RemovePermissionCommand({ FunctionName, Qualifier, StatementId, RevisionId }))

  await t.rejects(clientOf(operator).send(new GetPolicyCommand({ FunctionName, Qualifier })), {
    name: 'AccessDeniedException',
  })
  await t.rejects(read(), { name: 'ResourceNotFoundException' })
  const added = JSON.parse((await add('a')).Statement ?? '')
  t.strictSame(added, {
    Sid: 'a',
    Effect: 'Allow',
    Principal: { Service: 'cognito-idp.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: `${FUNCTION_ARN}:acme`,
    Condition: {
      StringEquals: { 'AWS:SourceAccount': '111122223333' },
      ArnLike: { 'AWS:SourceArn': 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_A' },
    },
  })
  await t.rejects(add('a'), {
    name: 'ResourceConflictException',
    message: /The statement id \(a\) provided already exists/,
  })
  const before = await read()
  await t.rejects(add('b', { RevisionId: 'other' }), { name: 'PreconditionFailedException' })
  await add('b', {
    RevisionId: before.RevisionId,
    Principal: '444455556666',
    SourceArn: undefined,
    SourceAccount: undefined,
  })
  const { Statement } = JSON.parse((await read()).Policy ?? '')
  t.match(Statement, [{ Sid: 'a' }, { Sid: 'b', Principal: { AWS: 'arn:aws:iam::444455556666:root' } }])
  const whole = await lambda.send(new GetResourcePolicyCommand({ ResourceArn: `${FUNCTION_ARN}:acme` }))
  t.strictSame(JSON.parse(whole.Policy ?? '').Statement, Statement)
  await t.rejects(remove('c'), { name: 'ResourceNotFoundException', message: /Statement c is not found/ })
  await t.rejects(remove('a', before.RevisionId), { name: 'PreconditionFailedException' })
  await remove('a')
  await remove('b')
  await t.rejects(read(), { name: 'ResourceNotFoundException' }, 'the last statement takes the policy with it')
  t.strictSame(strangers, [])
})

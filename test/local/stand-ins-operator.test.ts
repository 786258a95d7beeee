import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  GetUserPoolMfaConfigCommand,
  ListUserPoolClientsCommand,
  UpdateUserPoolCommand,
  type UpdateUserPoolCommandInput,
} from '@aws-sdk/client-cognito-identity-provider'
import {
  CreateAliasCommand,
  DeleteResourcePolicyCommand,
  GetAliasCommand,
  GetResourcePolicyCommand,
  LambdaClient,
  ListAliasesCommand,
  PutResourcePolicyCommand,
} from '@aws-sdk/client-lambda'
import { GetParameterHistoryCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import t from 'tap'
import {
  ACTIONS_ALIAS,
  actionCaller,
  customerAdmin,
  FUNCTION_ARN,
  gateway,
  operator,
} from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { DEFAULTS } from '../../src/local/cognito/pool/settings.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { startStack } from '../../src/local/stack.js'
import { everySetting, everyTrigger, fullPool } from '../fixtures/full-pool.js'

const startedAt = Date.now()
const stack = await startStack()
t.teardown(stack.stop)
stack.deploy(
  inProcess(async (event) => event),
  ['acme'],
)

const optionsFor = (endpoint: string, principal: Principal) => {
  const { accessKeyId, secretAccessKey, sessionToken } = stack.credentialsFor(principal)
  const credentials = { accessKeyId, secretAccessKey, sessionToken }
  return { endpoint, region: 'eu-central-1', maxAttempts: 1, credentials }
}
const open: { destroy(): void }[] = []
t.teardown(() => {
  for (const client of open) client.destroy()
})
function opened<T extends { destroy(): void }>(client: T): T {
  open.push(client)
  return client
}
const cognitoOf = (principal: Principal) =>
  opened(new CognitoIdentityProviderClient(optionsFor(stack.cognito.url, principal)))
const lambdaOf = (principal: Principal) => opened(new LambdaClient(optionsFor(stack.lambda.url, principal)))

const admin = customerAdmin(fullPool.accountId)
const UserPoolId = fullPool.userPoolId

t.test('user pool settings', async (t) => {
  const { cognito } = stack
  const client = cognitoOf(admin)
  const describe = async (by = client) => (await by.send(new DescribeUserPoolCommand({ UserPoolId }))).UserPool ?? {}
  const update = (input: Partial<UpdateUserPoolCommandInput> = {}) =>
    client.send(new UpdateUserPoolCommand({ UserPoolId, ...input }))
  t.beforeEach(() => cognito.putPool(fullPool))

  await t.test('are the owning account’s alone, and only for callers who may', async (t) => {
    const stranger = cognitoOf(customerAdmin('444455556666'))
    await t.rejects(describe(stranger), { name: 'ResourceNotFoundException' })
    const readOnly = { ...admin, policies: [{ ...allow('cognito-idp:Describe*') }] }
    const reader = cognitoOf(readOnly)
    t.equal((await describe(reader)).Id, UserPoolId)
    for (const [operation, command] of [
      ['UpdateUserPool', new UpdateUserPoolCommand({ UserPoolId })],
      ['ListUserPoolClients', new ListUserPoolClientsCommand({ UserPoolId })],
      ['GetUserPoolMfaConfig', new GetUserPoolMfaConfigCommand({ UserPoolId })],
    ] as const) {
      const denied = { name: 'AccessDeniedException', message: new RegExp(`perform: cognito-idp:${operation} on`) }
      await t.rejects(reader.send(command as UpdateUserPoolCommand), denied)
    }
  })

  await t.test('refuse members that UpdateUserPool does not have', async (t) => {
    const raw = (body: object) => {
      const careless = cognitoOf(admin)
      careless.middlewareStack.add(
        (next) => (args) => {
          const sent = args.request as { body: string }
          sent.body = JSON.stringify(body)
          return next(args)
        },
        { step: 'serialize', priority: 'low' },
      )
      return careless.send(new UpdateUserPoolCommand({ UserPoolId }))
    }
    for (const body of [{ AliasAttributes: ['email'] }, { Id: UserPoolId }, { LambdaConfig: { PreLogin: 'x' } }]) {
      await t.rejects(raw({ UserPoolId, ...body }), { name: 'SerializationException', message: /Unknown member/ })
    }
  })

  await t.test('refuse triggers that are not as the model has them, and change nothing', async (t) => {
    const before = await describe()
    const { KMSKeyID, ...withoutKey } = everyTrigger
    const LambdaVersion = 'V1_0'
    for (const LambdaConfig of [
      { PreSignUp: 'pre-sign-up' },
      { DefineAuthChallenge: `${FUNCTION_ARN}:$LATEST` },
      { DefineAuthChallenge: `${FUNCTION_ARN}:7` },
      { PreTokenGeneration: FUNCTION_ARN, PreTokenGenerationConfig: { LambdaVersion, LambdaArn: `${FUNCTION_ARN}:a` } },
      { InboundFederation: { LambdaVersion: 'V2_0', LambdaArn: FUNCTION_ARN } },
      { ...withoutKey, KMSKeyID: 'alias/key' },
      withoutKey,
    ]) {
      const sent = { LambdaConfig } as Partial<UpdateUserPoolCommandInput>
      await t.rejects(update(sent), { name: 'InvalidParameterException' }, JSON.stringify(LambdaConfig).slice(0, 70))
    }
    t.strictSame(await describe(), before)
    t.equal(KMSKeyID, before.LambdaConfig?.KMSKeyID)
  })

  await t.test('refuse what Cognito itself tells, if two of its parameters say one thing', async (t) => {
    const { AdminCreateUserConfig, Policies } = await describe()
    t.equal(AdminCreateUserConfig?.UnusedAccountValidityDays, 2, 'told, though only the newer one was set')
    const message = /use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays/
    await t.rejects(update({ AdminCreateUserConfig, Policies }), { name: 'InvalidParameterException', message })
    const EmailMessage = '{####}'
    const VerificationMessageTemplate = { EmailMessage, EmailMessageByLink: '{##link##}' }
    await t.rejects(update({ VerificationMessageTemplate }), { name: 'InvalidParameterException' })
    const UserAttributeUpdateSettings = everySetting.UserAttributeUpdateSettings
    await t.rejects(update({ UserAttributeUpdateSettings }), { name: 'InvalidParameterException' }, 'not auto-verified')
    cognito.putPool({ ...fullPool, mfa: {} })
    await t.rejects(update({ MfaConfiguration: 'ON' }), { message: /SMS configuration .* required when MFA/ })
  })

  await t.test('fail on request as if another change were under way, and keep what they were', async (t) => {
    cognito.setConcurrentUpdates(UserPoolId, 1)
    const before = await describe()
    await t.rejects(update(), { name: 'ConcurrentModificationException' })
    t.strictSame(await describe(), before)
    await update()
    t.notSame(await describe(), before)
  })

  await t.test('are told whole, with what cannot be changed', async (t) => {
    const { AdminCreateUserConfig, ...rest } = await describe()
    t.match(AdminCreateUserConfig, everySetting.AdminCreateUserConfig)
    t.match(rest, { ...everySetting, AdminCreateUserConfig: undefined, ...fullPool.fixed, LambdaConfig: everyTrigger })
    t.match(rest, { Id: UserPoolId, Name: 'acme-users', AliasAttributes: ['email', 'phone_number'] })
    t.match(rest, { Arn: `arn:aws:cognito-idp:eu-central-1:111122223333:userpool/${UserPoolId}` })
    const createdAt = Number(rest.CreationDate)
    t.ok(createdAt > startedAt - 1_000 && createdAt <= Date.now(), 'in whole seconds')
  })

  await t.test('are reset if an update does not send them: all but the name and DcrConfiguration', async (t) => {
    await update()
    const after: Record<string, unknown> = { ...(await describe()) }
    t.strictSame(after.LambdaConfig, {})
    t.equal(after.Name, 'acme-users')
    t.strictSame(after.DcrConfiguration, everySetting.DcrConfiguration)
    for (const name of Object.keys(DEFAULTS).filter((name) => name !== 'DcrConfiguration')) {
      t.notSame(after[name], everySetting[name as keyof typeof everySetting], `${name} is back at its default`)
    }
    t.match(after, { ...fullPool.fixed }, 'what cannot change has not')
  })

  await t.test('survive an update that sends all of them', async (t) => {
    const before = await describe()
    await update({ ...everySetting, PoolName: 'acme-users', LambdaConfig: everyTrigger })
    const after = await describe()
    t.ok(Number(after.LastModifiedDate) >= Number(before.LastModifiedDate))
    t.strictSame({ ...after, LastModifiedDate: 0 }, { ...before, LastModifiedDate: 0 })
  })

  await t.test('take a function that Cognito may not invoke: the login fails, not the update', async (t) => {
    const DefineAuthChallenge = `${FUNCTION_ARN}:nobody`
    await update({ LambdaConfig: { DefineAuthChallenge } })
    t.strictSame((await describe()).LambdaConfig, { DefineAuthChallenge })
  })

  await t.test('name the function before a token twice, by the old parameter and the new', async (t) => {
    const PreTokenGenerationConfig = { LambdaVersion: 'V1_0', LambdaArn: FUNCTION_ARN } as const
    await update({ LambdaConfig: { PreTokenGenerationConfig } })
    t.strictSame((await describe()).LambdaConfig, { PreTokenGenerationConfig, PreTokenGeneration: FUNCTION_ARN })
  })

  await t.test('of MFA are told apart: SMS comes of the pool, the rest stays whatever an update sends', async (t) => {
    const read = () => client.send(new GetUserPoolMfaConfigCommand({ UserPoolId }))
    const SoftwareTokenMfaConfiguration = { Enabled: true }
    const { SmsConfiguration, SmsAuthenticationMessage } = everySetting
    t.match(await read(), {
      MfaConfiguration: 'OPTIONAL',
      SoftwareTokenMfaConfiguration,
      SmsMfaConfiguration: { SmsConfiguration, SmsAuthenticationMessage },
    })
    await update()
    const after = await read()
    t.match(after, { MfaConfiguration: 'OFF', SoftwareTokenMfaConfiguration })
    t.equal(after.SmsMfaConfiguration, undefined)
  })

  await t.test('of app clients are told with their secret, and listed in pages', async (t) => {
    const flags = { preventUserExistenceErrors: true, allowCustomAuth: true }
    const clients = Array.from({ length: 61 }, (_, i) => ({ clientId: `client${i}`, clientName: `app ${i}`, ...flags }))
    const secret = { ...flags, clientId: 'legacy', allowCustomAuth: false, clientSecret: 's3' }
    cognito.putPool({ ...fullPool, clients: [...clients, secret] })
    const list = (NextToken?: string) =>
      client.send(new ListUserPoolClientsCommand({ UserPoolId, ...(NextToken && { NextToken }) }))
    const first = await list()
    const second = await list(first.NextToken)
    t.equal(first.UserPoolClients?.length, 60)
    t.strictSame(second.UserPoolClients?.at(-1), { UserPoolId, ClientId: 'legacy', ClientName: 'legacy' })
    t.equal(second.NextToken, undefined)
    await t.rejects(list('guess'), { name: 'InvalidParameterException' })
    const read = (ClientId: string) => client.send(new DescribeUserPoolClientCommand({ UserPoolId, ClientId }))
    t.match((await read('client7')).UserPoolClient, {
      ClientName: 'app 7',
      ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      PreventUserExistenceErrors: 'ENABLED',
    })
    t.match((await read('legacy')).UserPoolClient, { ClientSecret: 's3', ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH'] })
    await t.rejects(read('nobody'), { name: 'ResourceNotFoundException' })
  })
})

function allow(Action: string, Resource = '*') {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource }] } as const
}

t.test('aliases and their policies', async (t) => {
  const client = lambdaOf(operator)
  const ResourceArn = `${FUNCTION_ARN}:acme`
  const statement = {
    Effect: 'Allow',
    Principal: { Service: 'cognito-idp.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: ResourceArn,
    Condition: { StringEquals: { 'AWS:SourceAccount': '111122223333' } },
  }
  const policyOf = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
  const Policy = policyOf(statement)
  const read = (arn = ResourceArn) => client.send(new GetResourcePolicyCommand({ ResourceArn: arn }))
  const write = (input: { Policy?: string; ResourceArn?: string; RevisionId?: string } = {}, by = client) =>
    by.send(new PutResourcePolicyCommand({ ResourceArn, Policy, ...input }))
  const notFound = { name: 'ResourceNotFoundException' }
  const create = (Name: string, FunctionVersion = '1', by = client) =>
    by.send(new CreateAliasCommand({ FunctionName: FUNCTION_ARN, Name, FunctionVersion }))

  await t.test('are the function’s own account’s alone, and only for callers who may', async (t) => {
    const denied = { name: 'AccessDeniedException' }
    await t.rejects(write({}, lambdaOf(gateway)), denied)
    await t.rejects(create('x', '1', lambdaOf(actionCaller)), denied)
    const everything = { ...customerAdmin('111122223333'), policies: [allow('lambda:*')] }
    await t.rejects(write({}, lambdaOf(everything)), denied, 'another account, whatever its policies say')
    await t.rejects(lambdaOf(gateway).send(new DeleteResourcePolicyCommand({ ResourceArn })), denied)
  })

  await t.test('refuse an alias that exists, a version that does not, and what is no name', async (t) => {
    await t.rejects(create('acme'), { name: 'ResourceConflictException' })
    await t.rejects(create('new', '9'), notFound)
    await t.rejects(create('12'), { name: 'InvalidParameterValueException' })
    await t.rejects(client.send(new GetAliasCommand({ FunctionName: FUNCTION_ARN, Name: 'new' })), notFound)
    await t.rejects(read(`${FUNCTION_ARN}:new`), notFound)
    await t.rejects(write({ ResourceArn: `${FUNCTION_ARN}:new` }), notFound)
  })

  await t.test('list all aliases, page by page', async (t) => {
    for (let i = 0; i < 55; i += 1) await create(`group-${i}`)
    const page = (Marker?: string) =>
      client.send(new ListAliasesCommand({ FunctionName: FUNCTION_ARN, ...(Marker && { Marker }) }))
    const first = await page()
    const second = await page(first.NextMarker)
    const names = [...(first.Aliases ?? []), ...(second.Aliases ?? [])].map(({ Name }) => Name)
    t.equal(first.Aliases?.length, 50)
    t.equal(second.NextMarker, undefined)
    t.strictSame(names.slice(0, 3), [ACTIONS_ALIAS, 'acme', 'group-0'])
    t.equal(new Set(names).size, 57)
    const found = await client.send(new GetAliasCommand({ FunctionName: FUNCTION_ARN, Name: 'group-54' }))
    t.match(found, { AliasArn: `${FUNCTION_ARN}:group-54`, FunctionVersion: '1' })
  })

  await t.test('refuse a policy that is none, is about something else or lets in everybody', async (t) => {
    const refused = { name: 'InvalidParameterValueException' }
    const { Principal, ...nobody } = statement
    await t.rejects(write({ Policy: '{' }), refused)
    await t.rejects(write({ Policy: policyOf() }), refused, 'no statement')
    await t.rejects(write({ Policy: policyOf(nobody) }), refused)
    await t.rejects(write({ Policy: policyOf({ ...statement, Resource: FUNCTION_ARN }) }), refused)
    const { Condition, ...unconditional } = statement
    for (const everybody of ['*', { AWS: '*' }]) {
      const open = policyOf({ ...unconditional, Principal: everybody })
      await t.rejects(write({ Policy: open }), { name: 'PublicPolicyException' })
    }
    await t.rejects(read(), notFound, 'nothing was written')
    t.ok(Principal && Condition)
  })

  await t.test('take a policy of 20,480 characters and not one more', async (t) => {
    const ofLength = (length: number) => policyOf({ ...statement, Sid: 'x'.repeat(length - Policy.length - 9) })
    t.equal(ofLength(20_480).length, 20_480)
    await t.rejects(write({ Policy: ofLength(20_481) }), { name: 'PolicyLengthExceededException' })
    await write({ Policy: ofLength(20_480) })
  })

  await t.test('replace the whole policy, under its revision if one is given', async (t) => {
    const { RevisionId = '' } = await read()
    await write({ RevisionId })
    t.equal((await read()).Policy, Policy)
    const changed = { name: 'PreconditionFailedException', $metadata: { httpStatusCode: 412 } }
    await t.rejects(write({ RevisionId, Policy: policyOf(statement, statement) }), changed)
    t.equal((await read()).Policy, Policy)
    const source = {
      sourceArn: 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/x',
      sourceAccount: '111122223333',
    }
    t.strictSame(await stack.lambda.invokeAsCognito(ResourceArn, { a: 1 }, source), { payload: { a: 1 } })
  })

  await t.test('are one store for every writer', async (t) => {
    stack.lambda.putPolicy(ResourceArn, undefined)
    await t.rejects(read(), notFound)
    await write()
    await t.rejects(client.send(new DeleteResourcePolicyCommand({ ResourceArn, RevisionId: 'old' })), {
      name: 'PreconditionFailedException',
    })
    await client.send(new DeleteResourcePolicyCommand({ ResourceArn }))
    await t.rejects(read(), notFound)
  })
})

t.test('roles', async (t) => {
  const role = 'arn:aws:iam::111122223333:role/corbado/corbado-eu-central-1_Full00001'
  const { DOCTOR_ROLE_ARN = '', GATEWAY_ROLE_ARN = '' } = stack.envFor(operator)
  const trustAll = (aws: string, Condition = {}) => ({
    Version: '2012-10-17' as const,
    Statement: [{ Effect: 'Allow' as const, Principal: { AWS: aws }, Action: 'sts:AssumeRole', Condition }],
  })
  stack.sts.putRole({ roleArn: role, trust: trustAll('arn:aws:iam::999900000001:root'), policies: [] })
  const stsOf = (principal: Principal) => opened(new STSClient(optionsFor(stack.sts.url, principal)))
  const assume = (client: STSClient, RoleArn: string, ExternalId?: string) =>
    client.send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'test', ...(ExternalId !== undefined && { ExternalId }) }),
    )
  const doctorSession = async () => {
    const { Credentials } = await assume(stsOf(operator), DOCTOR_ROLE_ARN)
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = Credentials ?? {}
    const credentials = { accessKeyId, secretAccessKey, sessionToken: Credentials?.SessionToken ?? '' }
    return opened(new STSClient({ endpoint: stack.sts.url, region: 'eu-central-1', maxAttempts: 1, credentials }))
  }
  const denied = { name: 'AccessDenied' }

  await t.test('of customers are not the gateway’s without an ExternalId, even if they would let it in', async (t) => {
    await t.rejects(assume(stsOf(gateway), role), denied)
    t.ok((await assume(stsOf(gateway), role, 'any')).Credentials)
    await t.rejects(assume(stsOf(operator), role, 'any'), denied, 'and not an operator’s at all')
  })

  await t.test('of the doctor are the operator’s alone, and need no ExternalId to try a customer’s role', async (t) => {
    await t.rejects(assume(stsOf(gateway), DOCTOR_ROLE_ARN, 'any'), denied)
    const doctor = await doctorSession()
    t.ok((await assume(doctor, role)).Credentials, 'a role without the condition lets it in')
    const condition = {
      StringEquals: { 'sts:ExternalId': 'ext-1' },
      ArnEquals: { 'aws:PrincipalArn': [GATEWAY_ROLE_ARN, DOCTOR_ROLE_ARN] },
    }
    stack.sts.putRole({
      roleArn: role,
      trust: trustAll('arn:aws:iam::999900000001:root', condition),
      policies: [],
    })
    await t.rejects(assume(doctor, role), denied)
    await t.rejects(assume(doctor, role, 'ext-2'), denied)
    t.ok((await assume(doctor, role, 'ext-1')).Credentials)
    t.ok((await assume(stsOf(gateway), role, 'ext-1')).Credentials)
  })

  await t.test('tell who they are without any permission', async (t) => {
    const nobody = stsOf({ ...admin, policies: [] })
    t.match(await nobody.send(new GetCallerIdentityCommand({})), { Account: '111122223333', Arn: admin.arn })
    const doctor = await doctorSession()
    const Arn = 'arn:aws:sts::999900000001:assumed-role/corbado-gateway-doctor/test'
    t.match(await doctor.send(new GetCallerIdentityCommand({})), { Account: '999900000001', Arn })
  })
})

t.test('parameters', async (t) => {
  const client = opened(new SSMClient(optionsFor(stack.ssm.url, operator)))
  const write = (Name: string, Value: string, Overwrite?: boolean) =>
    client.send(new PutParameterCommand({ Name, Value, Type: 'SecureString', ...(Overwrite && { Overwrite }) }))
  const name = `/corbado/gateway/${UserPoolId}/backend`

  await t.test('refuse a caller who may not, a name that SSM does not take and a value over 4 KB', async (t) => {
    await t.rejects(write('/elsewhere/backend', 'x'), { name: 'AccessDeniedException' })
    const own = opened(new SSMClient(optionsFor(stack.ssm.url, { ...operator, policies: [allow('ssm:*')] })))
    for (const Name of ['/aws/x', 'ssm-x', '/a//b', `/${'a/'.repeat(16)}b`, 'a/b']) {
      const command = new PutParameterCommand({ Name, Value: 'x', Type: 'SecureString' })
      await t.rejects(own.send(command), { name: 'ValidationException' }, Name)
    }
    await t.rejects(write(name, 'x'.repeat(4_097)), { name: 'ValidationException' })
  })

  await t.test('count their versions, and are overwritten only when told to', async (t) => {
    t.equal((await write(name, 'x'.repeat(4_096))).Version, 1)
    await t.rejects(write(name, 'y'), { name: 'ParameterAlreadyExists' })
    t.equal((await write(name, 'y', true)).Version, 2)
  })

  await t.test(
    'tell who wrote which version when, page by page and the oldest first, and no value unasked',
    async (t) => {
      const Name = `/corbado/gateway/${UserPoolId}/history`
      const history = (input: object = {}, by = client) => by.send(new GetParameterHistoryCommand({ Name, ...input }))
      await t.rejects(history(), { name: 'ParameterNotFound' })
      const reader = { ...operator, policies: [allow('ssm:GetParameter')] }
      await t.rejects(history({}, opened(new SSMClient(optionsFor(stack.ssm.url, reader)))), {
        name: 'AccessDeniedException',
        message: /is not authorized to perform: ssm:GetParameterHistory on resource: arn:/,
      })
      stack.ssm.put(Name, 'value-0')
      for (let n = 1; n < 120; n++) await write(Name, `value-${n}`, true)
      await t.rejects(history({ MaxResults: 51 }), { name: 'ValidationException' })
      await t.rejects(history({ NextToken: 'x' }), { name: 'InvalidNextToken' })
      const first = await history()
      const second = await history({ NextToken: first.NextToken })
      t.equal(second.NextToken, undefined)
      const all = [...(first.Parameters ?? []), ...(second.Parameters ?? [])]
      t.strictSame(
        all.map(({ Version }) => Version),
        Array.from({ length: 100 }, (_, n) => n + 21),
        'SSM keeps a hundred',
      )
      t.ok(all.every(({ LastModifiedUser }) => LastModifiedUser === operator.arn))
      t.ok(all.every(({ LastModifiedDate }) => Number(LastModifiedDate) >= startedAt - 1_000))
      t.notMatch(JSON.stringify(all), 'value-')
      const [newest] = (await history({ NextToken: '99', WithDecryption: true })).Parameters ?? []
      t.match(newest, { Version: 120, Value: 'value-119' })
    },
  )
})

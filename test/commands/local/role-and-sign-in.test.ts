import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CognitoIdentityProviderClient, DescribeUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { split } from 'shlex'
import t from 'tap'
import { createCloudFormationClient } from '../../../src/commands/local/cloudformation.js'
import { parseQuickCreate } from '../../../src/commands/local/role.js'
import { customerAdmin, gateway, OPERATOR_VARIABLES, roleArnOf } from '../../../src/local/accounts.js'
import { APPS_VARIABLE } from '../../../src/local/clients/apps.js'
import { passwordLogin } from '../../../src/local/clients/login.js'
import { evaluateRole, withDefaults } from '../../../src/local/cloudformation/template.js'
import { startStack } from '../../../src/local/stack.js'
import { NEWCOMER, putNewcomer } from '../../../src/local/world/newcomer.js'
import { customerRoleTemplate, quickCreateLink, templateParameters } from '../../../src/operator/role/cloudformation.js'
import { describeCustomerRole, FEATURE_NAMES, type Feature, type RoleTerms } from '../../../src/operator/role/role.js'
import { answerIn } from '../fixtures/answer.js'
import { cli } from '../fixtures/cli.js'

const stack = await startStack()
t.teardown(() => stack.stop())
const { app } = putNewcomer(stack)
const { userPoolId, accountId, region } = NEWCOMER
const env = stack.envFor(customerAdmin(accountId))
const { CUSTOMER_TEMPLATE_URL: templateUrl, DOCTOR_ROLE_ARN: doctorRoleArn } = OPERATOR_VARIABLES

const terms: RoleTerms = {
  userPoolId,
  accountId,
  region,
  externalId: 'corbado-0123456789abcdef',
  features: FEATURE_NAMES,
  gatewayRoleArn: roleArnOf(gateway),
  doctorRoleArn,
}

/** CreateStack with these parameters and no others. */
function create(parameters: Record<string, string>, more: Record<string, string> = {}): Promise<string> {
  const members = Object.entries(parameters).flatMap(([name, value], index) => [
    [`Parameters.member.${index + 1}.ParameterKey`, name],
    [`Parameters.member.${index + 1}.ParameterValue`, value],
  ])
  const form = { StackName: 'a', TemplateURL: templateUrl, 'Capabilities.member.1': 'CAPABILITY_NAMED_IAM' }
  return createCloudFormationClient(region, env)('CreateStack', { ...form, ...Object.fromEntries(members), ...more })
}

t.test('CloudFormation refuses a stack that AWS would refuse, and then there is no role', async (t) => {
  const right = templateParameters(terms)
  const { Checks: _, ...tooFew } = right
  const refusals = [
    [create(tooFew), 'Parameters: [Checks] must have values'],
    [create({ ...right, More: 'x' }), 'Parameters: [More] do not exist in the template'],
    [create({ ...right, GatewayRoleArn: 'arn' }), 'Parameter GatewayRoleArn must match pattern'],
    [create({ ...right, Checks: 'yes' }), 'must be one of AllowedValues'],
    [create({ ...right, UserPoolId: `eu_${'x'.repeat(60)}` }), 'at most 55 characters'],
    [create(right, { 'Capabilities.member.1': 'CAPABILITY_IAM' }), 'InsufficientCapabilitiesException'],
    [create(right, { TemplateURL: 'https://a.s3.amazonaws.com/b' }), 'S3 error'],
    [create(right, { StackName: 'a_b' }), 'StackName'],
  ] as const
  for (const [made, said] of refusals) await t.rejects(made, { message: new RegExp(said.replace(/[[\]]/g, '\\$&')) })
  const elsewhere = { ...env, AWS_ENDPOINT_URL_CLOUDFORMATION: 'https://cloudformation.eu-central-1.amazonaws.com' }
  t.throws(() => createCloudFormationClient(region, elsewhere), { message: /not on this machine/ })
  t.throws(() => createCloudFormationClient(region, {}), { message: /AWS_ENDPOINT_URL_CLOUDFORMATION is not set/ })
  t.notOk(stack.cloudformation.calls.some(({ principal }) => principal === undefined))
})

t.test('the click on the link makes exactly the role that the hand-over describes', async (t) => {
  for (const features of [FEATURE_NAMES, ['pre-login'] as const]) {
    const described = describeCustomerRole({ ...terms, features })
    const { parameters } = parseQuickCreate(quickCreateLink(templateUrl, { ...terms, features }) ?? '')
    const pseudo = { 'AWS::Partition': 'aws', 'AWS::AccountId': accountId, 'AWS::Region': region }
    const template = customerRoleTemplate()
    const given = withDefaults(template, new Map(Object.entries(parameters)))
    const role = evaluateRole(template, new Map([...given, ...Object.entries(pseudo)]))
    t.same(role, {
      Path: described.path,
      RoleName: described.name,
      Description: 'Corbado passkey gateway',
      AssumeRolePolicyDocument: described.trust,
      Policies: [{ PolicyName: 'corbado', PolicyDocument: described.permissions }],
    })
  }
  const unknown = { Parameters: {}, Conditions: {}, Resources: { Role: { Properties: { 'Fn::Join': [] } } } }
  t.throws(() => evaluateRole(unknown, new Map()), { message: /does not know Fn::Join/ }, 'it does not guess')
})

t.test('a role stays until it is deleted, and only its own account can do either', async (t) => {
  const link = quickCreateLink(templateUrl, terms) ?? ''
  const deploy = (own: Record<string, string>, ...more: string[]) =>
    cli(['local', 'deploy-role', link, ...more], { env: own })
  const stranger = stack.envFor({ ...customerAdmin('444455556666'), accountId })
  t.match(await deploy(stranger), { code: 1, stderr: /AccessDenied: .*cloudformation:CreateStack/ })
  const Statement = [{ Effect: 'Allow', Action: 'cloudformation:*', Resource: '*' } as const]
  const powerless = { ...customerAdmin(accountId), policies: [{ Version: '2012-10-17', Statement } as const] }
  t.match(await deploy(stack.envFor(powerless)), { code: 1, stderr: /AccessDenied: .*iam:CreateRole/ })
  const made = await deploy(env, '--json')
  t.equal(answerIn(made.stdout).roleArn, describeCustomerRole(terms).arn)
  t.match(await deploy(env), {
    code: 1,
    stderr:
      /^error: the stack corbado-eu-central-1-N0rthw1nd is there already, .*: corbado-gateway local deploy-role .* --update\n$/,
  })
  const words = ['local', 'delete-role', userPoolId]
  for (const time of ['deleted', 'deleted before']) {
    const deleted = await cli(words, { env })
    t.same(deleted, { code: 0, stdout: 'stack corbado-eu-central-1-N0rthw1nd: deleted\n', stderr: '' }, time)
  }
  t.equal((await deploy(env)).code, 0, 'its name is free again')
  t.match(await cli(['local', 'deploy-role', 'https://example.com/'], { env }), {
    code: 2,
    stderr: /quick-create link/,
  })
})

/** Does the role let the gateway see the pool's settings, as the feature `checks` does? */
async function mayDescribePool(): Promise<boolean> {
  const endpoints = { region, maxAttempts: 1 }
  const sts = new STSClient({ ...endpoints, endpoint: stack.sts.url, credentials: stack.credentialsFor(gateway) })
  const RoleArn = describeCustomerRole(terms).arn
  const asked = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'local', ExternalId: terms.externalId })
  const { Credentials: { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = {} } = await sts.send(asked)
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
  const pool = new CognitoIdentityProviderClient({ ...endpoints, endpoint: stack.cognito.url, credentials })
  const seen = pool.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId })).then(
    () => true,
    (error: Error) => {
      if (error.name !== 'AccessDeniedException') throw error
      return false
    },
  )
  return seen.finally(() => {
    sts.destroy()
    pool.destroy()
  })
}

t.test('--update changes the role of an earlier hand-over to that of a later one', async (t) => {
  const linkOf = (features: readonly Feature[]) => quickCreateLink(templateUrl, { ...terms, features }) ?? ''
  const dir = t.testdir({ 'old.md': linkOf(['pre-login']), 'new.md': linkOf(FEATURE_NAMES) })
  const deploy = (file: string, ...more: string[]) => cli(['local', 'deploy-role', `${dir}/${file}`, ...more], { env })
  await cli(['local', 'delete-role', userPoolId], { env })
  t.match(await deploy('old.md', '--update'), {
    code: 1,
    stderr: 'error: there is no stack corbado-eu-central-1-N0rthw1nd to update: leave out --update\n',
  })
  t.match(await deploy('old.md'), { code: 0, stdout: 'CREATE_COMPLETE' })
  t.equal(await mayDescribePool(), false)
  // What is printed is typed as it stands.
  const [, advice = ''] = /: corbado-gateway (local deploy-role .*)\n$/.exec((await deploy('new.md')).stderr) ?? []
  const updated = await cli(split(advice), { env })
  t.match(updated, { code: 0, stdout: 'stack corbado-eu-central-1-N0rthw1nd: UPDATE_COMPLETE\n', stderr: '' })
  t.equal(await mayDescribePool(), true)
  t.match(await deploy('new.md', '--update'), { code: 0, stdout: 'UPDATE_COMPLETE' }, 'nothing to change is no error')
  const Statement = [{ Effect: 'Allow', Action: 'cloudformation:*', Resource: '*' } as const]
  const powerless = { ...customerAdmin(accountId), policies: [{ Version: '2012-10-17', Statement } as const] }
  const refused = await cli(['local', 'deploy-role', `${dir}/old.md`, '--update'], { env: stack.envFor(powerless) })
  t.match(refused, { code: 1, stderr: /AccessDenied: .*iam:UpdateAssumeRolePolicy/ })
  await cli(['local', 'delete-role', userPoolId], { env })
})

t.test('deploy-role reads the link of a hand-over, and says so if a file has none', async (t) => {
  const dir = t.testdir({
    'own.hand-over.md': `[open this link](${quickCreateLink(templateUrl, terms)}), tick`,
    'other.md': 'https://example.com/',
  })
  await cli(['local', 'delete-role', userPoolId], { env })
  t.match(await cli(['local', 'deploy-role', `${dir}/own.hand-over.md`], { env }), {
    code: 0,
    stdout: 'CREATE_COMPLETE',
  })
  t.match(await cli(['local', 'deploy-role', `${dir}/other.md`], { env }), {
    code: 2,
    stderr: /other\.md has no quick-create link: is it a hand-over\?\n$/,
  })
  t.match(await cli(['local', 'deploy-role', `${dir}/none.md`], { env }), { code: 2, stderr: /none\.md/ })
})

t.test('sign-in asks nothing but this machine, and names the pools and users that there are', async (t) => {
  const dir = t.testdir()
  const write = (name: string, corbado: string) => {
    writeFileSync(join(dir, name), JSON.stringify({ cognito: stack.cognito.url, corbado, apps: [app] }))
    return { [APPS_VARIABLE]: join(dir, name) }
  }
  const signIn = (own: Record<string, string>, ...words: string[]) => cli(['local', 'sign-in', ...words], { env: own })
  t.match(await signIn({}, userPoolId), { code: 2, stderr: /LOCAL_APPS is not set/ })
  t.match(await signIn({ [APPS_VARIABLE]: join(dir, 'no') }, userPoolId), { code: 1, stderr: /npm start has ended/ })
  const abroad = write('abroad', 'https://corbado.example')
  t.match(await signIn(abroad, userPoolId), { code: 2, stderr: /not on this machine/ })
  const own = write('own', stack.corbado.url)
  t.match(await signIn(own, 'eu-central-1_Other'), { code: 2, stderr: new RegExp(`there are ${userPoolId}`) })
  t.match(await signIn(own, userPoolId, '--user', 'x'), {
    code: 2,
    stderr: /there are ines@northwind\.example, tariq@/,
  })
  const { code, stdout } = await signIn(
    own,
    userPoolId,
    '--flow',
    'password',
    '--user',
    'tariq@northwind.example',
    '--json',
  )
  t.equal(code, 0)
  t.match(answerIn(stdout), {
    kind: 'local-sign-in',
    identifier: 'tariq@northwind.example',
    flow: 'password',
    signedIn: true,
  })
  t.notOk(app.users.some(({ password }) => stdout.includes(password)))
})

t.test('sign-in says in words why no login came of it, and where the reason is', async (t) => {
  const dir = t.testdir()
  const signIn = (own: object, ...words: string[]) => {
    const file = join(dir, 'apps.json')
    writeFileSync(
      file,
      JSON.stringify({ cognito: stack.cognito.url, corbado: stack.corbado.url, apps: [{ ...app, ...own }] }),
    )
    return cli(['local', 'sign-in', userPoolId, ...words], { env: { [APPS_VARIABLE]: file } })
  }
  t.match(await signIn({}), { code: 1, stdout: '  ✗ pre-login  the gateway did not answer: there is no gateway yet\n' })
  stack.corbado.onAction(async () => {
    throw new Error('the gateway failed: Sandbox.Timedout\nRun it again')
  })
  const failed = await signIn({})
  t.match(failed, {
    code: 1,
    stdout: '  ✗ pre-login  the gateway did not answer: the gateway failed: Sandbox.Timedout\\u000aRun it again\n',
    stderr: '',
  })
  const says = `the gateway's line says why: corbado-gateway logs --pool ${userPoolId} --last 5`
  const error = { return: true, code: 'untyped', message: 'Not right now.' }
  stack.corbado.onAction(async () => ({ statusCode: 200, body: { identifier: '', error } }))
  t.match((await signIn({})).stdout, `  ✗ pre-login  refused: 200 untyped ("Not right now."); ${says}\n`)
  stack.corbado.onAction(async () => ({ statusCode: 503, body: { code: 'GW_ERR_X', message: 'Later.' } }))
  t.match((await signIn({})).stdout, `refused: 503 GW_ERR_X; ${says}\n`)
  const silent = { return: false, code: 'passkeys_off' }
  stack.corbado.onAction(async () => ({ statusCode: 200, body: { identifier: '', error: silent } }))
  t.match((await signIn({})).stdout, '  ✗ pre-login  refused: 200 passkeys_off\n', 'that says it all')
  const { stdout } = await signIn({ flow: 'password-then-passkey' }, '--json')
  t.match(answerIn(stdout), { flow: 'password-then-passkey' }, "without --flow, the tenant's own")
})

t.test('sign-in prints what the tokens say, and the tokens themselves, only if it is asked to', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'apps.json')
  writeFileSync(file, JSON.stringify({ cognito: stack.cognito.url, corbado: stack.corbado.url, apps: [app] }))
  const signIn = (...words: string[]) =>
    cli(['local', 'sign-in', userPoolId, '--flow', 'password', ...words], { env: { [APPS_VARIABLE]: file } })
  const token = /eyJ[\w-]+\.[\w-]+\.[\w-]+/
  t.notMatch((await signIn()).stdout, token)
  const claims = answerIn((await signIn('--claims', '--json')).stdout)
  t.match(claims, { claims: { idToken: { token_use: 'id', aud: app.clientId }, accessToken: { token_use: 'access' } } })
  t.notMatch(JSON.stringify(claims), token)
  t.match((await signIn('--claims')).stdout, /\nID token says \{\n {2}"[\s\S]*\naccess token says \{\n/)
  const lines = (await signIn('--tokens')).stdout.split('\n')
  t.match(lines.at(-3), /^ID token: eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  t.match(lines.at(-2), /^access token: eyJ/)
})

t.test('Cognito signs in by password alone whom it would in AWS, and no other user', async (t) => {
  const { identifier = '', password = '' } = app.users[0] ?? {}
  const options = { endpoint: stack.cognito.url, userPoolId, clientId: app.clientId, username: identifier, password }
  const refused = (error: string) => ({ kind: 'refused', error })
  t.match(await passwordLogin({ ...options, password: `not-${password}` }), refused('NotAuthorizedException'))
  t.match(await passwordLogin({ ...options, username: 'nobody@northwind.example' }), refused('NotAuthorizedException'))
  t.match(await passwordLogin(options), { kind: 'tokens', username: 'northwind-100731' })
  t.same(stack.cognito.triggerCalls, [], 'without a trigger of custom auth')

  const user = { username: 'northwind-100731', password, attributes: { email: identifier, email_verified: 'true' } }
  stack.cognito.putUser(userPoolId, { ...user, mfa: ['SMS_MFA'] })
  t.match(await passwordLogin(options), refused('SMS_MFA'), 'never past a second factor')
  stack.cognito.putUser(userPoolId, { ...user, enabled: false })
  t.match(await passwordLogin(options), refused('NotAuthorizedException'))
  const clients = [{ clientId: app.clientId, preventUserExistenceErrors: true, allowCustomAuth: true }]
  stack.cognito.putPool({ userPoolId, accountId, region, lambdaConfig: {}, clients, aliasAttributes: ['email'] })
  t.match(await passwordLogin(options), refused('InvalidParameterException'), 'where the client does not allow it')
})

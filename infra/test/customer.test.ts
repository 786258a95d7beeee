import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { allows, type PolicyDocument, type Principal, resourceDecision } from '../../src/local/aws/identity.js'
import { evaluateRole, type Template, withDefaults } from '../../src/local/cloudformation/template.js'
import { templateParameters } from '../../src/operator/role/cloudformation.js'
import {
  describeCustomerRole,
  FEATURE_NAMES,
  type Feature,
  ROLE_VERSION,
  type RoleTerms,
  USUAL_FEATURES,
} from '../../src/operator/role/role.js'
import { customerFiles } from '../customer/files.js'

const POOL = 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Ac0meSh0p'
const GATEWAY = 'arn:aws:iam::999900000001:role/corbado-gateway'
const DOCTOR = 'arn:aws:iam::999900000001:role/corbado-gateway-doctor'

const OWN = [
  'arn:aws:lambda:eu-central-1:111122223333:function:codes',
  'arn:aws:lambda:eu-central-1:111122223333:function:sign-up:live',
]

const terms = (features: readonly Feature[], functionArns: readonly string[] = []): RoleTerms => ({
  userPoolId: 'eu-central-1_Ac0meSh0p',
  accountId: '111122223333',
  region: 'eu-central-1',
  externalId: 'corbado-acme',
  features,
  functionArns,
  gatewayRoleArn: GATEWAY,
  doctorRoleArn: DOCTOR,
})

const choices: Feature[][] = [
  ['pre-login'],
  ['pre-login', 'post-append'],
  ['pre-login', 'checks'],
  ['pre-login', 'post-append', 'checks'],
  ['pre-login', 'post-login'],
  ['pre-login', 'claim'],
  ['pre-login', 'post-append', 'post-login', 'claim', 'checks'],
]

interface Documents {
  readonly trust: PolicyDocument
  readonly permissions: PolicyDocument
  readonly name: string
  readonly path: string
}

const read = (path: string) => readFileSync(join('customer', path), 'utf8')

/** The role that CloudFormation makes of the template in the file. */
function fromCloudFormation(features: readonly Feature[], functionArns: readonly string[] = []): Documents {
  const template: Template = JSON.parse(read('role.template.json'))
  const given = withDefaults(template, new Map(Object.entries(templateParameters(terms(features, functionArns)))))
  const pseudo = { 'AWS::Partition': 'aws', 'AWS::AccountId': '111122223333', 'AWS::Region': 'eu-central-1' }
  const role = evaluateRole(template, new Map([...Object.entries(pseudo), ...given])) as {
    AssumeRolePolicyDocument: PolicyDocument
    Policies: [{ PolicyDocument: PolicyDocument }]
    RoleName: string
    Path: string
  }
  const { AssumeRolePolicyDocument: trust, Policies, RoleName: name, Path: path } = role
  return { trust, permissions: Policies[0].PolicyDocument, name, path }
}

const names = { post_append: 'post-append', post_login: 'post-login', claim: 'claim', checks: 'checks' } as const

/** The values that a customer gives to the Terraform module. */
const variablesOf = (
  features: readonly Feature[],
  functionArns: readonly string[] = [],
): Record<string, string | boolean | readonly string[]> => ({
  user_pool_arn: POOL,
  external_id: 'corbado-acme',
  gateway_role_arn: GATEWAY,
  doctor_role_arn: DOCTOR,
  ...Object.fromEntries(Object.entries(names).map(([name, feature]) => [name, features.includes(feature)])),
  chained_functions: functionArns,
})

/** The role that Terraform makes of the module, as far as that can be told without it. */
function fromTerraform(features: readonly Feature[], functionArns: readonly string[] = []): Documents {
  const text = read('terraform/main.tf')
  const block = (name: string, end: string) =>
    new RegExp(`\\n {2}${name} = ([\\[{]\\n[\\s\\S]*?\\n {2}${end})\\n`).exec(text)?.[1] ?? assert.fail(name)
  const locals: Record<string, string> = {
    ...{ partition: 'aws', region: 'eu-central-1', account_id: '111122223333' },
    ...{ user_pool_id: 'eu-central-1_Ac0meSh0p', gateway_account_id: '999900000001' },
  }
  const given = variablesOf(features, functionArns)
  const fill = (hcl: string) =>
    hcl.replace(/\$\{(local|var)\.(\w+)\}/g, (_, kind, name) =>
      String((kind === 'var' ? given[name] : locals[name]) ?? assert.fail(name)),
    )
  const conditional = [...text.matchAll(/var\.(\w+) \? \["(\w+)"\] : \[\]/g)]
  const always = /concat\(\n\s+\["(\w+)"\],/.exec(text)?.[1]
  const [, list = '', sid] = /length\(var\.(\w+)\) > 0 \? \["(\w+)"\] : \[\]/.exec(text) ?? []
  const chained = given[list] as readonly string[]
  const granted = [
    ...[always, ...conditional.filter(([, name = '']) => given[name]).map(([, , sid]) => sid)],
    ...(chained.length > 0 ? [sid] : []),
  ]
  const statements: PolicyDocument['Statement'] = JSON.parse(
    fill(block('statements', '\\]')).replace(`var.${list}`, JSON.stringify(chained)),
  )
  return {
    trust: JSON.parse(fill(block('trust', '\\}'))),
    permissions: { Version: '2012-10-17', Statement: statements.filter(({ Sid }) => granted.includes(Sid)) },
    name: fill(/name {8}= "(.*)"/.exec(text)?.[1] ?? ''),
    path: fill(/path {8}= "(.*)"/.exec(text)?.[1] ?? ''),
  }
}

test('the files are what the code makes: after a change of the description, `npm run generate` writes them again', () => {
  const files = customerFiles()
  for (const [path, text] of Object.entries(files)) assert.equal(read(path), text, path)
  const made = Object.keys(files).filter((path) => path.startsWith('terraform/'))
  assert.deepEqual(readdirSync('customer/terraform').sort(), made.map((path) => path.slice(10)).sort())
})

for (const [kind, role] of Object.entries({ CloudFormation: fromCloudFormation, Terraform: fromTerraform })) {
  test(`${kind}: the role is the described one, for every choice of features`, () => {
    for (const features of choices) {
      const { trust, permissions, name, path } = describeCustomerRole(terms(features))
      assert.deepEqual(role(features), { trust, permissions, name, path })
      const more = describeCustomerRole(terms(features, OWN))
      assert.deepEqual(role(features, OWN).permissions, more.permissions)
    }
  })

  test(`${kind}: refuses every caller but the gateway and the doctor, and every right beyond their work`, () => {
    const { trust, permissions } = role(USUAL_FEATURES)
    const caller = (roleArn: string): Principal => ({
      ...{ arn: `${roleArn}/session`, roleArn, accountId: roleArn.split(':')[4] ?? '', policies: [permissions] },
    })
    const enter = (who: string, externalId?: string) =>
      resourceDecision(trust, caller(who), 'sts:AssumeRole', 'role', externalId ? { 'sts:ExternalId': externalId } : {})
    for (const who of [GATEWAY, DOCTOR]) {
      assert.equal(enter(who, 'corbado-acme'), 'allow')
      assert.equal(enter(who), 'none')
      assert.equal(enter(who, 'corbado-globex'), 'none')
    }
    assert.equal(enter('arn:aws:iam::999900000001:role/corbado-operator', 'corbado-acme'), 'none')
    assert.equal(enter('arn:aws:iam::999900000001:role/other/corbado-gateway', 'corbado-acme'), 'none')
    assert.equal(enter('arn:aws:iam::444455556666:role/corbado-gateway', 'corbado-acme'), 'none')

    const may = (operation: string, resource = POOL) => allows(caller(GATEWAY), `cognito-idp:${operation}`, resource)
    for (const operation of ['AdminGetUser', 'ListUsers', 'AdminSetUserMFAPreference', 'DescribeUserPool']) {
      assert.equal(may(operation), true, operation)
      assert.equal(may(operation, POOL.replace('Ac0meSh0p', 'Other0000')), false, `${operation} on another pool`)
      assert.equal(may(operation, POOL.replace('eu-central-1:', 'us-east-1:')), false, `${operation} elsewhere`)
    }
    const neighbours = [
      ...['AdminCreateUser', 'AdminDeleteUser', 'AdminDisableUser', 'AdminSetUserPassword', 'AdminResetUserPassword'],
      ...['AdminInitiateAuth', 'AdminRespondToAuthChallenge', 'AdminUpdateUserAttributes', 'AdminLinkProviderForUser'],
      ...['AdminAddUserToGroup', 'AdminUserGlobalSignOut', 'AdminListDevices', 'ListGroups', 'UpdateUserPool'],
      ...[
        'UpdateUserPoolClient',
        'CreateUserPoolClient',
        'DeleteUserPool',
        'SetUserPoolMfaConfig',
        'AddCustomAttributes',
      ],
    ]
    for (const operation of neighbours) assert.equal(may(operation), false, operation)
  })
}

test('Terraform: the module refuses a pool of another account, and takes a permissions boundary', () => {
  const text = read('terraform/main.tf')
  assert.match(text, /precondition \{\n +condition +=.*caller_identity\.current\.account_id == local\.account_id\n/)
  assert.match(text, /\n {2}permissions_boundary = var\.permissions_boundary\n/)
  assert.match(read('terraform/variables.tf'), /variable "permissions_boundary" \{[^}]*default += null\n/)
  for (const name of ['main', 'variables', 'outputs']) {
    assert.match(read(`terraform/${name}.tf`), new RegExp(`^# Version ${ROLE_VERSION} of the role\\.`))
  }
})

const isTerraformHere = spawnSync('terraform', ['version']).status === 0
const skip = isTerraformHere ? false : 'TERRAFORM IS NOT INSTALLED: what it makes of the module was not seen'

test('Terraform itself evaluates the module to the described role, and finds its layout right', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'module-'))
  // Without the resources, no provider has to be downloaded.
  const locals = /\nlocals \{[\s\S]*?\n\}\n/.exec(read('terraform/main.tf'))?.[0] ?? ''
  writeFileSync(join(folder, 'main.tf'), locals)
  writeFileSync(join(folder, 'variables.tf'), read('terraform/variables.tf'))
  const env = { PATH: process.env.PATH, TF_CLI_ARGS: '-no-color' }
  const evaluate = (variables: ReturnType<typeof variablesOf>) => {
    const given = Object.entries(variables).map(
      ([name, value]) => `-var=${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
    )
    const input = 'jsonencode([local.trust, local.permissions])'
    return spawnSync('terraform', ['console', ...given], { cwd: folder, input, env, encoding: 'utf8' })
  }
  for (const features of choices) {
    const { trust, permissions } = describeCustomerRole(terms(features))
    // Warnings of the console come first.
    const [answer = ''] = evaluate(variablesOf(features)).stdout.trim().split('\n').slice(-1)
    assert.deepEqual(JSON.parse(JSON.parse(answer)), [trust, permissions])
  }
  const wrong = { ...variablesOf(FEATURE_NAMES), gateway_role_arn: 'arn:aws:iam::999900000001:user/somebody' }
  assert.match(evaluate(wrong).stderr, /not the ARN of an IAM role/)
  const { status, stdout } = spawnSync('terraform', ['fmt', '-check', 'customer/terraform'], { encoding: 'utf8' })
  assert.equal(status, 0, stdout)
})

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { UserPoolId } from '../../src/ids.js'
import { allows, type PolicyDocument, type Principal, resourceDecision } from '../../src/local/aws/identity.js'
import {
  evaluateRole,
  parameterFault,
  ruleFault,
  type Template,
  withDefaults as withParameterDefaults,
} from '../../src/local/cloudformation/template.js'
import {
  customerRoleTemplate,
  quickCreateLink,
  templateChecksum,
  templateParameters,
} from '../../src/operator/role/cloudformation.js'
import { featuresOfTenant } from '../../src/operator/role/features.js'
import {
  describeCustomerRole,
  FEATURE_NAMES,
  type Feature,
  ROLE_VERSION,
  type RoleTerms,
} from '../../src/operator/role/role.js'
import { customerRoleTerraform } from '../../src/operator/role/terraform.js'
import { readOperatorSettings } from '../../src/operator/settings.js'
import { withDefaults } from '../../src/tenant/config.js'
import { roleRequest } from '../../src/tenant/role-request.js'
import { tenantFile } from '../fixtures/tenants.js'

const GATEWAY = 'arn:aws:iam::999900000001:role/corbado-gateway'
const DOCTOR = 'arn:aws:iam::999900000001:role/corbado-gateway-doctor'

function terms(overrides: Partial<RoleTerms> = {}): RoleTerms {
  return {
    userPoolId: 'eu-central-1_Ab12Cd34E',
    accountId: '111122223333',
    region: 'eu-central-1',
    externalId: 'corbado-0f1e2d3c',
    features: FEATURE_NAMES,
    gatewayRoleArn: GATEWAY,
    doctorRoleArn: DOCTOR,
    ...overrides,
  }
}

const choices: Feature[][] = [
  ['pre-login'],
  ['pre-login', 'post-append'],
  ['pre-login', 'checks'],
  ['pre-login', 'post-append', 'checks'],
  ['pre-login', 'post-login'],
  ['pre-login', 'claim'],
  [...FEATURE_NAMES],
]

function principal(roleArn: string): Principal {
  const [, , , , accountId = ''] = roleArn.split(':')
  return { arn: `arn:aws:sts::${accountId}:assumed-role/x/y`, roleArn, accountId, policies: [] }
}

t.test('refuses every caller but the two roles, and these without the ExternalId', async (t) => {
  const { trust, arn } = describeCustomerRole(terms())
  const decide = (caller: string, externalId?: string) =>
    resourceDecision(
      trust as PolicyDocument,
      principal(caller),
      'sts:AssumeRole',
      arn,
      externalId === undefined ? {} : { 'sts:ExternalId': externalId },
    )
  for (const role of [GATEWAY, DOCTOR]) {
    t.equal(decide(role, 'corbado-0f1e2d3c'), 'allow')
    t.equal(decide(role), 'none')
    t.equal(decide(role, 'corbado-other'), 'none')
  }
  t.equal(decide('arn:aws:iam::999900000001:role/somebody', 'corbado-0f1e2d3c'), 'none')
  t.equal(decide('arn:aws:iam::444455556666:role/corbado-gateway', 'corbado-0f1e2d3c'), 'none')
})

t.test('allows what its features need, on its own pool, and nothing else', async (t) => {
  const needs: Record<Feature, string[]> = {
    'pre-login': ['AdminGetUser', 'ListUsers'],
    'post-append': ['AdminGetUser', 'AdminSetUserMFAPreference'],
    'post-login': ['AdminInitiateAuth', 'AdminRespondToAuthChallenge'],
    claim: ['DescribeUserPoolClient'],
    checks: ['DescribeUserPool', 'DescribeUserPoolClient', 'ListUserPoolClients', 'GetUserPoolMfaConfig'],
  }
  const all = Object.values(needs).flat()
  for (const features of choices) {
    const { permissions } = describeCustomerRole(terms({ features }))
    const role: Principal = { ...principal(GATEWAY), policies: [permissions as PolicyDocument] }
    const own = 'arn:aws:cognito-idp:eu-central-1:111122223333:userpool/eu-central-1_Ab12Cd34E'
    const wanted = new Set(features.flatMap((name) => needs[name]))
    for (const operation of [
      ...all,
      'UpdateUserPool',
      'AdminDeleteUser',
      'AdminSetUserPassword',
      'AdminResetUserPassword',
    ]) {
      t.equal(allows(role, `cognito-idp:${operation}`, own), wanted.has(operation), `${features}: ${operation}`)
      t.notOk(allows(role, `cognito-idp:${operation}`, own.replace('Ab12Cd34E', 'Other0000')), `${operation} elsewhere`)
    }
  }
})

t.test('allows exactly what the gateway asks for in its session policy, whatever the actions', async (t) => {
  const mfas = ['none', 'sms', 'email', 'software-token'] as const
  const ways = mfas.flatMap((mfa) =>
    [false, true].flatMap((postLogin) => [false, true].map((claim) => ({ mfa, postLogin, claim }))),
  )
  for (const { mfa, postLogin, claim } of ways) {
    const file = tenantFile({
      actions: { postAppend: { mfa }, ...(postLogin && { postLogin: { clientId: 'c1' } }) },
      ...(claim && { login: { clientIds: ['c1'], claim: { name: 'corbado', clientIds: ['c1'] } } }),
    })
    const { sessionPolicy } = roleRequest(withDefaults(file))
    const session: PolicyDocument = JSON.parse(sessionPolicy ?? '')
    const features = featuresOfTenant(file).filter((feature) => feature !== 'checks')
    const { permissions, arn } = describeCustomerRole(
      terms({ userPoolId: file.userPoolId, accountId: file.aws.accountId, region: file.aws.region, features }),
    )
    t.strictSame(operations(session), operations(permissions as PolicyDocument), mfa)
    t.strictSame(resources(session), resources(permissions as PolicyDocument))
    t.equal(arn, file.aws.roleArn)
  }
})

const operations = ({ Statement }: PolicyDocument) => [...new Set(Statement.flatMap(({ Action }) => Action))].sort()
const resources = ({ Statement }: PolicyDocument) => [...new Set(Statement.map(({ Resource }) => Resource))]

t.test(
  'the CloudFormation template is the described role, for every choice of features and in every partition',
  async (t) => {
    for (const features of choices) {
      for (const region of ['eu-central-1', 'us-gov-west-1', 'cn-north-1']) {
        const partition = { 'us-gov-west-1': 'aws-us-gov', 'cn-north-1': 'aws-cn' }[region] ?? 'aws'
        const role = (arn: string) => arn.replace('arn:aws:', `arn:${partition}:`)
        const these = terms({ features, region, gatewayRoleArn: role(GATEWAY), doctorRoleArn: role(DOCTOR) })
        const described = describeCustomerRole(these)
        const properties = evaluate(these, partition)
        t.strictSame(properties.AssumeRolePolicyDocument, described.trust)
        t.strictSame(properties.Policies, [{ PolicyName: 'corbado', PolicyDocument: described.permissions }])
        t.equal(properties.RoleName, described.name)
        t.equal(properties.Path, described.path)
        t.match(described.arn, new RegExp(`^arn:${partition}:iam::`))
      }
    }
  },
)

const template: Template = customerRoleTemplate()

/** The values of a stack in the account and region of the terms. */
function stackOf(these: RoleTerms, partition = 'aws', more: Record<string, string> = {}): Map<string, string> {
  const given = new Map(Object.entries({ ...templateParameters(these), ...more }))
  t.equal(parameterFault(template, withParameterDefaults(template, given)), undefined)
  const pseudo = { 'AWS::Partition': partition, 'AWS::AccountId': these.accountId, 'AWS::Region': these.region }
  return new Map([...Object.entries(pseudo), ...withParameterDefaults(template, given)])
}

/** What CloudFormation makes of the role's properties. */
function evaluate(these: RoleTerms, partition?: string, more?: Record<string, string>): Record<string, unknown> {
  return evaluateRole(template, stackOf(these, partition, more)) as Record<string, unknown>
}

t.test('refuses a stack in another account or region than those of the pool', async (t) => {
  const values = stackOf(terms())
  t.equal(ruleFault(template, values), undefined)
  t.match(ruleFault(template, new Map([...values, ['AWS::AccountId', '444455556666']])), 'RightAccount')
  t.match(ruleFault(template, new Map([...values, ['AWS::Region', 'us-east-1']])), 'RightRegion')
})

t.test('the role has a permissions boundary if the customer names one, and none otherwise', async (t) => {
  const PermissionsBoundary = 'arn:aws:iam::111122223333:policy/org/boundary'
  t.match(evaluate(terms(), 'aws', { PermissionsBoundary }), { PermissionsBoundary })
  t.notOk('PermissionsBoundary' in evaluate(terms()))
  const wrong = new Map(Object.entries({ ...templateParameters(terms()), PermissionsBoundary: 'boundary' }))
  t.match(parameterFault(template, wrong), 'PermissionsBoundary')
})

t.test('what is reviewed is what is deployed: a change of the template is another version and checksum', async (t) => {
  const file = readFileSync('infra/customer/role.template.json')
  t.equal(createHash('sha256').update(file).digest('hex'), templateChecksum(), 'of the file that goes to S3')
  t.match(JSON.parse(file.toString()), {
    Description: `(version ${ROLE_VERSION})`,
    Metadata: { Corbado: { Version: ROLE_VERSION } },
  })
  t.strictSame(
    { version: ROLE_VERSION, checksum: templateChecksum() },
    { version: '3', checksum: '685e919305bdde0e5a430efc5a96c554ceed1e35b2b60e2e66df6899098d7dda' },
    'after a change, count ROLE_VERSION up, and write both here',
  )
})

t.test('the quick-create link fills in every parameter of the template with a value that it takes', async (t) => {
  const templateUrl = 'https://templates.s3.eu-central-1.amazonaws.com/customer-role.json'
  const link = quickCreateLink(templateUrl, terms({ features: ['pre-login', 'checks'] })) ?? ''
  const [page, query = ''] = link.split('#/stacks/create/review?')
  t.equal(page, 'https://eu-central-1.console.aws.amazon.com/cloudformation/home?region=eu-central-1')
  const hostIn = (region: string) => {
    const other = quickCreateLink(templateUrl, { ...terms(), region })
    return other && new URL(other).host
  }
  t.equal(hostIn('cn-north-1'), 'console.amazonaws.cn')
  t.equal(hostIn('us-gov-west-1'), 'console.amazonaws-us-gov.com')
  t.equal(hostIn('eusc-de-east-1'), 'eusc-de-east-1.console.amazonaws-eusc.eu')
  for (const region of ['us-iso-east-1', 'us-isob-east-1', 'eu-isoe-west-1', 'us-isof-south-1']) {
    t.equal(hostIn(region), undefined, `${region}: no link is better than a wrong one`)
  }
  const given = new URLSearchParams(query)
  t.equal(given.get('templateURL'), templateUrl)
  t.equal(given.get('stackName'), 'corbado-eu-central-1-Ab12Cd34E')
  t.match(given.get('stackName'), /^[A-Za-z][A-Za-z0-9-]{0,127}$/)
  const { Parameters } = customerRoleTemplate()
  const needed = Object.entries(Parameters).filter(([name]) => name !== 'PermissionsBoundary')
  t.equal([...given.keys()].length, needed.length + 2, 'all but what the customer alone knows')
  for (const [name, parameter] of needed) {
    const value = given.get(`param_${name}`) ?? 'missing'
    if ('AllowedValues' in parameter) t.ok(parameter.AllowedValues.includes(value), name)
    else t.match(value, new RegExp(parameter.AllowedPattern), name)
  }
  t.equal(given.get('param_PostAppend'), 'false')
  t.equal(given.get('param_Checks'), 'true')
})

t.test('the Terraform text holds the described documents', async (t) => {
  const described = describeCustomerRole(terms())
  const text = customerRoleTerraform(described)
  const documents = [...text.matchAll(/jsonencode\((\{[\s\S]*?\n {2}\})\)/g)].map(([, hcl = '']) =>
    JSON.parse(
      hcl
        .replace(
          /^(\s*)("[^"]+"|\w+) *= /gm,
          (_, indent, key) => `${indent}${key.startsWith('"') ? key : `"${key}"`}: `,
        )
        .replace(/(["\]}])\n(?=\s*")/g, '$1,\n')
        .replace(/,(?=\s*[\]}])/g, ''),
    ),
  )
  t.strictSame(documents, [described.trust, described.permissions])
  t.match(text, `path        = "/corbado/"`)
  t.match(text, `account_id == "${terms().accountId}"`, 'and refuses another account')
  t.match(text, `permissions_boundary = "arn:aws:iam::${terms().accountId}:policy/your-boundary"`)
  t.match(text, `version ${ROLE_VERSION}\n`)
  t.notMatch(text, /[^$%][$%]\{/)
})

t.test('the longest pool id makes a role name and a session name that AWS accepts', async (t) => {
  const userPoolId = `ap-southeast-1_${'a'.repeat(40)}` as UserPoolId
  t.equal(userPoolId.length, 55)
  t.ok(describeCustomerRole(terms({ userPoolId })).name.length <= 64)
})

t.test('all settings that a command needs and does not have are named at once', async (t) => {
  const env = { GATEWAY_ROLE_ARN: GATEWAY, DOCTOR_ROLE_ARN: '' }
  t.throws(() => readOperatorSettings(env, ['gatewayFunctionArn', 'gatewayRoleArn', 'doctorRoleArn']), {
    code: 'GW_ERR_ENV_INVALID',
    message:
      /^TENANT_TABLE is not set: .*\. AWS_REGION is not set: .*\. GATEWAY_FUNCTION_ARN is not set: .*\. DOCTOR_ROLE_ARN is not set: /,
  })
  t.strictSame(readOperatorSettings(env), { gatewayRoleArn: GATEWAY })
})

t.test('a setting of another form is refused, needed or not', async (t) => {
  const wrong = {
    GATEWAY_FUNCTION_ARN: ['arn:aws:lambda:eu-central-1:999900000001:function:gateway:t-1', 'gateway'],
    GATEWAY_ROLE_ARN: ['arn:aws:sts::999900000001:assumed-role/gateway/x'],
    DOCTOR_ROLE_ARN: ['doctor'],
    CUSTOMER_TEMPLATE_URL: [
      'http://x.s3.amazonaws.com/a',
      'https://example.com/role.json',
      'https://s3.evil.example/a',
    ],
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) t.throws(() => readOperatorSettings({ [name]: value }), { message: new RegExp(name) })
  }
})

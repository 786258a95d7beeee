import { createHash } from 'node:crypto'
import {
  type Partition,
  partitionOf,
  REGION_PATTERN,
  USER_POOL_ID_LENGTH_MAX,
  USER_POOL_ID_PATTERN,
} from '../../ids.js'
import { customerRoleOf, FEATURE_NAMES, ROLE_VERSION, type RoleTerms } from './role.js'

/** A CloudFormation value: JSON with `Ref`, `Fn::Sub` and `Fn::If` in it. */
type CloudFormationValue =
  | string
  | number
  | readonly CloudFormationValue[]
  | { readonly [key: string]: CloudFormationValue }

const roleArn = '^arn:aws(-[a-z]+)*:iam::\\d{12}:role/.+$'
const FUNCTION = 'arn:aws(-[a-z]+)*:lambda:[a-z0-9-]+:\\d{12}:function:[\\w-]+(:[\\w-]+)?'
const BOUNDARY_PATTERN = '^(arn:aws(-[a-z]+)*:iam::(\\d{12}|aws):policy/.+)?$'
const text = (Description: string, AllowedPattern: string, more: Record<string, CloudFormationValue> = {}) => ({
  Type: 'String',
  Description,
  AllowedPattern,
  ...more,
})
const yesNo = (Description: string, Default?: 'false') => ({
  ...{ Type: 'String', Description, AllowedValues: ['true', 'false'] },
  ...(Default && { Default }),
})

/** As the console shows them; the quick-create link fills all of them in. */
const parameters = {
  AccountId: text('Account of the user pool; a stack in another one is refused', '^\\d{12}$'),
  Region: text('Primary region of the user pool; a stack in another one is refused', `^${REGION_PATTERN}$`),
  UserPoolId: text('The user pool, of this account and region', USER_POOL_ID_PATTERN, {
    MaxLength: USER_POOL_ID_LENGTH_MAX,
  }),
  ExternalId: text('As Corbado gave it to you; do not change it', '^[\\w+=,.@:/-]{2,1224}$'),
  GatewayAccountId: text('Corbado account whose roles may use this one', '^\\d{12}$'),
  GatewayRoleArn: text('Role of the Corbado gateway', roleArn),
  DoctorRoleArn: text('Role under which Corbado checks the set-up', roleArn),
  PostAppend: yesNo('May the gateway set the MFA factor of users who have added a passkey?'),
  PostLogin: yesNo('May the gateway sign users in who have shown a passkey, and hand Corbado their tokens?', 'false'),
  Claim: yesNo('May the gateway read an app client whose tokens say that a passkey was used?', 'false'),
  Checks: yesNo('May Corbado read the settings of the pool and its app clients, to check the set-up?'),
  ChainedFunctions: text(
    'ARNs of your own Lambda functions that answer triggers of the pool, separated by commas; empty if there are none',
    `^(${FUNCTION}(,${FUNCTION})*)?$`,
    { Default: '' },
  ),
  PermissionsBoundary: text('ARN of the policy that bounds the role, if your account asks for one', BOUNDARY_PATTERN, {
    Default: '',
  }),
}
type TemplateParameter = keyof typeof parameters

/** What has to hold before anything is made (fact A46). */
const rules = {
  RightAccount: assertion('AWS::AccountId', 'AccountId', 'This is not the account that Corbado made this role for.'),
  RightRegion: assertion('AWS::Region', 'Region', 'This is not the region of the user pool.'),
}

function assertion(here: string, wanted: TemplateParameter, AssertDescription: string) {
  return { Assertions: [{ Assert: { 'Fn::Equals': [{ Ref: here }, { Ref: wanted }] }, AssertDescription }] }
}

/** How a feature can be left out: its parameter, and the condition that goes by it. */
const switches = {
  PostAppend: { parameter: 'PostAppend', condition: 'WithPostAppend' },
  PostLogin: { parameter: 'PostLogin', condition: 'WithPostLogin' },
  Claim: { parameter: 'Claim', condition: 'WithClaim' },
  Checks: { parameter: 'Checks', condition: 'WithChecks' },
} as const

const isGiven = (parameter: TemplateParameter) => ({ 'Fn::Not': [{ 'Fn::Equals': [{ Ref: parameter }, ''] }] })

const conditions: Readonly<Record<string, CloudFormationValue>> = {
  ...Object.fromEntries(
    Object.values(switches).map(({ parameter, condition }) => [
      condition,
      { 'Fn::Equals': [{ Ref: parameter }, 'true'] },
    ]),
  ),
  WithChain: isGiven('ChainedFunctions'),
  WithBoundary: isGiven('PermissionsBoundary'),
}

// The placeholders of Fn::Sub; a role described with them is a template of it.
const ref = (name: TemplateParameter | `AWS::${string}`) => `\${${name}}`

/** The template behind the quick-create link, the same for every customer; role.ts says what it grants. */
export function customerRoleTemplate() {
  const { path, name, trust, permissions } = customerRoleOf({
    partition: ref('AWS::Partition'),
    accountId: ref('AWS::AccountId'),
    region: ref('AWS::Region'),
    userPoolId: ref('UserPoolId'),
    externalId: ref('ExternalId'),
    gatewayAccountId: ref('GatewayAccountId'),
    gatewayRoleArn: ref('GatewayRoleArn'),
    doctorRoleArn: ref('DoctorRoleArn'),
    features: FEATURE_NAMES,
    functionArns: ref('ChainedFunctions'),
  })
  const statements = permissions.Statement.map(({ Sid, ...rest }) => {
    const statement = substitute({ Sid, ...rest })
    const one = Object.entries(switches).find(([sid]) => sid === Sid)?.[1]
    if (Sid === 'Chain') {
      const all = { ...(statement as object), Resource: { 'Fn::Split': [',', { Ref: 'ChainedFunctions' }] } }
      return { 'Fn::If': ['WithChain', all, { Ref: 'AWS::NoValue' }] }
    }
    return one ? { 'Fn::If': [one.condition, statement, { Ref: 'AWS::NoValue' }] } : statement
  })
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `The role that the Corbado passkey gateway uses on one Cognito user pool (version ${ROLE_VERSION})`,
    Metadata: { Corbado: { Version: ROLE_VERSION } },
    Parameters: parameters,
    Rules: rules,
    Conditions: conditions,
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          Path: path,
          RoleName: substitute(name),
          Description: 'Corbado passkey gateway',
          PermissionsBoundary: {
            'Fn::If': ['WithBoundary', { Ref: 'PermissionsBoundary' }, { Ref: 'AWS::NoValue' }],
          },
          AssumeRolePolicyDocument: substitute(trust),
          Policies: [
            { PolicyName: 'corbado', PolicyDocument: { Version: permissions.Version, Statement: statements } },
          ],
        },
      },
    },
    Outputs: { RoleArn: { Value: { 'Fn::GetAtt': ['Role', 'Arn'] } } },
  } as const
}

/** The template as it lies in S3, byte for byte. */
export function customerRoleTemplateText(): string {
  return `${JSON.stringify(customerRoleTemplate(), undefined, 2)}\n`
}

/** SHA-256 of {@link customerRoleTemplateText}, as `sha256sum` prints it. */
export function templateChecksum(): string {
  return createHash('sha256').update(customerRoleTemplateText()).digest('hex')
}

/** Turns texts with placeholders into what CloudFormation evaluates. */
function substitute(value: unknown): CloudFormationValue {
  if (typeof value === 'string') {
    const whole = /^\$\{([\w:]+)\}$/.exec(value)?.[1]
    if (whole !== undefined) return { Ref: whole }
    return value.includes('${') ? { 'Fn::Sub': value } : value
  }
  if (Array.isArray(value)) return value.map(substitute)
  return Object.fromEntries(Object.entries(value ?? {}).map(([key, inner]) => [key, substitute(inner)]))
}

/** The template's parameters for one pool; the customer alone knows of a permissions boundary. */
export function templateParameters(
  terms: RoleTerms,
): Record<Exclude<TemplateParameter, 'PermissionsBoundary'>, string> {
  const {
    accountId,
    region,
    userPoolId,
    externalId,
    gatewayRoleArn,
    doctorRoleArn,
    features,
    functionArns = [],
  } = terms
  return {
    AccountId: accountId,
    Region: region,
    UserPoolId: userPoolId,
    ExternalId: externalId,
    GatewayAccountId: gatewayRoleArn.split(':')[4] ?? '',
    GatewayRoleArn: gatewayRoleArn,
    DoctorRoleArn: doctorRoleArn,
    PostAppend: String(features.includes('post-append')),
    PostLogin: String(features.includes('post-login')),
    Claim: String(features.includes('claim')),
    Checks: String(features.includes('checks')),
    ChainedFunctions: functionArns.join(','),
  }
}

/**
 * Where CloudFormation's console of a region is; China's and GovCloud's have no name for each region. Of the isolated partitions
 * nothing is public, and no link is better than a wrong one.
 */
function consoleOf(region: string): string | undefined {
  const partition = partitionOf(region)
  const consoles: Partial<Record<Partition, string>> = {
    aws: `${region}.console.aws.amazon.com`,
    'aws-cn': 'console.amazonaws.cn',
    'aws-us-gov': 'console.amazonaws-us-gov.com',
    'aws-eusc': `${region}.console.amazonaws-eusc.eu`,
  }
  return consoles[partition]
}

/**
 * The link that opens CloudFormation's console with everything filled in (fact A39); undefined if it is not known where that
 * console is. The person who follows it can change the values and must tick the IAM capability, so the doctor checks the result.
 */
export function quickCreateLink(templateUrl: string, terms: RoleTerms): string | undefined {
  const { region, userPoolId } = terms
  const host = consoleOf(region)
  if (host === undefined) return undefined
  const query = {
    templateURL: templateUrl,
    stackName: stackNameOf(userPoolId),
    ...Object.fromEntries(Object.entries(templateParameters(terms)).map(([name, value]) => [`param_${name}`, value])),
  }
  const words = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `https://${host}/cloudformation/home?region=${region}#/stacks/create/review?${words.join('&')}`
}

/** Letters, digits and hyphens are all that a stack's name may have. */
export function stackNameOf(userPoolId: string): string {
  return `corbado-${userPoolId.replaceAll('_', '-')}`
}

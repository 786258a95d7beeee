import type { PolicyDocument, Principal } from './aws/identity.js'

/** The accounts, names and principals of the embedded stack. Corbado's side; customers' come with their tenants. */
export const REGION = 'eu-central-1'
export const GATEWAY_ACCOUNT = '999900000001'
export const TABLE_NAME = 'corbado-gateway-tenants'
export const PARAMETER_PREFIX = '/corbado/gateway'
export const PSEUDONYM_KEY_PARAMETER = `${PARAMETER_PREFIX}/pseudonym-key`
export const CALLER_SECRETS_PARAMETER = `${PARAMETER_PREFIX}/callers`
export const ACTIONS_ALIAS = 'actions'
export const FUNCTION_ARN = `arn:aws:lambda:${REGION}:${GATEWAY_ACCOUNT}:function:corbado-cognito-gateway`

/** Where the function's lines go by Lambda's own custom. */
export const LOG_GROUP = '/aws/lambda/corbado-cognito-gateway'

const tableArn = `arn:aws:dynamodb:${REGION}:${GATEWAY_ACCOUNT}:table/${TABLE_NAME}`

function allow(...statements: readonly [action: string | string[], resource: string][]): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: statements.map(([Action, Resource]) => ({ Effect: 'Allow', Action, Resource })),
  }
}

function roleSession(name: string, ...policies: PolicyDocument[]): Principal {
  return {
    arn: `arn:aws:sts::${GATEWAY_ACCOUNT}:assumed-role/${name}/local`,
    roleArn: `arn:aws:iam::${GATEWAY_ACCOUNT}:role/${name}`,
    accountId: GATEWAY_ACCOUNT,
    policies,
  }
}

/** Every role of a customer that the hand-over asks for. */
const customerRoles = 'arn:aws:iam::*:role/corbado/corbado-*'
const ownParameters = `arn:aws:ssm:${REGION}:${GATEWAY_ACCOUNT}:parameter${PARAMETER_PREFIX}/*`
/** Tenants' secrets: below a pool's id, which has an underscore. The gateway's own lie directly below the prefix. */
const tenantParameters = `arn:aws:ssm:${REGION}:${GATEWAY_ACCOUNT}:parameter${PARAMETER_PREFIX}/*_*/*`

/** Those of the function and the forwarder; rights on a log group are rights on `<its ARN>:*` (fact A51). */
const logGroups = `arn:aws:logs:${REGION}:${GATEWAY_ACCOUNT}:log-group:${LOG_GROUP}*:*`

/** The gateway's function: what it needs and nothing more. No role is assumed without an ExternalId. */
export const gateway = roleSession(
  'corbado-gateway',
  allow(['dynamodb:GetItem', tableArn], ['ssm:GetParameter', ownParameters]),
  {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Resource: customerRoles,
        Condition: { Null: { 'sts:ExternalId': 'false' } },
      },
    ],
  },
)

/** The role from which an operator tries customers' roles, with and without ExternalId; only their trust may refuse it. */
export const doctor = roleSession('corbado-gateway-doctor', allow(['sts:AssumeRole', customerRoles]))

/** A Corbado operator at the command line. */
export const operator = roleSession(
  'corbado-operator',
  allow(
    [['GetItem', 'PutItem', 'DeleteItem', 'Query', 'Scan'].map((name) => `dynamodb:${name}`), tableArn],
    [['ssm:GetParameter', 'ssm:GetParameterHistory', 'ssm:PutParameter'], tenantParameters],
    [['lambda:ListAliases', 'lambda:GetAlias', 'lambda:CreateAlias'], FUNCTION_ARN],
    [['lambda:GetResourcePolicy', 'lambda:PutResourcePolicy', 'lambda:DeleteResourcePolicy'], `${FUNCTION_ARN}:*`],
    ['sts:AssumeRole', roleArnOf(doctor)],
  ),
  {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: ['lambda:PutResourcePolicy', 'lambda:DeleteResourcePolicy'],
        Resource: `${FUNCTION_ARN}:${ACTIONS_ALIAS}`,
      },
    ],
  },
)

/** What an operator on call may do besides: read the gateway's lines, and the key by which a user is found in them. */
export const onCallPolicy = allow(
  [['logs:FilterLogEvents', 'logs:StartQuery'], logGroups],
  ['logs:GetQueryResults', '*'],
  ['ssm:GetParameter', `arn:aws:ssm:${REGION}:${GATEWAY_ACCOUNT}:parameter${PSEUDONYM_KEY_PARAMETER}`],
)

/** An operator who is on call. */
export const onCall: Principal = { ...operator, policies: [...operator.policies, onCallPolicy] }

/** Where the function that watches tells what has changed. */
export const TOPIC_ARN = `arn:aws:sns:${REGION}:${GATEWAY_ACCOUNT}:on-call`

/** The function that watches: it counts lines, tells the topic, and keeps what it knows under its own key of the table. */
export const watcher = roleSession('corbado-gateway-watch', {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'logs:StartQuery', Resource: logGroups },
    { Effect: 'Allow', Action: 'logs:GetQueryResults', Resource: '*' },
    {
      Effect: 'Allow',
      Action: ['dynamodb:Query', 'dynamodb:PutItem'],
      Resource: tableArn,
      Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['watch'] } },
    },
    { Effect: 'Allow', Action: 'sns:Publish', Resource: TOPIC_ARN },
  ],
})

/** Is it an operator, on call or not? */
export const isOperator = ({ roleArn }: Principal) => roleArn === operator.roleArn

/** Who may become the doctor. */
export const doctorTrust: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: roleArnOf(operator) }, Action: 'sts:AssumeRole' }],
}

/** What an operator's commands read from the environment, other than the table and the region. */
export const OPERATOR_VARIABLES = {
  GATEWAY_FUNCTION_ARN: FUNCTION_ARN,
  GATEWAY_ROLE_ARN: roleArnOf(gateway),
  DOCTOR_ROLE_ARN: roleArnOf(doctor),
  CUSTOMER_TEMPLATE_URL: `https://corbado-gateway-templates.s3.${REGION}.amazonaws.com/role.template.json`,
  LOG_RETENTION_DAYS: '90',
} as const

/** The engineer of a customer who may do anything to the account's user pools, and make roles for us by CloudFormation. */
export function customerAdmin(accountId: string): Principal {
  return {
    arn: `arn:aws:sts::${accountId}:assumed-role/customer-admin/local`,
    roleArn: `arn:aws:iam::${accountId}:role/customer-admin`,
    accountId,
    policies: [
      allow(
        ['cognito-idp:*', `arn:aws:cognito-idp:*:${accountId}:userpool/*`],
        ['cloudformation:*', `arn:aws:cloudformation:*:${accountId}:stack/*`],
        ['iam:*', `arn:aws:iam::${accountId}:role/corbado/*`],
        ['iam:PassRole', `arn:aws:iam::${accountId}:role/*`],
        ['kms:CreateGrant', `arn:aws:kms:*:${accountId}:key/*`],
      ),
    ],
  }
}

/** The role of a session made here. */
export function roleArnOf({ arn, roleArn = arn }: Principal): string {
  return roleArn
}

/** What invokes actions: named by the policy of the actions alias. */
export const actionCaller = roleSession(
  'corbado-connect',
  allow(['lambda:InvokeFunction', `${FUNCTION_ARN}:${ACTIONS_ALIAS}`]),
)

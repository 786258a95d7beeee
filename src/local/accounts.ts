import type { PolicyDocument, Principal } from './iam.js'

/** The accounts, names and principals of the embedded stack. Corbado's side; customers' come with their tenants. */
export const REGION = 'eu-central-1'
export const GATEWAY_ACCOUNT = '999900000001'
export const TABLE_NAME = 'corbado-gateway-tenants'
export const PARAMETER_PREFIX = '/corbado/gateway'
export const PSEUDONYM_KEY_PARAMETER = `${PARAMETER_PREFIX}/pseudonym-key`
export const CALLER_SECRETS_PARAMETER = `${PARAMETER_PREFIX}/callers`
export const ACTIONS_ALIAS = 'actions'
export const FUNCTION_ARN = `arn:aws:lambda:${REGION}:${GATEWAY_ACCOUNT}:function:corbado-cognito-gateway`

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

/** The gateway's function: what it needs and nothing more. */
export const gateway = roleSession(
  'corbado-gateway',
  allow(
    ['dynamodb:GetItem', tableArn],
    ['ssm:GetParameter', `arn:aws:ssm:${REGION}:${GATEWAY_ACCOUNT}:parameter${PARAMETER_PREFIX}/*`],
    ['sts:AssumeRole', 'arn:aws:iam::*:role/corbado/corbado-*'],
  ),
)

/** A Corbado operator at the command line. */
export const operator = roleSession(
  'corbado-operator',
  allow([['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Scan'], tableArn]),
)

/** What invokes actions: named by the policy of the actions alias. */
export const actionCaller = roleSession(
  'corbado-connect',
  allow(['lambda:InvokeFunction', `${FUNCTION_ARN}:${ACTIONS_ALIAS}`]),
)

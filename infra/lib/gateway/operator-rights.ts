import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { arnsIn } from '../names.js'
import { type RightsOptions, throughService } from './rights.js'

/** DynamoDB needs all of them to read and write on a caller's behalf (its documentation of encryption at rest). */
export const TABLE_KEY_USE = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]

export interface OperatorRightsOptions extends RightsOptions {
  readonly actionsAlias: string
}

/** What `corbado-gateway` does for an operator in one region; src/local/accounts.ts has the same for the embedded stack. */
export function operatorRights(options: OperatorRightsOptions): PolicyStatement[] {
  const { place, parameterPrefix, tableKeyArn, parameterKeyArn, actionsAlias } = options
  const arns = arnsIn(place)
  const parameters = arns.tenantParametersBelow(parameterPrefix)
  const allow = (sid: string, actions: string[], resource: string, conditions: Record<string, unknown> = {}) =>
    new PolicyStatement({ sid, actions, resources: [resource], conditions })
  const dynamodb = ['GetItem', 'PutItem', 'DeleteItem', 'Query', 'Scan'].map((name) => `dynamodb:${name}`)
  const policies = ['GetResourcePolicy', 'PutResourcePolicy', 'DeleteResourcePolicy'].map((name) => `lambda:${name}`)
  return [
    allow('Tenants', dynamodb, arns.table),
    allow('TenantsKey', TABLE_KEY_USE, tableKeyArn, throughService('dynamodb', place.region)),
    allow('Secrets', ['ssm:GetParameter', 'ssm:GetParameterHistory', 'ssm:PutParameter'], parameters),
    // A parameter of the advanced tier has a key of its own, which ours encrypts.
    allow('SecretsKey', ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'], parameterKeyArn, {
      ...throughService('ssm', place.region),
      StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': parameters },
    }),
    allow('Aliases', ['lambda:ListAliases', 'lambda:GetAlias', 'lambda:CreateAlias'], arns.function),
    allow('AliasPolicies', policies, `${arns.function}:*`),
    // A caller that is let in there speaks for Corbado; the policy is the stack's.
    new PolicyStatement({
      sid: 'NotOfActions',
      effect: Effect.DENY,
      actions: ['lambda:PutResourcePolicy', 'lambda:DeleteResourcePolicy'],
      resources: [`${arns.function}:${actionsAlias}`],
    }),
    allow('Doctor', ['sts:AssumeRole'], arns.doctorRole),
  ]
}

export interface OnCallRightsOptions extends RightsOptions {
  /** The parameter with the key of the pseudonyms; undefined if the service has none. */
  readonly pseudonymKeyParameter: string | undefined
}

/**
 * What an operator who is on call may do besides: read the gateway's lines, and the one key by which a user whom a customer names is
 * found in them.
 */
export function onCallRights(options: OnCallRightsOptions): PolicyStatement[] {
  const { place, parameterKeyArn, pseudonymKeyParameter } = options
  const arns = arnsIn(place)
  const lines = [
    new PolicyStatement({
      sid: 'Lines',
      actions: ['logs:FilterLogEvents', 'logs:StartQuery'],
      resources: arns.lines,
    }),
    // The results of a query belong to no log group.
    new PolicyStatement({ sid: 'LineCounts', actions: ['logs:GetQueryResults'], resources: ['*'] }),
  ]
  if (pseudonymKeyParameter === undefined) return lines
  const key = arns.parameter(pseudonymKeyParameter)
  return [
    ...lines,
    new PolicyStatement({ sid: 'PseudonymKey', actions: ['ssm:GetParameter'], resources: [key] }),
    new PolicyStatement({
      sid: 'PseudonymKeyKey',
      actions: ['kms:Decrypt'],
      resources: [parameterKeyArn],
      conditions: {
        ...throughService('ssm', place.region),
        StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': key },
      },
    }),
  ]
}

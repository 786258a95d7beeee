import { PolicyStatement, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam'
import { arnsIn, type Place } from '../names.js'

export interface RightsOptions {
  readonly place: Place
  readonly parameterPrefix: string
  /** Keys of the table and of the parameters. */
  readonly tableKeyArn: string
  readonly parameterKeyArn: string
}

const allow = (props: PolicyStatementProps) => new PolicyStatement(props)

/** A key is used through one service alone, never by calling KMS. */
export function throughService(service: string, region: string): Record<string, Record<string, string>> {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return { StringEquals: { 'kms:ViaService': `${service}.${region}.${domain}` } }
}

/** What the function does in its own region. Rights on pools come from the customers' roles. */
export function gatewayRights(options: RightsOptions): PolicyStatement[] {
  const { place, parameterPrefix, tableKeyArn, parameterKeyArn } = options
  const arns = arnsIn(place)
  const parameters = arns.parametersBelow(parameterPrefix)
  return [
    allow({ sid: 'ReadTenant', actions: ['dynamodb:GetItem'], resources: [arns.table] }),
    allow({
      sid: 'DecryptTable',
      actions: ['kms:Decrypt', 'kms:DescribeKey'],
      resources: [tableKeyArn],
      conditions: throughService('dynamodb', place.region),
    }),
    allow({ sid: 'ReadSecrets', actions: ['ssm:GetParameter'], resources: [parameters] }),
    allow({
      sid: 'DecryptSecrets',
      actions: ['kms:Decrypt'],
      resources: [parameterKeyArn],
      conditions: {
        ...throughService('ssm', place.region),
        // SSM binds what it encrypts to the parameter's ARN.
        StringLike: { 'kms:EncryptionContext:PARAMETER_ARN': parameters },
      },
    }),
    allow({
      sid: 'WriteLines',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [`${arns.logGroup}:log-stream:*`],
    }),
  ]
}

/**
 * What Lambda itself needs to put the function into subnets. Lambda does it under the function's role, so the code could
 * too; the last statement, in Lambda's documentation on VPCs, takes that away from it.
 */
export function networkRights(
  { place }: Pick<RightsOptions, 'place'>,
  functionArn = arnsIn(place).function,
): PolicyStatement[] {
  const actions = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
  ]
  return [
    allow({ sid: 'AttachNetwork', actions, resources: ['*'] }),
    PolicyStatement.fromJson({
      Sid: 'NotByTheCode',
      Effect: 'Deny',
      Action: actions,
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    }),
  ]
}

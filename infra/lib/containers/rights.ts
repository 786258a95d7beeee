import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { networkRights, throughService } from '../gateway/rights.js'
import { containerArnsIn, type Place } from '../names.js'

export interface ForwarderRightsOptions {
  readonly place: Place
  readonly callerSecretsParameter: string
  readonly parameterKeyArn: string
}

const allow = (
  sid: string,
  actions: string[],
  resources: string[],
  conditions?: Record<string, Record<string, string>>,
) => new PolicyStatement({ sid, actions, resources, ...(conditions && { conditions }) })

/** The forwarder reads the one secret that it signs with, and knows no tenant. */
export function forwarderRights({
  place,
  callerSecretsParameter,
  parameterKeyArn,
}: ForwarderRightsOptions): PolicyStatement[] {
  const arns = containerArnsIn(place)
  const parameter = arns.parameter(callerSecretsParameter)
  const { StringEquals } = throughService('ssm', place.region)
  return [
    allow('ReadCallerSecret', ['ssm:GetParameter'], [parameter]),
    allow('DecryptCallerSecret', ['kms:Decrypt'], [parameterKeyArn], {
      StringEquals: { ...StringEquals, 'kms:EncryptionContext:PARAMETER_ARN': parameter },
    }),
    allow('WriteLines', ['logs:CreateLogStream', 'logs:PutLogEvents'], [`${arns.forwarderLog}:log-stream:*`]),
    ...networkRights({ place }, arns.forwarder),
  ]
}

/** What `corbado-gateway aliases` needs if GATEWAY_FUNCTION_ARN is the forwarder's. */
export function forwarderOperatorRights(place: Place): PolicyStatement[] {
  const { forwarder } = containerArnsIn(place)
  const policy = ['lambda:GetResourcePolicy', 'lambda:PutResourcePolicy', 'lambda:DeleteResourcePolicy']
  return [
    allow('ManageAliases', ['lambda:ListAliases', 'lambda:GetAlias', 'lambda:CreateAlias'], [forwarder]),
    allow('ManageAliasPolicies', policy, [`${forwarder}:*`]),
  ]
}

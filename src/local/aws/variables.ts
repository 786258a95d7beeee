import type { IssuedCredentials } from './identity.js'
import type { StandIn } from './server.js'

/** The variables by which the AWS SDK finds services that are not AWS's. */
export function endpoints(
  at: Record<'cognito' | 'lambda' | 'table' | 'ssm' | 'sts' | 'cloudformation', StandIn>,
): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_CLOUDFORMATION: at.cloudformation.url,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: at.cognito.url,
    AWS_ENDPOINT_URL_LAMBDA: at.lambda.url,
    AWS_ENDPOINT_URL_DYNAMODB: at.table.url,
    AWS_ENDPOINT_URL_SSM: at.ssm.url,
    AWS_ENDPOINT_URL_STS: at.sts.url,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  }
}

/** The variables in which the AWS SDK finds credentials. */
export function credentialVariables({ accessKeyId, secretAccessKey, sessionToken }: IssuedCredentials) {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken }
}

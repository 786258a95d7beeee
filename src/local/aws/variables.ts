import { devNull } from 'node:os'
import type { IssuedCredentials } from './identity.js'
import type { StandIn } from './server.js'

/** Keeps the AWS SDK from printing eight lines about Node 20; has to be set before the SDK makes a client. */
export const NO_SDK_NOTICE = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' } as const

/** The variables by which the AWS SDK finds services that are not AWS's. */
export function endpoints(
  at: Record<'cognito' | 'lambda' | 'table' | 'ssm' | 'sts' | 'cloudformation' | 'cloudwatch', StandIn>,
): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_CLOUDFORMATION: at.cloudformation.url,
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: at.cloudwatch.url,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: at.cognito.url,
    AWS_ENDPOINT_URL_LAMBDA: at.lambda.url,
    AWS_ENDPOINT_URL_DYNAMODB: at.table.url,
    AWS_ENDPOINT_URL_SSM: at.ssm.url,
    AWS_ENDPOINT_URL_STS: at.sts.url,
    ...NO_SDK_NOTICE,
  }
}

/** The variables in which the AWS SDK finds credentials. */
export function credentialVariables({ accessKeyId, secretAccessKey, sessionToken }: IssuedCredentials) {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken }
}

/**
 * Makes the AWS SDK of this process forget its user's own account, so that nothing here can reach it: a profile would
 * win even over the credentials that the stand-ins issue.
 * @param env what the SDK is to find instead
 */
export function useNoAccount(env: Readonly<Record<string, string>> = {}): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, NO_SDK_NOTICE, { AWS_CONFIG_FILE: devNull, AWS_SHARED_CREDENTIALS_FILE: devNull }, env)
}

import { devNull } from 'node:os'

/**
 * Makes the AWS SDK of this process forget whatever account its user has, so that nothing here can reach it: a profile
 * would even win over the credentials that the stand-ins issue.
 * @param env what the SDK is to find instead
 */
export function useNoAccount(env: Readonly<Record<string, string>> = {}): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  const quiet = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }
  Object.assign(process.env, quiet, { AWS_CONFIG_FILE: devNull, AWS_SHARED_CREDENTIALS_FILE: devNull }, env)
}

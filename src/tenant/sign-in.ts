import type { Call } from '../call.js'
import { isUpstreamError } from '../errors.js'
import type { TenantConfig } from './config.js'
import { type ClientSecret, secretFault, type TenantSecrets } from './secrets.js'
import type { SignedIn, TenantUsers } from './users.js'

/** The app client through which post-login signs in. */
export type PostLoginClient = NonNullable<TenantConfig['actions']['postLogin']>

/**
 * Signs a user in through the pool's custom authentication, with a proof as the answer.
 * @throws GW_ERR_UPSTREAM_… if Cognito or a dependency failed, or if the time is up before the proof is sent
 */
export async function signIn(
  { secrets, users, config, call }: { secrets: TenantSecrets; users: TenantUsers; config: TenantConfig; call: Call },
  { clientId, clientSecretParameter }: PostLoginClient,
  username: string,
  proof: string,
): Promise<SignedIn> {
  const parameter = clientSecretParameter
  if (parameter === undefined) return users.signIn({ clientId }, username, proof)
  const first = secretOf(await secrets.clientSecret(config, parameter, call))
  try {
    return await users.signIn({ clientId, clientSecret: first }, username, proof)
  } catch (error) {
    if (!isUpstreamError(error) || error.reason !== 'client_secret_refused') throw error
    // It may have been replaced a moment ago. The proof is unspent: Cognito looks at the secret first.
    const now = secretOf(await secrets.clientSecretAfterRefusal(config, parameter, call))
    if (now === first) throw error
    return users.signIn({ clientId, clientSecret: now }, username, proof)
  }
}

function secretOf(read: ClientSecret): string {
  if (read.kind === 'usable') return read.secret
  throw secretFault(read.kind)
}

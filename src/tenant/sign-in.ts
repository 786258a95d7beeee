import type { Call } from '../call.js'
import { type UpstreamError, type UpstreamFaultKind, upstreamError } from '../errors.js'
import type { Reason } from '../reasons.js'
import type { TenantConfig } from './config.js'
import type { SecretFault, TenantSecrets } from './secrets.js'
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
  if (clientSecretParameter === undefined) return users.signIn({ clientId }, username, proof)
  const secret = await secrets.clientSecret(config, clientSecretParameter, call)
  if (secret.kind !== 'usable') throw secretFault(secret.kind)
  return users.signIn({ clientId, clientSecret: secret.secret }, username, proof)
}

/** What cannot be used is as good as an answer that cannot be read; all else is what SSM did. */
const faults = {
  missing: ['malformed', 'secret_missing'],
  malformed: ['malformed', 'secret_malformed'],
  'wrong-project': ['malformed', 'secret_wrong_project'],
  denied: ['denied', 'secret_denied'],
  throttled: ['throttled', 'secret_throttled'],
  timeout: ['timeout', 'secret_timeout'],
  unavailable: ['unavailable', 'secret_unavailable'],
} as const satisfies Record<SecretFault, readonly [UpstreamFaultKind, Reason]>

function secretFault(kind: SecretFault): UpstreamError {
  const [fault, reason] = faults[kind]
  return Object.assign(upstreamError('ssm', fault, { operation: 'GetParameter' }), { reason })
}

import { clientSecretName, readClientSecret } from '../../operator/credential.js'
import { IN_FILE } from '../../operator/doctor/checks/finding.js'
import type { TenantFile } from '../../tenant/config.js'
import { NotPossible } from '../../terminal/failure.js'
import type { Kind } from './kind.js'

/**
 * The secret of the app client through which post-login signs users in.
 * @throws NotPossible if the tenant has no such client, or its config names no parameter for the secret
 */
export function clientKind({ tenantId, corbado, actions: { postLogin } }: TenantFile): Kind {
  if (postLogin === undefined) {
    throw new NotPossible(
      `${tenantId} has no actions.postLogin, and no other app client's secret is of use here. If it is to have it, write it ${IN_FILE}`,
    )
  }
  const { clientId, clientSecretParameter: parameter } = postLogin
  if (parameter === undefined) {
    throw new NotPossible(
      `actions.postLogin of ${tenantId} has no clientSecretParameter, so nobody would read the secret. If ${clientId} has one, ` +
        `write clientSecretParameter: ${clientSecretName(corbado)} ${IN_FILE}`,
    )
  }
  return {
    noun: 'secret',
    parameter,
    question: `Secret of ${tenantId}'s app client ${clientId}: `,
    read: (given) => readClientSecret(given, clientId),
    taker: 'Cognito',
  }
}

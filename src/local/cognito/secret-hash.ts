import { createHmac } from 'node:crypto'
import type { AppClient } from './pools.js'
import { notAuthorized } from './wire.js'

/**
 * Checks a call's SECRET_HASH: base64 HMAC-SHA256 of user name and client id under the client's secret.
 * @throws NotAuthorizedException where it is missing, wrong or not wanted
 */
export function checkSecretHash({ clientId, clientSecret }: AppClient, username: string, hash: string | undefined) {
  if (clientSecret === undefined) {
    if (hash === undefined) return
    throw notAuthorized(`Client ${clientId} is not configured for secret but secret hash was received`)
  }
  if (hash === undefined) {
    throw notAuthorized(`Client ${clientId} is configured with secret but SECRET_HASH was not received`)
  }
  const expected = createHmac('sha256', clientSecret).update(`${username}${clientId}`).digest('base64')
  if (hash !== expected) throw notAuthorized(`SecretHash does not match for the client: ${clientId}`)
}

import { findUser, type Login, loginFailed } from './login.js'
import type { Pools } from './pools.js'
import { checkSecretHash } from './secret-hash.js'
import { type Fields, invalidParameter, Refusal, readParameter, readText, readTextMap } from './wire.js'

/** Checks an InitiateAuth call of USER_PASSWORD_AUTH and finds its user; no trigger of custom auth has a say in it. */
export function startPasswordLogin(pools: Pools, fields: Fields): Login {
  const { pool, client } = pools.client(readText(fields, 'ClientId'))
  if (!client.settings?.ExplicitAuthFlows?.includes('ALLOW_USER_PASSWORD_AUTH')) {
    throw invalidParameter('USER_PASSWORD_AUTH flow not enabled for this client')
  }
  const parameters = readTextMap(fields, 'AuthParameters')
  const typed = readParameter(parameters, 'USERNAME')
  checkSecretHash(client, typed, parameters.SECRET_HASH)
  return { pool, client, ...findUser(pools, pool, client, typed), results: [], clientKey: undefined }
}

/** Is the password right? Then the login itself. */
export function assertPassword(login: Login, fields: Fields): Login {
  const { user } = login
  const password = readParameter(readTextMap(fields, 'AuthParameters'), 'PASSWORD')
  if (user?.password === undefined || user.password !== password) throw loginFailed()
  // Saying that such a user is in would be wrong: AWS asks for the code first.
  if (user.mfa.length > 0) throw new Refusal('NotAuthorizedException', 'MFA is not part of the stand-in.')
  return login
}

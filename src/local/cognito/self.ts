import type { Clock } from '../../call.js'
import type { Fields } from '../../fields.js'
import { mfaView, nameValues, withPreference } from './admin.js'
import type { Grant } from './login/grants.js'
import { assertEnabled, checkSecretHash } from './login/login.js'
import type { Issuer, Recipient } from './login/tokens.js'
import { createTotpSecret, isTotpCode } from './login/totp.js'
import type { AppClient, Pools, User } from './pool/pools.js'
import { invalidParameter, notAuthorized, Refusal, readParameter, readText, readTextMap } from './pool/wire.js'

const unauthorized = (message: string) => new Refusal('UnauthorizedException', message)

/** A client that has a secret sends it in clear with the calls on refresh tokens. */
function holdsSecret({ clientSecret }: AppClient, fields: Fields): boolean {
  return clientSecret === undefined || fields.ClientSecret === clientSecret
}

/** The calls that users make about themselves and their tokens, with a token instead of AWS credentials. */
export function createSelf(pools: Pools, issuer: Issuer, clock: Clock) {
  const { grants } = issuer
  /** Secrets of authenticator apps that have not shown a code yet, by pool and user. */
  const offered = new Map<string, string>()

  /** The user of a login; one who was deleted or disabled since is refused. */
  function userOf({ userPoolId, username }: Grant): User {
    const user = pools.user(userPoolId, username)
    if (!user) throw new Refusal('UserNotFoundException', 'User does not exist.')
    assertEnabled(user)
    return user
  }

  async function grantOf(fields: Fields): Promise<Grant> {
    const grant = grants.byOrigin(await issuer.readAccessToken(readText(fields, 'AccessToken')))
    if (!grant) throw notAuthorized('Invalid Access Token')
    if (grant.revoked) throw notAuthorized('Access Token has been revoked')
    return grant
  }

  async function renew(fields: Fields, refreshToken: string, admit: (grant: Grant) => void) {
    const { pool, client } = pools.client(readText(fields, 'ClientId'))
    const grant = grants.byRefreshToken(refreshToken)
    if (!grant) throw notAuthorized('Invalid Refresh Token.')
    if (grant.clientId !== client.clientId) throw notAuthorized('Refresh Token has different Client.')
    admit(grant)
    if (grant.revoked) throw notAuthorized('Refresh Token has been revoked')
    if (clock.now() >= grant.expiresAt) throw notAuthorized('Refresh Token has expired')
    const user = userOf(grant)
    const recipient: Recipient = { pool, client, user, userName: user.username }
    return { AuthenticationResult: await issuer.renew(recipient, grant) }
  }

  return {
    async getUser(fields: Fields) {
      const user = userOf(await grantOf(fields))
      return { Username: user.username, UserAttributes: nameValues(user.attributes), ...mfaView(user) }
    },

    /** Only the app of which the user then shows a code becomes the factor. */
    async associateSoftwareToken(fields: Fields) {
      const { userPoolId, username } = await grantOf(fields)
      const secret = createTotpSecret()
      offered.set(`${userPoolId} ${username}`, secret)
      return { SecretCode: secret }
    },

    async verifySoftwareToken(fields: Fields) {
      const grant = await grantOf(fields)
      const user = userOf(grant)
      const totpSecret = offered.get(`${grant.userPoolId} ${user.username}`)
      if (totpSecret === undefined) throw invalidParameter('No software token was associated.')
      if (!isTotpCode(totpSecret, readText(fields, 'UserCode'), clock.now())) {
        throw new Refusal('EnableSoftwareTokenMFAException', 'Code mismatch')
      }
      pools.putUser(grant.userPoolId, { ...user, totp: true, totpSecret })
      return { Status: 'SUCCESS' }
    },

    async setUserMfaPreference(fields: Fields) {
      const grant = await grantOf(fields)
      pools.putUser(grant.userPoolId, withPreference(userOf(grant), fields))
      return {}
    },

    async globalSignOut(fields: Fields) {
      const { userPoolId, username } = await grantOf(fields)
      grants.revokeAll(userPoolId, username)
      return {}
    },

    /** AWS documents the errors' names, not their texts. */
    revokeToken(fields: Fields) {
      const token = readText(fields, 'Token')
      const { client } = pools.client(readText(fields, 'ClientId'))
      if (!holdsSecret(client, fields)) throw unauthorized('The client secret is wrong.')
      // Access and id tokens are signed, refresh tokens are not.
      if (token.split('.').length === 3) {
        throw new Refusal('UnsupportedTokenTypeException', 'Only refresh tokens can be revoked.')
      }
      const grant = grants.byRefreshToken(token)
      if (grant?.clientId !== client.clientId) throw unauthorized('The token was not issued to this client.')
      grant.revoked = true
      return {}
    },

    getTokensFromRefreshToken(fields: Fields) {
      const { client } = pools.client(readText(fields, 'ClientId'))
      return renew(fields, readText(fields, 'RefreshToken'), () => {
        if (!holdsSecret(client, fields)) throw notAuthorized('Client secret does not match.')
      })
    },

    /** InitiateAuth with the flow REFRESH_TOKEN_AUTH. */
    refreshAuth(fields: Fields) {
      const { client } = pools.client(readText(fields, 'ClientId'))
      const parameters = readTextMap(fields, 'AuthParameters')
      return renew(fields, readParameter(parameters, 'REFRESH_TOKEN'), ({ username }) =>
        checkSecretHash(client, username, parameters.SECRET_HASH),
      )
    },
  }
}

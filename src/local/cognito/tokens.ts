import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../call.js'
import { type Fields, isFields } from '../../fields.js'
import type { KeyPair, MakeKeyPair } from '../aws/key-pairs.js'
import { createGrants, type Grant } from './grants.js'
import { type Login, triggerRequest } from './login.js'
import type { User, UserPool } from './pools.js'
import type { Fire } from './triggers.js'
import { isTextMap, notAuthorized } from './wire.js'

/** Lifetime of access and id tokens (Cognito's default). */
const TOKEN_SECONDS = 3_600
/** What an access token needs for the calls that a user makes about itself. */
const SCOPE = 'aws.cognito.signin.user.admin'

/** What the token generation trigger changed; only id tokens are affected (event version 1). */
interface ClaimsOverride {
  readonly claimsToAddOrOverride: Readonly<Record<string, string>>
  readonly claimsToSuppress: readonly string[]
}

const NO_OVERRIDE: ClaimsOverride = { claimsToAddOrOverride: {}, claimsToSuppress: [] }

/** Reads the answer of the token generation trigger; undefined if a value has the wrong type. */
function readClaimsOverride({ claimsOverrideDetails: details }: Fields): ClaimsOverride | undefined {
  if (details === undefined || details === null) return { claimsToAddOrOverride: {}, claimsToSuppress: [] }
  if (!isFields(details)) return undefined
  const add = details.claimsToAddOrOverride ?? {}
  const suppress = details.claimsToSuppress ?? []
  if (!isTextMap(add) || !Array.isArray(suppress)) return undefined
  return { claimsToAddOrOverride: add, claimsToSuppress: suppress.map(String) }
}

/** Whose tokens, and of which login. */
interface TokenSubject {
  readonly pool: UserPool
  readonly user: User
  readonly grant: Grant
  readonly override: ClaimsOverride
}

function idClaims({ username, attributes }: User, override: ClaimsOverride): Record<string, unknown> {
  const claims: Record<string, unknown> = { ...attributes, 'cognito:username': username }
  for (const name of ['email_verified', 'phone_number_verified']) {
    if (claims[name] !== undefined) claims[name] = claims[name] === 'true'
  }
  Object.assign(claims, override.claimsToAddOrOverride)
  for (const name of override.claimsToSuppress) delete claims[name]
  return claims
}

/** Signs and reads Cognito's tokens (RS256), with one key pair a stand-in, made when it is first needed. */
function createTokens(clock: Clock, makeKeyPair: MakeKeyPair) {
  let keys: Promise<KeyPair> | undefined
  const keyPair = () => {
    keys ??= makeKeyPair()
    return keys
  }

  return {
    /** Access and id token of a login; the refresh token is its grant's. */
    async sign({ pool, user, grant, override }: TokenSubject) {
      const { privateKey } = await keyPair()
      const { clientId, originJti, authenticatedAt } = grant
      const issuedAt = Math.floor(clock.now() / 1_000)
      const common = {
        sub: user.attributes.sub ?? user.username,
        auth_time: Math.floor(authenticatedAt / 1_000),
        origin_jti: originJti,
        event_id: randomUUID(),
      }
      const sign = (claims: Record<string, unknown>) =>
        new SignJWT({ ...claims, ...common })
          .setProtectedHeader({ alg: 'RS256', kid: 'local' })
          .setIssuer(`https://cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`)
          .setIssuedAt(issuedAt)
          .setExpirationTime(issuedAt + TOKEN_SECONDS)
          .setJti(randomUUID())
          .sign(privateKey)
      return {
        AccessToken: await sign({
          token_use: 'access',
          client_id: clientId,
          username: user.username,
          scope: SCOPE,
        }),
        IdToken: await sign({ ...idClaims(user, override), token_use: 'id', aud: clientId }),
        TokenType: 'Bearer',
        ExpiresIn: TOKEN_SECONDS,
      }
    },

    /**
     * The login that an access token stands for, as its `origin_jti`.
     * @throws NotAuthorizedException if the token is none of ours, no access token or too old
     */
    async readAccessToken(token: string): Promise<string> {
      const { publicKey } = await keyPair()
      try {
        const rules = { algorithms: ['RS256'], currentDate: new Date(clock.now()) }
        const { payload } = await jwtVerify<{ token_use?: unknown; origin_jti?: unknown }>(token, publicKey, rules)
        if (payload.token_use === 'access') return String(payload.origin_jti)
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw notAuthorized('Access Token has expired')
      }
      throw notAuthorized('Invalid Access Token')
    },
  }
}

/** Whom tokens are issued to. */
export type Recipient = Pick<Login, 'pool' | 'client' | 'userName' | 'clientMetadata'> & { readonly user: User }

/** Issues and renews the tokens of logins, and remembers what was issued. */
export function createIssuer(fire: Fire, clock: Clock, makeKeyPair: MakeKeyPair) {
  const tokens = createTokens(clock, makeKeyPair)
  const grants = createGrants(clock)

  async function sign(recipient: Recipient, grant: Grant, triggerSource: string) {
    const { pool, user } = recipient
    const groupConfiguration = { groupsToOverride: [], iamRolesToOverride: [], preferredRole: null }
    const override = await fire('PreTokenGeneration', recipient, {
      triggerSource,
      request: { ...triggerRequest(recipient), groupConfiguration },
      response: { claimsOverrideDetails: null },
      read: readClaimsOverride,
    })
    return tokens.sign({ pool, user, grant, override: override ?? NO_OVERRIDE })
  }

  return {
    grants,
    readAccessToken: tokens.readAccessToken,
    /** The tokens of a login that has just succeeded. */
    async issue(recipient: Recipient) {
      const grant = grants.open(recipient.pool, recipient.client, recipient.user)
      const signed = await sign(recipient, grant, 'TokenGeneration_Authentication')
      return { ...signed, RefreshToken: grant.refreshToken }
    },
    /** New tokens of an earlier login; its refresh token stays as it is. */
    renew: (recipient: Recipient, grant: Grant) => sign(recipient, grant, 'TokenGeneration_RefreshTokens'),
  }
}

export type Issuer = ReturnType<typeof createIssuer>

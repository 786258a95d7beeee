import { randomBytes, randomUUID } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import type { Clock } from '../call.js'
import type { AppClient, User, UserPool } from './cognito-pools.js'
import { type Fields, isFields, isTextMap } from './cognito-wire.js'

/** Lifetime of access and id tokens (Cognito's default). */
const TOKEN_SECONDS = 3_600

/** What the token generation trigger changed; only id tokens are affected (event version 1). */
export interface ClaimsOverride {
  readonly claimsToAddOrOverride: Readonly<Record<string, string>>
  readonly claimsToSuppress: readonly string[]
}

/** Reads the answer of the token generation trigger; undefined where a value has the wrong type. */
export function readClaimsOverride({ claimsOverrideDetails: details }: Fields): ClaimsOverride | undefined {
  if (details === undefined || details === null) return { claimsToAddOrOverride: {}, claimsToSuppress: [] }
  if (!isFields(details)) return undefined
  const add = details.claimsToAddOrOverride ?? {}
  const suppress = details.claimsToSuppress ?? []
  if (!isTextMap(add) || !Array.isArray(suppress)) return undefined
  return { claimsToAddOrOverride: add, claimsToSuppress: suppress.map(String) }
}

export interface AuthenticationResult {
  readonly AccessToken: string
  readonly IdToken: string
  readonly RefreshToken: string
  readonly TokenType: 'Bearer'
  readonly ExpiresIn: number
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

/** Signs Cognito's tokens (RS256), with one key pair a stand-in, made when it is first needed. */
export function createTokens(clock: Clock) {
  let keys: ReturnType<typeof generateKeyPair> | undefined

  return async (
    pool: UserPool,
    { clientId }: AppClient,
    user: User,
    override: ClaimsOverride,
  ): Promise<AuthenticationResult> => {
    keys ??= generateKeyPair('RS256')
    const { privateKey } = await keys
    const issuedAt = Math.floor(clock.now() / 1000)
    const common = {
      sub: user.attributes.sub ?? user.username,
      auth_time: issuedAt,
      origin_jti: randomUUID(),
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
    const scope = 'aws.cognito.signin.user.admin'
    return {
      AccessToken: await sign({ token_use: 'access', client_id: clientId, username: user.username, scope }),
      IdToken: await sign({ ...idClaims(user, override), token_use: 'id', aud: clientId }),
      RefreshToken: randomBytes(256).toString('base64url'),
      TokenType: 'Bearer',
      ExpiresIn: TOKEN_SECONDS,
    }
  }
}

import { randomUUID } from 'node:crypto'
import { errors, exportJWK, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../../call.js'
import { type Fields, fieldsOf, isFields } from '../../../fields.js'
import type { KeyPair, MakeKeyPair } from '../../aws/key-pairs.js'
import type { User, UserPool } from '../pool/pools.js'
import type { Fire } from '../pool/triggers.js'
import { isTextMap, notAuthorized } from '../pool/wire.js'
import { createGrants, type Grant } from './grants.js'
import { type Login, triggerRequest } from './login.js'

/** Lifetime of access and id tokens (Cognito's default). */
const TOKEN_SECONDS = 3_600
/** What an access token needs for the calls that a user makes about itself. */
const SCOPE = 'aws.cognito.signin.user.admin'

/** What the token generation trigger changed in one kind of token. */
interface ClaimsOverride {
  readonly claimsToAddOrOverride: Readonly<Record<string, unknown>>
  readonly claimsToSuppress: readonly string[]
}

/** By token; access tokens are affected from event version 2 on (fact A53). */
interface Overrides {
  readonly id: ClaimsOverride
  readonly access: ClaimsOverride
}

const NO_OVERRIDE: ClaimsOverride = { claimsToAddOrOverride: {}, claimsToSuppress: [] }

function readClaims(details: unknown, isClaims: (value: unknown) => value is Fields): ClaimsOverride | undefined {
  if (details === undefined || details === null) return NO_OVERRIDE
  if (!isFields(details)) return undefined
  const add = details.claimsToAddOrOverride ?? {}
  const suppress = details.claimsToSuppress ?? []
  if (!isClaims(add) || !Array.isArray(suppress)) return undefined
  return { claimsToAddOrOverride: add, claimsToSuppress: suppress.map(String) }
}

/** Reads the answer of the token generation trigger; undefined if a value has the wrong type. */
function readOverrides(version: string, response: Fields): Overrides | undefined {
  if (version === '1') {
    const id = readClaims(response.claimsOverrideDetails, isTextMap)
    return id && { id, access: NO_OVERRIDE }
  }
  const { idTokenGeneration, accessTokenGeneration } = fieldsOf(response.claimsAndScopeOverrideDetails)
  const [id, access] = [readClaims(idTokenGeneration, isFields), readClaims(accessTokenGeneration, isFields)]
  return id && access && { id, access }
}

/** Whose tokens, and of which login. */
interface TokenSubject {
  readonly pool: UserPool
  readonly user: User
  readonly grant: Grant
  readonly overrides: Overrides
}

function idClaims({ username, attributes }: User): Record<string, unknown> {
  const claims: Record<string, unknown> = { ...attributes, 'cognito:username': username }
  for (const name of ['email_verified', 'phone_number_verified']) {
    if (claims[name] !== undefined) claims[name] = claims[name] === 'true'
  }
  return claims
}

function overriddenBy(override: ClaimsOverride, original: Record<string, unknown>): Record<string, unknown> {
  const claims = { ...original, ...override.claimsToAddOrOverride }
  for (const name of override.claimsToSuppress) delete claims[name]
  return claims
}

/** Signs and reads Cognito's tokens (RS256), with one key pair a stand-in, made when it is first needed. */
function createTokens(clock: Clock, makeKeyPair: MakeKeyPair) {
  /** The newest last: it signs. */
  const keys: { readonly kid: string; readonly pair: Promise<KeyPair> }[] = []
  function rotate(): void {
    keys.push({ kid: `local-${keys.length + 1}`, pair: makeKeyPair() })
  }
  function newest() {
    if (keys.length === 0) rotate()
    return keys.at(-1) as (typeof keys)[number]
  }

  async function publicKeyOf({ kid }: { readonly kid?: string | undefined }) {
    return (await (keys.find((key) => key.kid === kid) ?? newest()).pair).publicKey
  }

  return {
    /** Access and id token of a login; the refresh token is its grant's. */
    async sign({ pool, user, grant, overrides }: TokenSubject) {
      const { kid, pair } = newest()
      const { privateKey } = await pair
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
          .setProtectedHeader({ alg: 'RS256', kid })
          .setIssuer(`https://cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`)
          .setIssuedAt(issuedAt)
          .setExpirationTime(issuedAt + TOKEN_SECONDS)
          .setJti(randomUUID())
          .sign(privateKey)
      return {
        AccessToken: await sign({
          ...overriddenBy(overrides.access, {}),
          ...{ token_use: 'access', client_id: clientId, username: user.username, scope: SCOPE },
        }),
        IdToken: await sign({ ...overriddenBy(overrides.id, idClaims(user)), token_use: 'id', aud: clientId }),
        TokenType: 'Bearer',
        ExpiresIn: TOKEN_SECONDS,
      }
    },

    /** From now on another key signs; tokens under the earlier ones stay valid. */
    rotate,
    /** As the issuer publishes it. */
    async keySet() {
      newest()
      const published = keys.map(async ({ kid, pair }) => {
        const { n, e } = await exportJWK((await pair).publicKey)
        return { kty: 'RSA', alg: 'RS256', use: 'sig', kid, n, e }
      })
      return { keys: await Promise.all(published) }
    },

    /**
     * The login that an access token stands for, as its `origin_jti`.
     * @throws NotAuthorizedException if the token is none of ours, no access token or too old
     */
    async readAccessToken(token: string): Promise<string> {
      try {
        const rules = { algorithms: ['RS256'], currentDate: new Date(clock.now()) }
        const { payload } = await jwtVerify<{ token_use?: unknown; origin_jti?: unknown }>(token, publicKeyOf, rules)
        if (payload.token_use === 'access') return String(payload.origin_jti)
      } catch (error) {
        if (error instanceof errors.JWTExpired) throw notAuthorized('Access Token has expired')
      }
      throw notAuthorized('Invalid Access Token')
    },
  }
}

/** Of the event that a pool's function for token generation gets. */
function versionOf({ lambdaConfig }: UserPool): string {
  return lambdaConfig.PreTokenGenerationConfig?.LambdaVersion?.slice(1, 2) ?? '1'
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
    const version = versionOf(pool)
    const overrides = await fire('PreTokenGeneration', recipient, {
      triggerSource,
      version,
      request: {
        ...triggerRequest(recipient),
        groupConfiguration,
        ...(version !== '1' && { scopes: [SCOPE] }),
      },
      response: version === '1' ? { claimsOverrideDetails: null } : { claimsAndScopeOverrideDetails: null },
      read: (response) => readOverrides(version, response),
    })
    return tokens.sign({ pool, user, grant, overrides: overrides ?? { id: NO_OVERRIDE, access: NO_OVERRIDE } })
  }

  return {
    grants,
    readAccessToken: tokens.readAccessToken,
    keySet: tokens.keySet,
    rotateKeys: tokens.rotate,
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

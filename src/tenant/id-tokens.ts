import type { Call, Clock } from '../call.js'
import type { Env } from '../env.js'
import { upstreamError } from '../errors.js'
import { type TenantKey, tenantKey } from '../ids.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import { createExpiringCache, failureMemoryMs } from '../resilience/expiring-cache.js'
import type { Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'

/** The user whom a verified ID token names. */
export interface TokenUser {
  readonly username: string
  readonly email: string | undefined
  readonly clientId: string
}

/** Verifies ID tokens of tenants' pools. */
export interface IdTokens {
  /**
   * The user of an ID token of the tenant's pool, for one of these app clients; undefined if it is not valid.
   * @throws GW_ERR_UPSTREAM_… if the pool's keys cannot be read, and it is signed with none that is known
   */
  userOf(config: TenantConfig, clientIds: readonly string[], token: string, call: Call): Promise<TokenUser | undefined>
}

/** Keys rarely change, and a token signed by a new one makes the set be read again at once. */
const FRESH_MS = 3_600_000
/** A pool that cannot be reached has not changed its keys. */
const KEEP_MS = 24 * 3_600_000
const LOAD_MS = 1_500
/** Least time between two such reads: tokens that name made-up keys must not make us ask each time. */
const REREAD_MS = 60_000
/** Cognito's tokens are shorter: otherwise a browser's other headers would have no room beside one. */
const TOKEN_LENGTH_MAX = 8_192

/** Answers an ID token's user; `unknown-key` if no key of the set signed it, undefined if it is not valid. */
type Verify = (token: string, clientIds: readonly string[]) => TokenUser | 'unknown-key' | undefined

/**
 * The library checks signature, issuer, audience, use and expiry; whatever it throws is a refusal.
 * @throws GW_ERR_UPSTREAM_MALFORMED if the key set cannot be read
 */
async function createVerify(userPoolId: string, keySet: string): Promise<Verify> {
  // Loaded with the first token: a cold start does without it.
  const { CognitoJwtVerifier } = await import('aws-jwt-verify')
  const { KidNotFoundInJwksError } = await import('aws-jwt-verify/error')
  const { isJwks } = await import('aws-jwt-verify/jwk')
  const verifier = CognitoJwtVerifier.create({ userPoolId, tokenUse: 'id', clientId: null })
  try {
    const set = JSON.parse(keySet)
    // The library takes any JSON for a set, and would find every token wrong as long as that one is kept.
    if (!isJwks(set) || set.keys.length === 0) throw new TypeError('no key set')
    verifier.cacheJwks(set)
  } catch (error) {
    throw upstreamError('cognito', 'malformed', { operation: 'jwks.json' }, error)
  }
  return (token, clientIds) => {
    try {
      const payload = verifier.verifySync(token, { tokenUse: 'id', clientId: [...clientIds] })
      const { email } = payload
      return {
        username: payload['cognito:username'],
        email: typeof email === 'string' && email !== '' ? email : undefined,
        clientId: payload.aud,
      }
    } catch (error) {
      return error instanceof KidNotFoundInJwksError ? 'unknown-key' : undefined
    }
  }
}

/** Verifies ID tokens by the pools' key sets, through one cache. */
export function createIdTokens(
  env: Pick<Env, 'maxTenantsInMemory' | 'cognitoEndpoint'>,
  { fetchKeySet }: Pick<Upstreams, 'fetchKeySet'>,
  clock: Clock,
): IdTokens {
  const nextReread = createBoundedMap<TenantKey, number>(env.maxTenantsInMemory)
  const verifiers = createExpiringCache<Verify, [TenantConfig]>({
    clock,
    max: env.maxTenantsInMemory,
    upstream: 'cognito',
    operation: 'jwks.json',
    loadMs: LOAD_MS,
    async load(call, { userPoolId, aws }) {
      // No other domain: the rules of a tenant's file let no other partition have connect tokens.
      const base = env.cognitoEndpoint ?? `https://cognito-idp.${aws.region}.amazonaws.com`
      const value = await createVerify(userPoolId, await fetchKeySet(`${base}/${userPoolId}`, call))
      return { value, freshMs: FRESH_MS, staleMs: KEEP_MS, keepMs: KEEP_MS }
    },
    failureMs: failureMemoryMs,
  })

  return {
    async userOf(config, clientIds, token, call) {
      if (token.length > TOKEN_LENGTH_MAX) return undefined
      const key = tenantKey(config.userPoolId, 'keys', config.aws.region)
      const first = (await verifiers.get(key, call, config)).value
      const verified = first(token, clientIds)
      if (verified !== 'unknown-key') return verified
      if (clock.elapsed() >= (nextReread.get(key) ?? 0)) {
        nextReread.set(key, clock.elapsed() + REREAD_MS)
        verifiers.expire(key)
      }
      const read = await verifiers.get(key, call, config)
      const again = read.value(token, clientIds)
      if (again !== 'unknown-key') return again
      // The key may be in the set that cannot be read now.
      if (read.stale) {
        const facts = { operation: 'jwks.json' } as const
        call.observe('cognito', 0, facts)
        throw upstreamError('cognito', 'unavailable', facts)
      }
      return undefined
    },
  }
}

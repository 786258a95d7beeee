import type { Call, Clock } from '../call.js'
import { type UpstreamError, type UpstreamFaultKind, upstreamError } from '../errors.js'
import { type TenantKey, tenantKey } from '../ids.js'
import type { Reason } from '../reasons.js'
import { createBoundedMap } from '../resilience/bounded-map.js'
import type { Guard } from '../resilience/guard.js'
import type { ConnectTokenAnswer, Upstreams } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { IdTokens, TokenUser } from './id-tokens.js'
import { secretFault, type TenantSecrets } from './secrets.js'

/** What Corbado gave: `connectToken` is a secret for the user's browser, `expires` is in seconds (fact C13). */
export interface ConnectToken {
  readonly connectToken: string
  readonly expires: number
}

/** Connect tokens for users who show an ID token of their tenant's pool. */
export interface ConnectTokens {
  /** The user of a valid ID token. @throws GW_ERR_UPSTREAM_… if the pool's keys cannot be read */
  userOf(config: TenantConfig, token: string, call: Call): Promise<TokenUser | undefined>
  /** A connect token for a user; undefined if one of that type was given less than 2 s ago. @throws GW_ERR_UPSTREAM_… */
  create(config: TenantConfig, user: TokenUser, type: string, call: Call): Promise<ConnectToken | undefined>
}

/** How long a user waits for another token of the same type. */
const PAUSE_MS = 2_000
/** Most pauses kept: two seconds at 50,000 tokens a second. */
const USERS_MAX = 100_000

/** What came of asking Corbado, or that it was not asked for want of a place. */
type Answer = ConnectTokenAnswer | typeof BUSY
const BUSY = { kind: 'busy', facts: {} } as const

export interface ConnectTokensOptions {
  readonly createConnectToken: Upstreams['createConnectToken']
  readonly idTokens: IdTokens
  readonly secrets: TenantSecrets
  readonly guard: Guard
  readonly clock: Clock
}

/** Gives connect tokens within the limits and breakers that a tenant's calls to Corbado have. */
export function createConnectTokens(options: ConnectTokensOptions): ConnectTokens {
  const { createConnectToken, idTokens, secrets, guard, clock } = options
  const nextAt = createBoundedMap<TenantKey, number>(USERS_MAX)

  async function ask(config: TenantConfig, user: TokenUser, type: string, call: Call): Promise<ConnectToken> {
    const lane = tenantKey(config.userPoolId, 'corbado', 'connect')
    const { backendApiUrl } = config.corbado
    const { username: identifier, email: displayName = identifier } = user
    async function send(authorization: string): Promise<Answer> {
      const request = { backendApiUrl, authorization, type, identifier, displayName }
      const guarded = await guard.run(lane, config.limits.concurrentCalls, call, () =>
        createConnectToken(request, call),
      )
      if (guarded.kind === 'done') return guarded.value
      return guarded.kind === 'busy' ? BUSY : { kind: guarded.last, facts: { breakerOpen: true } }
    }
    const credential = await secrets.backendCredential(config, call)
    if (credential.kind !== 'usable') throw secretFault(credential.kind)
    const answer = await secrets.authorized(credential, config, call, send)
    if (answer.kind === 'created') return { connectToken: answer.secret, expires: answer.expires }
    throw backendFault(answer)
  }

  return {
    userOf: (config, token, call) => idTokens.userOf(config, config.connectTokens?.clientIds ?? [], token, call),
    async create(config, user, type, call) {
      const key = tenantKey(config.userPoolId, 'connect', type, user.username)
      if (clock.elapsed() < (nextAt.get(key) ?? 0)) return undefined
      nextAt.set(key, clock.elapsed() + PAUSE_MS)
      try {
        return await ask(config, user, type, call)
      } catch (error) {
        // No token was given, so the user need not wait.
        nextAt.delete(key)
        throw error
      }
    },
  }
}

const faults = {
  busy: ['throttled', 'backend_busy'],
  unauthorized: ['denied', 'backend_unauthorized'],
  'rate-limited': ['throttled', 'backend_rate_limited'],
  rejected: ['rejected', 'backend_rejected'],
  unavailable: ['unavailable', 'backend_unavailable'],
  timeout: ['timeout', 'backend_timeout'],
  malformed: ['malformed', 'backend_malformed'],
} as const satisfies Record<string, readonly [UpstreamFaultKind, Reason]>

function backendFault(answer: Exclude<Answer, { kind: 'created' }>): UpstreamError {
  const [kind, reason] = faults[answer.kind]
  return Object.assign(upstreamError('corbado', kind, { operation: 'connectTokens', ...answer.facts }), { reason })
}

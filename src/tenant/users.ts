import { type Call, type Clock, pause } from '../call.js'
import { isUpstreamError, type Operation, upstreamError } from '../errors.js'
import { tenantKey } from '../ids.js'
import type { Reason } from '../reasons.js'
import type { Ended, Silence } from '../resilience/breaker.js'
import type { Guard } from '../resilience/guard.js'
import type { Limiter } from '../resilience/limiter.js'
import type { MfaFactor, Upstreams, User, UserPool } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { TenantCredentials } from './credentials.js'

export type MfaOutcome = 'preferred' | 'not-possible' | 'no-user'

/** The users of one tenant's pool, seen with the tenant's own rights. Every method throws GW_ERR_UPSTREAM_… on a fault. */
export interface TenantUsers {
  /** The user whose name, alias or sub this is; undefined if Cognito knows none. */
  find(username: string): Promise<User | undefined>
  /** The users that Cognito lists for a filter, over all pages; empty pages do not end it. */
  list(filter: string): AsyncIterable<User>
  /** Enables and prefers an MFA factor. `not-possible`: the user lacks what it needs, e.g. a phone number. */
  preferMfa(username: string, factor: MfaFactor): Promise<MfaOutcome>
}

/** What a search needs once it has its place, in milliseconds: with less no search would be answered any more. */
const SEARCH_MS = 500

export interface TenantUsersOptions {
  readonly upstreams: Pick<Upstreams, 'userPool'>
  readonly credentials: TenantCredentials
  readonly limiter: Limiter
  readonly guard: Guard
  readonly clock: Clock
}

export function createTenantUsers(options: TenantUsersOptions, config: TenantConfig, call: Call): TenantUsers {
  const { upstreams, credentials, limiter, guard, clock } = options
  const lane = tenantKey(config.userPoolId, 'cognito')

  function inPool<T>(operation: Operation, run: (pool: UserPool) => Promise<T>): Promise<T> {
    return credentials.use(config, operation, call, async (given) => {
      const pool = upstreams.userPool(config.userPoolId, config.aws.region, given)
      const guarded = await guard.run(lane, config.limits.concurrentCalls, call, () => run(pool), silenceOf)
      if (guarded.kind === 'done') return guarded.value
      if (guarded.kind === 'busy') throw refusal('cognito_busy')
      const facts = { operation, breakerOpen: true }
      call.observe('cognito', 0, facts)
      throw upstreamError('cognito', guarded.last, facts)
    })
  }

  /** One search is one place of the tenant's limit, however many pages it has: most are empty, and not the caller's doing. */
  async function waitForSearch(): Promise<void> {
    const key = tenantKey(config.userPoolId, 'list')
    const waitMs = limiter.reserve(key, config.limits.listUsersPerSecond, Math.max(0, call.remainingMs() - SEARCH_MS))
    if (waitMs === undefined) throw refusal('list_users_rate_limited')
    if (waitMs > 0) await pause(waitMs, clock)
  }

  return {
    async find(username) {
      return answerUnless('UserNotFoundException', undefined, () =>
        inPool('AdminGetUser', (pool) => pool.fetchUser(username, call)),
      )
    },
    async *list(filter) {
      await waitForSearch()
      let nextToken: string | undefined
      do {
        const page = await inPool('ListUsers', (pool) => pool.fetchUsers(filter, nextToken, call))
        yield* page.users
        nextToken = page.nextToken
      } while (nextToken !== undefined)
    },
    async preferMfa(username, factor) {
      return answerUnless<MfaOutcome>('UserNotFoundException', 'no-user', () =>
        answerUnless<MfaOutcome>('InvalidParameterException', 'not-possible', async () => {
          await inPool('AdminSetUserMFAPreference', (pool) => pool.preferMfa(username, factor, call))
          return 'preferred'
        }),
      )
    },
  }
}

/** Every answer of Cognito is a sign of life, an error too. */
function silenceOf(ended: Ended<unknown>): Silence | undefined {
  if (!('error' in ended) || !isUpstreamError(ended.error)) return undefined
  const { kind } = ended.error
  return kind === 'timeout' || kind === 'unavailable' ? kind : undefined
}

/** Turns one of Cognito's errors that is an expected answer into a value. */
async function answerUnless<T>(errorType: string, value: T, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isUpstreamError(error) && error.facts.errorType === errorType) return value
    throw error
  }
}

/** A call that was not made, for a limit of ours. */
function refusal(reason: Reason): Error {
  const error = upstreamError('cognito', 'throttled')
  error.reason = reason
  return error
}

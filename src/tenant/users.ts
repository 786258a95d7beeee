import { type Call, type Clock, pause } from '../call.js'
import { isUpstreamError, type Operation, upstreamError } from '../errors.js'
import { tenantKey } from '../ids.js'
import type { Reason } from '../reasons.js'
import type { Guard } from '../resilience/guard.js'
import type { Limiter } from '../resilience/limiter.js'
import type { LoginClient, MfaFactor, Upstreams, User, UserPool } from '../upstreams/index.js'
import type { TenantConfig } from './config.js'
import type { TenantCredentials } from './credentials.js'

/** What came of a login that the gateway made itself: Cognito's tokens under its own names, or its refusal. */
export type SignedIn =
  | { readonly kind: 'tokens'; readonly tokens: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused' }

/** What came of choosing an MFA factor for a user. */
export type MfaOutcome = 'preferred' | 'not-possible' | 'no-user'

/** The users of one tenant's pool, seen with the tenant's own rights. Every method throws GW_ERR_UPSTREAM_… on a fault. */
export interface TenantUsers {
  /** The user whose name, alias or sub this is; undefined if Cognito knows none. */
  find(username: string): Promise<User | undefined>
  /** The users that Cognito lists for a filter, over all pages; empty pages do not end it. */
  list(filter: string): AsyncIterable<User>
  /** Enables and prefers an MFA factor. `not-possible`: the user lacks what it needs, e.g. a phone number. */
  preferMfa(username: string, factor: MfaFactor): Promise<MfaOutcome>
  /**
   * Runs the pool's custom authentication with one answer, which can be used only once. It is not sent if Cognito would
   * sign in a user other than the one named, or if too little time is left (a timeout). Nor was it sent if the fault is
   * `client_secret_refused`.
   */
  signIn(client: LoginClient, username: string, answer: string): Promise<SignedIn>
}

/**
 * What Verify and Define need once an answer is sent, in milliseconds: with less, the answer would be used up for nothing.
 */
const ANSWER_MS = 1_000

/** What a search needs once it has its place, in milliseconds: with less, no search is answered in time. */
const SEARCH_MS = 500

export interface TenantUsersOptions {
  readonly upstreams: Pick<Upstreams, 'userPool'>
  readonly credentials: TenantCredentials
  readonly limiter: Limiter
  readonly guard: Guard
  readonly clock: Clock
}

/** Makes the calls on a tenant's users, within the time of one call. */
export function createTenantUsers(options: TenantUsersOptions, config: TenantConfig, call: Call): TenantUsers {
  const { upstreams, credentials, limiter, guard, clock } = options
  const ownLane = () => tenantKey(config.userPoolId, 'cognito')
  // A login waits for the tenant's Verify, and so for Corbado: if that hangs, the calls about users must go on.
  const loginLane = () => tenantKey(config.userPoolId, 'cognito', 'login')

  function inPool<T>(operation: Operation, run: (pool: UserPool) => Promise<T>, lane = ownLane): Promise<T> {
    return credentials.use(config, operation, call, async (given) => {
      const pool = upstreams.userPool(config.userPoolId, config.aws.region, given)
      const guarded = await guard.run(lane(), config.limits.concurrentCalls, call, () => run(pool))
      if (guarded.kind === 'done') return guarded.value
      if (guarded.kind === 'busy') throw refusal('cognito_busy')
      const facts = { operation, breakerOpen: true }
      call.observe('cognito', 0, facts)
      throw upstreamError('cognito', guarded.last, facts)
    })
  }

  /**
   * A search takes one place of the tenant's limit, however many pages it has: most are empty, which is not the caller's
   * doing.
   */
  async function waitForSearch(): Promise<void> {
    const key = tenantKey(config.userPoolId, 'list')
    const waitMs = limiter.reserve(key, config.limits.listUsersPerSecond, Math.max(0, call.remainingMs() - SEARCH_MS))
    if (waitMs === undefined) throw refusal('list_users_rate_limited')
    if (waitMs > 0) await pause(waitMs, clock)
  }

  function tooLate(): Error {
    const facts = { operation: 'AdminRespondToAuthChallenge' } as const
    call.observe('cognito', 0, facts)
    return upstreamError('cognito', 'timeout', facts)
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
    async signIn(client, username, answer) {
      return unlessRefused(async () => {
        const begin = (pool: UserPool) => pool.startLogin(client, username, call)
        const step = await inPool('AdminInitiateAuth', begin, loginLane)
        // Tokens before our challenge do not come from our flow, and a proof is not sent to anybody else's login.
        if (step.kind !== 'challenge' || step.name !== 'CUSTOM_CHALLENGE' || step.username !== username) return REFUSED
        // Checked once the call has its place, as time passes in the queue too. That none is left says nothing about
        // Cognito.
        const end = async (pool: UserPool) =>
          call.remainingMs() < ANSWER_MS ? undefined : pool.answerLogin(client, step, answer, call)
        const last = await inPool('AdminRespondToAuthChallenge', end, loginLane)
        if (last === undefined) throw tooLate()
        if (last.kind !== 'tokens') return REFUSED
        if (last.username === undefined || last.username === username) return { kind: 'tokens', tokens: last.tokens }
        throw upstreamError('cognito', 'malformed', { operation: 'AdminRespondToAuthChallenge' })
      })
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

/** Turns one of Cognito's errors that is an expected answer into a value. */
async function answerUnless<T>(errorType: string, value: T, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isUpstreamError(error) && error.facts.errorType === errorType) return value
    throw error
  }
}

const REFUSED: SignedIn = { kind: 'refused' }

/**
 * Cognito's names for a login that it refuses because of the user, their state or the answer. Everything else is a fault,
 * also a trigger of ours that fails; a trigger of the customer's may refuse a user.
 */
const REFUSALS =
  /^(NotAuthorizedException|UserNotFoundException|UserNotConfirmedException|PasswordResetRequiredException|CodeMismatchException|ExpiredCodeException)$/
const OURS_FAILED = /^(Define|Create|Verify)AuthChallenge/
/** In Cognito's text if the client has another secret than the one used, or has one and got no proof of it. */
const SECRET_REFUSED = /secret ?hash/i

/** Turns Cognito's refusals into a value. A refused client secret is thrown: it is not a refusal of the user. */
async function unlessRefused(run: () => Promise<SignedIn>): Promise<SignedIn> {
  try {
    return await run()
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    const { errorType = '' } = error.facts
    // Read, and never logged: the name alone does not tell these apart.
    const said = error.cause instanceof Error ? error.cause.message : ''
    if (errorType === 'NotAuthorizedException' && SECRET_REFUSED.test(said)) {
      throw Object.assign(error, { reason: 'client_secret_refused' as const })
    }
    if (errorType === 'UserLambdaValidationException' && !OURS_FAILED.test(said)) return REFUSED
    if (REFUSALS.test(errorType)) return REFUSED
    throw error
  }
}

/** The error of a call that was not made because of a limit of ours. */
function refusal(reason: Reason): Error {
  const error = upstreamError('cognito', 'throttled')
  error.reason = reason
  return error
}

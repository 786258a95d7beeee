import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../call.js'
import type { Fields } from '../../../fields.js'
import type { Pools, User } from '../pool/pools.js'
import type { ChallengeName } from '../pool/triggers.js'
import {
  invalidMember,
  invalidParameter,
  notAuthorized,
  readMetadata,
  readParameter,
  readText,
  readTextMap,
} from '../pool/wire.js'
import { assertEnabled, type Login, readUsername } from './login.js'
import { type PasswordChallenge, parseTimestamp } from './password.js'
import { assertFactor, type FactorChallenge, isFactor } from './second-factor.js'

/** Cognito's default AuthSessionValidity (fact A17). */
const SESSION_MS = 180_000
/** How long a dead session is remembered, to say why it is refused. */
const MEMORY_MS = 3_600_000

export interface Sessions<T> {
  issue(state: T): string
  /** Looks a session up without spending it. @throws NotAuthorizedException if it is unknown, spent or too old */
  find(token: string): T
  /** From now on the session is refused. */
  spend(token: string): void
  /** Counts one more wrong answer that left the session as it was; answers how many there were. */
  countWrong(token: string): number
}

/** Holds what Cognito remembers between two calls of a login: single-use, three minutes, a new token each round. */
export function createSessions<T>(clock: Clock): Sessions<T> {
  const entries = new Map<string, { readonly state: T; readonly issuedAt: number; spent: boolean; wrong: number }>()

  /** The map keeps the order of issue, so the oldest come first. */
  function forgetOld(): void {
    for (const [token, { issuedAt }] of entries) {
      if (clock.now() - issuedAt < MEMORY_MS) return
      entries.delete(token)
    }
  }

  return {
    issue(state) {
      forgetOld()
      const token = randomBytes(120).toString('base64url')
      entries.set(token, { state, issuedAt: clock.now(), spent: false, wrong: 0 })
      return token
    },
    find(token) {
      if (token.length < 20) throw invalidMember('session', 'Member must have length greater than or equal to 20')
      const entry = entries.get(token)
      if (!entry) throw notAuthorized('Invalid session for the user.')
      if (entry.spent) throw notAuthorized('Invalid session for the user, session can only be used once.')
      if (clock.now() - entry.issuedAt >= SESSION_MS) {
        throw notAuthorized('Invalid session for the user, session is expired.')
      }
      return entry.state
    },
    spend(token) {
      const entry = entries.get(token)
      if (entry) entry.spent = true
    },
    countWrong(token) {
      const entry = entries.get(token)
      if (!entry) return 0
      entry.wrong += 1
      return entry.wrong
    },
  }
}

/** Longest value in a map of parameters (fact A5). */
const ANSWER_LENGTH_MAX = 131_072

export interface CustomChallenge {
  readonly challengeName: 'CUSTOM_CHALLENGE'
  readonly privateParameters: Readonly<Record<string, string>>
  readonly metadata: string | null
}

export type Challenge =
  | CustomChallenge
  | ({ readonly challengeName: 'PASSWORD_VERIFIER' } & PasswordChallenge)
  | { readonly challengeName: 'NEW_PASSWORD_REQUIRED' }
  | FactorChallenge

/** A login that waits for the answer to a challenge. */
export interface Pending {
  readonly login: Login
  readonly challenge: Challenge
}

/** What the answer to a challenge must contain, apart from USERNAME. */
const requiredResponses: Record<ChallengeName, readonly string[]> = {
  CUSTOM_CHALLENGE: ['ANSWER'],
  PASSWORD_VERIFIER: ['PASSWORD_CLAIM_SECRET_BLOCK', 'PASSWORD_CLAIM_SIGNATURE', 'TIMESTAMP'],
  NEW_PASSWORD_REQUIRED: ['NEW_PASSWORD'],
}

function readResponses(fields: Fields): Record<string, string> {
  const responses = readTextMap(fields, 'ChallengeResponses')
  if (Object.values(responses).every(({ length }) => length <= ANSWER_LENGTH_MAX)) return responses
  throw invalidMember('challengeResponses', `Member must have length less than or equal to ${ANSWER_LENGTH_MAX}`)
}

function assertAnswers(challenge: Challenge, responses: Record<string, string>): void {
  // What its code must be is checked with it.
  if (isFactor(challenge)) return
  const { challengeName } = challenge
  for (const name of requiredResponses[challengeName]) readParameter(responses, name)
  if (challengeName === 'PASSWORD_VERIFIER') parseTimestamp(readParameter(responses, 'TIMESTAMP'))
  const attribute = Object.keys(responses).find((name) => name.startsWith('userAttributes.'))
  // None is ever required; to drop one without a word would look like success.
  if (attribute !== undefined) throw invalidParameter(`${attribute} is not part of the stand-in.`)
}

/** If there is no such user, the name is the one typed, or the made-up one that came with a password challenge. */
function isSameUser({ login, challenge }: Pending, user: User | undefined, typed: string): boolean {
  if (login.user) return user?.username === login.userName
  return (
    typed === login.userName || (challenge.challengeName === 'PASSWORD_VERIFIER' && typed === challenge.identity.userId)
  )
}

/** So many wrong codes a session takes; AWS documents that there is a limit, and not which. */
const WRONG_CODES_MAX = 5

/**
 * Checks a RespondToAuthChallenge call and spends its session, which must have been given to this client and user for
 * this challenge. A call that is not well-formed leaves the session as it was, and so does a wrong code of a factor: the
 * user may type another one.
 */
export function continueLogin(pools: Pools, sessions: Sessions<Pending>, fields: Fields, clock: Clock) {
  const { client } = pools.client(readText(fields, 'ClientId'))
  const responses = readResponses(fields)
  const typed = readUsername(client, responses)
  if (typeof fields.Session !== 'string') throw invalidParameter('Missing required parameter Session')
  const pending = sessions.find(fields.Session)
  const { login, challenge } = pending
  const user = pools.find(login.pool, typed)
  const sameClient = login.client.clientId === client.clientId
  if (!isSameUser(pending, user, typed) || !sameClient || challenge.challengeName !== fields.ChallengeName) {
    throw notAuthorized('Invalid session for the user.')
  }
  assertAnswers(challenge, responses)
  if (isFactor(challenge)) {
    try {
      assertFactor(challenge, user, responses, clock)
    } catch (error) {
      if (sessions.countWrong(fields.Session) >= WRONG_CODES_MAX) sessions.spend(fields.Session)
      throw error
    }
  }
  const clientMetadata = readMetadata(fields)
  sessions.spend(fields.Session)
  assertEnabled(user)
  return { login: { ...login, user, clientMetadata }, challenge, responses }
}

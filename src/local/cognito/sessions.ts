import { randomBytes } from 'node:crypto'
import type { Clock } from '../../call.js'
import { invalidMember, notAuthorized } from './wire.js'

/** Cognito's default AuthSessionValidity (fact A17). */
const SESSION_MS = 180_000
/** How long a dead session is remembered, to say why it is refused. */
const MEMORY_MS = 3_600_000

export interface Sessions<T> {
  issue(state: T): string
  /** Looks a session up without spending it. @throws NotAuthorizedException where it is unknown, spent or too old */
  find(token: string): T
  /** From now on the session is refused. */
  spend(token: string): void
}

/** Holds what Cognito remembers between two calls of a login: single-use, three minutes, a new token each round. */
export function createSessions<T>(clock: Clock): Sessions<T> {
  const entries = new Map<string, { readonly state: T; readonly issuedAt: number; spent: boolean }>()

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
      entries.set(token, { state, issuedAt: clock.now(), spent: false })
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
  }
}

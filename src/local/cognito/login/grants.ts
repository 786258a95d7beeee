import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../../../call.js'
import type { AppClient, User, UserPool } from '../pool/pools.js'

/** Cognito's default RefreshTokenValidity: 30 days. */
const REFRESH_MS = 30 * 86_400_000

/** One finished login: all its tokens, renewed ones too, carry its `originJti` and end with it. */
export interface Grant {
  readonly originJti: string
  readonly refreshToken: string
  readonly userPoolId: string
  readonly clientId: string
  readonly username: string
  /** Milliseconds since the epoch, as is expiresAt. */
  readonly authenticatedAt: number
  readonly expiresAt: number
  revoked: boolean
}

interface Grants {
  open(pool: UserPool, client: AppClient, user: User): Grant
  byRefreshToken(token: string): Grant | undefined
  byOrigin(originJti: string): Grant | undefined
  /** Ends every login of a user, through any client. */
  revokeAll(userPoolId: string, username: string): void
}

/** Holds the logins that tokens were issued for. */
export function createGrants(clock: Clock): Grants {
  const grants = new Map<string, Grant>()
  const origins = new Map<string, string>()
  return {
    open({ userPoolId }, { clientId }, { username }) {
      const authenticatedAt = clock.now()
      const grant = {
        originJti: randomUUID(),
        refreshToken: randomBytes(256).toString('base64url'),
        userPoolId,
        clientId,
        username,
        authenticatedAt,
        expiresAt: authenticatedAt + REFRESH_MS,
        revoked: false,
      }
      grants.set(grant.originJti, grant)
      origins.set(grant.refreshToken, grant.originJti)
      return grant
    },
    byRefreshToken: (token) => grants.get(origins.get(token) ?? ''),
    byOrigin: (originJti) => grants.get(originJti),
    revokeAll(userPoolId, username) {
      for (const grant of grants.values()) {
        if (grant.userPoolId === userPoolId && grant.username === username) grant.revoked = true
      }
    },
  }
}

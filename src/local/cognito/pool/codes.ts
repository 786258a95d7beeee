import { randomInt } from 'node:crypto'
import type { Clock } from '../../../call.js'
import type { Purpose } from './outbox.js'
import type { User, UserPool } from './pools.js'
import { Refusal } from './wire.js'

/** How long a code that was sent can be used: a day for a sign-up, an hour for a password (Cognito's own). */
const LIFE_MS: Readonly<Record<Exclude<Purpose, 'mfa'>, number>> = {
  'sign-up': 86_400_000,
  'forgot-password': 3_600_000,
}
/** AWS documents that there is a limit, and not which. */
const WRONG_MAX = 5

const DIGITS = 6

/** A code as Cognito makes them: six digits. */
export const createCode = () => String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')

export const expiredCode = () =>
  new Refusal('ExpiredCodeException', 'Invalid code provided, please request a code again.')
export const codeMismatch = () =>
  new Refusal('CodeMismatchException', 'Invalid verification code provided, please try again.')
const attemptsExceeded = () =>
  new Refusal('LimitExceededException', 'Attempt limit exceeded, please try after some time.')

/** The codes that users were sent and have not used yet: the newest of each purpose counts. */
export interface Codes {
  issue(pool: UserPool, user: User, purpose: keyof typeof LIFE_MS): string
  /**
   * Uses a code up.
   * @throws CodeMismatchException, ExpiredCodeException; LimitExceededException after too many wrong ones
   */
  use(pool: UserPool, user: User, purpose: keyof typeof LIFE_MS, code: string): void
}

export function createCodes(clock: Clock): Codes {
  const issued = new Map<string, { readonly code: string; readonly endsAt: number; wrong: number }>()
  const keyOf = ({ userPoolId }: UserPool, { username }: User, purpose: string) =>
    [userPoolId, purpose, username].join(' ')
  return {
    issue(pool, user, purpose) {
      const code = createCode()
      issued.set(keyOf(pool, user, purpose), { code, endsAt: clock.now() + LIFE_MS[purpose], wrong: 0 })
      return code
    },
    use(pool, user, purpose, code) {
      const key = keyOf(pool, user, purpose)
      const entry = issued.get(key)
      if (!entry || clock.now() >= entry.endsAt) throw expiredCode()
      if (entry.wrong >= WRONG_MAX) throw attemptsExceeded()
      if (entry.code !== code) {
        entry.wrong += 1
        throw codeMismatch()
      }
      issued.delete(key)
    },
  }
}

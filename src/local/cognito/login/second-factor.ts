import type { Clock } from '../../../call.js'
import { createCode } from '../pool/codes.js'
import { type Outbox, sendCode } from '../pool/outbox.js'
import type { MfaFactor, User } from '../pool/pools.js'
import { notAuthorized, Refusal, readParameter } from '../pool/wire.js'
import type { Login } from './login.js'
import { isTotpCode } from './totp.js'

/** A code that a user is asked for after the password. */
export interface FactorChallenge {
  readonly challengeName: MfaFactor
  /** What was sent; none for an authenticator app. */
  readonly code?: string
}

/** Where the answer to each has its code. */
export const FACTOR_RESPONSES: Readonly<Record<MfaFactor, string>> = {
  SMS_MFA: 'SMS_MFA_CODE',
  SOFTWARE_TOKEN_MFA: 'SOFTWARE_TOKEN_MFA_CODE',
  EMAIL_OTP: 'EMAIL_OTP_CODE',
}

/** Does this challenge ask for a code? */
export const isFactor = (challenge: { readonly challengeName: string }): challenge is FactorChallenge =>
  challenge.challengeName in FACTOR_RESPONSES

/**
 * The factor that a user must show after a password, if the pool has factors and the user has one.
 * @throws NotAuthorizedException if Cognito would have the user choose one, which the stand-in does not
 */
export function factorOf({ pool, user }: Pick<Login, 'pool' | 'user'>): MfaFactor | undefined {
  const configuration = pool.settings?.MfaConfiguration ?? 'OFF'
  if (!user || configuration === 'OFF') return undefined
  const { mfa, mfaOptions = [], preferredMfa } = user
  if (preferredMfa) return preferredMfa
  const factors = mfa.length === 0 && mfaOptions.length > 0 ? (['SMS_MFA'] as const) : mfa
  if (factors.length > 1) throw notAuthorized('SELECT_MFA_TYPE is not part of the stand-in.')
  return factors[0]
}

/** Asks for a factor's code, which is sent first if it has to be. */
export function createFactorChallenge(
  outbox: Outbox,
  { pool, user, userName }: Login,
  challengeName: MfaFactor,
): { readonly challenge: FactorChallenge; readonly parameters: Record<string, string> } {
  const common = { USER_ID_FOR_SRP: userName }
  if (!user || challengeName === 'SOFTWARE_TOKEN_MFA') {
    return {
      challenge: { challengeName },
      parameters: { ...common, FRIENDLY_DEVICE_NAME: 'authenticator app' },
    }
  }
  const by = challengeName === 'SMS_MFA' ? 'phone_number' : 'email'
  const code = createCode()
  const { DeliveryMedium, Destination } = sendCode(outbox, pool, user, { by, purpose: 'mfa', code })
  const parameters = {
    ...common,
    CODE_DELIVERY_DELIVERY_MEDIUM: DeliveryMedium,
    CODE_DELIVERY_DESTINATION: Destination,
  }
  return { challenge: { challengeName, code }, parameters }
}

/**
 * Checks the code of an answer.
 * @throws CodeMismatchException, in AWS's two wordings
 */
export function assertFactor(
  { challengeName, code }: FactorChallenge,
  user: User | undefined,
  responses: Record<string, string>,
  clock: Clock,
): void {
  const given = readParameter(responses, FACTOR_RESPONSES[challengeName])
  if (challengeName !== 'SOFTWARE_TOKEN_MFA') {
    if (code !== undefined && given === code) return
    throw new Refusal('CodeMismatchException', 'Invalid code or auth state for the user.')
  }
  if (user?.totpSecret !== undefined && isTotpCode(user.totpSecret, given, clock.now())) return
  throw new Refusal('CodeMismatchException', 'Invalid code received for user')
}

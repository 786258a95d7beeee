import type { Fields } from '../../../fields.js'
import { assertEnabled, triggerRequest } from '../login/login.js'
import { codeMismatch } from '../pool/codes.js'
import { type Delivery, sendCode } from '../pool/outbox.js'
import type { User, UserPool } from '../pool/pools.js'
import { invalidParameter, notAuthorized, readMetadata, readText } from '../pool/wire.js'
import { assertPasswordPolicy } from './password-policy.js'
import { type AccountParts, pretendedDelivery, readAccountCall, unknownUser } from './sign-up.js'

const MECHANISMS: Readonly<Record<string, Delivery>> = {
  verified_email: 'email',
  verified_phone_number: 'phone_number',
}

/**
 * How a user gets the code: by the first of the pool's mechanisms of which the address is verified. Not by the one over
 * which the second factor comes, or one device would be all.
 */
function recoveryOf({ settings }: UserPool, { attributes, mfa }: User): Delivery | undefined {
  const mechanisms = [...(settings?.AccountRecoverySetting?.RecoveryMechanisms ?? [])]
    .sort((a, b) => (a.Priority ?? 0) - (b.Priority ?? 0))
    .flatMap(({ Name = '' }) => MECHANISMS[Name] ?? [])
  // Without a setting, a phone comes first.
  const order: readonly Delivery[] = mechanisms.length > 0 ? mechanisms : ['phone_number', 'email']
  const factors = { phone_number: 'SMS_MFA', email: 'EMAIL_OTP' } as const
  return order.find((name) => attributes[`${name}_verified`] === 'true' && !mfa.includes(factors[name]))
}

/** ForgotPassword and ConfirmForgotPassword. */
export function createForgotten({ pools, fire, codes, outbox }: AccountParts) {
  return {
    forgotPassword(fields: Fields) {
      const { pool, client, typed } = readAccountCall(pools, fields)
      const user = pools.find(pool, typed)
      if (!user) return unknownUser(client, () => pretendedDelivery(typed))
      assertEnabled(user)
      if (user.status === 'FORCE_CHANGE_PASSWORD') {
        throw notAuthorized('User password cannot be reset in the current state.')
      }
      const by = recoveryOf(pool, user)
      if (by === undefined) {
        throw invalidParameter(
          'Cannot reset password for the user as there is no registered/verified email or phone_number',
        )
      }
      const code = codes.issue(pool, user, 'forgot-password')
      return { CodeDeliveryDetails: sendCode(outbox, pool, user, { by, purpose: 'forgot-password', code }) }
    },

    async confirmForgotPassword(fields: Fields) {
      const { pool, client, typed } = readAccountCall(pools, fields)
      const [code, password] = [readText(fields, 'ConfirmationCode'), readText(fields, 'Password')]
      assertPasswordPolicy(pool, password)
      const user = pools.find(pool, typed)
      if (!user) {
        return unknownUser(client, () => {
          throw codeMismatch()
        })
      }
      assertEnabled(user)
      codes.use(pool, user, 'forgot-password', code)
      const changed: User = { ...user, password, status: 'CONFIRMED' }
      pools.putUser(pool.userPoolId, changed)
      const clientMetadata = readMetadata(fields)
      const { userNotFound: _, ...request } = triggerRequest({ user: changed, client, clientMetadata })
      const subject = { pool, client, userName: user.username }
      const triggerSource = 'PostConfirmation_ConfirmForgotPassword'
      await fire('PostConfirmation', subject, { triggerSource, request, response: {}, read: () => true })
      return {}
    },
  }
}

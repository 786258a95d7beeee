import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../call.js'
import type { Fields } from '../../../fields.js'
import { checkSecretHash, triggerRequest } from '../login/login.js'
import { type Codes, expiredCode } from '../pool/codes.js'
import { type Delivery, deliveryDetails, type Outbox, sendCode } from '../pool/outbox.js'
import type { AppClient, Pools, User, UserPool } from '../pool/pools.js'
import type { Fire } from '../pool/triggers.js'
import { invalidParameter, notAuthorized, Refusal, readMetadata, readText } from '../pool/wire.js'
import { isEmail, isPhone, readAttributes, readNameValues } from './attributes.js'
import { assertPasswordPolicy } from './password-policy.js'

/** What the calls on accounts are made of. */
export interface AccountParts {
  readonly pools: Pools
  readonly fire: Fire
  readonly codes: Codes
  readonly outbox: Outbox
  readonly clock: Clock
}

/** What the pre sign-up trigger decides. */
interface PreSignUp {
  readonly autoConfirmUser: boolean
  readonly autoVerifyEmail: boolean
  readonly autoVerifyPhone: boolean
}

const NOTHING_DECIDED: PreSignUp = { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false }

/** Reads the answer of the pre sign-up trigger; undefined if a value has the wrong type. */
function readPreSignUp(response: Fields): PreSignUp | undefined {
  const flags = Object.keys(NOTHING_DECIDED).map((name) => [name, response[name] ?? false])
  if (flags.some(([, flag]) => typeof flag !== 'boolean')) return undefined
  return Object.fromEntries(flags) as unknown as PreSignUp
}

type Metadata = ReturnType<typeof readMetadata>

const noSuchUser = () => new Refusal('UserNotFoundException', 'Username/client id combination not found.')

/** The client of a call on an account, and the name in it, with the secret hash of a client that has a secret. */
export function readAccountCall(pools: Pools, fields: Fields) {
  const { pool, client } = pools.client(readText(fields, 'ClientId'))
  const typed = readText(fields, 'Username')
  checkSecretHash(client, typed, typeof fields.SecretHash === 'string' ? fields.SecretHash : undefined)
  return { pool, client, typed }
}

/**
 * What a client is told if there is no such user.
 * @param pretended what it is told in place of that, if it prevents user-existence errors
 */
export function unknownUser<T>({ preventUserExistenceErrors }: AppClient, pretended: () => T): T {
  if (preventUserExistenceErrors) return pretended()
  throw noSuchUser()
}

/** A delivery that never was, to an address that looks like one. */
export function pretendedDelivery(typed: string) {
  return { CodeDeliveryDetails: deliveryDetails('email', isEmail(typed) ? typed : `${typed}@example.com`) }
}

/** Where the code that confirms a sign-up goes, if the pool has any address verified; a phone comes first, as on AWS. */
function verifiedBy({ settings }: UserPool, { attributes }: Pick<User, 'attributes'>): Delivery | undefined {
  const order: readonly Delivery[] = ['phone_number', 'email']
  const verified: readonly string[] = settings?.AutoVerifiedAttributes ?? []
  return order.find((name) => verified.includes(name) && attributes[name] !== undefined)
}

const ALIAS_NAMES = { email: 'email', phone_number: 'phone number' } as const

interface NewName {
  readonly username: string
  readonly own: Readonly<Record<string, string>>
}

/** SignUp, ConfirmSignUp and ResendConfirmationCode. */
export function createSignUp({ pools, fire, codes, outbox, clock }: AccountParts) {
  /** The user's name, which Cognito makes if users sign in by an address, and the attributes that follow from it. */
  function nameOf({ fixed, aliasAttributes }: UserPool, typed: string): NewName {
    const by: readonly string[] = fixed?.UsernameAttributes ?? []
    const address = isEmail(typed) ? 'email' : isPhone(typed) ? 'phone_number' : undefined
    if (by.length === 0) {
      if (address === undefined || !aliasAttributes.includes(address)) return { username: typed, own: {} }
      const alias = ALIAS_NAMES[address]
      throw invalidParameter(`Username cannot be of ${alias} format, since user pool is configured for ${alias} alias.`)
    }
    if (address !== undefined && by.includes(address)) return { username: randomUUID(), own: { [address]: typed } }
    const what = by.map((name) => (name === 'email' ? 'an email' : 'a phone number')).join(' or ')
    throw invalidParameter(`Username should be ${by.length > 1 ? 'either ' : ''}${what}.`)
  }

  function assertFree(pool: UserPool, typed: string): void {
    // An alias of another user does not stand in the way of a sign-up, only of its confirmation.
    const user = pools.find(pool, typed)
    const byAddress = (pool.fixed?.UsernameAttributes?.length ?? 0) > 0
    if (!user || (!byAddress && user.username.toLowerCase() !== typed.toLowerCase())) return
    const address = isEmail(typed) ? 'email' : 'phone_number'
    const message = byAddress ? `An account with the given ${address} already exists.` : 'User already exists'
    throw new Refusal('UsernameExistsException', message)
  }

  /** Sends the code that confirms a sign-up. */
  function sendConfirmation(pool: UserPool, user: User) {
    const by = verifiedBy(pool, user)
    if (by === undefined) return {}
    const code = codes.issue(pool, user, 'sign-up')
    return { CodeDeliveryDetails: sendCode(outbox, pool, user, { by, purpose: 'sign-up', code }) }
  }

  const postConfirmation = (pool: UserPool, client: AppClient, user: User, clientMetadata: Metadata) => {
    const { userNotFound: _, ...request } = triggerRequest({ user, client, clientMetadata })
    const subject = { pool, client, userName: user.username }
    return fire('PostConfirmation', subject, { request, response: {}, read: () => true })
  }

  return {
    async signUp(fields: Fields) {
      const { pool, client, typed } = readAccountCall(pools, fields)
      if (pool.settings?.AdminCreateUserConfig?.AllowAdminCreateUserOnly) {
        throw notAuthorized('SignUp is not permitted for this user pool')
      }
      const { username, own } = nameOf(pool, typed)
      const attributes: Record<string, string> = { ...readAttributes(pool, fields.UserAttributes), ...own }
      const password = readText(fields, 'Password')
      assertPasswordPolicy(pool, password)
      assertFree(pool, typed)
      const clientMetadata = readMetadata(fields)
      const validationData = fields.ValidationData === undefined ? null : readNameValues(fields.ValidationData)
      const decided = await fire(
        'PreSignUp',
        { pool, client, userName: username },
        {
          request: { userAttributes: attributes, validationData, ...(clientMetadata && { clientMetadata }) },
          response: { ...NOTHING_DECIDED },
          read: readPreSignUp,
        },
      )
      const { autoConfirmUser, autoVerifyEmail, autoVerifyPhone } = decided ?? NOTHING_DECIDED
      // Two at once may have come this far.
      assertFree(pool, typed)
      const sub = (pool.fixed?.UsernameAttributes?.length ?? 0) > 0 ? username : randomUUID()
      const user: User = {
        username,
        password,
        attributes: {
          sub,
          ...attributes,
          ...(attributes.email !== undefined && { email_verified: String(autoVerifyEmail) }),
          ...(attributes.phone_number !== undefined && { phone_number_verified: String(autoVerifyPhone) }),
        },
        status: autoConfirmUser ? 'CONFIRMED' : 'UNCONFIRMED',
        enabled: true,
        mfa: [],
        createdAt: clock.now(),
      }
      pools.putUser(pool.userPoolId, user)
      if (autoConfirmUser) await postConfirmation(pool, client, user, clientMetadata)
      const sent = autoConfirmUser ? {} : sendConfirmation(pool, user)
      return { UserConfirmed: autoConfirmUser, UserSub: sub, ...sent }
    },

    async confirmSignUp(fields: Fields) {
      const { pool, client, typed } = readAccountCall(pools, fields)
      const code = readText(fields, 'ConfirmationCode')
      const user = pools.findSignedUp(pool, typed)
      if (!user) {
        return unknownUser(client, () => {
          throw expiredCode()
        })
      }
      if (user.status !== 'UNCONFIRMED') {
        throw notAuthorized(`User cannot be confirmed. Current status is ${user.status}`)
      }
      const by = verifiedBy(pool, user)
      takeAlias(pool, user, by, fields.ForceAliasCreation === true)
      codes.use(pool, user, 'sign-up', code)
      const attributes = { ...user.attributes, ...(by && { [`${by}_verified`]: 'true' }) }
      const confirmed: User = { ...user, status: 'CONFIRMED', attributes }
      pools.putUser(pool.userPoolId, confirmed)
      // An error of it does not undo the confirmation.
      await postConfirmation(pool, client, confirmed, readMetadata(fields))
      return {}
    },

    resendConfirmationCode(fields: Fields) {
      const { pool, client, typed } = readAccountCall(pools, fields)
      const user = pools.findSignedUp(pool, typed)
      if (!user) return unknownUser(client, () => pretendedDelivery(typed))
      if (user.status !== 'UNCONFIRMED') throw invalidParameter('User is already confirmed.')
      const sent = sendConfirmation(pool, user)
      if ('CodeDeliveryDetails' in sent) return sent
      throw invalidParameter('Cannot resend codes. Auto verification not turned on.')
    },
  }

  /** An address that is another user's alias is taken from that user only if the client wants it. */
  function takeAlias(pool: UserPool, user: User, by: Delivery | undefined, force: boolean): void {
    if (by === undefined || !pool.aliasAttributes.includes(by)) return
    const holder = pools.find(pool, user.attributes[by] ?? '')
    if (!holder || holder.username === user.username) return
    if (!force) {
      throw new Refusal('AliasExistsException', `An account with the ${ALIAS_NAMES[by]} already exists.`)
    }
    pools.putUser(pool.userPoolId, { ...holder, attributes: { ...holder.attributes, [`${by}_verified`]: 'false' } })
  }
}

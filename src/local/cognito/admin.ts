import type { Clock } from '../../call.js'
import { type Fields, isFields, textsOf } from '../../fields.js'
import type { MfaFactor, Pools, User, UserPool } from './pool/pools.js'
import { invalidMember, invalidParameter, Refusal, readText } from './pool/wire.js'

const FILTER_LENGTH_MAX = 256
/** `name = "value"` or `name ^= "value"`, the name quoted or not; `\` escapes inside the value. */
const grammar = /^\s*(?:"([\w:]+)"|([\w:]+))\s*(\^?=)\s*"((?:[^"\\]|\\["\\])*)"\s*$/

const attributes = ['email', 'phone_number', 'name', 'given_name', 'family_name', 'preferred_username', 'sub']

/** What can be searched (fact A21); custom attributes cannot. */
function searchedValue(user: User, name: string): string | undefined {
  if (name === 'username') return user.username
  if (name === 'cognito:user_status') return user.status
  if (name === 'status') return user.enabled ? 'Enabled' : 'Disabled'
  return user.attributes[name]
}

/**
 * Parses ListUsers' Filter. Names and `status` are compared with their case, all else without: a client that needs an
 * exact match has to compare again.
 * @throws InvalidParameterException if the filter is none, too long or names what cannot be searched
 */
export function parseFilter(text: string): (user: User) => boolean {
  if (text.length > FILTER_LENGTH_MAX) {
    throw invalidMember('filter', `Member must have length less than or equal to ${FILTER_LENGTH_MAX}`)
  }
  const [, quoted, bare, operator, escaped] = grammar.exec(text) ?? []
  const name = quoted ?? bare
  if (name === undefined || escaped === undefined) throw invalidParameter('Error while parsing filter.')
  if (![...attributes, 'username', 'status', 'cognito:user_status'].includes(name)) {
    throw invalidParameter(`Invalid search attribute: ${name}`)
  }
  const exactCase = name === 'username' || name === 'status'
  const fold = (value: string) => (exactCase ? value : value.toLowerCase())
  const wanted = fold(escaped.replace(/\\(.)/g, '$1'))
  return (user) => {
    const value = searchedValue(user, name)
    if (value === undefined) return false
    return operator === '=' ? fold(value) === wanted : fold(value).startsWith(wanted)
  }
}

const factors: Record<string, MfaFactor> = {
  SMSMfaSettings: 'SMS_MFA',
  SoftwareTokenMfaSettings: 'SOFTWARE_TOKEN_MFA',
  EmailMfaSettings: 'EMAIL_OTP',
}

const seconds = (ms: number) => ms / 1000
/** Attributes as the wire carries them. */
export const nameValues = (attributes: User['attributes']) =>
  Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }))

/** A user's MFA factors; absent, not empty, if there is none. */
export function mfaView({ preferredMfa, mfa, mfaOptions = [] }: User) {
  return {
    ...(preferredMfa === undefined ? {} : { PreferredMfaSetting: preferredMfa }),
    ...(mfa.length === 0 ? {} : { UserMFASettingList: mfa }),
    ...(mfaOptions.length === 0 ? {} : { MFAOptions: mfaOptions }),
  }
}

function commonView({ username, enabled, status, createdAt }: User) {
  const at = seconds(createdAt)
  return { Username: username, Enabled: enabled, UserStatus: status, UserCreateDate: at, UserLastModifiedDate: at }
}

/** Can a code of this factor reach the user? A phone number need not be verified. */
function canUse(factor: MfaFactor, { attributes, totp = false }: User): boolean {
  if (factor === 'SMS_MFA') return attributes.phone_number !== undefined
  return factor === 'EMAIL_OTP' ? attributes.email !== undefined : totp
}

/** Applies the settings in the request; factors that it does not name stay as they are. */
export function withPreference(user: User, fields: Fields): User {
  const mfa = new Set(user.mfa)
  let { preferredMfa } = user
  const preferred = Object.keys(factors).filter((key) => isFields(fields[key]) && fields[key].PreferredMfa === true)
  if (preferred.length > 1) throw invalidParameter('Only one MFA method can be preferred.')
  for (const [key, factor] of Object.entries(factors)) {
    const settings = fields[key]
    if (!isFields(settings)) continue
    if (settings.Enabled !== true) {
      if (settings.PreferredMfa === true) throw invalidParameter('A preferred MFA method must be enabled.')
      mfa.delete(factor)
    } else {
      if (!canUse(factor, user)) {
        throw invalidParameter(`User does not have delivery config set to turn on ${factor}`)
      }
      mfa.add(factor)
    }
    if (settings.PreferredMfa === true) preferredMfa = factor
    else if (preferredMfa === factor) preferredMfa = undefined
  }
  return { ...user, mfa: [...mfa], preferredMfa }
}

const LIST_LIMIT_MAX = 60
/** A pagination token's life (fact A22). */
const PAGE_TOKEN_MS = 3_600_000

interface PageToken {
  readonly offset: number
  readonly filter: string
  readonly expiresAt: number
}

function readPageToken(text: string, filter: string, clock: Clock): number {
  try {
    const token: PageToken = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (token.filter === filter && token.expiresAt > clock.now()) return token.offset
  } catch {
    // Refused below, like a token of another search.
  }
  throw invalidParameter('Invalid pagination token.')
}

/** The attributes of a listed user that were asked for: every user in the answer must have them. */
function wantedAttributes({ attributes }: User, { AttributesToGet }: Fields): User['attributes'] {
  if (AttributesToGet === undefined || AttributesToGet === null) return attributes
  const entries = textsOf(AttributesToGet).map((name) => {
    const value = attributes[name]
    if (value === undefined) throw invalidParameter('One or more requested attributes do not exist.')
    return [name, value]
  })
  return Object.fromEntries(entries)
}

/** The admin calls on users. `emptyPages` counts the pages that ListUsers still owes each pool before its first users. */
export function createAdmin(pools: Pools, clock: Clock, emptyPages: Map<string, number>) {
  function find(pool: UserPool, fields: Fields): User {
    const user = pools.find(pool, readText(fields, 'Username'))
    if (!user) throw new Refusal('UserNotFoundException', 'User does not exist.')
    return user
  }

  return {
    getUser(pool: UserPool, fields: Fields) {
      const user = find(pool, fields)
      return {
        ...commonView(user),
        UserAttributes: nameValues(user.attributes),
        ...mfaView(user),
      }
    },

    setUserMfaPreference(pool: UserPool, fields: Fields) {
      pools.putUser(pool.userPoolId, withPreference(find(pool, fields), fields))
      return {}
    },

    /** The stand-in has no groups. */
    listGroups(pool: UserPool, fields: Fields) {
      find(pool, fields)
      return { Groups: [] }
    },

    listUsers({ userPoolId }: UserPool, fields: Fields) {
      const { Filter = '', Limit = LIST_LIMIT_MAX, PaginationToken } = fields
      const filter = String(Filter)
      const limit = Number(Limit) || LIST_LIMIT_MAX
      if (limit > LIST_LIMIT_MAX) throw invalidMember('limit', 'Member must have value less than or equal to 60')
      const matches = pools.users(userPoolId).filter(filter === '' ? () => true : parseFilter(filter))
      const offset = PaginationToken === undefined ? 0 : readPageToken(String(PaginationToken), filter, clock)
      const owed = emptyPages.get(userPoolId) ?? 0
      if (owed > 0) emptyPages.set(userPoolId, owed - 1)
      const page = owed > 0 ? [] : matches.slice(offset, offset + limit)
      const next: PageToken = { offset: offset + page.length, filter, expiresAt: clock.now() + PAGE_TOKEN_MS }
      const token = Buffer.from(JSON.stringify(next)).toString('base64url')
      const more = owed > 0 || next.offset < matches.length
      const users = page.map((user) => ({
        ...commonView(user),
        Attributes: nameValues(wantedAttributes(user, fields)),
      }))
      return { Users: users, ...(more ? { PaginationToken: token } : {}) }
    },
  }
}

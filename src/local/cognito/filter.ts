import type { User } from './pools.js'
import { invalidMember, invalidParameter } from './wire.js'

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
 * @throws InvalidParameterException where the filter is none, too long or names what cannot be searched
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

import { isFields } from '../../../fields.js'
import type { UserPool } from '../pool/pools.js'
import { invalidParameter, notAuthorized } from '../pool/wire.js'

const E_MAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
/** E.164, as Cognito wants phone numbers. */
const PHONE = /^\+\d{5,15}$/

export const isEmail = (text: string) => E_MAIL.test(text)
export const isPhone = (text: string) => PHONE.test(text)

/** Values as the wire carries them, `{ Name, Value }`; an entry without a name is none. */
export function readNameValues(list: unknown): Record<string, string> {
  const entries = (Array.isArray(list) ? list : []).filter(isFields)
  return Object.fromEntries(entries.map(({ Name, Value }) => [String(Name), String(Value ?? '')]))
}

/**
 * The attributes that a client sets for a new user.
 * @throws InvalidParameterException or NotAuthorizedException, if the pool's schema or Cognito itself does not take them
 */
export function readAttributes({ fixed }: UserPool, list: unknown): Record<string, string> {
  const attributes = readNameValues(list)
  const ours = Object.keys(attributes).some((name) => name === 'sub' || name.endsWith('_verified'))
  if (ours) throw notAuthorized('A client attempted to write unauthorized attribute')
  const { email, phone_number } = attributes
  if (email !== undefined && !isEmail(email)) throw invalidParameter('Invalid email address format.')
  if (phone_number !== undefined && !isPhone(phone_number)) throw invalidParameter('Invalid phone number format.')
  const missing = fixed?.SchemaAttributes?.find(
    ({ Name = '', Required }) => Required && Name !== 'sub' && attributes[Name] === undefined,
  )
  if (!missing) return attributes
  throw invalidParameter(`Attributes did not conform to the schema: ${missing.Name}: The attribute is required`)
}

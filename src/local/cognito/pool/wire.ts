import { type Fields, isFields } from '../../../fields.js'
import { awsJsonError } from '../../aws/json.js'
import type { WireAnswer } from '../../aws/server.js'

/** A refusal as Cognito words it: `name` is the exception's name on the wire. */
export class Refusal extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

export const invalidParameter = (message: string) => new Refusal('InvalidParameterException', message)
export const notAuthorized = (message: string) => new Refusal('NotAuthorizedException', message)

/** What Cognito says when a member breaks its API model. */
export function invalidMember(member: string, constraint: string): Refusal {
  const where = `Value at '${member}' failed to satisfy constraint`
  return invalidParameter(`1 validation error detected: ${where}: ${constraint}`)
}

/** Is this a map of texts, as challenge parameters must be? */
export function isTextMap(value: unknown): value is Record<string, string> {
  return isFields(value) && Object.values(value).every((one) => typeof one === 'string')
}

const memberName = (name: string) => name.charAt(0).toLowerCase() + name.slice(1)

/** A member that must be a text. */
export function readText(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw invalidMember(memberName(name), 'Member must not be null')
}

/** A member that may be left out, else maps texts to texts; a null in it counts as left out, as in any AWS map. */
export function readTextMap(fields: Fields, name: string): Record<string, string> {
  const value = fields[name] ?? {}
  const given = isFields(value) && Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null))
  if (isTextMap(given)) return given
  throw new Refusal('SerializationException', `${name} can not be converted to a map of strings`)
}

/** What a client sends along for the triggers; undefined if it sends nothing. */
export function readMetadata(fields: Fields): Record<string, string> | undefined {
  return fields.ClientMetadata === undefined ? undefined : readTextMap(fields, 'ClientMetadata')
}

/** A parameter inside AuthParameters or ChallengeResponses. */
export function readParameter(parameters: Record<string, string>, name: string): string {
  const value = parameters[name]
  if (value) return value
  throw invalidParameter(`Missing required parameter ${name}`)
}

/** How Cognito words an HTTP status that an injected fault asks for. */
export function cognitoFault(status: number): WireAnswer {
  if (status === 429) return awsJsonError('TooManyRequestsException', 'Rate exceeded', status)
  if (status < 500) return awsJsonError('InvalidParameterException', 'Injected fault.', status)
  return awsJsonError('InternalErrorException', 'Injected fault.', status)
}

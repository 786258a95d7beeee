import { randomBytes } from 'node:crypto'
import type { Clock } from '../call.js'
import { allows, deniedText, type Identity } from './aws/identity.js'
import { awsJsonAnswer, awsJsonError, awsJsonFault, awsJsonOperation } from './aws/json.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from './aws/server.js'

type ParameterType = 'String' | 'SecureString'

/** Characters of a value in the standard tier, and what a name may be (fact A38). */
const VALUE_LENGTH_MAX = 4_096
const newName = /^(?!\/?(aws|ssm))(\/[\w.-]+){1,15}$|^(?!aws|ssm)[\w.-]+$/i
const NAME_LENGTH_MAX = 1_011

interface Parameter {
  readonly value: string
  readonly type: ParameterType
  /** What is read without decryption. */
  readonly ciphertext: string
  readonly version: number
  readonly modifiedAt: number
}

export interface SsmStandIn extends StandIn {
  /** Writes a parameter of the stand-in's account; SecureString by default. */
  put(name: string, value: string, type?: ParameterType): void
  remove(name: string): void
}

/**
 * Starts SSM's GetParameter and PutParameter for the parameters of one account. A SecureString comes back as an opaque
 * ciphertext unless the call says WithDecryption; its key is the account's default one, which asks for no kms: right.
 */
export async function startSsm(options: {
  readonly clock: Clock
  readonly identity: Identity
  /** Owner of the parameters; callers of other accounts find none. */
  readonly accountId: string
  readonly port?: number | undefined
}): Promise<SsmStandIn> {
  const { clock, identity, accountId } = options
  const parameters = new Map<string, Parameter>()

  const put = (name: string, value: string, type: ParameterType = 'SecureString'): number => {
    const version = (parameters.get(name)?.version ?? 0) + 1
    const ciphertext = `AQICAHh${randomBytes(120).toString('base64')}`
    parameters.set(name, { value, type, ciphertext, version, modifiedAt: clock.now() })
    return version
  }

  const getParameter = (arn: string, name: string, owned: boolean, input: Record<string, unknown>): WireAnswer => {
    const found = owned ? parameters.get(name) : undefined
    // SSM really sends no message with this one.
    if (!found) return awsJsonError('ParameterNotFound')
    const { type, version } = found
    const Value = type === 'String' || input.WithDecryption === true ? found.value : found.ciphertext
    const LastModifiedDate = found.modifiedAt / 1_000
    const Parameter = { Name: name, Type: type, Value, Version: version, LastModifiedDate, ARN: arn, DataType: 'text' }
    return awsJsonAnswer({ Parameter })
  }

  const putParameter = (name: string, input: Record<string, unknown>): WireAnswer => {
    const { Value } = input
    if (!newName.test(name) || name.length > NAME_LENGTH_MAX) {
      return awsJsonError('ValidationException', 'Parameter name is not valid.')
    }
    if (typeof Value !== 'string' || Value === '' || Value.length > VALUE_LENGTH_MAX) {
      const message = `Standard tier parameters support a value of 1 to ${VALUE_LENGTH_MAX} characters.`
      return awsJsonError('ValidationException', message)
    }
    if (parameters.has(name) && input.Overwrite !== true) {
      return awsJsonError('ParameterAlreadyExists', 'The parameter already exists.')
    }
    const type = input.Type ?? parameters.get(name)?.type
    if (type !== 'String' && type !== 'SecureString') {
      return awsJsonError('ValidationException', 'A parameter type is required when you create a parameter.')
    }
    const Version = put(name, Value, type)
    return awsJsonAnswer({ Version, Tier: 'Standard' })
  }

  const handle = ({ principal, region, body }: WireRequest, operation: string): WireAnswer => {
    const input: Record<string, unknown> = JSON.parse(body.toString())
    const name = typeof input.Name === 'string' ? input.Name : ''
    if (!principal || !/^[\w./-]{1,2048}$/.test(name)) return awsJsonError('ValidationException', 'Name is not valid.')
    const arn = `arn:aws:ssm:${region}:${principal.accountId}:parameter/${name.replace(/^\//, '')}`
    const action = `ssm:${operation}`
    if (!allows(principal, action, arn)) {
      return awsJsonError('AccessDeniedException', deniedText(principal.arn, action, arn, 'identity-based'))
    }
    const owned = principal.accountId === accountId
    if (operation === 'GetParameter') return getParameter(arn, name, owned, input)
    if (operation === 'PutParameter' && owned) return putParameter(name, input)
    return awsJsonError('UnknownOperationException')
  }

  const standIn = await startStandIn({
    name: 'ssm',
    clock,
    identity,
    port: options.port,
    operationOf: awsJsonOperation,
    faultAnswer: awsJsonFault,
    handle,
  })
  return { ...standIn, put: (...parameter) => void put(...parameter), remove: (name) => void parameters.delete(name) }
}

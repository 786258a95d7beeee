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

const PATH_PAGE_MAX = 10
const HISTORY_PAGE_MAX = 50
/** Versions that SSM keeps of a parameter. */
const VERSIONS_MAX = 100
const PATH_FORM =
  'The parameter doesn\'t meet the parameter name requirements. The parameter name must begin with a forward slash "/".'

interface Parameter {
  readonly value: string
  readonly type: ParameterType
  /** What is read without decryption. */
  readonly ciphertext: string
  readonly version: number
  readonly modifiedAt: number
  /** ARN of the caller who wrote it. */
  readonly modifiedBy: string
}

export interface SsmStandIn extends StandIn {
  /** Writes a parameter as the account's root; SecureString by default. */
  put(name: string, value: string, type?: ParameterType): void
  remove(name: string): void
}

/**
 * Starts SSM's GetParameter, GetParameterHistory, GetParametersByPath and PutParameter for the parameters of one account. A SecureString comes back as an opaque
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
  /** All versions of each, the newest last. */
  const parameters = new Map<string, readonly Parameter[]>()
  const newest = (name: string) => parameters.get(name)?.at(-1)

  const put = (name: string, value: string, type: ParameterType, modifiedBy: string): number => {
    const version = (newest(name)?.version ?? 0) + 1
    const ciphertext = `AQICAHh${randomBytes(120).toString('base64')}`
    const parameter = { value, type, ciphertext, version, modifiedAt: clock.now(), modifiedBy }
    parameters.set(name, [...(parameters.get(name) ?? []), parameter].slice(-VERSIONS_MAX))
    return version
  }

  const view = (arn: string, name: string, found: Parameter, input: Record<string, unknown>) => {
    const { type, version } = found
    const Value = type === 'String' || input.WithDecryption === true ? found.value : found.ciphertext
    const LastModifiedDate = found.modifiedAt / 1_000
    return { Name: name, Type: type, Value, Version: version, LastModifiedDate, ARN: arn, DataType: 'text' }
  }

  /** By its name, or by its name and a version, `name:3`. The stand-in has no labels. */
  const getParameter = (arn: string, name: string, owned: boolean, input: Record<string, unknown>): WireAnswer => {
    const [, Selector] = String(input.Name).split(/(?=:)/)
    const versions = owned ? parameters.get(name) : undefined
    // SSM really sends no message with this one.
    if (!versions) return awsJsonError('ParameterNotFound')
    const found = Selector === undefined ? versions.at(-1) : versions.find(({ version }) => Selector === `:${version}`)
    if (!found) {
      const message = `Systems Manager could not find version ${Selector?.slice(1)} of ${name}. Verify the version and try again.`
      return awsJsonError('ParameterVersionNotFound', message)
    }
    return awsJsonAnswer({ Parameter: { ...view(arn, name, found, input), ...(Selector && { Selector }) } })
  }

  /** The oldest first. */
  const getHistory = (arn: string, name: string, owned: boolean, input: Record<string, unknown>): WireAnswer => {
    const versions = owned ? parameters.get(name) : undefined
    if (!versions) return awsJsonError('ParameterNotFound')
    const { MaxResults = HISTORY_PAGE_MAX, NextToken = '0' } = input
    if (!(Number(MaxResults) >= 1 && Number(MaxResults) <= HISTORY_PAGE_MAX)) {
      const rule = `satisfy constraint: Member must have value between 1 and ${HISTORY_PAGE_MAX}`
      return awsJsonError(
        'ValidationException',
        `1 validation error detected: Value '${MaxResults}' at 'maxResults' failed to ${rule}`,
      )
    }
    const offset = Number(NextToken)
    if (!Number.isInteger(offset) || offset < 0)
      return awsJsonError('InvalidNextToken', 'The specified token is invalid.')
    const page = versions.slice(offset, offset + Number(MaxResults))
    const next = offset + page.length
    const Parameters = page.map((one) => {
      const { ARN: _, ...shown } = view(arn, name, one, input)
      return { ...shown, LastModifiedUser: one.modifiedBy, Labels: [], Tier: 'Standard', Policies: [] }
    })
    return awsJsonAnswer({ Parameters, ...(next < versions.length && { NextToken: String(next) }) })
  }

  const byPath = (arn: string, owned: boolean, input: Record<string, unknown>): WireAnswer => {
    const within = `${String(input.Path).replace(/\/$/, '')}/`
    const names = [...parameters.keys()].filter((name) => {
      return owned && name.startsWith(within) && (input.Recursive === true || !name.slice(within.length).includes('/'))
    })
    const offset = Number(input.NextToken ?? 0)
    const page = names.sort().slice(offset, offset + Number(input.MaxResults ?? PATH_PAGE_MAX))
    const next = offset + page.length
    const Parameters = page.map((name) => {
      return view(`${arn.split(':parameter')[0]}:parameter${name}`, name, newest(name) as Parameter, input)
    })
    return awsJsonAnswer({ Parameters, ...(next < names.length && { NextToken: String(next) }) })
  }

  const putParameter = (name: string, caller: string, input: Record<string, unknown>): WireAnswer => {
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
    const type = input.Type ?? newest(name)?.type
    if (type !== 'String' && type !== 'SecureString') {
      return awsJsonError('ValidationException', 'A parameter type is required when you create a parameter.')
    }
    const Version = put(name, Value, type, caller)
    return awsJsonAnswer({ Version, Tier: 'Standard' })
  }

  const handle = ({ principal, region, body }: WireRequest, operation: string): WireAnswer => {
    const input: Record<string, unknown> = JSON.parse(body.toString())
    const isPath = operation === 'GetParametersByPath'
    const [, name = ''] = /^([\w./-]{1,2048})(?::[\w.-]+)?$/.exec(String(isPath ? input.Path : input.Name)) ?? []
    if (!principal || name === '') return awsJsonError('ValidationException', 'Name is not valid.')
    if (isPath && !/^\/[\w./-]*$/.test(String(input.Path))) return awsJsonError('ValidationException', PATH_FORM)
    const arn = `arn:aws:ssm:${region}:${principal.accountId}:parameter/${name.replace(/^\//, '')}`
    const action = `ssm:${operation}`
    if (!allows(principal, action, arn)) {
      return awsJsonError('AccessDeniedException', deniedText(principal.arn, action, arn, 'identity-based'))
    }
    const owned = principal.accountId === accountId
    if (isPath) return byPath(arn, owned, input)
    if (operation === 'GetParameter') return getParameter(arn, name, owned, input)
    if (operation === 'GetParameterHistory') return getHistory(arn, name, owned, input)
    if (operation === 'PutParameter' && owned) return putParameter(name, principal.arn, input)
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
  const root = `arn:aws:iam::${accountId}:root`
  return {
    ...standIn,
    put: (name, value, type = 'SecureString') => void put(name, value, type, root),
    remove: (name) => void parameters.delete(name),
  }
}

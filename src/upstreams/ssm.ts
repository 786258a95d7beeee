import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { type Call, SLICE_MS } from '../call.js'
import { isUpstreamError, otherAnswer, upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** An SSM parameter: its decrypted value, and SSM's number of that value. */
export interface Parameter {
  readonly value: string
  readonly version: number | undefined
}

/** Fetches an SSM parameter by its name. @throws GW_ERR_UPSTREAM_…; see {@link isParameterMissing} */
export type FetchParameter = (name: string, call: Call) => Promise<Parameter>

/** Did SSM answer that there is no such parameter? Then it is not SSM that failed. */
export function isParameterMissing(error: unknown): boolean {
  return isUpstreamError(error) && error.facts.errorType === 'ParameterNotFound'
}

const ASKED = { upstream: 'ssm', operation: 'GetParameter' } as const

/**
 * Asks with the client's credentials.
 * @param sliceMs longest time for one fetch, in milliseconds
 */
export function createFetchParameter(client: SSMClient, sliceMs: number = SLICE_MS.ssm): FetchParameter {
  return async (name, call) => {
    const command = new GetParameterCommand({ Name: name, WithDecryption: true })
    const { Parameter } = await callAws(ASKED, call, sliceMs, (options) => client.send(command, options), 'silent')
    // The SDK does not check its type.
    if (typeof Parameter?.Value !== 'string') throw upstreamError('ssm', 'malformed')
    // A selector of a version is not a part of the name.
    const { Name, ARN } = Parameter
    if (Name !== undefined && ![Name, ARN].includes(name) && Name !== name.split(':')[0]) {
      throw otherAnswer('ssm', `parameter ${Name}`, name)
    }
    return { value: Parameter.Value, version: Parameter.Version }
  }
}

import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import { type Call, SLICE_MS } from '../call.js'
import { upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** Fetches the decrypted value of an SSM parameter. */
export type FetchParameter = (name: string, call: Call) => Promise<string>

export function createFetchParameter(client: SSMClient): FetchParameter {
  return async (name, call) => {
    const command = new GetParameterCommand({ Name: name, WithDecryption: true })
    const { Parameter } = await callAws('ssm', call, SLICE_MS.ssm, (options) => client.send(command, options))
    if (Parameter?.Value === undefined) throw upstreamError('ssm', 'malformed')
    return Parameter.Value
  }
}

import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import type { Call } from '../call.js'
import { upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

export interface ParameterRequest {
  readonly name: string
  /** A secret: it goes nowhere but into the request. */
  readonly value: string
  readonly type: 'SecureString'
  /** Without it, a parameter that exists is refused as `ParameterAlreadyExists`. */
  readonly overwrite: boolean
}

/** Writes an SSM parameter; answers its new version, counted from 1. */
export type PutParameter = (request: ParameterRequest, call: Call) => Promise<{ version: number }>

export function createPutParameter(client: SSMClient): PutParameter {
  return async ({ name, value, type, overwrite }, call) => {
    const command = new PutParameterCommand({ Name: name, Value: value, Type: type, Overwrite: overwrite })
    const { Version } = await callAws('ssm', call, undefined, (options) => client.send(command, options))
    if (Version === undefined) throw upstreamError('ssm', 'malformed')
    return { version: Version }
  }
}

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
  /** KMS key, by id, ARN or alias; the account's `aws/ssm` without it. */
  readonly keyId?: string | undefined
}

/** Writes an SSM parameter; answers its new version, counted from 1. */
export type PutParameter = (request: ParameterRequest, call: Call) => Promise<{ version: number }>

export function createPutParameter(client: SSMClient): PutParameter {
  return async ({ name, value, type, overwrite, keyId }, call) => {
    const command = new PutParameterCommand({
      Name: name,
      Value: value,
      Type: type,
      Overwrite: overwrite,
      ...(keyId !== undefined && { KeyId: keyId }),
    })
    const { Version } = await callAws('ssm', call, undefined, (options) => client.send(command, options))
    if (Version === undefined) throw upstreamError('ssm', 'malformed')
    return { version: Version }
  }
}

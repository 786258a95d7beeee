import { GetParameterHistoryCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm'
import type { Call } from '../call.js'
import { upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** A parameter to write. */
export interface ParameterRequest {
  readonly name: string
  /** A secret: it goes nowhere but into the request. */
  readonly value: string
  readonly type: 'SecureString'
  /** If false, a parameter that exists is refused as `ParameterAlreadyExists`. */
  readonly overwrite: boolean
  /** KMS key, by id, ARN or alias; the account's `aws/ssm` if left out. */
  readonly keyId?: string | undefined
}

/** Writes an SSM parameter; answers its new version, counted from 1. */
export type PutParameter = (request: ParameterRequest, call: Call) => Promise<{ version: number }>

/** Writes with the client's credentials; needs `ssm:PutParameter`. */
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

/** Who wrote one value of a parameter, and when. */
export interface ParameterVersion {
  readonly version: number
  /** ISO 8601; empty if SSM does not say. */
  readonly updatedAt: string
  /** ARN of the writer; empty if SSM does not say. */
  readonly updatedBy: string
}

/** Fetches the versions that SSM keeps of a parameter, the oldest first: who and when, and no value. */
export type FetchParameterHistory = (name: string, call: Call) => Promise<ParameterVersion[]>

/** Asks with the client's credentials; needs `ssm:GetParameterHistory`. */
export function createFetchParameterHistory(client: SSMClient): FetchParameterHistory {
  return async (name, call) => {
    const versions: ParameterVersion[] = []
    let token: string | undefined
    do {
      const command = new GetParameterHistoryCommand({ Name: name, WithDecryption: false, NextToken: token })
      const page = await callAws('ssm', call, undefined, (options) => client.send(command, options))
      for (const { Version, LastModifiedDate, LastModifiedUser } of page.Parameters ?? []) {
        if (Version === undefined) throw upstreamError('ssm', 'malformed')
        const updatedAt = LastModifiedDate?.toISOString() ?? ''
        versions.push({ version: Version, updatedAt, updatedBy: LastModifiedUser ?? '' })
      }
      token = page.NextToken
    } while (token)
    return versions
  }
}

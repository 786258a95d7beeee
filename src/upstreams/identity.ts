import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts'
import type { Call } from '../call.js'
import { upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** Whose credentials the process has; needs no permission. */
export type CallerIdentity = (call: Call) => Promise<{ accountId: string; arn: string }>

export function createCallerIdentity(client: STSClient): CallerIdentity {
  return async (call) => {
    const command = new GetCallerIdentityCommand({})
    const { Account, Arn } = await callAws('sts', call, undefined, (options) => client.send(command, options))
    if (Account === undefined || Arn === undefined) throw upstreamError('sts', 'malformed')
    return { accountId: Account, arn: Arn }
  }
}

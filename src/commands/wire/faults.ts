import { createCall } from '../../call.js'
import { isUpstreamError, type UpstreamError } from '../../errors.js'
import type { UserPoolId } from '../../ids.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CallerIdentity } from '../../upstreams/operator.js'

/** Which pool was asked about, and how to learn who asked. */
export interface FaultContext {
  readonly userPoolId: UserPoolId
  readonly region: string
  readonly callerIdentity: CallerIdentity
}

/** STS is asked only to word an error; nobody should wait long for that. */
const IDENTITY_MS = 5_000

/** What must be allowed, and what is read besides where it is. */
const NEEDED = 'cognito-idp:DescribeUserPool and cognito-idp:UpdateUserPool'

/** A sentence for what the pool's owner can mend; any other error as it is. */
export async function explainFault(error: unknown, context: FaultContext): Promise<unknown> {
  if (!isUpstreamError(error) || error.upstream !== 'cognito') return error
  const { userPoolId, region } = context
  if (error.facts.errorType === 'CredentialsProviderError') {
    return new NotPossible(
      'there are no AWS credentials here: set AWS_PROFILE, or sign in, as somebody of the account that owns the pool',
    )
  }
  if (error.kind === 'expired') {
    return new NotPossible(`the AWS credentials have expired or are not known (${saidBy(error)}): sign in again`)
  }
  if (error.kind === 'denied') {
    const who = await identityOf(context)
    return new NotPossible(
      `${who.name} may not do this: ${saidBy(error)}. It needs ${NEEDED} on the pool; a pool of another account is denied too`,
    )
  }
  if (error.facts.errorType === 'ResourceNotFoundException') {
    const who = await identityOf(context)
    return new NotPossible(`there is no user pool ${userPoolId} in ${region} of ${who.account}: ${otherPlace(context)}`)
  }
  return error
}

function otherPlace({ userPoolId, region }: FaultContext): string {
  const begins = userPoolId.split('_', 1)[0]
  const elsewhere =
    begins === region
      ? ''
      : `. Its id begins with ${begins}: in that region it needs that region's hosted ARN, which Corbado names`
  return `use credentials of the account that owns it${elsewhere}`
}

/** What the dependency said, in one line. */
export function saidBy({ facts, reason, cause }: UpstreamError): string {
  const text = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').replace(/\.$/, '') : reason
  return facts.errorType === undefined ? text : `${facts.errorType}: ${text}`
}

async function identityOf({ callerIdentity }: FaultContext): Promise<{ name: string; account: string }> {
  try {
    const { arn, accountId } = await callerIdentity(createCall(IDENTITY_MS))
    return { name: arn, account: `account ${accountId}, as whose ${arn} you are signed in` }
  } catch {
    return { name: 'whoever these AWS credentials belong to', account: 'the account of your AWS credentials' }
  }
}

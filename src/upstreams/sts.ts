import { AssumeRoleCommand, GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts'
import { type Call, SLICE_MS } from '../call.js'
import { otherAnswer, upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** A session of a role. */
export interface RoleRequest {
  readonly roleArn: string
  /** A tenant's role is never asked for without one. */
  readonly externalId?: string
  readonly sessionName: string
  /** JSON, at most 2,048 characters (fact A37); without one the session has all rights of its role. */
  readonly sessionPolicy?: string
}

/** Temporary credentials of a role. `expiration` is what AWS says, never a guess. */
export interface RoleCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiration: Date
}

/** Fetches credentials of a role. @throws GW_ERR_UPSTREAM_…, also if the answer is about another role */
export type AssumeRole = (request: RoleRequest, call: Call) => Promise<RoleCredentials>

/** Role chaining caps a session at one hour; asking for more fails (fact A36). */
export const ROLE_SECONDS = 3_600

const ASKED = { upstream: 'sts', operation: 'AssumeRole' } as const

/** Is it the ARN of that role's session? It holds the role's name without its path. */
function isSessionOf(arn: string, roleArn: string, sessionName: string): boolean {
  const [, partition, , , accountId, role = ''] = roleArn.split(':')
  return arn === `arn:${partition}:sts::${accountId}:assumed-role/${role.split('/').at(-1)}/${sessionName}`
}

/**
 * Asks with the client's credentials.
 * @param sliceMs longest time for one call, in milliseconds
 */
export function createAssumeRole(client: STSClient, sliceMs: number = SLICE_MS.sts): AssumeRole {
  return async ({ roleArn, externalId, sessionName, sessionPolicy }, call) => {
    const command = new AssumeRoleCommand({
      RoleArn: roleArn,
      ...(externalId !== undefined && { ExternalId: externalId }),
      RoleSessionName: sessionName,
      ...(sessionPolicy !== undefined && { Policy: sessionPolicy }),
      DurationSeconds: ROLE_SECONDS,
    })
    const answer = await callAws(ASKED, call, sliceMs, (options) => client.send(command, options), 'silent')
    const { Credentials: given, AssumedRoleUser } = answer
    if (AssumedRoleUser?.Arn !== undefined && !isSessionOf(AssumedRoleUser.Arn, roleArn, sessionName)) {
      throw otherAnswer('sts', AssumedRoleUser.Arn, `${roleArn}, session ${sessionName}`)
    }
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration) {
      throw upstreamError('sts', 'malformed')
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
      expiration: given.Expiration,
    }
  }
}

/** Whose credentials the process has; needs no permission. */
export type CallerIdentity = (call: Call) => Promise<{ accountId: string; arn: string }>

/** For operators: the service never asks who it is. */
export function createCallerIdentity(client: STSClient): CallerIdentity {
  return async (call) => {
    const command = new GetCallerIdentityCommand({})
    const { Account, Arn } = await callAws('sts', call, undefined, (options) => client.send(command, options))
    if (Account === undefined || Arn === undefined) throw upstreamError('sts', 'malformed')
    return { accountId: Account, arn: Arn }
  }
}

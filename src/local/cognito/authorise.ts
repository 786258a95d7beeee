import { allows, type Principal } from '../aws/identity.js'
import type { WireRequest } from '../aws/wire.js'
import type { Pools, UserPool } from './pools.js'
import { type Fields, Refusal, readText } from './wire.js'

function accessDenied(principal: Principal, action: string, arn: string): Refusal {
  const { sessionPolicy, ...withoutSession } = principal
  const kind = sessionPolicy && allows(withoutSession, action, arn) ? 'session' : 'identity-based'
  const message = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${arn}`
  return new Refusal('AccessDeniedException', `${message} because no ${kind} policy allows the ${action} action`)
}

/**
 * The pool that an admin call is about. Cognito looks for it in the signer's own account and in the region signed for,
 * so that somebody else's pool does not exist there, whatever the signer's policies say.
 */
export function authorise(
  pools: Pools,
  { principal, region }: WireRequest,
  operation: string,
  fields: Fields,
): UserPool {
  const userPoolId = readText(fields, 'UserPoolId')
  if (!principal || !region) throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const arn = `arn:aws:cognito-idp:${region}:${principal.accountId}:userpool/${userPoolId}`
  const action = `cognito-idp:${operation}`
  if (!allows(principal, action, arn)) throw accessDenied(principal, action, arn)
  const pool = pools.pool(userPoolId)
  if (pool?.region === region && pool.accountId === principal.accountId) return pool
  throw new Refusal('ResourceNotFoundException', `User pool ${userPoolId} does not exist.`)
}

/** An admin variant of the flow only knows the clients of the pool that it names. */
export function assertClientOf(pool: UserPool, fields: Fields): Fields {
  const clientId = readText(fields, 'ClientId')
  if (pool.clients.some((client) => client.clientId === clientId)) return fields
  throw new Refusal('ResourceNotFoundException', `User pool client ${clientId} does not exist.`)
}

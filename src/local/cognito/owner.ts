import type { Clock } from '../../call.js'
import { updatePool } from './pool-update.js'
import type { AppClient, Pools, UserPool } from './pools.js'
import { describeMfa, describePool } from './settings.js'
import { type Fields, invalidMember, invalidParameter, Refusal, readText } from './wire.js'

const PAGE_MAX = 60

function describeClient({ userPoolId }: UserPool, client: AppClient) {
  const { clientId, clientName = clientId, clientSecret, allowCustomAuth, preventUserExistenceErrors } = client
  return {
    UserPoolId: userPoolId,
    ClientId: clientId,
    ClientName: clientName,
    ...(clientSecret === undefined ? {} : { ClientSecret: clientSecret }),
    ExplicitAuthFlows: [allowCustomAuth ? 'ALLOW_CUSTOM_AUTH' : 'ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
    PreventUserExistenceErrors: preventUserExistenceErrors ? 'ENABLED' : 'LEGACY',
    EnableTokenRevocation: true,
    AllowedOAuthFlowsUserPoolClient: false,
    RefreshTokenValidity: 30,
    AuthSessionValidity: 3,
    ...client.settings,
  }
}

function readOffset(token: unknown): number {
  if (token === undefined || token === null) return 0
  const offset = Number(Buffer.from(String(token), 'base64url').toString() || Number.NaN)
  if (Number.isInteger(offset)) return offset
  throw invalidParameter('Invalid pagination token.')
}

/**
 * The calls on a pool and its app clients that its owner makes. `concurrentUpdates` counts the updates of each pool that
 * are still to come upon another one.
 */
export function createOwner(pools: Pools, clock: Clock, concurrentUpdates: Map<string, number>) {
  return {
    describeUserPool: (pool: UserPool) => ({ UserPool: describePool(pool, pools.users(pool.userPoolId).length) }),

    updateUserPool(pool: UserPool, fields: Fields) {
      const updated = updatePool(pool, fields, clock.now())
      const owed = concurrentUpdates.get(pool.userPoolId) ?? 0
      if (owed > 0) {
        concurrentUpdates.set(pool.userPoolId, owed - 1)
        throw new Refusal('ConcurrentModificationException', 'Another modification of the user pool is in progress.')
      }
      pools.putPool(updated)
      return {}
    },

    describeUserPoolClient(pool: UserPool, fields: Fields) {
      const clientId = readText(fields, 'ClientId')
      const client = pool.clients.find((one) => one.clientId === clientId)
      if (client) return { UserPoolClient: describeClient(pool, client) }
      throw new Refusal('ResourceNotFoundException', `User pool client ${clientId} does not exist.`)
    },

    listUserPoolClients({ userPoolId, clients }: UserPool, { MaxResults = PAGE_MAX, NextToken }: Fields) {
      const limit = Number(MaxResults)
      if (!(limit >= 1 && limit <= PAGE_MAX)) throw invalidMember('maxResults', 'Member must be between 1 and 60')
      const offset = readOffset(NextToken)
      const end = offset + limit
      const page = clients.slice(offset, end).map(({ clientId, clientName = clientId }) => ({
        UserPoolId: userPoolId,
        ClientId: clientId,
        ClientName: clientName,
      }))
      const next = end < clients.length ? { NextToken: Buffer.from(String(end)).toString('base64url') } : {}
      return { UserPoolClients: page, ...next }
    },

    getUserPoolMfaConfig: (pool: UserPool) => describeMfa(pool),
  }
}

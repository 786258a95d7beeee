import { randomUUID } from 'node:crypto'
import type {
  GetUserPoolMfaConfigResponse,
  LambdaConfigType,
  UpdateUserPoolRequest,
  UserPoolClientType,
  UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider'
import type { Clock } from '../../../call.js'
import { isUsername } from '../../../ids.js'
import { invalidMember, Refusal } from './wire.js'

/** Keys of a pool's LambdaConfig that the stand-in fires. */
export type TriggerName =
  | 'PreSignUp'
  | 'PostConfirmation'
  | 'PreAuthentication'
  | 'DefineAuthChallenge'
  | 'CreateAuthChallenge'
  | 'VerifyAuthChallengeResponse'
  | 'PostAuthentication'
  | 'PreTokenGeneration'

export interface AppClient {
  readonly clientId: string
  /** PreventUserExistenceErrors=ENABLED: an unknown user gets a flow that looks real. */
  readonly preventUserExistenceErrors: boolean
  readonly allowCustomAuth: boolean
  readonly clientSecret?: string
  readonly clientName?: string
  /** What else DescribeUserPoolClient tells; logins do not depend on it. */
  readonly settings?: UserPoolClientType
}

/** What UpdateUserPool sets other than the triggers and the name; in the SDK's own types. */
export type PoolSettings = Omit<UpdateUserPoolRequest, 'UserPoolId' | 'PoolName' | 'LambdaConfig'>

/** What DescribeUserPool tells and UpdateUserPool does not take. */
export type FixedSettings = Pick<
  UserPoolType,
  | 'SchemaAttributes'
  | 'UsernameAttributes'
  | 'UsernameConfiguration'
  | 'Domain'
  | 'CustomDomain'
  | 'Status'
  | 'SmsConfigurationFailure'
  | 'EmailConfigurationFailure'
>

/** What SetUserPoolMfaConfig sets and UpdateUserPool does not touch. */
export type MfaSettings = Omit<GetUserPoolMfaConfigResponse, 'MfaConfiguration' | 'SmsMfaConfiguration'>

export interface UserPool {
  readonly userPoolId: string
  readonly accountId: string
  readonly region: string
  readonly lambdaConfig: Readonly<LambdaConfigType>
  readonly clients: readonly AppClient[]
  readonly aliasAttributes: readonly ('email' | 'phone_number' | 'preferred_username')[]
  /** The pool's id by default. */
  readonly name?: string
  /** What UpdateUserPool can change; AWS's defaults for what is left out. */
  readonly settings?: PoolSettings
  /** What it cannot. */
  readonly fixed?: FixedSettings
  readonly mfa?: MfaSettings
  /** Milliseconds since the epoch, as is modifiedAt; the time of the first putPool by default. */
  readonly createdAt?: number
  readonly modifiedAt?: number
}

export type MfaFactor = 'SMS_MFA' | 'SOFTWARE_TOKEN_MFA' | 'EMAIL_OTP'

export interface User {
  readonly username: string
  readonly attributes: Readonly<Record<string, string>>
  readonly status: string
  readonly enabled: boolean
  readonly mfa: readonly MfaFactor[]
  readonly preferredMfa?: MfaFactor | undefined
  /** SMS as a factor that `mfa` does not have (fact A40). */
  readonly mfaOptions?: readonly { DeliveryMedium: 'SMS'; AttributeName: 'phone_number' }[]
  /** Has verified an authenticator app. */
  readonly totp?: boolean
  /** What the app makes its codes of, in base32; without one no code is right. */
  readonly totpSecret?: string
  /** Without one, no password login of this user can pass. */
  readonly password?: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** A user as a test writes it: by default CONFIRMED, enabled, without MFA and with a `sub` of its own. */
export type NewUser = Pick<User, 'username'> & Partial<User>

export const poolArn = ({ region, accountId, userPoolId }: Pick<UserPool, 'region' | 'accountId' | 'userPoolId'>) =>
  `arn:aws:cognito-idp:${region}:${accountId}:userpool/${userPoolId}`

export interface Pools {
  putPool(pool: UserPool): void
  putUser(userPoolId: string, user: NewUser): void
  pool(userPoolId: string): UserPool | undefined
  /** By the exact user name. */
  user(userPoolId: string, username: string): User | undefined
  users(userPoolId: string): readonly User[]
  /** By user name, `sub`, an alias of the pool or what its users sign in by. */
  find(pool: UserPool, name: string): User | undefined
  /** As `find`; by an alias also who has not confirmed it yet, whom the sign-up's own calls are about. */
  findSignedUp(pool: UserPool, name: string): User | undefined
  /** @throws ResourceNotFoundException */
  client(clientId: string): { readonly pool: UserPool; readonly client: AppClient }
}

const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase()

/**
 * An e-mail or phone alias counts only once it is verified, what users sign in by always does; names are compared as new
 * pools do, ignoring case.
 */
function answersTo(user: User, name: string, { aliasAttributes, fixed }: UserPool): boolean {
  const { username, attributes } = user
  if (same(username, name) || attributes.sub === name) return true
  if (fixed?.UsernameAttributes?.some((attribute) => same(attributes[attribute], name))) return true
  return aliasAttributes.some((alias) => {
    const usable = alias === 'preferred_username' || attributes[`${alias}_verified`] === 'true'
    return usable && same(attributes[alias], name)
  })
}

function isUnconfirmed({ attributes, status }: User, name: string, { aliasAttributes }: UserPool): boolean {
  return status === 'UNCONFIRMED' && aliasAttributes.some((alias) => same(attributes[alias], name))
}

const noClient = (clientId: string) =>
  new Refusal('ResourceNotFoundException', `User pool client ${clientId} does not exist.`)

/** A client of this pool. @throws ResourceNotFoundException */
export function clientOf({ clients }: UserPool, clientId: string): AppClient {
  const client = clients.find((one) => one.clientId === clientId)
  if (client) return client
  throw noClient(clientId)
}

/** Holds the user pools and their users. */
export function createPools(clock: Clock): Pools {
  const pools = new Map<string, UserPool>()
  const users = new Map<string, Map<string, User>>()
  const usersOf = (userPoolId: string) => [...(users.get(userPoolId)?.values() ?? [])]

  function find(pool: UserPool, name: string): User | undefined {
    // The model's own check of a user name comes before any look-up.
    if (!isUsername(name)) throw invalidMember('username', 'Member must satisfy regular expression pattern')
    return usersOf(pool.userPoolId).find((user) => answersTo(user, name, pool))
  }

  return {
    putPool(pool) {
      pools.set(pool.userPoolId, { createdAt: clock.now(), ...pool })
      if (!users.has(pool.userPoolId)) users.set(pool.userPoolId, new Map())
    },
    putUser(userPoolId, { attributes = {}, ...user }) {
      const own = users.get(userPoolId)
      if (!own) throw new Error(`There is no pool ${userPoolId}.`)
      const defaults = { status: 'CONFIRMED', enabled: true, mfa: [], createdAt: clock.now() }
      own.set(user.username, { ...defaults, ...user, attributes: { sub: randomUUID(), ...attributes } })
    },
    pool: (userPoolId) => pools.get(userPoolId),
    user: (userPoolId, username) => users.get(userPoolId)?.get(username),
    users: usersOf,
    find,
    // Of two who claim one address, the newer one.
    findSignedUp: (pool, name) =>
      find(pool, name) ?? usersOf(pool.userPoolId).findLast((user) => isUnconfirmed(user, name, pool)),
    client(clientId) {
      for (const pool of pools.values()) {
        const client = pool.clients.find((one) => one.clientId === clientId)
        if (client) return { pool, client }
      }
      throw noClient(clientId)
    },
  }
}

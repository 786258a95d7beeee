import { createHmac } from 'node:crypto'
import type { Fields } from '../../../fields.js'
import type { AppClient, Pools, User, UserPool } from '../pool/pools.js'
import type { ChallengeResult } from '../pool/triggers.js'
import { invalidParameter, notAuthorized, Refusal, readParameter, readText, readTextMap } from '../pool/wire.js'
import { parseClientKey } from './srp.js'

/** One login, from InitiateAuth to its end. */
export interface Login {
  /** What decides after each challenge: the pool's define trigger, or Cognito itself once the password was shown. */
  readonly flow: 'custom' | 'password'
  readonly pool: UserPool
  readonly client: AppClient
  /** undefined: there is no such user, and the client must not notice. */
  readonly user: User | undefined
  /** Canonical; as typed if there is no such user. */
  readonly userName: string
  readonly results: readonly ChallengeResult[]
  /** SRP_A, if the client started with it. */
  readonly clientKey: bigint | undefined
  /** What the client sent along with its latest answer; what it sends with InitiateAuth never gets here. */
  readonly clientMetadata?: Readonly<Record<string, string>> | undefined
}

/** What Cognito says of every login that failed, for any cause. */
export const loginFailed = () => notAuthorized('Incorrect username or password.')

/** What every trigger of a login is told. */
export function triggerRequest({
  user,
  client,
  clientMetadata,
}: Pick<Login, 'user' | 'client' | 'clientMetadata'>): Fields {
  return {
    userAttributes: user ? { ...user.attributes, 'cognito:user_status': user.status } : {},
    // Absent, not false, if the client does not prevent user-existence errors (fact A16).
    ...(client.preventUserExistenceErrors ? { userNotFound: user === undefined } : {}),
    ...(clientMetadata === undefined ? {} : { clientMetadata }),
  }
}

/** A disabled user is refused at every step, before any trigger. */
export function assertEnabled(user: User | undefined): void {
  if (user?.enabled === false) throw notAuthorized('User is disabled.')
}

/**
 * Checks a call's SECRET_HASH: base64 HMAC-SHA256 of user name and client id under the client's secret.
 * @throws NotAuthorizedException if it is missing, wrong or not wanted
 */
export function checkSecretHash({ clientId, clientSecret }: AppClient, username: string, hash: string | undefined) {
  if (clientSecret === undefined) {
    if (hash === undefined) return
    throw notAuthorized(`Client ${clientId} is not configured for secret but secret hash was received`)
  }
  if (hash === undefined) {
    throw notAuthorized(`Client ${clientId} is configured with secret but SECRET_HASH was not received`)
  }
  const expected = createHmac('sha256', clientSecret).update(`${username}${clientId}`).digest('base64')
  if (hash !== expected) throw notAuthorized(`SecretHash does not match for the client: ${clientId}`)
}

/** The user who signs in by this name. If the client hides that there is none, the login goes on without. */
function findUser(
  pools: Pools,
  pool: UserPool,
  { preventUserExistenceErrors }: AppClient,
  typed: string,
): Pick<Login, 'user' | 'userName'> {
  const user = pools.find(pool, typed)
  if (!user && !preventUserExistenceErrors) throw new Refusal('UserNotFoundException', 'User does not exist.')
  assertEnabled(user)
  return { user, userName: user?.username ?? typed }
}

/** Reads SRP_A, if the client starts with it; true before a password was shown (fact A15). */
function readStart(parameters: Record<string, string>): Pick<Login, 'clientKey' | 'results'> {
  if (parameters.CHALLENGE_NAME !== 'SRP_A') return { clientKey: undefined, results: [] }
  const clientKey = parseClientKey(readParameter(parameters, 'SRP_A'))
  if (clientKey === undefined) throw invalidParameter('Invalid SRP_A')
  return { clientKey, results: [{ challengeName: 'SRP_A', challengeResult: true, challengeMetadata: null }] }
}

/**
 * The user name in AuthParameters or ChallengeResponses, with the secret hash of a client that has a secret.
 * @throws InvalidParameterException if there is no name, NotAuthorizedException if the hash is wrong
 */
export function readUsername(client: AppClient, parameters: Record<string, string>): string {
  const typed = readParameter(parameters, 'USERNAME')
  checkSecretHash(client, typed, parameters.SECRET_HASH)
  return typed
}

/** Checks an InitiateAuth call and finds its user. */
export function startLogin(pools: Pools, fields: Fields): Login {
  const { pool, client } = pools.client(readText(fields, 'ClientId'))
  const authFlow = readText(fields, 'AuthFlow')
  if (authFlow !== 'CUSTOM_AUTH' || !client.allowCustomAuth) {
    throw invalidParameter(`${authFlow} flow not enabled for this client`)
  }
  const parameters = readTextMap(fields, 'AuthParameters')
  const typed = readUsername(client, parameters)
  const start = readStart(parameters)
  const { DefineAuthChallenge, CreateAuthChallenge, VerifyAuthChallengeResponse } = pool.lambdaConfig
  if (!DefineAuthChallenge || !CreateAuthChallenge || !VerifyAuthChallengeResponse) {
    throw invalidParameter('Custom auth lambda trigger is not configured for the user pool.')
  }
  return { flow: 'custom', pool, client, ...findUser(pools, pool, client, typed), ...start }
}

/** May a client sign in by SRP alone? One without settings is the kind that it was made as. */
function allowsSrp({ settings, allowCustomAuth }: AppClient): boolean {
  return settings?.ExplicitAuthFlows?.includes('ALLOW_USER_SRP_AUTH') ?? !allowCustomAuth
}

/** Checks an InitiateAuth call of USER_SRP_AUTH and finds its user; the triggers of custom auth are not asked. */
export function startSrpLogin(pools: Pools, fields: Fields): Login {
  const { pool, client } = pools.client(readText(fields, 'ClientId'))
  if (!allowsSrp(client)) throw invalidParameter('USER_SRP_AUTH is not enabled for the client.')
  const parameters = readTextMap(fields, 'AuthParameters')
  const typed = readUsername(client, parameters)
  const start = readStart({ ...parameters, CHALLENGE_NAME: 'SRP_A' })
  return { flow: 'password', pool, client, ...findUser(pools, pool, client, typed), ...start }
}

/** Checks an InitiateAuth call of USER_PASSWORD_AUTH and finds its user; the triggers of custom auth are not asked. */
export function startPasswordLogin(pools: Pools, fields: Fields): Login {
  const { pool, client } = pools.client(readText(fields, 'ClientId'))
  if (!client.settings?.ExplicitAuthFlows?.includes('ALLOW_USER_PASSWORD_AUTH')) {
    throw invalidParameter('USER_PASSWORD_AUTH flow not enabled for this client')
  }
  const parameters = readTextMap(fields, 'AuthParameters')
  const typed = readUsername(client, parameters)
  const user = findUser(pools, pool, client, typed)
  return { flow: 'password', pool, client, ...user, results: [], clientKey: undefined }
}

/** Checks the password of a login by password alone. */
export function assertPassword(login: Login, fields: Fields): Login {
  const { user } = login
  const password = readParameter(readTextMap(fields, 'AuthParameters'), 'PASSWORD')
  if (user?.password === undefined || user.password !== password) throw loginFailed()
  return login
}

import type { Clock } from '../../call.js'
import { type Fields, fieldsOf, isFields, textAt } from '../../fields.js'
import { allows, deniedText, type Identity, type Principal } from '../aws/identity.js'
import { awsJsonAnswer, awsJsonError, awsJsonOperation, parseJson } from '../aws/json.js'
import { type MakeKeyPair, makeKeyPair } from '../aws/key-pairs.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from '../aws/server.js'
import { createForgotten } from './account/forgotten.js'
import { createSignUp } from './account/sign-up.js'
import { createAdmin } from './admin.js'
import { createFlow } from './login/flow.js'
import { createIssuer } from './login/tokens.js'
import { totpCode } from './login/totp.js'
import { createOwner } from './owner.js'
import { createCodes } from './pool/codes.js'
import { createOutbox, type Outbox } from './pool/outbox.js'
import { clientOf, createPools, type NewUser, type Pools, poolArn, type User, type UserPool } from './pool/pools.js'
import { createTriggers, type Invoke, type TriggerCall } from './pool/triggers.js'
import { cognitoFault, Refusal, readText } from './pool/wire.js'
import { createSelf } from './self.js'

export type { SentMessage } from './pool/outbox.js'
export type { AppClient, MfaFactor, NewUser, TriggerName, User, UserPool } from './pool/pools.js'
export type { TriggerCall } from './pool/triggers.js'

/** How long Cognito waits for a trigger (fact A1). */
const TRIGGER_TIMEOUT_MS = 5_000

interface CognitoOptions {
  readonly clock: Clock
  readonly identity: Identity
  readonly port?: number
  /** The Lambda stand-in's `invokeAsCognito`. */
  readonly invoke: Invoke
  readonly triggerTimeoutMs?: number
  /** Where the key pair that signs tokens comes from. */
  readonly makeKeyPair?: MakeKeyPair | undefined
}

export interface Cognito extends StandIn {
  putPool(pool: UserPool): void
  putUser(userPoolId: string, user: NewUser): void
  user(userPoolId: string, username: string): User | undefined
  /** That many pages of ListUsers come empty from now on, each with a token for more. */
  setEmptyPages(userPoolId: string, count: number): void
  /** That many updates of the pool are refused from now on, as if another one were in progress. */
  setConcurrentUpdates(userPoolId: string, count: number): void
  /** From now on another key signs tokens. */
  rotateKeys(): void
  /** Every delivery of a trigger event, repeats included. */
  readonly triggerCalls: TriggerCall[]
  /** The mails and texts that users were sent. */
  readonly outbox: Pick<Outbox, 'messages' | 'onMessage'>
  /** The code that the user's authenticator app shows now; undefined if there is none. */
  authenticatorCode(userPoolId: string, username: string): string | undefined
}

function readFields(body: Buffer): Fields {
  const fields = parseJson(body)
  if (isFields(fields)) return fields
  throw new Refusal('SerializationException', 'The request body is not a JSON object.')
}

/** Is it the public keys that are asked for, at `/<userPoolId>/.well-known/jwks.json`? */
function isKeySet({ method, path }: WireRequest): boolean {
  return method === 'GET' && /^\/[\w-]+\/\.well-known\/jwks\.json$/.test(path)
}

/** Does this InitiateAuth ask for new tokens of an earlier login? */
function isRefresh({ AuthFlow }: Fields): boolean {
  return AuthFlow === 'REFRESH_TOKEN_AUTH' || AuthFlow === 'REFRESH_TOKEN'
}

function accessDenied(principal: Principal, action: string, arn: string): Refusal {
  const { sessionPolicy, ...withoutSession } = principal
  const kind = sessionPolicy && allows(withoutSession, action, arn) ? 'session' : 'identity-based'
  return new Refusal('AccessDeniedException', deniedText(principal.arn, action, arn, kind))
}

/**
 * The pool that an admin call is about. Cognito looks for it in the signer's own account and in the region signed for,
 * so that another account's pool does not exist there, even if the signer's policies allow the call.
 */
function authorise(pools: Pools, { principal, region }: WireRequest, operation: string, fields: Fields): UserPool {
  const userPoolId = readText(fields, 'UserPoolId')
  if (!principal || !region) throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const arn = poolArn({ region, accountId: principal.accountId, userPoolId })
  const action = `cognito-idp:${operation}`
  if (!allows(principal, action, arn)) throw accessDenied(principal, action, arn)
  const pool = pools.pool(userPoolId)
  if (pool?.region === region && pool.accountId === principal.accountId) return pool
  throw new Refusal('ResourceNotFoundException', `User pool ${userPoolId} does not exist.`)
}

/** What an update sends may ask for further rights (fact A45); SES's role is taken to be there. */
function authoriseUpdate({ principal }: WireRequest, pool: UserPool, fields: Fields): void {
  if (!principal) return
  const tags = Object.keys(fieldsOf(fields.UserPoolTags)).length > 0
  const key = textAt(fields.LambdaConfig, 'KMSKeyID')
  for (const [action, arn] of [
    ['iam:PassRole', textAt(fields.SmsConfiguration, 'SnsCallerArn')],
    ['cognito-idp:TagResource', tags ? poolArn(pool) : undefined],
    // What is no ARN is refused as such.
    ['kms:CreateGrant', key?.startsWith('arn:') ? key : undefined],
  ] as const) {
    if (arn !== undefined && !allows(principal, action, arn)) throw accessDenied(principal, action, arn)
  }
}

/** An admin variant of the flow only knows the clients of the pool that it names. */
function ofPool(pool: UserPool, fields: Fields): Fields {
  clientOf(pool, readText(fields, 'ClientId'))
  return fields
}

/**
 * Starts the part of Cognito that passkey logins need, and those beside them: the custom auth flow, passwords and second
 * factors, accounts of one's own making, tokens, and the admin calls on users.
 */
export async function startCognito(options: CognitoOptions): Promise<Cognito> {
  const { clock, identity, port = 0, invoke, triggerTimeoutMs = TRIGGER_TIMEOUT_MS } = options
  const triggerCalls: TriggerCall[] = []
  const emptyPages = new Map<string, number>()
  const concurrentUpdates = new Map<string, number>()
  const pools = createPools(clock)
  const fire = createTriggers(invoke, triggerTimeoutMs, triggerCalls, clock)
  const issuer = createIssuer(fire, clock, options.makeKeyPair ?? makeKeyPair)
  const [outbox, codes] = [createOutbox(clock), createCodes(clock)]
  const flow = createFlow(pools, fire, issuer, outbox, clock)
  const signUp = createSignUp({ pools, fire, codes, outbox, clock })
  const forgotten = createForgotten({ pools, fire, codes, outbox, clock })
  const self = createSelf(pools, issuer, clock)
  const admin = createAdmin(pools, clock, emptyPages)
  const owner = createOwner(pools, clock, concurrentUpdates)

  const publicCalls = new Map<string, (fields: Fields) => object | Promise<object>>(
    Object.entries({
      InitiateAuth: (fields: Fields) => (isRefresh(fields) ? self.refreshAuth(fields) : flow.initiate(fields)),
      RespondToAuthChallenge: flow.respond,
      SignUp: signUp.signUp,
      ConfirmSignUp: signUp.confirmSignUp,
      ResendConfirmationCode: signUp.resendConfirmationCode,
      ForgotPassword: forgotten.forgotPassword,
      ConfirmForgotPassword: forgotten.confirmForgotPassword,
      GetUser: self.getUser,
      AssociateSoftwareToken: self.associateSoftwareToken,
      VerifySoftwareToken: self.verifySoftwareToken,
      SetUserMFAPreference: self.setUserMfaPreference,
      GetTokensFromRefreshToken: self.getTokensFromRefreshToken,
      RevokeToken: self.revokeToken,
      GlobalSignOut: self.globalSignOut,
    }),
  )
  const adminCalls = new Map<string, (pool: UserPool, fields: Fields) => object | Promise<object>>(
    Object.entries({
      AdminGetUser: admin.getUser,
      ListUsers: admin.listUsers,
      AdminSetUserMFAPreference: admin.setUserMfaPreference,
      AdminListGroupsForUser: admin.listGroups,
      DescribeUserPool: owner.describeUserPool,
      UpdateUserPool: owner.updateUserPool,
      DescribeUserPoolClient: owner.describeUserPoolClient,
      UpdateUserPoolClient: owner.updateUserPoolClient,
      ListUserPoolClients: owner.listUserPoolClients,
      GetUserPoolMfaConfig: owner.getUserPoolMfaConfig,
      AdminInitiateAuth: (pool: UserPool, fields: Fields) => flow.initiate(ofPool(pool, fields)),
      AdminRespondToAuthChallenge: (pool: UserPool, fields: Fields) => flow.respond(ofPool(pool, fields)),
    }),
  )

  async function dispatch(request: WireRequest, operation: string): Promise<object> {
    const fields = readFields(request.body)
    const publicCall = publicCalls.get(operation)
    if (publicCall) return publicCall(fields)
    const adminCall = adminCalls.get(operation)
    if (adminCall) {
      const pool = authorise(pools, request, operation, fields)
      if (operation === 'UpdateUserPool') authoriseUpdate(request, pool, fields)
      return adminCall(pool, fields)
    }
    throw new Refusal('UnknownOperationException', `${operation} is not part of the stand-in.`)
  }

  async function handle(request: WireRequest, operation: string): Promise<WireAnswer> {
    try {
      if (operation === 'jwks.json') return { status: 200, body: await issuer.keySet() }
      return awsJsonAnswer(await dispatch(request, operation))
    } catch (error) {
      if (error instanceof Refusal) return awsJsonError(error.name, error.message)
      throw error
    }
  }

  const standIn = await startStandIn({
    name: 'cognito-idp',
    port,
    clock,
    identity,
    operationOf: (request) => (isKeySet(request) ? 'jwks.json' : awsJsonOperation(request)),
    unsigned: [...publicCalls.keys(), 'jwks.json'],
    faultAnswer: cognitoFault,
    handle,
  })
  return {
    ...standIn,
    putPool: pools.putPool,
    putUser: pools.putUser,
    user: pools.user,
    setEmptyPages: (userPoolId, count) => void emptyPages.set(userPoolId, count),
    setConcurrentUpdates: (userPoolId, count) => void concurrentUpdates.set(userPoolId, count),
    rotateKeys: issuer.rotateKeys,
    triggerCalls,
    outbox,
    authenticatorCode(userPoolId, username) {
      const { totpSecret } = pools.user(userPoolId, username) ?? {}
      return totpSecret === undefined ? undefined : totpCode(totpSecret, clock.now())
    },
  }
}

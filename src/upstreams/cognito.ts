import { createHmac } from 'node:crypto'
import {
  AdminGetUserCommand,
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  AdminSetUserMFAPreferenceCommand,
  type CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  ListUsersCommand,
  type UserPoolClientType,
} from '@aws-sdk/client-cognito-identity-provider'
import { decodeJwt } from 'jose'
import type { Call } from '../call.js'
import { otherAnswer, upstreamError } from '../errors.js'
import type { UserPoolId } from '../ids.js'
import { type Asked, callAws } from './aws-call.js'

/** What the actions need to know of a user. */
export interface User {
  readonly username: string
  readonly status: string
  readonly enabled: boolean
  /** Attributes by name; only what Cognito sent. */
  readonly attributes: Readonly<Record<string, string>>
  /** MFA factors that are set up; always empty in a list. */
  readonly mfaFactors: readonly string[]
}

/** One page of users; more follow while there is a token. */
export interface UserPage {
  readonly users: readonly User[]
  readonly nextToken: string | undefined
}

/** The factors of AdminSetUserMFAPreference that a tenant can choose. */
export type MfaFactor = 'sms' | 'email' | 'software-token'

/** How users may sign in through an app client. */
export interface AppClient {
  /** `ExplicitAuthFlows`, under Cognito's own names. */
  readonly flows: readonly string[]
  /** Managed login or OAuth may sign users in too. */
  readonly hosted: boolean
}

/** An app client, and its secret if it has one. */
export interface LoginClient {
  readonly clientId: string
  readonly clientSecret?: string | undefined
}

/** What a step of a login came to: Cognito asks for something, or it has issued tokens (its own names, as they came). */
export type LoginStep =
  | { readonly kind: 'challenge'; readonly name: string; readonly username: string; readonly session: string }
  | {
      readonly kind: 'tokens'
      readonly tokens: Readonly<Record<string, unknown>>
      /** Whose they are, as the access token says. */
      readonly username: string | undefined
    }

/**
 * The admin calls on one user pool, made with one set of credentials. Each throws GW_ERR_UPSTREAM_… if Cognito refused or
 * failed.
 */
export interface UserPool {
  /**
   * The user with this name, alias or sub. @throws the error whose `facts.errorType` is `UserNotFoundException` if there is
   * none
   */
  fetchUser(username: string, call: Call): Promise<User>
  /** One page of ListUsers. */
  fetchUsers(filter: string, nextToken: string | undefined, call: Call): Promise<UserPage>
  /** Enables one factor and prefers it. */
  preferMfa(username: string, factor: MfaFactor, call: Call): Promise<void>
  fetchAppClient(clientId: string, call: Call): Promise<AppClient>
  /** Begins a login by custom authentication: Cognito runs the pool's Define and Create. */
  startLogin(client: LoginClient, username: string, call: Call): Promise<LoginStep>
  /** Answers a custom challenge: Cognito runs the pool's Verify and Define. Sent once, since an answer may be single-use. */
  answerLogin(
    client: LoginClient,
    step: Pick<LoginStep & { kind: 'challenge' }, 'username' | 'session'>,
    answer: string,
    call: Call,
  ): Promise<LoginStep>
}

/**
 * Reads an answer whose parts the SDK does not check: a number in place of a list makes it unreadable, which is a fault of
 * the call like any other.
 */
function readAnswer<T>({ upstream, operation }: Asked, call: Call, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const fault = upstreamError(upstream, 'malformed', { operation }, error)
    call.observe(upstream, 0, fault.facts)
    throw fault
  }
}

function nameOf({ Username }: { readonly Username?: string | undefined }): string {
  if (typeof Username !== 'string' || Username === '') throw new TypeError('a user without a name')
  return Username
}

type Attributes = readonly { Name?: string | undefined; Value?: string | undefined }[]

function toAttributes(attributes: Attributes = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ Name = '', Value = '' }) => [Name, Value]))
}

/** Factors that need not be in UserMFASettingList (fact A40). */
function olderFactors(options: readonly { DeliveryMedium?: string | undefined }[] = []): string[] {
  return options.map(({ DeliveryMedium = 'UNKNOWN' }) => `${DeliveryMedium}_MFA`)
}

const factorSettings = {
  sms: 'SMSMfaSettings',
  email: 'EmailMfaSettings',
  'software-token': 'SoftwareTokenMfaSettings',
} as const

function toAppClient(described: UserPoolClientType | undefined, asked: string): AppClient {
  if (!described) throw upstreamError('cognito', 'malformed')
  if (described.ClientId !== asked) throw otherAnswer('cognito', 'another app client', 'this one')
  return appClientOf(described)
}

/**
 * How users may sign in through an app client, as Cognito describes it; the service and the doctor read it alike. Without a list
 * of flows it has none, and so does not count as ours alone.
 */
export function appClientOf({
  ExplicitAuthFlows,
  AllowedOAuthFlowsUserPoolClient,
  AllowedOAuthFlows,
}: Omit<UserPoolClientType, 'ClientSecret'>): AppClient {
  const flows = (ExplicitAuthFlows ?? []).map(String)
  return { flows, hosted: AllowedOAuthFlowsUserPoolClient === true || (AllowedOAuthFlows ?? []).length > 0 }
}

/** Proof of a client's secret: base64 HMAC-SHA256 of user name and client id under it (fact A52). */
function secretHashOf({ clientId, clientSecret }: LoginClient, username: string): { SECRET_HASH?: string } {
  if (clientSecret === undefined) return {}
  return { SECRET_HASH: createHmac('sha256', clientSecret).update(`${username}${clientId}`).digest('base64') }
}

/** The part of an answer of either call of a login that says how it goes on. */
interface LoginAnswer {
  readonly ChallengeName?: string | undefined
  readonly Session?: string | undefined
  readonly ChallengeParameters?: Record<string, string> | undefined
  readonly AuthenticationResult?: object | undefined
}

/** The user of an access token. It comes from Cognito itself, so its signature is not checked. */
function usernameIn(accessToken: string): string | undefined {
  try {
    const { username } = decodeJwt(accessToken)
    return typeof username === 'string' ? username : undefined
  } catch {
    throw upstreamError('cognito', 'malformed')
  }
}

function readLoginStep(
  { ChallengeName, Session, ChallengeParameters, AuthenticationResult }: LoginAnswer,
  asked: string,
): LoginStep {
  if (AuthenticationResult !== undefined && AuthenticationResult !== null) {
    const tokens = { ...AuthenticationResult } as Record<string, unknown>
    if (typeof tokens.AccessToken !== 'string') throw upstreamError('cognito', 'malformed')
    return { kind: 'tokens', tokens, username: usernameIn(tokens.AccessToken) }
  }
  if (typeof ChallengeName !== 'string' || typeof Session !== 'string') throw upstreamError('cognito', 'malformed')
  // For a user with aliases it is Cognito's own name.
  const { USERNAME: username = asked } = ChallengeParameters ?? {}
  return { kind: 'challenge', name: ChallengeName, session: Session, username }
}

/** Users in a page: two are enough to see that a value is ambiguous; a few more save a page. */
const PAGE_SIZE = 10

/** Makes the calls on a pool with the client's credentials. */
export function createUserPool(client: CognitoIdentityProviderClient, UserPoolId: UserPoolId): UserPool {
  return {
    async fetchUser(Username, call) {
      const command = new AdminGetUserCommand({ UserPoolId, Username })
      const asked = { upstream: 'cognito', operation: 'AdminGetUser' } as const
      const user = await callAws(asked, call, undefined, (options) => client.send(command, options), 'silent')
      return readAnswer(asked, call, () => ({
        username: nameOf(user),
        status: user.UserStatus ?? 'UNKNOWN',
        enabled: user.Enabled === true,
        attributes: toAttributes(user.UserAttributes),
        mfaFactors: [...(user.UserMFASettingList ?? []), ...olderFactors(user.MFAOptions)],
      }))
    },
    async fetchUsers(Filter, nextToken, call) {
      const command = new ListUsersCommand({
        UserPoolId,
        Filter,
        Limit: PAGE_SIZE,
        ...(nextToken !== undefined && { PaginationToken: nextToken }),
      })
      const asked = { upstream: 'cognito', operation: 'ListUsers' } as const
      const page = await callAws(asked, call, undefined, (options) => client.send(command, options), 'silent')
      const users = readAnswer(asked, call, () => {
        if (!page.Users) throw new TypeError('no list of users')
        return page.Users.map((user) => ({
          username: nameOf(user),
          status: user.UserStatus ?? 'UNKNOWN',
          enabled: user.Enabled === true,
          attributes: toAttributes(user.Attributes),
          mfaFactors: [],
        }))
      })
      return { users, nextToken: page.PaginationToken }
    },
    async preferMfa(Username, factor, call) {
      const command = new AdminSetUserMFAPreferenceCommand({
        UserPoolId,
        Username,
        [factorSettings[factor]]: { Enabled: true, PreferredMfa: true },
      })
      const asked = { upstream: 'cognito', operation: 'AdminSetUserMFAPreference' } as const
      // Twice is as once.
      await callAws(asked, call, undefined, (options) => client.send(command, options), 'silent')
    },
    async fetchAppClient(ClientId, call) {
      const command = new DescribeUserPoolClientCommand({ UserPoolId, ClientId })
      const asked = { upstream: 'cognito', operation: 'DescribeUserPoolClient' } as const
      const answer = await callAws(asked, call, undefined, (options) => client.send(command, options), 'silent')
      return readAnswer(asked, call, () => toAppClient(answer.UserPoolClient, ClientId))
    },
    async startLogin(login, username, call) {
      const command = new AdminInitiateAuthCommand({
        UserPoolId,
        ClientId: login.clientId,
        AuthFlow: 'CUSTOM_AUTH',
        AuthParameters: { USERNAME: username, ...secretHashOf(login, username) },
      })
      const asked = { upstream: 'cognito', operation: 'AdminInitiateAuth' } as const
      // A login that was begun and is not gone on with comes to nothing.
      const answer = await callAws(asked, call, undefined, (options) => client.send(command, options), 'silent')
      return readAnswer(asked, call, () => readLoginStep(answer, username))
    },
    async answerLogin(login, { username, session }, answer, call) {
      const command = new AdminRespondToAuthChallengeCommand({
        UserPoolId,
        ClientId: login.clientId,
        ChallengeName: 'CUSTOM_CHALLENGE',
        Session: session,
        ChallengeResponses: { USERNAME: username, ANSWER: answer, ...secretHashOf(login, username) },
      })
      const asked = { upstream: 'cognito', operation: 'AdminRespondToAuthChallenge' } as const
      const next = await callAws(asked, call, undefined, (options) => client.send(command, options), 'never')
      return readAnswer(asked, call, () => readLoginStep(next, username))
    },
  }
}

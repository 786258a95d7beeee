import {
  AdminGetUserCommand,
  AdminSetUserMFAPreferenceCommand,
  type CognitoIdentityProviderClient,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import type { Call } from '../call.js'
import { upstreamError } from '../errors.js'
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

export interface UserPage {
  readonly users: readonly User[]
  readonly nextToken: string | undefined
}

/** The factors of AdminSetUserMFAPreference that a tenant can choose. */
export type MfaFactor = 'sms' | 'email' | 'software-token'

/** The admin calls on one user pool, made with one set of credentials. */
export interface UserPool {
  fetchUser(username: string, call: Call): Promise<User>
  /** One page of ListUsers. */
  fetchUsers(filter: string, nextToken: string | undefined, call: Call): Promise<UserPage>
  /** Enables one factor and prefers it. */
  preferMfa(username: string, factor: MfaFactor, call: Call): Promise<void>
}

/**
 * Reads an answer whose parts the SDK hands on as they came: a number in the place of a list is an answer that cannot be read,
 * and a fault of the call like any other.
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

/** Two are enough to see that a value is ambiguous; a few more spare a page. */
const PAGE_SIZE = 10

export function createUserPool(client: CognitoIdentityProviderClient, UserPoolId: UserPoolId): UserPool {
  return {
    async fetchUser(Username, call) {
      const command = new AdminGetUserCommand({ UserPoolId, Username })
      const asked = { upstream: 'cognito', operation: 'AdminGetUser' } as const
      const user = await callAws(asked, call, undefined, (options) => client.send(command, options), 'read')
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
      const page = await callAws(asked, call, undefined, (options) => client.send(command, options), 'read')
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
      await callAws(asked, call, undefined, (options) => client.send(command, options))
    },
  }
}

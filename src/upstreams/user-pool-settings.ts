import {
  AdminListGroupsForUserCommand,
  type CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  DescribeUserPoolCommand,
  GetUserPoolMfaConfigCommand,
  type GetUserPoolMfaConfigCommandOutput,
  ListUserPoolClientsCommand,
  UpdateUserPoolClientCommand,
  type UpdateUserPoolClientCommandInput,
  UpdateUserPoolCommand,
  type UpdateUserPoolCommandInput,
  type UserPoolClientType,
  type UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider'
import type { Call } from '../call.js'
import { otherAnswer, upstreamError } from '../errors.js'
import { type Fields, fieldAt, isFields } from '../fields.js'
import type { UserPoolId } from '../ids.js'
import { callAws } from './aws-call.js'

/** A pool as it was read: in the SDK's types, which know only the keys of their release, and as Cognito answered it. */
export interface WholeUserPool {
  readonly userPool: UserPoolType
  readonly raw: Fields
}

/** An app client, likewise. Both hold its secret, if it has one: never print them whole. */
export interface WholeClient {
  readonly client: UserPoolClientType
  readonly raw: Fields
}

/** A user pool as its owner sees it, in the SDK's own types: what is read must be sent back whole. */
export interface UserPoolSettings {
  describe(call: Call): Promise<UserPoolType>
  /** The same, and the whole answer with the keys that the SDK leaves out. */
  describeWhole(call: Call): Promise<WholeUserPool>
  /** Sets every parameter that can change: AWS resets those that are not in `input` (fact A24). */
  update(input: UpdateUserPoolCommandInput, call: Call): Promise<void>
  /** An app client. Holds its secret, if it has one: never print it whole. */
  describeClient(clientId: string, call: Call): Promise<UserPoolClientType>
  /** The same, with all that the SDK leaves out. */
  describeWholeClient(clientId: string, call: Call): Promise<WholeClient>
  /** Sets every parameter of an app client: AWS resets those that are not in `input` (fact A24). */
  updateClient(input: UpdateUserPoolClientCommandInput, call: Call): Promise<void>
  /** All app clients. */
  listClients(call: Call): Promise<{ clientId: string; clientName: string }[]>
  fetchMfaConfig(call: Call): Promise<GetUserPoolMfaConfigCommandOutput>
  /** The first group of a user. The gateway never needs it: the doctor tries whether a role allows too much. */
  fetchGroups(username: string, call: Call): Promise<readonly string[]>
}

/** Most app clients in a page of ListUserPoolClients (API model). */
const CLIENTS_A_PAGE = 60

/** Reads and writes one pool's settings with the given client. */
export function createUserPoolSettings(
  client: CognitoIdentityProviderClient,
  UserPoolId: UserPoolId,
): UserPoolSettings {
  async function describeWholeClient(ClientId: string, call: Call): Promise<WholeClient> {
    const command = new DescribeUserPoolClientCommand({ UserPoolId, ClientId })
    const rawAnswer = keepRawAnswer(command)
    const { UserPoolClient } = await callAws('cognito', call, undefined, (options) => client.send(command, options))
    const raw = fieldAt(rawAnswer(), 'UserPoolClient')
    if (!UserPoolClient || !isFields(raw)) throw upstreamError('cognito', 'malformed')
    if (UserPoolClient.UserPoolId !== UserPoolId || UserPoolClient.ClientId !== ClientId) {
      const about = `app client ${UserPoolClient.ClientId} of ${UserPoolClient.UserPoolId}`
      throw otherAnswer('cognito', about, `${ClientId} of ${UserPoolId}`)
    }
    return { client: UserPoolClient, raw }
  }

  return {
    async describe(call) {
      const command = new DescribeUserPoolCommand({ UserPoolId })
      const { UserPool } = await callAws('cognito', call, undefined, (options) => client.send(command, options))
      if (!UserPool) throw upstreamError('cognito', 'malformed')
      if (UserPool.Id !== UserPoolId) throw otherAnswer('cognito', `user pool ${UserPool.Id}`, UserPoolId)
      return UserPool
    },
    async describeWhole(call) {
      const command = new DescribeUserPoolCommand({ UserPoolId })
      const rawAnswer = keepRawAnswer(command)
      const { UserPool } = await callAws('cognito', call, undefined, (options) => client.send(command, options))
      const raw = fieldAt(rawAnswer(), 'UserPool')
      if (!UserPool || !isFields(raw)) throw upstreamError('cognito', 'malformed')
      if (UserPool.Id !== UserPoolId) throw otherAnswer('cognito', `user pool ${UserPool.Id}`, UserPoolId)
      return { userPool: UserPool, raw }
    },
    async update(input, call) {
      const command = new UpdateUserPoolCommand({ ...input, UserPoolId })
      await callAws('cognito', call, undefined, (options) => client.send(command, options), 'never')
    },
    async describeClient(ClientId, call) {
      return (await describeWholeClient(ClientId, call)).client
    },
    describeWholeClient,
    async updateClient(input, call) {
      const command = new UpdateUserPoolClientCommand({ ...input, UserPoolId })
      await callAws('cognito', call, undefined, (options) => client.send(command, options), 'never')
    },
    async listClients(call) {
      const clients: { clientId: string; clientName: string }[] = []
      let NextToken: string | undefined
      do {
        const token = NextToken === undefined ? {} : { NextToken }
        const command = new ListUserPoolClientsCommand({ UserPoolId, MaxResults: CLIENTS_A_PAGE, ...token })
        const page = await callAws('cognito', call, undefined, (options) => client.send(command, options))
        for (const { ClientId = '', ClientName = '', UserPoolId: owner } of page.UserPoolClients ?? []) {
          if (owner !== UserPoolId) throw otherAnswer('cognito', `app clients of ${owner}`, UserPoolId)
          clients.push({ clientId: ClientId, clientName: ClientName })
        }
        NextToken = page.NextToken
      } while (NextToken)
      return clients
    },
    async fetchGroups(Username, call) {
      const command = new AdminListGroupsForUserCommand({ UserPoolId, Username, Limit: 1 })
      const { Groups = [] } = await callAws('cognito', call, undefined, (options) => client.send(command, options))
      return Groups.flatMap(({ GroupName }) => GroupName ?? [])
    },
    fetchMfaConfig(call) {
      const command = new GetUserPoolMfaConfigCommand({ UserPoolId })
      return callAws('cognito', call, undefined, (options) => client.send(command, options))
    },
  }
}

/** As much of an SDK command's middleware as is used here. */
interface Steps {
  addRelativeTo(
    step: (next: (args: never) => Promise<Answer>) => (args: never) => Promise<Answer>,
    at: { readonly relation: 'after'; readonly toMiddleware: string; readonly name: string },
  ): void
}

interface Answer {
  response: unknown
}

/** An HTTP response of the SDK; its body is a stream until it was read. */
interface HttpResponse {
  body?: AsyncIterable<Uint8Array> | Uint8Array
}

/**
 * Keeps a command's answer as it comes over the wire: the SDK drops every key that its own model does not know. Works with
 * the SDK's JSON protocols.
 * @returns a function that answers the JSON object of the last answer; undefined if there was none
 */
export function keepRawAnswer(command: { readonly middlewareStack: unknown }): () => Fields | undefined {
  let text: string | undefined
  // The SDK's own type for it needs six more.
  const steps = command.middlewareStack as Steps
  steps.addRelativeTo(
    (next) => async (args) => {
      const answer = await next(args)
      const response = answer.response as HttpResponse
      const parts: Uint8Array[] = []
      if (response.body instanceof Uint8Array) parts.push(response.body)
      else for await (const part of response.body ?? []) parts.push(part)
      const bytes = Buffer.concat(parts)
      text = bytes.toString('utf8')
      // The SDK reads bytes as well as a stream.
      response.body = bytes
      return answer
    },
    { relation: 'after', toMiddleware: 'deserializerMiddleware', name: 'keepRawAnswer' },
  )
  return () => {
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isFields(value) ? value : undefined
  }
}

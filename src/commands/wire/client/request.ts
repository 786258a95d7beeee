import type {
  ExplicitAuthFlowsType,
  UpdateUserPoolClientCommandInput,
  UserPoolClientType,
} from '@aws-sdk/client-cognito-identity-provider'
import { allowsCustomAuth } from '../../../operator/pool/clients.js'
import type { NeededRight } from '../../../operator/pool/rights.js'
import { NotPossible } from '../../../terminal/failure.js'
import { isEmpty, sameSetting } from '../request.js'

/**
 * What becomes of a field of DescribeUserPoolClient's answer when the app client is updated. UpdateUserPoolClient resets what is
 * not sent (fact A24), so whatever it takes is sent back.
 */
type ClientField = 'sent-back' | 'changed' | 'describe-only'

/** Every field of an app client, as of the installed SDK. A new one is a compile error. */
export const CLIENT_FIELDS: Readonly<Record<keyof UserPoolClientType, ClientField>> = {
  UserPoolId: 'sent-back',
  ClientId: 'sent-back',
  ClientName: 'sent-back',
  RefreshTokenValidity: 'sent-back',
  AccessTokenValidity: 'sent-back',
  IdTokenValidity: 'sent-back',
  TokenValidityUnits: 'sent-back',
  ReadAttributes: 'sent-back',
  WriteAttributes: 'sent-back',
  ExplicitAuthFlows: 'changed',
  SupportedIdentityProviders: 'sent-back',
  CallbackURLs: 'sent-back',
  LogoutURLs: 'sent-back',
  DefaultRedirectURI: 'sent-back',
  AllowedOAuthFlows: 'sent-back',
  AllowedOAuthScopes: 'sent-back',
  AllowedOAuthFlowsUserPoolClient: 'sent-back',
  AnalyticsConfiguration: 'sent-back',
  PreventUserExistenceErrors: 'sent-back',
  EnableTokenRevocation: 'sent-back',
  EnablePropagateAdditionalUserContextData: 'sent-back',
  AuthSessionValidity: 'sent-back',
  RefreshTokenRotation: 'sent-back',
  // No request takes the secret, and no update changes it.
  ClientSecret: 'describe-only',
  ClientType: 'describe-only',
  LastModifiedDate: 'describe-only',
  CreationDate: 'describe-only',
}

const fields = Object.entries(CLIENT_FIELDS) as [keyof UserPoolClientType, ClientField][]
const sentBack = fields.flatMap(([name, kind]) => (kind === 'sent-back' ? [name] : []))

const FLOW = 'ALLOW_CUSTOM_AUTH' satisfies ExplicitAuthFlowsType

/** What an app client may do before and after; the same if there is nothing to do. */
export interface FlowPlan {
  readonly from: readonly ExplicitAuthFlowsType[]
  readonly to: readonly ExplicitAuthFlowsType[]
}

/** Adds custom authentication. Without any flow named, and under the old names, it is allowed already (API reference). */
export function planFlow(client: UserPoolClientType): FlowPlan {
  const from = client.ExplicitAuthFlows ?? []
  return { from, to: allowsCustomAuth(client) ? from : [...from, FLOW] }
}

/**
 * Takes custom authentication out again.
 * @throws NotPossible if that is not what would come of it
 */
export function planFlowBack({ ExplicitAuthFlows: from = [] }: UserPoolClientType): FlowPlan {
  const to = from.filter((flow) => flow !== FLOW)
  if (!from.some((flow) => flow.startsWith('ALLOW_'))) {
    throw new NotPossible(
      'nothing was changed: this app client names no flow that begins with ALLOW_, so it was not this command that let it ' +
        'use custom authentication',
    )
  }
  if (to.length > 0) return { from, to }
  throw new NotPossible(
    `nothing was changed: ${FLOW} is the only flow of this app client, and without any Cognito allows it too. ` +
      'Choose in the Cognito console what it is to allow',
  )
}

/** The request that changes an app client's flows and leaves everything else as DescribeUserPoolClient answered it. */
export function clientUpdate(client: UserPoolClientType, { to }: FlowPlan): UpdateUserPoolClientCommandInput {
  const kept = sentBack.flatMap((name) => (isEmpty(client[name]) ? [] : [[name, client[name]]]))
  return {
    ...Object.fromEntries(kept),
    UserPoolId: client.UserPoolId,
    ClientId: client.ClientId,
    ExplicitAuthFlows: [...to],
  }
}

/** The fields that {@link clientUpdate} sends back as they were, but for the ids. */
export function sentBackFields(client: UserPoolClientType): readonly string[] {
  return sentBack.filter((name) => !['UserPoolId', 'ClientId'].includes(name) && !isEmpty(client[name]))
}

/** Names what is not as it was meant to be after an update. */
export function clientDifferences(before: UserPoolClientType, { to }: FlowPlan, after: UserPoolClientType): string[] {
  const others = sentBack.filter((name) => !sameSetting(before[name], after[name]))
  return [...(sameSetting(to, after.ExplicitAuthFlows) ? [] : ['ExplicitAuthFlows']), ...others]
}

/** What whoever sends an app client back needs. */
export function rightsToUpdateClient(poolArn: string, { AnalyticsConfiguration }: UserPoolClientType): NeededRight[] {
  const role = AnalyticsConfiguration?.RoleArn
  return [
    { action: 'cognito-idp:UpdateUserPoolClient', resource: poolArn },
    ...(role === undefined ? [] : [{ action: 'iam:PassRole', resource: role }]),
  ]
}

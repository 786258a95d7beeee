import {
  AdvancedSecurityEnabledModeType,
  AdvancedSecurityModeType,
  AuthFactorType,
  DefaultEmailOptionType,
  DeletionProtectionType,
  EmailSendingAccountType,
  type LambdaConfigType,
  RecoveryOptionNameType,
  type UpdateUserPoolRequest,
  type UserPoolClientType,
  UserPoolMfaType,
  UserPoolTierType,
  VerifiedAttributeType,
} from '@aws-sdk/client-cognito-identity-provider'
import type { Clock } from '../../call.js'
import { type Fields, isFields } from '../../fields.js'
import { type AppClient, clientOf, type Pools, type UserPool } from './pool/pools.js'
import { DEFAULTS, describeMfa, describePool } from './pool/settings.js'
import { invalidMember, invalidParameter, Refusal, readText } from './pool/wire.js'

const plainTriggers = [
  'PreSignUp',
  'CustomMessage',
  'PostConfirmation',
  'PreAuthentication',
  'PostAuthentication',
  'DefineAuthChallenge',
  'CreateAuthChallenge',
  'VerifyAuthChallengeResponse',
  'PreTokenGeneration',
  'UserMigration',
] as const
const versionedTriggers = {
  PreTokenGenerationConfig: ['V1_0', 'V2_0', 'V3_0'],
  CustomSMSSender: ['V1_0'],
  CustomEmailSender: ['V1_0'],
  InboundFederation: ['V1_0'],
} as const
const senders = ['CustomSMSSender', 'CustomEmailSender'] as const

/** The API model's ArnType (fact A6). */
const arnType = /^arn:[\w+=/,.@-]+:[\w+=/,.@-]+:([\w+=/,.@-]*)?:[0-9]+:[\w+=/,.@-]+(:[\w+=/,.@-]+)?(:[\w+=/,.@-]+)?$/
const [ARN_LENGTH_MIN, ARN_LENGTH_MAX] = [20, 2_048]

/** AWS's SDKs and CLI send no other members; to say so is better than to lose what a caller meant to set. */
function assertKnown(fields: Fields, known: readonly string[], where: string): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Refusal('SerializationException', `Unknown member ${unknown} in ${where}`)
}

function assertArn(arn: unknown, member: string): void {
  const fits = typeof arn === 'string' && arn.length >= ARN_LENGTH_MIN && arn.length <= ARN_LENGTH_MAX
  if (!fits || !arnType.test(arn)) throw invalidMember(member, 'Member must satisfy regular expression pattern: arn:…')
  const [service, , , kind, , qualifier] = arn.split(':').slice(2)
  if (service === 'lambda' && kind === 'function' && /^\d+$/.test(qualifier ?? '')) {
    throw invalidParameter(`${arn} names a version of a function; give an alias or the function itself.`)
  }
}

function assertLambdaConfig(config: LambdaConfigType): void {
  assertKnown({ ...config }, [...plainTriggers, ...Object.keys(versionedTriggers), 'KMSKeyID'], 'LambdaConfig')
  for (const name of plainTriggers) if (config[name] !== undefined) assertArn(config[name], `lambdaConfig.${name}`)
  for (const [name, versions] of Object.entries(versionedTriggers)) {
    const set = config[name as keyof typeof versionedTriggers]
    if (set === undefined) continue
    assertArn(set.LambdaArn, `lambdaConfig.${name}.lambdaArn`)
    const known = versions.some((version) => version === set.LambdaVersion)
    if (!known) throw invalidMember(`lambdaConfig.${name}.lambdaVersion`, `Member must be one of ${versions}`)
  }
  const { PreTokenGeneration, PreTokenGenerationConfig, KMSKeyID } = config
  if (PreTokenGeneration && PreTokenGenerationConfig && PreTokenGenerationConfig.LambdaArn !== PreTokenGeneration) {
    throw invalidParameter('PreTokenGeneration and PreTokenGenerationConfig must have the same Lambda ARN.')
  }
  if (KMSKeyID !== undefined) assertArn(KMSKeyID, 'lambdaConfig.kMSKeyID')
  else if (senders.some((name) => config[name])) throw invalidParameter('A custom sender needs a KMSKeyID.')
}

/** The members of UpdateUserPool that are one of a few words, by their path; the words are the SDK's, which are the API model's. */
const enums: readonly [path: readonly string[], words: Readonly<Record<string, string>>][] = [
  [['DeletionProtection'], DeletionProtectionType],
  [['MfaConfiguration'], UserPoolMfaType],
  [['UserPoolTier'], UserPoolTierType],
  [['AutoVerifiedAttributes'], VerifiedAttributeType],
  [['UserAttributeUpdateSettings', 'AttributesRequireVerificationBeforeUpdate'], VerifiedAttributeType],
  [['EmailConfiguration', 'EmailSendingAccount'], EmailSendingAccountType],
  [['VerificationMessageTemplate', 'DefaultEmailOption'], DefaultEmailOptionType],
  [['UserPoolAddOns', 'AdvancedSecurityMode'], AdvancedSecurityModeType],
  [['UserPoolAddOns', 'AdvancedSecurityAdditionalFlows', 'CustomAuthMode'], AdvancedSecurityEnabledModeType],
  [['Policies', 'SignInPolicy', 'AllowedFirstAuthFactors'], AuthFactorType],
  [['AccountRecoverySetting', 'RecoveryMechanisms', 'Name'], RecoveryOptionNameType],
]

/** All values at a path; a list on the way stands for each of its items. */
function valuesAt(value: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((one) => valuesAt(one, name === undefined ? [] : [name, ...rest]))
  if (name === undefined) return value === undefined ? [] : [value]
  return isFields(value) ? valuesAt(value[name], rest) : []
}

function assertEnums(input: UpdateUserPoolRequest): void {
  for (const [path, words] of enums) {
    const other = valuesAt(input, path).find((value) => !Object.values(words).includes(String(value)))
    if (other === undefined) continue
    const member = path.map((name) => name.charAt(0).toLowerCase() + name.slice(1)).join('.')
    const set = `Member must satisfy enum value set: [${Object.values(words).join(', ')}]`
    const where = `Value '${other}' at '${member}' failed to satisfy constraint`
    throw invalidParameter(`1 validation error detected: ${where}: ${set}`)
  }
}

/** The refusals that surprise people who send back what DescribeUserPool told them. */
function assertConsistent(input: UpdateUserPoolRequest, { mfa = {} }: UserPool): void {
  const { AdminCreateUserConfig, Policies, VerificationMessageTemplate: template } = input
  const days = Policies?.PasswordPolicy?.TemporaryPasswordValidityDays
  if (AdminCreateUserConfig?.UnusedAccountValidityDays && days !== undefined) {
    throw invalidParameter(
      'Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays',
    )
  }
  if (template?.EmailMessage && template.EmailMessageByLink) {
    throw invalidParameter('Give EmailMessage or EmailMessageByLink, not both.')
  }
  const beforeUpdate = input.UserAttributeUpdateSettings?.AttributesRequireVerificationBeforeUpdate ?? []
  if (!beforeUpdate.every((name) => input.AutoVerifiedAttributes?.includes(name))) {
    throw invalidParameter('AttributesRequireVerificationBeforeUpdate must be among AutoVerifiedAttributes.')
  }
  const factor = input.SmsConfiguration ?? mfa.EmailMfaConfiguration ?? mfa.SoftwareTokenMfaConfiguration?.Enabled
  if (input.MfaConfiguration && input.MfaConfiguration !== 'OFF' && !factor) {
    throw invalidParameter(
      'SMS configuration and Auto verification for phone_number are required when MFA is required/optional',
    )
  }
}

/** A null in JSON means the same as a member left out, at any depth. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isFields(value)) return value
  const kept = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]))
}

/**
 * The pool after an UpdateUserPool: every parameter that is not sent is back at its default, the triggers are gone
 * (fact A24). Only the name and, as its API text says, DcrConfiguration stay. Whether a function may be invoked is not
 * looked at, as in AWS.
 */
export function updatePool(pool: UserPool, fields: Fields, now: number): UserPool {
  assertKnown(fields, ['UserPoolId', 'PoolName', 'LambdaConfig', ...Object.keys(DEFAULTS)], 'UpdateUserPool')
  // The wire's shape is the model's; the members that matter here are checked below.
  const input = withoutNulls(fields) as UpdateUserPoolRequest
  const { UserPoolId, PoolName: name = pool.name, LambdaConfig: lambdaConfig = {}, ...sent } = input
  assertEnums(input)
  assertLambdaConfig(lambdaConfig)
  assertConsistent(input, pool)
  const kept = pool.settings?.DcrConfiguration
  const settings = { ...(kept && { DcrConfiguration: kept }), ...sent }
  return { ...pool, ...(name !== undefined && { name }), lambdaConfig, settings, modifiedAt: now }
}

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

/** What UpdateUserPoolClient takes, by the API model; those beside the two ids and the name are settings. */
const clientMembers = [
  ...['UserPoolId', 'ClientId', 'ClientName', 'RefreshTokenValidity', 'AccessTokenValidity', 'IdTokenValidity'],
  ...['TokenValidityUnits', 'ReadAttributes', 'WriteAttributes', 'ExplicitAuthFlows', 'SupportedIdentityProviders'],
  ...['CallbackURLs', 'LogoutURLs', 'DefaultRedirectURI', 'AllowedOAuthFlows', 'AllowedOAuthScopes'],
  ...['AllowedOAuthFlowsUserPoolClient', 'AnalyticsConfiguration', 'PreventUserExistenceErrors'],
  ...['EnableTokenRevocation', 'EnablePropagateAdditionalUserContextData', 'AuthSessionValidity'],
  'RefreshTokenRotation',
]

/** The client after an UpdateUserPoolClient: what is not sent is back at its default, but for the name. */
function updateClient(client: AppClient, fields: Fields): AppClient {
  assertKnown(fields, clientMembers, 'UpdateUserPoolClient')
  const input = withoutNulls(fields) as UserPoolClientType
  const { UserPoolId: _, ClientId: __, ClientName: clientName = client.clientName, ...settings } = input
  const flows: readonly string[] = settings.ExplicitAuthFlows ?? []
  const named = flows.filter((flow) => flow.startsWith('ALLOW_'))
  if (named.length > 0 && named.length < flows.length) {
    throw invalidParameter('ExplicitAuthFlows must not mix names with and without ALLOW_.')
  }
  const { clientId, clientSecret } = client
  return {
    clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(clientName !== undefined && { clientName }),
    allowCustomAuth: named.length === 0 || named.includes('ALLOW_CUSTOM_AUTH'),
    preventUserExistenceErrors: settings.PreventUserExistenceErrors === 'ENABLED',
    settings,
  }
}

function readOffset(token: unknown): number {
  if (token === undefined || token === null) return 0
  const offset = Number(Buffer.from(String(token), 'base64url').toString() || Number.NaN)
  if (Number.isInteger(offset)) return offset
  throw invalidParameter('Invalid pagination token.')
}

/**
 * The calls on a pool and its app clients that its owner makes. `concurrentUpdates` counts how many more updates of
 * each pool are refused as concurrent.
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
      return { UserPoolClient: describeClient(pool, clientOf(pool, readText(fields, 'ClientId'))) }
    },

    updateUserPoolClient(pool: UserPool, fields: Fields) {
      const client = clientOf(pool, readText(fields, 'ClientId'))
      const updated = updateClient(client, fields)
      pools.putPool({ ...pool, clients: pool.clients.map((one) => (one === client ? updated : one)) })
      return { UserPoolClient: describeClient(pool, updated) }
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

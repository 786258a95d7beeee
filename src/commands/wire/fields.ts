import type { UpdateUserPoolRequest, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'

/**
 * What becomes of a field of DescribeUserPool's answer when the pool is updated. UpdateUserPool resets what is not sent
 * (fact A24), so whatever it takes is sent back.
 */
export type PoolField =
  | {
      readonly kind: 'sent-back'
      /** Its name in UpdateUserPool, where that is another. */
      readonly as?: keyof UpdateUserPoolRequest
      /** What is sent where it cannot be what was read; undefined: nothing. */
      readonly prepare?: (pool: UserPoolType) => unknown
    }
  /** The only field that this command changes. */
  | { readonly kind: 'changed' }
  /** Something that Cognito reports and nobody can set, or that other operations set. */
  | { readonly kind: 'describe-only' }
  /** Chosen when the pool is created, and for good. */
  | { readonly kind: 'immutable' }

const sentBack = { kind: 'sent-back' } as const
const describeOnly = { kind: 'describe-only' } as const
const immutable = { kind: 'immutable' } as const

/**
 * Every field of DescribeUserPool's UserPool, as of the installed SDK. The type makes a new field a compile error, and
 * a test compares the names with the SDK's own schemas.
 */
export const POOL_FIELDS: Readonly<Record<keyof UserPoolType, PoolField>> = {
  Id: { kind: 'sent-back', as: 'UserPoolId' },
  Name: { kind: 'sent-back', as: 'PoolName' },
  Policies: sentBack,
  DeletionProtection: sentBack,
  LambdaConfig: { kind: 'changed' },
  AutoVerifiedAttributes: sentBack,
  // The next three repeat the template; Cognito answers and takes both.
  SmsVerificationMessage: sentBack,
  EmailVerificationMessage: sentBack,
  EmailVerificationSubject: sentBack,
  VerificationMessageTemplate: sentBack,
  SmsAuthenticationMessage: sentBack,
  UserAttributeUpdateSettings: sentBack,
  // Taken as it is where the factor that it needs is set up, which SetUserPoolMfaConfig did (measured in cdkd #1925).
  MfaConfiguration: sentBack,
  DeviceConfiguration: sentBack,
  EmailConfiguration: sentBack,
  SmsConfiguration: sentBack,
  UserPoolTags: { kind: 'sent-back', prepare: ownTags },
  AdminCreateUserConfig: { kind: 'sent-back', prepare: withoutLegacyLifetime },
  UserPoolAddOns: sentBack,
  DcrConfiguration: { kind: 'sent-back', prepare: clientRegistration },
  AccountRecoverySetting: { kind: 'sent-back', prepare: accountRecovery },
  UserPoolTier: sentBack,
  // In a replica these two, like every global setting, must be sent as they are in the primary region.
  KeyConfiguration: sentBack,
  IssuerConfiguration: sentBack,
  AcrConfiguration: { kind: 'sent-back', prepare: authenticationLevels },
  SchemaAttributes: immutable,
  AliasAttributes: immutable,
  UsernameAttributes: immutable,
  UsernameConfiguration: immutable,
  Arn: describeOnly,
  Status: describeOnly,
  CreationDate: describeOnly,
  LastModifiedDate: describeOnly,
  EstimatedNumberOfUsers: describeOnly,
  SmsConfigurationFailure: describeOnly,
  EmailConfigurationFailure: describeOnly,
  Domain: describeOnly,
  CustomDomain: describeOnly,
}

/** AWS's own tags, such as those of a stack, are read like others, and nobody else may write or remove them. */
function ownTags({ UserPoolTags = {} }: UserPoolType) {
  return Object.fromEntries(Object.entries(UserPoolTags).filter(([key]) => !key.startsWith('aws:')))
}

/** Cognito answers a lifetime under its old and its new name, and refuses to be sent both (aws-sdk-js #3817). */
function withoutLegacyLifetime({ AdminCreateUserConfig, Policies }: UserPoolType) {
  if (Policies?.PasswordPolicy?.TemporaryPasswordValidityDays === undefined) return AdminCreateUserConfig
  const { UnusedAccountValidityDays: _, ...rest } = AdminCreateUserConfig ?? {}
  return rest
}

/** Kept where it is not sent, and turned on where it is sent without a state: so it goes back only with one. */
function clientRegistration({ DcrConfiguration, UserPoolTier }: UserPoolType) {
  return DcrConfiguration?.EnableStatus && UserPoolTier !== 'LITE' ? DcrConfiguration : undefined
}

/** The names in effect are answered on every plan, and may be set on every plan but Lite. */
function authenticationLevels({ AcrConfiguration, UserPoolTier }: UserPoolType) {
  return UserPoolTier === 'LITE' ? undefined : AcrConfiguration
}

/** An empty list is not a valid one; it says what leaving it out says. */
function accountRecovery({ AccountRecoverySetting }: UserPoolType) {
  return AccountRecoverySetting?.RecoveryMechanisms?.length ? AccountRecoverySetting : undefined
}

import { isDeepStrictEqual } from 'node:util'
import type {
  LambdaConfigType,
  UpdateUserPoolCommandInput,
  UpdateUserPoolRequest,
  UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider'
import { slotArn } from '../../operator/pool/triggers.js'

/**
 * What becomes of a field of DescribeUserPool's answer when the pool is updated. UpdateUserPool resets what is not sent
 * (fact A24), so whatever it takes is sent back.
 */
type PoolField =
  | {
      readonly kind: 'sent-back'
      /** Its name in UpdateUserPool, if that is another. */
      readonly as?: keyof UpdateUserPoolRequest
      /** What is sent if it cannot be what was read; undefined: nothing. */
      readonly prepare?: (pool: UserPoolType) => unknown
    }
  /** The only field that this command changes. */
  | { readonly kind: 'changed' }
  /** What Cognito reports and no request can set, or other operations set. */
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
  // Taken as it is if the factor that it needs is set up, which SetUserPoolMfaConfig did (measured in cdkd #1925).
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

const fields = Object.entries(POOL_FIELDS) as [keyof UserPoolType, PoolField][]

/** The request that changes a pool's LambdaConfig and leaves everything else as DescribeUserPool answered it. */
export function poolUpdate(pool: UserPoolType, lambdaConfig: LambdaConfigType): UpdateUserPoolCommandInput {
  const kept = fields.flatMap(([name, field]): [string, unknown][] => {
    if (field.kind !== 'sent-back') return []
    const value = field.prepare ? field.prepare(pool) : pool[name]
    return isEmpty(value) ? [] : [[field.as ?? name, value]]
  })
  return { ...Object.fromEntries(kept), UserPoolId: pool.Id, LambdaConfig: lambdaConfig }
}

/** The fields that {@link poolUpdate} sends back as they were, by their name in the request. */
export function sentBackFields(pool: UserPoolType): readonly string[] {
  return Object.keys(poolUpdate(pool, {})).filter((name) => name !== 'UserPoolId' && name !== 'LambdaConfig')
}

/**
 * Names what is not as it was meant to be after an update: fields of the pool, and `LambdaConfig.<name>`.
 * Times and counters, which change by themselves, are not looked at.
 */
export function poolDifferences(before: UserPoolType, lambdaConfig: LambdaConfigType, after: UserPoolType): string[] {
  const others = fields.filter(([name, { kind }]) => {
    if (kind === 'changed' || kind === 'describe-only') return false
    return !sameSetting(settingOf(before, name), settingOf(after, name))
  })
  const meant = comparableTriggers(lambdaConfig)
  const found = comparableTriggers(after.LambdaConfig ?? {})
  const triggers = [...new Set([...Object.keys(meant), ...Object.keys(found)])]
    .filter((name) => !sameSetting(meant[name], found[name]))
    .map((name) => `LambdaConfig.${name}`)
  return [...triggers, ...others.map(([name]) => name)]
}

/** Does it say nothing of its own? An empty list does. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
}

/** Of these, what is not sent back says nothing of its own, or is AWS's: only what is sent is compared. */
const comparedAsSent: readonly (keyof UserPoolType)[] = ['AdminCreateUserConfig', 'UserPoolTags']

function settingOf(pool: UserPoolType, name: keyof UserPoolType): unknown {
  const field = POOL_FIELDS[name]
  const prepare = field.kind === 'sent-back' && comparedAsSent.includes(name) ? field.prepare : undefined
  return prepare ? prepare(pool) : pool[name]
}

/** The two names of one slot under the newer; V1_0 is what the older means. */
function comparableTriggers(config: LambdaConfigType): Record<string, unknown> {
  const { PreTokenGeneration: _, PreTokenGenerationConfig, ...rest } = config
  const LambdaArn = slotArn(config, 'PreTokenGeneration')
  const { LambdaVersion = 'V1_0' } = PreTokenGenerationConfig ?? {}
  return { ...rest, ...(LambdaArn && { PreTokenGenerationConfig: { LambdaVersion, LambdaArn } }) }
}

/** Do two settings say the same, whatever their order and whatever is left out? */
export function sameSetting(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b))
}

/** Settings compare by content: nothing that is absent, null or empty counts, and no list of a pool has an order. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(comparable).sort(byText)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const entries = Object.entries(value)
    .map(([key, child]): [string, unknown] => [key, comparable(child)])
    .filter(([, child]) => child !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

/** AWS's own tags, such as those of a stack, are read like others, and only AWS may write or remove them. */
function ownTags({ UserPoolTags = {} }: UserPoolType) {
  return Object.fromEntries(Object.entries(UserPoolTags).filter(([key]) => !key.startsWith('aws:')))
}

/** Cognito answers a lifetime under its old and its new name, and refuses to be sent both (aws-sdk-js #3817). */
function withoutLegacyLifetime({ AdminCreateUserConfig, Policies }: UserPoolType) {
  if (Policies?.PasswordPolicy?.TemporaryPasswordValidityDays === undefined) return AdminCreateUserConfig
  const { UnusedAccountValidityDays: _, ...rest } = AdminCreateUserConfig ?? {}
  return rest
}

/** Kept if it is not sent, and turned on if it is sent without a state: so it goes back only with one. */
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

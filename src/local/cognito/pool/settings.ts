import type { GetUserPoolMfaConfigResponse, LambdaConfigType } from '@aws-sdk/client-cognito-identity-provider'
import { type PoolSettings, poolArn, type UserPool } from './pools.js'

/** AWS's default for the life of a temporary password. */
const TEMPORARY_PASSWORD_DAYS = 7

/** The value of each parameter that UpdateUserPool is not sent. The type demands every one that the SDK knows. */
export const DEFAULTS: { readonly [K in keyof Required<PoolSettings>]: PoolSettings[K] } = {
  Policies: {
    PasswordPolicy: {
      MinimumLength: 8,
      RequireUppercase: true,
      RequireLowercase: true,
      RequireNumbers: true,
      RequireSymbols: true,
      TemporaryPasswordValidityDays: TEMPORARY_PASSWORD_DAYS,
    },
    SignInPolicy: { AllowedFirstAuthFactors: ['PASSWORD'] },
  },
  DeletionProtection: 'INACTIVE',
  AutoVerifiedAttributes: undefined,
  SmsVerificationMessage: undefined,
  EmailVerificationMessage: undefined,
  EmailVerificationSubject: undefined,
  VerificationMessageTemplate: { DefaultEmailOption: 'CONFIRM_WITH_CODE' },
  SmsAuthenticationMessage: undefined,
  UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: [] },
  MfaConfiguration: 'OFF',
  DeviceConfiguration: undefined,
  EmailConfiguration: { EmailSendingAccount: 'COGNITO_DEFAULT' },
  SmsConfiguration: undefined,
  UserPoolTags: {},
  AdminCreateUserConfig: { AllowAdminCreateUserOnly: false },
  UserPoolAddOns: undefined,
  DcrConfiguration: undefined,
  AccountRecoverySetting: undefined,
  UserPoolTier: 'ESSENTIALS',
  KeyConfiguration: undefined,
  IssuerConfiguration: undefined,
  AcrConfiguration: undefined,
}

/** The old parameter follows the new one, whichever of them was set. */
function lambdaView(config: LambdaConfigType): LambdaConfigType {
  const arn = config.PreTokenGenerationConfig?.LambdaArn
  return arn === undefined ? config : { ...config, PreTokenGeneration: arn }
}

/** The three old message parameters say what the template says. */
function messagesView(settings: PoolSettings): PoolSettings {
  const { SmsVerificationMessage, EmailVerificationMessage, EmailVerificationSubject } = settings
  const template = {
    ...defined({
      SmsMessage: SmsVerificationMessage,
      EmailMessage: EmailVerificationMessage,
      EmailSubject: EmailVerificationSubject,
    }),
    ...DEFAULTS.VerificationMessageTemplate,
    ...settings.VerificationMessageTemplate,
  }
  return {
    SmsVerificationMessage: template.SmsMessage,
    EmailVerificationMessage: template.EmailMessage,
    EmailVerificationSubject: template.EmailSubject,
    VerificationMessageTemplate: template,
  }
}

function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}

/** The settings as DescribeUserPool tells them: what was set, and the defaults of the rest. */
function effectiveSettings(settings: PoolSettings): PoolSettings {
  const Policies = { ...DEFAULTS.Policies, ...settings.Policies }
  const { UnusedAccountValidityDays, ...create } = settings.AdminCreateUserConfig ?? {}
  // The older of two names for one setting, which is in the answer even if only the newer one was set.
  const days = Policies.PasswordPolicy?.TemporaryPasswordValidityDays ?? TEMPORARY_PASSWORD_DAYS
  const AdminCreateUserConfig = {
    ...DEFAULTS.AdminCreateUserConfig,
    ...create,
    UnusedAccountValidityDays: UnusedAccountValidityDays || days,
  }
  return { ...DEFAULTS, ...defined(settings), ...messagesView(settings), Policies, AdminCreateUserConfig }
}

/** A pool as DescribeUserPool answers it; times in seconds, as the wire has them. */
export function describePool(pool: UserPool, users: number) {
  const { userPoolId, name = userPoolId, lambdaConfig, aliasAttributes, settings = {}, fixed = {} } = pool
  const { createdAt = 0, modifiedAt = createdAt } = pool
  return {
    Id: userPoolId,
    Name: name,
    Arn: poolArn(pool),
    CreationDate: createdAt / 1_000,
    LastModifiedDate: modifiedAt / 1_000,
    EstimatedNumberOfUsers: users,
    ...(aliasAttributes.length > 0 && { AliasAttributes: aliasAttributes }),
    ...fixed,
    ...effectiveSettings(settings),
    LambdaConfig: lambdaView(lambdaConfig),
  }
}

/** A pool's MFA as GetUserPoolMfaConfig answers it. For SMS, UpdateUserPool counts too. */
export function describeMfa({ settings = {}, mfa = {} }: UserPool): GetUserPoolMfaConfigResponse {
  const { MfaConfiguration, SmsConfiguration, SmsAuthenticationMessage } = effectiveSettings(settings)
  const sms = MfaConfiguration === 'OFF' ? undefined : SmsConfiguration
  return {
    ...(sms && { SmsMfaConfiguration: { ...defined({ SmsAuthenticationMessage }), SmsConfiguration: sms } }),
    ...mfa,
    MfaConfiguration,
  }
}

import type {
  GetUserPoolMfaConfigResponse,
  UpdateUserPoolRequest,
  UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider'

/** What UpdateUserPool sets besides the triggers and the name; in the SDK's own types. */
export type PoolSettings = Omit<UpdateUserPoolRequest, 'UserPoolId' | 'PoolName' | 'LambdaConfig'>

/** What DescribeUserPool tells and UpdateUserPool does not take. */
export type FixedSettings = Pick<
  UserPoolType,
  | 'SchemaAttributes'
  | 'UsernameAttributes'
  | 'UsernameConfiguration'
  | 'Domain'
  | 'CustomDomain'
  | 'Status'
  | 'SmsConfigurationFailure'
  | 'EmailConfigurationFailure'
>

/** What SetUserPoolMfaConfig sets and UpdateUserPool does not touch. */
export type MfaSettings = Omit<GetUserPoolMfaConfigResponse, 'MfaConfiguration' | 'SmsMfaConfiguration'>

/** The least that AWS keeps of a temporary password. */
export const TEMPORARY_PASSWORD_DAYS = 7

/** What a parameter becomes that UpdateUserPool is not sent. By its type the table has every one that the SDK knows. */
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

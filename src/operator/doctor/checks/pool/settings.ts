import type { GetUserPoolMfaConfigResponse, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import type { TenantConfig } from '../../../../tenant/config.js'
import { type Check, type Finding, failed, IN_FILE, passed, warned } from '../finding.js'

/** What {@link checkSettings} answers for. */
export const SETTING_CHECKS = [
  'identifier',
  'case-sensitivity',
  'device-tracking',
  'pool-mfa',
  'threat-protection',
] as const satisfies readonly Check[]

/** Of a tenant's config, what these checks go by. */
interface Settings {
  readonly login: Pick<TenantConfig['login'], 'flow'>
  readonly actions: {
    readonly preLogin: Pick<TenantConfig['actions']['preLogin'], 'identifierAttribute' | 'acceptAttributeMatch'>
  }
}

/** Do settings of the pool clash with the tenant's flow or with what users type? None of them stops every login. */
export function checkSettings(pool: UserPoolType, config: Settings): Finding[] {
  return [
    identifier(pool, config),
    caseSensitivity(pool, config),
    deviceTracking(pool, config),
    poolMfa(pool, config),
    threatProtection(pool),
  ]
}

/** pre-login asks Cognito for a user of the name that was typed, which finds aliases too, and only then for the attribute. */
function identifier(pool: UserPoolType, { actions }: Settings): Finding {
  const { identifierAttribute: attribute, acceptAttributeMatch } = actions.preLogin
  const { UsernameAttributes = [], AliasAttributes = [], AutoVerifiedAttributes = [] } = pool
  if (UsernameAttributes.some((one) => one === attribute))
    return passed('identifier', `Users sign in with ${attribute}.`)
  if (AliasAttributes.some((one) => one === attribute)) {
    const verifies = attribute === 'preferred_username' || AutoVerifiedAttributes.some((one) => one === attribute)
    if (verifies || acceptAttributeMatch) return passed('identifier', `${attribute} is an alias of the pool.`)
    const what = `${attribute} is an alias that counts only once it is verified, and the pool does not have it verified.`
    return warned(
      'identifier',
      what,
      `customer: add ${attribute} to AutoVerifiedAttributes, unless your app verifies it`,
    )
  }
  if (acceptAttributeMatch) return passed('identifier', `Users are found by ${attribute} (acceptAttributeMatch).`)
  const what = `${attribute} is neither alias nor sign-in name of the pool: pre-login finds only users whose user name is what they type.`
  const fix =
    'operator: if that is not so, set actions.preLogin.acceptAttributeMatch to true, or identifierAttribute to what ' +
    `users type, ${IN_FILE}`
  return warned('identifier', what, fix)
}

function caseSensitivity({ UsernameConfiguration }: UserPoolType, { actions }: Settings): Finding {
  const check = 'case-sensitivity'
  const { identifierAttribute } = actions.preLogin
  // Without a configuration names are case-sensitive (API reference, UsernameConfigurationType).
  if (UsernameConfiguration?.CaseSensitive === false) return passed(check, 'User names are compared ignoring case.')
  if (identifierAttribute === 'phone_number') return passed(check, 'Phone numbers have no case.')
  const what = `User names are case-sensitive: a user who types ${identifierAttribute} in another case is not found.`
  return warned(check, what, 'customer: a pool keeps this for its life; have your app lower the case of what is typed')
}

/** Whether Cognito asks for the device in a custom flow is not documented (fact A19); the passkey flow would refuse it. */
function deviceTracking({ DeviceConfiguration }: UserPoolType, { login }: Settings): Finding {
  const check = 'device-tracking'
  if (DeviceConfiguration === undefined) return passed(check, 'Devices are not tracked.')
  if (login.flow === 'password-then-passkey') return passed(check, 'Devices are tracked, which this flow allows.')
  const what = 'Devices are tracked: a login in which Cognito adds a device challenge is refused by the flow passkey.'
  return warned(check, what, 'customer: try a login from a remembered device; if it fails, turn device tracking off')
}

/** What becomes of users with MFA in a flow that begins with a password is told both ways (fact A41). */
function poolMfa({ MfaConfiguration = 'OFF' }: UserPoolType, { login }: Settings): Finding {
  const check = 'pool-mfa'
  if (login.flow === 'password-then-passkey' && MfaConfiguration !== 'OFF') {
    const what =
      `MFA is ${MfaConfiguration}. Whether Cognito asks the gateway again after the password of a user with MFA, and so for ` +
      'the passkey, is told both ways (amplify-js#3876, #4888).'
    return warned(
      check,
      what,
      'customer: before users are asked for passkeys, try a login of a user with MFA on a real pool',
    )
  }
  if (MfaConfiguration !== 'ON' || login.flow === 'password-then-passkey') {
    return passed(check, `MFA is ${MfaConfiguration}, which fits the flow ${login.flow}.`)
  }
  const what = 'The pool requires MFA, and a login of the flow passkey is not asked for a second factor.'
  const fix = `operator: if the customer wants one, set login.flow to password-then-passkey ${IN_FILE}`
  return warned(check, what, fix)
}

/** Whether it looks at a custom flow, the pool says apart from the rest. */
function threatProtection({ UserPoolAddOns }: UserPoolType): Finding {
  const check = 'threat-protection'
  const mode = UserPoolAddOns?.AdvancedSecurityAdditionalFlows?.CustomAuthMode
  if (mode !== 'ENFORCED') return passed(check, 'Threat protection refuses no custom authentication.')
  const what =
    'Threat protection is enforced for custom authentication: Cognito may refuse a passkey login that it finds risky.'
  return warned(
    check,
    what,
    'customer: set CustomAuthMode to AUDIT in AdvancedSecurityAdditionalFlows, unless that is wanted',
  )
}

/** Can post-append set the factor that the tenant chose? In a pool that has it not, it would silently set none. */
export function checkFactor(mfa: GetUserPoolMfaConfigResponse, { actions }: Pick<TenantConfig, 'actions'>): Finding {
  const factor = actions.postAppend.mfa
  if (factor === 'none') return passed('mfa-factor', 'post-append sets no factor.')
  const off = (mfa.MfaConfiguration ?? 'OFF') === 'OFF'
  const { present, setting } = {
    sms: { present: mfa.SmsMfaConfiguration?.SmsConfiguration !== undefined, setting: 'SMS MFA (SmsConfiguration)' },
    email: { present: mfa.EmailMfaConfiguration !== undefined, setting: 'e-mail MFA (EmailMfaConfiguration)' },
    'software-token': {
      present: mfa.SoftwareTokenMfaConfiguration?.Enabled === true,
      setting: 'authenticator apps (SoftwareTokenMfaConfiguration)',
    },
  }[factor]
  if (!off && present) return passed('mfa-factor', `The pool has ${setting}, which post-append sets.`)
  const why = off ? 'MFA is OFF in the pool' : `the pool is without ${setting}`
  const fix =
    `customer: turn on ${setting} with MFA OPTIONAL or ON; or operator: set actions.postAppend.mfa to another factor or ` +
    `none ${IN_FILE}`
  return failed('mfa-factor', `post-append cannot set the factor ${factor}: ${why}.`, fix)
}

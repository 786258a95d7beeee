import type { GetUserPoolMfaConfigResponse } from '@aws-sdk/client-cognito-identity-provider'
import type { TenantConfig } from '../../../tenant/config.js'
import { type Finding, failed, passed } from '../finding.js'

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
    "none in the tenant's file, then: corbado-gateway tenants apply"
  return failed('mfa-factor', `post-append cannot set the factor ${factor}: ${why}.`, fix)
}

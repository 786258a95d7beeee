import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import type { TenantConfig } from '../../../../tenant/config.js'
import { allowsCustomAuth, clientName, type PoolClient, type PoolClients } from '../../../pool/clients.js'
import { type Finding, passed, warned } from '../finding.js'
import { ownClients } from './clients.js'

/** May an app client begin the flow in which Cognito's own passkeys are used? */
const allowsChoice = ({ ExplicitAuthFlows: flows = [] }: PoolClient) => flows.includes('ALLOW_USER_AUTH')

/**
 * Has the pool Cognito's own passkeys (`WEB_AUTHN`) beside Corbado's (fact A55)? Those logins never reach the gateway, and neither side
 * knows the other's passkeys: that both are offered in one app is what a customer should want.
 */
export function checkNative(
  { Policies }: UserPoolType,
  { clients }: PoolClients,
  { login }: { readonly login: Pick<TenantConfig['login'], 'flow' | 'clientIds'> },
): Finding {
  const check = 'native-passkeys'
  if (!Policies?.SignInPolicy?.AllowedFirstAuthFactors?.includes('WEB_AUTHN')) {
    return passed(check, "Cognito's own passkeys (WEB_AUTHN) are off in this pool.")
  }
  const native = clients.filter(allowsChoice)
  const both = ownClients(native, login).filter(allowsCustomAuth)
  if (both.length === 0) {
    const where =
      native.length === 0 ? 'and no app client offers them' : `at ${native.map(clientName).join(', ')} alone`
    return passed(check, `Cognito's own passkeys (WEB_AUTHN) are on, ${where}; Corbado's are at other app clients.`)
  }
  const names = both.map(clientName).join(', ')
  const what = `${names} can offer two kinds of passkeys, Cognito's own (WEB_AUTHN) and Corbado's: neither side knows those of the other.`
  return warned(
    check,
    what,
    `customer: offer one kind in each app, and take ALLOW_USER_AUTH from ${names} if it is Corbado's; ONBOARDING.md compares them`,
  )
}

import type { TenantFile } from '../../tenant/config.js'
import type { Example } from '../world/example.js'
import { type DemoTenant, TOKEN_TYPES } from './api.js'

/** What a tenant's file must hold for the gateway's own connect tokens on the page. */
export type ConnectTokenSettings = NonNullable<TenantFile['connectTokens']>

/**
 * The connect tokens of a tenant whose own file has none: where the passkey is all, the gateway gives them; where a password
 * comes first, the customer's own server does as in Corbado's guide. So the page shows both.
 */
export function connectTokensFor(
  { tenant, clientId, ownLogin }: Example,
  origin: string,
): ConnectTokenSettings | undefined {
  if (tenant.connectTokens) return tenant.connectTokens
  if (tenant.login?.flow === 'password-then-passkey') return undefined
  // Whoever signed in with the customer's own code may add a passkey too.
  const clientIds = [clientId, ...(ownLogin ? [ownLogin.clientId] : [])]
  return { clientIds, origins: [origin], types: [...TOKEN_TYPES] }
}

/** May the page have its connect tokens from the gateway? */
function servesPage(settings: ConnectTokenSettings | undefined, clientId: string, origin: string): boolean {
  return (
    settings?.clientIds.includes(clientId) === true &&
    settings.origins.includes(origin) &&
    TOKEN_TYPES.every((type) => settings.types.includes(type))
  )
}

/** A tenant as the page needs it. */
export function demoTenant(example: Example, origin: string): DemoTenant {
  const { tenant, clientId, person, other, usernamePrefix, ownLogin } = example
  const { tenantId, displayName, userPoolId, aws, corbado, login, actions } = tenant
  const { mfa } = actions.postAppend
  const people = [person, other].map(({ username, attributes, password }) => {
    const email = attributes.email ?? ''
    return { identifier: usernamePrefix === '' ? email : username, email, password }
  })
  return {
    tenantId,
    displayName: displayName ?? tenantId,
    userPoolId,
    region: aws.region,
    clientId,
    projectId: corbado.projectId,
    flow: login?.flow ?? 'passkey',
    maxAttempts: login?.maxAttempts ?? 3,
    mfa,
    signUp: usernamePrefix === '' ? 'email' : 'username',
    usernamePrefix,
    requiredAttributes: mfa === 'sms' ? ['email', 'phone_number'] : ['email'],
    connectTokens: servesPage(connectTokensFor(example, origin), clientId, origin) ? 'gateway' : 'app-server',
    unknownUser: actions.preLogin?.unknownUser ?? 'report',
    ...(ownLogin && { ownCode: { clientId: ownLogin.clientId } }),
    people,
  }
}

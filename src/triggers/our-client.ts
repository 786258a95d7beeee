import { fieldsOf } from '../fields.js'
import type { TenantConfig } from '../tenant/context.js'

/**
 * Is custom authentication through the event's app client Corbado's? Without `clientIds` it always is; with them, an app
 * client that cannot be read is not among them.
 */
export function isOurClient(callerContext: unknown, { clientIds }: Pick<TenantConfig['login'], 'clientIds'>): boolean {
  const { clientId } = fieldsOf(callerContext)
  return clientIds === undefined || (typeof clientId === 'string' && clientIds.includes(clientId))
}

import { fieldsOf } from '../fields.js'
import type { TenantConfig } from '../tenant/context.js'

/** Is custom authentication of an event's app client Corbado's? A client that cannot be read is none of those that are named. */
export function isOurClient(callerContext: unknown, { clientIds }: Pick<TenantConfig['login'], 'clientIds'>): boolean {
  const { clientId } = fieldsOf(callerContext)
  return clientIds === undefined || (typeof clientId === 'string' && clientIds.includes(clientId))
}

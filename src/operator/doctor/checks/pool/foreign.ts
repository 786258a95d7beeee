import { fieldsOf } from '../../../../fields.js'
import type { TenantConfig } from '../../../../tenant/config.js'
import { allowsCustomAuth, clientName, type PoolClients } from '../../../pool/clients.js'
import { type Finding, IN_FILE, notCheckable, passed, warned } from '../finding.js'
import { ownClients } from './clients.js'

/** Of a tenant's config, what this check goes by. */
interface Settings {
  readonly login: Pick<TenantConfig['login'], 'flow' | 'clientIds'>
  readonly triggers?: unknown
}

/** So many of those that were not looked at are named; a pool may have a thousand. */
const NAMED_MAX = 5

/**
 * Can each app client that allows custom authentication be used for it? The pool's triggers are the same for all of them, so that
 * a login through one that is neither Corbado's nor the customer's function's ends with `foreign_client`.
 */
export function checkForeign({ clients, unseen, ids }: PoolClients, { login, triggers }: Settings): Finding {
  const check = 'foreign-clients'
  const { clientIds } = login
  if (clientIds === undefined) return passed(check, "Custom authentication through every app client is Corbado's.")
  if (fieldsOf(triggers).defineAuthChallenge !== undefined) {
    return passed(check, "Custom authentication through other app clients is the customer's own function's.")
  }
  const ours = ownClients(clients, login)
  const foreign = clients.filter((client) => !ours.includes(client) && allowsCustomAuth(client))
  const seen = clients.flatMap(({ ClientId }) => ClientId ?? [])
  const others = (ids ?? []).filter((id) => !seen.includes(id) && !clientIds.includes(id))
  const more = unseen > 0 ? ` ${unseen} more were not looked at.` : ''
  if (foreign.length > 0) {
    const names = foreign.map(clientName).join(', ')
    const what =
      `Every custom authentication through ${names} fails while the pool calls the gateway: it is neither in login.clientIds ` +
      `nor chained.${more}`
    const fix =
      `customer: switch ALLOW_CUSTOM_AUTH off at ${names} if nobody signs in there by it; or operator: add it to login.clientIds if ` +
      "it is to have passkeys, or chain the three triggers of custom authentication to the customer's own function, " +
      IN_FILE
    return warned(check, what, fix)
  }
  // Those of the config are looked at first; of one that is not, nothing follows.
  if (others.length > 0) {
    const names = `${others.slice(0, NAMED_MAX).join(', ')}${others.length > NAMED_MAX ? ' and more' : ''}`
    const what = `${others.length} app clients that login.clientIds does not name were not looked at: ${names}.`
    const fix =
      'customer: see to it that none of them allows ALLOW_CUSTOM_AUTH where users sign in by it: such a login fails while the pool ' +
      'calls the gateway'
    return notCheckable(check, what, fix)
  }
  return passed(check, `No app client but those of login.clientIds allows ALLOW_CUSTOM_AUTH.`)
}

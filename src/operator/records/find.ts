import { NotPossible, WrongUsage } from '../../terminal/failure.js'
import { closestNames } from '../../terminal/text.js'
import type { TenantRecord } from '../../upstreams/operator.js'
import { tenantIdOf, textOf } from './record.js'

/**
 * The records that a word names: the one of a tenant id or of a pool id, else all of a customer. A tenant may be called as
 * its customer is; the word then means that tenant alone.
 */
export function findTenants(records: readonly TenantRecord[], word: string): readonly TenantRecord[] {
  const own = records.filter((record) => tenantIdOf(record) === word || record.userPoolId === word)
  return own.length > 0 ? own : records.filter((record) => textOf(record, 'customer') === word)
}

/**
 * The one record that a word names.
 * @throws WrongUsage naming all of them where it is a customer with several pools; NotPossible with the closest names where
 * there is none
 */
export function findTenant(records: readonly TenantRecord[], word: string): TenantRecord {
  const [first, ...more] = findTenants(records, word)
  if (first && more.length === 0) return first
  if (!first) throw new NotPossible(noSuchTenant(records, word))
  const pools = [first, ...more].map((record) => `${tenantIdOf(record)} (${record.userPoolId})`).sort()
  throw new WrongUsage(`${word} has ${pools.length} pools, and this works on one: name ${pools.join(' or ')}`)
}

/** Says that nothing in the table has that name, and what there is. */
export function noSuchTenant(records: readonly TenantRecord[], word: string): string {
  const names = records.flatMap((record) => [tenantIdOf(record), record.userPoolId, textOf(record, 'customer')])
  const closest = closestNames(names.filter(Boolean), word)
  const hint =
    records.length === 0
      ? 'the table is empty: corbado-gateway tenants apply brings files into it'
      : closest.length > 0
        ? `did you mean ${closest.join(' or ')}?`
        : 'corbado-gateway tenants list shows what there is'
  return `no tenant, pool or customer in the table is called ${JSON.stringify(word)}: ${hint}`
}

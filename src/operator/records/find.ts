import type { Env } from '../../env.js'
import { isUserPoolId, type UserPoolId } from '../../ids.js'
import type { TenantFile } from '../../tenant/config.js'
import { inLine } from '../../terminal/clean.js'
import { WrongUsage } from '../../terminal/failure.js'
import type { CommandIo } from '../../terminal/io.js'
import { closestNames } from '../../terminal/text.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { NoSuchTenant } from '../unapplied.js'
import { operatorCall, withUpstreams } from '../upstreams.js'
import { requireConfig, tenantIdOf, textOf } from './record.js'
import { type Status, statusBefore, statusOf } from './status-machine.js'

/** All current records of the table. The key of one by another hand may be any text; it is named as part of a line. */
export async function fetchRecords({ table }: Pick<OperatorUpstreams, 'table'>): Promise<TenantRecord[]> {
  const records = await table.listConfigs(operatorCall())
  return records.map((record) => {
    if (isUserPoolId(record.userPoolId)) return record
    // Not a pool's: nothing is ever looked up, or written, under this name.
    return { ...record, userPoolId: inLine(record.userPoolId) as UserPoolId }
  })
}

/** From so many pools on, the whole table is read once instead of each pool's kept records. */
const ALL_AT_ONCE_FROM = 100

/** Which of these pools may have kept records: all of them if they are few, since finding that out is asking for them. */
export async function poolsWithPast(
  pools: readonly UserPoolId[],
  { listKeptPools }: Pick<OperatorUpstreams['table'], 'listKeptPools'>,
): Promise<ReadonlySet<string>> {
  return pools.length < ALL_AT_ONCE_FROM ? new Set(pools) : listKeptPools(operatorCall())
}

/** What a suspended tenant was before that; undefined for one that is not suspended. */
export async function fetchStatusBefore(
  record: TenantRecord,
  { table }: Pick<OperatorUpstreams, 'table'>,
): Promise<Status | undefined> {
  if (statusOf(record) !== 'suspended') return undefined
  return statusBefore(record, await table.listVersions(record.userPoolId, operatorCall()))
}

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
 * @throws WrongUsage naming all of them if it is a customer with several pools; NotPossible with the closest names if
 * there is none
 */
export function findTenant(records: readonly TenantRecord[], word: string): TenantRecord {
  const [first, ...more] = findTenants(records, word)
  if (first && more.length === 0) return first
  if (!first) throw noSuchTenant(records, word)
  const pools = [first, ...more].map((record) => `${tenantIdOf(record)} (${record.userPoolId})`).sort()
  throw new WrongUsage(`${word} has ${pools.length} pools, and this works on one: name ${pools.join(' or ')}`)
}

/**
 * Says that nothing in the table has that name, and what there is.
 * @param besides where else the word was looked for, or could be
 */
export function noSuchTenant(records: readonly TenantRecord[], word: string, besides = ''): NoSuchTenant {
  const names = records.flatMap((record) => [tenantIdOf(record), record.userPoolId, textOf(record, 'customer')])
  const closest = closestNames(names.filter(Boolean), word)
  const hint =
    records.length === 0
      ? 'the table is empty; to bring files into it: corbado-gateway tenants apply'
      : closest.length > 0
        ? `did you mean ${closest.join(' or ')}?`
        : 'what there is: corbado-gateway tenants list'
  return new NoSuchTenant(
    `no tenant, pool or customer in the table is called ${JSON.stringify(word)}${besides}: ${hint}`,
    word,
  )
}

/** A tenant as the table has it. */
interface FoundTenant {
  readonly record: TenantRecord
  readonly config: TenantFile
  /** All current records. */
  readonly records: readonly TenantRecord[]
}

/**
 * Does work on the one tenant that a word names, with its config in the form that the schema wants.
 * @param dir the folder of the tenant files, if the command was told one
 * @throws as {@link findTenant}, and NotPossible if its record is no config
 */
export function withTenant<T>(
  word: string,
  io: CommandIo,
  work: (found: FoundTenant, upstreams: OperatorUpstreams, env: Env) => Promise<T>,
  dir?: string,
): Promise<T> {
  return withUpstreams(
    io,
    async (upstreams, env) => {
      const records = await fetchRecords(upstreams)
      const record = findTenant(records, word)
      return work({ record, config: requireConfig(record), records }, upstreams, env)
    },
    dir,
  )
}

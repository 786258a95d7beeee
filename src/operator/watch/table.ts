import { isDeepStrictEqual } from 'node:util'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { isUserPoolId } from '../../ids.js'
import { eachBounded } from '../../terminal/bounded.js'
import { NotPossible } from '../../terminal/failure.js'
import type { States } from '../../upstreams/operator.js'
import type { PatientCall } from '../../upstreams/patience.js'
import { WATCH_OWNER } from './settings.js'
import { EMPTY, WatchState } from './state.js'

/** The record of what is of no tenant alone; those of tenants are called after their pools. */
const HEAD = 'watch'
/** What nobody has looked at for so long says nothing of today. */
const KEPT_SECONDS = 7 * 86_400

type Causes = WatchState['causes']
type OfTenant = Record<string, Causes[string]['tenants'][string]>

/** A tenant's own state, by cause. */
const TenantState = Type.Object({ tenantId: Type.String(), causes: Type.Record(Type.String(), Type.Unknown()) })

/** The table, and the time that one request to it has. */
export interface StateTable {
  readonly states: States
  readonly call: () => PatientCall
}

/** State as the table has it, and what is needed to write the next. */
export interface TableState {
  readonly state: WatchState
  readonly version: number
  /** Pool of each tenant that has a record. */
  readonly pools: ReadonlyMap<string, string>
}

/**
 * Puts the state together from the records of all tenants.
 * @throws NotPossible if a record is not what `watch` wrote
 */
export async function readTableState({ states, call }: StateTable, now: number): Promise<TableState> {
  const records = await states.list(WATCH_OWNER, now, call())
  const head = records.find(({ record }) => record === HEAD)
  const pools = new Map<string, string>()
  if (head === undefined) return { state: EMPTY, version: 0, pools }
  const state = structuredClone(head.state) as WatchState
  if (!Check(WatchState, state)) throw notOurs(HEAD)
  for (const { record, state: own } of records) {
    if (record === HEAD) continue
    if (!isUserPoolId(record) || !Check(TenantState, own)) throw notOurs(record)
    pools.set(own.tenantId, record)
    for (const [key, tenant] of Object.entries(own.causes as OfTenant)) {
      const cause = Object.hasOwn(state.causes, key) ? state.causes[key] : undefined
      if (cause) cause.tenants[own.tenantId] = tenant
    }
  }
  if (!Check(WatchState, state)) throw notOurs('a tenant')
  return { state, version: head.version, pools }
}

const notOurs = (record: string) =>
  new NotPossible(`the record ${record} of ${WATCH_OWNER} in the table is not what watch wrote: delete it there`)

/**
 * Writes what has changed: a record for each tenant that it changed for, then the rest, if nobody else did meanwhile.
 * @param poolOf the pool of a tenant, as far as the lines say
 * @throws NotPossible if another watch wrote its state since this one was read
 */
export async function writeTableState(
  { states, call }: StateTable,
  before: TableState,
  next: WatchState,
  poolOf: ReadonlyMap<string, string>,
  now: number,
): Promise<void> {
  const expiresAt = Math.floor(now / 1_000) + KEPT_SECONDS
  const kept = { owner: WATCH_OWNER, version: before.version + 1, expiresAt }
  const pool = (tenant: string) => poolOf.get(tenant) ?? before.pools.get(tenant) ?? tenant
  const [was, is] = [byTenant(before.state), byTenant(next)]
  const changed = [...new Set([...was.keys(), ...is.keys()])].filter(
    (tenant) => isUserPoolId(pool(tenant)) && !isDeepStrictEqual(was.get(tenant), is.get(tenant)),
  )
  await eachBounded(changed, async (tenant) => {
    const state = { tenantId: tenant, causes: is.get(tenant) ?? {} }
    await states.put({ ...kept, record: pool(tenant), state }, call())
    return true
  })
  const causes = Object.fromEntries(
    Object.entries(next.causes).map(([key, cause]) => {
      // A line that names no pool has nowhere else to be kept.
      const left = Object.entries(cause.tenants).filter(([tenant]) => !isUserPoolId(pool(tenant)))
      return [key, { ...cause, tenants: Object.fromEntries(left) }]
    }),
  )
  if (await states.putNext({ ...kept, record: HEAD, state: { ...next, causes } }, now, call())) return
  throw new NotPossible('another watch has written its state to the table meanwhile: run one at a time')
}

function byTenant({ causes }: WatchState): Map<string, OfTenant> {
  const found = new Map<string, OfTenant>()
  for (const [key, { tenants }] of Object.entries(causes))
    for (const [name, tenant] of Object.entries(tenants)) found.set(name, { ...found.get(name), [key]: tenant })
  return found
}

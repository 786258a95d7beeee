import type { Outcome, Reason, Step } from '../../reasons.js'
import { isDependency, type Line, nameIn, numberOf } from '../lines/line.js'
import { add, addAll, createSeries, type Series } from './series.js'

const MINUTE_MS = 60_000
/** A call that takes this long is slow: the deadline of a whole trigger is Cognito's 5 s. */
export const SLOW_MS = [500, 1_000, 2_000] as const

/** Lines that say the same: of one step, with one outcome, reason, and answer of the dependency. */
export interface Cell {
  readonly step: Step
  readonly outcome: Outcome
  readonly reason: Reason | undefined
  readonly failed: string | undefined
  readonly operation: string | undefined
  readonly status: number | undefined
  readonly errorType: string | undefined
  readonly series: Series
}

/** Calls to a dependency: all, and those that took at least so many milliseconds. */
export interface Calls {
  readonly all: Series
  readonly slow: ReadonlyMap<number, Series>
}

/** When something was first and last seen, in milliseconds since 1970. */
export interface Span {
  first: number
  last: number
}

export interface TenantFold {
  readonly customer: string | undefined
  readonly all: Series
  readonly cells: Map<string, Cell>
  readonly steps: Map<Step, Series>
  /** The defines that ask for a passkey, by app client: no other line before a proof names the client. */
  readonly clients: Map<string, Series>
  readonly calls: Map<string, Calls>
  readonly configs: Map<number, Span>
  readonly secrets: Map<number, Span>
  /** By version of the secret: when Corbado found proofs right with it. */
  readonly right: Map<number, Span>
  /** By version of the secret: when Corbado refused it. */
  readonly refused: Map<number, Span>
}

/** Lines as counts per minute: what all causes are found in, whatever the number of lines. */
export interface Fold {
  first: number
  last: number
  lines: number
  readonly all: Series
  /** By tenant id; lines without one are under their user pool, or under ''. */
  readonly tenants: Map<string, TenantFold>
  /** Tenants by their pools. */
  readonly pools: Map<string, string>
  readonly releases: Map<string, Span>
  /** Invocations without a closing line, by Lambda's word for how they ended; its lines name no tenant. */
  readonly broken: Map<string, Series>
  /** Lines that say that the table failed, and an older config served. */
  readonly stale: Series
  /** All tenants as one, if it was counted so; else it is what their own come to. */
  readonly together?: TenantFold | undefined
  /** The tenants whose minutes are known, if not those of all: of the others, only how much of what is common to all is theirs. */
  readonly detailed?: ReadonlySet<string>
}

export function createFold(): Fold {
  return {
    first: Number.POSITIVE_INFINITY,
    last: Number.NEGATIVE_INFINITY,
    lines: 0,
    all: createSeries(),
    tenants: new Map(),
    pools: new Map(),
    releases: new Map(),
    broken: new Map(),
    stale: createSeries(),
  }
}

/** Lines that say more tell nothing more, and whoever writes them must not fill our memory: the rest are told without them. */
const CELLS_MAX = 500
const VALUES_MAX = 200

export const minuteOf = (at: number) => Math.floor(at / MINUTE_MS)
export const timeOfMinute = (minute: number) => minute * MINUTE_MS

/** Whose line it is: the tenant's id, the pool if no tenant was found, '' if neither is on it. */
export function ownerOf({ fields }: Line): string {
  return nameIn(fields, 'tenantId') ?? nameIn(fields, 'userPoolId') ?? ''
}

/** A secret that could not be had is remembered for seconds, and fails other logins than the one that asked for it. */
const OF_SECRET = /^secret_/

/**
 * Does the line say again what another says? A container's login has a line of the forwarder too, and a verdict that is
 * remembered was counted when it was given: Cognito asked twice, the user once. Without a secret there is no verdict to
 * remember, so that such a line is of a login of its own.
 */
export function isRepeated({ outcome, step, reason, fields }: Line): boolean {
  if (step === 'forwarder') return outcome === 'forwarded'
  if (fields.remembered !== true || (outcome !== 'correct' && outcome !== 'incorrect')) return false
  return reason === undefined || !OF_SECRET.test(reason)
}

/**
 * Counts a line; the order of lines does not matter.
 * @param count how many lines of a minute it stands for, the last of which was at `last`
 */
export function foldLine(fold: Fold, line: Line, count = 1, last = line.at): void {
  if (isRepeated(line)) return
  const { at, step, outcome, reason, fields } = line
  const minute = minuteOf(at)
  fold.first = Math.min(fold.first, at)
  fold.last = Math.max(fold.last, last)
  fold.lines += count
  add(fold.all, minute, count)
  if (fields.configStale === true) add(fold.stale, minute, count)
  const version = nameIn(fields, 'gatewayVersion')
  if (version !== undefined) see(fold.releases, version, at, last)

  const { userPoolId } = fields
  if (typeof userPoolId === 'string' && !fold.pools.has(userPoolId)) {
    const [tenantId, pool] = [nameIn(fields, 'tenantId'), nameIn(fields, 'userPoolId')]
    if (tenantId !== undefined && pool !== undefined) fold.pools.set(pool, tenantId)
  }
  const tenant = tenantOf(fold, ownerOf(line), nameIn(fields, 'customer'))
  add(tenant.all, minute, count)
  add(seriesOf(tenant.steps, step), minute, count)
  add(cellOf(tenant, line).series, minute, count)
  const clientId = nameIn(fields, 'clientId')
  if (clientId !== undefined && step === 'define-auth-challenge' && outcome === 'challenge')
    add(seriesOf(tenant.clients, clientId), minute, count)
  const config = numberOf(fields, 'configVersion')
  if (config !== undefined) see(tenant.configs, config, at, last)
  const secret = numberOf(fields, 'secretVersion')
  if (secret !== undefined) see(tenant.secrets, secret, at, last)
  if (secret !== undefined && outcome === 'correct') see(tenant.right, secret, at, last)
  if (secret !== undefined && reason === 'backend_unauthorized') see(tenant.refused, secret, at, last)
  // A call that failed is counted by its reason.
  if (reason === undefined || outcome !== 'fault') foldCalls(tenant, minute, fields.upstream, count)
}

/** Lines that have only the pool, as when its config could not be read, are the tenant's whose pool it is by other lines. */
export function joinPools({
  tenants,
  pools,
}: {
  readonly tenants: Map<string, TenantFold>
  readonly pools: ReadonlyMap<string, string>
}): void {
  for (const [pool, tenantId] of pools) {
    const nameless = tenants.get(pool)
    if (nameless === undefined || pool === tenantId) continue
    tenants.delete(pool)
    const known = tenants.get(tenantId)
    if (known === undefined) tenants.set(tenantId, nameless)
    else join(known, nameless)
  }
}

function join(tenant: TenantFold, other: TenantFold): void {
  addAll(tenant.all, other.all)
  for (const [key, cell] of other.cells) {
    const known = tenant.cells.get(key)
    if (known === undefined) tenant.cells.set(key, cell)
    else addAll(known.series, cell.series)
  }
  for (const [step, series] of other.steps) addAll(seriesOf(tenant.steps, step), series)
  for (const [client, series] of other.clients) addAll(seriesOf(tenant.clients, client), series)
  for (const [dependency, { all, slow }] of other.calls) {
    const known = tenant.calls.get(dependency)
    if (known === undefined) tenant.calls.set(dependency, { all, slow })
    else {
      addAll(known.all, all)
      for (const [limit, series] of slow) addAll(known.slow.get(limit) ?? createSeries(), series)
    }
  }
  for (const [version, { first, last }] of other.configs) see(tenant.configs, version, first, last)
  for (const [version, { first, last }] of other.secrets) see(tenant.secrets, version, first, last)
  for (const [version, { first, last }] of other.right) see(tenant.right, version, first, last)
  for (const [version, { first, last }] of other.refused) see(tenant.refused, version, first, last)
}

/** Counts an invocation that ended without a closing line. Up to then, all lines were read. */
export function foldBroken(fold: Fold, how: string, minute: number): void {
  fold.last = Math.max(fold.last, timeOfMinute(minute))
  add(seriesOf(fold.broken, how), minute, 1)
}

function foldCalls(tenant: TenantFold, minute: number, upstream: unknown, count: number): void {
  if (typeof upstream !== 'object' || upstream === null) return
  for (const [dependency, ms] of Object.entries(upstream)) {
    if (typeof ms !== 'number' || !isDependency(dependency)) continue
    let calls = tenant.calls.get(dependency)
    if (calls === undefined && tenant.calls.size >= VALUES_MAX) continue
    if (calls === undefined) {
      calls = { all: createSeries(), slow: new Map(SLOW_MS.map((limit) => [limit, createSeries()])) }
      tenant.calls.set(dependency, calls)
    }
    add(calls.all, minute, count)
    for (const [limit, series] of calls.slow) if (ms >= limit) add(series, minute, count)
  }
}

function tenantOf(fold: Fold, name: string, customer: string | undefined): TenantFold {
  const known = fold.tenants.get(name)
  if (known !== undefined) return known
  const tenant: TenantFold = {
    customer,
    all: createSeries(),
    cells: new Map(),
    steps: new Map(),
    clients: new Map(),
    calls: new Map(),
    configs: new Map(),
    secrets: new Map(),
    right: new Map(),
    refused: new Map(),
  }
  fold.tenants.set(name, tenant)
  return tenant
}

/** The key of the cell that a line falls in; the same for all tenants. */
export function cellKeyOf({ step, outcome, reason, fields }: Line): string {
  if (reason === undefined) return `${step} ${outcome}`
  const status = numberOf(fields, 'upstreamStatus')
  const [failed, operation, errorType] = [
    nameIn(fields, 'failed'),
    nameIn(fields, 'operation'),
    nameIn(fields, 'upstreamErrorType'),
  ]
  return [step, outcome, reason, failed, operation, status, errorType].join(' ')
}

function cellOf(tenant: TenantFold, line: Line): Cell {
  const full = tenant.cells.size >= CELLS_MAX
  const key = full && !tenant.cells.has(cellKeyOf(line)) ? OTHERS : cellKeyOf(line)
  const known = tenant.cells.get(key)
  if (known !== undefined) return known
  if (key === OTHERS) return addCell(tenant, key, { ...line, outcome: 'unchanged', reason: undefined, fields: {} })
  return addCell(tenant, key, line)
}

const OTHERS = 'others'

function addCell(tenant: TenantFold, key: string, { step, outcome, reason, fields }: Line): Cell {
  const cell: Cell = {
    step,
    outcome,
    reason,
    failed: nameIn(fields, 'failed'),
    operation: nameIn(fields, 'operation'),
    status: numberOf(fields, 'upstreamStatus'),
    errorType: nameIn(fields, 'upstreamErrorType'),
    series: createSeries(),
  }
  tenant.cells.set(key, cell)
  return cell
}

function seriesOf<K>(series: Map<K, Series>, key: K): Series {
  const known = series.get(key)
  if (known !== undefined) return known
  const created = createSeries()
  if (series.size < VALUES_MAX) series.set(key, created)
  return created
}

function see<K>(spans: Map<K, Span>, key: K, at: number, last: number): void {
  const span = spans.get(key)
  if (span === undefined) {
    if (spans.size < VALUES_MAX) spans.set(key, { first: at, last })
    return
  }
  span.first = Math.min(span.first, at)
  span.last = Math.max(span.last, last)
}

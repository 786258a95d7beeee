import { type Line, textOf } from './line.js'
import { createSelect, type Interval, type Selection } from './select.js'

/** Lines that wait for their tenant; of more the oldest are forgotten. */
const WAITING_MAX = 10_000

/** Lines that are asked for, those among them that name their tenant by its pool alone. */
export interface Whose {
  /** The lines that are now known to be asked for, in their order; a line of a pool may have to wait until one says whose it is. */
  take(line: Line): readonly Line[]
  /** The tenant's pools, as far as they are known by now. */
  readonly pools: ReadonlySet<string>
  /** The pools of those that still wait. */
  waiting(): ReadonlySet<string>
}

/**
 * Tells which lines are asked for. What fails before the tenant is known has only a pool: it is the tenant's if a line of it,
 * or the table, names the pool as its own.
 * @param known pools of the tenant
 */
export function createWhose(selection: Selection, interval: Interval, known: Iterable<string> = []): Whose {
  const { tenant, ...others } = selection
  const select = createSelect(selection, interval)
  const selectAny = createSelect(others, interval)
  const pools = new Set(known)
  let waiting: Line[] = []

  function take(line: Line): readonly Line[] {
    if (tenant === undefined) return select(line) ? [line] : []
    const [tenantId, pool] = [textOf(line.fields, 'tenantId'), textOf(line.fields, 'userPoolId')]
    if (tenantId === undefined) {
      if (pool === undefined || !selectAny(line)) return []
      if (pools.has(pool)) return [line]
      waiting.push(line)
      if (waiting.length >= 2 * WAITING_MAX) waiting = waiting.slice(-WAITING_MAX)
      return []
    }
    const before = tenantId === tenant && pool !== undefined && !pools.has(pool) ? claim(pool) : []
    return select(line) ? [...before, line] : before
  }

  /** The lines that waited for a pool's tenant. */
  function claim(pool: string): readonly Line[] {
    pools.add(pool)
    const isIts = ({ fields }: Line) => textOf(fields, 'userPoolId') === pool
    const its = waiting.filter(isIts)
    waiting = waiting.filter((line) => !isIts(line))
    return its
  }

  const poolsOf = (lines: readonly Line[]) => new Set(lines.flatMap(({ fields }) => textOf(fields, 'userPoolId') ?? []))
  return { take, pools, waiting: () => poolsOf(waiting) }
}

import { type Line, nameIn } from '../../operator/lines/line.js'
import type { Selection } from '../../operator/lines/select.js'
import { WrongUsage } from '../../terminal/failure.js'
import { closestNames } from '../../terminal/text.js'

/** More names are not told at once. */
const NAMED_MAX = 40
/** Names among which one that was mistyped is looked for. */
const SEEN_MAX = 10_000

/** Flags that name what lines have, and how a line says it. */
const FLAGS = {
  tenant: ({ fields }: Line) => nameIn(fields, 'tenantId'),
  pool: ({ fields }: Line) => nameIn(fields, 'userPoolId'),
  customer: ({ fields }: Line) => nameIn(fields, 'customer'),
  client: ({ fields }: Line) => nameIn(fields, 'clientId'),
  release: ({ fields }: Line) => nameIn(fields, 'gatewayVersion'),
  step: ({ step }: Line) => (/^[a-z-]+$/.test(step) ? step : undefined),
} as const
type Named = keyof typeof FLAGS
const named = Object.keys(FLAGS) as readonly Named[]

/** The names on lines, of each kind that was asked for. */
export interface Names {
  see(line: Line): void
  /** Adds names that other than lines tell. */
  add(flag: Named, names: Iterable<string>): void
  /**
   * Looks for what was asked for among them.
   * @returns the flags whose names are nowhere, with no name that is like them
   * @throws WrongUsage with the names that are like one that is nowhere
   */
  check(): readonly string[]
}

export function createNames(selection: Selection): Names {
  const asked = named.flatMap((flag) => {
    const name = selection[flag]
    return name === undefined ? [] : [{ flag, name, seen: new Set<string>() }]
  })
  return {
    see(line) {
      for (const { flag, seen } of asked) {
        const name = FLAGS[flag](line)
        if (name !== undefined && seen.size < SEEN_MAX) seen.add(name)
      }
    },
    add(flag, names) {
      for (const one of asked) if (one.flag === flag) for (const name of names) one.seen.add(name)
    },
    check() {
      return asked.flatMap(({ flag, name, seen }) => {
        const isPart = flag === 'step' || flag === 'client'
        const isThere = isPart ? [...seen].some((one) => one.includes(name)) : seen.has(name)
        if (isThere || seen.size >= SEEN_MAX) return []
        assertKnown(`--${flag}`, name, [...seen], false)
        return [`--${flag}`]
      })
    },
  }
}

/**
 * Refuses a name that is none of those that there are: no line would have it.
 * @param whole there are no others; else a name that is like none of them may be right
 * @throws WrongUsage with the names that are like it
 */
export function assertKnown(flag: string, name: string | undefined, names: readonly string[], whole = true): void {
  if (name === undefined || names.includes(name)) return
  const closest = closestNames(names, name)
  if (!whole && closest.length === 0) return
  const many = names.length > NAMED_MAX ? 'corbado-gateway reasons lists all' : `there are ${names.join(', ')}`
  const hint = closest.length > 0 ? `did you mean ${closest.join(' or ')}?` : many
  throw new WrongUsage(`${flag} ${JSON.stringify(name)} is on no line: ${hint}`)
}

import type { Fields } from './line.js'
import type { Selection } from './select.js'

/** A field, and the text that it has, or that is part of it. */
interface Term {
  readonly field: keyof Fields
  readonly value: string
  readonly part?: boolean
}

/**
 * What lines are looked for at their source: of each group one term must hold. What cannot be said there is left out, so that
 * lines may come that nobody asked for, and none is missing: whoever asks looks at each again.
 */
export type Where = readonly (readonly Term[])[]

/** The most that a filter pattern may have, in characters (fact A48). */
const PATTERN_LENGTH_MAX = 1_024
/** Texts that mean themselves in a pattern and in a query. */
const PLAIN = /^[\w .:/@+=,-]{1,200}$/

/** Can a text be looked for at the source? */
export const isPlain = (text: string) => PLAIN.test(text)

const same = (field: keyof Fields, value: string | undefined): Where =>
  value === undefined ? [] : [[{ field, value }]]

/**
 * What a selection asks for.
 * @param pools of the tenant: what fails before the tenant is known has only its pool
 */
export function whereOf(selection: Selection, pools: ReadonlySet<string> = new Set()): Where {
  const { step, client } = selection
  const ofPools = [...pools].map((value): Term => ({ field: 'userPoolId', value }))
  return [
    ...same('tenantId', selection.tenant).map((terms) => [...terms, ...ofPools]),
    ...same('userPoolId', selection.pool),
    ...same('customer', selection.customer),
    ...same('outcome', selection.outcome),
    ...same('reason', selection.reason),
    ...same('level', selection.level),
    ...same('flowId', selection.flow),
    ...same('requestId', selection.ref),
    ...same('gatewayVersion', selection.release),
    ...same('user', selection.user),
    ...(step === undefined
      ? []
      : [(['trigger', 'action', 'door', 'msg'] as const).map((field) => ({ field, value: step, part: true }))]),
    ...(client === undefined ? [] : [[{ field: 'clientId', value: client, part: true } as const]]),
  ]
}

/** Lines of a tenant, named by its id or its pool. */
export const ofTenant = (tenant: string): Where => [
  [
    { field: 'tenantId', value: tenant },
    { field: 'userPoolId', value: tenant },
  ],
]

/** As a filter pattern: closing lines alone, which have an outcome. */
export function patternOf(where: Where): string {
  const groups = where.flatMap((terms) => {
    if (!terms.every(({ value }) => isPlain(value))) return []
    const tests = terms.map(({ field, value, part }) => `$.${field} = "${part ? `*${value}*` : value}"`)
    return [tests.length === 1 ? tests.join() : `(${tests.join(' || ')})`]
  })
  let pattern = '$.outcome = "*"'
  for (const group of groups)
    if (pattern.length + group.length + 8 <= PATTERN_LENGTH_MAX) pattern = `${pattern} && ${group}`
  return `{ ${pattern} }`
}

/** As the condition of a query. */
export function conditionOf(where: Where): string {
  const groups = where.flatMap((terms) => {
    if (!terms.every(({ value }) => isPlain(value))) return []
    const tests = terms.map(({ field, value, part }) =>
      part ? `strcontains(${field}, "${value}")` : `${field} = "${value}"`,
    )
    return [tests.length === 1 ? tests.join() : `(${tests.join(' or ')})`]
  })
  return ['ispresent(outcome)', ...groups].join(' and ')
}

import { isFields } from '../../fields.js'
import type { UserPoolId } from '../../ids.js'
import { npxLine, type Wiring, wireWords } from '../../operator/pool/line.js'
import { NotPossible } from '../../terminal/failure.js'
import type { WholeUserPool } from '../../upstreams/operator.js'
import { TOOLS } from './managed.js'

/**
 * Names what Cognito answered and this version does not know, at any depth, e.g. `Policies.NewPolicy`: an update would reset
 * it, and reading the pool again through the same model would not show that. A null says what leaving it out says.
 * @param known the same answer, read by the model
 */
export function unknownKeys(raw: unknown, known: unknown, path = ''): readonly string[] {
  if (Array.isArray(raw)) {
    const [items, read] = [raw.filter((item) => item !== null), Array.isArray(known) ? known : []]
    return [...new Set(items.flatMap((item, index) => unknownKeys(item, read[index], path)))]
  }
  if (!isFields(raw)) return []
  const fields = isFields(known) ? known : {}
  return Object.entries(raw).flatMap(([key, value]) => {
    const at = path === '' ? key : `${path}.${key}`
    if (value === null) return []
    return fields[key] === undefined ? [at] : unknownKeys(value, fields[key], at)
  })
}

/** The keys of a pool that this version does not know. */
export const unknownIn = ({ raw, userPool }: WholeUserPool): readonly string[] => unknownKeys(raw, userPool)

/** Says that a pool is not written because of them, and what to do. */
export function unknownText(unknown: readonly string[], userPoolId: UserPoolId, wiring: Wiring | undefined): string {
  const settings = unknown.length === 1 ? 'a setting' : 'settings'
  const tools = wiring
    ? `, or make the change with the tool that manages the pool:\n  ${TOOLS.map((tool) => npxLine([...wireWords('plan', userPoolId, wiring), '--as', tool])).join('\n  ')}`
    : ', or put the triggers back by hand, as the snapshot names them'
  return (
    `this version does not know ${settings} of the pool, and sending the pool back would reset them: ${unknown.join(', ')}. ` +
    `Use a newer version${tools}`
  )
}

/** @throws NotPossible if the pool has settings that an update would lose */
export function assertKnownWhole(pool: WholeUserPool, userPoolId: UserPoolId, wiring: Wiring | undefined): void {
  const unknown = unknownIn(pool)
  if (unknown.length > 0) throw new NotPossible(`nothing was changed: ${unknownText(unknown, userPoolId, wiring)}`)
}

import { poolOfArn } from '../pool/arn.js'
import { aliasPolicyBytes, POLICY_BYTES_MAX } from './policy.js'

/** An alias of the gateway's function, as the planner sees it. */
export interface AliasUse {
  readonly alias: string
  /** ARNs of the pools that it lets in already, or will once they are granted. */
  readonly poolArns: readonly string[]
  /** Its policy holds what is not ours: nothing is added to it until an operator has looked. */
  readonly closed?: boolean
}

interface PlannedAlias {
  readonly alias: string
  /** No pool uses it yet: it is to be made. */
  readonly isNew: boolean
}

/** Aliases of another name are used only if they are asked for by name. */
const numbered = /^t-([1-9]\d{0,8})$/

/**
 * Chooses the alias for a pool: the one that has it, else the first `t-<n>` whose policy has room, else a new one.
 * @param functionArn without version or alias
 */
export function planAlias(aliases: readonly AliasUse[], poolArn: string, functionArn: string): PlannedAlias {
  const userPoolId = poolOfArn(poolArn)?.userPoolId
  const holder = aliases.find(({ poolArns }) => poolArns.some((arn) => poolOfArn(arn)?.userPoolId === userPoolId))
  if (holder) return { alias: holder.alias, isNew: false }
  const byNumber = aliases
    .map((use) => ({ ...use, number: Number(numbered.exec(use.alias)?.[1] ?? 0) }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => a.number - b.number)
  const free = byNumber.find(
    ({ alias, poolArns, closed }) => !closed && hasRoom(`${functionArn}:${alias}`, [...poolArns, poolArn]),
  )
  if (free) return { alias: free.alias, isNew: false }
  return { alias: `t-${(byNumber.at(-1)?.number ?? 0) + 1}`, isNew: true }
}

/** Would the policy that lets these pools in fit? */
export function hasRoom(aliasArn: string, poolArns: readonly string[]): boolean {
  return aliasPolicyBytes(aliasArn, poolArns) <= POLICY_BYTES_MAX
}

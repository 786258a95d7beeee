import { isDeepStrictEqual } from 'node:util'
import { hasRoom } from '../../operator/aliases/choose.js'
import {
  type AliasPolicy,
  aliasPolicyText,
  POLICY_BYTES_MAX,
  type PolicyFault,
  readAliasPolicy,
} from '../../operator/aliases/policy.js'
import { operatorCall } from '../../operator/upstreams.js'
import { NotPossible } from '../../terminal/failure.js'
import type { FunctionAliases, PolicyWrite } from '../../upstreams/operator.js'

/** Once, and again if another writer was faster. */
const TRIES_MAX = 3

/** One change of one alias's policy. */
interface AliasEdit {
  readonly alias: string
  readonly aliasArn: string
  /** What the policy may lose: its faults as they were shown to the person who agreed. */
  readonly agreed: readonly PolicyFault[]
  /** The pools that are to be let in, of those that are now; may run several times. */
  pools(now: readonly string[]): readonly string[]
}

interface EditedAlias {
  readonly written: boolean
  /** As it is now. */
  readonly policy: AliasPolicy
}

/** The policy of an alias as it is now. */
export async function fetchAliasPolicy(
  aliases: FunctionAliases,
  alias: string,
  aliasArn: string,
): Promise<AliasPolicy> {
  const found = await aliases.fetchPolicy(alias, operatorCall())
  return readAliasPolicy(aliasArn, found?.policy)
}

/**
 * Writes the whole policy of an alias, under the revision that was read; reads again if it has changed.
 * @throws NotPossible if it has no room, holds faults that were not agreed to be lost, or keeps changing
 */
export async function editAlias(aliases: FunctionAliases, edit: AliasEdit): Promise<EditedAlias> {
  const { alias, aliasArn, agreed } = edit
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const found = await aliases.fetchPolicy(alias, operatorCall())
    const policy = readAliasPolicy(aliasArn, found?.policy)
    if (!isDeepStrictEqual(policy.faults, agreed)) {
      throw new NotPossible(
        `the policy of ${alias} is not the one that was shown: look at it again. Nothing was written.`,
      )
    }
    const wanted = edit.pools(policy.poolArns)
    if (policy.faults.length === 0 && isDeepStrictEqual([...wanted].sort(), policy.poolArns)) {
      return { written: false, policy }
    }
    if (!hasRoom(aliasArn, wanted)) throw full(alias)
    const text = aliasPolicyText(aliasArn, wanted)
    const outcome = await write(aliases, alias, wanted.length === 0 ? undefined : text, found?.revisionId)
    if (outcome === 'too-long') throw full(alias)
    if (outcome === 'changed-meanwhile') continue
    // A first policy is written under no revision, and the older calls make it of several statements: another look tells
    // whether another writer was there at the same time, and what the policy is.
    const sure = found !== undefined && !aliases.olderCalls
    const now = sure
      ? readAliasPolicy(aliasArn, wanted.length === 0 ? undefined : text)
      : await fetchAliasPolicy(aliases, alias, aliasArn)
    if (now.faults.length === 0 && isDeepStrictEqual([...wanted].sort(), now.poolArns))
      return { written: true, policy: now }
  }
  throw new NotPossible(
    `the policy of ${alias} was changed by others ${TRIES_MAX} times meanwhile; nothing was written. Try again.`,
  )
}

async function write(
  aliases: FunctionAliases,
  alias: string,
  text: string | undefined,
  revisionId: string | undefined,
): Promise<PolicyWrite> {
  const call = operatorCall()
  if (text !== undefined) return aliases.putPolicy(alias, text, revisionId, call)
  return revisionId === undefined ? 'written' : aliases.deletePolicy(alias, revisionId, call)
}

function full(alias: string): NotPossible {
  return new NotPossible(
    `the policy of ${alias} has no room for this pool (${POLICY_BYTES_MAX} bytes). Give the tenant's file another ` +
      'alias, apply it, grant that one, and have the customer wire its ARN.',
  )
}

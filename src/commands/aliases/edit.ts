import { isDeepStrictEqual } from 'node:util'
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
  /** What the policy is to lose: the faults of all that others wrote, as they were shown. Undefined: all of that stays. */
  readonly loses?: readonly PolicyFault[]
  /** The pools that our statement is to let in, given the policy as it is; may run several times. */
  pools(now: AliasPolicy): readonly string[]
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
 * Writes the policy of an alias, under the revision that was read; reads again if it has changed. What others wrote stays as
 * it stands, unless that is what the policy is to lose.
 * @throws NotPossible if it cannot be read, has no room, is to lose other things than were shown, or keeps changing
 */
export async function editAlias(aliases: FunctionAliases, edit: AliasEdit): Promise<EditedAlias> {
  const { alias, aliasArn, loses } = edit
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const found = await aliases.fetchPolicy(alias, operatorCall())
    const policy = readAliasPolicy(aliasArn, found?.policy)
    assertReadable(policy, alias, aliasArn)
    if (loses && !isDeepStrictEqual(policy.faults, loses)) {
      throw new NotPossible(
        `the policy of ${alias} is not the one that was shown: look at it again. Nothing was written.`,
      )
    }
    const wanted = edit.pools(policy)
    const others = loses ? [] : policy.others
    const isDone = ({ ownArns, faults }: AliasPolicy) =>
      isDeepStrictEqual([...wanted].sort(), ownArns) && (loses === undefined || faults.length === 0)
    if (isDone(policy)) return { written: false, policy }
    const text = wanted.length + others.length === 0 ? undefined : aliasPolicyText(aliasArn, wanted, others)
    if (text !== undefined && Buffer.byteLength(text) > POLICY_BYTES_MAX) throw full(alias)
    const outcome = await write(aliases, alias, text, found?.revisionId)
    if (outcome === 'too-long') throw full(alias)
    if (outcome === 'changed-meanwhile') continue
    // A first policy is written under no revision, and the older calls make it of several statements: another look tells
    // whether another writer was there at the same time, and what the policy is.
    const sure = found !== undefined && !aliases.olderCalls
    const now = sure ? readAliasPolicy(aliasArn, text) : await fetchAliasPolicy(aliases, alias, aliasArn)
    if (isDone(now)) return { written: true, policy: now }
  }
  throw new NotPossible(
    `the policy of ${alias} was changed by others ${TRIES_MAX} times meanwhile; nothing was written. Try again.`,
  )
}

/** @throws NotPossible if what the policy says is not known: nothing of it could be kept */
export function assertReadable({ faults }: AliasPolicy, alias: string, aliasArn: string): void {
  if (!faults.some(({ kind }) => kind === 'unreadable')) return
  throw new NotPossible(
    `the policy of ${alias} cannot be read, so it is not known who is let in: nothing was written. Look at it: ` +
      `aws lambda get-resource-policy --resource-arn ${aliasArn}`,
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

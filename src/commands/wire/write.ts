import { isDeepStrictEqual } from 'node:util'
import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { pause } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import { saidOf } from '../../operator/attempt.js'
import { NotPossible } from '../../terminal/failure.js'
import type { WholeUserPool } from '../../upstreams/operator.js'
import { changedTriggers, type WirePlan } from './changes.js'
import type { OwnedPool } from './pool.js'
import { poolDifferences, poolUpdate } from './request.js'
import { unknownIn } from './unknown.js'

/** Pause before the second try: Cognito lets one change of a pool happen at a time, and each is short. */
const RETRY_MS = 500

interface WireWrite {
  readonly pool: OwnedPool
  /** What was shown; nothing else is written. */
  readonly shown: WirePlan
  planOf(pool: UserPoolType): WirePlan
  /** Throws if the pool, as it is now, must not be written. */
  check(pool: WholeUserPool): void
  /** Called with what is about to be replaced. */
  keep(pool: WholeUserPool): Promise<void>
  /** Called if, after all, nothing was. */
  discard(): Promise<void>
}

/**
 * Reads the pool again, so that what changed since it was shown survives, writes it back with the shown changes, and reads
 * it once more.
 * @returns the names of what is not as it was meant to be
 * @throws NotPossible if nothing was changed, or that is not known
 */
export async function writeWiring(write: WireWrite): Promise<readonly string[]> {
  const written = (await writeOnce(write)) ?? (await pause(RETRY_MS, write.pool.clock).then(() => writeOnce(write)))
  if (written) return written
  throw new NotPossible('another change of the pool is under way; nothing was changed. Try again in a minute')
}

/** Undefined if another change was in the way. */
async function writeOnce({
  pool,
  shown,
  planOf,
  check,
  keep,
  discard,
}: WireWrite): Promise<readonly string[] | undefined> {
  const whole = await pool.describe()
  const { userPool: before } = whole
  check(whole)
  const plan = planOf(before)
  if (!isDeepStrictEqual(plan, shown)) {
    throw new NotPossible(
      "the pool's triggers were changed meanwhile; nothing was changed. The same command plans again",
    )
  }
  const lambdaConfig = changedTriggers(before, plan.changes)
  await keep(whole)
  const outcome = await pool.update(poolUpdate(before, lambdaConfig)).catch(async (error: unknown) => {
    if (!isUpstreamError(error)) {
      await discard()
      throw error
    }
    throw new NotPossible(`it is not known whether the pool was changed (${saidOf(error)}): look with wire plan`)
  })
  if (outcome.kind === 'written') {
    const after = await readAgain(pool)
    return [...poolDifferences(before, lambdaConfig, after.userPool), ...unknownIn(after)]
  }
  await discard()
  if (outcome.kind === 'changed-meanwhile') return undefined
  throw new NotPossible(
    `Cognito refused the change, and nothing was changed: ${outcome.said}. ` +
      'A change of triggers sends every setting back as it is; one that Cognito no longer takes must be fixed first',
  )
}

async function readAgain(pool: OwnedPool): Promise<WholeUserPool> {
  try {
    return await pool.describe()
  } catch (error) {
    const why = isUpstreamError(error) ? saidOf(error) : String(error)
    throw new NotPossible(`the pool was changed, but could not be read again to check it (${why}): look with wire plan`)
  }
}

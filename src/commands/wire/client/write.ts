import { isDeepStrictEqual } from 'node:util'
import { pause } from '../../../call.js'
import { isUpstreamError } from '../../../errors.js'
import { saidOf } from '../../../operator/attempt.js'
import { NotPossible } from '../../../terminal/failure.js'
import type { WholeClient } from '../../../upstreams/operator.js'
import type { OwnedPool } from '../pool.js'
import { unknownKeys } from '../unknown.js'
import { clientDifferences, clientUpdate, type FlowPlan } from './request.js'

/** Cognito lets one change happen at a time, and each is short. */
const RETRY_MS = 500

interface ClientWrite {
  readonly pool: OwnedPool
  readonly clientId: string
  /** What was shown; nothing else is written. */
  readonly shown: FlowPlan
  planOf(client: WholeClient['client']): FlowPlan
}

/** The settings of an app client that this version does not know. */
export const unknownInClient = ({ raw, client }: WholeClient): readonly string[] => unknownKeys(raw, client)

/** Says that an app client is not written because of them, and what to do. */
export function unknownClientText(unknown: readonly string[]): string {
  const settings = unknown.length === 1 ? 'a setting' : 'settings'
  return (
    `this version does not know ${settings} of the app client, and sending it back would reset them: ${unknown.join(', ')}. ` +
    'Use a newer version, or tick ALLOW_CUSTOM_AUTH in the Cognito console'
  )
}

/**
 * Reads the app client again, so that what changed since it was shown survives, writes it back with the shown flows, and reads
 * it once more.
 * @returns the names of what is not as it was meant to be
 * @throws NotPossible if nothing was changed, or that is not known
 */
export async function writeClient(write: ClientWrite): Promise<readonly string[]> {
  const written = (await writeOnce(write)) ?? (await pause(RETRY_MS, write.pool.clock).then(() => writeOnce(write)))
  if (written) return written
  throw new NotPossible('another change of the pool is under way; nothing was changed. Try again in a minute')
}

/** Undefined if another change was in the way. */
async function writeOnce({ pool, clientId, shown, planOf }: ClientWrite): Promise<readonly string[] | undefined> {
  const whole = await pool.describeClient(clientId)
  const unknown = unknownInClient(whole)
  if (unknown.length > 0) throw new NotPossible(`nothing was changed: ${unknownClientText(unknown)}`)
  const { client: before } = whole
  const plan = planOf(before)
  if (!isDeepStrictEqual(plan, shown)) {
    throw new NotPossible(
      "the app client's flows were changed meanwhile; nothing was changed. The same command plans again",
    )
  }
  const outcome = await pool.updateClient(clientUpdate(before, plan)).catch((error: unknown) => {
    if (!isUpstreamError(error)) throw error
    throw new NotPossible(
      `it is not known whether the app client was changed (${saidOf(error)}): the same command says what it allows now`,
    )
  })
  if (outcome.kind === 'changed-meanwhile') return undefined
  if (outcome.kind === 'refused') {
    throw new NotPossible(
      `Cognito refused the change, and nothing was changed: ${outcome.said}. ` +
        'A change of the flows sends every setting back as it is; one that Cognito no longer takes must be fixed first',
    )
  }
  const after = await readAgain(pool, clientId)
  return [...clientDifferences(before, plan, after.client), ...unknownInClient(after)]
}

async function readAgain(pool: OwnedPool, clientId: string): Promise<WholeClient> {
  try {
    return await pool.describeClient(clientId)
  } catch (error) {
    const why = isUpstreamError(error) ? saidOf(error) : error instanceof Error ? error.message : String(error)
    throw new NotPossible(
      `the app client was changed, but could not be read again to check it (${why}): the same command says what it allows now`,
    )
  }
}

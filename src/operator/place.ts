import { createCall } from '../call.js'
import type { Env } from '../env.js'
import { isUpstreamError } from '../errors.js'
import type { CommandIo } from '../terminal/io.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { saidOf } from './attempt.js'

/** What a plan speaks of, and as whom: the wrong table, or the wrong account, is seen before a yes. */
export interface PlanPlace {
  readonly table: string
  readonly region: string
  /** The account of the credentials, which is the table's, and who they are; or what STS said instead. */
  readonly accountId?: string
  readonly as?: string
  readonly unknown?: string
}

/** A plan is worth more than the name at its head. */
const IDENTITY_MS = 5_000

/** Asks STS whose credentials these are; if it does not say, the plan is shown without that. */
export async function fetchPlace(
  { callerIdentity }: Pick<OperatorUpstreams, 'callerIdentity'>,
  { awsRegion: region, tenantTable: table }: Env,
  { clock }: Pick<CommandIo, 'clock'>,
): Promise<PlanPlace> {
  try {
    const { accountId, arn } = await callerIdentity(createCall(IDENTITY_MS, clock))
    return { table, region, accountId, as: arn }
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    return { table, region, unknown: saidOf(error) }
  }
}

/** The head of a plan. */
export function placeText({ table, region, accountId, as, unknown }: PlanPlace): string {
  const who = as === undefined ? `in an account that is not known (${unknown})` : `of account ${accountId}\n  as ${as}`
  return `table ${table} in ${region} ${who}\n`
}

import type { Clock } from '../../call.js'
import { parseEnv } from '../../env.js'
import { EnvInvalid } from '../../errors.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'
import { fetchPlace, type PlanPlace } from '../place.js'
import { regionOf } from '../pool/arn.js'
import { type OperatorSettings, readOperatorSettings } from '../settings.js'
import { withUpstreams } from '../upstreams.js'

/** The gateway's function in one region, and all that its aliases have to do with. */
export interface AliasPlace {
  readonly upstreams: OperatorUpstreams
  readonly region: string
  /** Without version or alias. */
  readonly functionArn: string
  readonly actionsAlias: string
  readonly clock: Clock
  /** Table, region, account and role, for the head of a change. */
  fetchHead(): Promise<PlanPlace>
}

const OLDER_CALLS =
  "this endpoint does not know Lambda's calls on whole resource policies (GetResourcePolicy, 2026-07): GetPolicy, " +
  'AddPermission and RemovePermission were used, with one statement a pool, of which an alias has room for fewer'

/**
 * Does work on the aliases of the gateway's function.
 * @param needed what else the work needs to be set, so that all that is missing is told at once
 * @throws GW_ERR_ENV_INVALID if a setting is missing or wrong, or the function is of another region than the table
 */
export async function withAliases<T>(
  io: CommandIo,
  work: (place: AliasPlace) => Promise<T>,
  needed: readonly (keyof OperatorSettings)[] = [],
): Promise<T> {
  const { gatewayFunctionArn: functionArn } = readOperatorSettings(io.env, ['gatewayFunctionArn', ...needed])
  assertRegion(functionArn, parseEnv(io.env).awsRegion)
  return withUpstreams(io, async (upstreams, env) => {
    const { awsRegion: region, actionsAlias } = env
    const done = await work({
      ...{ upstreams, region, functionArn, actionsAlias, clock: io.clock },
      fetchHead: () => fetchPlace(upstreams, env, io),
    })
    if (upstreams.aliases.olderCalls) writeNote(io, 'note', OLDER_CALLS)
    return done
  })
}

/** Every region has a function of its own: a pool is let in to that of its own region alone. */
export function assertRegion(functionArn: string, region: string): void {
  if (regionOf(functionArn) === region) return
  throw new EnvInvalid(`GATEWAY_FUNCTION_ARN must be of the region in AWS_REGION (${region}), but is "${functionArn}".`)
}

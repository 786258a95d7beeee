import type { Clock } from '../../call.js'
import { EnvInvalid } from '../../errors.js'
import { type CommandIo, writeNote } from '../../terminal/io.js'
import type { OperatorUpstreams } from '../../upstreams/operator.js'
import { regionOf } from '../pool/arn.js'
import { readOperatorSettings } from '../settings.js'
import { withUpstreams } from '../upstreams.js'

/** The gateway's function in one region, and all that its aliases have to do with. */
export interface AliasPlace {
  readonly upstreams: OperatorUpstreams
  readonly region: string
  /** Without version or alias. */
  readonly functionArn: string
  readonly actionsAlias: string
  readonly clock: Clock
}

const OLDER_CALLS =
  "this endpoint does not know Lambda's calls on whole resource policies (GetResourcePolicy, 2026-07): GetPolicy, " +
  'AddPermission and RemovePermission were used, with one statement a pool, of which an alias has room for fewer'

/**
 * Does work on the aliases of the gateway's function.
 * @throws GW_ERR_ENV_INVALID if a setting is missing or wrong, or the function is of another region than the table
 */
export async function withAliases<T>(io: CommandIo, work: (place: AliasPlace) => Promise<T>): Promise<T> {
  const { gatewayFunctionArn: functionArn } = readOperatorSettings(io.env, ['gatewayFunctionArn'])
  return withUpstreams(io, async (upstreams, { awsRegion: region, actionsAlias }) => {
    assertRegion(functionArn, region)
    const done = await work({ upstreams, region, functionArn, actionsAlias, clock: io.clock })
    if (upstreams.aliases.olderCalls) writeNote(io, 'note', OLDER_CALLS)
    return done
  })
}

/** Every region has a function of its own: a pool is let in to that of its own region alone. */
export function assertRegion(functionArn: string, region: string): void {
  if (regionOf(functionArn) === region) return
  throw new EnvInvalid(`GATEWAY_FUNCTION_ARN must be of the region in AWS_REGION (${region}), but is "${functionArn}".`)
}

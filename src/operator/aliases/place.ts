import type { Clock } from '../../call.js'
import { EnvInvalid } from '../../errors.js'
import type { CommandIo } from '../../terminal/io.js'
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

/**
 * Does work on the aliases of the gateway's function.
 * @throws GW_ERR_ENV_INVALID if a setting is missing or wrong, or the function is of another region than the table
 */
export async function withAliases<T>(io: CommandIo, work: (place: AliasPlace) => Promise<T>): Promise<T> {
  const { gatewayFunctionArn: functionArn } = readOperatorSettings(io.env, ['gatewayFunctionArn'])
  return withUpstreams(io, async (upstreams, { awsRegion: region, actionsAlias }) => {
    assertRegion(functionArn, region)
    return work({ upstreams, region, functionArn, actionsAlias, clock: io.clock })
  })
}

/** Every region has a function of its own: a pool is let in to that of its own region alone. */
export function assertRegion(functionArn: string, region: string): void {
  if (regionOf(functionArn) === region) return
  throw new EnvInvalid(`GATEWAY_FUNCTION_ARN must be of the region in AWS_REGION (${region}), but is "${functionArn}".`)
}

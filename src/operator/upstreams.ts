import { type Call, createCall } from '../call.js'
import { type Env, parseEnv } from '../env.js'
import type { CommandIo } from '../terminal/io.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { readOperatorSettings } from './settings.js'

/** Longest that one request to AWS may take; no sign-in waits for it. */
const AWS_CALL_MS = 60_000

/** The time of one request of an operator's. */
export function operatorCall(): Call {
  return createCall(AWS_CALL_MS)
}

/**
 * Does work that needs the table's region: reads the settings, opens what is outside the process and closes it again.
 * @throws GW_ERR_ENV_INVALID if a setting is missing or wrong
 */
export async function withUpstreams<T>(
  io: CommandIo,
  work: (upstreams: OperatorUpstreams, env: Env) => Promise<T>,
): Promise<T> {
  const env = parseEnv(io.env)
  const { gatewayFunctionArn: functionArn } = readOperatorSettings(io.env)
  // The AWS SDK takes longer to load than all the rest, and wrong settings are told without it.
  const { createOperatorUpstreams } = await import('../upstreams/operator.js')
  const { awsRegion: region, tenantTable, actionsAlias } = env
  const upstreams = createOperatorUpstreams({ region, tenantTable, functionArn, actionsAlias, proxies: env }, io.clock)
  try {
    return await work(upstreams, env)
  } finally {
    await upstreams.close()
  }
}

import { type Clock, systemClock } from '../call.js'
import type { Env } from '../env.js'
import { isUpstreamError, type Upstream } from '../errors.js'
import { type CommandIo, writeNote } from '../terminal/io.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { createPatientCall, type PatientCall } from '../upstreams/patience.js'
import { explained } from './advice.js'
import { NAMES } from './attempt.js'
import { parseCommandEnv, readOperatorSettings } from './settings.js'
import { createSignIn } from './sign-in.js'
import { NoSuchTenant, withUnapplied } from './unapplied.js'

/** Longest that one request to AWS may take; no sign-in waits for it. */
const AWS_CALL_MS = 60_000

/** The time of one request of an operator's. If AWS says that it is asked too much, it is waited for. */
export function operatorCall(budgetMs = AWS_CALL_MS, clock: Clock = systemClock): PatientCall {
  return createPatientCall(budgetMs, clock)
}

/** Says on stderr that a dependency is waited for, where a bar of progress may stand. */
export function tellWait(io: CommandIo): (upstream: Upstream) => void {
  return (upstream) => {
    if (io.stderr.isTTY) io.stderr.write('\r')
    writeNote(io, 'note', `${NAMES[upstream]} is asked more than it allows: waiting, and going on when it can`)
  }
}

/**
 * Does work that needs the table's region: reads the settings, opens what is outside the process and closes it again.
 * @param dir the folder of the tenant files, if the command was told one: a tenant that is not in the table is looked for there
 * @throws GW_ERR_ENV_INVALID if a setting is missing or wrong; NotPossible without credentials, or a way to AWS
 */
export async function withUpstreams<T>(
  io: CommandIo,
  work: (upstreams: OperatorUpstreams, env: Env) => Promise<T>,
  dir?: string,
): Promise<T> {
  const env = parseCommandEnv(io.env)
  const { gatewayFunctionArn: functionArn } = readOperatorSettings(io.env)
  // The AWS SDK takes longer to load than all the rest, and wrong settings are told without it.
  const { createOperatorUpstreams } = await import('../upstreams/operator.js')
  const { awsRegion: region, tenantTable, actionsAlias } = env
  const signIn = createSignIn(io)
  const options = { region, tenantTable, functionArn, actionsAlias, proxies: env, askCode: signIn.askCode }
  const upstreams = createOperatorUpstreams(options, io.clock, tellWait(io))
  try {
    await signIn.run(upstreams)
    return await work(upstreams, env)
  } catch (error) {
    if (error instanceof NoSuchTenant) throw await withUnapplied(error, dir)
    throw isUpstreamError(error) ? explained(error, io.env) : error
  } finally {
    await upstreams.close()
  }
}

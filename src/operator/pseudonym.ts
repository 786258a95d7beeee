import { isUpstreamError } from '../errors.js'
import { attributeFilter, isUsername } from '../ids.js'
import { withDefaults } from '../tenant/config.js'
import { isPseudonymKey, pseudonymOf } from '../tenant/own/pseudonyms.js'
import { roleRequest } from '../tenant/role-request.js'
import { faultLine, NotPossible, WrongUsage } from '../terminal/failure.js'
import type { CommandIo } from '../terminal/io.js'
import type { OperatorUpstreams } from '../upstreams/operator.js'
import { explained } from './advice.js'
import { createAssumeAsDoctor } from './as-doctor.js'
import { isPseudonym } from './lines/select.js'
import type { Opened } from './log-source.js'
import { fetchRecords, findTenant } from './records/find.js'
import { requireConfig } from './records/record.js'
import { readOperatorSettings } from './settings.js'
import { operatorCall, withUpstreams } from './upstreams.js'

type Config = ReturnType<typeof withDefaults>

/**
 * The pseudonym under which lines have a user. What a customer says, an e-mail address or a user name, is looked up in the pool as
 * a pre-login does it; it is neither printed nor kept, and no message repeats it.
 * @param tenant whose user it is
 * @throws WrongUsage without a tenant; NotPossible if the pool knows nobody, or several, of that name
 */
export async function resolveUser(
  io: CommandIo,
  opened: Opened,
  tenant: string | undefined,
  said: string | undefined,
): Promise<string | undefined> {
  if (said === undefined || isPseudonym(said)) return said
  if (tenant === undefined)
    throw new WrongUsage(
      '--user with anything but a pseudonym, u_ and letters, needs to know the tenant: a user is one of its pool',
    )
  if (opened.kind === 'cloudwatch') return await lookUp(io, opened.upstreams, tenant, said)
  return await withUpstreams(io, (upstreams) => lookUp(io, upstreams, tenant, said))
}

async function lookUp(io: CommandIo, upstreams: OperatorUpstreams, tenant: string, said: string): Promise<string> {
  const { pseudonymKeyParameter: parameter } = readOperatorSettings(io.env, ['pseudonymKeyParameter'])
  const key = await fetchKey(io, upstreams, parameter)
  if (!isPseudonymKey(key)) throw new NotPossible(`${parameter} holds no key of pseudonyms: it is too short`)
  const config = withDefaults(requireConfig(findTenant(await fetchRecords(upstreams), tenant)))
  const username = await findUsername(io, upstreams, config, said.trim())
  if (username === undefined)
    throw new NotPossible(`the pool of ${config.tenantId} knows nobody of that name: is it the right tenant?`)
  return pseudonymOf(key, config.userPoolId as Parameters<typeof pseudonymOf>[1], username)
}

/** @throws NotPossible if it cannot be read, with what can be asked without it */
async function fetchKey(io: CommandIo, upstreams: OperatorUpstreams, parameter: string) {
  try {
    return (await upstreams.fetchParameter(parameter, operatorCall())).value.trim()
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    const told = explained(error, io.env)
    const why = isUpstreamError(told) ? faultLine(told) : told.message
    throw new NotPossible(
      `${why}. Without the pseudonym key nobody is found by name: name the login by --ref instead, or leave --user out to see what failed`,
      { cause: error },
    )
  }
}

/** By user name, alias or sub; else by the attribute with which the tenant's users log in. */
async function findUsername(
  io: CommandIo,
  upstreams: OperatorUpstreams,
  config: Config,
  said: string,
): Promise<string | undefined> {
  if (!isUsername(said)) return undefined
  const { tenantId, userPoolId, aws, actions } = config
  const credentials = await credentialsOf(io, upstreams, config).catch((error) => {
    if (!isUpstreamError(error) || error.kind !== 'denied') throw error
    const why = `the role of ${tenantId} does not let us in (sts_denied), so its pool cannot be asked who that is`
    throw new NotPossible(`${why}: ask without --user what broke, or name the login by --ref`, { cause: error })
  })
  const pool = upstreams.userPool(userPoolId, aws.region, credentials)
  try {
    return (await pool.fetchUser(said, operatorCall())).username
  } catch (error) {
    if (!isUpstreamError(error) || error.facts.errorType !== 'UserNotFoundException') throw quiet(error)
  }
  const { identifierAttribute } = actions.preLogin
  const filter = attributeFilter(identifierAttribute, said)
  const found = new Set<string>()
  let token: string | undefined
  do {
    if (filter === undefined) return undefined
    const page = await pool.fetchUsers(filter, token, operatorCall()).catch((error) => {
      throw quiet(error)
    })
    for (const { username, attributes } of page.users)
      if (attributes[identifierAttribute]?.toLowerCase() === said.toLowerCase()) found.add(username)
    token = page.nextToken
  } while (token !== undefined)
  if (found.size > 1)
    throw new NotPossible(`several users of ${tenantId} have this ${identifierAttribute}: name one by the user name`)
  return [...found][0]
}

async function credentialsOf({ env }: CommandIo, upstreams: OperatorUpstreams, config: Config) {
  if (config.aws.roleArn === null) return null
  const { doctorRoleArn } = readOperatorSettings(env, ['doctorRoleArn'])
  const assume = await createAssumeAsDoctor(upstreams, doctorRoleArn, 'corbado-user')
  // Who only looks needs no right to set a factor.
  const looking = { ...config, actions: { ...config.actions, postAppend: { mfa: 'none' as const } } }
  return await assume(roleRequest(looking), operatorCall())
}

/** What Cognito refuses it may repeat in its own words, the name that it was asked for among them. */
function quiet(error: unknown): unknown {
  if (!isUpstreamError(error) || error.kind !== 'rejected') return error
  return new NotPossible(`Cognito did not look the user up (${error.facts.errorType ?? 'rejected'})`)
}

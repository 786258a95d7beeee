import { randomBytes, randomUUID } from 'node:crypto'
import { isUserPoolId, type UserPoolId } from '../../../ids.js'
import type { UserPool } from '../../../upstreams/index.js'
import { type Attempt, attempt, errorTypeOf, isDenied, retryFix, saidOf } from '../../attempt.js'
import { type Check, dependent, type Finding, failed, notCheckable, passed } from './finding.js'
import { noSuchPool, onceAllowed, type Patient, wantedRole } from './patient.js'
import type { RoleExamined, RoleSessions } from './role.js'

const CALL_CHECKS = [
  'may-get-user',
  'may-list-users',
  'may-set-mfa',
  'may-sign-in',
  'may-read-client',
  'no-other-operation',
  'no-other-pool',
] as const

/** Does the role allow what the gateway needs, and nothing else? All probes are about a user who does not exist. */
export async function checkCalls(patient: Patient, sessions: RoleExamined['sessions']): Promise<Finding[]> {
  if (sessions === undefined) return dependent(CALL_CHECKS, 'role-assumable')
  if (sessions === 'own') return CALL_CHECKS.map((check) => ownRole(check, patient))
  return (await Promise.all([checkAllowed(patient, sessions), checkDenied(patient, sessions)])).flat()
}

const OWN_RIGHTS: Readonly<Record<(typeof CALL_CHECKS)[number], string>> = {
  'may-get-user': 'it allows cognito-idp:AdminGetUser on',
  'may-list-users': 'it allows cognito-idp:ListUsers on',
  'may-set-mfa': 'it allows cognito-idp:AdminSetUserMFAPreference on',
  'may-sign-in': 'it allows cognito-idp:AdminInitiateAuth and cognito-idp:AdminRespondToAuthChallenge on',
  'may-read-client': 'it allows cognito-idp:DescribeUserPoolClient on',
  'no-other-operation': 'it allows no other operation of cognito-idp on',
  'no-other-pool': 'it allows cognito-idp on no pool but',
}

/** The doctor does not run as the gateway's function, and the function's role lets in no other. */
function ownRole(check: (typeof CALL_CHECKS)[number], { config, poolArn }: Patient): Finding {
  if (check === 'may-set-mfa' && config.actions.postAppend.mfa === 'none') return NO_FACTOR
  if (check === 'may-sign-in' && !config.actions.postLogin) return NO_SIGN_IN
  if (check === 'may-read-client' && !config.login.claim) return NO_CLAIM
  const what = "Self-hosted: the function's own role is used, which only the function can try."
  const fix = `operator: nothing if the role is as infra/ makes it; else see that ${OWN_RIGHTS[check]} ${poolArn}`
  return { ...notCheckable(check, what, fix), byDesign: true }
}

const NO_FACTOR = passed('may-set-mfa', 'Not needed: post-append sets no factor.')
const NO_SIGN_IN = passed('may-sign-in', 'Not needed: there is no actions.postLogin.')
const NO_CLAIM = passed('may-read-client', 'Not needed: there is no login.claim.')

/** The calls of the gateway, under the session policy that it uses. */
async function checkAllowed(patient: Patient, { narrowed }: RoleSessions): Promise<Finding[]> {
  const { config, upstreams, step } = patient
  const { mfa } = config.actions.postAppend
  const pool = upstreams.userPool(config.userPoolId, config.aws.region, narrowed)
  const noUser = nameOfNoUser()
  const [got, listed, set] = await Promise.all([
    onceAllowed(() => pool.fetchUser(noUser, step()), patient),
    onceAllowed(() => pool.fetchUsers(`username = "${noUser}"`, undefined, step()), patient),
    mfa === 'none' ? undefined : onceAllowed(() => pool.preferMfa(noUser, mfa, step()), patient),
  ])
  return [
    allowedFinding('may-get-user', 'AdminGetUser', got, patient),
    allowedFinding('may-list-users', 'ListUsers', listed, patient),
    set ? allowedFinding('may-set-mfa', 'AdminSetUserMFAPreference', set, patient) : NO_FACTOR,
    config.actions.postLogin ? await checkSignIn(pool, patient) : NO_SIGN_IN,
    config.login.claim ? await checkReadClient(pool, patient) : NO_CLAIM,
  ]
}

/** Both calls of a login, of an app client that does not exist: so no login begins, and no trigger is asked. */
async function checkSignIn(pool: UserPool, patient: Patient): Promise<Finding> {
  const [noClient, username] = [{ clientId: nameOfNoClient() }, nameOfNoUser()]
  const [begun, ended] = await Promise.all([
    attempt(pool.startLogin(noClient, username, patient.step())),
    attempt(pool.answerLogin(noClient, { username, session: NO_SESSION }, 'no answer', patient.step())),
  ])
  const findings = [
    clientlessFinding('may-sign-in', 'AdminInitiateAuth', begun, patient),
    clientlessFinding('may-sign-in', 'AdminRespondToAuthChallenge', ended, patient),
  ]
  const passedBoth = 'The role allows AdminInitiateAuth and AdminRespondToAuthChallenge on the pool.'
  return findings.find(({ state }) => state !== 'passed') ?? passed('may-sign-in', passedBoth)
}

/** The claim's one call, of an app client that does not exist. */
async function checkReadClient(pool: UserPool, patient: Patient): Promise<Finding> {
  const tried = await onceAllowed(() => pool.fetchAppClient(nameOfNoClient(), patient.step()), patient)
  return clientlessFinding('may-read-client', 'DescribeUserPoolClient', tried, patient)
}

/** Cognito says that there is no such client once the permission is there; whether there is such a pool, other checks say. */
function clientlessFinding(check: Check, operation: string, tried: Attempt<unknown>, patient: Patient): Finding {
  const isThere = /^(ResourceNotFoundException|NotAuthorizedException|InvalidParameterException)$/
  if (isThere.test(errorTypeOf(tried) ?? '')) return passed(check, `The role allows ${operation} on the pool.`)
  return allowedFinding(check, operation, tried, patient)
}

/** Cognito looks for the user once the permission is there; a factor that the pool has not, it may refuse before that. */
const AFTER_PERMISSION = /^(UserNotFoundException|InvalidParameterException)$/

function allowedFinding(check: Check, operation: string, tried: Attempt<unknown>, patient: Patient): Finding {
  if (tried.kind === 'answered' || AFTER_PERMISSION.test(errorTypeOf(tried) ?? '')) {
    return passed(check, `The role allows ${operation} on the pool.`)
  }
  if (isDenied(tried)) {
    const what = `The role does not allow ${operation} on the pool: ${saidOf(tried.fault)}.`
    return failed(check, what, GIVE_PERMISSIONS, wantedRole(patient).permissions)
  }
  if (errorTypeOf(tried) === 'ResourceNotFoundException') {
    return failed(check, ...noSuchPool(patient.config))
  }
  return notCheckable(check, `${operation} could not be tried: ${saidOf(tried.fault)}.`, retryFix(tried.fault))
}

/** Calls that the role must not allow; without a session policy, so that it is the role that refuses. None could write. */
async function checkDenied(patient: Patient, { whole }: RoleSessions): Promise<Finding[]> {
  const { config, upstreams, step } = patient
  const { userPoolId, aws } = config
  const noUser = nameOfNoUser()
  const [operation, pool] = await Promise.all([
    attempt(upstreams.userPoolSettings(userPoolId, aws.region, whole).fetchGroups(noUser, step())),
    attempt(upstreams.userPool(idOfNoPool(aws.region), aws.region, whole).fetchUser(noUser, step())),
  ])
  return [
    deniedFinding('no-other-operation', 'AdminListGroupsForUser, which the gateway never calls', operation, patient),
    deniedFinding('no-other-pool', 'AdminGetUser on other pools of the account', pool, patient),
  ]
}

function deniedFinding(check: Check, what: string, tried: Attempt<unknown>, patient: Patient): Finding {
  if (isDenied(tried)) return passed(check, `The role itself refuses ${what}.`)
  if (tried.kind === 'fault' && tried.fault.kind !== 'rejected') {
    return notCheckable(check, `${what} could not be tried: ${saidOf(tried.fault)}.`, retryFix(tried.fault))
  }
  return failed(check, `The role allows ${what}.`, GIVE_PERMISSIONS, wantedRole(patient).permissions)
}

const GIVE_PERMISSIONS = 'customer: give the role the permissions of step 1 of the hand-over, and no others'

const nameOfNoClient = () => `doctor${randomBytes(10).toString('hex')}`
/** As long as Cognito's own are at least (API model). */
const NO_SESSION = 'x'.repeat(20)
const nameOfNoUser = () => `doctor-${randomUUID()}`

function idOfNoPool(region: string): UserPoolId {
  const id = `${region}_${randomBytes(5).toString('hex')}`
  if (!isUserPoolId(id)) throw new Error(`${id} is no pool id.`)
  return id
}

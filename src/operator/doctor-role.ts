import { randomUUID } from 'node:crypto'
import { roleRequest } from '../tenant/role-request.js'
import type { RoleCredentials } from '../upstreams/operator.js'
import { type Attempt, attempt, isDenied, saidOf } from './doctor-attempt.js'
import { type Check, dependent, type Finding, failed, notCheckable, passed } from './doctor-finding.js'
import { type Patient, wantedRole } from './doctor-patient.js'

/** What the tenant's role lets the doctor do from here on. */
export interface RoleExamined {
  readonly findings: readonly Finding[]
  /** Undefined where the role cannot be assumed; `own` where a self-hosted tenant has none. */
  readonly sessions: RoleSessions | 'own' | undefined
}

export interface RoleSessions {
  /** With the gateway's own session policy: what it will be able to do. */
  readonly narrowed: RoleCredentials
  /** With all that the role allows: what it could do at most. */
  readonly whole: RoleCredentials
}

const REFUSALS = ['role-without-external-id', 'role-wrong-external-id'] as const
const ROLE_CHECKS = ['role-assumable', ...REFUSALS] as const

/**
 * Tries the tenant's role with its ExternalId, without one and with another, as the doctor's own role: that may assume any
 * customer's role with or without an ExternalId, so a refusal is the customer's trust speaking.
 */
export async function checkRole(patient: Patient): Promise<RoleExamined> {
  const { config, settings, upstreams, step } = patient
  if (config.aws.roleArn === null) {
    return { findings: ROLE_CHECKS.map((check) => notCheckable(check, SELF_HOSTED)), sessions: 'own' }
  }
  if (settings.doctorRoleArn === undefined) return unexamined('DOCTOR_ROLE_ARN is not set.', 'operator: set it')
  const request = roleRequest(config)
  const { roleArn, externalId = '', sessionName } = request
  const doctor = await attempt(upstreams.assumeRole({ roleArn: settings.doctorRoleArn, sessionName }, step()))
  if (doctor.kind === 'fault') {
    const fix = `operator: use credentials that may assume ${settings.doctorRoleArn} (DOCTOR_ROLE_ARN)`
    return unexamined(`The doctor's own role could not be assumed: ${saidOf(doctor.fault)}.`, fix)
  }
  const assume = (asked: Parameters<typeof upstreams.assumeRoleAs>[1]) =>
    attempt(upstreams.assumeRoleAs(doctor.value, asked, step()))
  const [narrowed, whole, without, wrong] = await Promise.all([
    assume(request),
    assume({ roleArn, externalId, sessionName }),
    assume({ roleArn, sessionName }),
    assume({ roleArn, externalId: `doctor-${randomUUID()}`, sessionName }),
  ])
  if (narrowed.kind === 'fault' || whole.kind === 'fault') {
    const refused = narrowed.kind === 'fault' ? narrowed : whole
    const findings = [unassumable(refused, patient), ...dependent(REFUSALS, 'role-assumable')]
    return { findings, sessions: undefined }
  }
  const findings = [
    passed('role-assumable', 'The role can be assumed with its ExternalId.'),
    refusal('role-without-external-id', without, 'without an ExternalId', patient),
    refusal('role-wrong-external-id', wrong, 'with a wrong ExternalId', patient),
  ]
  return { findings, sessions: { narrowed: narrowed.value, whole: whole.value } }
}

/** Why nothing is told of the role of a tenant that has none. */
export const SELF_HOSTED =
  "Self-hosted: the gateway uses its own role's rights, which are not those of whoever runs this."

function unexamined(why: string, fix: string): RoleExamined {
  const findings = [notCheckable('role-assumable', why, fix), ...dependent(REFUSALS, 'role-assumable')]
  return { findings, sessions: undefined }
}

function unassumable(tried: Attempt<unknown>, patient: Patient): Finding {
  const said = tried.kind === 'fault' ? saidOf(tried.fault) : ''
  if (!isDenied(tried)) return notCheckable('role-assumable', `The role could not be tried: ${said}.`)
  const what = `The role cannot be assumed with the tenant's ExternalId: ${said}.`
  return failed(
    'role-assumable',
    what,
    `customer: create ${patient.config.aws.roleArn} or correct its ${trustOf(patient)}`,
  )
}

function refusal(check: Check, tried: Attempt<unknown>, how: string, patient: Patient): Finding {
  if (isDenied(tried)) return passed(check, `The role is refused ${how}.`)
  if (tried.kind === 'fault') return notCheckable(check, `The role could not be tried ${how}: ${saidOf(tried.fault)}.`)
  const what = `The role can be assumed ${how}: whoever knows its ARN could have Corbado use it for them.`
  return failed(check, what, `customer: correct the role's ${trustOf(patient)}`)
}

function trustOf(patient: Patient): string {
  return `trust policy to: ${JSON.stringify(wantedRole(patient).trust)}`
}

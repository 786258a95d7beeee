import { randomUUID } from 'node:crypto'
import type { UpstreamError } from '../../../errors.js'
import { roleRequest } from '../../../tenant/role-request.js'
import type { RoleCredentials } from '../../../upstreams/operator.js'
import { type Attempt, attempt, isDenied, retryFix, saidOf } from '../../attempt.js'
import { type Check, dependent, type Finding, failed, notCheckable, passed } from './finding.js'
import { onceAllowed, type Patient, wantedRole } from './patient.js'

/** What the tenant's role lets the doctor do from here on. */
export interface RoleExamined {
  readonly findings: readonly Finding[]
  /** Undefined if the role cannot be assumed; `own` if a self-hosted tenant has none. */
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
    return { findings: ROLE_CHECKS.map((check) => passed(check, SELF_HOSTED)), sessions: 'own' }
  }
  if (settings.doctorRoleArn === undefined) {
    const fix = "operator: set DOCTOR_ROLE_ARN to the ARN of the doctor's role, an output of the gateway's stack"
    return unexamined(notCheckable('role-assumable', 'DOCTOR_ROLE_ARN is not set.', fix))
  }
  const request = roleRequest(config)
  const { roleArn, externalId = '', sessionName } = request
  const doctor = await attempt(upstreams.assumeRole({ roleArn: settings.doctorRoleArn, sessionName }, step()))
  if (doctor.kind === 'fault') return unexamined(noDoctor(doctor.fault, settings.doctorRoleArn))
  const ask = (asked: Parameters<typeof upstreams.assumeRoleAs>[1]) =>
    upstreams.assumeRoleAs(doctor.value, asked, step())
  const assume = (asked: Parameters<typeof ask>[0]) => attempt(ask(asked))
  // All else means something only once it is there.
  const narrowed = await onceAllowed(() => ask(request), patient)
  if (narrowed.kind === 'fault') return unexamined(unassumable(narrowed.fault, patient))
  const [whole, without, ...wrong] = await Promise.all([
    onceAllowed(() => ask({ roleArn, externalId, sessionName }), patient),
    assume({ roleArn, sessionName }),
    ...othersThan(externalId).map((other) => assume({ roleArn, externalId: other, sessionName })),
  ])
  if (whole.kind === 'fault') return unexamined(unassumable(whole.fault, patient))
  const findings = [
    passed(
      'role-assumable',
      "The doctor's role can assume it with its ExternalId; the gateway's, by the same trust, was not tried.",
    ),
    refusal('role-without-external-id', [without], 'without an ExternalId', patient),
    refusal('role-wrong-external-id', wrong, 'with a wrong ExternalId', patient),
  ]
  return { findings, sessions: { narrowed: narrowed.value, whole: whole.value } }
}

/** Wrong in every way that a pattern in a trust could let through: all of it, all but our prefix, all but the end. */
function othersThan(externalId: string): string[] {
  const end = externalId.endsWith('0') ? '1' : '0'
  return [`doctor-${randomUUID()}`, `corbado-${randomUUID()}`, `${externalId.slice(0, -1)}${end}`]
}

const SELF_HOSTED = "Self-hosted: there is no role that others could assume; the function's own is used."

function unexamined(finding: Finding): RoleExamined {
  return { findings: [finding, ...dependent(REFUSALS, 'role-assumable')], sessions: undefined }
}

function noDoctor(fault: UpstreamError, doctorRoleArn: string): Finding {
  const what = `The doctor's own role could not be assumed: ${saidOf(fault)}.`
  if (fault.kind !== 'denied') return notCheckable('role-assumable', what, retryFix(fault))
  const fix = `operator: use credentials that ${doctorRoleArn} (DOCTOR_ROLE_ARN) trusts, and that may assume it`
  const policy = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: doctorRoleArn } as const
  return notCheckable('role-assumable', what, fix, policy)
}

function unassumable(fault: UpstreamError, patient: Patient): Finding {
  const said = saidOf(fault)
  if (fault.kind !== 'denied')
    return notCheckable('role-assumable', `The role could not be tried: ${said}.`, retryFix(fault))
  const what = `The role cannot be assumed with the tenant's ExternalId: ${said}.`
  const fix = `customer: create ${patient.config.aws.roleArn} by step 1 of the hand-over, or give it the trust from there; a new role takes up to a minute`
  return failed('role-assumable', what, fix, wantedRole(patient).trust)
}

function refusal(check: Check, tries: readonly Attempt<unknown>[], how: string, patient: Patient): Finding {
  const tried = tries.find((one) => !isDenied(one))
  if (!tried) return passed(check, `The role is refused ${how}.`)
  if (tried.kind === 'fault') {
    return notCheckable(check, `The role could not be tried ${how}: ${saidOf(tried.fault)}.`, retryFix(tried.fault))
  }
  const what = `The role can be assumed ${how}: anyone who knows its ARN could have Corbado use it for them.`
  return failed(check, what, 'customer: give the role the trust of step 1 of the hand-over', wantedRole(patient).trust)
}

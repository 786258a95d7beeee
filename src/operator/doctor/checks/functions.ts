import { attempt, isDenied, retryFix, saidOf } from '../../attempt.js'
import { chainedFunctions } from '../../role/role.js'
import { dependent, type Finding, failed, IN_FILE, NO_CHAIN, notCheckable, passed } from './finding.js'
import { type Patient, wantedRole } from './patient.js'
import type { RoleExamined } from './role.js'

/** Are the customer's own functions there, and may the role invoke them? They are not run: Lambda is asked whether they could be. */
export async function checkFunctions(patient: Patient, sessions: RoleExamined['sessions']): Promise<Finding[]> {
  const functionArns = chainedFunctions(patient.tenant)
  if (functionArns.length === 0) return [passed('chained-functions', NO_CHAIN)]
  if (sessions === undefined) return dependent(['chained-functions'], 'role-assumable')
  if (sessions === 'own') {
    const what = "Self-hosted: the function's own role is used, which only the function can try."
    const fix = `operator: see that it allows lambda:InvokeFunction on ${functionArns.join(', ')}`
    return [{ ...notCheckable('chained-functions', what, fix), byDesign: true }]
  }
  const found = await Promise.all(
    functionArns.map((functionArn) => checkFunction(functionArn, patient, sessions.whole)),
  )
  const wrong = found.find(({ state }) => state === 'failed') ?? found.find(({ state }) => state !== 'passed')
  return [wrong ?? passed('chained-functions', `The role may invoke ${functionArns.join(', ')}.`)]
}

async function checkFunction(
  functionArn: string,
  patient: Patient,
  session: Parameters<Patient['upstreams']['invokeFunction']>[1],
): Promise<Finding> {
  const { upstreams, step } = patient
  const dryRun = { functionArn, payload: '{}', wait: 'nothing', hops: 1, timeoutMs: 5_000 } as const
  const tried = await attempt(upstreams.invokeFunction(dryRun, session, step()))
  if (tried.kind === 'answered') return passed('chained-functions', `The role may invoke ${functionArn}.`)
  if (isDenied(tried)) {
    const what = `The role may not invoke ${functionArn}: ${saidOf(tried.fault)}.`
    const fix = "customer: put the function's ARN into the role's stack (ChainedFunctions), or give the role this right"
    return failed('chained-functions', what, fix, wantedRole(patient).permissions)
  }
  if (tried.fault.facts.errorType === 'ResourceNotFoundException') {
    const fix = `operator: ask the customer for the function's ARN, correct triggers ${IN_FILE}`
    return failed('chained-functions', `There is no function ${functionArn}.`, fix)
  }
  const what = `Whether ${functionArn} can be invoked is not known: ${saidOf(tried.fault)}.`
  return notCheckable('chained-functions', what, retryFix(tried.fault))
}

import type { TenantFile } from '../../tenant/config.js'
import { assertRegion } from '../aliases/place.js'
import { checkConfig } from './checks/config.js'
import { checkCorbado } from './checks/corbado.js'
import { CHECKS, dependent, type Finding } from './checks/finding.js'
import { checkGateway } from './checks/gateway.js'
import { createPatient, type DoctorDeps, type Patient } from './checks/patient.js'
import { checkCalls } from './checks/permissions.js'
import { checkPool } from './checks/pool/index.js'
import { checkRole } from './checks/role.js'

/**
 * Checks that what a tenant's config claims is so; one finding a check, in the order of {@link CHECKS}. Writes nothing
 * anywhere, and takes 25 s at most, whatever hangs.
 * @throws GW_ERR_ENV_INVALID if GATEWAY_FUNCTION_ARN is of another region than AWS_REGION
 */
export async function diagnose(tenant: TenantFile, deps: DoctorDeps): Promise<readonly Finding[]> {
  assertRegion(deps.settings.gatewayFunctionArn, deps.env.awsRegion)
  const patient = createPatient(tenant, deps)
  const config = checkConfig(patient)
  // Nothing is sent anywhere on the word of a config that is not valid.
  if (config.state === 'failed') return [config, ...dependent(CHECKS.slice(1), 'config')]
  const found = await Promise.all([checkGateway(patient), checkCustomer(patient), checkCorbado(patient)])
  return [config, ...found.flat()].sort((a, b) => ordinal(a) - ordinal(b))
}

/** All that is asked in the customer's account, with the tenant's role. */
async function checkCustomer(patient: Patient): Promise<Finding[]> {
  const { findings, sessions } = await checkRole(patient)
  return [...findings, ...(await Promise.all([checkCalls(patient, sessions), checkPool(patient, sessions)])).flat()]
}

function ordinal({ check }: Finding): number {
  return CHECKS.indexOf(check)
}

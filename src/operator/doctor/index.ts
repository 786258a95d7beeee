import type { Call } from '../../call.js'
import type { TenantFile } from '../../tenant/config.js'
import { eachBounded } from '../../terminal/bounded.js'
import type { OperatorUpstreams, TenantRecord } from '../../upstreams/operator.js'
import { assertRegion } from '../aliases/place.js'
import { configOf, tenantIdOf, textOf } from '../records/record.js'
import { checkChainedTime, countChained } from './checks/chained-time.js'
import { checkConfig, configFault } from './checks/config.js'
import { checkCorbado } from './checks/corbado.js'
import { CHECKS, dependent, type Finding } from './checks/finding.js'
import { checkFunctions } from './checks/functions.js'
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
  const found = await Promise.all([
    checkGateway(patient),
    checkCustomer(patient),
    checkChainedTime(patient),
    checkCorbado(patient),
  ])
  return [config, ...found.flat()].sort((a, b) => ordinal(a) - ordinal(b))
}

/** All that is asked in the customer's account, with the tenant's role. */
async function checkCustomer(patient: Patient): Promise<Finding[]> {
  const { findings, sessions } = await checkRole(patient)
  return [
    ...findings,
    ...(
      await Promise.all([
        checkCalls(patient, sessions),
        checkFunctions(patient, sessions),
        checkPool(patient, sessions),
      ])
    ).flat(),
  ]
}

function ordinal({ check }: Finding): number {
  return CHECKS.indexOf(check)
}

/** One tenant and what the doctor found. */
export interface Examined {
  readonly tenantId: string
  readonly userPoolId: string
  readonly status: string
  readonly findings: readonly Finding[]
}

/** How many tenants are examined at the same time: each is about 20 calls, of which five ask STS. */
const TENANTS_AT_A_TIME = 8

/** Examines tenants as the table has them, in the order of their ids; `onDone` hears of each. */
export async function examineAll(
  records: readonly TenantRecord[],
  deps: DoctorDeps,
  onDone: () => void,
): Promise<Examined[]> {
  let counted: ReturnType<typeof countChained> | undefined
  const shared = {
    ...deps,
    upstreams: withSharedAliases(deps.upstreams),
    countChained() {
      counted ??= countChained(deps)
      return counted
    },
  }
  const examined: Examined[] = []
  await eachBounded(
    records,
    async (record) => {
      const [tenantId, status] = [tenantIdOf(record), textOf(record, 'status')]
      examined.push({ tenantId, userPoolId: record.userPoolId, status, findings: await examine(record, shared) })
      onDone()
      return true
    },
    TENANTS_AT_A_TIME,
  )
  return examined.sort((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
}

async function examine(record: TenantRecord, deps: DoctorDeps): Promise<readonly Finding[]> {
  const config = configOf(record)
  if (config) return diagnose(config, deps)
  const fault = configFault(record.config, deps.env)
  return fault ? [fault, ...dependent(CHECKS.slice(1), 'config')] : []
}

/** Tenants share aliases, and Lambda answers 15 such questions a second (fact A28): each is asked once. */
function withSharedAliases(upstreams: OperatorUpstreams): OperatorUpstreams {
  const { aliases } = upstreams
  const list = once((_key, call) => aliases.list(call))
  const fetchPolicy = once(aliases.fetchPolicy)
  return { ...upstreams, aliases: { ...aliases, list: (call) => list('', call), fetchPolicy } }
}

/** Keeps what a question was answered; one that failed may be asked again. */
function once<T>(ask: (key: string, call: Call) => Promise<T>): (key: string, call: Call) => Promise<T> {
  const asked = new Map<string, Promise<T>>()
  return (key, call) => {
    const answer = asked.get(key) ?? ask(key, call)
    asked.set(key, answer)
    answer.catch(() => asked.delete(key))
    return answer
  }
}

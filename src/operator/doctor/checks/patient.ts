import { type Call, type Clock, createCall, pause } from '../../../call.js'
import type { Env } from '../../../env.js'
import { type TenantConfig, type TenantFile, withDefaults } from '../../../tenant/config.js'
import { shellWord } from '../../../terminal/text.js'
import type { OperatorUpstreams } from '../../../upstreams/operator.js'
import { type Attempt, attempt, isDenied } from '../../attempt.js'
import { poolArnIn } from '../../pool/arn.js'
import { featuresOfTenant } from '../../role/features.js'
import { chainedFunctions, describeCustomerRole, type IamPolicy } from '../../role/role.js'
import type { OperatorSettings } from '../../settings.js'
import { IN_FILE } from './finding.js'

/** What the doctor works with. */
export interface DoctorDeps {
  readonly upstreams: OperatorUpstreams
  readonly env: Env
  /** GATEWAY_FUNCTION_ARN is needed; without DOCTOR_ROLE_ARN no role of a customer can be tried. */
  readonly settings: OperatorSettings & { readonly gatewayFunctionArn: string }
  /** Ends what hangs. */
  readonly clock: Clock
  /** The calls of all tenants, if they are counted once for several examinations. */
  readonly countChained?: () => Promise<readonly ChainedCalls[]>
}

/** Calls of a trigger's own function, as the gateway's lines count them. */
export interface ChainedCalls {
  readonly userPoolId: string
  /** As in a line: `pre-sign-up`. */
  readonly trigger: string
  readonly count: number
  /** Of these, the ones that had no answer in time. */
  readonly late: number
}

/** A tenant under examination. */
export interface Patient extends DoctorDeps {
  readonly tenant: TenantFile
  /** The same with its defaults, as the gateway works with it. */
  readonly config: TenantConfig
  /** The tenant id as a word of a command line. */
  readonly word: string
  /** The function that its triggers must call. */
  readonly hostedArn: string
  /** Under which the pool calls in this region; undefined if it has nothing to do with this region. */
  readonly poolArn: string | undefined
  /** The time of one call. */
  step(): Call
}

/** Longest examination of one tenant, whatever hangs; a person waits. */
const EXAMINATION_MS = 25_000
/** Longest call: three of them after each other are the longest chain. */
const STEP_MS = 7_000

/** Begins an examination. */
export function createPatient(tenant: TenantFile, deps: DoctorDeps): Patient {
  const whole = createCall(EXAMINATION_MS, deps.clock)
  return {
    ...deps,
    tenant,
    config: withDefaults(tenant),
    word: shellWord(tenant.tenantId),
    hostedArn: `${deps.settings.gatewayFunctionArn}:${tenant.alias}`,
    poolArn: poolArnIn(deps.env.awsRegion, tenant),
    step: () => createCall(Math.min(STEP_MS, whole.remainingMs()), deps.clock),
  }
}

/** How often, and how far apart, a new tenant's role is tried while it is refused. */
const TRIES = 4
const BETWEEN_MS = 1_000

/**
 * A role that was made seconds ago is not known everywhere yet, nor is what it allows: of a tenant who is not served, a call
 * that is refused is made again for a while.
 */
export async function onceAllowed<T>(ask: () => Promise<T>, { config, clock }: Patient): Promise<Attempt<T>> {
  let tried = await attempt(ask())
  for (let left = TRIES - 1; left > 0 && config.status === 'draft' && isDenied(tried); left -= 1) {
    await pause(BETWEEN_MS, clock)
    tried = await attempt(ask())
  }
  return tried
}

/** The role as the hand-over asked for it; a setting that is not known here is named in its place. */
export function wantedRole({ tenant, settings }: Patient): { trust: IamPolicy; permissions: IamPolicy } {
  const { userPoolId, aws } = tenant
  return describeCustomerRole({
    userPoolId,
    accountId: aws.accountId,
    region: aws.region,
    externalId: aws.externalId ?? '',
    features: featuresOfTenant(tenant),
    functionArns: chainedFunctions(tenant),
    gatewayRoleArn: settings.gatewayRoleArn ?? '<GATEWAY_ROLE_ARN>',
    doctorRoleArn: settings.doctorRoleArn ?? '<DOCTOR_ROLE_ARN>',
  })
}

/** What is wrong, and how to fix it, if a config's pool is not where it says. */
export function noSuchPool(config: Pick<TenantConfig, 'userPoolId' | 'aws' | 'tenantId'>): [what: string, fix: string] {
  const { userPoolId, aws, tenantId } = config
  const remove = `corbado-gateway tenants remove ${shellWord(tenantId)}`
  return [
    `There is no user pool ${userPoolId} in ${aws.region} of account ${aws.accountId}.`,
    // Another pool is another tenant of the table, and the two cannot have one name.
    `operator: ask the customer for pool id and account; if the account is wrong, correct aws ${IN_FILE}; if the pool id is ` +
      'wrong, write the right one into the file (userPoolId, aws.roleArn, corbado.credentialParameter), then: ' +
      `${remove}, then: corbado-gateway tenants apply, then on as with a new tenant`,
  ]
}

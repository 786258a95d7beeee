import { isUpstreamError } from '../../errors.js'
import { textAt } from '../../fields.js'
import type { TenantFile } from '../../tenant/config.js'
import type { OperatorUpstreams, RoleCredentials } from '../../upstreams/operator.js'
import { operatorCall } from '../upstreams.js'

/** Which functions a pool's triggers call, by their name in Cognito's LambdaConfig; or why nobody here can tell. */
export type PoolTriggers =
  | { readonly kind: 'read'; readonly functionArns: ReadonlyMap<string, string> }
  | { readonly kind: 'not-checkable'; readonly why: string }

export interface PoolTriggersOptions {
  readonly upstreams: Pick<OperatorUpstreams, 'assumeRole' | 'assumeRoleAs' | 'userPoolSettings'>
  /** The role under which customers' roles are tried; needed for every tenant that has one. */
  readonly doctorRoleArn: string | undefined
}

/** Reads a pool's triggers with the tenant's role, which may be without that right or gone. */
export async function fetchPoolTriggers(tenant: TenantFile, options: PoolTriggersOptions): Promise<PoolTriggers> {
  const { userPoolId, aws } = tenant
  if (aws.roleArn !== null && options.doctorRoleArn === undefined) {
    return { kind: 'not-checkable', why: 'DOCTOR_ROLE_ARN is not set' }
  }
  try {
    const credentials = await tenantCredentials(tenant, options)
    const settings = options.upstreams.userPoolSettings(userPoolId, aws.region, credentials)
    const { LambdaConfig = {} } = await settings.describe(operatorCall())
    return { kind: 'read', functionArns: new Map(Object.entries(LambdaConfig).flatMap(slot)) }
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    const said = error.facts.errorType ?? error.kind
    return { kind: 'not-checkable', why: `${error.upstream} said ${said} when the pool was to be described` }
  }
}

async function tenantCredentials(
  { userPoolId, aws }: TenantFile,
  { upstreams, doctorRoleArn = '' }: PoolTriggersOptions,
): Promise<RoleCredentials | null> {
  if (aws.roleArn === null || aws.externalId === null) return null
  const call = operatorCall()
  const sessionName = `corbado-${userPoolId}`
  const doctor = await upstreams.assumeRole({ roleArn: doctorRoleArn, sessionName }, call)
  return upstreams.assumeRoleAs(doctor, { roleArn: aws.roleArn, externalId: aws.externalId, sessionName }, call)
}

/** A slot holds an ARN, or an object with one; the key of encrypted messages is neither. */
function slot([name, value]: [string, unknown]): [string, string][] {
  if (name === 'KMSKeyID') return []
  if (typeof value === 'string') return [[name, value]]
  const arn = textAt(value, 'LambdaArn')
  return arn === undefined ? [] : [[name, arn]]
}

/** Is this an ARN of the function, with or without one of its aliases? */
export function isOfFunction(arn: string | undefined, functionArn: string): boolean {
  return arn !== undefined && `${arn}:`.startsWith(`${functionArn}:`)
}

/** The triggers that call a function through whichever of its aliases. */
export function slotsOf(functionArns: ReadonlyMap<string, string>, functionArn: string): string[] {
  return [...functionArns].filter(([, arn]) => isOfFunction(arn, functionArn)).map(([name]) => name)
}

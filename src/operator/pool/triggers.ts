import type { LambdaConfigType } from '@aws-sdk/client-cognito-identity-provider'
import { isUpstreamError } from '../../errors.js'
import { textAt } from '../../fields.js'
import type { OTHER_TRIGGERS, SENDER_TRIGGERS, TenantFile, TriggerName } from '../../tenant/config.js'
import type { OperatorUpstreams, RoleCredentials } from '../../upstreams/operator.js'
import { saidOf } from '../attempt.js'
import { operatorCall } from '../upstreams.js'

/** Which functions a pool's triggers call, by their name in Cognito's LambdaConfig; or why that cannot be known from here. */
type PoolTriggers =
  /** Its account has no such pool in its region: nothing calls anything. */
  | { readonly kind: 'no-pool' }
  | { readonly kind: 'read'; readonly functionArns: ReadonlyMap<string, string> }
  | { readonly kind: 'not-checkable'; readonly why: string }

interface PoolTriggersOptions {
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
    const { upstream, facts } = error
    if (upstream === 'cognito' && facts.errorType === 'ResourceNotFoundException') return { kind: 'no-pool' }
    return { kind: 'not-checkable', why: `${saidOf(error)} when the pool was to be described` }
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

/** The triggers that call a function through any of its aliases. */
export function slotsOf(functionArns: ReadonlyMap<string, string>, functionArn: string): string[] {
  return [...functionArns].filter(([, arn]) => isOfFunction(arn, functionArn)).map(([name]) => name)
}

/** The slots of a pool's LambdaConfig that a passkey login needs. */
export const CUSTOM_AUTH_SLOTS = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const

/** Further slots that may point at the gateway. */
export const OTHER_SLOTS = [
  'PreSignUp',
  'PostConfirmation',
  'PreAuthentication',
  'PostAuthentication',
  'PreTokenGeneration',
  'CustomMessage',
  'UserMigration',
  'InboundFederation',
] as const satisfies readonly Capitalize<(typeof OTHER_TRIGGERS)[number]>[]

/** Slots that may point at the gateway only if it hands their events on: what is not sent by their function is not sent. */
export const SENDER_SLOTS = ['CustomEmailSender', 'CustomSMSSender'] as const satisfies readonly Capitalize<
  (typeof SENDER_TRIGGERS)[number]
>[]

/** One place for a function in a pool's LambdaConfig, by its name there. */
export type Slot = (typeof CUSTOM_AUTH_SLOTS)[number] | (typeof OTHER_SLOTS)[number] | (typeof SENDER_SLOTS)[number]

/** The function ARN that each slot holds; a slot that holds none is absent. */
export type SlotArns = { readonly [S in Slot]?: string }

/** Every slot. */
export const SLOTS: readonly Slot[] = [...CUSTOM_AUTH_SLOTS, ...OTHER_SLOTS, ...SENDER_SLOTS]

/** The slots of custom authentication that hold a function of the pool's owner, by which logins are made: none of the gateway's. */
export function ownFlowSlots(held: SlotArns, gatewayFunctionArn: string): Slot[] {
  return CUSTOM_AUTH_SLOTS.filter((slot) => held[slot] !== undefined && !isOfFunction(held[slot], gatewayFunctionArn))
}

/** Is this the name of a slot? Names are case-sensitive, as they are for Cognito. */
export function isSlot(name: string): name is Slot {
  return SLOTS.some((slot) => slot === name)
}

/** The trigger of a slot as tenant files name it. */
export function triggerOfSlot(slot: Slot): TriggerName {
  return `${slot.charAt(0).toLowerCase()}${slot.slice(1)}` as TriggerName
}

/** Slots that hold a version beside the function, which they keep whatever function it is. */
const VERSIONED_SLOTS = ['InboundFederation', ...SENDER_SLOTS] as const

function isVersioned(slot: Slot): slot is (typeof VERSIONED_SLOTS)[number] {
  return VERSIONED_SLOTS.some((one) => one === slot)
}

/** What a slot holds; undefined if it is empty. */
export function slotArn(config: LambdaConfigType | undefined, slot: Slot): string | undefined {
  if (isVersioned(slot)) return config?.[slot]?.LambdaArn
  // Cognito demands that the two names of this slot hold the same ARN (fact A8).
  if (slot === 'PreTokenGeneration') return config?.PreTokenGenerationConfig?.LambdaArn ?? config?.PreTokenGeneration
  return config?.[slot]
}

/** The version of the event that a slot's function is sent; undefined if the slot has none. */
export function slotVersion(config: LambdaConfigType | undefined, slot: Slot): string | undefined {
  if (slot === 'PreTokenGeneration') return config?.PreTokenGenerationConfig?.LambdaVersion
  return isVersioned(slot) ? config?.[slot]?.LambdaVersion : undefined
}

/** A LambdaConfig with one slot changed, or emptied if no ARN is given; all else is left as it is. */
export function withSlot(config: LambdaConfigType, slot: Slot, arn: string | undefined): LambdaConfigType {
  const { [slot]: _, ...rest } = config
  if (slot === 'PreTokenGeneration') return withPreTokenGeneration(config, arn)
  if (arn === undefined) return rest
  if (!isVersioned(slot)) return { ...rest, [slot]: arn }
  return { ...rest, [slot]: { LambdaVersion: config[slot]?.LambdaVersion ?? 'V1_0', LambdaArn: arn } }
}

function withPreTokenGeneration(config: LambdaConfigType, arn: string | undefined): LambdaConfigType {
  const { PreTokenGeneration: _, PreTokenGenerationConfig: versioned, ...rest } = config
  if (arn === undefined) return rest
  const versionKept = versioned && { PreTokenGenerationConfig: { ...versioned, LambdaArn: arn } }
  return { ...rest, PreTokenGeneration: arn, ...versionKept }
}

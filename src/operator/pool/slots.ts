import type { LambdaConfigType } from '@aws-sdk/client-cognito-identity-provider'
import type { OTHER_TRIGGERS } from '../../tenant/config.js'

/** The slots of a pool's LambdaConfig that a passkey login needs. */
export const CUSTOM_AUTH_SLOTS = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const

/** Further slots that may point at the gateway. The custom senders are none: what is not sent by them is not sent. */
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

/** One place for a function in a pool's LambdaConfig, by its name there. */
export type Slot = (typeof CUSTOM_AUTH_SLOTS)[number] | (typeof OTHER_SLOTS)[number]

/** The function ARN that each slot holds; a slot that holds none is absent. */
export type SlotArns = { readonly [S in Slot]?: string }

const SLOTS: readonly string[] = [...CUSTOM_AUTH_SLOTS, ...OTHER_SLOTS]

/** Is this the name of a slot? Names are case-sensitive, as they are for Cognito. */
export function isSlot(name: string): name is Slot {
  return SLOTS.includes(name)
}

/** What a slot holds; undefined where it is empty. */
export function slotArn(config: LambdaConfigType | undefined, slot: Slot): string | undefined {
  if (slot === 'InboundFederation') return config?.InboundFederation?.LambdaArn
  // Cognito demands that the two names of this slot hold the same ARN (fact A8).
  if (slot === 'PreTokenGeneration') return config?.PreTokenGenerationConfig?.LambdaArn ?? config?.PreTokenGeneration
  return config?.[slot]
}

/** A LambdaConfig with one slot changed, or emptied where no ARN is given; all else is left as it is. */
export function withSlot(config: LambdaConfigType, slot: Slot, arn: string | undefined): LambdaConfigType {
  const { [slot]: _, ...rest } = config
  if (slot === 'PreTokenGeneration') return withPreTokenGeneration(config, arn)
  if (arn === undefined) return rest
  if (slot !== 'InboundFederation') return { ...rest, [slot]: arn }
  return {
    ...rest,
    InboundFederation: { LambdaVersion: config.InboundFederation?.LambdaVersion ?? 'V1_0', LambdaArn: arn },
  }
}

function withPreTokenGeneration(config: LambdaConfigType, arn: string | undefined): LambdaConfigType {
  const { PreTokenGeneration: _, PreTokenGenerationConfig: versioned, ...rest } = config
  if (arn === undefined) return rest
  const versionKept = versioned && { PreTokenGenerationConfig: { ...versioned, LambdaArn: arn } }
  return { ...rest, PreTokenGeneration: arn, ...versionKept }
}

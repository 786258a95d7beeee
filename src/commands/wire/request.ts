import { isDeepStrictEqual } from 'node:util'
import type {
  LambdaConfigType,
  UpdateUserPoolCommandInput,
  UserPoolType,
} from '@aws-sdk/client-cognito-identity-provider'
import { slotArn } from '../../operator/pool/slots.js'
import { POOL_FIELDS, type PoolField } from './fields.js'

const fields = Object.entries(POOL_FIELDS) as [keyof UserPoolType, PoolField][]

/** The request that changes a pool's LambdaConfig and leaves everything else as DescribeUserPool answered it. */
export function poolUpdate(pool: UserPoolType, lambdaConfig: LambdaConfigType): UpdateUserPoolCommandInput {
  const kept = fields.flatMap(([name, field]): [string, unknown][] => {
    if (field.kind !== 'sent-back') return []
    const value = field.prepare ? field.prepare(pool) : pool[name]
    return isEmpty(value) ? [] : [[field.as ?? name, value]]
  })
  return { ...Object.fromEntries(kept), UserPoolId: pool.Id, LambdaConfig: lambdaConfig }
}

/** The fields that {@link poolUpdate} sends back as they were, by their name in the request. */
export function sentBackFields(pool: UserPoolType): readonly string[] {
  return Object.keys(poolUpdate(pool, {})).filter((name) => name !== 'UserPoolId' && name !== 'LambdaConfig')
}

/**
 * Names what is not as it was meant to be after an update: fields of the pool, and `LambdaConfig.<name>`.
 * Times and counters, which change by themselves, are not looked at.
 */
export function poolDifferences(before: UserPoolType, lambdaConfig: LambdaConfigType, after: UserPoolType): string[] {
  const others = fields.filter(([name, { kind }]) => {
    if (kind === 'changed' || kind === 'describe-only') return false
    return !sameSetting(settingOf(before, name), settingOf(after, name))
  })
  const meant = comparableTriggers(lambdaConfig)
  const found = comparableTriggers(after.LambdaConfig ?? {})
  const triggers = [...new Set([...Object.keys(meant), ...Object.keys(found)])]
    .filter((name) => !sameSetting(meant[name], found[name]))
    .map((name) => `LambdaConfig.${name}`)
  return [...triggers, ...others.map(([name]) => name)]
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
}

/** Of these, what is not sent back says nothing of its own, or is AWS's: only what is sent is compared. */
const comparedAsSent: readonly (keyof UserPoolType)[] = ['AdminCreateUserConfig', 'UserPoolTags']

function settingOf(pool: UserPoolType, name: keyof UserPoolType): unknown {
  const field = POOL_FIELDS[name]
  const prepare = field.kind === 'sent-back' && comparedAsSent.includes(name) ? field.prepare : undefined
  return prepare ? prepare(pool) : pool[name]
}

/** The two names of one slot under the newer; V1_0 is what the older means. */
function comparableTriggers(config: LambdaConfigType): Record<string, unknown> {
  const { PreTokenGeneration: _, PreTokenGenerationConfig, ...rest } = config
  const LambdaArn = slotArn(config, 'PreTokenGeneration')
  const { LambdaVersion = 'V1_0' } = PreTokenGenerationConfig ?? {}
  return { ...rest, ...(LambdaArn && { PreTokenGenerationConfig: { LambdaVersion, LambdaArn } }) }
}

function sameSetting(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b))
}

/** Settings compare by content: nothing that is absent, null or empty counts, and no list of a pool has an order. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(comparable).sort(byText)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const entries = Object.entries(value)
    .map(([key, child]): [string, unknown] => [key, comparable(child)])
    .filter(([, child]) => child !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

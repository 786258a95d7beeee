import type { Command } from 'commander'
import type { UserPoolId } from '../../ids.js'
import { clientWarnings } from '../../operator/pool/clients.js'
import { CUSTOM_AUTH_SLOTS, type Slot, type SlotArns } from '../../operator/pool/slots.js'
import { planWiring, type WiredPool, type WirePlan } from './changes.js'
import type { OwnedPool } from './pool.js'
import type { WireReport } from './report.js'
import { managementOfPool } from './stack.js'
import { parseAlso, parseHostedArn, parseReplace, parseUserPoolId } from './target.js'

/** What `wire plan` and `wire apply` are both told. */
export interface WireOptions {
  readonly arn: string
  readonly also?: readonly Slot[]
  readonly replace?: SlotArns
  readonly json?: true
}

export const CREDENTIALS_NOTE = 'AWS credentials are those that the AWS CLI would use'

/** Adds the arguments and options that say what is to be wired to what. */
export function withTarget(command: Command): Command {
  return command
    .argument('<userPoolId>', `id of the user pool; ${CREDENTIALS_NOTE}`, parseUserPoolId)
    .requiredOption('--arn <arn>', "hosted ARN that Corbado gave; its region is the pool's", parseHostedArn)
    .option('--also <slot>', 'a further trigger to point there, e.g. PreSignUp; repeatable', parseAlso)
    .option('--replace <slot=arn>', 'let go of the function that a slot holds now; repeatable', parseReplace)
}

/** A line that can be typed as an example of a command. */
export function wireExample(verb: 'plan' | 'apply', more = ''): string {
  const arn = 'arn:aws:lambda:eu-central-1:999900000001:function:corbado-cognito-gateway:t-1'
  return `AWS_PROFILE=my-account corbado-gateway wire ${verb} eu-central-1_AbCdEf123 --arn ${arn}${more}`
}

/** The words that ask for the same wiring again. */
export function wireWords(verb: 'plan' | 'apply', userPoolId: UserPoolId, options: WireOptions): string[] {
  const { arn, also = [], replace = {} } = options
  const further = also.flatMap((slot) => ['--also', slot])
  const lost = Object.entries(replace).flatMap(([slot, held]) => ['--replace', `${slot}=${held}`])
  return ['wire', verb, userPoolId, '--arn', arn, ...further, ...lost]
}

/** The same, letting go of what each slot in use was found to hold. */
export function replacingOptions(options: WireOptions, { taken }: WirePlan): WireOptions {
  const held = taken.flatMap(({ slot, holds }) => (holds === undefined ? [] : [[slot, holds]]))
  return { ...options, replace: { ...options.replace, ...Object.fromEntries(held) } }
}

/** What these options make of a pool. */
export function planFor({ arn, also = [], replace = {} }: WireOptions, userPool: WiredPool['userPool']): WirePlan {
  return planWiring(userPool, arn, [...new Set([...CUSTOM_AUTH_SLOTS, ...also])], replace)
}

/** Reads a pool, what its app clients allow and what manages it, and plans. */
export async function lookAt(pool: OwnedPool, options: WireOptions): Promise<WireReport> {
  const userPool = await pool.describe()
  const [ofClients, { management, warnings }] = await Promise.all([
    clientWarnings(pool.settings),
    managementOfPool(pool, userPool),
  ])
  const plan = planFor(options, userPool)
  return { userPool, plan, management, warnings: [...warnings, ...ofClients], json: options.json === true }
}

import type { Command } from 'commander'
import { clientWarnings } from '../../operator/pool/clients.js'
import type { Wiring } from '../../operator/pool/line.js'
import { CUSTOM_AUTH_SLOTS } from '../../operator/pool/slots.js'
import { parseUserPoolId } from '../options.js'
import { planWiring, type WiredPool, type WirePlan } from './changes.js'
import type { OwnedPool } from './pool.js'
import type { WireReport } from './report.js'
import { managementOfPool } from './stack.js'
import { parseAlso, parseHostedArn, parseReplace } from './target.js'

/** What `wire plan` and `wire apply` are both told. */
export interface WireOptions extends Wiring {
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

import { type Command, InvalidArgumentError } from 'commander'
import { aliasOf, PARTITION_PATTERN, REGION_PATTERN } from '../../ids.js'
import type { SlotChains, Wiring } from '../../operator/pool/line.js'
import { isSlot, OTHER_SLOTS, SENDER_SLOTS, SLOTS, type Slot, type SlotArns } from '../../operator/pool/triggers.js'
import { WrongUsage } from '../../terminal/failure.js'
import { parseUserPoolId } from '../options.js'
import { chainFault, parseChainWord } from './chain.js'

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
    .option('--replace <slot=arn>', 'replace this function, which the slot holds now; repeatable', parseReplace)
    .option(
      '--chain <slot>',
      'a trigger whose function goes on, called by Corbado; <slot>=<arn> for that one only; repeatable',
      parseChain,
    )
}

/** @throws WrongUsage for slots that cannot be meant together, before anything is asked */
export function assertWiring({ also = [], replace = {}, chain = {} }: WireOptions): void {
  const fault = chainFault(chain, [...also, ...Object.keys(replace)])
  if (fault !== undefined) throw new WrongUsage(fault)
}

/** A line that can be typed as an example of a command. */
export function wireExample(verb: 'plan' | 'apply', more = ''): string {
  const arn = 'arn:aws:lambda:eu-central-1:999900000001:function:gateway:t-1'
  return `corbado-gateway wire ${verb} eu-central-1_AbCdEf123 --arn ${arn}${more}`
}

/** A function's ARN with its alias, which is all that Cognito's pattern of a trigger's ARN leaves of one (fact A6). */
const hostedArn = new RegExp(
  `^arn:${PARTITION_PATTERN}:lambda:${REGION_PATTERN}:\\d{12}:function:[\\w-]{1,64}:(?!\\d+$)[\\w-]{1,128}$`,
)

/**
 * Reads the hosted ARN that Corbado gave.
 * @throws InvalidArgumentError for anything but a function with an alias
 */
function parseHostedArn(text: string): string {
  if (hostedArn.test(text)) return text
  const form = 'arn:aws:lambda:<region>:<account>:function:<name>:<alias>'
  const missing = /:function:[\w-]+$/.test(text) ? 'The alias at its end is missing. ' : ''
  const version = /^(\d+|\$LATEST)$/.test(aliasOf(text) ?? '') || text.endsWith(':$LATEST')
  throw new InvalidArgumentError(
    `${missing}${version ? 'Cognito takes an alias, no version. ' : ''}It has the form ${form}; Corbado's hand-over names it.`,
  )
}

/**
 * Adds one more `--also`.
 * @throws InvalidArgumentError for anything but a slot other than those of custom auth
 */
function parseAlso(text: string, before: readonly Slot[] = []): readonly Slot[] {
  const slot = OTHER_SLOTS.find((name) => name === text)
  if (slot) return [...before, slot]
  const sender = /^Custom(SMS|Email)Sender$/i.test(text)
  const why = sender ? 'Corbado does not deliver messages: keep your own function there, or --chain it. ' : ''
  throw new InvalidArgumentError(`${why}It is one of ${OTHER_SLOTS.join(', ')}.`)
}

/**
 * Adds one more `--replace <slot>=<ARN>`.
 * @throws InvalidArgumentError for another form or an unknown slot
 */
function parseReplace(text: string, before: SlotArns = {}): SlotArns {
  const [slot = '', arn = ''] = text.split('=', 2)
  const isSender = SENDER_SLOTS.some((sender) => sender === slot)
  if (isSlot(slot) && !isSender && arn !== '') return { ...before, [slot]: arn }
  throw new InvalidArgumentError('It is <slot>=<the ARN that the slot holds now>, as the plan names both.')
}

/**
 * Adds one more `--chain <slot>` or `--chain <slot>=<ARN>`.
 * @throws InvalidArgumentError for another form or an unknown slot
 */
function parseChain(text: string, before: SlotChains = {}): SlotChains {
  const word = parseChainWord(text)
  if (word) return { ...before, [word.slot]: word.held }
  throw new InvalidArgumentError(
    `It is <slot>, or <slot>=<the ARN that it holds now>, and <slot> one of ${SLOTS.join(', ')}.`,
  )
}

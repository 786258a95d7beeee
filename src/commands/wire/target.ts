import { InvalidArgumentError } from 'commander'
import { aliasOf } from '../../ids.js'
import { isSlot, OTHER_SLOTS, type Slot, type SlotArns } from '../../operator/pool/slots.js'

/** A function's ARN with its alias, which is all that Cognito's pattern of a trigger's ARN leaves of one (fact A6). */
const hostedArn = /^arn:aws[\w-]*:lambda:[a-z]{2}(-[a-z]+)+-\d:\d{12}:function:[\w-]{1,64}:(?!\d+$)[\w-]{1,128}$/

/**
 * Reads the hosted ARN that Corbado gave.
 * @throws InvalidArgumentError for anything but a function with an alias
 */
export function parseHostedArn(text: string): string {
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
 * @throws InvalidArgumentError for anything but a slot besides those of custom auth
 */
export function parseAlso(text: string, before: readonly Slot[] = []): readonly Slot[] {
  const slot = OTHER_SLOTS.find((name) => name === text)
  if (slot) return [...before, slot]
  const sender = /^Custom(SMS|Email)Sender$/i.test(text)
  const why = sender ? 'Corbado does not deliver messages: keep your own function there. ' : ''
  throw new InvalidArgumentError(`${why}It is one of ${OTHER_SLOTS.join(', ')}.`)
}

/**
 * Adds one more `--replace <slot>=<ARN>`.
 * @throws InvalidArgumentError for another form or an unknown slot
 */
export function parseReplace(text: string, before: SlotArns = {}): SlotArns {
  const [slot = '', arn = ''] = text.split('=', 2)
  if (isSlot(slot) && arn !== '') return { ...before, [slot]: arn }
  throw new InvalidArgumentError('It is <slot>=<the ARN that the slot holds now>, as the plan names both.')
}

import type { LambdaConfigType, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { fieldsOf, textAt } from '../../../../fields.js'
import { npxLine, wireWords } from '../../../pool/line.js'
import {
  CUSTOM_AUTH_SLOTS,
  isOfFunction,
  OTHER_SLOTS,
  ownFlowSlots,
  SENDER_SLOTS,
  type Slot,
  type SlotArns,
  slotArn,
  triggerOfSlot,
} from '../../../pool/triggers.js'
import { type Check, type Finding, failed, IN_FILE, passed, warned } from '../finding.js'
import type { Patient } from '../patient.js'

/** What {@link checkTriggers} answers for. */
export const TRIGGER_CHECKS = ['triggers', 'stray-triggers'] as const satisfies readonly Check[]

type Wired = Pick<Patient, 'hostedArn' | 'settings'> & {
  readonly config: Pick<Patient['config'], 'userPoolId' | 'triggers' | 'login'>
}

/** Does the pool call the gateway where it must, and nowhere else? */
export function checkTriggers({ LambdaConfig = {} }: Pick<UserPoolType, 'LambdaConfig'>, wired: Wired): Finding[] {
  return [customAuth(LambdaConfig, wired), checkStrays(LambdaConfig, wired)]
}

function customAuth(triggers: LambdaConfigType, { hostedArn, config, settings }: Wired): Finding {
  const wrong = CUSTOM_AUTH_SLOTS.filter((slot) => slotArn(triggers, slot) !== hostedArn)
  if (wrong.length === 0) return chained(triggers, { hostedArn, config })
  const held = wrong.map(
    (slot) => `${slot} ${slotArn(triggers, slot) ? `calls ${slotArn(triggers, slot)}` : 'is empty'}`,
  )
  const holding = wrong.flatMap((slot) => (slotArn(triggers, slot) ? [[slot, slotArn(triggers, slot)] as const] : []))
  const goesOn = holding.every(([slot, arn]) => functionArnOf(slot, config) === arn) && holding.length === 3
  const slots: SlotArns = Object.fromEntries(holding)
  const wiring = { arn: hostedArn, ...(goesOn ? { chain: slots } : { replace: slots }) }
  const command = (verb: 'plan' | 'apply') => npxLine(wireWords(verb, config.userPoolId, wiring))
  const what = `The pool does not call ${hostedArn}: ${held.join(', ')}.`
  const ending = goesOn ? [] : ownFlowSlots(slots, settings.gatewayFunctionArn)
  const warning = ending.length > 0 ? endingText(ending) : ''
  return failed('triggers', what, `customer: ${warning}${command('plan')}, then ${command('apply')}`)
}

/** What a customer must know before functions of its own are replaced. */
function endingText(slots: readonly Slot[]): string {
  const functions = slots.length === 1 ? 'the function' : 'the functions'
  return (
    `logins by ${functions} in ${slots.join(', ')} end with --replace. To keep them, first chain all three (operator: triggers ` +
    `and login.clientIds ${IN_FILE}), and the doctor says --chain in its place. If they may end: `
  )
}

/** The function that a slot's trigger is chained to. */
function functionArnOf(slot: Slot, { triggers }: Pick<Wired['config'], 'triggers'>): string | undefined {
  return textAt(fieldsOf(triggers)[triggerOfSlot(slot)], 'functionArn')
}

/** A trigger that is chained here and not wired there: its function works as before, or not at all if the slot is empty. */
function chained(triggers: LambdaConfigType, { hostedArn, config }: Pick<Wired, 'hostedArn' | 'config'>): Finding {
  const unwired = [...OTHER_SLOTS, ...SENDER_SLOTS].filter(
    (slot) => functionArnOf(slot, config) !== undefined && slotArn(triggers, slot) !== hostedArn,
  )
  if (unwired.length === 0)
    return claim(triggers, { hostedArn, config }) ?? passed('triggers', `The custom-auth triggers call ${hostedArn}.`)
  const held = unwired.map(
    (slot) => `${slot} ${slotArn(triggers, slot) ? `calls ${slotArn(triggers, slot)}` : 'is empty'}`,
  )
  const chain: SlotArns = Object.fromEntries(
    unwired.flatMap((slot) => (slotArn(triggers, slot) ? [[slot, slotArn(triggers, slot)]] : [])),
  )
  const fix =
    Object.keys(chain).length === unwired.length
      ? `customer: ${npxLine(wireWords('apply', config.userPoolId, { arn: hostedArn, chain }))}`
      : `customer: say whether ${unwired.join(', ')} ${unwired.length === 1 ? 'is' : 'are'} still wanted; operator: correct triggers ${IN_FILE}`
  return warned('triggers', `Chained here, and not called through ${hostedArn}: ${held.join(', ')}.`, fix)
}

/** A claim that no token gets: the trigger that would add it calls something else, or nothing. */
function claim(triggers: LambdaConfigType, { hostedArn, config }: Pick<Wired, 'hostedArn' | 'config'>) {
  const held = slotArn(triggers, 'PreTokenGeneration')
  if (config.login?.claim === undefined || held === hostedArn) return undefined
  const { name } = config.login.claim
  const what = `No token has the claim ${name}: PreTokenGeneration ${held ? `calls ${held}` : 'is empty'}.`
  const wiring = {
    arn: hostedArn,
    ...(held ? { chain: { PreTokenGeneration: held } } : { also: ['PreTokenGeneration'] as const }),
  }
  const wire = npxLine(wireWords('apply', config.userPoolId, wiring))
  const first = `operator: triggers.preTokenGeneration as a chain to that function ${IN_FILE}; `
  return warned('triggers', what, `${held ? first : ''}customer: ${wire}`)
}

/**
 * Slots that must not be ours: through a custom sender that is chained to no function no message would be sent any more, and
 * through another alias every event is refused. Other triggers through the tenant's own alias are passed through, so they do no harm.
 */
export function checkStrays(
  triggers: LambdaConfigType,
  { hostedArn, settings, config }: Omit<Wired, 'config'> & { readonly config?: Pick<Patient['config'], 'triggers'> },
): Finding {
  const isOurs = (arn: string | undefined) => isOfFunction(arn, settings.gatewayFunctionArn)
  const chained = { CustomEmailSender: 'customEmailSender', CustomSMSSender: 'customSMSSender' } as const
  const senders = (['CustomEmailSender', 'CustomSMSSender'] as const).filter(
    (slot) => isOurs(triggers[slot]?.LambdaArn) && config?.triggers?.[chained[slot]] === undefined,
  )
  const others = OTHER_SLOTS.filter((slot) => {
    const arn = slotArn(triggers, slot)
    return isOurs(arn) && arn !== hostedArn
  })
  if (senders.length + others.length === 0)
    return passed('stray-triggers', 'No other trigger wrongly calls the gateway.')
  const found = [
    ...senders.map((slot) => `${slot} calls the gateway, so no such message is sent`),
    ...others.map((slot) => `${slot} calls ${slotArn(triggers, slot)}, which refuses this pool`),
  ]
  const emptied = [...senders, ...others].join(', ')
  const fix = `customer: in the pool's LambdaConfig, take the gateway out of ${emptied}; all else must be sent back as it is`
  return failed('stray-triggers', `${found.join('; ')}.`, fix)
}

import { TriggerSenderRefused } from '../errors.js'
import { type Trigger, TriggerEvent } from './trigger.js'

/** A sender replaces Cognito's delivery. Passing it through would silently lose the message, so it is refused. */
export function customSender(name: string, ...triggerSource: string[]): Trigger<typeof TriggerEvent> {
  return {
    name,
    triggerSource,
    kind: 'sender',
    schema: TriggerEvent,
    handle() {
      throw new TriggerSenderRefused()
    },
  }
}

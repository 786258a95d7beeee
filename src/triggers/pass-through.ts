import { type Trigger, TriggerEvent } from './trigger.js'

/** A trigger that the gateway leaves alone: an event that comes back unchanged is Cognito's default behaviour. */
export function passThrough(name: string, ...triggerSource: string[]): Trigger<typeof TriggerEvent> {
  return {
    name,
    triggerSource,
    kind: 'pass-through',
    schema: TriggerEvent,
    handle: () => ({ outcome: 'unchanged' }),
  }
}

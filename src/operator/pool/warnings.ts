import type { UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import { CUSTOM_AUTH_SLOTS, isOfFunction, type SlotArns } from './triggers.js'

/**
 * What of a pool's settings touches passkey logins, as the doctor tells it once the tenant's flow is known: whoever wires the
 * pool may not know it. None of it stops a wiring.
 */
export function settingWarnings({ MfaConfiguration, DeviceConfiguration, UserPoolAddOns }: UserPoolType): string[] {
  return [
    ...(MfaConfiguration === 'ON'
      ? [
          'the pool requires MFA, and a login of the flow passkey is not asked for a second factor: ask Corbado for the flow ' +
            'password-then-passkey if you want one, and try a login of a user with MFA',
        ]
      : []),
    ...(DeviceConfiguration === undefined
      ? []
      : [
          'devices are remembered, and a login in which Cognito adds a device challenge is refused by the flow passkey: try one ' +
            'from a remembered device',
        ]),
    ...(UserPoolAddOns?.AdvancedSecurityAdditionalFlows?.CustomAuthMode === 'ENFORCED'
      ? [
          'threat protection is enforced for custom authentication: Cognito may refuse a passkey login that it finds risky',
        ]
      : []),
  ]
}

/** A sentence on functions of the pool's own custom authentication that are replaced; none if they are aliases of `arn`'s function. */
export function ownFlowWarnings(held: SlotArns, arn: string): string[] {
  const functionArn = arn.split(':').slice(0, -1).join(':')
  const own = CUSTOM_AUTH_SLOTS.filter((slot) => held[slot] !== undefined && !isOfFunction(held[slot], functionArn))
  if (own.length === 0) return []
  const verb = own.length === 1 ? 'holds a function' : 'hold functions'
  return [`${own.join(', ')} ${verb} of your own: logins by these functions end with this. Ask Corbado first`]
}

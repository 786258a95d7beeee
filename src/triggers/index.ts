import { createAuthChallenge } from './create-auth-challenge.js'
import { customSender } from './custom-sender.js'
import { defineAuthChallenge } from './define-auth-challenge.js'
import { passThrough } from './pass-through.js'
import { preTokenGeneration } from './pre-token-generation.js'
import type { Trigger } from './trigger.js'
import { verifyAuthChallengeResponse } from './verify-auth-challenge-response.js'

/** Every trigger of Cognito's LambdaConfig. */
export const triggers: readonly Trigger[] = [
  defineAuthChallenge,
  createAuthChallenge,
  verifyAuthChallengeResponse,
  passThrough('pre-sign-up', 'PreSignUp'),
  passThrough('post-confirmation', 'PostConfirmation'),
  passThrough('pre-authentication', 'PreAuthentication'),
  passThrough('post-authentication', 'PostAuthentication'),
  preTokenGeneration,
  passThrough('custom-message', 'CustomMessage'),
  passThrough('user-migration', 'UserMigration'),
  passThrough('inbound-federation', 'InboundFederation'),
  customSender('custom-email-sender', 'CustomEmailSender'),
  customSender('custom-sms-sender', 'CustomSMSSender'),
]

/** Stands in for a source that Cognito may add one day: the event goes back as it came. */
export const unknownTrigger = passThrough('unknown')

const bySource = new Map(triggers.flatMap((trigger) => trigger.triggerSource.map((s) => [s.toLowerCase(), trigger])))

/**
 * The trigger of a `triggerSource`, by the part before `_`; undefined if none fits. Case does not matter, as AWS's own
 * tables spell some in two ways.
 */
export function findTrigger(triggerSource: string): Trigger | undefined {
  return bySource.get(triggerSource.split('_', 1)[0]?.toLowerCase() ?? '')
}

import { randomBytes, randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** A secret of a caller, as the parameter of the callers' secrets lists them. */
export function createCallerSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/**
 * The headers with which one of Corbado's callers sends a body, by the Standard Webhooks package that such a caller
 * would use: the gateway's own code is not asked whether it agrees with itself.
 * @param nowMs milliseconds since the epoch; good for five minutes from then on
 */
export function signedHeaders(secret: string, body: string, nowMs: number): Record<string, string> {
  const id = `msg_${randomUUID()}`
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(nowMs), body),
  }
}

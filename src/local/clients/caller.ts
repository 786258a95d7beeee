import { randomBytes, randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { systemClock } from '../../call.js'

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

/** What the container door's route needs to know of a define event. */
export interface DefineEvent {
  readonly userPoolId: string
  readonly triggerSource: string
  readonly [key: string]: unknown
}

/** A signed request, ready to be sent by anything that speaks HTTP. */
interface SignedRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One of Corbado's callers of the container door. */
export interface Caller {
  readonly secret: string
  /** The request that asks for an answer to a define event. */
  signDefine(event: DefineEvent): SignedRequest
  /** @throws with the status, if it is not 200 */
  send(request: SignedRequest): Promise<unknown>
  /** How many requests were sent by {@link send}. */
  sent(): number
}

/** Makes a caller of the container door at this address. */
export function createCaller(doorUrl: string, secret: string): Caller {
  let sent = 0
  return {
    secret,
    signDefine(event) {
      const body = JSON.stringify(event)
      const headers = { 'content-type': 'application/json', ...signedHeaders(secret, body, systemClock.now()) }
      return { url: `${doorUrl}/v1/pools/${event.userPoolId}/triggers/define-auth-challenge`, headers, body }
    },
    async send({ url, headers, body }) {
      sent += 1
      const answer = await fetch(url, { method: 'POST', headers, body })
      if (answer.status !== 200) throw new Error(`answered with ${answer.status}`)
      return answer.json()
    },
    sent: () => sent,
  }
}

import { type Call, type Clock, pause } from '../../src/call.js'
import { CallerSecretsUnavailable, Overloaded } from '../../src/errors.js'
import { parseCallerSecrets, sign } from '../../src/plugins/signature.js'
import type { GatewaySecret } from '../../src/tenant/own/secret.js'
import type { Connection, Posted } from './connection.js'
import { type TriggerEvent, toObject } from './decide.js'

/** One event on its way to the container door. */
export interface Forwarding {
  readonly event: TriggerEvent
  /** The trigger's name: the last part of its route. */
  readonly trigger: string
  readonly invokedFunctionArn: string
  readonly requestId: string
  /** How many gateways the event has been through. */
  readonly hops: number
  readonly call: Call
}

export interface Forwarded {
  /** undefined: no secret to sign with could be had. */
  readonly posted: Posted | undefined
  /** Milliseconds that the container took, both tries together; undefined if it was never asked. */
  readonly gatewayMs?: number
}

export interface ForwardOptions {
  readonly connection: Connection
  readonly secret: GatewaySecret
  readonly clock: Clock
}

/** A load balancer's next address, or another container, is tried after this long. */
const PAUSE_MS = 50
const TRIES_MAX = 2
/** Pauses between looks for a secret, from the first to the longest: SSM may be refusing many environments at once. */
const LOOK_PAUSE_MS = { first: 50, last: 800 }
/** With less time left no container would answer any more. */
const SENDING_MS = 300

/** Answers with which a container says that it has not begun; another one may then take the event. */
const NOT_BEGUN = [new Overloaded(), new CallerSecretsUnavailable()]

/**
 * Signs an event and sends it. It is sent a second time only if no container can have worked on it: no connection came
 * about, a container refused it before any work, or the signature was refused and a newer secret is there. A proof is
 * single-use, so nothing else is sent twice.
 */
export async function forward(forwarding: Forwarding, options: ForwardOptions): Promise<Forwarded> {
  const { call } = forwarding
  const { clock } = options
  let text = await findSecret(options.secret, call, clock)
  const start = clock.elapsed()
  for (let attempt = 1; ; attempt += 1) {
    const request = text === undefined ? undefined : signed(forwarding, text, attempt, clock)
    if (!request) return { posted: undefined }
    const posted = await options.connection.post(request.path, request.headers, request.body, call)
    const result = { posted, gatewayMs: Math.round(clock.elapsed() - start) }
    if (attempt === TRIES_MAX) return result
    if (isUnsent(posted) && call.remainingMs() > PAUSE_MS) await pause(PAUSE_MS, clock)
    else if (isUnsigned(posted)) {
      const renewed = await renewedSecret(options.secret, call)
      if (renewed === text) return result
      text = renewed
    } else return result
  }
}

/** Looks for the secret as long as an answer could still come in time: nothing has been sent, so waiting is safe. */
async function findSecret(secret: GatewaySecret, call: Call, clock: Clock): Promise<string | undefined> {
  for (let pauseMs = LOOK_PAUSE_MS.first; ; pauseMs = Math.min(2 * pauseMs, LOOK_PAUSE_MS.last)) {
    const text = await secret.get(call)
    const jitteredMs = pauseMs * (1 + Math.random())
    if (text !== undefined || call.remainingMs() < jitteredMs + SENDING_MS) return text
    await pause(jitteredMs, clock)
  }
}

function isUnsent(posted: Posted): boolean {
  if (posted.kind === 'failed') return posted.reason === 'unsent'
  const { code } = toObject(posted.body)
  return NOT_BEGUN.some((error) => posted.status === error.statusCode && code === error.code)
}

function isUnsigned(posted: Posted): boolean {
  return posted.kind === 'answered' && posted.status === 401
}

/** The secret after a look at SSM, at most every 30 s: the container may have been given another one. */
async function renewedSecret(secret: GatewaySecret, call: Call): Promise<string | undefined> {
  secret.expire()
  return secret.get(call)
}

/** The request as Standard Webhooks wants it, made again for each try: the time that is left is part of it. */
function signed(
  { event, trigger, invokedFunctionArn, requestId, hops, call }: Forwarding,
  text: string,
  attempt: number,
  clock: Clock,
) {
  const [secret] = parseCallerSecrets(text)
  if (!secret) return undefined
  const remainingMs = Math.floor(call.remainingMs())
  const envelope = { event, invokedFunctionArn, remainingMs, ...(hops > 0 && { hops }) }
  const body = Buffer.from(JSON.stringify(envelope))
  const id = `${requestId}-${attempt}`
  const timestamp = String(Math.floor(clock.now() / 1_000))
  const headers = {
    'content-type': 'application/json',
    'content-length': String(body.length),
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${sign(secret, id, timestamp, body).toString('base64')}`,
  }
  return { path: `/v1/pools/${event.userPoolId}/triggers/${trigger}`, headers, body }
}

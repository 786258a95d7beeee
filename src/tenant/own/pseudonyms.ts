import { createHmac } from 'node:crypto'
import type { Call, Clock } from '../../call.js'
import type { Env } from '../../env.js'
import { PseudonymKeyUnavailable } from '../../errors.js'
import type { UserPoolId } from '../../ids.js'
import { failureMemoryMs } from '../../resilience/expiring-cache.js'
import type { Upstreams } from '../../upstreams/index.js'
import { createGatewaySecret, type GatewaySecretOptions } from './secret.js'

/** Names for users in log lines that only the holder of the key can tie to a user. */
export interface Pseudonyms {
  /** Begins to fetch the key, beside the request's other work. */
  prepare(): void
  /** There is nothing to wait for: the key is here and fresh, or none is configured. */
  readonly settled: boolean
  /** Waits for a fetch that still runs, as long as the call can, and once a call; never throws. */
  ready(call: Call): Promise<void>
  /** `u_` and 22 characters; undefined without a key. The same user name in another pool has another pseudonym. */
  of(userPoolId: UserPoolId, username: string): string | undefined
  /**
   * A user name that belongs to nobody, in the form that Cognito makes (UUID): the same for the same text. Waits for the
   * key as long as the call can, also for what a line of this call would wait for: a user has a pseudonym on it, and nobody
   * has none, which must not show in the time.
   * @throws GW_ERR_PSEUDONYM_KEY_UNAVAILABLE
   */
  nameOfNobody(userPoolId: UserPoolId, text: string, call: Call): Promise<string>
}

/** With a key that can be guessed, a reader of the lines could compute who is who. */
const KEY_BYTES_MIN = 32
/** While SSM fails: a line without `user` is better than a login that waits for it again. */
const RETRY_MS = 60_000

/** Could the text of a parameter be the key? */
export const isPseudonymKey = (text: string) => Buffer.byteLength(text) >= KEY_BYTES_MIN

/** The pseudonym of a user of a pool, under a key. */
export function pseudonymOf(key: string, userPoolId: UserPoolId, username: string): string {
  const hash = createHmac('sha256', key).update(`${userPoolId}\n${username}`).digest()
  return `u_${hash.subarray(0, 16).toString('base64url')}`
}

export interface PseudonymsOptions {
  readonly env: Pick<Env, 'pseudonymKeyParameter' | 'secretTtlSeconds'>
  readonly fetchParameter: Upstreams['fetchParameter']
  readonly clock: Clock
  /** Told once when the parameter is missing or too short for a key. */
  readonly onSpoiled: NonNullable<GatewaySecretOptions['onSpoiled']>
}

/** Makes pseudonyms with the key in SSM. */
export function createPseudonyms({ env, fetchParameter, clock, onSpoiled }: PseudonymsOptions): Pseudonyms {
  const parameter = {
    parameter: env.pseudonymKeyParameter,
    ttlMs: env.secretTtlSeconds * 1_000,
    fetchParameter,
    clock,
    isUsable: isPseudonymKey,
    whenUnusable: 'drop',
  } as const
  const key = createGatewaySecret({
    ...parameter,
    retryMs: ({ kind }) => (kind === 'missing' || kind === 'unusable' ? failureMemoryMs() : RETRY_MS),
    onSpoiled,
  })
  // Without a name of nobody there is no answer, so while the lines have no key it is asked for again sooner; and by itself,
  // so that no other tenant's call waits for it.
  const keyOfNames = createGatewaySecret({ ...parameter, retryMs: failureMemoryMs })
  const waited = new WeakSet<Call>()
  async function ready(call: Call): Promise<void> {
    if (waited.has(call)) return
    waited.add(call)
    await key.get(call)
  }

  return {
    ready,
    prepare: () => key.prepare(),
    get settled() {
      return key.settled
    },
    of(userPoolId, username) {
      return key.current === undefined ? undefined : pseudonymOf(key.current, userPoolId, username)
    },
    async nameOfNobody(userPoolId, text, call) {
      await ready(call)
      const secret = key.current ?? (await keyOfNames.get(call))
      if (secret === undefined) throw new PseudonymKeyUnavailable()
      // Three parts, so that it is no user's pseudonym: no user name has a line break.
      return uuidOf(createHmac('sha256', secret).update(`${userPoolId}\n${text}\nnobody`).digest())
    },
  }
}

/** A hash as a UUID of version 4, like random ones. */
function uuidOf(hash: Buffer): string {
  const bytes = Buffer.from(hash.subarray(0, 16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

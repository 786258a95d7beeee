import { createHmac } from 'node:crypto'
import { type Call, type Clock, createCall } from '../call.js'
import type { UserPoolId } from '../ids.js'
import type { Upstreams } from '../upstreams/index.js'

/** Names for users in log lines that only the holder of the key can tie to a user. */
export interface Pseudonyms {
  /** Fetches the key if it is not here yet; waits no longer than the call can. Never throws. */
  ready(call: Call): Promise<void>
  /** `u_` and 22 characters; undefined without a key. The same user name in another pool has another pseudonym. */
  of(userPoolId: UserPoolId, username: string): string | undefined
}

const LOAD_MS = 500
/** A line without `user` is better than a login that waits for SSM each time. */
const RETRY_MS = 5_000

export function createPseudonyms(
  parameter: string | undefined,
  fetchParameter: Upstreams['fetchParameter'],
  clock: Clock,
): Pseudonyms {
  let key: string | undefined
  let loading: Promise<void> | undefined
  let retryAt = 0

  async function load(name: string): Promise<void> {
    try {
      key = await fetchParameter(name, createCall(LOAD_MS))
    } catch {
      retryAt = clock.now() + RETRY_MS
    } finally {
      loading = undefined
    }
  }

  return {
    async ready(call) {
      if (parameter === undefined || key !== undefined || clock.now() < retryAt) return
      loading ??= load(parameter)
      await call.within(loading, () => undefined)
    },
    of(userPoolId, username) {
      if (key === undefined) return undefined
      const hash = createHmac('sha256', key).update(`${userPoolId}\n${username}`).digest()
      return `u_${hash.subarray(0, 16).toString('base64url')}`
    },
  }
}

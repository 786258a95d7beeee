import { createHmac } from 'node:crypto'
import type { Call } from '../call.js'
import type { UserPoolId } from '../ids.js'
import type { GatewaySecret } from './gateway-secret.js'

/** Names for users in log lines that only the holder of the key can tie to a user. */
export interface Pseudonyms {
  /** Begins to fetch the key, beside the request's other work. */
  prepare(): void
  /** There is nothing to wait for: the key is here and fresh, or there is none. */
  readonly settled: boolean
  /** Waits for a fetch that still runs, as long as the call can; never throws. */
  ready(call: Call): Promise<void>
  /** `u_` and 22 characters; undefined without a key. The same user name in another pool has another pseudonym. */
  of(userPoolId: UserPoolId, username: string): string | undefined
}

export function createPseudonyms(key: GatewaySecret): Pseudonyms {
  return {
    prepare: () => key.prepare(),
    get settled() {
      return key.settled
    },
    async ready(call) {
      await key.get(call)
    },
    of(userPoolId, username) {
      if (key.current === undefined) return undefined
      const hash = createHmac('sha256', key.current).update(`${userPoolId}\n${username}`).digest()
      return `u_${hash.subarray(0, 16).toString('base64url')}`
    },
  }
}

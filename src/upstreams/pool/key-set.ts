import { performance } from 'node:perf_hooks'
import type { Call, Clock } from '../../call.js'
import type { Proxies } from '../../env.js'
import { type UpstreamFaultKind, upstreamError } from '../../errors.js'
import { createExchanges } from '../connections/exchanges.js'

/** Reads the public keys with which pools sign their tokens. */
export interface KeySets {
  /**
   * The key set of a pool, as its issuer publishes it (JSON, unread).
   * @throws GW_ERR_UPSTREAM_… if it cannot be read
   */
  fetchKeySet(issuer: string, call: Call): Promise<string>
  close(): Promise<void>
}

/**
 * A client of issuers. It keeps no connection: a key set is read so seldom that one would be dead rather than of use, and
 * then take all of a call's time.
 */
export function createKeySets(clock: Clock, proxies: Proxies): KeySets {
  const exchanges = createExchanges(clock, proxies, 0)
  return {
    async fetchKeySet(issuer, call) {
      const start = performance.now()
      const url = `${issuer}/.well-known/jwks.json`
      const { exchanged, late } = await call.slice(undefined, async (signal, begin) => {
        // It waits for no credentials, so all of its time is the issuer's.
        begin(undefined)
        const headers = { accept: 'application/json' }
        return { exchanged: await exchanges.send({ method: 'GET', url, headers, signal }), late: signal.aborted }
      })
      const status = exchanged.kind === 'answered' ? exchanged.answer.status : undefined
      if (exchanged.kind === 'answered' && status === 200) {
        call.observe('cognito', performance.now() - start)
        return exchanged.answer.text
      }
      const facts = { operation: 'jwks.json', status } as const
      call.observe('cognito', performance.now() - start, facts)
      throw upstreamError('cognito', late ? 'timeout' : faultKind(status), facts)
    },
    close: () => exchanges.close(),
  }
}

function faultKind(status: number | undefined): UpstreamFaultKind {
  if (status === undefined || status >= 500) return 'unavailable'
  if (status === 429) return 'throttled'
  return status < 400 ? 'malformed' : 'rejected'
}

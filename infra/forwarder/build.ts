import { SSMClient } from '@aws-sdk/client-ssm'
import { type Clock, systemClock } from '../../src/call.js'
import { parseCallerSecrets } from '../../src/plugins/signature.js'
import { createGatewaySecret } from '../../src/tenant/own/secret.js'
import { RequestHandler } from '../../src/upstreams/index.js'
import { createFetchParameter } from '../../src/upstreams/ssm.js'
import { createConnection } from './connection.js'
import { createForwarder } from './forwarder.js'
import type { Line } from './line.js'
import type { ForwarderSettings } from './settings.js'

/** A failed look at the parameter is repeated as soon as an event asks again: without a secret none is forwarded. */
const RETRY_MS = 50

/** The forwarder over its two counterparts: the parameter with the secret, and the container door. */
export function buildForwarder(settings: ForwarderSettings, print: (line: Line) => void, clock: Clock = systemClock) {
  const requestHandler = new RequestHandler(clock, {})
  const ssm = new SSMClient({ region: settings.region, maxAttempts: 1, requestHandler })
  const connection = createConnection(settings.gatewayUrl, clock)
  const secret = createGatewaySecret({
    parameter: settings.callerSecretsParameter,
    ttlMs: settings.secretTtlMs,
    retryMs: () => RETRY_MS,
    fetchParameter: createFetchParameter(ssm),
    clock,
    // Without a secret in it, a parameter leaves what was there before, and is soon read again.
    isUsable: (text) => parseCallerSecrets(text).length > 0,
    whenUnusable: 'keep',
  })
  return {
    handler: createForwarder({ connection, secret, clock, print }),
    close() {
      connection.close()
      ssm.destroy()
    },
  }
}

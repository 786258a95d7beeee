import { SSMClient } from '@aws-sdk/client-ssm'
import { SLICE_MS, systemClock } from '../../src/call.js'
import { createGatewaySecret } from '../../src/tenant/gateway-secret.js'
import { clientLimits } from '../../src/upstreams/index.js'
import { createFetchParameter } from '../../src/upstreams/ssm.js'
import { createConnection } from './connection.js'
import { createForwarder } from './forwarder.js'
import type { Line } from './line.js'
import type { ForwarderSettings } from './settings.js'

/** A failed look at the parameter is soon repeated: without a secret nothing can be forwarded. */
const RETRY_MS = 1_000

/** The forwarder over its two counterparts: the parameter with the secret, and the container door. */
export function buildForwarder(settings: ForwarderSettings, print: (line: Line) => void) {
  const ssm = new SSMClient({ region: settings.region, ...clientLimits(SLICE_MS.ssm) })
  const connection = createConnection(settings.gatewayUrl)
  const secret = createGatewaySecret({
    parameter: settings.callerSecretsParameter,
    ttlMs: settings.secretTtlMs,
    retryMs: RETRY_MS,
    fetchParameter: createFetchParameter(ssm),
    clock: systemClock,
  })
  return {
    handler: createForwarder({ connection, secret, clock: systemClock, print }),
    close() {
      connection.close()
      ssm.destroy()
    },
  }
}

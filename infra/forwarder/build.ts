import { SSMClient } from '@aws-sdk/client-ssm'
import { type Clock, systemClock } from '../../src/call.js'
import { upstreamError } from '../../src/errors.js'
import { parseCallerSecrets } from '../../src/plugins/signature.js'
import { createGatewaySecret } from '../../src/tenant/gateway-secret.js'
import { CLIENT_LIMITS } from '../../src/upstreams/index.js'
import { createFetchParameter, type FetchParameter } from '../../src/upstreams/ssm.js'
import { createConnection } from './connection.js'
import { createForwarder } from './forwarder.js'
import type { Line } from './line.js'
import type { ForwarderSettings } from './settings.js'

/** A failed look at the parameter is repeated as soon as an event asks again: without a secret none is forwarded. */
const RETRY_MS = 50

/** The forwarder over its two counterparts: the parameter with the secret, and the container door. */
export function buildForwarder(settings: ForwarderSettings, print: (line: Line) => void, clock: Clock = systemClock) {
  const ssm = new SSMClient({ region: settings.region, ...CLIENT_LIMITS })
  const connection = createConnection(settings.gatewayUrl, clock)
  const secret = createGatewaySecret({
    parameter: settings.callerSecretsParameter,
    ttlMs: settings.secretTtlMs,
    retryMs: RETRY_MS,
    fetchParameter: onlyUsable(createFetchParameter(ssm)),
    clock,
  })
  return {
    handler: createForwarder({ connection, secret, clock, print }),
    close() {
      connection.close()
      ssm.destroy()
    },
  }
}

/** A parameter without a secret in it is a failed look: what was there before serves on, and it is soon asked again. */
function onlyUsable(fetchParameter: FetchParameter): FetchParameter {
  return async (name, call) => {
    const text = await fetchParameter(name, call)
    if (parseCallerSecrets(text).length === 0) throw upstreamError('ssm', 'malformed')
    return text
  }
}

import t from 'tap'
import { createCallerSecret } from '../../src/local/clients/caller.js'
import { startGateway } from '../fixtures/gateway.js'
import { refusesForged } from '../fixtures/http/refuses-forged.js'
import { tenantFile } from '../fixtures/tenants.js'

/* All of what invocation.test.ts has a sample of. */

const SECRETS = '/corbado/gateway/callers'

t.test('no forged HTTP request passes for a direct invocation, whatever stands before the function', async (t) => {
  const gateway = await startGateway(t, { env: { CALLER_SECRETS_PARAMETER: SECRETS } })
  gateway.stack.ssm.put(SECRETS, createCallerSecret())
  const acme = tenantFile()
  await gateway.addTenant(acme)
  await refusesForged(t, gateway, acme.userPoolId, SECRETS)
})

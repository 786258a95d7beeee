import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { AdminRequest, CredentialOrder, FaultBegin } from '../clients/admin.js'
import { createFaults, type Dependency, type Faults } from '../faults.js'
import type { Stack } from '../stack.js'
import { basicCredential, createApiSecret } from './tenants.js'

/** Where commands change a running stack from another process. */
export interface Admin {
  /** Holds a word that no page in a browser can guess. */
  readonly url: string
  readonly faults: Faults
  stop(): Promise<void>
}

/**
 * Serves `local fault` and `local credential`, on loopback and a free port.
 * @param retire replaces the gateway's environments
 */
export async function startAdmin(stack: Stack, retire: () => void): Promise<Admin> {
  const faults = createFaults(stack)
  const word = randomBytes(16).toString('hex')

  const routes: Record<AdminRequest, (body: never) => Promise<object | undefined> | object | undefined> = {
    'POST /faults': async ({ cold, ...order }: FaultBegin) => {
      await faults.begin(order)
      if (cold) retire()
      return { faults: faults.list() }
    },
    'GET /faults': () => ({ faults: faults.list() }),
    'POST /faults/clear': ({ dependency }: { dependency?: Dependency }) => ({ faults: faults.clear(dependency) }),
    'POST /credentials': (order: CredentialOrder) => changeCredentials(stack, order),
  }

  async function answer(request: IncomingMessage): Promise<object | undefined> {
    const [, given, ...path] = (request.url ?? '').split('/')
    const route = given === word ? routes[`${request.method} /${path.join('/')}` as AdminRequest] : undefined
    return route?.((request.method === 'POST' ? await json(request) : undefined) as never)
  }

  const server = createServer((request, response) => {
    void answer(request)
      .then((body) => response.writeHead(body ? 200 : 404).end(JSON.stringify(body ?? {})))
      .catch(() => response.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${word}`,
    faults,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function changeCredentials({ corbado }: Stack, { projectId, scheme, keepNewest }: CredentialOrder): object | undefined {
  if (keepNewest) {
    corbado.keepNewestSecret(projectId)
    return { secrets: 1 }
  }
  const apiSecret = createApiSecret()
  const secrets = corbado.addSecret(projectId, apiSecret)
  return { secrets, credential: scheme === 'basic' ? basicCredential(projectId, apiSecret) : apiSecret }
}

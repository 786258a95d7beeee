import { setTimeout } from 'node:timers/promises'
import type { UserPoolClientType } from '@aws-sdk/client-cognito-identity-provider'
import { createCall } from '../../call.js'
import { POOL_CALL_MS } from '../../commands/wire/pool.js'
import { isUpstreamError } from '../../errors.js'
import type { UserPoolSettings } from '../../upstreams/operator.js'

/** So many are looked at; most pools have fewer. */
const CLIENTS_MAX = 20

/** Cognito lets one pool be asked for an app client 5 times a second (fact A23). */
const PAUSE_MS = 200

/** May this app client run the custom auth flow? Without any flow named, and under the old names, it may (API reference). */
export function allowsCustomAuth({ ExplicitAuthFlows: flows = [] }: UserPoolClientType): boolean {
  const named = flows.some((flow) => flow.startsWith('ALLOW_'))
  return !named || flows.includes('ALLOW_CUSTOM_AUTH')
}

/** Sentences on app clients in which passkeys could not be used; one that says so where they cannot be looked at. */
export async function clientWarnings(settings: UserPoolSettings): Promise<readonly string[]> {
  const call = createCall(POOL_CALL_MS)
  try {
    const clients = await settings.listClients(call)
    const refusing: string[] = []
    for (const { clientId, clientName } of clients.slice(0, CLIENTS_MAX)) {
      if (!allowsCustomAuth(await settings.describeClient(clientId, call))) refusing.push(`${clientName} (${clientId})`)
      if (clients.length > 1) await setTimeout(PAUSE_MS)
    }
    const unseen = clients.length - CLIENTS_MAX
    return [
      ...refusing.map(
        (name) => `app client ${name} does not allow ALLOW_CUSTOM_AUTH: nobody signs in with a passkey through it`,
      ),
      ...(unseen > 0 ? [`${unseen} more app clients were not looked at`] : []),
    ]
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    return [
      `whether its app clients allow ALLOW_CUSTOM_AUTH could not be looked at (${error.facts.errorType ?? error.reason})`,
    ]
  }
}

import type { UserPoolClientType } from '@aws-sdk/client-cognito-identity-provider'
import { type Call, type Clock, createCall, pause } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import { inLine } from '../../terminal/clean.js'
import type { UserPoolSettings } from '../../upstreams/operator.js'
import { saidOf } from '../attempt.js'

/** An app client as Cognito describes it, without its secret. */
export type PoolClient = Omit<UserPoolClientType, 'ClientSecret'>

/** App clients of a pool, and how many more it has. */
export interface PoolClients {
  readonly clients: readonly PoolClient[]
  readonly unseen: number
}

/** So many are read; most pools have fewer. */
const CLIENTS_MAX = 20

/** Cognito lets one pool be asked for an app client 5 times a second (fact A23). */
const PAUSE_MS = 200

/** Longest that {@link readAllClients} takes; a person waits for it. */
const WARNINGS_MS = 15_000

/** May this app client run the custom auth flow? Without any flow named, and under the old names, it may (API reference). */
export function allowsCustomAuth({ ExplicitAuthFlows: flows = [] }: PoolClient): boolean {
  const named = flows.some((flow) => flow.startsWith('ALLOW_'))
  return !named || flows.includes('ALLOW_CUSTOM_AUTH')
}

/** An app client by name and id, for a person. */
export function clientName({ ClientName, ClientId }: PoolClient): string {
  return inLine(`${ClientName} (${ClientId})`)
}

/**
 * Reads a pool's app clients, the first {@link CLIENTS_MAX} of them.
 * @param nextCall gives each request its time
 */
export async function readClients(
  settings: UserPoolSettings,
  nextCall: () => Call,
  clock: Clock,
): Promise<PoolClients> {
  const all = await settings.listClients(nextCall())
  const clients: PoolClient[] = []
  for (const { clientId } of all.slice(0, CLIENTS_MAX)) {
    if (clients.length > 0) await pause(PAUSE_MS, clock)
    const { ClientSecret: _, ...client } = await settings.describeClient(clientId, nextCall())
    clients.push(client)
  }
  return { clients, unseen: all.length - clients.length }
}

/** App clients beside a plan of something else: what the dependency said if they cannot be read, and no error. */
export async function readAllClients(settings: UserPoolSettings, clock: Clock): Promise<PoolClients | string> {
  const call = createCall(WARNINGS_MS, clock)
  try {
    return await readClients(settings, () => call, clock)
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    return saidOf(error)
  }
}

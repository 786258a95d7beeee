import { createHash } from 'node:crypto'
import type { UserPoolClientType } from '@aws-sdk/client-cognito-identity-provider'
import { type Call, type Clock, createCall, pause } from '../../call.js'
import { isUpstreamError } from '../../errors.js'
import { isOursAlone } from '../../tenant/app-clients.js'
import { inLine } from '../../terminal/clean.js'
import { appClientOf } from '../../upstreams/cognito.js'
import type { UserPoolSettings } from '../../upstreams/operator.js'
import { attempt, errorTypeOf, saidOf } from '../attempt.js'

/** An app client as Cognito describes it, without its secret. */
export type PoolClient = Omit<UserPoolClientType, 'ClientSecret'> & {
  /** Of the secret that Cognito names, so that another can be compared with it; a client without one has none. */
  readonly secretDigest?: string
}

/** App clients of a pool, and how many more it has. */
export interface PoolClients {
  readonly clients: readonly PoolClient[]
  readonly unseen: number
  /** The ids of all, those of the unseen too; where it is left out, all were seen. */
  readonly ids?: readonly string[]
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

/** Is custom authentication the only way in through this app client, as the gateway reads it? Else its tokens never have the claim. */
export function takesOnlyCustomAuth(client: PoolClient): boolean {
  return isOursAlone(appClientOf(client))
}

/** What stands for an app client's secret in comparisons. */
export function secretDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}

/** An app client by name and id, for a person. */
export function clientName({ ClientName, ClientId }: PoolClient): string {
  return inLine(`${ClientName} (${ClientId})`)
}

/**
 * Reads a pool's app clients, the first {@link CLIENTS_MAX} of them.
 * @param nextCall gives each request its time
 * @param first ids of those that matter most
 */
export async function readClients(
  settings: UserPoolSettings,
  nextCall: () => Call,
  clock: Clock,
  first: readonly string[] = [],
): Promise<PoolClients> {
  const listed = await settings.listClients(nextCall())
  const all = [...listed].sort((a, b) => Number(first.includes(b.clientId)) - Number(first.includes(a.clientId)))
  const looked = all.slice(0, CLIENTS_MAX).map(({ clientId }) => clientId)
  const clients: PoolClient[] = []
  const gone = new Set<string>()
  for (const [index, clientId] of looked.entries()) {
    if (index > 0) await pause(PAUSE_MS, clock)
    const client = await describeClient(settings, clientId, nextCall())
    if (client === undefined) gone.add(clientId)
    else clients.push(client)
  }
  const ids = all.flatMap(({ clientId }) => (gone.has(clientId) ? [] : clientId))
  return { clients, unseen: all.length - looked.length, ids }
}

/** An app client; undefined if it was deleted since the pool's were listed. */
async function describeClient(
  settings: UserPoolSettings,
  clientId: string,
  call: Call,
): Promise<PoolClient | undefined> {
  const tried = await attempt(settings.describeClient(clientId, call))
  if (tried.kind === 'fault') {
    if (errorTypeOf(tried) === 'ResourceNotFoundException') return undefined
    throw tried.fault
  }
  const { ClientSecret: secret, ...client } = tried.value
  return secret === undefined ? client : { ...client, secretDigest: secretDigest(secret) }
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

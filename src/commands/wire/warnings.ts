import type { LambdaConfigType, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import type { Finding } from '../../operator/doctor/checks/finding.js'
import { checkClients } from '../../operator/doctor/checks/pool/clients.js'
import { checkNative } from '../../operator/doctor/checks/pool/native.js'
import { checkSettings } from '../../operator/doctor/checks/pool/settings.js'
import { checkStrays } from '../../operator/doctor/checks/pool/triggers.js'
import { allowsCustomAuth, clientName, type PoolClient, type PoolClients } from '../../operator/pool/clients.js'
import { clientWords, npxLine } from '../../operator/pool/line.js'
import { ownFlowSlots, type SlotArns } from '../../operator/pool/triggers.js'
import type { TenantFile } from '../../tenant/config.js'

/** Of a tenant's config, what is not known to whoever wires its pool: as it is unless Corbado was asked for something else. */
const UNLESS_SAID = {
  login: { flow: 'passkey' as const },
  actions: { preLogin: { identifierAttribute: 'email', acceptAttributeMatch: false } },
} as const

/**
 * What of a pool the doctor would warn of, in sentences for its owner: the checks are the doctor's own, so that neither warns
 * of less. None of it stops a wiring.
 * @param clients the app clients; or what Cognito said if they cannot be read
 * @param wired the triggers as they will be, the hosted ARN, and which of them the gateway hands on
 */
export function poolWarnings(
  pool: UserPoolType,
  clients: PoolClients | string,
  wired: {
    readonly triggers: LambdaConfigType
    readonly arn: string
    readonly chained?: NonNullable<TenantFile['triggers']>
  },
): string[] {
  const hosted = { hostedArn: wired.arn, settings: { gatewayFunctionArn: functionOfHosted(wired.arn) } }
  const findings = [
    checkStrays(wired.triggers, { ...hosted, ...(wired.chained && { config: { triggers: wired.chained } }) }),
    ...checkSettings(pool, UNLESS_SAID),
    ...(typeof clients === 'string'
      ? []
      : [...checkClients(clients, UNLESS_SAID), checkNative(pool, clients, UNLESS_SAID)]),
  ]
  return [...findings.flatMap(sentenceOf), ...clientWarnings(clients, pool.Id ?? '')]
}

/** The same of one app client that allows custom authentication. */
export function clientFindings(client: PoolClient): string[] {
  return checkClients({ clients: [client], unseen: 0 }, UNLESS_SAID).flatMap(sentenceOf)
}

/** Which app client it is counts here, so that of those without custom authentication each is named. */
function sentenceOf({ check, state, what, fix, dependsOn }: Finding): string[] {
  if (state === 'passed' || dependsOn !== undefined || check === 'app-clients') return []
  const own = /^customer: (.)(.*)$/s.exec(fix ?? '')
  const advice = own ? `${own[1]?.toUpperCase()}${own[2]}` : 'Ask Corbado what was agreed for this pool'
  return [`${what} ${advice}`]
}

function clientWarnings(clients: PoolClients | string, userPoolId: string): string[] {
  if (typeof clients === 'string') {
    return [`whether its app clients allow ALLOW_CUSTOM_AUTH could not be looked at (${clients})`]
  }
  const refusing = clients.clients.filter((client) => !allowsCustomAuth(client))
  return [
    ...refusing.map((client) => {
      const change = npxLine(clientWords(userPoolId, client.ClientId ?? ''))
      return (
        `app client ${clientName(client)} does not allow ALLOW_CUSTOM_AUTH: no user can sign in with a passkey through it. ` +
        `If they are to: ${change}`
      )
    }),
    ...(clients.unseen > 0 ? [`${clients.unseen} more app clients were not looked at`] : []),
  ]
}

/** A sentence on functions of the pool's own custom authentication that are replaced; none if they are aliases of `arn`'s function. */
export function ownFlowWarnings(held: SlotArns, arn: string): string[] {
  const own = ownFlowSlots(held, functionOfHosted(arn))
  if (own.length === 0) return []
  const verb = own.length === 1 ? 'holds a function' : 'hold functions'
  return [`${own.join(', ')} ${verb} of your own: logins by these functions end with this. Ask Corbado first`]
}

const functionOfHosted = (arn: string) => arn.split(':').slice(0, -1).join(':')

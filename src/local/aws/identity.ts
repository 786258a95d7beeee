import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../../call.js'
import { decision, type PolicyDocument } from './policy.js'

export type { PolicyDocument, Statement } from './policy.js'

/** Who signed a request. */
export interface Principal {
  /** A role, user or account root (`arn:aws:iam::…`), or a role session (`arn:aws:sts::…:assumed-role/…`). */
  readonly arn: string
  readonly accountId: string
  /** Identity policies, read at every decision: a change reaches sessions that already exist, as in AWS. */
  readonly policies: readonly PolicyDocument[]
  readonly sessionPolicy?: PolicyDocument
  /** The role behind a session: what `aws:PrincipalArn` and a resource policy's Principal name. */
  readonly roleArn?: string
}

/** A role, and who may assume it. */
export interface Role {
  readonly roleArn: string
  readonly trust: PolicyDocument
  readonly policies: readonly PolicyDocument[]
}

export interface IssuedCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Milliseconds since the epoch; Infinity if they never expire. */
  readonly expiresAt: number
  readonly principal: Principal
}

/** The credentials that all stand-ins of one stack know. */
export interface Identity {
  /** How far AWS's clock is ahead of this machine's, in milliseconds: signatures are checked and answers dated by it. */
  skewMs: number
  issue(principal: Principal, ttlMs: number): IssuedCredentials
  /** Finds expired ones too: the service must be able to say so. */
  find(accessKeyId: string): IssuedCredentials | undefined
  /** Forgets all credentials of a principal, and all sessions of a role. */
  revoke(arn: string): void
}

/** Makes an empty store of credentials. */
export function createIdentity(clock: Clock = systemClock): Identity {
  const issued = new Map<string, IssuedCredentials>()
  return {
    skewMs: 0,
    issue(principal, ttlMs) {
      const credentials = {
        accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secretAccessKey: randomBytes(30).toString('base64'),
        sessionToken: randomBytes(96).toString('base64'),
        expiresAt: clock.now() + ttlMs,
        principal,
      }
      issued.set(credentials.accessKeyId, credentials)
      return credentials
    },
    find: (accessKeyId) => issued.get(accessKeyId),
    revoke(arn) {
      for (const [accessKeyId, { principal }] of issued) {
        if (principal.arn === arn || principal.roleArn === arn) issued.delete(accessKeyId)
      }
    },
  }
}

/** What conditions may ask of every request; the service adds to it what it knows. */
function globalContext(principal: Principal): Record<string, string> {
  return { 'aws:PrincipalArn': principal.roleArn ?? principal.arn, 'aws:PrincipalAccount': principal.accountId }
}

/**
 * May this principal do this by its own policies? An explicit Deny wins; without one there must be an Allow in the
 * identity policies and, if there is a session policy, another one in that.
 */
export function allows(
  principal: Principal,
  action: string,
  resource: string,
  context: Record<string, string> = {},
): boolean {
  const request = { action, resource, context: { ...globalContext(principal), ...context } }
  const { policies, sessionPolicy } = principal
  if (decision(policies, request) !== 'allow') return false
  return sessionPolicy === undefined || decision([sessionPolicy], request) === 'allow'
}

/** What AWS says of a call that no policy allows; some services name the kind of policy that is missing. */
export function deniedText(
  caller: string,
  action: string,
  resource: string,
  kind?: 'identity-based' | 'session' | 'resource-based',
): string {
  const denied = `User: ${caller} is not authorized to perform: ${action} on resource: ${resource}`
  return kind === undefined ? denied : `${denied} because no ${kind} policy allows the ${action} action`
}

/** What the policy of a resource (a role's trust, a Lambda alias's policy) says of a caller: an AWS principal or a service. */
export function resourceDecision(
  policy: PolicyDocument,
  caller: Principal | { readonly service: string },
  action: string,
  resource: string,
  context: Record<string, string> = {},
): 'allow' | 'deny' | 'none' {
  if ('service' in caller) return decision([policy], { action, resource, context, caller })
  const { arn, accountId, roleArn } = caller
  const names = [arn, accountId, `arn:aws:iam::${accountId}:root`, ...(roleArn === undefined ? [] : [roleArn])]
  return decision([policy], {
    action,
    resource,
    context: { ...globalContext(caller), ...context },
    caller: { aws: names },
  })
}

import { createHash } from 'node:crypto'
import type { Clock } from '../call.js'
import { allows, deniedText, type Identity, type Principal, type Role, resourceDecision } from './aws/identity.js'
import { type PolicyDocument, parsePolicy } from './aws/policy.js'
import { createQueryProtocol, formOf } from './aws/query.js'
import { type StandIn, startStandIn, type WireAnswer } from './aws/server.js'

/** How STS speaks. */
const sts = createQueryProtocol('https://sts.amazonaws.com/doc/2011-06-15/')

export interface StsStandIn extends StandIn {
  /** Adds or replaces a role; sessions that exist follow its new policies, as in AWS. */
  putRole(role: Role): void
  /** Removes a role; its sessions' credentials are no longer known. */
  deleteRole(roleArn: string): void
}

/** Unique ids look like AROA and 17 characters; this one is the same for the same role. */
function roleId(arn: string): string {
  return `AROA${createHash('sha256').update(arn).digest('hex').slice(0, 17).toUpperCase()}`
}

/** An AssumeRole call whose parameters STS accepts. */
interface AssumeRole {
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds: number
  readonly externalId: string | undefined
  readonly sessionPolicy: PolicyDocument | undefined
}

/** Reads the parameters by the API model's patterns; an answer is the refusal. */
function parseAssumeRole(form: URLSearchParams): AssumeRole | WireAnswer {
  const invalid = (member: string, rule: string) =>
    sts.failure(
      'ValidationError',
      `1 validation error detected: Value '${form.get(member) ?? ''}' at ` +
        `'${member.charAt(0).toLowerCase()}${member.slice(1)}' failed to satisfy constraint: Member must ${rule}`,
    )
  const matches = (member: string, pattern: RegExp) => pattern.test(form.get(member) ?? '')
  if (!matches('RoleArn', /^arn:[\w-]+:iam::\d{12}:role\/[\x21-\x7e]+$/)) return invalid('RoleArn', 'be a role ARN')
  if (!matches('RoleSessionName', /^[\w+=,.@-]{2,64}$/)) {
    return invalid('RoleSessionName', 'satisfy regular expression pattern: [\\w+=,.@-]* with length 2 to 64')
  }
  const externalId = form.get('ExternalId') ?? undefined
  if (externalId !== undefined && !matches('ExternalId', /^[\w+=,.@:/-]{2,1224}$/)) {
    return invalid('ExternalId', 'satisfy regular expression pattern: [\\w+=,.@:\\/-]* with length 2 to 1224')
  }
  const durationSeconds = Number(form.get('DurationSeconds') ?? 3_600)
  if (!(durationSeconds >= 900)) return invalid('DurationSeconds', 'have value greater than or equal to 900')
  if (durationSeconds > 3_600) {
    // The default of every role, and the most that a role may have which assumes another.
    const message = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'
    return sts.failure('ValidationError', message)
  }
  const policy = form.get('Policy')
  if (policy !== null && policy.length > 2_048) return invalid('Policy', 'have length less than or equal to 2048')
  let sessionPolicy: PolicyDocument | undefined
  try {
    if (policy !== null) sessionPolicy = parsePolicy(policy)
  } catch (error) {
    return sts.failure('MalformedPolicyDocument', `The policy is not valid: ${String(error)}`)
  }
  const [roleArn, sessionName] = [form.get('RoleArn') ?? '', form.get('RoleSessionName') ?? '']
  return { roleArn, sessionName, durationSeconds, externalId, sessionPolicy }
}

/**
 * Starts STS: AssumeRole and GetCallerIdentity in the query protocol. A role that does not exist, a trust that does not
 * name the caller or does not accept the ExternalId, and a caller without sts:AssumeRole are all the same AccessDenied.
 */
export async function startSts(options: {
  readonly clock: Clock
  readonly identity: Identity
  readonly port?: number | undefined
}): Promise<StsStandIn> {
  const { clock, identity } = options
  const roles = new Map<string, Role>()

  const sessionOf = ({ roleArn, sessionName, sessionPolicy }: AssumeRole): Principal => {
    const [, partition, , , accountId = '', path = ''] = roleArn.split(':')
    return {
      arn: `arn:${partition}:sts::${accountId}:assumed-role/${path.split('/').at(-1)}/${sessionName}`,
      accountId,
      roleArn,
      get policies() {
        return roles.get(roleArn)?.policies ?? []
      },
      ...(sessionPolicy === undefined ? {} : { sessionPolicy }),
    }
  }

  const assumeRole = (caller: Principal, form: URLSearchParams): WireAnswer => {
    const call = parseAssumeRole(form)
    if ('status' in call) return call
    const { roleArn, sessionName, durationSeconds, externalId } = call
    const context: Record<string, string> = {
      'sts:RoleSessionName': sessionName,
      ...(externalId === undefined ? {} : { 'sts:ExternalId': externalId }),
    }
    const role = roles.get(roleArn)
    const trusted = role && resourceDecision(role.trust, caller, 'sts:AssumeRole', roleArn, context) === 'allow'
    if (!trusted || !allows(caller, 'sts:AssumeRole', roleArn, context)) {
      return sts.failure('AccessDenied', deniedText(caller.arn, 'sts:AssumeRole', roleArn), 403)
    }
    const principal = sessionOf(call)
    const issued = identity.issue(principal, durationSeconds * 1_000)
    return sts.success('AssumeRole', {
      AssumedRoleUser: { AssumedRoleId: `${roleId(roleArn)}:${sessionName}`, Arn: principal.arn },
      Credentials: {
        AccessKeyId: issued.accessKeyId,
        SecretAccessKey: issued.secretAccessKey,
        SessionToken: issued.sessionToken,
        // STS gives whole seconds.
        Expiration: new Date(issued.expiresAt).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
    })
  }

  const standIn = await startStandIn({
    name: 'sts',
    clock,
    identity,
    port: options.port,
    ...sts.standIn,
    handle(request, operation) {
      const { principal } = request
      if (principal && operation === 'AssumeRole') return assumeRole(principal, formOf(request))
      if (principal && operation === 'GetCallerIdentity') {
        const { arn, accountId } = principal
        return sts.success(operation, { Arn: arn, UserId: roleId(arn), Account: accountId })
      }
      return sts.unknownOperation(operation)
    },
  })
  return {
    ...standIn,
    putRole: (role) => void roles.set(role.roleArn, role),
    deleteRole(roleArn) {
      roles.delete(roleArn)
      identity.revoke(roleArn)
    },
  }
}

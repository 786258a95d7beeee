import { type PolicyDocument, parsePolicy } from './aws/policy.js'
import type { WireAnswer } from './aws/server.js'
import { stsFailure } from './sts-xml.js'

/** An AssumeRole call whose parameters STS accepts. */
export interface AssumeRole {
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds: number
  readonly externalId: string | undefined
  readonly sessionPolicy: PolicyDocument | undefined
}

/** Reads the parameters by the API model's patterns; an answer is the refusal. */
export function parseAssumeRole(form: URLSearchParams): AssumeRole | WireAnswer {
  const invalid = (member: string, rule: string) =>
    stsFailure(
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
    // The default of every role, and the ceiling wherever one role assumes another.
    const message = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'
    return stsFailure('ValidationError', message)
  }
  const policy = form.get('Policy')
  if (policy !== null && policy.length > 2_048) return invalid('Policy', 'have length less than or equal to 2048')
  let sessionPolicy: PolicyDocument | undefined
  try {
    if (policy !== null) sessionPolicy = parsePolicy(policy)
  } catch (error) {
    return stsFailure('MalformedPolicyDocument', `The policy is not valid: ${String(error)}`)
  }
  const [roleArn, sessionName] = [form.get('RoleArn') ?? '', form.get('RoleSessionName') ?? '']
  return { roleArn, sessionName, durationSeconds, externalId, sessionPolicy }
}

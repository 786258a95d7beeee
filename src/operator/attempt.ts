import { isUpstreamError, type UpstreamError } from '../errors.js'
import { ProxyFault } from '../upstreams/connections/proxy.js'

/** What came of a call whose failure is an answer too. */
export type Attempt<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'fault'; readonly fault: UpstreamError }

/** Waits for a call; anything but a dependency's fault is thrown. */
export async function attempt<T>(work: Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'answered', value: await work }
  } catch (error) {
    if (!isUpstreamError(error)) throw error
    return { kind: 'fault', fault: error }
  }
}

/** Was it refused because a permission is missing? A trust that refuses says the same. */
export function isDenied(tried: Attempt<unknown>): boolean {
  return tried.kind === 'fault' && tried.fault.kind === 'denied'
}

/** The dependency's own name of what happened; undefined if it answered. */
export function errorTypeOf(tried: Attempt<unknown>): string | undefined {
  return tried.kind === 'fault' ? tried.fault.facts.errorType : undefined
}

/** What people call the dependencies. */
export const NAMES = {
  table: 'DynamoDB',
  ssm: 'SSM',
  sts: 'STS',
  cognito: 'Cognito',
  lambda: 'Lambda',
  cloudformation: 'CloudFormation',
  cloudwatch: 'CloudWatch Logs',
  sns: 'SNS',
  corbado: 'Corbado',
}

/** What the dependency did instead of answering, e.g. "Cognito said AccessDeniedException"; the same each time. */
export function saidOf({ upstream, kind, facts, cause }: UpstreamError): string {
  if (kind === 'timeout') return `${NAMES[upstream]} did not answer in time`
  if (kind === 'malformed' && facts.errorType === undefined) {
    const why = cause instanceof Error ? ` (${cause.message})` : ''
    return `${NAMES[upstream]}'s answer could not be read${why}`
  }
  if (cause instanceof ProxyFault) return `${NAMES[upstream]} was not reached: ${cause.message}`
  return `${NAMES[upstream]} said ${facts.errorType ?? kind}`
}

/** The same with the dependency's own sentence, in one line. */
export function saidInFull({ facts, reason, cause }: UpstreamError): string {
  const text = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').replace(/\.$/, '') : reason
  return facts.errorType === undefined ? text : `${facts.errorType}: ${text}`
}

/** What to try if a call failed for a reason other than a missing permission, and where to look after that. */
export function retryFix({ upstream, kind, facts }: UpstreamError): string {
  const name = NAMES[upstream]
  if (kind === 'expired' || facts.errorType === 'CredentialsProviderError') {
    return 'operator: sign in to AWS again, or set AWS_PROFILE, then run the doctor again'
  }
  const again = 'operator: run the doctor again in a minute; if it stays so,'
  if (kind === 'throttled')
    return `${again} see which quota of ${name} is used up (Service Quotas, in the account asked)`
  if (kind === 'timeout' || kind === 'unavailable') {
    return `${again} see whether ${name} can be reached from here, and https://health.aws.amazon.com/health/status`
  }
  const request = facts.requestId === undefined ? '' : `, naming the request ${facts.requestId}`
  return `${again} look for the call in CloudTrail and ask AWS Support${request}`
}

import type { UpstreamError } from '../errors.js'
import { faultLine, NotPossible } from '../terminal/failure.js'
import type { Io } from '../terminal/io.js'
import { ProxyFault } from '../upstreams/connections/proxy.js'

type Environment = Io['env']

/** Node's and OpenSSL's names for a certificate that no authority known here has signed. */
const unknownAuthority =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/
/** Node's names for a way that ends before anybody answers. */
const unreachable =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ENETDOWN|EPIPE|ETIMEDOUT|TimeoutError)$/

/** How a request ended, as far as anything is known of it. */
export interface Ending {
  /** HTTP status, if an answer came. */
  readonly status?: number | undefined
  readonly errorType?: string | undefined
  readonly timeUp: boolean
  readonly cause: unknown
}

/** What a person can do if a request ended on its way; undefined if it did not. */
export function wayAdvice({ status, errorType = '', timeUp, cause }: Ending, env: Environment): string | undefined {
  if (status !== undefined) return undefined
  if (unknownAuthority.test(errorType)) {
    return 'a proxy that reads TLS has a certificate of its own: name its file in NODE_EXTRA_CA_CERTS'
  }
  if (cause instanceof ProxyFault) return proxyAdvice(cause, env)
  if (!unreachable.test(errorType) && !timeUp) return undefined
  const embedded = 'is npm start running?'
  if (isEmbedded(env)) return embedded
  const proxy = proxyName(env)
  if (proxy !== undefined) return `calls go through ${proxy}: is that right, or is the host one for NO_PROXY?`
  const own = cause instanceof Error && /\b(127\.0\.0\.1|localhost|::1)\b/.test(cause.message)
  return own ? embedded : 'is this machine online? If its network has a proxy, set HTTPS_PROXY'
}

/** A proxy that wants to know who asks (RFC 9110, 15.5.8). */
const PROXY_AUTHENTICATION = 407
/** A proxy that does not let this through. */
const FORBIDDEN = 403

function proxyAdvice({ status }: ProxyFault, env: Environment): string {
  const name = proxyName(env) ?? 'HTTPS_PROXY'
  if (status === undefined) return `is ${name} right, and does the proxy run? A host that needs none goes into NO_PROXY`
  if (status === PROXY_AUTHENTICATION) {
    return /\/\/[^/@]+@/.test(`//${env[name]?.replace(/^\w+:\/\//, '')}`)
      ? `it does not take the name and password in ${name} (percent-encode their special characters)`
      : `it wants a name and a password: http://name:password@host:port in ${name}`
  }
  if (status === FORBIDDEN) return 'it does not allow this host: ask who runs it, or name the host in NO_PROXY'
  return 'it does not reach this host itself: ask who runs it, or name the host in NO_PROXY'
}

/** The variable that names the proxy; the one for HTTPS counts, as AWS is asked by it. */
function proxyName(env: Environment): string | undefined {
  return ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].find((name) => env[name])
}

/** What a person can do if a fault is one of the way to AWS, or of who asked; undefined if it is one of what was asked. */
function adviceOn({ kind, facts, cause }: UpstreamError, env: Environment): string | undefined {
  if (kind === 'expired') return `the AWS credentials${ofProfile(env)} have expired or are not known: sign in again`
  return wayAdvice({ ...facts, timeUp: kind === 'timeout', cause }, env)
}

/** The profile that the AWS SDK was told to use, for a sentence. */
export function ofProfile({ AWS_PROFILE }: Environment): string {
  return AWS_PROFILE ? ` of the profile ${JSON.stringify(AWS_PROFILE)}` : ''
}

/** Is AWS an embedded stack on this machine? */
function isEmbedded(env: Environment): boolean {
  return Object.entries(env).some(
    ([name, value = '']) => name.startsWith('AWS_ENDPOINT_URL') && /^https?:\/\/(127\.|localhost|\[::1\])/.test(value),
  )
}

/** The fault with what the source said and, where there is something to do about it here, what that is. */
export function explained(fault: UpstreamError, env: Environment): Error {
  const advice = adviceOn(fault, env)
  return advice === undefined ? fault : new NotPossible(`${faultLine(fault)}: ${advice}`, { cause: fault })
}

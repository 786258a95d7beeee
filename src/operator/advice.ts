import type { UpstreamError } from '../errors.js'
import { faultLine, NotPossible } from '../terminal/failure.js'
import type { Io } from '../terminal/io.js'

type Environment = Io['env']

/** Node's and OpenSSL's names for a certificate that no authority known here has signed. */
const unknownAuthority =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?)$/
/** Node's names for a way that ends before anybody answers. */
const unreachable =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ENETDOWN|EPIPE|ETIMEDOUT|TimeoutError)$/

/** What a person can do if a fault is one of the way to AWS, or of who asked; undefined if it is one of what was asked. */
function adviceOn({ kind, facts, cause }: UpstreamError, env: Environment): string | undefined {
  if (kind === 'expired') return `the AWS credentials${ofProfile(env)} have expired or are not known: sign in again`
  const { status, errorType = '' } = facts
  if (status !== undefined) return undefined
  if (unknownAuthority.test(errorType)) {
    return 'a proxy that reads TLS has a certificate of its own: name its file in NODE_EXTRA_CA_CERTS'
  }
  if (!unreachable.test(errorType) && kind !== 'timeout') return undefined
  const embedded = 'is npm start running?'
  if (isEmbedded(env)) return embedded
  const proxy = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].find((name) => env[name])
  if (proxy !== undefined) return `calls go through ${proxy}: is that right, or is the host one for NO_PROXY?`
  const own = cause instanceof Error && /\b(127\.0\.0\.1|localhost|::1)\b/.test(cause.message)
  return own ? embedded : 'is this machine online? If its network has a proxy, set HTTPS_PROXY'
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

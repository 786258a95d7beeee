import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { Sha256 } from '@aws-crypto/sha256-js'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Clock } from '../../call.js'
import type { Identity, IssuedCredentials, Principal } from './identity.js'

/** The parts of a request that a signature covers. */
export interface SignedRequest {
  readonly method: string
  /** As it stood in the request line, percent-encoding included, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Verified =
  | { readonly principal: Principal; readonly region: string }
  | { readonly code: SignatureErrorCode; readonly message: string }

/** Spelled as JSON services spell them; a query service (STS) translates. */
type SignatureErrorCode =
  | 'MissingAuthenticationTokenException'
  | 'IncompleteSignatureException'
  | 'UnrecognizedClientException'
  | 'InvalidSignatureException'
  | 'ExpiredTokenException'

const failed = (code: SignatureErrorCode, message: string) => ({ code, message })
const mismatch = failed(
  'InvalidSignatureException',
  'The request signature we calculated does not match the signature you provided. ' +
    'Check your AWS Secret Access Key and signing method.',
)

/** How far a signature's date may be from the time of its arrival (AWS: 5 minutes for most services). */
const SKEW_MS_MAX = 300_000

interface Authorization {
  readonly accessKeyId: string
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

function parseAuthorization(header: string): Authorization | undefined {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/\d{8}\/([\w-]+)\/([\w-]+)\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/
  const [, accessKeyId, region, service, headers, signature] = pattern.exec(header) ?? []
  if (!accessKeyId || !region || !service || !headers || !signature) return undefined
  return { accessKeyId, region, service, signedHeaders: headers.split(';'), signature }
}

/** `20261122T010203Z` as a date. */
function parseAmzDate(text: string): Date | undefined {
  if (!/^\d{8}T\d{6}Z$/.test(text)) return undefined
  return new Date(text.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
}

/** Signs the same request again with the stored secret. */
async function expectedSignature(
  request: SignedRequest,
  { region, service, signedHeaders }: Authorization,
  credentials: IssuedCredentials,
  signingDate: Date,
): Promise<string | undefined> {
  const query: Record<string, string[]> = {}
  for (const name of request.query.keys()) query[name] = request.query.getAll(name)
  const headers = Object.fromEntries(signedHeaders.map((name) => [name, String(request.headers[name] ?? '')]))
  const unsigned = new HttpRequest({ method: request.method, path: request.path, query, headers, body: request.body })
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: false })
  const signed = await signer.sign(unsigned, { signingDate, signableHeaders: new Set(signedHeaders) })
  return parseAuthorization(signed.headers.authorization ?? '')?.signature
}

/**
 * Checks a request's SigV4 signature for real: known key, matching session token, right service, body hash and
 * signature, credentials not expired. The signature's own date is compared with the machine's clock, by which the SDK
 * signs, or with AWS's where the two are apart; only the expiry of the credentials follows the injected `clock`.
 */
export async function verifySignature(
  request: SignedRequest,
  service: string,
  identity: Identity,
  clock: Clock,
): Promise<Verified> {
  const { authorization: header, 'x-amz-date': date, 'x-amz-security-token': token } = request.headers
  if (!header) return failed('MissingAuthenticationTokenException', 'Missing Authentication Token')
  const authorization = parseAuthorization(header)
  const signingDate = parseAmzDate(String(date))
  if (!authorization || !signingDate || !authorization.signedHeaders.includes('host')) {
    return failed('IncompleteSignatureException', 'The request signature does not conform to AWS standards.')
  }
  const credentials = identity.find(authorization.accessKeyId)
  if (!credentials || credentials.sessionToken !== token) {
    return failed('UnrecognizedClientException', 'The security token included in the request is invalid.')
  }
  if (authorization.service !== service) {
    return failed('InvalidSignatureException', `Credential should be scoped to correct service: '${service}'.`)
  }
  if (Math.abs(signingDate.getTime() - Date.now() - identity.skewMs) > SKEW_MS_MAX) {
    return failed('InvalidSignatureException', `Signature expired: ${date} is not within 5 min of the current time.`)
  }
  // The signer trusts this header about the body, so the header has to be checked first.
  const bodyHash = request.headers['x-amz-content-sha256']
  if (bodyHash !== undefined && bodyHash !== createHash('sha256').update(request.body).digest('hex')) return mismatch
  if ((await expectedSignature(request, authorization, credentials, signingDate)) !== authorization.signature) {
    return mismatch
  }
  if (credentials.expiresAt <= clock.now()) {
    return failed('ExpiredTokenException', 'The security token included in the request is expired')
  }
  return { principal: credentials.principal, region: authorization.region }
}

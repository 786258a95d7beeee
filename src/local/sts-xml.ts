import { randomUUID } from 'node:crypto'
import type { WireAnswer } from './stand-in.js'

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
const escapeXml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

type Xml = string | number | { readonly [name: string]: Xml }

function toXml(value: Xml): string {
  if (typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .map(([name, inner]) => `<${name}>${toXml(inner)}</${name}>`)
    .join('')
}

function xmlAnswer(status: number, root: string, content: Xml, requestId = randomUUID()): WireAnswer {
  const headers = { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }
  return { status, headers, body: `<${root} xmlns="${NAMESPACE}">${toXml(content)}</${root}>` }
}

/** A result, in the envelope that the query protocol puts around it. */
export function stsSuccess(operation: string, result: Xml): WireAnswer {
  const RequestId = randomUUID()
  const content = { [`${operation}Result`]: result, ResponseMetadata: { RequestId } }
  return xmlAnswer(200, `${operation}Response`, content, RequestId)
}

/** An error as STS words it. */
export function stsFailure(code: string, message: string, status = 400): WireAnswer {
  const RequestId = randomUUID()
  const error = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message }
  return xmlAnswer(status, 'ErrorResponse', { Error: error, RequestId }, RequestId)
}

/** The query protocol spells the signature errors differently from the JSON one, and answers 403. */
export function stsDenied(code: string, message: string): WireAnswer {
  const codes: Record<string, string> = {
    UnrecognizedClientException: 'InvalidClientTokenId',
    InvalidSignatureException: 'SignatureDoesNotMatch',
  }
  return stsFailure(codes[code] ?? code.replace(/Exception$/, ''), message, 403)
}

/** How STS words an HTTP status that an injected fault asks for. */
export function stsFault(status: number): WireAnswer {
  if (status >= 500) return stsFailure('InternalFailure', 'The request processing has failed.', status)
  if (status === 429) return stsFailure('Throttling', 'Rate exceeded', status)
  return stsFailure('ValidationError', 'The request is not valid.', status)
}

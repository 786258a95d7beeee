import { randomUUID } from 'node:crypto'
import type { WireAnswer } from './server.js'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
const escapeXml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

type Xml = string | number | { readonly [name: string]: Xml }

function toXml(value: Xml): string {
  if (typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .map(([name, inner]) => `<${name}>${toXml(inner)}</${name}>`)
    .join('')
}

/** How a service of the query protocol (STS, CloudFormation) answers; each has a namespace of its own. */
export function createQueryXml(namespace: string) {
  function answer(status: number, root: string, content: Xml, requestId: string): WireAnswer {
    const headers = { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }
    return { status, headers, body: `<${root} xmlns="${namespace}">${toXml(content)}</${root}>` }
  }

  /** An error as the service words it. */
  function failure(code: string, message: string, status = 400): WireAnswer {
    const RequestId = randomUUID()
    const error = { Type: status < 500 ? 'Sender' : 'Receiver', Code: code, Message: message }
    return answer(status, 'ErrorResponse', { Error: error, RequestId }, RequestId)
  }

  return {
    failure,
    /** A result, in the envelope that the query protocol puts around it. */
    success(operation: string, result: Xml): WireAnswer {
      const RequestId = randomUUID()
      const content = { [`${operation}Result`]: result, ResponseMetadata: { RequestId } }
      return answer(200, `${operation}Response`, content, RequestId)
    },
    /** The query protocol spells the signature errors differently from the JSON one, and answers 403. */
    denied(code: string, message: string): WireAnswer {
      const codes: Record<string, string> = {
        UnrecognizedClientException: 'InvalidClientTokenId',
        InvalidSignatureException: 'SignatureDoesNotMatch',
      }
      return failure(codes[code] ?? code.replace(/Exception$/, ''), message, 403)
    },
    /** How the service words an HTTP status that an injected fault asks for. */
    fault(status: number): WireAnswer {
      if (status >= 500) return failure('InternalFailure', 'The request processing has failed.', status)
      if (status === 429) return failure('Throttling', 'Rate exceeded', status)
      return failure('ValidationError', 'The request is not valid.', status)
    },
  }
}

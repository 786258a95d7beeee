import { randomUUID } from 'node:crypto'
import type { WireAnswer, WireRequest } from './server.js'

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }
const escapeXml = (text: string) => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

/** A list stands for one element for each of its items. */
type Xml = string | number | readonly Xml[] | { readonly [name: string]: Xml }

function toXml(value: Xml): string {
  if (typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .flatMap(([name, inner]) => [inner].flat().map((one) => `<${name}>${toXml(one)}</${name}>`))
    .join('')
}

/** The parameters of a call, which the query protocol sends as a form. */
export function formOf({ body }: WireRequest): URLSearchParams {
  return new URLSearchParams(body.toString())
}

/**
 * How a service of the query protocol (STS, CloudFormation) speaks.
 * @param namespace of its XML, one for each service; ends in the API's version
 */
export function createQueryProtocol(namespace: string) {
  const version = namespace.split('/').at(-2)

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

  /** A result, in the envelope that the query protocol puts around it. */
  function success(operation: string, result: Xml): WireAnswer {
    const RequestId = randomUUID()
    const content = { [`${operation}Result`]: result, ResponseMetadata: { RequestId } }
    return answer(200, `${operation}Response`, content, RequestId)
  }

  return {
    failure,
    success,
    unknownOperation: (operation: string) =>
      failure('InvalidAction', `Could not find operation ${operation} for version ${version}`),
    /** The options of a stand-in that are the same for every service of this protocol. */
    standIn: {
      operationOf: (request: WireRequest) => formOf(request).get('Action') ?? 'unknown',
      inputOf: (request: WireRequest) => Object.fromEntries(formOf(request)),
      /** The query protocol spells the signature errors differently from the JSON one, and answers 403. */
      denied(code: string, message: string): WireAnswer {
        const codes: Record<string, string> = {
          UnrecognizedClientException: 'InvalidClientTokenId',
          InvalidSignatureException: 'SignatureDoesNotMatch',
        }
        return failure(codes[code] ?? code.replace(/Exception$/, ''), message, 403)
      },
      faultAnswer(status: number): WireAnswer {
        if (status >= 500) return failure('InternalFailure', 'The request processing has failed.', status)
        if (status === 429) return failure('Throttling', 'Rate exceeded', status)
        return failure('ValidationError', 'The request is not valid.', status)
      },
    },
  }
}

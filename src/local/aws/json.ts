import { randomUUID } from 'node:crypto'
import type { SignedRequest } from './signature.js'

/** Headers that every answer of AWS's JSON 1.1 services carries; the SDK logs the request id. */
function awsJsonHeaders(): Record<string, string> {
  return { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() }
}

/** A result as AWS's JSON services send it. */
export function awsJsonAnswer(body: object) {
  return { status: 200, headers: awsJsonHeaders(), body }
}

/** An error as AWS's JSON services word it; most are 400 for any cause. */
export function awsJsonError(code: string, message?: string, status = 400) {
  return { status, headers: awsJsonHeaders(), body: { __type: code, ...(message === undefined ? {} : { message }) } }
}

/** How the JSON services word an HTTP status that an injected fault asks for. */
export function awsJsonFault(status: number) {
  if (status >= 500) return awsJsonError('InternalServerError', 'We encountered an internal error.', status)
  if (status === 429) return awsJsonError('ThrottlingException', 'Rate exceeded', status)
  return awsJsonError('ValidationException', 'The request is not valid.', status)
}

/** The operation in `x-amz-target: <service>.<Operation>`. */
export function awsJsonOperation(request: SignedRequest): string {
  return (
    String(request.headers['x-amz-target'] ?? '')
      .split('.')
      .at(-1) || 'unknown'
  )
}

/** The value of a JSON text; undefined if it is not JSON. */
export function parseJson(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString())
  } catch {
    return undefined
  }
}

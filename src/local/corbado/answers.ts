import { randomBytes } from 'node:crypto'
import { textAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import type { WireAnswer } from '../aws/server.js'

interface ErrorBody {
  readonly type: string
  readonly details?: string
  readonly validation?: readonly { readonly field: string; readonly message: string }[]
}

/** The error envelope of every endpoint (fact C3). */
export function failure(status: number, error: ErrorBody): WireAnswer {
  const requestData = { requestID: `req-${randomBytes(8).readBigUInt64BE()}`, link: '' }
  const body = { httpStatusCode: status, message: error.type, requestData, runtime: 0.001 }
  return { status, body: { ...body, error: { ...error, links: [] } } }
}

/** How Corbado words an HTTP status that an injected fault asks for. */
export function faultAnswer(status: number): WireAnswer {
  const types: Record<number, string> = {
    401: 'login_error',
    403: 'login_error',
    404: 'not_found',
    429: 'rate_limited',
  }
  return failure(status, { type: types[status] ?? (status < 500 ? 'validation_error' : 'internal_error') })
}

/** Reads the body of a verify call; an answer is the refusal. */
export function parseVerify(body: Buffer): { signedPasskeyData: string; username: string } | WireAnswer {
  const input = parseJson(body)
  if (input === undefined) return failure(400, { type: 'invalid_json' })
  const signedPasskeyData = textAt(input, 'signedPasskeyData')
  const username = textAt(input, 'username')
  if (signedPasskeyData && username) return { signedPasskeyData, username }
  const missing = Object.entries({ signedPasskeyData, username }).filter(([, value]) => value === undefined)
  const validation = missing.map(([field]) => ({ field, message: 'cannot be blank' }))
  return failure(400, { type: 'validation_error', validation })
}

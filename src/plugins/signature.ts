import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The three headers of a signed request (Standard Webhooks), as they came. */
export interface SignatureHeaders {
  readonly id: string | undefined
  readonly timestamp: string | undefined
  readonly signature: string | undefined
}

/** A request signed longer ago, or further ahead, is refused: it may be a copy that was kept. */
export const TOLERANCE_SECONDS = 300

/** No dots: with one in the id, the signed text could also be that of another id, timestamp and body. */
const MESSAGE_ID = /^[!-\-/-~]{1,256}$/

/** Most signatures of one request; a sender that rotates its secret sends two. */
const SIGNATURES_MAX = 8

/** Callers' secrets from the parameter's text, one `whsec_<base64>` on each line; other lines are skipped. */
export function parseCallerSecrets(text: string): KeyObject[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(line)).map(decodeSecret)
}

function decodeSecret(line: string): KeyObject {
  return createSecretKey(line.slice('whsec_'.length), 'base64')
}

/** The signature of a body: base64 of HMAC-SHA256 over `<id>.<timestamp>.<bytes>`. */
export function sign(secret: KeyObject, id: string, timestamp: string, body: Buffer): Buffer {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest()
}

/**
 * Could a request with these headers be signed, just now? Asked before its body is read.
 * @param nowMs milliseconds since the epoch
 */
export function mayBeSigned({ id, timestamp, signature }: SignatureHeaders, nowMs: number): boolean {
  if (!id || !MESSAGE_ID.test(id) || !timestamp || !/^\d{1,12}$/.test(timestamp)) return false
  return Math.abs(nowMs / 1_000 - Number(timestamp)) <= TOLERANCE_SECONDS && signaturesOf(signature).length > 0
}

function signaturesOf(header: string | undefined): string[] {
  return header?.split(' ', SIGNATURES_MAX).filter((one) => one.startsWith('v1,')) ?? []
}

/**
 * Did one of the secrets sign exactly these bytes, just now? Compares in constant time.
 * @param nowMs milliseconds since the epoch
 */
export function isSigned(
  headers: SignatureHeaders,
  body: Buffer,
  secrets: readonly KeyObject[],
  nowMs: number,
): boolean {
  if (!mayBeSigned(headers, nowMs)) return false
  const { id = '', timestamp = '', signature } = headers
  const given = signaturesOf(signature)
  return secrets.some((secret) => {
    const expected = sign(secret, id, timestamp, body)
    return given.some((one) => isEqual(Buffer.from(one.slice(3), 'base64'), expected))
  })
}

function isEqual(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected)
}

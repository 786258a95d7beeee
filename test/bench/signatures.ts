import { createSecretKey, randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { isSigned } from '../../src/plugins/signature.js'
import { defineEvent } from '../fixtures/events.js'
import { median, medianRatio, type Row, times } from './report.js'

const ROUNDS = times(15)
const CALLS = times(5_000, 50)

/** Microseconds a call. */
function microseconds(verify: () => boolean): number {
  const start = performance.now()
  for (let i = 0; i < CALLS; i += 1) if (!verify()) throw new Error('not signed')
  return ((performance.now() - start) / CALLS) * 1_000
}

/** The signature of one Define event, by `node:crypto` against the package that hashes in plain JavaScript. */
export async function signatures(): Promise<Row[]> {
  const secret = randomBytes(32)
  const body = Buffer.from(JSON.stringify(defineEvent([])))
  const webhook = new Webhook(secret.toString('base64'))
  const key = createSecretKey(secret)
  const id = 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W'
  const now = new Date()
  const timestamp = String(Math.floor(now.getTime() / 1_000))
  const signature = webhook.sign(id, now, body.toString())
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  const byUs = () => isSigned({ id, timestamp, signature }, body, [key], Date.now())
  // It throws if the signature is wrong; reading the body is the same for both, and left out.
  const byPackage = () => webhook.verify(body, headers, { jsonParse: false }) === undefined

  const ours: number[] = []
  const reference: number[] = []
  for (let round = 0; round <= ROUNDS; round += 1) {
    const one = microseconds(byUs)
    const other = microseconds(byPackage)
    // The first round lets the compiler warm up.
    if (round > 0) ours.push(one)
    if (round > 0) reference.push(other)
  }
  return [
    {
      name: `one signature over an event of ${body.length} bytes`,
      unit: 'µs',
      ours: median(ours),
      reference: median(reference),
      referenceName: 'the standardwebhooks package',
      ratio: medianRatio(ours, reference),
      most: 0.5,
    },
  ]
}

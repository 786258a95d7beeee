import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { createCall, systemClock } from '../../src/call.js'
import { createCorbado } from '../../src/upstreams/corbado.js'
import { times } from './report.js'

// Both clients of the verify-over-TLS measurement, in turn; sends the milliseconds of each call to the parent.
const [, , backendApiUrl = ''] = process.argv
const PAIRS = times(150, 6)
const proof = { signedPasskeyData: 'x'.repeat(900), username: '7c9e6679-7425-40de-944b-e07fc1f90ae7' }
const authorization = 'Basic cHJvLTE6c2VjcmV0'
const corbado = createCorbado(systemClock, {})

async function timed(run: () => Promise<boolean>): Promise<number> {
  const start = performance.now()
  if (!(await run())) throw new Error('not verified')
  return performance.now() - start
}

async function kept(): Promise<boolean> {
  const answer = await corbado.verifySignedData({ backendApiUrl, authorization, ...proof }, createCall(4_000))
  return answer.kind === 'result' && answer.result === 'success'
}

/** The plainest client that opens a connection for every call: node:https without an agent. */
async function opened(): Promise<boolean> {
  const body = JSON.stringify(proof)
  const headers = { authorization, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const url = `${backendApiUrl}/v2/passkey/verifySignedData`
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', agent: false, headers }, resolve).on('error', reject).end(body)
  })
  const { verificationResult } = JSON.parse(await text(answer)) as { verificationResult: string }
  return verificationResult === 'success'
}

const ours: number[] = []
const reference: number[] = []
for (let pair = 0; pair < PAIRS; pair += 1) {
  const one = await timed(kept)
  const other = await timed(opened)
  // The first pairs load code and open the connection that is then kept.
  if (pair < 5) continue
  ours.push(one)
  reference.push(other)
}
process.send?.({ ours, reference }, () => process.exit(0))

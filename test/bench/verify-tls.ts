import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { farAway } from './far.js'
import { isSmoke, median, medianRatio, type Row } from './report.js'

const BACKEND_MS = 20
/** Between two European regions. A Lambda and the Backend API in one region are nearer, other continents farther. */
const ROUND_TRIP_MS = 10

/** A certificate for loopback that only this run knows. */
function makeCertificate(folder: string): { key: string; cert: string } {
  const key = join(folder, 'key.pem')
  const cert = join(folder, 'cert.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert, ...subject]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { key, cert }
}

/** p50 of a verification over TLS with kept connections, against a client that opens one for every call. */
export async function verifyOverTls(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const { key, cert } = makeCertificate(folder)
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, async (request, response) => {
    request.resume()
    await setTimeout(BACKEND_MS)
    response.setHeader('content-type', 'application/json').end('{"verificationResult":"success"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const far = await farAway(port, ROUND_TRIP_MS)
  const rows = [
    { ...(await measure(far.port, cert)), where: `${ROUND_TRIP_MS} ms away`, most: 0.7 },
    { ...(await measure(port, cert)), where: 'no network at all' },
  ]
  far.stop()
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
  return rows.map(({ ours, reference, where, ...limit }) => ({
    name: `verify over TLS, Backend API takes ${BACKEND_MS} ms, ${where} (p50)`,
    unit: 'ms',
    ours: median(ours),
    reference: median(reference),
    referenceName: 'a connection for every call',
    ratio: medianRatio(ours, reference),
    ...limit,
  }))
}

interface Times {
  readonly ours: number[]
  readonly reference: number[]
}

/** Node reads further authorities at start only, so the clients are a process of their own. */
async function measure(port: number, cert: string): Promise<Times> {
  const child = fork('dist/bench-verify-client.mjs', [`https://127.0.0.1:${port}`, ...(isSmoke ? ['--smoke'] : [])], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: cert },
  })
  const [times] = (await once(child, 'message')) as [Times]
  return times
}

import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { median, medianRatio, type Row } from './report.js'

const BACKEND_MS = 20

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
  // Node reads further authorities at start only, so the clients are a process of their own.
  const child = fork('dist/bench-verify-client.mjs', [`https://127.0.0.1:${port}`], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: cert },
  })
  const [{ ours, reference }] = (await once(child, 'message')) as [{ ours: number[]; reference: number[] }]
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
  return [
    {
      name: `verify over TLS, Backend API takes ${BACKEND_MS} ms (p50)`,
      unit: 'ms',
      ours: median(ours),
      reference: median(reference),
      referenceName: 'a connection for every call',
      ratio: medianRatio(ours, reference),
      most: 0.7,
    },
  ]
}

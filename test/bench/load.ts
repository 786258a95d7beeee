import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'

const CONNECTIONS = 32

/** A request that is sent over and over. */
export interface Shot {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
}

/**
 * Sends so many requests over 32 kept connections; requests a second. Every answer must be a 200. The event loop never
 * sleeps meanwhile: the kernel would charge waking it, half of a small answer's cost, to the server that is waited for
 * and not to one that keeps this process busy.
 */
export async function requestsPerSecond(pool: Pool, { path, headers, body }: Shot, count: number): Promise<number> {
  let left = count
  async function shoot(): Promise<void> {
    while (left > 0) {
      left -= 1
      const answer = await pool.request({ method: 'POST', path, headers, body })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`answer ${answer.statusCode}`)
    }
  }
  const stayAwake = () => left > 0 && setImmediate(stayAwake)
  stayAwake()
  const start = performance.now()
  await Promise.all(Array.from({ length: CONNECTIONS }, shoot))
  return count / ((performance.now() - start) / 1_000)
}

export interface RunningServer {
  readonly url: string
  readonly pid: number
  readonly pool: Pool
  stop(): Promise<void>
}

/** Runs a server script as a process of its own, its lines thrown away, and waits until it takes connections. */
export async function startServer(script: string, env: Record<string, string>): Promise<RunningServer> {
  const port = await freePort()
  const child = spawn(process.execPath, [script], {
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 })
  await untilUp(pool)
  return { url, pid: child.pid ?? 0, pool, stop: () => stop(child, pool) }
}

async function untilUp(pool: Pool): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const up = await pool.request({ method: 'GET', path: '/health/live' }).then(
      (answer) => answer.body.dump().then(() => true),
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the server did not start')
}

async function stop(child: ChildProcess, pool: Pool): Promise<void> {
  await pool.destroy()
  child.kill('SIGKILL')
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

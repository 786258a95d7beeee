import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import { startChild } from '../../src/local/gateway/environment.js'
import type { Teardown } from '../fixtures/gateway.js'

/** One process of the runtime client, and the Runtime API that it polls. */
export interface ClientProcess {
  /** Milliseconds from the start of the process until it asked for an event. */
  ready(): Promise<number>
  /** Hands an event over. `sinceStartMs` counts from the start of the process to the answer. */
  invoke(event: object, invokedFunctionArn: string): Promise<{ answer: unknown; sinceStartMs: number }>
  /** Sends SIGTERM; how and when the process ended. */
  terminate(): Promise<{ code: number | null; signal: string | null; afterMs: number }>
  readonly printed: string[]
}

export interface ClientProcessOptions {
  readonly runtime: string
  readonly node: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts the process by itself, without the environments' own bookkeeping: what it does at its start and end is the test. */
export async function startClientProcess(t: Teardown, options: ClientProcessOptions): Promise<ClientProcess> {
  const printed: string[] = []
  const polls: ((poll: ServerResponse) => void)[] = []
  let pending = new Promise<ServerResponse>((resolve) => polls.push(resolve))
  let answered: (body: string) => void = () => undefined
  const api = createServer(async (request, response) => {
    if (request.url?.endsWith('/next')) return polls.shift()?.(response)
    const body = await text(request)
    response.writeHead(202).end()
    answered(body)
  })
  await once(api.listen(0, '127.0.0.1'), 'listening')
  const start = performance.now()
  const { port } = api.address() as AddressInfo
  const child = startChild({ ...options, entry: '', onLine: (line) => printed.push(line) }, port)
  t.teardown(() => {
    child.kill('SIGKILL')
    api.close()
    api.closeAllConnections()
  })
  const readyMs = pending.then(() => performance.now() - start)

  return {
    printed,
    ready: () => readyMs,
    async invoke(event, invokedFunctionArn) {
      const poll = await pending
      pending = new Promise((resolve) => polls.push(resolve))
      const answer = new Promise<string>((resolve) => {
        answered = resolve
      })
      poll.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': crypto.randomUUID(),
        'lambda-runtime-invoked-function-arn': invokedFunctionArn,
        'lambda-runtime-deadline-ms': String(Date.now() + 5_000),
      })
      poll.end(JSON.stringify(event))
      return { answer: JSON.parse(await answer), sinceStartMs: performance.now() - start }
    },
    async terminate() {
      await pending
      const closed = once(child, 'close')
      const sent = performance.now()
      child.kill('SIGTERM')
      const [code, signal] = await closed
      return { code, signal, afterMs: performance.now() - sent }
    },
  }
}

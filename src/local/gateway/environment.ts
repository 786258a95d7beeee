import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { NO_SDK_NOTICE } from '../aws/variables.js'
import { createTimeout, type Invocation } from '../lambda/runner.js'

export interface EnvironmentOptions {
  /** Path of the compiled `runtime.ts`, or of another client of the Runtime API. */
  readonly runtime: string
  /** Path of the bundle whose export `handler` is run; AWS's own client finds it by LAMBDA_TASK_ROOT. */
  readonly entry: string
  /** The Node that runs it; this process's own if none is named. */
  readonly node?: string
  /** The function's variables; of this process's own environment only PATH is passed on. */
  readonly env: Readonly<Record<string, string>>
  /** Each line that a child prints on stdout or stderr. */
  onLine(line: string): void
}

function named(name: string, message: string, trace?: string[]): Error {
  const error = new Error(message)
  error.name = name
  if (trace) error.stack = trace.join('\n')
  return error
}

/** The error with which Lambda answers an invocation whose process ended. */
export function exitError(awsRequestId: string, how: string): Error {
  return named('Runtime.ExitError', `RequestId: ${awsRequestId} Error: Runtime exited with error: ${how}`)
}

/** Reads what a runtime reports of an error. */
function readReport(body: unknown): Error {
  const report = body as { errorType?: string; errorMessage?: string; trace?: string[] }
  return named(report.errorType ?? 'Error', report.errorMessage ?? '', report.trace ?? [])
}

/** Starts the runtime on the bundle; it finds its events at this port. */
export function startChild(options: EnvironmentOptions, port: number): ChildProcess {
  const { runtime, entry, node = process.execPath, env, onLine } = options
  const api = `127.0.0.1:${port}`
  const child = spawn(node, [runtime, entry], {
    env: { PATH: process.env.PATH, ...NO_SDK_NOTICE, ...env, AWS_LAMBDA_RUNTIME_API: api, _HANDLER: 'index.handler' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  return child
}

/** Lambda's init phase (fact A31). */
const INIT_MS_MAX = 10_000
/** Between SIGTERM and SIGKILL, as on Lambda (fact A32). */
const SHUTDOWN_MS = 300

/** One event on its way through an environment. */
export interface Job {
  readonly payload: unknown
  readonly invocation: Invocation
  /** The function's time, which starts when its environment takes the event. */
  readonly budgetMs: number
  resolve(answer: unknown): void
  reject(error: Error): void
}

export interface Environment {
  isIdle(): boolean
  run(job: Job): void
  stop(): Promise<void>
  /** Resolves when the child has ended and all its lines were passed on. */
  readonly gone: Promise<void>
}

/** One child process and the Runtime API that it polls. Calls `onIdle` after each answer. */
export function createEnvironment(options: EnvironmentOptions, onIdle: () => void): Environment {
  let child: ChildProcess | undefined
  let job: Job | undefined
  /** The child's open request for its next event. */
  let poll: ServerResponse | undefined
  let fatal: Error | undefined
  let timer = setTimeout(expire, INIT_MS_MAX, INIT_MS_MAX)

  function expire(budgetMs: number): void {
    fatal = createTimeout(job?.invocation.awsRequestId ?? '', budgetMs)
    child?.kill('SIGKILL')
  }

  function finish(settle: (done: Job) => void): void {
    clearTimeout(timer)
    if (job) settle(job)
    job = undefined
  }

  function handOver(): void {
    if (job === undefined || poll === undefined) return
    const { invocation, budgetMs, payload } = job
    clearTimeout(timer)
    timer = setTimeout(expire, budgetMs, budgetMs)
    poll.writeHead(200, {
      // AWS's own client reads it and does not check that it is there.
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': invocation.awsRequestId,
      'lambda-runtime-invoked-function-arn': invocation.invokedFunctionArn,
      'lambda-runtime-deadline-ms': String(Date.now() + budgetMs),
    })
    poll.end(JSON.stringify(payload))
    poll = undefined
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = request.url?.split('/').at(-1)
    if (call === 'next') {
      poll = response
      return handOver()
    }
    const body = await json(request)
    response.writeHead(202).end()
    if (request.url?.endsWith('/init/error')) fatal = readReport(body)
    else if (call === 'error') finish((failed) => failed.reject(readReport(body)))
    else finish((served) => served.resolve(body))
    if (fatal === undefined) onIdle()
  }

  const api = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))

  /** From the first to the last moment of the child. */
  async function live(): Promise<void> {
    await once(api.listen(0, '127.0.0.1'), 'listening')
    const { port } = api.address() as AddressInfo
    child = startChild(options, port)
    const [code, signal] = await once(child, 'close')
    const how = signal === null ? `exit status ${code}` : `signal: ${signal}`
    fatal ??= exitError(job?.invocation.awsRequestId ?? '', how)
    const error = fatal
    finish((lost) => lost.reject(error))
    api.close()
    api.closeAllConnections()
  }

  const gone = live()
  return {
    isIdle: () => job === undefined && fatal === undefined,
    run(next) {
      job = next
      handOver()
    },
    async stop() {
      if (child === undefined) await once(api, 'listening')
      child?.kill('SIGTERM')
      const kill = setTimeout(() => child?.kill('SIGKILL'), SHUTDOWN_MS)
      await gone
      clearTimeout(kill)
    },
    gone,
  }
}

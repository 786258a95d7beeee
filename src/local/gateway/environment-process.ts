import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface EnvironmentOptions {
  /** Path of the compiled `runtime.ts`, or of another client of the Runtime API. */
  readonly runtime: string
  /** Path of the bundle whose export `handler` is run; AWS's own client finds it by LAMBDA_TASK_ROOT. */
  readonly entry: string
  /** The Node that runs it; this process's own where none is named. */
  readonly node?: string
  /** The function's variables; of this process's own environment only PATH is passed on. */
  readonly env: Readonly<Record<string, string>>
  /** Each line that a child prints on stdout or stderr. */
  onLine(line: string): void
}

/** The error with which Lambda answers an invocation whose process ended. */
export function exitError(awsRequestId: string, how: string): Error {
  return named('Runtime.ExitError', `RequestId: ${awsRequestId} Error: Runtime exited with error: ${how}`)
}

function named(name: string, message: string, trace?: string[]): Error {
  const error = new Error(message)
  error.name = name
  if (trace) error.stack = trace.join('\n')
  return error
}

/** Reads what a runtime reports of an error. */
export function readReport(body: unknown): Error {
  const report = body as { errorType?: string; errorMessage?: string; trace?: string[] }
  return named(report.errorType ?? 'Error', report.errorMessage ?? '', report.trace ?? [])
}

/** Starts the runtime on the bundle; it finds its events at this port. */
export function startChild(options: EnvironmentOptions, port: number): ChildProcess {
  const { runtime, entry, node = process.execPath, env, onLine } = options
  const child = spawn(node, [runtime, entry], {
    env: { PATH: process.env.PATH, ...env, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, _HANDLER: 'index.handler' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  return child
}

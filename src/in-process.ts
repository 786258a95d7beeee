import { randomUUID } from 'node:crypto'
import { buildApp } from './app.js'
import type { Clock } from './call.js'
import type { Env } from './env.js'
import { createHandler, lambdaInvocation } from './invocation.js'
import { createLogger } from './plugins/logger.js'
import type { Upstreams } from './upstreams/index.js'

/** Milliseconds that Lambda has left: more than the app's own deadline. */
const REMAINING_MS = 10_000

/** The app, ready to be invoked. */
export interface RunningApp {
  /** Invokes the app as Lambda would; throws the error that Cognito would get. */
  handle(payload: unknown, invokedFunctionArn: string): Promise<unknown>
  /** What was logged so far. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
  close(): Promise<void>
}

/** Starts the app behind the Lambda door in this process. Its log lines are collected, not printed. */
export async function openApp(env: Env, upstreams: Upstreams, clock: Clock): Promise<RunningApp> {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', { write: (line) => void lines.push(JSON.parse(line)) })
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler = await createHandler(app, clock)
  const handle = (payload: unknown, invokedFunctionArn: string) =>
    handler(payload, {
      awsRequestId: randomUUID(),
      invokedFunctionArn,
      getRemainingTimeInMillis: () => REMAINING_MS,
    })
  // The first invocation pays for the start of its process, here that of the command line: so it is not the caller's.
  await handle({}, '').catch(() => undefined)
  lines.length = 0
  return { lines, handle, close: () => app.close() }
}

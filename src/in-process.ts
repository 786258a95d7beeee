import { randomUUID } from 'node:crypto'
import { buildApp } from './app.js'
import type { Clock } from './call.js'
import type { Env } from './env.js'
import { createHandler, lambdaInvocation } from './invocation.js'
import { createLogger } from './plugins/logger.js'
import type { Upstreams } from './upstreams/index.js'

/** More than the app's own deadline, as Lambda has more left than that. */
const REMAINING_MS = 10_000

export interface RunningApp {
  /** As Lambda calls the function; throws what Cognito would be told. */
  handle(payload: unknown, invokedFunctionArn: string): Promise<unknown>
  /** What was logged so far. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
  close(): Promise<void>
}

/** The app behind the Lambda door, in this process, with its log lines handed over instead of printed. */
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
  // The first invocation pays for the start of its process, which here is that of the command line.
  await handle({}, '').catch(() => undefined)
  lines.length = 0
  return { lines, handle, close: () => app.close() }
}

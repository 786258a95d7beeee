import { randomUUID } from 'node:crypto'
import { buildApp } from './app.js'
import type { OpenApp } from './commands/invoke/app.js'
import { createHandler, lambdaInvocation } from './invocation.js'
import { createLogger } from './plugins/logger.js'

/** More than the app's own deadline, as Lambda has more left than that. */
const REMAINING_MS = 10_000

/** The app behind the Lambda door, in this process, with its log lines handed over instead of printed. */
export const openApp: OpenApp = async (env, upstreams, clock) => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', { write: (line) => void lines.push(JSON.parse(line)) })
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler = await createHandler(app)
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

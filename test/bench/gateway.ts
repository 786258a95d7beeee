import { openSync } from 'node:fs'
import pino from 'pino'
import { buildApp } from '../../src/app.js'
import { systemClock } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import { createHandler, type Handler, lambdaInvocation } from '../../src/invocation.js'
import { createLogger } from '../../src/plugins/logger.js'
import { createUpstreams } from '../../src/upstreams/index.js'

/** The Lambda handler in this process, its lines written to nowhere, but written. */
export async function startHandler(env: Record<string, string>): Promise<Handler> {
  Object.assign(process.env, env)
  const settings = parseEnv(env)
  const logger = createLogger('info', pino.destination({ dest: openSync('/dev/null', 'w'), sync: true }))
  const upstreams = createUpstreams(settings, systemClock)
  return createHandler(
    buildApp({ env: settings, upstreams, clock: systemClock, logger, invocationOf: lambdaInvocation }),
  )
}

/** What Lambda hands to a handler. */
export const lambdaContext = (invokedFunctionArn: string) => ({
  awsRequestId: '00000000-0000-4000-8000-000000000000',
  invokedFunctionArn,
  getRemainingTimeInMillis: () => 5_000,
})

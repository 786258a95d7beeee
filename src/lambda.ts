import pino from 'pino'
import { buildApp } from './app.js'
import { systemClock } from './call.js'
import { parseEnvOrExit } from './env.js'
import { createHandler, lambdaInvocation, whenStarted } from './invocation.js'
import { createLogger } from './plugins/logger.js'
import { createUpstreams } from './upstreams/index.js'

// The AWS SDK would write eight lines about Node 20 into the log.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
const env = parseEnvOrExit(process.env)
const app = buildApp({
  env,
  upstreams: createUpstreams(env, systemClock),
  clock: systemClock,
  // Written synchronously: Lambda freezes the environment once the answer is out.
  logger: createLogger(env.logLevel, pino.destination({ dest: 1, sync: true })),
  invocationOf: lambdaInvocation,
})
const handle = whenStarted(createHandler(app))

/** The Lambda handler. Exactly two parameters: the runtime refuses handlers that declare a third. */
export const handler: typeof handle = (payload, context) => handle(payload, context)

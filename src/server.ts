import { setTimeout } from 'node:timers/promises'
import { buildApp } from './app.js'
import { systemClock } from './call.js'
import { parseEnvOrExit } from './env.js'
import { createLogger } from './plugins/logger.js'
import { createMetrics, createMetricsApp, metricsOf } from './plugins/metrics.js'
import { boundConnections, DOOR_LIMITS, METRICS_LIMITS, serverOptions } from './plugins/server/connections.js'
import { loadShedding } from './plugins/server/load-shedding.js'
import { openStdout } from './plugins/server/stdout.js'
import { createUpstreams } from './upstreams/index.js'

/** How long running requests may go on after the signal to stop, in milliseconds: twice what Cognito waits. */
const DRAIN_MS = 10_000

/** How long the last log lines may take to be written, in milliseconds: enough for any reader that reads. */
const FLUSH_MS = 1_000

// The AWS SDK would write eight lines about Node 20 into the log.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
const env = parseEnvOrExit(process.env)
const output = openStdout(systemClock)
const logger = createLogger(env.logLevel, output)
const upstreams = createUpstreams(env, systemClock)
const metrics = createMetrics()
metrics.watchLines(() => output.lost)
const metricsApp = createMetricsApp(metrics, serverOptions(METRICS_LIMITS, logger))
let stopping = false
const app = buildApp({
  env,
  upstreams,
  clock: systemClock,
  logger,
  server: serverOptions(DOOR_LIMITS, logger),
  extend: (app, stats) => {
    metrics.watch(stats)
    app.register(loadShedding, { env, clock: systemClock })
    app.register(metricsOf, { metrics })
    // A connection that is kept open would delay the end of a process that is stopping.
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (stopping) reply.header('connection', 'close')
      done(null, payload)
    })
  },
})

boundConnections(app.server, DOOR_LIMITS, logger)
boundConnections(metricsApp.server, METRICS_LIMITS, logger)

/** Stops accepting, waits for running requests, and exits; whatever still runs after {@link DRAIN_MS} is cut off. */
async function stop(): Promise<void> {
  stopping = true
  logger.info({}, 'stopping')
  const closed = Promise.allSettled([app.close(), metricsApp.close()]).then(() => upstreams.close())
  await Promise.race([closed.catch(() => undefined), setTimeout(DRAIN_MS)])
  logger.info({}, 'stopped')
  await output.flush(FLUSH_MS)
  process.exit(0)
}

try {
  // With Node's default of 511 the machine would drop further connections, and their senders try again only after a second.
  const backlog = DOOR_LIMITS.connectionsMax
  await app.listen({ port: env.port, host: env.host, backlog, listenTextResolver: () => 'listening' })
  if (env.metricsPort !== undefined) await metricsApp.listen({ port: env.metricsPort, host: env.host })
} catch (error) {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number }
  const setting = port !== undefined && port === env.metricsPort ? 'METRICS_PORT' : 'PORT'
  process.stderr.write(`Cannot listen on ${env.host}, ${setting} ${port ?? env.port}: ${code ?? message}\n`)
  process.exit(1)
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
const startMs = Math.round(systemClock.elapsed())
logger.info({ port: (app.server.address() as { port: number } | null)?.port, startMs }, 'ready')

import type { Server } from 'node:http'
import Fastify, { type FastifyBaseLogger, type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify'
import type { Clock } from './call.js'
import type { Env } from './env.js'
import { arrival, type InvocationOf } from './plugins/arrival.js'
import { createBodyReader } from './plugins/body.js'
import { caller } from './plugins/caller.js'
import { deadline } from './plugins/deadline.js'
import { envelope } from './plugins/envelope.js'
import { answerFrameworkError, errorHandler } from './plugins/error-handler.js'
import type { LogMessage } from './plugins/log-line.js'
import { createRequestId, logging } from './plugins/logging.js'
import { parseCallerSecrets } from './plugins/signature.js'
import { tenant } from './plugins/tenant.js'
import { noCompilers, serializerCompiler, validatorCompiler } from './plugins/validator.js'
import { actionRoutes } from './routes/actions.js'
import { connectTokenRoutes } from './routes/connect-tokens.js'
import { healthRoutes } from './routes/health.js'
import { triggerRoutes } from './routes/triggers.js'
import { createTenants, type TenantStats } from './tenant/context.js'
import { createCallers } from './tenant/own/callers.js'
import { createPseudonyms } from './tenant/own/pseudonyms.js'
import { createReadiness } from './tenant/readiness.js'
import type { Upstreams } from './upstreams/index.js'

/** What a door brings: settings, the outside world, time and a logger. */
export interface AppOptions {
  readonly env: Env
  readonly upstreams: Upstreams
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
  /** Finds the Lambda invocation behind a request; without it every request counts as plain HTTP. */
  readonly invocationOf?: InvocationOf
  /** How the container door's server treats connections. */
  readonly server?: FastifyHttpOptions<Server>
  /** Called before the routes are registered: the container adds its load shedding and metrics here. */
  readonly extend?: (app: FastifyInstance, stats: () => TenantStats) => void
}

/** Largest body over HTTP, in bytes. A direct invocation has no body: Lambda limits its payload (fact A25). */
const BODY_BYTES_MAX = 1_048_576

/** Most bytes of all bodies whose signature is not decided yet, together; a request beyond that is answered 503. */
const HELD_BYTES_MAX = 64 * BODY_BYTES_MAX

/** Builds the one app behind every door. Construction only: it neither reads the environment nor listens. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { env, upstreams, clock, logger, invocationOf, server, extend } = options
  const app = Fastify({
    ...server,
    loggerInstance: logger,
    childLoggerFactory: (parent) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => createRequestId(),
    frameworkErrors: answerFrameworkError,
    schemaController: noCompilers,
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  /** Logs that one of the gateway's own secrets is missing or unusable, and nothing else about it. */
  const warn = (message: LogMessage) => (kind: 'missing' | 'unusable') =>
    logger.warn(kind === 'missing' ? { upstreamErrorType: 'ParameterNotFound' } : {}, message)

  const { fetchParameter, table } = upstreams
  const pseudonyms = createPseudonyms({ env, fetchParameter, clock, onSpoiled: warn('pseudonym key unusable') })
  const callers = createCallers({
    env,
    fetchParameter,
    clock,
    isUsable: (text) => parseCallerSecrets(text).length > 0,
    onSpoiled: warn('caller secrets unusable'),
  })
  const tenants = createTenants({ env, upstreams, clock, pseudonyms })

  // In the order in which a request passes them.
  app.register(arrival, { env, invocationOf })
  app.register(deadline, { env, clock })
  app.register(logging, { pseudonyms })
  app.register(errorHandler)
  extend?.(app, tenants.stats)
  const readBody = createBodyReader({ bytesMax: BODY_BYTES_MAX, heldBytesMax: HELD_BYTES_MAX })
  app.register(caller, { callers, clock, readBody })
  app.register(envelope, { env })
  app.register(tenant, { tenants })
  app.register(triggerRoutes, { clock })
  app.register(actionRoutes)
  app.register(connectTokenRoutes)
  app.register(healthRoutes, { readiness: createReadiness({ table, callers, clock }) })
  return app
}

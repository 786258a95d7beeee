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

export interface AppOptions {
  readonly env: Env
  readonly upstreams: Upstreams
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
  /** How the Lambda door tells its direct invocations; without it every request is HTTP. */
  readonly invocationOf?: InvocationOf
  /** How the container door's server treats connections. */
  readonly server?: FastifyHttpOptions<Server>
  /** What a door adds before the routes are there: the container's load shedding and metrics. */
  readonly extend?: (app: FastifyInstance, stats: () => TenantStats) => void
}

/** Of a body over HTTP; the payload of a direct invocation is no body and may be as large as Lambda lets it. */
const BODY_BYTES_MAX = 1_048_576

/** All bodies that are still arriving, together; past it a server answers 503. */
const UNFINISHED_BYTES_MAX = 64 * BODY_BYTES_MAX

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

  /** The line that says of a secret that it cannot be used: never more of it than that. */
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

  // In the order in which a request meets them.
  app.register(arrival, { env, invocationOf })
  app.register(deadline, { env, clock })
  app.register(logging, { pseudonyms })
  app.register(errorHandler)
  extend?.(app, tenants.stats)
  const readBody = createBodyReader({ bytesMax: BODY_BYTES_MAX, unfinishedBytesMax: UNFINISHED_BYTES_MAX })
  app.register(caller, { callers, clock, readBody })
  app.register(envelope, { env })
  app.register(tenant, { tenants })
  app.register(triggerRoutes, { clock })
  app.register(actionRoutes)
  app.register(connectTokenRoutes)
  app.register(healthRoutes, { readiness: createReadiness({ table, callers, clock }) })
  return app
}

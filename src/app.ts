import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Clock } from './call.js'
import type { Env } from './env.js'
import { Internal } from './errors.js'
import { caller, type InvocationOf } from './plugins/caller.js'
import { deadline } from './plugins/deadline.js'
import { answerFrameworkError, errorHandler } from './plugins/error-handler.js'
import { createRequestId, logging } from './plugins/logging.js'
import { tenant } from './plugins/tenant.js'
import { serializerCompiler, validatorCompiler } from './plugins/validator.js'
import { actionRoutes } from './routes/actions.js'
import { healthRoutes } from './routes/health.js'
import { triggerRoutes } from './routes/triggers.js'
import { createTenants } from './tenant/context.js'
import { createPseudonyms } from './tenant/pseudonyms.js'
import type { Upstreams } from './upstreams/index.js'

export interface AppOptions {
  readonly env: Env
  readonly upstreams: Upstreams
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
  /** How the Lambda door tells its direct invocations; without it every request is HTTP. */
  readonly invocationOf?: InvocationOf
}

/** A Lambda payload has at most 6 MB (aws.md 1.1); a trigger event must not fail for its size. */
const BODY_BYTES_MAX = 6 * 1_048_576

function notNeeded(): never {
  throw new Internal()
}

/** Builds the one app behind every door. Construction only: it neither reads the environment nor listens. */
export function buildApp({
  env,
  upstreams,
  clock,
  logger,
  invocationOf = () => undefined,
}: AppOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    childLoggerFactory: (parent) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => createRequestId(),
    bodyLimit: BODY_BYTES_MAX,
    frameworkErrors: answerFrameworkError,
    // An event goes back with every key it came with; keys are never merged into our objects.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // The app brings its own compilers, so that Ajv and fast-json-stringify are neither loaded nor bundled.
    schemaController: { compilersFactory: { buildValidator: notNeeded, buildSerializer: notNeeded } },
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  const pseudonyms = createPseudonyms(env.pseudonymKeyParameter, upstreams.fetchParameter, clock)
  app.register(caller, { env, invocationOf })
  app.register(deadline, { env })
  app.register(logging, { pseudonyms })
  app.register(errorHandler)
  app.register(tenant, { tenants: createTenants({ env, upstreams, clock }) })
  app.register(triggerRoutes, { clock })
  app.register(actionRoutes)
  app.register(healthRoutes)
  return app
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import {
  ConnectTokenKeysUnavailable,
  ConnectTokenLimited,
  ConnectTokensNotConfigured,
  ConnectTokenTypeRefused,
  ConnectTokenUnauthorized,
  Internal,
  isUpstreamError,
} from '../errors.js'
import { textAt } from '../fields.js'
import { isUserPoolId } from '../ids.js'
import type { TenantContext } from '../tenant/context.js'

const Body = Type.Object({ type: Type.String() })
interface ConnectTokensRoute {
  Params: { userPoolId: string }
  Body: Static<typeof Body>
}

const URL = '/v1/pools/:userPoolId/connect-tokens'
/** How long a browser may keep the answer to a preflight, in seconds. */
const PREFLIGHT_SECONDS = 600

/**
 * Gives connect tokens to a user's own browser, which sends the user's ID token and no cookies. Pages of the tenant's
 * origins can read the answer (CORS).
 */
export async function connectTokenRoutes(app: FastifyInstance): Promise<void> {
  // On refusals too: the page must be able to read why.
  app.addHook('onSend', (request, reply, payload, done) => {
    allowOrigin(request, reply)
    done(null, payload)
  })

  app.options<Pick<ConnectTokensRoute, 'Params'>>(URL, { config: { open: true } }, async (request, reply) => {
    note(request)
    await served(app, request)
    request.line.quiet = true
    if (originOf(request) !== undefined) {
      reply.header('access-control-allow-methods', 'POST')
      reply.header('access-control-allow-headers', 'authorization, content-type')
      reply.header('access-control-max-age', PREFLIGHT_SECONDS)
    }
    reply.code(204)
  })

  app.post<ConnectTokensRoute>(
    URL,
    {
      config: { open: true },
      schema: { body: Body },
      preValidation: (request, _reply, done) => {
        note(request)
        done()
      },
    },
    async (request) => {
      const { userPoolId } = request.params
      if (!isFor(userPoolId, tokenOf(request)) && !app.knowsPool(userPoolId)) throw new ConnectTokenUnauthorized()
      const tenant = await served(app, request)
      const user = await userOf(tenant, request)
      if (!user) throw new ConnectTokenUnauthorized()
      Object.assign(request.line, { username: user.username, clientId: user.clientId })
      const { type } = request.body
      if (!tenant.config.connectTokens?.types.some((one) => one === type)) throw new ConnectTokenTypeRefused()
      const created = await tenant.connectTokens.create(user, type)
      if (!created) throw new ConnectTokenLimited()
      request.line.outcome = 'issued'
      return created
    },
  )
}

function note({ line, params }: FastifyRequest<Pick<ConnectTokensRoute, 'Params'>>): void {
  const { userPoolId } = params
  Object.assign(line, { msg: 'action', action: 'connect-tokens', ...(isUserPoolId(userPoolId) && { userPoolId }) })
}

async function served(
  app: FastifyInstance,
  request: FastifyRequest<Pick<ConnectTokensRoute, 'Params'>>,
): Promise<TenantContext> {
  const admission = await app.admit(request, { userPoolId: request.params.userPoolId, asker: 'stranger' })
  if (admission.kind === 'bypassed') throw new Internal()
  if (!admission.tenant.config.connectTokens) throw new ConnectTokensNotConfigured()
  return admission.tenant
}

function tokenOf({ headers }: FastifyRequest): string | undefined {
  const [, token] = /^Bearer ([\w.~+/=-]+)$/i.exec(headers.authorization ?? '') ?? []
  return token
}

/**
 * Does a token say, truly or not, that it is of this pool? Where nothing is known of the pool, only such a token is worth a
 * read of the table.
 */
function isFor(userPoolId: string, token: string | undefined): boolean {
  const [, claims = '', signature] = token?.split('.') ?? []
  if (signature === undefined) return false
  try {
    const issuer = textAt(JSON.parse(Buffer.from(claims, 'base64url').toString()), 'iss')
    return issuer?.endsWith(`/${userPoolId}`) === true
  } catch {
    return false
  }
}

async function userOf(tenant: TenantContext, request: FastifyRequest) {
  const token = tokenOf(request)
  if (token === undefined) return undefined
  try {
    return await tenant.connectTokens.userOf(token)
  } catch (error) {
    if (isUpstreamError(error)) throw new ConnectTokenKeysUnavailable({ cause: error })
    throw error
  }
}

/** The request's origin, if the tenant's pages are there. */
function originOf({ headers, tenant }: FastifyRequest): string | undefined {
  const { origin } = headers
  return typeof origin === 'string' && tenant?.config.connectTokens?.origins.includes(origin) ? origin : undefined
}

function allowOrigin(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('vary', 'Origin')
  reply.header('cache-control', 'no-store')
  const origin = originOf(request)
  if (origin !== undefined) reply.header('access-control-allow-origin', origin)
}

import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Env } from '../env.js'
import { CallerUnsigned, InvocationUnqualified, InvocationWrongAlias } from '../errors.js'

/** An invocation that IAM let in: through Lambda's Invoke API, not over HTTP. */
export interface DirectInvocation {
  readonly kind: 'trigger' | 'action'
  /** Alias of the invoked ARN; undefined where it names none. */
  readonly alias: string | undefined
  readonly requestId: string
  readonly remainingMs: number
  /** Milliseconds since the process started, on the first invocation of an environment. */
  readonly coldStartMs: number | undefined
}

/** Tells a direct invocation from everything else by what no client can send; undefined for an HTTP request. */
export type InvocationOf = (request: FastifyRequest) => DirectInvocation | undefined

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for a direct invocation only. */
    invocation: DirectInvocation | undefined
  }
  interface FastifyContextConfig {
    /** Anybody may call this route. */
    open?: boolean
  }
}

export interface CallerOptions {
  readonly env: Pick<Env, 'actionsAlias' | 'allowUnqualified'>
  readonly invocationOf: InvocationOf
}

/** Lets in direct invocations that came through a fitting alias. HTTP callers need a signature, which none can give yet. */
export const caller = fp<CallerOptions>(
  async (app, { env, invocationOf }) => {
    app.decorateRequest('invocation', undefined)
    app.addHook('onRequest', async (request) => {
      request.invocation = invocationOf(request)
    })
    // After every onRequest hook, so that a refusal has its line and its deadline; before the body is read.
    app.addHook('preParsing', async (request) => {
      if (request.routeOptions.config.open || request.is404) return
      if (!request.invocation) throw new CallerUnsigned()
      assertAlias(request.invocation, env)
    })
  },
  { name: 'callers' },
)

/** Actions come through their own alias and triggers never do (CONTRACT 2.1); the tenant's alias is compared later. */
function assertAlias({ kind, alias }: DirectInvocation, env: CallerOptions['env']): void {
  if (alias === undefined) {
    if (env.allowUnqualified) return
    throw new InvocationUnqualified()
  }
  if ((kind === 'action') !== (alias === env.actionsAlias)) throw new InvocationWrongAlias()
}

import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Env } from '../env.js'
import { InvocationUnqualified, InvocationWrongAlias } from '../errors.js'

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

/** The alias through which Cognito or Corbado invoked a function of ours: this one, or a forwarder. */
export type ViaAlias = Pick<DirectInvocation, 'kind' | 'alias'>

declare module 'fastify' {
  interface FastifyRequest {
    /** Set for a direct invocation only. */
    invocation: DirectInvocation | undefined
    /** Set where the alias rules hold; the tenant's alias is compared with it. */
    via: ViaAlias | undefined
  }
  interface FastifyInstance {
    /** Applies the rules of CONTRACT 2.1 that need no tenant, and remembers the alias for those that do. */
    arriveVia(request: FastifyRequest, via: ViaAlias): void
  }
}

export interface ArrivalOptions {
  readonly env: Pick<Env, 'actionsAlias' | 'allowUnqualified'>
  readonly invocationOf: InvocationOf
}

/** Finds out how a request came in, and refuses direct invocations through an alias that does not fit. */
export const arrival = fp<ArrivalOptions>(
  async (app, { env, invocationOf }) => {
    app.decorateRequest('invocation', undefined)
    app.decorateRequest('via', undefined)
    app.decorate('arriveVia', (request: FastifyRequest, via: ViaAlias) => {
      request.via = via
      assertAlias(via, env)
    })
    app.addHook('onRequest', async (request) => {
      request.invocation = invocationOf(request)
    })
    // After every onRequest hook, so that a refusal has its line and its deadline; before the body is read.
    app.addHook('preParsing', async (request) => {
      if (request.invocation && !request.is404) app.arriveVia(request, request.invocation)
    })
  },
  { name: 'arrival' },
)

/** Actions come through their own alias and triggers never do; the tenant's alias is compared later. */
function assertAlias({ kind, alias }: ViaAlias, env: ArrivalOptions['env']): void {
  if (alias === undefined) {
    if (env.allowUnqualified) return
    throw new InvocationUnqualified()
  }
  if ((kind === 'action') !== (alias === env.actionsAlias)) throw new InvocationWrongAlias()
}

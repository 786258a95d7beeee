import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Env } from '../env.js'
import { InvocationUnqualified, InvocationWrongAlias, RequestInvalid } from '../errors.js'
import { isTooDeep } from '../fields.js'

/** An invocation of the Lambda function. A direct one, of a trigger or an action, was let in by IAM; HTTP was not. */
export interface LambdaInvocation {
  readonly kind: 'trigger' | 'action' | 'http'
  /** Of a direct one: the payload itself, which takes the place of a body. It is never edited. */
  readonly payload?: object
  /** Alias of the invoked ARN; undefined if it names none. */
  readonly alias: string | undefined
  readonly requestId: string
  readonly remainingMs: number
  /** Milliseconds since the process started, on the first invocation of an environment. */
  readonly coldStartMs: number | undefined
  /** How many gateways the event has passed through, as the last of them says in the ClientContext. */
  readonly hops: number
}

/** Finds the invocation behind a request, by a mark that no client can send; undefined on a server. */
export type InvocationOf = (request: FastifyRequest) => LambdaInvocation | undefined

/** The alias through which Cognito or Corbado invoked a function of ours: this one, or a forwarder. */
export interface ViaAlias {
  readonly kind: 'trigger' | 'action'
  readonly alias: string | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on Lambda only. */
    invocation: LambdaInvocation | undefined
    /** IAM let this request in: it needs no signature, and its path was made from its body. */
    readonly direct: boolean
    /** Set if the alias rules apply; the tenant's alias is compared with it. */
    via: ViaAlias | undefined
    /** How many gateways the event has passed through before this one: 0, unless a chained function is a gateway. */
    hops: number
  }
  interface FastifyInstance {
    /** Refuses a missing alias, or one of the wrong kind, and remembers the alias for the rule that needs the tenant. */
    arriveVia(request: FastifyRequest, via: ViaAlias): void
  }
}

export interface ArrivalOptions {
  readonly env: Pick<Env, 'actionsAlias' | 'allowUnqualified'>
  /** Without it there are no invocations, as on a server. */
  readonly invocationOf: InvocationOf | undefined
}

/** Finds out how a request came in, and refuses direct invocations through an alias that does not fit. */
export const arrival = fp<ArrivalOptions>(
  async (app, { env, invocationOf }) => {
    app.decorateRequest('invocation', undefined)
    app.decorateRequest('direct', {
      getter() {
        return this.invocation !== undefined && this.invocation.kind !== 'http'
      },
    })
    app.decorateRequest('via', undefined)
    app.decorateRequest('hops', 0)
    app.decorate('arriveVia', (request: FastifyRequest, via: ViaAlias) => {
      request.via = via
      assertAlias(via, env)
    })
    if (!invocationOf) return
    app.addHook('onRequest', (request, _reply, done) => {
      request.invocation = invocationOf(request)
      request.hops = request.invocation?.hops ?? 0
      done()
    })
    // After every onRequest hook, so that a refusal has its line and its deadline; before the body is read.
    app.addHook('preParsing', (request, _reply, payload, done) => {
      const { invocation } = request
      if (invocation && invocation.kind !== 'http' && !request.is404) {
        app.arriveVia(request, { kind: invocation.kind, alias: invocation.alias })
      }
      done(null, payload)
    })
    app.addHook('preValidation', (request, _reply, done) => {
      if (request.direct) {
        // The runtime could not write such an answer.
        if (isTooDeep(request.invocation?.payload)) throw new RequestInvalid('it is nested too deeply')
        request.body = request.invocation?.payload
      }
      done()
    })
    // Lambda freezes the environment once the answer is out, so background work ends first.
    app.addHook('onSend', (request, _reply, payload, done) => {
      if (!request.call.hasDeferred()) return done(null, payload)
      request.call.settled().then(() => done(null, payload))
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

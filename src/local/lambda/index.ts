import { randomBytes } from 'node:crypto'
import type { Clock } from '../../call.js'
import type { Identity } from '../aws/identity.js'
import type { PolicyDocument } from '../aws/policy.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from '../aws/server.js'
import { type InvocationResult, type InvocationSource, invokeAsCognito, SECRET_HEADER } from './as-cognito.js'
import { createControl } from './control.js'
import { answerInvoke, type Caller, faultAnswer, invalidParameter, type LocalFunction, lambdaError } from './invoke.js'
import { createPolicies } from './policies.js'
import { readTarget, routeOf } from './target.js'

export type { InvocationResult, InvocationSource } from './as-cognito.js'
export type { LocalFunction } from './invoke.js'
export { type Handler, type HandlerContext, inProcess, type Runner } from './runner.js'

/** Operation under which Cognito's calls are recorded; those of signed callers are `Invoke`. */
const BY_COGNITO = 'InvokeByCognito'

export interface Lambda extends StandIn {
  putFunction(localFunction: LocalFunction): void
  removeFunction(functionArn: string): void
  /** Replaces the resource policy of an alias, or of the unqualified function; `undefined` removes it. */
  putPolicy(qualifiedArn: string, policy: PolicyDocument | undefined): void
  /** Makes the calls on whole policies unknown, as where Lambda does not have those of 2026-07 yet; or known again. */
  forgetWholePolicies(forgotten: boolean): void
  /** Invokes as cognito-idp.amazonaws.com does: over HTTP, let in by the alias's policy alone. Never rejects. */
  invokeAsCognito(functionArn: string, event: unknown, source: InvocationSource): Promise<InvocationResult>
}

interface LambdaOptions {
  readonly clock: Clock
  readonly identity: Identity
  readonly port?: number
}

/**
 * Starts Lambda's Invoke API (synchronous invocations and dry runs, every alias behind a resource policy of its own) and
 * the calls on aliases and policies that an operator makes.
 */
export async function startLambda({ clock, identity, port = 0 }: LambdaOptions): Promise<Lambda> {
  const functions = new Map<string, LocalFunction>()
  const policies = createPolicies()
  const control = createControl(functions, policies)
  let forgotten = false
  const secret = randomBytes(32).toString('base64url')

  const isCognito = ({ headers }: WireRequest) => headers[SECRET_HEADER] === secret
  const callerOf = ({ headers, principal }: WireRequest): Caller =>
    principal ?? {
      service: 'cognito-idp.amazonaws.com',
      sourceArn: String(headers['x-standin-source-arn']),
      sourceAccount: String(headers['x-standin-source-account']),
    }

  function handle(request: WireRequest): WireAnswer | Promise<WireAnswer> {
    const route = routeOf(request)
    if (!route || (forgotten && route.operation.endsWith('ResourcePolicy')))
      return lambdaError(404, 'UnknownOperationException', 'No such operation.')
    const target = readTarget(route.segment, request)
    if (!target) return invalidParameter('The function name or its alias is wrong.')
    if (route.operation !== 'Invoke') return control(request, route, target)
    const localFunction = functions.get(target.functionArn)
    return answerInvoke(request, target, callerOf(request), {
      localFunction,
      policy: policies.of(target.qualifiedArn),
    })
  }

  function operationOf(request: WireRequest): string {
    const operation = routeOf(request)?.operation ?? 'unknown'
    return operation === 'Invoke' && isCognito(request) ? BY_COGNITO : operation
  }

  const standIn = await startStandIn({
    name: 'lambda',
    port,
    clock,
    identity,
    operationOf,
    unsigned: [BY_COGNITO],
    callerOf: (request) => (isCognito(request) ? 'cognito-idp.amazonaws.com' : undefined),
    denied: (code, message) => lambdaError(403, code, message),
    faultAnswer,
    handle,
  })

  return {
    ...standIn,
    putFunction: (localFunction) => void functions.set(localFunction.functionArn, localFunction),
    removeFunction: (functionArn) => void functions.delete(functionArn),
    putPolicy: policies.put,
    forgetWholePolicies: (now) => {
      forgotten = now
    },
    invokeAsCognito: (functionArn, event, source) => invokeAsCognito(standIn.url, secret, functionArn, event, source),
  }
}

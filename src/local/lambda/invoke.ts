import { randomUUID } from 'node:crypto'
import { allows, deniedText, type Principal, resourceDecision } from '../aws/identity.js'
import { parseJson } from '../aws/json.js'
import { decision, type PolicyDocument } from '../aws/policy.js'
import type { WireAnswer, WireRequest } from '../aws/server.js'
import type { InvocationSource } from './as-cognito.js'
import type { Runner } from './runner.js'
import type { Target } from './target.js'

/** Payload of a synchronous invocation, either way (fact A25). */
const PAYLOAD_BYTES_MAX = 6_291_456

export interface LocalFunction {
  /** Without version or alias. */
  readonly functionArn: string
  readonly runner: Runner
  readonly aliases: readonly string[]
  /** Lambda's own timeout; 6 s by default, so that Cognito's 5 s come first. */
  readonly timeoutMs?: number
}

/** A signed caller, or Cognito on behalf of a pool. */
export type Caller = Principal | ({ readonly service: string } & InvocationSource)

/** An error as Lambda words it: the code travels in a header. */
export function lambdaError(status: number, code: string, message: string): WireAnswer {
  const headers = { 'x-amzn-errortype': code, 'x-amzn-requestid': randomUUID() }
  return { status, headers, body: { Type: status < 500 ? 'User' : 'Service', Message: message } }
}

/** Lambda's error for anything that is wrong with a request's parameters. */
export const invalidParameter = (message: string) => lambdaError(400, 'InvalidParameterValueException', message)

/** A result as Lambda sends it. */
export function lambdaAnswer(status: number, body?: object): WireAnswer {
  return { status, headers: { 'x-amzn-requestid': randomUUID() }, ...(body && { body }) }
}

/** How Lambda words an HTTP status that an injected fault asks for. */
export function faultAnswer(status: number): WireAnswer {
  if (status === 429) return lambdaError(status, 'TooManyRequestsException', 'Rate Exceeded.')
  return lambdaError(status, status < 500 ? 'InvalidParameterValueException' : 'ServiceException', 'Injected fault.')
}

/**
 * A caller of the function's own account needs an Allow in either policy, any other caller in both; a service has only
 * the resource policy. An explicit Deny always wins.
 */
function mayInvoke(caller: Caller, { accountId, qualifiedArn }: Target, policy: PolicyDocument | undefined): boolean {
  const action = 'lambda:InvokeFunction'
  const service = 'service' in caller
  const context = service ? { 'aws:SourceArn': caller.sourceArn, 'aws:SourceAccount': caller.sourceAccount } : {}
  const byResource = policy ? resourceDecision(policy, caller, action, qualifiedArn, context) : 'none'
  if (byResource === 'deny') return false
  if (service) return byResource === 'allow'
  if (decision(caller.policies, { action, resource: qualifiedArn, context }) === 'deny') return false
  const byIdentity = allows(caller, action, qualifiedArn)
  const sameAccount = accountId === caller.accountId
  return sameAccount ? byIdentity || byResource === 'allow' : byIdentity && byResource === 'allow'
}

function denied(caller: Caller, { qualifiedArn }: Target): WireAnswer {
  const who = 'service' in caller ? caller.service : caller.arn
  const message = deniedText(who, 'lambda:InvokeFunction', qualifiedArn, 'resource-based')
  return lambdaError(403, 'AccessDeniedException', message)
}

/** Runs the function and words what came of it as Lambda does: a thrown error is an answer with status 200. */
async function run(
  { runner, timeoutMs = 6_000 }: LocalFunction,
  target: Target,
  payload: unknown,
  clientContext: unknown,
): Promise<WireAnswer> {
  const awsRequestId = randomUUID()
  const headers = { 'x-amzn-requestid': awsRequestId, 'x-amz-executed-version': '$LATEST' }
  const { functionName, qualifiedArn: invokedFunctionArn } = target
  // By the machine's clock, since the function measures its remaining time by it.
  const deadlineMs = Date.now() + timeoutMs
  try {
    const answer = await runner(payload, {
      awsRequestId,
      invokedFunctionArn,
      functionName,
      deadlineMs,
      clientContext,
    })
    return { status: 200, headers, body: JSON.stringify(answer ?? null) }
  } catch (error) {
    const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error))
    const body = { errorType: name, errorMessage: message, trace: stack.split('\n') }
    return { status: 200, headers: { ...headers, 'x-amz-function-error': 'Unhandled' }, body }
  }
}

/** At most 3,583 bytes of base64, in a header. */
function clientContextOf({ headers }: WireRequest): unknown {
  const text = headers['x-amz-client-context']
  return typeof text === 'string' ? parseJson(Buffer.from(text, 'base64')) : undefined
}

/** Answers one Invoke call: a caller who may not call learns nothing of the function, not even that there is none. */
export function answerInvoke(
  request: WireRequest,
  target: Target,
  caller: Caller,
  { localFunction, policy }: { localFunction: LocalFunction | undefined; policy: PolicyDocument | undefined },
): WireAnswer | Promise<WireAnswer> {
  if (!mayInvoke(caller, target, policy)) return denied(caller, target)
  if (!localFunction || (target.alias !== undefined && !localFunction.aliases.includes(target.alias))) {
    return lambdaError(404, 'ResourceNotFoundException', `Function not found: ${target.qualifiedArn}`)
  }
  if (request.body.length > PAYLOAD_BYTES_MAX) {
    const message = `Request must be smaller than ${PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation`
    return lambdaError(413, 'RequestTooLargeException', message)
  }
  const payload = request.body.length === 0 ? {} : parseJson(request.body)
  if (payload === undefined)
    return lambdaError(400, 'InvalidRequestContentException', 'Could not parse request body into json')
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse'
  if (type === 'DryRun') return lambdaAnswer(204)
  const clientContext = clientContextOf(request)
  if (type === 'RequestResponse') return run(localFunction, target, payload, clientContext)
  if (type === 'Event') {
    // Lambda answers when it has the event in its queue; what comes of it, the caller never learns.
    void run(localFunction, target, payload, undefined)
    return lambdaAnswer(202)
  }
  return invalidParameter(`The stand-in does not invoke as ${type}.`)
}

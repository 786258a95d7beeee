import { type Clock, systemClock } from '../../call.js'

/** What Lambda tells a function of one invocation. */
export interface Invocation {
  readonly awsRequestId: string
  /** As the caller named it, alias included. */
  readonly invokedFunctionArn: string
  readonly functionName: string
  /** Wall-clock milliseconds since the epoch at which Lambda stops waiting. */
  readonly deadlineMs: number
  /** What the caller sent along beside the payload. */
  readonly clientContext?: unknown
}

/** Runs a function once; rejects with what it threw. */
export type Runner = (payload: unknown, invocation: Invocation) => Promise<unknown>

/** The part of Lambda's Node context that handlers read. */
export interface HandlerContext {
  readonly awsRequestId: string
  readonly invokedFunctionArn: string
  readonly functionName: string
  readonly functionVersion: string
  readonly memoryLimitInMB: string
  readonly logGroupName: string
  readonly logStreamName: string
  readonly clientContext?: unknown
  callbackWaitsForEmptyEventLoop: boolean
  getRemainingTimeInMillis(): number
}

export type Handler = (event: unknown, context: HandlerContext) => Promise<unknown>

/** The context a handler sees; the same in process and in a child. */
export function createContext(invocation: Invocation): HandlerContext {
  const { awsRequestId, invokedFunctionArn, functionName, deadlineMs, clientContext } = invocation
  return {
    awsRequestId,
    invokedFunctionArn,
    functionName,
    functionVersion: '$LATEST',
    memoryLimitInMB: '1024',
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    ...(clientContext !== undefined && { clientContext }),
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  }
}

/**
 * Throws for a handler that declares a third parameter, as Lambda's Node 24 runtime does even for an async one
 * (fact A26).
 */
export function assertTwoParameters(handler: Handler): void {
  if (handler.length < 3) return
  const error = new Error(
    'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24.',
  )
  error.name = 'Runtime.CallbackHandlerDeprecated'
  throw error
}

/** The error with which Lambda ends an invocation that took too long (wording as in its own answer). */
export function createTimeout(awsRequestId: string, budgetMs: number): Error {
  const seconds = (budgetMs / 1000).toFixed(2)
  const error = new Error(`RequestId: ${awsRequestId} Error: Task timed out after ${seconds} seconds`)
  error.name = 'Sandbox.Timedout'
  return error
}

/** Answers `undefined` as `null` and drops what JSON cannot carry, as the wire between Lambda and a function does. */
function overTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null')
}

/** Runs a handler in this process; nothing but JSON passes, and the deadline ends the wait. */
export function inProcess(handler: Handler, clock: Clock = systemClock): Runner {
  assertTwoParameters(handler)
  return async (payload, invocation) => {
    const budgetMs = invocation.deadlineMs - Date.now()
    let cancel = () => {}
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.after(budgetMs, () => reject(createTimeout(invocation.awsRequestId, budgetMs)))
    })
    try {
      const answer = (async () => handler(overTheWire(payload), createContext(invocation)))()
      return overTheWire(await Promise.race([answer, late]))
    } finally {
      cancel()
    }
  }
}

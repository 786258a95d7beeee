/**
 * A minimal Lambda Node runtime: run as `node runtime.mjs <bundle>` with AWS_LAMBDA_RUNTIME_API and _HANDLER set, it
 * fetches one event after the other and hands it to the bundle's handler. It prints a thrown error as the real runtime
 * does, every own property included, so that a leak into the log shows locally too.
 */
import { type IncomingHttpHeaders, request } from 'node:http'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { assertTwoParameters, createContext, type Handler, type Invocation } from '../lambda/runner.js'

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`

/** The body of …/error, and what a caller of the function gets. */
function describe(thrown: unknown) {
  if (!(thrown instanceof Error)) return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] }
  return { errorType: thrown.name, errorMessage: thrown.message, trace: (thrown.stack ?? '').split('\n') }
}

function withOwnProperties(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const { errorType, errorMessage, trace } = describe(value)
  return { errorType, errorMessage, ...value, stack: trace }
}

function print(requestId: string, what: string, thrown: unknown): void {
  console.error(
    `${new Date().toISOString()}\t${requestId}\tERROR\t${what} \t${JSON.stringify(thrown, withOwnProperties)}`,
  )
}

/** node:http rather than fetch, which would give up on an idle `next` after five minutes. */
async function call(method: 'GET' | 'POST', path: string, body = '') {
  return new Promise<{ headers: IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const outgoing = request(`${api}${path}`, { method, agent: false }, (answer) => {
      text(answer).then((body) => resolve({ headers: answer.headers, body }), reject)
    })
    outgoing.on('error', reject).end(body)
  })
}

async function loadHandler(): Promise<Handler> {
  const bundle: Record<string, unknown> = await import(pathToFileURL(resolve(process.argv[2] ?? '')).href)
  // The setting is `<file>.<export>`; the file is named by the argument.
  const name = process.env._HANDLER?.split('.').at(-1) ?? 'handler'
  const handler = bundle[name]
  if (typeof handler !== 'function') {
    throw Object.assign(new Error(`${name} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' })
  }
  assertTwoParameters(handler as Handler)
  return handler as Handler
}

function readInvocation(headers: IncomingHttpHeaders): Invocation {
  const invokedFunctionArn = String(headers['lambda-runtime-invoked-function-arn'])
  return {
    awsRequestId: String(headers['lambda-runtime-aws-request-id']),
    invokedFunctionArn,
    functionName: invokedFunctionArn.split(':')[6] ?? '',
    deadlineMs: Number(headers['lambda-runtime-deadline-ms']),
  }
}

async function serveOne(handler: Handler): Promise<void> {
  const next = await call('GET', '/invocation/next')
  const invocation = readInvocation(next.headers)
  const path = `/invocation/${invocation.awsRequestId}`
  try {
    const answer = await handler(JSON.parse(next.body), createContext(invocation))
    await call('POST', `${path}/response`, JSON.stringify(answer) ?? 'null')
  } catch (error) {
    print(invocation.awsRequestId, 'Invoke Error', error)
    await call('POST', `${path}/error`, JSON.stringify(describe(error)))
  }
}

const handler = await loadHandler().catch(async (error: unknown) => {
  print('undefined', 'Init Error', error)
  await call('POST', '/init/error', JSON.stringify(describe(error)))
  process.exit(1)
})
try {
  for (;;) await serveOne(handler)
} catch {
  // The Runtime API went away: the process that started this one is gone.
  process.exit(0)
}

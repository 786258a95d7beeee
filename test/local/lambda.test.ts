import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvokeCommand, type InvokeCommandInput, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda'
import { build } from 'esbuild'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createIdentity } from '../../src/local/aws/identity.js'
import type { PolicyDocument, Statement } from '../../src/local/aws/policy.js'
import { createEnvironments } from '../../src/local/gateway/environments.js'
import { type Handler, inProcess, startLambda } from '../../src/local/lambda/index.js'

const region = 'eu-central-1'
const own = '999988887777'
const customer = '111122223333'
const functionArn = `arn:aws:lambda:${region}:${own}:function:gateway`
const aliasArn = `${functionArn}:acme`
const pool = `arn:aws:cognito-idp:${region}:${customer}:userpool/${region}_Example1`
const echo: Handler = async (event) => event
const mayInvoke: PolicyDocument = policy({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: aliasArn })
const forPool = (Condition: NonNullable<Statement['Condition']>): PolicyDocument =>
  policy({
    Effect: 'Allow',
    Principal: { Service: 'cognito-idp.amazonaws.com' },
    Action: 'lambda:InvokeFunction',
    Resource: aliasArn,
    Condition,
  })

function policy(...statements: Statement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements }
}

type Tap = Pick<typeof t, 'teardown'>

async function start(t: Tap, handler = echo, timeoutMs = 2_000) {
  const clock = systemClock
  const identity = createIdentity(clock)
  const lambda = await startLambda({ clock, identity })
  t.teardown(lambda.stop)
  lambda.putFunction({ functionArn, runner: inProcess(handler), aliases: ['acme', 'other'], timeoutMs })
  const clientOf = (accountId: string, ...policies: PolicyDocument[]) => {
    const [arn, roleArn] = [`arn:aws:sts::${accountId}:assumed-role/caller/me`, `arn:aws:iam::${accountId}:role/caller`]
    const credentials = identity.issue({ arn, accountId, roleArn, policies }, 60_000)
    return new LambdaClient({ endpoint: lambda.url, region, maxAttempts: 1, credentials })
  }
  const invoke = (client: LambdaClient, more: Partial<InvokeCommandInput> = {}) =>
    client.send(new InvokeCommand({ FunctionName: aliasArn, Payload: '{"hello":"there"}', ...more }))
  const asCognito = (source = { sourceArn: pool, sourceAccount: customer }) =>
    lambda.invokeAsCognito(aliasArn, { hello: 'there' }, source)
  return { lambda, clientOf, invoke, asCognito }
}

const payloadOf = ({ Payload }: InvokeCommandOutput): unknown => JSON.parse(Payload?.transformToString() ?? '')

t.test('Cognito is let in by the policy of the alias alone, for the pool and the account that it names', async (t) => {
  const { lambda, asCognito } = await start(t)
  const denied = { failed: 'AccessDeniedException' }
  t.strictSame(await asCognito(), denied, 'no policy')
  const condition = { ArnLike: { 'AWS:SourceArn': pool }, StringEquals: { 'AWS:SourceAccount': customer } }
  lambda.putPolicy(functionArn, forPool(condition))
  t.strictSame(await asCognito(), denied, 'the policy of the unqualified function says nothing of its aliases')
  lambda.putPolicy(aliasArn, forPool(condition))
  t.strictSame(await asCognito({ sourceArn: `${pool}2`, sourceAccount: customer }), denied, 'another pool')
  t.strictSame(await asCognito({ sourceArn: pool, sourceAccount: own }), denied, 'another account')
  t.strictSame(await asCognito(), { payload: { hello: 'there' } })
  t.match(lambda.calls.at(-1), { operation: 'InvokeByCognito', principal: 'cognito-idp.amazonaws.com' })
})

t.test('no caller passes for Cognito', async (t) => {
  const { lambda } = await start(t)
  lambda.putPolicy(aliasArn, forPool({ StringEquals: { 'AWS:SourceAccount': customer } }))
  const headers = { 'x-standin-source-arn': pool, 'x-standin-source-account': customer, 'x-standin-secret': 'guess' }
  const path = `/2015-03-31/functions/${encodeURIComponent(aliasArn)}/invocations`
  const answer = await fetch(`${lambda.url}${path}`, { method: 'POST', headers, body: '{}' })
  t.equal(answer.status, 403)
  t.equal(answer.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException')
})

t.test('a caller of another account needs a word from its own policy and one from the alias', async (t) => {
  const { lambda, clientOf, invoke } = await start(t)
  const caller = clientOf(customer, mayInvoke)
  const denied = { name: 'AccessDeniedException', message: /not authorized to perform: lambda:InvokeFunction/ }
  await t.rejects(invoke(caller), denied)
  const Principal = { AWS: `arn:aws:iam::${customer}:role/caller` }
  const named = { Effect: 'Allow', Principal, Action: 'lambda:InvokeFunction', Resource: aliasArn } as const
  lambda.putPolicy(aliasArn, policy(named))
  await t.rejects(invoke(clientOf(customer)), denied, 'named by the alias, but not allowed at home')
  t.strictSame(payloadOf(await invoke(caller)), { hello: 'there' })
  lambda.putPolicy(aliasArn, policy(named, { ...named, Effect: 'Deny' }))
  await t.rejects(invoke(caller), denied, 'a Deny wins')
})

t.test('a caller of the own account needs one of the two, for the alias that it invokes', async (t) => {
  const { lambda, clientOf, invoke } = await start(t)
  await t.rejects(invoke(clientOf(own)), { name: 'AccessDeniedException' })
  const caller = clientOf(own, mayInvoke)
  t.equal((await invoke(caller)).StatusCode, 200)
  await t.rejects(invoke(caller, { FunctionName: functionArn }), { name: 'AccessDeniedException' }, 'unqualified')
  await t.rejects(invoke(caller, { FunctionName: 'gateway:other' }), { name: 'AccessDeniedException' })
  const named = policy({ Effect: 'Allow', Principal: { AWS: own }, Action: 'lambda:*', Resource: aliasArn })
  lambda.putPolicy(aliasArn, named)
  t.equal((await invoke(clientOf(own))).StatusCode, 200)
  const forbidden = policy({ Effect: 'Deny', Action: 'lambda:*', Resource: '*' })
  await t.rejects(invoke(clientOf(own, forbidden)), { name: 'AccessDeniedException' }, 'a Deny wins')
})

t.test('a function or an alias that does not exist is not found', async (t) => {
  const { clientOf, invoke } = await start(t)
  const caller = clientOf(own, policy({ Effect: 'Allow', Action: 'lambda:*', Resource: '*' }))
  for (const FunctionName of ['nothing', 'gateway:nobody', `${functionArn}:nobody`]) {
    await t.rejects(invoke(caller, { FunctionName }), { name: 'ResourceNotFoundException' }, FunctionName)
  }
  const contradiction = invoke(caller, { Qualifier: 'other' })
  await t.rejects(contradiction, { name: 'InvalidParameterValueException' }, 'two aliases at once')
})

t.test('every way to name an alias invokes the same', async (t) => {
  const { clientOf, invoke } = await start(t, async (_event, { invokedFunctionArn }) => invokedFunctionArn)
  const caller = clientOf(own, mayInvoke)
  const names = [{ FunctionName: aliasArn }, { FunctionName: 'gateway:acme' }, { FunctionName: `${own}:gateway:acme` }]
  for (const name of [...names, { FunctionName: 'gateway', Qualifier: 'acme' }]) {
    t.equal(payloadOf(await invoke(caller, name)), aliasArn, JSON.stringify(name))
  }
})

t.test(
  'a payload that is no JSON is refused; an asynchronous call is taken into the queue; a dry run only asks',
  async (t) => {
    let runs = 0
    const { clientOf, invoke } = await start(t, async () => ++runs)
    const caller = clientOf(own, mayInvoke)
    await t.rejects(invoke(caller, { Payload: '{' }), { name: 'InvalidRequestContentException' })
    const huge = JSON.stringify('x'.repeat(6_291_456))
    await t.rejects(invoke(caller, { Payload: huge }), { name: 'RequestTooLargeException' })
    t.equal((await invoke(caller, { InvocationType: 'DryRun' })).StatusCode, 204)
    await t.rejects(invoke(clientOf(own), { InvocationType: 'DryRun' }), { name: 'AccessDeniedException' })
    t.equal(runs, 0)
    t.equal((await invoke(caller, { InvocationType: 'Event' })).StatusCode, 202)
    while (runs === 0) await new Promise(setImmediate)
  },
)

t.test('a thrown error is an answer with a function error', async (t) => {
  const { clientOf, invoke } = await start(t, async () => {
    throw new TypeError('no luck')
  })
  const answer = await invoke(clientOf(own, mayInvoke))
  t.match(answer, { StatusCode: 200, FunctionError: 'Unhandled' })
  t.match(payloadOf(answer), { errorType: 'TypeError', errorMessage: 'no luck', trace: ['TypeError: no luck'] })
})

t.test('a function that outlives its timeout is an answer with a function error', async (t) => {
  const { clientOf, invoke } = await start(t, () => new Promise(() => {}), 50)
  const answer = await invoke(clientOf(own, mayInvoke))
  t.equal(answer.FunctionError, 'Unhandled')
  t.match(payloadOf(answer), { errorType: 'Sandbox.Timedout', errorMessage: /Task timed out after 0.05 seconds/ })
})

t.test('nothing but JSON passes between caller and function', async (t) => {
  const { clientOf, invoke } = await start(t, async () => ({ at: new Date(0), none: undefined }))
  t.strictSame(payloadOf(await invoke(clientOf(own, mayInvoke))), { at: '1970-01-01T00:00:00.000Z' })
  const { clientOf: other, invoke: call } = await start(t, async () => undefined)
  t.equal(payloadOf(await call(other(own, mayInvoke))), null)
})

t.test('a handler that declares a third parameter is refused', async (t) => {
  const callback = (async (_event: unknown, _context: unknown, _done: unknown) => undefined) as unknown as Handler
  t.throws(() => inProcess(callback), { name: 'Runtime.CallbackHandlerDeprecated' })
})

t.test('an injected fault is worded as Lambda words it, and Cognito learns its name', async (t) => {
  const { lambda, clientOf, invoke, asCognito } = await start(t)
  await lambda.setFault({ kind: 'status', status: 429 })
  await t.rejects(invoke(clientOf(own, mayInvoke)), { name: 'TooManyRequestsException' })
  t.strictSame(await asCognito(), { failed: 'TooManyRequestsException' })
  await lambda.setFault({ kind: 'refuse' })
  t.strictSame(await asCognito(), { failed: 'ServiceException' })
})

t.test('execution environments', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'environments-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const runtime = join(folder, 'runtime.mjs')
  await build({
    entryPoints: ['src/local/gateway/runtime.ts'],
    outfile: runtime,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  })

  /** Runs a handler's source in environments of its own. */
  async function environmentsOf(t: Tap, source: string) {
    const entry = join(folder, `${Math.random()}.mjs`)
    await writeFile(entry, source)
    const lines: string[] = []
    const env = { GREETING: 'hello' }
    const environments = createEnvironments({ runtime, entry, env, onLine: (line) => lines.push(line) })
    t.teardown(environments.stop)
    let count = 0
    const run = (payload: unknown, budgetMs = 5_000) => {
      const awsRequestId = `request-${++count}`
      const deadlineMs = Date.now() + budgetMs
      return environments.runner(payload, {
        awsRequestId,
        invokedFunctionArn: aliasArn,
        functionName: 'gateway',
        deadlineMs,
      })
    }
    return { environments, lines, run }
  }

  t.test('an error that a handler throws is the caller’s, and is printed with all its properties', async (t) => {
    const { run, lines } = await environmentsOf(
      t,
      `export const handler = async () => { throw Object.assign(new RangeError('no luck'), { secret: 's3cret' }) }`,
    )
    await t.rejects(run({}), { name: 'RangeError', message: 'no luck' })
    t.match(lines.join('\n'), /request-1\tERROR\tInvoke Error \t\{"errorType":"RangeError".*"secret":"s3cret"/)
  })

  t.test('a process that dies while it serves fails the invocation, and the next one gets another', async (t) => {
    const { run, environments } = await environmentsOf(
      t,
      'export const handler = async (event) => event.die ? process.exit(3) : process.pid',
    )
    const error = {
      name: 'Runtime.ExitError',
      message: 'RequestId: request-1 Error: Runtime exited with error: exit status 3',
    }
    await t.rejects(run({ die: true }), error)
    t.type(await run({}), 'number')
    t.equal(environments.coldStarts(), 2)
  })

  t.test('retired environments answer what they have begun, and take no further event', async (t) => {
    const { run, environments } = await environmentsOf(
      t,
      'export const handler = async ({ ms }) => { await new Promise((done) => setTimeout(done, ms)); return process.pid }',
    )
    const first = await run({ ms: 0 })
    const begun = run({ ms: 300 })
    environments.retire()
    const next = await run({ ms: 0 })
    t.not(next, first)
    t.equal(await begun, first)
    t.equal(await run({ ms: 0 }), next, 'those that come after stay')
    t.equal(environments.coldStarts(), 2)
  })

  t.test('a function that outlives its deadline loses its environment', async (t) => {
    const { run, environments } = await environmentsOf(
      t,
      'export const handler = (event) => event.hang ? new Promise(() => setInterval(() => {}, 1000)) : Promise.resolve(1)',
    )
    await t.rejects(run({ hang: true }, 100), { name: 'Sandbox.Timedout', message: /timed out after 0.10 seconds/ })
    t.equal(await run({}), 1)
    t.equal(environments.coldStarts(), 2)
  })

  t.test('a bundle that cannot start fails the invocation with its own error', async (t) => {
    const broken = await environmentsOf(t, `throw new Error('no settings')`)
    await t.rejects(broken.run({}), { name: 'Error', message: 'no settings' })
    const empty = await environmentsOf(t, 'export const other = 1')
    await t.rejects(empty.run({}), { name: 'Runtime.HandlerNotFound' })
    const callback = await environmentsOf(t, 'export const handler = async (event, context, done) => 1')
    await t.rejects(callback.run({}), { name: 'Runtime.CallbackHandlerDeprecated' })
  })

  t.test('one environment serves one event at a time and is used again once idle', async (t) => {
    const { run, environments, lines } = await environmentsOf(
      t,
      `import { setTimeout } from 'node:timers/promises'
       let served = 0
       export const handler = async ({ ms = 0 }) => {
         console.log('serving')
         await setTimeout(ms)
         return { pid: process.pid, served: ++served }
       }`,
    )
    const first = await run({})
    t.strictSame(await run({}), { ...(first as object), served: 2 })
    t.equal(environments.coldStarts(), 1)
    const both = (await Promise.all([run({ ms: 200 }), run({ ms: 200 })])) as { pid: number }[]
    t.not(both[0]?.pid, both[1]?.pid)
    t.equal(environments.coldStarts(), 2)
    await Promise.all(Array.from({ length: 24 }, () => run({ ms: 20 })))
    t.equal(environments.coldStarts(), 10, 'ten at most; the others waited')
    t.equal(lines.filter((line) => line === 'serving').length, 28)
  })

  t.test('a handler sees its variables, the alias and the time that is left', async (t) => {
    const startUpMs = 300
    const { run } = await environmentsOf(
      t,
      `await new Promise((started) => setTimeout(started, ${startUpMs}))
       const loaded = Date.now()
       export const handler = async (event, context) => ({
         event,
         arn: context.invokedFunctionArn,
         name: context.functionName,
         id: context.awsRequestId,
         left: context.getRemainingTimeInMillis(),
         sinceLoaded: Date.now() - loaded,
         greeting: process.env.GREETING,
         leaked: process.env.HOME,
       })`,
    )
    const seen = await run({ a: 1 }, 3_000)
    t.match(seen, { event: { a: 1 }, arn: aliasArn, name: 'gateway', id: 'request-1', greeting: 'hello', left: Number })
    t.notOk(Object.hasOwn(seen as object, 'leaked'), 'nothing of this process’s own environment')
    const { left, sinceLoaded } = seen as { left: number; sinceLoaded: number }
    t.ok(left <= 3_000)
    t.ok(left + sinceLoaded > 3_000 - startUpMs, 'start-up is not on the function’s time')
  })

  t.test('stopped environments take no more events', async (t) => {
    const { run, environments } = await environmentsOf(
      t,
      `process.on('SIGTERM', () => console.log('asked to stop'))
       export const handler = async ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms, 'done'))`,
    )
    t.equal(await run({ ms: 0 }), 'done')
    const cut = t.rejects(run({ ms: 5_000 }), { name: 'Runtime.ExitError' })
    await environments.stop()
    await cut
    await t.rejects(run({}), { name: 'Runtime.ExitError' })
  })
})

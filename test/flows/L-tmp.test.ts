import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { GATEWAY_ACCOUNT, gateway as gatewayRole } from '../../src/local/accounts.js'
import type { RecordedCall } from '../../src/local/stand-in.js'
import { basicCredential, hostedArn, setUpTenant, toLocal } from '../../src/local/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { CALLER_SECRETS_PARAMETER, type HttpAnswer, startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import type { Line } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

const SECOND = 1_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PUBLIC = 'Sign-in with a passkey is not available right now.'
const NOT_SET_UP = 'Sign-in with a passkey is not set up correctly.'

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado, identity } = stack
const container = await startContainer(t, gateway)
type Container = typeof container

// The first invocation of an environment has less time the longer the process took to start.
await gateway.handler(
  { httpMethod: 'GET', path: '/health/live', headers: {}, requestContext: {} },
  { awsRequestId: 'warm', invokedFunctionArn: '', getRemainingTimeInMillis: () => 6_000 },
)

type Content = Record<string, unknown>
type Door = 'lambda' | 'container'
const doors: readonly Door[] = ['lambda', 'container']

/** What a request comes to: outcome and reason on the line, and the answer. */
interface Expected {
  readonly line: string
  /** The event's new response; undefined: the event comes back as it went in. */
  readonly response?: unknown
  /** An action's body. */
  readonly body?: unknown
  /** A refusal: code, HTTP status and public text. */
  readonly error?: readonly [code: string, status: number, message: string]
}

/** One kind of request, the same for all tenants, and what each of them must get. */
interface Kind {
  readonly name: string
  content(file: TenantFile, n: number): Content | Promise<Content>
  readonly expected: Record<string, Expected>
  /** Of another tenant: sent through that one's alias. */
  readonly via?: (file: TenantFile) => TenantFile
}

interface Job {
  readonly door: Door
  readonly file: TenantFile
  readonly kind: Kind
  readonly content: Content
  readonly expected: Expected
  readonly id: string
}

const isAction = (content: Content) => 'action' in content

/** The answer with every id and random value replaced, so that both doors' answers can be compared to the letter. */
async function send({ door, file, kind, content, id }: Job): Promise<unknown> {
  const { alias } = kind.via?.(file) ?? file
  if (door === 'lambda' && !isAction(content)) {
    const invoked = gateway.trigger(content, { arn: hostedArn(alias), requestId: id })
    return invoked.then(
      (body) => comparable({ statusCode: 200, body }),
      (error: Error) => error.message,
    )
  }
  if (door === 'lambda') return comparable(await gateway.action(content, { requestId: id }))
  return comparable(isAction(content) ? await container.action(content) : await container.trigger(content, { alias }))
}

function comparable({ statusCode, body }: HttpAnswer): unknown {
  if ('requestId' in body) return { statusCode, body: { ...body, requestId: 'an id' } }
  const { response } = body as { response?: { challengeMetadata?: unknown } }
  if (String(response?.challengeMetadata).startsWith(`${OWN}.`))
    return { statusCode, body: { ...body, response: 'created' } }
  return { statusCode, body }
}

function wanted({ door, content, expected, id }: Job): unknown {
  const { response, body, error } = expected
  if (error) {
    const [code, statusCode, message] = error
    if (door === 'lambda' && !isAction(content)) return `${message} (ref ${id})`
    return { statusCode, body: { code, message, requestId: 'an id' } }
  }
  if (isAction(content)) return { statusCode: 200, body }
  return { statusCode: 200, body: response === undefined ? content : { ...content, response } }
}

/** The same order in every run, and no tenant, door or kind for long in a row. */
function shuffled<T>(items: readonly T[]): T[] {
  let seed = 20_261_122
  const next = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed
  }
  return items
    .map((item) => ({ item, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** Keeps so many running at any time. */
async function inFlight<T, R>(
  items: readonly T[],
  most: number,
  run: (item: T, i: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  async function work(): Promise<void> {
    for (const [i, item] of queue) results[i] = await run(item, i)
  }
  await Promise.all(Array.from({ length: most }, work))
  return results
}

/** More would have the world in this one event loop keep its own clients waiting past their time. */
const IN_FLIGHT = 24

const outcomeOf = ({ outcome, reason }: Line) => [outcome, reason].filter((part) => part !== undefined).join('/')
const tally = (names: readonly string[]) =>
  Object.fromEntries(
    [...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length] as const),
  )

const standIns = { table, ssm, sts, cognito, corbado }
type Calls = Record<keyof typeof standIns, RecordedCall[]>
const input = <T extends object>(call: RecordedCall) => call.input as T

/** The calls that `run` causes, by dependency. */
async function callsOf(run: () => Promise<unknown>): Promise<Calls> {
  const marks = Object.entries(standIns).map(([name, { calls }]) => [name, calls, calls.length] as const)
  await run()
  return Object.fromEntries(marks.map(([name, calls, from]) => [name, calls.slice(from)])) as Calls
}

interface Interleaved {
  readonly jobs: readonly Job[]
  readonly calls: Calls
}

/** Sends every kind for every tenant through both doors, so many times, in a jumble; checks answers and lines. */
async function interleave(
  t: Tap,
  files: readonly TenantFile[],
  kinds: readonly Kind[],
  rounds: number,
): Promise<Interleaved> {
  const jobs: Job[] = []
  for (let n = 0; n < rounds; n++) {
    for (const kind of kinds)
      for (const file of files)
        for (const door of doors) {
          const expected = kind.expected[file.tenantId]
          if (!expected) throw new Error(`${kind.name} has no expectation for ${file.tenantId}`)
          const id = `job-${jobs.length}`
          const content = await kind.content(file, jobs.length)
          const marked = isAction(content) ? content : { ...content, callerContext: { clientId: id } }
          jobs.push({ door, file, kind, content: marked, expected, id })
        }
  }
  const order = shuffled(jobs)
  gateway.take()
  container.take()
  const answers: unknown[] = []
  const calls = await callsOf(async () => {
    answers.push(...(await inFlight(order, IN_FLIGHT, send)))
  })
  for (const [i, job] of order.entries()) {
    t.strictSame(answers[i], wanted(job), `${job.file.tenantId}, ${job.door}: ${job.kind.name}`)
  }
  checkLines(t, order, { lambda: gateway.take(), container: container.take() })
  return { jobs, calls }
}

type Tap = Pick<typeof t, 'equal' | 'ok' | 'strictSame' | 'match'>

function checkLines(t: Tap, jobs: readonly Job[], lines: Record<Door, Line[]>): void {
  const wantedLine = ({ file, content, expected, kind }: Job) => ({
    tenantId: file.tenantId,
    customer: file.customer,
    userPoolId: file.userPoolId,
    region: isAction(content) ? undefined : file.aws.region,
    what: isAction(content) ? content.action : kind.name.split(':')[0],
    outcome: expected.line,
  })
  const seenLine = (line: Line) => ({
    tenantId: line.tenantId,
    customer: line.customer,
    userPoolId: line.userPoolId,
    region: line.region,
    what: line.action ?? line.trigger,
    outcome: outcomeOf(line),
  })
  for (const door of doors) {
    const own = jobs.filter((job) => job.door === door)
    // Each trigger's line by its client, each direct action's by its invocation …
    const byId = new Map(lines[door].map((line) => [line.clientId ?? line.requestId, line]))
    for (const job of own) {
      const line = byId.get(job.id)
      if (line) t.strictSame(seenLine(line), wantedLine(job), job.kind.name)
      else t.ok(door === 'container' && isAction(job.content), `${job.kind.name} has its line`)
    }
    // … and the rest, as all others, by their number.
    t.strictSame(
      tally(lines[door].map((line) => JSON.stringify(seenLine(line)))),
      tally(own.map((job) => JSON.stringify(wantedLine(job)))),
      `${door}: one line a request, each with its own tenant`,
    )
  }
}

const challenge = (name: string): Expected => ({
  line: 'challenge',
  response: { challengeName: name, issueTokens: false, failAuthentication: false },
})
const fail = (reason: string): Expected => ({
  line: `fail/${reason}`,
  response: { issueTokens: false, failAuthentication: true },
})
const tokens: Expected = { line: 'tokens', response: { issueTokens: true, failAuthentication: false } }
const created: Expected = { line: 'created', response: 'created' }
const incorrect = (reason: string): Expected => ({
  line: `incorrect/${reason}`,
  response: { answerCorrect: false },
})
const verified: Expected = { line: 'correct/verified', response: { answerCorrect: true } }
const untouched: Expected = { line: 'unchanged' }
const found = (identifier: string): Expected => ({ line: 'found', body: { identifier } })
const notFound = (reason: string, error: object): Expected => ({
  line: `refused/${reason}`,
  body: { identifier: '', error },
})
const both = (expected: Expected) => ({ acme: expected, umbra: expected })

const entry = (challengeName: string, challengeResult: boolean) => ({
  challengeName,
  challengeResult,
  ...(challengeName === 'CUSTOM_CHALLENGE' && { challengeMetadata: OWN }),
})
const wrong = entry('CUSTOM_CHALLENGE', false)
const right = entry('CUSTOM_CHALLENGE', true)
const password = [entry('SRP_A', true), entry('PASSWORD_VERIFIER', true)]

const place = ({ userPoolId, aws: { region } }: TenantFile) => ({ userPoolId, region })
const define = (name: string, session: unknown[], expected: Kind['expected']): Kind => ({
  name: `define-auth-challenge: ${name}`,
  content: (file) => defineEvent(session, {}, place(file)),
  expected,
})

/** Which tenant's user each proof was sent for. */
const senders = new Map<string, string>()

const verify = (
  name: string,
  prove: (file: TenantFile) => Promise<string>,
  expected: Kind['expected'],
  more: object = {},
): Kind => ({
  name: `verify-auth-challenge-response: ${name}`,
  async content(file, n) {
    const proof = await prove(file)
    senders.set(proof, file.tenantId)
    const privateChallengeParameters = { cognitoID: USER, nonce: `nonce-${n}` }
    return verifyEvent(proof, { privateChallengeParameters, ...more }, place(file))
  },
  expected,
})

const act = (action: string, name: string, payload: object, expected: Kind['expected']): Kind => ({
  name: `${action}: ${name}`,
  content: ({ userPoolId }) => ({ action, userPoolId, ...payload }),
  expected,
})

/** One principal that may do what no part of the gateway may: write many records at once. */
const bulkWriter = stack.credentialsFor({
  arn: `arn:aws:iam::${GATEWAY_ACCOUNT}:role/bulk`,
  accountId: GATEWAY_ACCOUNT,
  policies: [
    { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'dynamodb:BatchWriteItem', Resource: '*' }] },
  ],
})

/** Writes tenants' records, 25 at a time as DynamoDB takes them. */
async function putRecords(files: readonly TenantFile[]): Promise<void> {
  const { accessKeyId, secretAccessKey, sessionToken } = bulkWriter
  const credentials = { accessKeyId, secretAccessKey, sessionToken }
  const client = new DynamoDBClient({ endpoint: table.url, region: 'eu-central-1', credentials })
  const meta = { record: 'config', version: 1, updatedAt: new Date(clock.now()).toISOString(), updatedBy: 'test' }
  const batches = Array.from({ length: Math.ceil(files.length / 25) }, (_, i) => files.slice(i * 25, (i + 1) * 25))
  await inFlight(batches, 4, async (batch) => {
    const puts = batch.map((file) => ({
      PutRequest: { Item: marshall({ ...meta, userPoolId: file.userPoolId, config: toLocal(file, stack) }) },
    }))
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table.tableName]: puts } }))
  })
  client.destroy()
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Megabytes that are in use; what the stand-ins have recorded does not count. */
function heapMb(): number {
  for (const { calls } of Object.values(standIns)) calls.length = 0
  collectGarbage()
  return process.memoryUsage().heapUsed / 1_048_576
}

const PROJECT = 'pro-3003'
function manyFiles(name: string, count: number): TenantFile[] {
  return Array.from({ length: count }, (_, i) =>
    tenantFile({
      tenantId: `${name}-${i}`,
      userPoolId: `eu-central-1_${name}${i}`,
      alias: 't-many',
      aws: { accountId: String(600_000_000_000 + i) },
      corbado: { projectId: PROJECT },
    }),
  )
}

t.test('10,000 tenants pass through memory that holds 500: configs make room, evictions are counted', async (t) => {
  const MAX = Number(process.env.L_MAX ?? 500)
  const files = manyFiles('many', 10_000)
  let t0 = performance.now()
  await putRecords(files)
  t.comment('put', performance.now() - t0)
  const small = await startContainer(t, gateway, {
    env: { MAX_TENANTS_IN_MEMORY: String(MAX), LOG_LEVEL: 'silent' },
  })
  const define = async (file: TenantFile): Promise<void> => {
    const { body } = await small.trigger(defineEvent([], {}, place(file)))
    if (body.code === 'GW_ERR_UPSTREAM_TIMEOUT') { t.comment('again'); return define(file) }
    if ((body.response as Content | undefined)?.challengeName !== 'CUSTOM_CHALLENGE') throw new Error(JSON.stringify(body))
  }
  t0 = performance.now()
  await inFlight(files.slice(0, 1_000), 10, define)
  const early = heapMb()
  await inFlight(files.slice(1_000), 10, define)
  const late = heapMb()
  t.comment('define', performance.now() - t0)
  t.comment(`${early} MB after 1,000 tenants, ${late} MB after 10,000`)
})

t.test('rooms', async (t) => {
  const MAX = Number(process.env.L_MAX2 ?? 50)
  const N = 600
  const files = manyFiles('rooms', N)
  await putRecords(files)
  for (const file of files) {
    setUpTenant(stack, file, { apiSecret: 'corbado1_shared', clients: [] })
    cognito.putUser(file.userPoolId, { username: USER })
  }
  const small = await startContainer(t, gateway, {
    env: { MAX_TENANTS_IN_MEMORY: String(MAX), LOG_LEVEL: 'silent' },
  })
  const all = async (file: TenantFile) => {
    const { body } = await small.trigger(verifyEvent(await corbado.sign(PROJECT, USER), {}, place(file)))
    if (!(body.response as Content | undefined)?.answerCorrect) throw new Error(JSON.stringify(body))
    const found = await small.action({ action: 'pre-login', userPoolId: file.userPoolId, identifier: USER })
    if (found.body.identifier !== USER) throw new Error(JSON.stringify(found))
  }
  let t0 = performance.now()
  await inFlight(files.slice(0, 100), 10, all)
  const early = heapMb()
  await inFlight(files.slice(100), 10, all)
  const late = heapMb()
  t.comment('all', performance.now() - t0)
  t.comment(`${early} MB after 100 tenants, ${late} MB after ${N}`)
})

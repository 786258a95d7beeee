import t from 'tap'
import { actions } from '../../src/actions/index.js'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { createHandler, lambdaInvocation } from '../../src/invocation.js'
import { PSEUDONYM_KEY_PARAMETER } from '../../src/local/accounts.js'
import type { Fault, RecordedCall, StandIn } from '../../src/local/aws/server.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { createLogger } from '../../src/plugins/logger.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { triggers, unknownTrigger } from '../../src/triggers/index.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { type HttpAnswer, startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { createLogSink, type Line } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

/**
 * What comes of every trigger and action while one dependency fails: one line a case, one column a fault. `on` is the
 * dependency, or one of its operations where an earlier one must succeed; `caches` says what the gateway knows when the
 * fault begins. A cell says what takes the star's place; `ok` is the answer of a healthy day, `stale` the same with
 * `configStale` on the line, `x` the outcome as it stands, `-` a fault that cannot be made. `gone` is unavailable,
 * `time` timeout, `fast` throttled (Corbado: rate_limited), `bad` malformed.
 *
 * Both doors get each line, but for what `doorsOf` leaves out. A dependency without a line for an ask is none of that
 * ask's; a test of its own makes it fail all the same. Triggers that the gateway leaves alone share one code, so all but
 * the first have a line for an unknown config only.
 */
const EXPECTED = `
  ask                  on        caches outcome                      refuse reset hang  slow  late  429   500   garbage
  define               table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  define               table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  define               table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  define               table     old    -                            stale  stale stale ok    stale stale stale stale
  define-proven        table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  define-proven        table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  define-proven        table     old    -                            stale  stale stale ok    stale stale stale stale
  create               table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  create               table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  create               table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  create               table     old    -                            stale  stale stale ok    stale stale stale stale
  verify               table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  verify               table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  verify               table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  verify               table     old    -                            stale  stale stale ok    stale stale stale stale
  verify-forged        table     old    -                            stale  stale stale ok    stale stale stale stale
  verify               ssm       cold   incorrect/secret_unavailable x      x     x     ok    x     x     x     x
  verify               ssm       fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  verify               ssm       old    -                            ok     ok    ok    ok    ok    ok    ok    ok
  verify-forged        ssm       cold   incorrect/secret_unavailable x      x     x     ok    x     x     x     x
  verify-forged        ssm       old    -                            ok     ok    ok    ok    ok    ok    ok    ok
  verify               corbado   cold   incorrect/backend_*          gone   gone  time  ok    time  fast  gone  bad
  verify               corbado   fresh  incorrect/backend_*          gone   gone  time  ok    time  fast  gone  bad
  verify-forged        corbado   cold   incorrect/backend_*          gone   gone  time  ok    time  fast  gone  bad
  verify-forged        corbado   fresh  incorrect/backend_*          gone   gone  time  ok    time  fast  gone  bad
  pre-sign-up          table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  pre-sign-up          table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-sign-up          table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-sign-up          table     old    -                            stale  stale stale ok    stale stale stale stale
  post-confirmation    table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  pre-authentication   table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  post-authentication  table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  pre-token-generation table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  custom-message       table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  user-migration       table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  inbound-federation   table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  unknown              table     cold   unchanged/table_*            gone   gone  time  ok    time  fast  gone  bad
  unknown              table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  unknown              table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  unknown              table     old    -                            stale  stale stale ok    stale stale stale stale
  custom-email-sender  table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  custom-email-sender  table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  custom-email-sender  table     old    -                            stale  stale stale ok    stale stale stale stale
  custom-sms-sender    table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  custom-sms-sender    table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  custom-sms-sender    table     old    -                            stale  stale stale ok    stale stale stale stale
  pre-login            table     cold   refused/table_*              gone   gone  time  ok    time  fast  gone  bad
  pre-login            table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-login            table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-login            table     old    -                            stale  stale stale ok    stale stale stale stale
  pre-login            sts       cold   refused/sts_*                gone   gone  time  ok    time  fast  gone  bad
  pre-login            sts       fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-login            sts       old    -                            ok     ok    ok    ok    ok    ok    ok    ok
  pre-login            cognito   cold   refused/cognito_*            gone   gone  time  ok    time  fast  gone  bad
  pre-login            cognito   fresh  refused/cognito_*            gone   gone  time  ok    time  fast  gone  bad
  by-attribute         table     cold   refused/table_*              gone   gone  time  ok    time  fast  gone  bad
  by-attribute         table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  by-attribute         table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  by-attribute         table     old    -                            stale  stale stale ok    stale stale stale stale
  by-attribute         sts       cold   refused/sts_*                gone   gone  time  ok    time  fast  gone  bad
  by-attribute         sts       fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  by-attribute         sts       old    -                            ok     ok    ok    ok    ok    ok    ok    ok
  by-attribute         cognito   cold   refused/cognito_*            gone   gone  time  ok    time  fast  gone  bad
  by-attribute         cognito   fresh  refused/cognito_*            gone   gone  time  ok    time  fast  gone  bad
  by-attribute         ListUsers cold   refused/cognito_*            -      gone  time  ok    time  fast  gone  bad
  by-attribute         ListUsers fresh  refused/cognito_*            -      gone  time  ok    time  fast  gone  bad
  post-append          table     cold   fault/table_*                gone   gone  time  ok    time  fast  gone  bad
  post-append          table     fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  post-append          table     ageing -                            ok     ok    ok    ok    ok    ok    ok    ok
  post-append          table     old    -                            stale  stale stale ok    stale stale stale stale
  post-append          sts       cold   fault/sts_*                  gone   gone  time  ok    time  fast  gone  bad
  post-append          sts       fresh  -                            ok     ok    ok    ok    ok    ok    ok    ok
  post-append          sts       old    -                            ok     ok    ok    ok    ok    ok    ok    ok
  post-append          cognito   cold   fault/cognito_*              gone   gone  time  ok    time  fast  gone  bad
  post-append          cognito   fresh  fault/cognito_*              gone   gone  time  ok    time  fast  gone  bad
  post-append          AdminSetUserMFAPreference cold fault/cognito_* -      gone  time  ok    time  fast  gone  bad
  post-append          AdminSetUserMFAPreference fresh fault/cognito_* -      gone  time  ok    time  fast  gone  bad
`

const SECOND = 1_000
/** What Lambda, or the forwarder, has left: the answer must leave within a second. */
const REMAINING_MS = 1_150
const RESERVE_MS = 150
const LIMIT_MS = REMAINING_MS - RESERVE_MS
const PROJECT = 'pro-9001'
const PUBLIC = 'Sign-in with a passkey is not available right now.'

/** In the order of the columns. */
const faultNames = ['refuse', 'reset', 'hang', 'slow', 'late', '429', '500', 'garbage'] as const
type FaultName = (typeof faultNames)[number]
const FAULTS: Record<FaultName, Fault> = {
  refuse: { kind: 'refuse' },
  reset: { kind: 'reset' },
  hang: { kind: 'hang' },
  slow: { kind: 'slow', ms: 40 },
  // Comes when no call waits any more.
  late: { kind: 'slow', ms: REMAINING_MS + 250 },
  429: { kind: 'status', status: 429 },
  500: { kind: 'status', status: 500 },
  garbage: { kind: 'garbage' },
}

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado, identity } = stack
// An action brings no time of its own over HTTP, so this door gets the same second as a setting.
const settings = { TRIGGER_DEADLINE_MS: String(LIMIT_MS) }
const container = await startContainer(t, gateway, { env: settings })

// These tests live through days; the gateway's own credentials would not.
const own = identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')
if (own) Object.assign(own, { expiresAt: Number.POSITIVE_INFINITY })

/** Triggers that need nothing but the config, by their names in routes, and what Cognito calls them. */
const SOURCES = {
  'pre-sign-up': 'PreSignUp_SignUp',
  'post-confirmation': 'PostConfirmation_ConfirmSignUp',
  'pre-authentication': 'PreAuthentication_Authentication',
  'post-authentication': 'PostAuthentication_Authentication',
  'pre-token-generation': 'TokenGeneration_Authentication',
  'custom-message': 'CustomMessage_SignUp',
  'user-migration': 'UserMigration_Authentication',
  'inbound-federation': 'InboundFederation_ExternalProvider',
  unknown: 'SomethingNew_SignUp',
  'custom-email-sender': 'CustomEmailSender_SignUp',
  'custom-sms-sender': 'CustomSMSSender_Authentication',
} as const
const simpleAsks = Object.keys(SOURCES) as (keyof typeof SOURCES)[]
const customAsks = ['define', 'define-proven', 'create', 'verify', 'verify-forged'] as const
const actionAsks = ['pre-login', 'by-attribute', 'post-append'] as const
const asks = [...customAsks, ...simpleAsks, ...actionAsks] as const
type Ask = (typeof asks)[number]
const isAction = (ask: Ask) => actionAsks.some((one) => one === ask)
const isAsk = (text: string): text is Ask => asks.some((one) => one === text)

/** Outcome and reason on a healthy day. */
const HEALTHY: Record<Ask, string> = {
  define: 'challenge',
  'define-proven': 'tokens',
  create: 'created',
  verify: 'correct/verified',
  'verify-forged': 'incorrect/user_mismatch',
  'pre-sign-up': 'unchanged',
  'post-confirmation': 'unchanged',
  'pre-authentication': 'unchanged',
  'post-authentication': 'unchanged',
  'pre-token-generation': 'unchanged',
  'custom-message': 'unchanged',
  'user-migration': 'unchanged',
  'inbound-federation': 'unchanged',
  unknown: 'unchanged/unknown_trigger',
  'custom-email-sender': 'fault/trigger_sender_refused',
  'custom-sms-sender': 'fault/trigger_sender_refused',
  'pre-login': 'found',
  'by-attribute': 'found',
  'post-append': 'factor_set',
}
/** Where a healthy day's line is more than a note. */
const LEVELS: Partial<Record<Ask, string>> = {
  unknown: 'warn',
  'custom-email-sender': 'error',
  'custom-sms-sender': 'error',
}

const STAND_INS: Record<string, StandIn> = { table, ssm, sts, corbado, cognito }
/** Where what was fetched once serves without another call. */
const REMEMBERED = ['table', 'ssm', 'sts']
/** How old what is known must be, in milliseconds, to be in this state. */
const AGES: Record<string, (on: string) => number | undefined> = {
  cold: () => undefined,
  fresh: () => 0,
  ageing: () => 61 * SECOND,
  // Past the margin of credentials, past the stale time of a config, past the TTL of a secret.
  old: (on) => (on === 'sts' ? 56 * 60 * SECOND : 301 * SECOND),
}

interface Case {
  readonly ask: Ask
  readonly on: string
  readonly caches: string
  readonly ageMs: number | undefined
  /** By fault: outcome and reason, and whether the config is marked as stale; undefined if there is no such fault. */
  readonly expected: ReadonlyMap<FaultName, Expected>
}

interface Expected {
  readonly outcome: string
  readonly kind: string
  readonly stale: boolean
}

const KINDS: Record<string, string> = { gone: 'unavailable', time: 'timeout', fast: 'throttled', bad: 'malformed' }

function parseCase(line: string): Case {
  const [ask = '', on = '', caches = '', outcome = '', ...cells] = line.trim().split(/\s+/)
  const ageOf = AGES[caches]
  if (!isAsk(ask) || !ageOf || cells.length !== faultNames.length) throw new Error(`Not a case: ${line}`)
  const expected = faultNames.flatMap((name, i): [FaultName, Expected][] => {
    const cell = cells[i] ?? ''
    if (cell === '-') return []
    const stale = cell === 'stale'
    if (cell === 'ok' || stale) return [[name, { outcome: HEALTHY[ask], kind: 'ok', stale }]]
    const kind = KINDS[cell] ?? 'as it stands'
    const word = on === 'corbado' && cell === 'fast' ? 'rate_limited' : kind
    return [[name, { outcome: outcome.replace('*', word), kind, stale }]]
  })
  return { ask, on, caches, ageMs: ageOf(on), expected: new Map(expected) }
}

const cases = EXPECTED.trim().split('\n').slice(1).map(parseCase)

let count = 0
const texts = (file: TenantFile) => `The words of ${file.tenantId}.`
/** Users of a tenant, named after its pool so that every dependency's calls tell whom they were about. */
const userOf = ({ userPoolId }: TenantFile, when: string) => `${when}.${userPoolId}`
const emailOf = ({ userPoolId }: TenantFile, when: string) => `${when}@${userPoolId}.example`

async function addTenant(): Promise<TenantFile> {
  count += 1
  const tenantId = `tenant-${count}`
  const file = tenantFile({
    tenantId,
    userPoolId: `eu-central-1_Faults${count}x`,
    alias: `t-${count}`,
    aws: { accountId: String(400_000_000_000 + count) },
    corbado: { projectId: PROJECT },
    actions: {
      preLogin: { acceptAttributeMatch: true, texts: { untyped: `The words of ${tenantId}.` } },
      postAppend: { mfa: 'sms' },
    },
  })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  for (const when of ['before', 'during', 'after']) putUser(file, when)
  return file
}

/** Adds a user, or makes one as new as at first: without an MFA factor. */
function putUser(file: TenantFile, when: string): void {
  const attributes = { email: emailOf(file, when), phone_number: '+4989123456' }
  cognito.putUser(file.userPoolId, { username: userOf(file, when), attributes })
}

/** The event or payload of an ask, about another user at each time. */
async function contentOf(ask: Ask, file: TenantFile, when: string): Promise<Record<string, unknown>> {
  const { userPoolId } = file
  const userName = userOf(file, when)
  const pool = { userPoolId, userName }
  const verification = async (webauthnId: string) =>
    verifyEvent(
      await corbado.sign(PROJECT, webauthnId),
      { privateChallengeParameters: { cognitoID: userName, nonce: `nonce-${when}` } },
      pool,
    )
  switch (ask) {
    case 'define':
      return defineEvent([], {}, pool)
    case 'define-proven': {
      const proven = { challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata: OWN }
      return defineEvent([proven], {}, pool)
    }
    case 'create':
      return createEvent([], pool)
    case 'verify':
      return verification(userName)
    case 'verify-forged':
      return verification(`somebody-else.${userPoolId}`)
    case 'pre-login':
      return { action: 'pre-login', userPoolId, identifier: userName }
    case 'by-attribute':
      return { action: 'pre-login', userPoolId, identifier: emailOf(file, when) }
    case 'post-append':
      return { action: 'post-append', userPoolId, username: userName }
    default:
      return triggerEvent(SOURCES[ask], { validationData: null }, pool)
  }
}

type Door = 'lambda' | 'container'

/** The doors through which a line of the matrix goes. */
function doorsOf(ask: Ask, caches: string): readonly Door[] {
  // Over HTTP there is no route for an unknown trigger: 404, before any dependency is asked.
  if (ask === 'unknown') return ['lambda']
  // A container answers while its refresh still runs, so what the next call finds is a matter of time. The cache that
  // refreshes does not know of doors.
  return caches === 'ageing' ? ['lambda'] : ['lambda', 'container']
}

type Reply = { readonly thrown: string } | HttpAnswer

async function send(door: Door, ask: Ask, file: TenantFile, content: object, remainingMs: number): Promise<Reply> {
  if (door === 'container') {
    if (isAction(ask)) return container.action(content)
    return container.trigger(content, { remainingMs, alias: file.alias })
  }
  if (isAction(ask)) return gateway.action(content, { remainingMs })
  return gateway.trigger(content, { remainingMs, arn: hostedArn(file.alias) }).then(
    (body) => ({ statusCode: 200, body }),
    (error: Error) => ({ thrown: error.message }),
  )
}

/** One request under one fault, with a tenant of its own. */
interface Cell {
  readonly door: Door
  readonly row: Case
  readonly expected: Expected
  readonly file: TenantFile
}

interface Seen {
  readonly content: Record<string, unknown>
  readonly reply: Reply
  readonly line: Line
  /** How long the answer took, by the clock. */
  readonly ms: number
}

async function ask({ door, row, file }: Omit<Cell, 'expected'>, when: string, remainingMs: number): Promise<Seen> {
  const content = await contentOf(row.ask, file, when)
  const start = clock.elapsed()
  const reply = await send(door, row.ask, file, content, remainingMs)
  const ms = clock.elapsed() - start
  const line = lastLineOf(door, file)
  return { content, reply, line, ms }
}

const lastLines: Record<Door, Map<unknown, Line>> = { lambda: new Map(), container: new Map() }
/** The last line about a tenant; lines are read once, since there are thousands. */
function lastLineOf(door: Door, { userPoolId }: TenantFile): Line {
  const sink = door === 'container' ? container : gateway
  for (const line of sink.take()) lastLines[door].set(line.userPoolId, line)
  const line = lastLines[door].get(userPoolId)
  if (!line) throw new Error('There is no closing line.')
  return line
}

/** The answer in the form in which it is compared: ids and random values by what they must be. */
function comparable({ reply, line }: Seen): unknown {
  if ('thrown' in reply) return { thrown: reply.thrown.replace(`(ref ${line.requestId})`, '(ref its id)') }
  const { statusCode, body } = reply
  if ('requestId' in body) {
    return { statusCode, body: { ...body, requestId: body.requestId === line.requestId ? 'its id' : body.requestId } }
  }
  if (line.outcome !== 'created') return { statusCode, body }
  const { challengeMetadata, privateChallengeParameters } = body.response as Record<string, Record<string, unknown>>
  const random = String(challengeMetadata).startsWith(`${OWN}.`) && typeof privateChallengeParameters?.nonce
  return { statusCode, body: { ...body, response: random === 'string' ? 'a challenge' : body.response } }
}

/** HTTP status of a fault by its kind. */
const STATUS: Record<string, number> = { unavailable: 503, timeout: 504, throttled: 503, malformed: 502 }

/** What the caller must get for an outcome: to the letter, so that nothing else can be in it. */
function answerFor({ door, row, file, expected }: Cell, content: Record<string, unknown>, when: string): unknown {
  const [outcome, reason = ''] = expected.outcome.split('/')
  const response = (response: unknown) => ({ statusCode: 200, body: { ...content, response } })
  const login = { issueTokens: false, failAuthentication: false }
  switch (outcome) {
    case 'fault': {
      if (reason === 'trigger_sender_refused') {
        const message = 'This message cannot be sent.'
        if (door === 'lambda') return { thrown: `${message} (ref its id)` }
        return { statusCode: 501, body: { code: 'GW_ERR_TRIGGER_SENDER_REFUSED', message, requestId: 'its id' } }
      }
      if (door === 'lambda' && !isAction(row.ask)) return { thrown: `${PUBLIC} (ref its id)` }
      const code = `GW_ERR_UPSTREAM_${expected.kind.toUpperCase()}`
      return { statusCode: STATUS[expected.kind], body: { code, message: PUBLIC, requestId: 'its id' } }
    }
    case 'refused': {
      // Without its config the tenant's own words are not known.
      const message = reason.startsWith('table_') ? PUBLIC : texts(file)
      return { statusCode: 200, body: { identifier: '', error: { return: true, code: 'untyped', message } } }
    }
    case 'incorrect':
    case 'correct':
      return response({ answerCorrect: outcome === 'correct' })
    case 'challenge':
      return response({ challengeName: 'CUSTOM_CHALLENGE', ...login })
    case 'tokens':
      return response({ ...login, issueTokens: true })
    case 'created':
      return response('a challenge')
    case 'unchanged':
      return { statusCode: 200, body: content }
    case 'found':
      return { statusCode: 200, body: { identifier: userOf(file, when) } }
    case 'factor_set':
      return { statusCode: 200, body: {} }
    default:
      throw new Error(`No such outcome: ${outcome}`)
  }
}

const outcomeOf = ({ outcome, reason }: Line) => [outcome, reason].filter((part) => part !== undefined).join('/')

function check(t: Tap, cell: Cell, seen: Seen, when: string): void {
  const { row, expected, door } = cell
  const name = `${door}: ${row.ask} × ${row.on}, ${row.caches}`
  const failed = expected.kind !== 'ok'
  const { line } = seen
  t.strictSame(
    {
      outcome: outcomeOf(line),
      answer: comparable(seen),
      level: line.level,
      configStale: line.configStale === true,
    },
    {
      outcome: expected.outcome,
      answer: answerFor(cell, seen.content, when),
      level: failed ? 'error' : (LEVELS[row.ask] ?? 'info'),
      configStale: expected.stale,
    },
    name,
  )
}

type Tap = Pick<typeof t, 'equal' | 'ok' | 'strictSame'>

/** Runs a few at a time: a world in one event loop must not make itself slow. */
async function inTurns<T, R>(items: readonly T[], size: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let i = 0; i < items.length; i += size) results.push(...(await Promise.all(items.slice(i, i + size).map(run))))
  return results
}

/** How many of the calls were about a tenant. */
function countFor({ file }: Cell, calls: readonly RecordedCall[]): number {
  return calls.filter(({ input }) => JSON.stringify(input).includes(file.userPoolId)).length
}

async function addCells(rows: readonly Case[], fault: FaultName): Promise<Cell[]> {
  const wanted = rows.flatMap((row) => {
    const expected = row.expected.get(fault)
    return expected ? doorsOf(row.ask, row.caches).map((door) => ({ door, row, expected })) : []
  })
  return inTurns(wanted, 8, async (cell) => ({ ...cell, file: await addTenant() }))
}

/** Has the gateway learn what each cell's state says, and lets it age. */
async function age(cells: readonly Cell[]): Promise<void> {
  const ages = [...new Set(cells.flatMap(({ row }) => row.ageMs ?? []))].sort((a, b) => b - a)
  for (const [i, ageMs] of ages.entries()) {
    const learners = cells.filter(({ row }) => row.ageMs === ageMs)
    await inTurns(learners, 8, (cell) => ask(cell, 'before', 6_000))
    clock.advance(ageMs - (ages[i + 1] ?? 0))
  }
}

const matrix = new Map<string, Map<FaultName, string>>()
let cellCount = 0
/** Triggers and actions that the lines name. */
const named = new Set<unknown>()
function note(row: string, fault: FaultName, line: Line): void {
  const cell = outcomeOf(line) + (line.configStale === true ? ' (stale)' : '')
  matrix.set(row, (matrix.get(row) ?? new Map()).set(fault, cell))
  cellCount += 1
  const name = line.trigger ?? line.action
  if (name !== undefined) named.add(name)
}

/** Whatever let a user in, or on: the ask, and how its dependency did. */
const granted: string[] = []
function grants(reply: Reply): boolean {
  return /"(answerCorrect|issueTokens)":true/.test(JSON.stringify(reply))
}

const dependencies = [...new Set(cases.map(({ on }) => on))]
for (const on of dependencies) {
  const rows = cases.filter((one) => one.on === on)
  const only = on in STAND_INS ? undefined : on
  const standIn = STAND_INS[on] ?? cognito
  t.test(`while ${on} fails, every answer comes in time, fails closed, and the next one is well`, async (t) => {
    for (const fault of faultNames) {
      const cells = await addCells(rows, fault)
      if (cells.length === 0) continue
      await age(cells)
      // Fetches the secrets of the container's callers, which SSM may be about to withhold.
      await container.action({ action: 'pre-login', userPoolId: 'eu-central-1_Nobody', identifier: 'x' })

      // One after the other while time passes: it would pass for those on their way to the gateway too.
      const waits = fault === 'hang' || fault === 'slow' || fault === 'late'
      const before = standIn.calls.length
      await standIn.setFault(FAULTS[fault], only)
      const seen = await inTurns(cells, waits ? 1 : 6, (cell) => ask(cell, 'during', REMAINING_MS))
      await standIn.setFault(undefined)
      const met = standIn.calls.slice(before).filter(({ operation }) => operation === (only ?? operation))

      t.test(fault, async (t) => {
        for (const [i, cell] of cells.entries()) {
          const one = seen[i] as Seen
          check(t, cell, one, 'during')
          t.ok(one.ms <= LIMIT_MS, `${one.ms} ms of ${LIMIT_MS}`)
          const { door, row, expected } = cell
          note([row.ask, on, row.caches, door].join(' '), fault, one.line)
          if (grants(one.reply)) granted.push(`${row.ask} ${expected.kind}`)
          // A proof is single-use; an AWS call whose connection was lost is worth one more.
          const most = on === 'corbado' ? 1 : 2
          const calls = countFor(cell, met)
          if (cell.row.caches === 'fresh' && REMEMBERED.includes(on)) t.equal(calls, 0, 'served from memory')
          else if (fault !== 'refuse') t.ok(calls >= 1 && calls <= most, `${calls} calls met the fault`)
        }
      })
      clock.advance(6 * SECOND)
      const healthy = cells.map((cell) => {
        // The call that starts the next refresh still has the config that could not be refreshed.
        const stale = cell.row.caches === 'ageing' && fault !== 'slow'
        return { ...cell, expected: { outcome: HEALTHY[cell.row.ask], kind: 'ok', stale } }
      })
      const healed = await inTurns(healthy, 6, (cell) => ask(cell, 'after', 6_000))
      t.test(`${fault}, healed`, async (t) => {
        for (const [i, cell] of healthy.entries()) check(t, cell, healed[i] as Seen, 'after')
      })
    }
  })
}

t.test(
  'a dependency that is none of an ask may fail as it likes: it is not asked, and nothing is different',
  async (t) => {
    const inDoors = asks.flatMap((ask) => doorsOf(ask, 'fresh').map((door) => ({ ask, door })))
    const cells = await inTurns(inDoors, 8, async ({ ask, door }): Promise<Cell> => {
      const row = { ask, on: '', caches: 'fresh', ageMs: 0, expected: new Map() }
      return { door, row, expected: { outcome: HEALTHY[ask], kind: 'ok', stale: false }, file: await addTenant() }
    })
    await age(cells)
    await container.action({ action: 'pre-login', userPoolId: 'eu-central-1_Nobody', identifier: 'x' })
    for (const [on, standIn] of Object.entries(STAND_INS)) {
      const needs = (ask: Ask) => cases.some((one) => one.ask === ask && (STAND_INS[one.on] ?? cognito) === standIn)
      const strangers = cells.filter(({ row }) => !needs(row.ask))
      for (const fault of faultNames) {
        for (const { file } of strangers) putUser(file, 'during')
        // Ten lists a second and tenant.
        clock.advance(SECOND)
        const before = standIn.calls.length
        await standIn.setFault(FAULTS[fault])
        const seen = await inTurns(strangers, 6, (cell) => ask(cell, 'during', REMAINING_MS))
        await standIn.setFault(undefined)
        t.test(`${on}, ${fault}`, async (t) => {
          t.equal(standIn.calls.length, before)
          for (const [i, cell] of strangers.entries()) {
            const one = seen[i] as Seen
            check(t, cell, one, 'during')
            note(`${cell.row.ask} any-other fresh ${cell.door}`, fault, one.line)
          }
        })
      }
    }
  },
)

/** Breaks SSM while `run` runs. */
async function withoutSsm(fault: FaultName, run: () => Promise<void>): Promise<void> {
  await ssm.setFault(FAULTS[fault])
  try {
    await run()
  } finally {
    await ssm.setFault(undefined)
  }
}

t.test(
  "while ssm withholds the callers' secrets, no caller is let in; once they are known, callers are served",
  async (t) => {
    const found = { statusCode: 200, body: { identifier: 'ada' } }
    for (const fault of faultNames) {
      const file = await addTenant()
      cognito.putUser(file.userPoolId, { username: 'ada' })
      const fresh = await startContainer(t, gateway, { env: settings })
      const preLogin = () => fresh.action({ action: 'pre-login', userPoolId: file.userPoolId, identifier: 'ada' })
      const define = () => fresh.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }))
      const codes = async () => (await Promise.all([preLogin(), define()])).map(({ body }) => body.code ?? 'served')
      await withoutSsm(fault, async () => {
        const refused = 'GW_ERR_CALLER_SECRETS_UNAVAILABLE'
        t.strictSame(await codes(), fault === 'slow' ? ['served', 'served'] : [refused, refused], fault)
        for (const line of fresh.take()) note('signed ssm:caller-secrets cold container', fault, line)
      })
      clock.advance(5 * SECOND)
      t.strictSame(await preLogin(), found, `${fault}, healed`)
      clock.advance(301 * SECOND)
      fresh.take()
      await withoutSsm(fault, async () => {
        t.strictSame(await preLogin(), found, `${fault}, known`)
        for (const line of fresh.take()) note('signed ssm:caller-secrets old container', fault, line)
      })
      await fresh.close()
    }
  },
)

t.test('while ssm withholds the key of the pseudonyms, answers are the same and lines name no user', async (t) => {
  const env = parseEnv({ LOG_LEVEL: 'trace', ...process.env, PSEUDONYM_KEY_PARAMETER })
  for (const fault of faultNames) {
    const file = await addTenant()
    const sink = createLogSink()
    const upstreams = gateway.watch(createUpstreams(env, clock))
    const logger = createLogger('trace', sink)
    const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
    const handler = await createHandler(app, clock)
    const event = defineEvent([], {}, { userPoolId: file.userPoolId })
    const define = async () => {
      const context = { awsRequestId: 'id', invokedFunctionArn: hostedArn(file.alias) }
      const answer = await handler(event, { ...context, getRemainingTimeInMillis: () => REMAINING_MS })
      t.match(answer, { response: { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false } }, fault)
      return sink.take().at(-1) as Line
    }
    await withoutSsm(fault, async () => {
      const line = await define()
      t.equal('user' in line, fault === 'slow')
      note('define ssm:pseudonym-key cold lambda', fault, line)
    })
    // No login waits for it again so soon.
    clock.advance(60 * SECOND)
    const { user } = await define()
    t.match(user, /^u_[\w-]{22}$/, `${fault}, healed`)
    clock.advance(301 * SECOND)
    await withoutSsm(fault, async () => {
      const line = await define()
      t.equal(line.user, user, `${fault}, known`)
      note('define ssm:pseudonym-key old lambda', fault, line)
    })
    await app.close()
    await upstreams.close()
  }
})

t.test('no user got tokens or a correct answer without a proof that Corbado accepted', async (t) => {
  t.ok(granted.length > 0)
  t.strictSame([...new Set(granted)].sort(), ['define-proven ok', 'verify ok'])
})

t.test('dependencies that are each within their time, but not together, do not make an answer late', async (t) => {
  const slow = async () => {
    await table.setFault({ kind: 'slow', ms: 250 })
    await ssm.setFault({ kind: 'slow', ms: 300 })
    await sts.setFault({ kind: 'slow', ms: 500 })
    for (const standIn of [cognito, corbado]) await standIn.setFault({ kind: 'slow', ms: 800 })
  }
  const expected: Partial<Record<Ask, string>> = {
    verify: 'incorrect/backend_timeout',
    'pre-login': 'refused/cognito_timeout',
    'by-attribute': 'refused/cognito_timeout',
    'post-append': 'fault/cognito_timeout',
  }
  const cells: Cell[] = []
  for (const [name, outcome] of Object.entries(expected)) {
    const row = cases.find(({ ask }) => ask === name) as Case
    for (const door of ['lambda', 'container'] as const) {
      cells.push({ door, row, expected: { outcome, kind: 'timeout', stale: false }, file: await addTenant() })
    }
  }
  await container.action({ action: 'pre-login', userPoolId: 'eu-central-1_Nobody', identifier: 'x' })
  await slow()
  const seen = await inTurns(cells, 1, (cell) => ask(cell, 'during', REMAINING_MS))
  for (const standIn of Object.values(STAND_INS)) await standIn.setFault(undefined)
  for (const [i, cell] of cells.entries()) {
    const one = seen[i] as Seen
    check(t, cell, one, 'during')
    t.equal(one.ms, LIMIT_MS, 'all of its time, and no more')
  }
})

t.test('the matrix', async (t) => {
  const names = [...triggers, unknownTrigger, ...actions].map(({ name }) => name)
  t.strictSame([...named].sort(), names.sort(), 'every trigger and every action is in it')
  t.comment(`${matrix.size} rows (ask, dependency, caches, door) × ${faultNames.length} faults, ${cellCount} cells`)
  const lines = [
    ['', ...faultNames],
    ...[...matrix].map(([row, outcomes]) => [row, ...faultNames.map((fault) => outcomes.get(fault) ?? '-')]),
  ]
  const widths = [0, ...faultNames.keys()].map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  for (const line of lines) t.comment(line.map((text, i) => text.padEnd(widths[i] ?? 0)).join('  '))
  t.ok(matrix.size >= cases.length)
})

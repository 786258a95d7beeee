import { isDeepStrictEqual } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { UserPoolId } from '../../src/ids.js'
import { GATEWAY_ACCOUNT, gateway as gatewayRole } from '../../src/local/accounts.js'
import type { RecordedCall } from '../../src/local/aws/server.js'
import { hostedArn, setUpTenant, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createTenants } from '../../src/tenant/context.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { type HttpAnswer, startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import type { Line } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

const SECOND = 1_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PUBLIC = 'Sign-in with a passkey is not available right now.'
const NOT_SET_UP = 'Sign-in with a passkey is not set up correctly.'

/** Of the tenants that may share one: making the keys of a project takes a tenth of a second. */
const PROJECT = 'pro-3003'

// Ten thousand tenants take their time if others use the machine as well.
t.setTimeout(300_000)

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado, identity } = stack
const container = await startContainer(t, gateway)
// Fetches the secrets of its callers, which belong to no tenant.
await container.action({ action: 'pre-login', userPoolId: 'eu-central-1_Nobody', identifier: 'x' })

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

const IN_FLIGHT = 16

const outcomeOf = ({ outcome, reason }: Line) => [outcome, reason].filter((part) => part !== undefined).join('/')
const tally = (names: readonly string[]) =>
  Object.fromEntries(
    [...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length] as const),
  )

const standIns = { table, ssm, sts, cognito, corbado }
type Calls = Record<keyof typeof standIns, RecordedCall[]>
const operationOf = ({ operation }: RecordedCall) => operation
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
  const wrong = order.flatMap((job, i) =>
    isDeepStrictEqual(answers[i], wanted(job))
      ? []
      : [{ of: `${job.file.tenantId}, ${job.door}: ${job.kind.name}`, answer: answers[i], wanted: wanted(job) }],
  )
  t.equal(answers.length, order.length)
  t.strictSame(wrong.slice(0, 5), [], 'each gets its own answer')
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
    const wrong = own.flatMap((job) => {
      const line = byId.get(job.id)
      const isRight = line
        ? isDeepStrictEqual(seenLine(line), wantedLine(job))
        : door === 'container' && isAction(job.content)
      return isRight ? [] : [{ of: job.kind.name, line, wanted: wantedLine(job) }]
    })
    t.strictSame(wrong.slice(0, 5), [], `${door}: each line is that of its request`)
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

function manyFiles(name: string, count: number): TenantFile[] {
  return Array.from({ length: count }, (_, i) =>
    tenantFile({
      tenantId: `${name}-${i}`,
      userPoolId: `eu-central-1_${name}${i}`,
      alias: `t-${name}`,
      aws: { accountId: String(600_000_000_000 + i) },
      corbado: { projectId: PROJECT },
    }),
  )
}

/** Sends so many first calls of a tenant at the same moment; a quarter of each kind, to need everything there is. */
async function crowd(door: Door, file: TenantFile, count: number) {
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  cognito.putUser(file.userPoolId, { username: USER })
  const trigger = (event: Content) => (door === 'lambda' ? gateway.trigger(event) : container.trigger(event))
  const payload = { action: 'pre-login', userPoolId: file.userPoolId, identifier: USER }
  const requests: (() => Promise<unknown>)[] = []
  for (let n = 0; n < count; n += 4) {
    const proof = await corbado.sign(PROJECT, USER)
    const privateChallengeParameters = { cognitoID: USER, nonce: `nonce-${n}` }
    requests.push(
      () => trigger(verifyEvent(proof, { privateChallengeParameters }, place(file))),
      () => trigger(defineEvent([], {}, place(file))),
      () => trigger(createEvent([], place(file))),
      () => (door === 'lambda' ? gateway.action(payload) : container.action(payload)),
    )
  }
  const sink = door === 'lambda' ? gateway : container
  sink.take()
  const calls = await callsOf(() => Promise.allSettled(requests.map((request) => request())))
  const operations = Object.values(calls).flatMap((some) => some.map(operationOf))
  return { operations: tally(operations), outcomes: tally(sink.take().map(outcomeOf)) }
}

t.test(
  'two hostile tenants, interleaved by the hundred through both doors, get and cause only what is theirs',
  async (t) => {
    const acme = tenantFile({
      login: { flow: 'passkey', maxAttempts: 1 },
      actions: {
        preLogin: { acceptAttributeMatch: true, texts: { userNotFound: 'Acme has no such person.' } },
        postAppend: { mfa: 'sms' },
      },
      limits: { verifyPerSecond: 1_000, listUsersPerSecond: 25 },
    })
    const umbra = tenantFile({
      tenantId: 'umbra',
      customer: 'umbra-corp',
      userPoolId: 'eu-west-1_Umbra0001',
      alias: 't-umbra',
      aws: { accountId: '444455556666', region: 'eu-west-1', externalId: 'external-id-of-umbra' },
      corbado: { projectId: 'pro-2002', credentialScheme: 'bearer' },
      login: { flow: 'password-then-passkey', maxAttempts: 5 },
      actions: {
        preLogin: { unknownUser: 'silent', texts: { untyped: 'Umbra cannot do this now.' } },
        postAppend: { mfa: 'none' },
      },
      limits: { verifyPerSecond: 900, listUsersPerSecond: 24 },
    })
    const files = [acme, umbra]
    const otherThan = (file: TenantFile) => (file === acme ? umbra : acme)
    for (const file of files) await gateway.addTenant(file)
    // The same names on both sides.
    const attributes = { email: 'shared@example.com', phone_number: '+4989123456' }
    cognito.putUser(acme.userPoolId, { username: USER })
    cognito.putUser(umbra.userPoolId, { username: USER, enabled: false })
    cognito.putUser(acme.userPoolId, { username: 'acme-shared', attributes })
    cognito.putUser(umbra.userPoolId, { username: 'umbra-shared', attributes })

    const own = (file: TenantFile) => corbado.sign(file.corbado.projectId, USER)
    const kinds: Kind[] = [
      define('begun', [], { acme: challenge('CUSTOM_CHALLENGE'), umbra: fail('unexpected_challenge') }),
      define('one wrong', [wrong], { acme: fail('attempts_exhausted'), umbra: fail('unexpected_challenge') }),
      define('proven', [right], { acme: tokens, umbra: fail('unexpected_challenge') }),
      define('SRP begun', password.slice(0, 1), {
        acme: fail('foreign_challenge'),
        umbra: challenge('PASSWORD_VERIFIER'),
      }),
      define('password and one wrong', [...password, wrong], {
        acme: fail('foreign_challenge'),
        umbra: challenge('CUSTOM_CHALLENGE'),
      }),
      define('password and proven', [...password, wrong, right], { acme: fail('foreign_challenge'), umbra: tokens }),
      { name: 'create-auth-challenge', content: (file) => createEvent([], place(file)), expected: both(created) },
      verify('own proof', own, both(verified)),
      verify('own proof, unknown user', own, both(incorrect('user_not_found')), { userNotFound: true }),
      verify(
        'own proof of another user',
        (file) => corbado.sign(file.corbado.projectId, 'somebody-else'),
        both(incorrect('user_mismatch')),
      ),
      verify("the other's proof", (file) => own(otherThan(file)), both(incorrect('wrong_project'))),
      verify(
        "the other's proof in disguise",
        (file) => corbado.sign(otherThan(file).corbado.projectId, USER, { iss: file.corbado.projectId }),
        both(incorrect('invalid_signature')),
      ),
      {
        ...define("through the other's alias", [], {
          acme: { line: 'rejected/tenant_wrong_alias', error: ['GW_ERR_TENANT_WRONG_ALIAS', 403, NOT_SET_UP] },
          umbra: { line: 'rejected/tenant_wrong_alias', error: ['GW_ERR_TENANT_WRONG_ALIAS', 403, NOT_SET_UP] },
        }),
        via: otherThan,
      },
      {
        name: 'pre-sign-up',
        content: (file) => triggerEvent('PreSignUp_SignUp', {}, place(file)),
        expected: both(untouched),
      },
      act(
        'pre-login',
        'the same name',
        { identifier: USER },
        {
          acme: found(USER),
          umbra: notFound('account_disabled', { return: false, code: 'account_disabled' }),
        },
      ),
      act(
        'pre-login',
        'the same address',
        { identifier: 'shared@example.com' },
        {
          acme: found('acme-shared'),
          umbra: notFound('attribute_match_only', {
            return: true,
            code: 'untyped',
            message: 'Umbra cannot do this now.',
          }),
        },
      ),
      act(
        'pre-login',
        'nobody',
        { identifier: 'nobody@example.com' },
        {
          acme: notFound('user_not_found', {
            return: true,
            code: 'user_not_found',
            message: 'Acme has no such person.',
          }),
          umbra: notFound('user_not_found', { return: false, code: 'user_not_found' }),
        },
      ),
      act(
        'post-append',
        'a user of acme',
        { username: 'acme-shared' },
        {
          acme: { line: 'unchanged/factor_present', body: {} },
          umbra: { line: 'unchanged/no_factor_configured', body: {} },
        },
      ),
    ]
    // So that every repeat finds the same.
    cognito.putUser(acme.userPoolId, { username: 'acme-shared', attributes, mfa: ['SMS_MFA'] })

    const { jobs, calls } = await interleave(t, files, kinds, 8)
    t.comment(`${jobs.length} requests`)
    const tenantOfPool = (pool: string | undefined) => files.find(({ userPoolId }) => userPoolId === pool)

    t.test('table: one look a door, by the gateway itself', async (t) => {
      const keys = calls.table.map((call) => input<{ Key: { userPoolId: { S: string } } }>(call).Key.userPoolId.S)
      t.strictSame(tally(keys), { [acme.userPoolId]: 2, [umbra.userPoolId]: 2 })
      for (const { principal } of calls.table) t.equal(principal, gatewayRole.arn)
    })

    t.test("ssm: each tenant's parameter once a door", async (t) => {
      t.strictSame(tally(calls.ssm.map((call) => input<{ Name: string }>(call).Name)), {
        [acme.corbado.credentialParameter]: 2,
        [umbra.corbado.credentialParameter]: 2,
      })
    })

    t.test("sts: each tenant's role with its own ExternalId, session and policy", async (t) => {
      t.strictSame(tally(calls.sts.map((call) => input<{ RoleArn: string }>(call).RoleArn)), {
        [acme.aws.roleArn ?? '']: 2,
        [umbra.aws.roleArn ?? '']: 2,
      })
      for (const call of calls.sts) {
        const { RoleArn, ExternalId, RoleSessionName, Policy } = input<Record<string, string>>(call)
        const file = files.find(({ aws }) => aws.roleArn === RoleArn)
        const { aws, userPoolId } = file as TenantFile
        t.equal(ExternalId, aws.externalId)
        t.equal(RoleSessionName, `corbado-${userPoolId}`)
        const pool = `arn:aws:cognito-idp:${aws.region}:${aws.accountId}:userpool/${userPoolId}`
        t.equal(JSON.parse(Policy ?? '').Statement[0].Resource, pool)
      }
    })

    t.test("cognito: every call on a pool with the credentials of its own tenant's role", async (t) => {
      const seen = { acme: 0, umbra: 0 }
      for (const call of calls.cognito) {
        const { UserPoolId } = input<{ UserPoolId: string }>(call)
        const { aws, tenantId } = tenantOfPool(UserPoolId) as TenantFile
        const session = `assumed-role/corbado-${UserPoolId}/corbado-${UserPoolId}`
        t.equal(call.principal, `arn:aws:sts::${aws.accountId}:${session}`)
        seen[tenantId as keyof typeof seen] += 1
      }
      // AdminGetUser for each of three pre-logins, ListUsers for two; acme asks for its post-append too.
      t.strictSame(seen, { acme: 6 * 16, umbra: 5 * 16 })
    })

    t.test(
      "corbado: every proof under the credential of the tenant whose login it was, the other's never",
      async (t) => {
        const seen: string[] = []
        for (const call of calls.corbado) {
          const { signedPasskeyData, username } = input<{ signedPasskeyData: string; username: string }>(call)
          const sender = files.find(({ tenantId }) => tenantId === senders.get(signedPasskeyData))
          t.equal(call.principal, sender?.corbado.projectId)
          t.equal(username, USER)
          seen.push(sender?.tenantId ?? '')
        }
        // Four kinds are sent; the proof of another project is not.
        t.strictSame(tally(seen), { acme: 4 * 16, umbra: 4 * 16 })
      },
    )
  },
)

t.test('tenants of every status side by side: what one may not have, its neighbour has', async (t) => {
  const statuses = ['active', 'passkeys-off', 'draft', 'suspended'] as const
  const files = statuses.map((status, i) =>
    tenantFile({
      tenantId: status,
      userPoolId: `eu-central-1_Status${i}`,
      alias: `t-${status}`,
      status,
      aws: { accountId: String(500_000_000_000 + i) },
      corbado: { projectId: PROJECT },
    }),
  )
  for (const file of files) {
    await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
    cognito.putUser(file.userPoolId, { username: USER, mfa: ['SMS_MFA'] })
  }
  const refused = {
    draft: { line: 'rejected/tenant_draft', error: ['GW_ERR_TENANT_DRAFT', 404, NOT_SET_UP] },
    suspended: { line: 'rejected/tenant_suspended', error: ['GW_ERR_TENANT_SUSPENDED', 403, PUBLIC] },
  } as const
  const custom = challenge('CUSTOM_CHALLENGE')
  const off = notFound('passkeys_off', { return: false, code: 'passkeys_off' })
  const kinds: Kind[] = [
    define('begun', [], { active: custom, 'passkeys-off': fail('passkeys_off'), ...refused }),
    define('under way', [wrong], { active: custom, 'passkeys-off': custom, ...refused }),
    {
      name: 'create-auth-challenge',
      content: (file) => createEvent([wrong], place(file)),
      expected: { active: created, 'passkeys-off': created, ...refused },
    },
    verify('own proof', (file) => corbado.sign(file.corbado.projectId, USER), {
      active: verified,
      'passkeys-off': verified,
      ...refused,
    }),
    act('pre-login', 'a known user', { identifier: USER }, { active: found(USER), 'passkeys-off': off, ...refused }),
    act(
      'post-append',
      'a known user',
      { username: USER },
      {
        active: { line: 'unchanged/factor_present', body: {} },
        'passkeys-off': { line: 'unchanged/passkeys_off', body: {} },
        ...refused,
      },
    ),
    {
      name: 'pre-sign-up',
      content: (file) => triggerEvent('PreSignUp_SignUp', {}, place(file)),
      expected: {
        active: untouched,
        'passkeys-off': untouched,
        draft: { line: 'unchanged/tenant_draft' },
        suspended: { line: 'unchanged/tenant_suspended' },
      },
    },
  ]
  const { jobs, calls } = await interleave(t, files, kinds, 8)
  t.comment(`${jobs.length} requests`)
  const pools = (some: readonly RecordedCall[]) =>
    statuses.filter((_, i) => some.some((call) => JSON.stringify(call.input).includes(`eu-central-1_Status${i}`)))
  t.strictSame(pools(calls.sts), ['active'], 'no role is assumed where nothing needs it')
  t.strictSame(pools(calls.cognito), ['active'])
  t.strictSame(pools(calls.ssm), ['active', 'passkeys-off'])
  t.equal(calls.corbado.length, 2 * 16)
})

t.test("a proof that one pool's login has spent lets no user in at another pool of the same project", async (t) => {
  const [first, second] = ['First', 'Second'].map((name) =>
    tenantFile({
      tenantId: `pool-${name.toLowerCase()}`,
      userPoolId: `eu-central-1_${name}`,
      alias: `t-${name}`,
      corbado: { projectId: PROJECT },
    }),
  ) as [TenantFile, TenantFile]
  for (const file of [first, second]) await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  for (const door of doors) {
    const proof = await corbado.sign(PROJECT, USER)
    const ask = async (file: TenantFile) => {
      const event = verifyEvent(proof, {}, place(file))
      const answer = door === 'lambda' ? await gateway.trigger(event) : (await container.trigger(event)).body
      return answer.response
    }
    t.strictSame(await ask(first), { answerCorrect: true }, door)
    t.strictSame(await ask(first), { answerCorrect: true }, `${door}: the same event again`)
    t.strictSame(await ask(second), { answerCorrect: false }, `${door}: user, nonce and proof alike, the pool is not`)
  }
})

t.test("a limit is its tenant's own, a door's own, and gives back what time has earned", async (t) => {
  const limits = {
    low: { verifyPerSecond: 2, listUsersPerSecond: 1 },
    high: { verifyPerSecond: 8, listUsersPerSecond: 5 },
  }
  const files = Object.entries(limits).map(([tenantId, limits], i) =>
    tenantFile({
      tenantId,
      userPoolId: `eu-central-1_Limit${i}`,
      alias: `t-${tenantId}`,
      aws: { accountId: String(510_000_000_000 + i) },
      corbado: { projectId: PROJECT },
      limits,
    }),
  )
  for (const file of files) {
    await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
    cognito.putUser(file.userPoolId, { username: USER })
  }
  // With so little time no search waits for its place.
  const remainingMs = 650
  const hurried = await startContainer(t, gateway, { env: { TRIGGER_DEADLINE_MS: '500' } })
  const sink = { lambda: gateway, container: hurried }

  /** Sends ten of each for both tenants at once; answers how many got through, by tenant. */
  async function burst(door: Door) {
    sink[door].take()
    const events = await Promise.all(
      files.flatMap((file) =>
        Array.from({ length: 10 }, async (_, n) => {
          const proof = await corbado.sign(PROJECT, USER)
          const privateChallengeParameters = { cognitoID: USER, nonce: `nonce-${n}` }
          return verifyEvent(proof, { privateChallengeParameters }, place(file))
        }),
      ),
    )
    const payloads = files.flatMap(({ userPoolId }) =>
      Array.from({ length: 10 }, () => ({ action: 'pre-login', userPoolId, identifier: 'nobody@example.com' })),
    )
    const calls = await callsOf(() =>
      Promise.all(
        door === 'lambda'
          ? [
              ...events.map((event) => gateway.trigger(event)),
              ...payloads.map((payload) => gateway.action(payload, { remainingMs })),
            ]
          : [...events.map((e) => hurried.trigger(e)), ...payloads.map((payload) => hurried.action(payload))],
      ),
    )
    const lists = calls.cognito.filter(({ operation }) => operation === 'ListUsers')
    return {
      lines: tally(sink[door].take().map((line) => `${line.tenantId} ${outcomeOf(line)}`)),
      verifications: calls.corbado.length,
      lists: tally(lists.map((call) => input<{ UserPoolId: string }>(call).UserPoolId)),
    }
  }
  const expected = (verifications: readonly [number, number], lists: readonly [number, number]) => {
    const lines: Record<string, number> = {}
    for (const [i, { tenantId }] of files.entries()) {
      const [sent = 0, listed = 0] = [verifications[i], lists[i]]
      const rows: [string, number][] = [
        ['correct/verified', sent],
        ['incorrect/verify_rate_limited', 10 - sent],
        ['refused/user_not_found', listed],
        ['refused/list_users_rate_limited', 10 - listed],
      ]
      for (const [outcome, count] of rows) if (count > 0) lines[`${tenantId} ${outcome}`] = count
    }
    const byPool = files.map(({ userPoolId }, i) => [userPoolId, lists[i] ?? 0] as const)
    return {
      lines,
      verifications: verifications[0] + verifications[1],
      lists: Object.fromEntries(byPool.filter(([, count]) => count > 0)),
    }
  }
  for (const door of doors) t.strictSame(await burst(door), expected([2, 8], [1, 5]), `${door}: a second's worth`)
  for (const door of doors) t.strictSame(await burst(door), expected([0, 0], [0, 0]), `${door}: nothing is left`)
  clock.advance(SECOND / 2 - 1)
  for (const door of doors)
    t.strictSame(await burst(door), expected([0, 3], [0, 2]), `${door}: almost half a second later`)
  clock.advance(1)
  for (const door of doors) t.strictSame(await burst(door), expected([1, 1], [0, 0]), `${door}: half a second later`)
  clock.advance(10 * SECOND)
  for (const door of doors)
    t.strictSame(await burst(door), expected([2, 8], [1, 5]), `${door}: no more than a second's worth`)
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
async function heapMb(): Promise<number> {
  for (const { calls } of Object.values(standIns)) calls.length = 0
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed / 1_048_576
}

t.test('1,000 first calls of a tenant at once cost one GetItem, one AssumeRole and one GetParameter', async (t) => {
  const files = manyFiles('crowd', 2).map((file) => ({ ...file, limits: { verifyPerSecond: 1_000 } }))
  for (const door of doors) {
    t.strictSame(
      await crowd(door, files.pop() as TenantFile, 1_000),
      {
        operations: { GetItem: 1, GetParameter: 1, AssumeRole: 1, AdminGetUser: 250, verifySignedData: 250 },
        outcomes: { challenge: 250, created: 250, 'correct/verified': 250, found: 250 },
      },
      door,
    )
  }
})

t.test('10,000 tenants in turn, and room for 500: memory stays as it is, and evictions are counted', async (t) => {
  const [max, early, written, all] = [500, 1_000, 2_000, 10_000]
  const files = manyFiles('many', all)
  await putRecords(files.slice(0, written))
  const env = parseEnv({ ...process.env, MAX_TENANTS_IN_MEMORY: String(max) })
  const upstreams = gateway.watch(createUpstreams(env, clock))
  t.teardown(() => upstreams.close())
  // Ten thousand requests to the table would take minutes: from here on its answers are made from what it said of another.
  const unwritten = new Map(files.slice(written).map((file) => [file.userPoolId, file]))
  const made: string[] = []
  const fetchConfig: typeof upstreams.table.fetchConfig = async (userPoolId, call) => {
    const file = unwritten.get(userPoolId)
    if (!file) return upstreams.table.fetchConfig(userPoolId, call)
    made.push(userPoolId)
    return answered && { ...answered, userPoolId, config: JSON.parse(JSON.stringify(toLocal(file, stack))) }
  }
  const answered = await upstreams.table.fetchConfig(files[0]?.userPoolId as UserPoolId, createCall(5_000, clock))
  const tenants = createTenants({
    ...{ env, clock, upstreams: { ...upstreams, table: { ...upstreams.table, fetchConfig } } },
    pseudonyms: { nameOfNobody: () => Promise.reject(new Error('nobody is asked for')) },
  })
  const resolve = async (file: TenantFile): Promise<void> => {
    const tenant = await tenants.resolve(file.userPoolId, createCall(5_000, clock))
    if (tenant?.config.tenantId !== file.tenantId) throw new Error(`${tenant?.config.tenantId} for ${file.tenantId}`)
  }

  const none = { done: 0, failed: 0 }
  const statsAfter = (count: number) => ({
    configs: max,
    evictions: { config: count - max, credentials: 0, secret: 0 },
    renewals: { config: { done: count, failed: 0 }, credentials: none, secret: none },
  })
  await inFlight(files.slice(0, early), 16, resolve)
  t.strictSame(tenants.stats(), statsAfter(early))
  const before = await heapMb()
  await inFlight(files.slice(early), 16, resolve)
  t.strictSame(tenants.stats(), statsAfter(all))
  const grownMb = (await heapMb()) - before
  t.comment(`${grownMb.toFixed(1)} MB more after ${all} tenants than after ${early}`)
  // Without a bound it is 16 MB and more.
  t.ok(grownMb < 7, 'what had to go is gone')

  const cost = (some: readonly TenantFile[]) => callsOf(() => inFlight(some, 16, resolve))
  t.equal(made.length, all - written)
  t.equal((await cost(files.slice(-max / 2))).table.length, 0, 'those used last are still there')
  t.equal(made.length, all - written)
  const again = (await cost(files.slice(0, 10))).table.length
  t.ok(again >= 10, 'those used first are read again')
})

t.test('what a tenant has in addition to its config makes room too: credentials, clients and secrets', async (t) => {
  const [max, early, all] = [30, 60, 300]
  const files = manyFiles('full', all)
  await putRecords(files)
  for (const file of files) {
    setUpTenant(stack, file, { apiSecret: 'corbado1_shared', clients: [] })
    cognito.putUser(file.userPoolId, { username: USER })
  }
  const small = await startContainer(t, gateway, {
    env: { MAX_TENANTS_IN_MEMORY: String(max), LOG_LEVEL: 'silent' },
  })
  async function visit(file: TenantFile): Promise<void> {
    const payload = { action: 'pre-login', userPoolId: file.userPoolId, identifier: USER }
    const verification = verifyEvent(await corbado.sign(PROJECT, USER), {}, place(file))
    const answers = await Promise.all([small.trigger(verification), small.action(payload)])
    const [verdict, person] = answers.map(({ body }) => body)
    if (person?.identifier !== USER || !/"answerCorrect":true/.test(JSON.stringify(verdict))) {
      throw new Error(JSON.stringify(answers))
    }
    // The stand-in remembers every session; it is not what is measured.
    identity.revoke(file.aws.roleArn ?? '')
  }

  await inFlight(files.slice(0, early), 4, visit)
  const before = await heapMb()
  await inFlight(files.slice(early), 4, visit)
  const grownMb = (await heapMb()) - before
  t.comment(`${grownMb.toFixed(1)} MB more after ${all} tenants than after ${early}`)
  // Without a bound it is 6 MB and more.
  t.ok(grownMb < 4, 'what had to go is gone')
  t.equal(await small.metric('gateway_tenant_configs'), max)
  t.equal(await small.metric('gateway_cache_evictions_total{cache="config"}'), all - max)

  const costs = async (file: TenantFile) =>
    tally(Object.values(await callsOf(() => visit(file))).flatMap((calls) => calls.map(operationOf)))
  const [first, second] = files as [TenantFile, TenantFile]
  const known = { AdminGetUser: 1, verifySignedData: 1 }
  t.match(await costs(first), { GetItem: 1, GetParameter: 1, AssumeRole: 1, ...known }, 'the first is a stranger again')
  t.strictSame(await costs(second), { GetItem: 1, GetParameter: 1, AssumeRole: 1, ...known })
})

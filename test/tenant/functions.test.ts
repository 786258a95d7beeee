import { randomUUID } from 'node:crypto'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import { ACTIONS_ALIAS, FUNCTION_ARN, LOG_GROUP, onCall, REGION, TABLE_NAME } from '../../src/local/accounts.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { countChained, timeFinding } from '../../src/operator/doctor/checks/chained-time.js'
import { createOperatorUpstreams } from '../../src/upstreams/operator.js'
import { defineEvent, triggerEvent } from '../fixtures/events.js'
import { CLIENT_ID, type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const CALLS = 40
const UNDER_WAY = 16
/** In a row, each after at least a second, and a breaker opens. */
const FAILURES = 5
/** No pause before the next call is let through is longer. */
const PAUSE_MS = 2_400
const TIMEOUT_MS = 3_000
/** With what Lambda has left, a call ends when its function's time does. */
const REMAINING_MS = TIMEOUT_MS + 150

const gateway = await startGateway(t)
const { stack, clock } = gateway

/** A customer's own function, which answers until it hangs, and then once it is let go. */
function ownFunction(name: string) {
  const functionArn = `arn:aws:lambda:${REGION}:111122223333:function:${name}`
  let hanging: Promise<void> | undefined
  const self = {
    functionArn,
    asked: 0,
    hang() {
      let letGo = () => {}
      hanging = new Promise((resolve) => {
        letGo = () => {
          hanging = undefined
          resolve()
        }
      })
      return letGo
    },
    async untilAsked(count: number) {
      while (self.asked < count) await new Promise(setImmediate)
    },
  }
  const runner = inProcess(async (event) => {
    self.asked += 1
    await hanging
    return { ...(event as object), response: { by: name } }
  }, clock)
  stack.lambda.putFunction({ functionArn, runner, aliases: [] })
  return self
}

async function newTenant(name: string) {
  const [own, other, third] = [ownFunction(`${name}-own`), ownFunction(`${name}-other`), ownFunction(`${name}-third`)]
  const chain = { mode: 'chain', functionArn: own.functionArn, timeoutMs: TIMEOUT_MS } as const
  const file = tenantFile({
    ...{ tenantId: name, alias: `t-${name}`, userPoolId: `${REGION}_Own${name}` },
    login: { clientIds: [CLIENT_ID] },
    triggers: {
      ...{ defineAuthChallenge: chain, createAuthChallenge: chain, verifyAuthChallengeResponse: chain },
      ...{ preSignUp: chain, postConfirmation: { ...chain, functionArn: other.functionArn } },
      preAuthentication: { ...chain, functionArn: third.functionArn },
    },
  })
  await gateway.addTenant(file)
  return { file, own, other, third }
}
const bad = await newTenant('bad')
const good = await newTenant('good')
type Tenant = typeof bad

/** The closing line of one event. */
async function lineOf(event: object): Promise<Line> {
  const requestId = randomUUID()
  await gateway.trigger(event, { requestId, remainingMs: REMAINING_MS }).catch(() => undefined)
  const line = gateway.lines.find((one) => one.requestId === requestId)
  if (!line) throw new Error('There is no closing line.')
  return line
}
const signUp = ({ file: { userPoolId } }: Tenant) => lineOf(triggerEvent('PreSignUp_SignUp', {}, { userPoolId }))
const confirm = ({ file: { userPoolId } }: Tenant) =>
  lineOf(triggerEvent('PostConfirmation_ConfirmSignUp', {}, { userPoolId }))
const enter = ({ file: { userPoolId } }: Tenant) =>
  lineOf(triggerEvent('PreAuthentication_Authentication', {}, { userPoolId }))
/** The begin of a login: through a passkey client, or through another. */
const logIn = ({ file: { userPoolId } }: Tenant, clientId: string = CLIENT_ID) =>
  lineOf(defineEvent([], {}, { userPoolId, callerContext: { awsSdkVersion: 'x', clientId } }))
const many = (count: number, tenant: Tenant) => Promise.all(Array.from({ length: count }, () => signUp(tenant)))
const countOf = (lines: readonly Line[], reason: string) => lines.filter((one) => one.reason === reason).length

t.test('while a function hangs, at most 16 of its calls are under way, and nobody else waits for it', async (t) => {
  for (const tenant of [bad, good]) t.match(await signUp(tenant), { outcome: 'chained' })
  const before = bad.own.asked
  const letGo = bad.own.hang()
  await gateway.byHand(async () => {
    const waiting = many(CALLS, bad)
    await bad.own.untilAsked(before + UNDER_WAY)
    t.match(await signUp(good), { outcome: 'chained' }, 'a function of another tenant')
    t.match(await confirm(bad), { outcome: 'chained' }, 'another function of the same tenant')
    t.match(await logIn(bad), { outcome: 'challenge' }, 'a passkey login of the same tenant')
    t.equal(bad.own.asked, before + UNDER_WAY, 'not one more was sent')
    clock.advance(2 * TIMEOUT_MS)
    const lines = await waiting
    t.equal(countOf(lines, 'chain_timeout'), UNDER_WAY, 'those were sent')
    t.equal(countOf(lines, 'chain_busy'), CALLS - UNDER_WAY, 'these never left')
  })
  letGo()
  clock.advance(PAUSE_MS)
  t.match(await signUp(bad), { outcome: 'chained' }, 'all places are free again')
})

t.test('however many functions of a tenant hang, no more calls are under way than of two of them', async (t) => {
  const crowd = await newTenant('crowd')
  // With rights on each.
  for (const send of [signUp, confirm, enter]) t.match(await send(crowd), { outcome: 'chained' })
  const hanging = [crowd.own, crowd.other, crowd.third]
  const before = hanging.map(({ asked }) => asked)
  const underWay = () => hanging.map(({ asked }, index) => asked - (before[index] ?? 0))
  const letGo = hanging.map((one) => one.hang())
  await gateway.byHand(async () => {
    const sent = [signUp, confirm].flatMap((send) => Array.from({ length: UNDER_WAY }, () => send(crowd)))
    await crowd.own.untilAsked((before[0] ?? 0) + UNDER_WAY)
    await crowd.other.untilAsked((before[1] ?? 0) + UNDER_WAY)
    clock.advance(1)
    const more = Array.from({ length: UNDER_WAY }, () => enter(crowd))
    t.match(await signUp(good), { outcome: 'chained' }, 'another tenant')
    t.match(await logIn(crowd), { outcome: 'challenge' }, 'a passkey login of the same tenant')
    t.strictSame(underWay(), [UNDER_WAY, UNDER_WAY, 0], 'those of the third wait')
    clock.advance(TIMEOUT_MS - 1)
    t.equal(countOf(await Promise.all(sent), 'chain_timeout'), 2 * UNDER_WAY)
    for (const run of letGo) run()
    clock.advance(TIMEOUT_MS)
    for (const { outcome, reason } of await Promise.all(more)) t.ok(outcome === 'chained' || reason, String(reason))
  })
  clock.advance(2 * PAUSE_MS)
  for (const send of [signUp, confirm, enter]) t.match(await send(crowd), { outcome: 'chained' }, 'all are free again')
})

t.test('a function that hangs again and again is not waited for by each next event, until it answers', async (t) => {
  const before = bad.own.asked
  const letGo = bad.own.hang()
  await gateway.byHand(async () => {
    const waiting = many(FAILURES, bad)
    await bad.own.untilAsked(before + FAILURES)
    clock.advance(TIMEOUT_MS)
    for (const line of await waiting) t.match(line, { reason: 'chain_timeout', breakerOpen: undefined })

    const start = clock.elapsed()
    for (let one = 0; one < 20; one += 1) {
      const line = await (one % 2 === 0 ? signUp(bad) : logIn(bad, 'another-client'))
      t.match(line, { outcome: 'fault', reason: 'chain_timeout', breakerOpen: true, chained: true })
    }
    t.equal(clock.elapsed(), start, 'no time passed')
    t.equal(bad.own.asked, before + FAILURES, 'nothing was sent')
    t.match(await signUp(good), { outcome: 'chained', breakerOpen: undefined }, 'another tenant has its own breaker')
    t.match(await confirm(bad), { outcome: 'chained', breakerOpen: undefined }, 'and so has another function')
    t.match(await logIn(bad), { outcome: 'challenge' }, 'a passkey login needs none')

    clock.advance(PAUSE_MS)
    const probe = signUp(bad)
    await bad.own.untilAsked(before + FAILURES + 1)
    clock.advance(TIMEOUT_MS - 1)
    t.match(await signUp(bad), { breakerOpen: true }, 'one call at a time, with all its time')
    clock.advance(1)
    t.match(await probe, { reason: 'chain_timeout', breakerOpen: undefined })
    t.match(await signUp(bad), { breakerOpen: true })
  })
  letGo()
  clock.advance(PAUSE_MS)
  for (let one = 0; one < 2; one += 1) t.match(await signUp(bad), { outcome: 'chained', breakerOpen: undefined })
})

t.test('a function that throws, and quick faults of Lambda, open no breaker', async (t) => {
  const before = bad.own.asked
  for (const fault of [{ kind: 'status', status: 500 } as const, { kind: 'status', status: 429 } as const]) {
    await stack.lambda.setFault(fault, 'Invoke')
    for (let one = 0; one < 2 * FAILURES; one += 1) t.notOk('breakerOpen' in (await signUp(bad)))
  }
  await stack.lambda.setFault(undefined)
  t.match(await signUp(bad), { outcome: 'chained' })
  t.equal(bad.own.asked, before + 1)
})

t.test('in these lines the doctor sees which function was late, and which was not', async (t) => {
  const env = { ...process.env }
  Object.assign(process.env, stack.envFor(onCall))
  const place = { region: REGION, tenantTable: TABLE_NAME, functionArn: FUNCTION_ARN, actionsAlias: ACTIONS_ALIAS }
  const upstreams = createOperatorUpstreams(place, systemClock)
  const find = async (tenant: Tenant, lines: readonly Line[]) => {
    stack.cloudwatch.clear(LOG_GROUP)
    const events = lines.map((line) => ({ at: clock.now(), message: JSON.stringify(line) }))
    stack.cloudwatch.put(LOG_GROUP, events)
    stack.cloudwatch.queryWaits = 0
    const settings = { gatewayFunctionArn: FUNCTION_ARN }
    const counted = await countChained({ upstreams, env: parseEnv(process.env), settings, clock })
    return timeFinding({ tenant: tenant.file }, counted)
  }
  const late = gateway.lines.filter(({ reason, trigger }) => reason === 'chain_timeout' && trigger === 'pre-sign-up')
  t.ok(late.length > FAILURES)
  t.match(await find(bad, gateway.lines), { state: 'failed', what: /no call of defineAuthChallenge was answered/ })
  const others = gateway.lines.filter(({ trigger }) => trigger !== 'define-auth-challenge')
  t.match(await find(bad, others), { state: 'warned', what: /some calls of preSignUp were not answered/ })
  t.match(await find(bad, late), { state: 'failed', what: /no call of preSignUp was answered by its function in time/ })
  t.match(await find(good, gateway.lines), { state: 'not-checkable', what: /^No call of defineAuthChallenge, / })
  await upstreams.close()
  Object.assign(process.env, env)
})

import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createCall, SLICE_MS, systemClock } from '../../src/call.js'
import { customerAdmin } from '../../src/local/accounts.js'
import type { RecordedCall, StandIn } from '../../src/local/aws/server.js'
import { hostedArn, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createOperatorUpstreams } from '../../src/upstreams/operator.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { fullPool } from '../fixtures/full-pool.js'
import { startGateway } from '../fixtures/gateway.js'
import { type Relay, startRelay } from '../fixtures/network/relay.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const PROJECT = 'pro-7001'
const HOUR = 3_600_000

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, ssm, sts, cognito, corbado } = stack
const relays = {
  table: await startRelay(t, table),
  ssm: await startRelay(t, ssm),
  sts: await startRelay(t, sts),
  cognito: await startRelay(t, cognito),
  corbado: await startRelay(t, corbado),
}
Object.assign(process.env, {
  AWS_ENDPOINT_URL_DYNAMODB: relays.table.url,
  AWS_ENDPOINT_URL_SSM: relays.ssm.url,
  AWS_ENDPOINT_URL_STS: relays.sts.url,
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: relays.cognito.url,
})

let count = 0
async function addTenant(): Promise<TenantFile> {
  count += 1
  const file = tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Relayed${count}`,
    alias: `t-${count}`,
    aws: { accountId: String(300_000_000_000 + count) },
    corbado: { projectId: PROJECT },
    limits: { verifyPerSecond: 100, listUsersPerSecond: 10, concurrentCalls: 64 },
  })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  const local = toLocal(file, stack)
  const corbadoThere = { ...local.corbado, backendApiUrl: relays.corbado.url }
  await putTenantRecord(stack, { ...local, corbado: corbadoThere }, file.userPoolId)
  cognito.putUser(file.userPoolId, { username: USER, attributes: { phone_number: '+4989123456' } })
  return file
}
const addTenants = (n: number) => Promise.all(Array.from({ length: n }, addTenant))

const through = (file: TenantFile) => ({ arn: hostedArn(file.alias) })
/** Needs the table where the pool is not in memory. */
const define = async (file: TenantFile) =>
  (await gateway.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }), through(file))).response
/** Needs STS too where no credentials are in memory. */
const preLogin = async (file: TenantFile) =>
  (await gateway.action({ action: 'pre-login', userPoolId: file.userPoolId, identifier: USER })).body
/** Needs SSM too where no secret is in memory. */
async function verify(file: TenantFile): Promise<unknown> {
  const proof = await corbado.sign(PROJECT, USER)
  const privateChallengeParameters = { cognitoID: USER, nonce: proof.slice(-20) }
  const event = verifyEvent(proof, { privateChallengeParameters }, { userPoolId: file.userPoolId })
  return (await gateway.trigger(event, through(file))).response
}
const CHALLENGE = { challengeName: 'CUSTOM_CHALLENGE' }
const FOUND = { identifier: USER }
const CORRECT = { answerCorrect: true }
const INCORRECT = { answerCorrect: false }

/** Runs all at once, each on a connection of its own: nothing is answered before all have been asked. */
async function atOnce<T>(standIn: StandIn, runs: readonly (() => Promise<T>)[], operation?: string): Promise<T[]> {
  let asked = 0
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  await standIn.setFault({ kind: 'held', until: () => opened }, operation)
  const before = standIn.calls.length
  const running = Promise.all(runs.map((run) => run()))
  while (asked < runs.length) {
    await setImmediate()
    asked = standIn.calls.slice(before).filter((call) => operation === undefined || call.operation === operation).length
  }
  await standIn.setFault(undefined)
  open()
  return running
}

interface Service {
  readonly name: string
  readonly standIn: StandIn
  readonly relay: Relay
  readonly operation: string
  /** What the service needs to have been asked before. */
  readonly prepare: (file: TenantFile) => Promise<unknown>
  readonly run: (file: TenantFile) => Promise<unknown>
  readonly good: object
  readonly sliceMs: number
}

const nothing = async () => {}
const services: readonly Service[] = [
  {
    ...{ name: 'the table', standIn: table, relay: relays.table, operation: 'GetItem', sliceMs: SLICE_MS.tableFirst },
    ...{ prepare: nothing, run: define, good: CHALLENGE },
  },
  {
    ...{ name: 'SSM', standIn: ssm, relay: relays.ssm, operation: 'GetParameter', sliceMs: SLICE_MS.ssm },
    ...{ prepare: define, run: verify, good: CORRECT },
  },
  {
    ...{ name: 'STS', standIn: sts, relay: relays.sts, operation: 'AssumeRole', sliceMs: SLICE_MS.sts },
    ...{ prepare: define, run: preLogin, good: FOUND },
  },
  {
    ...{ name: 'Cognito', standIn: cognito, relay: relays.cognito, operation: 'AdminGetUser', sliceMs: 4_200 },
    ...{ prepare: preLogin, run: preLogin, good: FOUND },
  },
]

for (const { name, standIn, relay, operation, prepare, run, good, sliceMs } of services) {
  for (const [n, way] of [
    [8, 'one after another'],
    [8, 'at once'],
    ...(name === 'Cognito' ? ([[20, 'one after another']] as const) : []),
  ] as const) {
    t.test(`${n} kept connections to ${name} that the network has forgotten cost no call, ${way}`, async (t) => {
      const [before, after] = [await addTenants(n), await addTenants(n)]
      for (const file of [...before, ...after]) await prepare(file)
      clock.advance(20_001)
      await atOnce(
        standIn,
        before.map((file) => () => run(file)),
        operation,
      )
      t.equal(relay.open, n)
      relay.forget()
      const answers: unknown[] = []
      if (way === 'at once') answers.push(...(await Promise.all(after.map(run))))
      else for (const file of after) answers.push(await run(file))
      t.match(
        answers,
        after.map(() => good),
      )
    })
  }

  t.test(
    `a kept connection to ${name} that has fallen silent takes half of the time, and then a new one`,
    async (t) => {
      const [first, file] = [await addTenant(), await addTenant()]
      await prepare(first)
      await prepare(file)
      await run(first)
      const [connections, calls] = [relay.count, standIn.calls.length]
      relay.silence()
      const running = run(file)
      await relay.untilSilent()
      clock.advance(sliceMs / 2)
      t.match(await running, good)
      t.equal(relay.count - connections, 1)
      t.equal(standIn.calls.length - calls, 1)
      t.match(await run(await addTenant()), good, 'and the next call is well')
    },
  )

  t.test(
    `a slow answer from ${name} counts, though the second request to it was lost with its connection`,
    async (t) => {
      const [first, file] = [await addTenant(), await addTenant()]
      await prepare(first)
      await prepare(file)
      await run(first)
      let answer = () => {}
      const until = new Promise<void>((resolve) => {
        answer = resolve
      })
      await standIn.setFault({ kind: 'held', until: () => until }, operation)
      const [connections, calls] = [relay.count, standIn.calls.length]
      const asked = () => standIn.calls.slice(calls).some((one) => one.operation === operation)
      const running = run(file)
      while (!asked()) await setImmediate()
      // The second is repeated once.
      relay.spoilNext('reset', 2)
      clock.advance(sliceMs / 2)
      while (relay.count - connections < 2) await setImmediate()
      for (let turn = 0; turn < 20; turn += 1) await setImmediate()
      answer()
      t.match(await running, good)
      await standIn.setFault(undefined)
    },
  )

  t.test(`one that the service to ${name} closes, and one that is reset when made, cost no call`, async (t) => {
    const [first, second, third] = [await addTenant(), await addTenant(), await addTenant()]
    for (const file of [first, second, third]) await prepare(file)
    await run(first)
    void relay.close()
    t.match(await run(second), good)
    clock.advance(20_001)
    relay.spoilNext('reset')
    t.match(await run(third), good)
  })

  t.test(
    `a connection to ${name} is used again after 20 s of rest by both clocks, and by neither after more`,
    async (t) => {
      const run20 = async () => {
        const file = await addTenant()
        await prepare(file)
        const calls = standIn.calls.length
        t.match(await run(file), good)
        return standIn.calls.slice(calls).find((call: RecordedCall) => call.operation === operation)?.connection
      }
      let last = await run20()
      for (const [what, rest, isNew] of [
        ['20 s', () => clock.advance(20_000), false],
        ['a millisecond more', () => clock.advance(20_001), true],
        ['no time, and the date 20 s later', () => clock.step(20_000), false],
        ['no time, and the date a millisecond later still', () => clock.step(20_001), true],
        ['no time, and the date an hour earlier', () => clock.step(-HOUR), true],
      ] as const) {
        rest()
        const connection = await run20()
        // What prepares may use the connections of the same service: only then is it one of the kept in both cases.
        t.equal(connection !== last, isNew, what)
        last = connection
      }
    },
  )
}

t.test('Corbado: dead connections', async (t) => {
  const relay = relays.corbado
  const file = await addTenant()
  const keep = async (n: number) => {
    clock.advance(20_001)
    await atOnce(
      corbado,
      Array.from({ length: n }, () => () => verify(file)),
    )
    t.equal(relay.open, n)
  }

  t.test('8 that the network has forgotten cost none after 2 s of rest, by either clock', async (t) => {
    for (const rest of [() => clock.advance(2_001), () => clock.step(2_001), () => clock.step(-HOUR)]) {
      await keep(8)
      relay.forget()
      rest()
      for (let i = 0; i < 8; i++) t.strictSame(await verify(file), CORRECT)
    }
  })

  t.test(
    'of 8 that were in use just before, one costs a proof, which may have been sent; then all are new',
    async (t) => {
      await keep(8)
      relay.forget()
      clock.advance(2_000)
      const calls = corbado.calls.length
      const answers: unknown[] = []
      for (let i = 0; i < 8; i++) answers.push(await verify(file))
      t.strictSame(answers, [INCORRECT, ...Array(7).fill(CORRECT)])
      t.equal(corbado.calls.length - calls, 7, 'and no proof was sent twice')
    },
  )

  t.test('8 that were closed while idle cost none', async (t) => {
    await keep(8)
    await relay.close()
    for (let i = 0; i < 8; i++) t.strictSame(await verify(file), CORRECT)
  })

  t.test(
    'a proof that never left, because its connection was reset when made, is asked about again at once',
    async (t) => {
      clock.advance(20_001)
      relay.spoilNext('reset')
      const calls = corbado.calls.length
      t.strictSame(await verify(file), CORRECT)
      t.equal(corbado.calls.length - calls, 1)
    },
  )

  t.test("and if it cannot leave then either, Cognito's own retry of the event may", async (t) => {
    clock.advance(20_001)
    const proof = await corbado.sign(PROJECT, USER)
    const event = verifyEvent(proof, {}, { userPoolId: file.userPoolId })
    relay.spoilNext('reset', 2)
    t.match((await gateway.trigger(event, through(file))).response, INCORRECT)
    t.match((await gateway.trigger(event, through(file))).response, CORRECT)
  })

  t.test('one that was reset after it had been sent is not sent again, not for a retry either', async (t) => {
    clock.advance(20_001)
    const proof = await corbado.sign(PROJECT, USER)
    const event = verifyEvent(proof, {}, { userPoolId: file.userPoolId })
    relay.spoilNext('reset-after-request')
    const calls = corbado.calls.length
    t.match((await gateway.trigger(event, through(file))).response, INCORRECT)
    t.match((await gateway.trigger(event, through(file))).response, INCORRECT)
    t.equal(corbado.calls.length - calls, 1)
  })

  for (const [what, ms] of [
    ['ahead by 31 s', 31_000],
    ['ahead by an hour', HOUR],
    ['back by an hour', -HOUR],
  ] as const) {
    t.test(`a date that steps ${what} loses none of five verifications under way`, async (t) => {
      let open = () => {}
      const opened = new Promise<void>((resolve) => {
        open = resolve
      })
      const before = corbado.calls.length
      await corbado.setFault({ kind: 'held', until: () => opened })
      const running = Promise.all(Array.from({ length: 5 }, () => verify(file)))
      while (corbado.calls.length - before < 5) await setImmediate()
      clock.step(ms)
      const sixth = verify(file)
      while (corbado.calls.length - before < 6) await setImmediate()
      // The stand-in judges by the same clock, and the proofs are of the time before.
      clock.step(-ms)
      await corbado.setFault(undefined)
      open()
      t.strictSame(await running, Array(5).fill(CORRECT))
      await sixth
    })
  }
})

t.test('a write that must not be done twice', async (t) => {
  cognito.putPool(fullPool)
  const before = { ...process.env }
  Object.assign(process.env, stack.envFor(customerAdmin(fullPool.accountId)))
  process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER = relays.cognito.url
  const upstreams = createOperatorUpstreams({ region: 'eu-central-1', actionsAlias: 'actions' }, systemClock)
  t.teardown(async () => {
    await upstreams.close()
    process.env = before
  })
  const settings = upstreams.userPoolSettings(fullPool.userPoolId as TenantFile['userPoolId'], 'eu-central-1', null)
  const call = () => createCall(20_000)
  const update = () => settings.update({ UserPoolId: fullPool.userPoolId }, call())
  const updates = () => cognito.calls.filter(({ operation }) => operation === 'UpdateUserPool').length

  t.test('goes over a new connection, so no dead one can take it', async (t) => {
    await settings.describe(call())
    relays.cognito.forget()
    const sent = updates()
    await update()
    t.equal(updates() - sent, 1)
  })

  t.test('is sent again at once if it never left', async (t) => {
    relays.cognito.spoilNext('reset')
    const sent = updates()
    await update()
    t.equal(updates() - sent, 1)
  })

  t.test('is not sent again once it may have been done', async (t) => {
    relays.cognito.spoilNext('reset-after-request')
    const sent = updates()
    await t.rejects(update(), { code: 'GW_ERR_UPSTREAM_UNAVAILABLE' })
    t.equal(updates() - sent, 1)
  })
})

import t from 'tap'
import { createCall, systemClock } from '../../src/call.js'
import { customerAdmin, FUNCTION_ARN, operator } from '../../src/local/accounts.js'
import type { StandIn } from '../../src/local/aws/server.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createOperatorUpstreams } from '../../src/upstreams/operator.js'
import { defineEvent, verifyEvent } from '../fixtures/events.js'
import { fullPool } from '../fixtures/full-pool.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const MINUTE = 60_000
const HOUR = 60 * MINUTE

const gateway = await startGateway(t)
const { stack, clock } = gateway
const { table, ssm, sts, cognito, corbado, identity } = stack

let count = 0
async function addTenant(): Promise<TenantFile> {
  count += 1
  const file = tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Signed${count}`,
    alias: `t-${count}`,
    aws: { accountId: String(300_000_000_000 + count) },
  })
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
  cognito.putUser(file.userPoolId, { username: USER, attributes: { phone_number: '+4989123456' } })
  return file
}

const through = (file: TenantFile) => ({ arn: hostedArn(file.alias) })
const define = async (file: TenantFile) =>
  (await gateway.trigger(defineEvent([], {}, { userPoolId: file.userPoolId }), through(file))).response
async function verify(file: TenantFile): Promise<unknown> {
  const proof = await corbado.sign(file.corbado.projectId, USER)
  return (await gateway.trigger(verifyEvent(proof, {}, { userPoolId: file.userPoolId }), through(file))).response
}
const postAppend = ({ userPoolId }: TenantFile) => gateway.action({ action: 'post-append', userPoolId, username: USER })
const preLogin = ({ userPoolId }: TenantFile) => gateway.action({ action: 'pre-login', userPoolId, identifier: USER })

const CHALLENGE = { challengeName: 'CUSTOM_CHALLENGE' }
const CORRECT = { answerCorrect: true }
const DONE = { statusCode: 200, body: {} }
const nothing = async (): Promise<unknown> => undefined

interface Step {
  readonly name: string
  readonly standIn: StandIn
  readonly operation: string
  readonly prepare: (file: TenantFile) => Promise<unknown>
  readonly run: (file: TenantFile) => Promise<unknown>
  readonly good: object
}

/** Every request to AWS of a login and of the actions beside it, writes included. */
const steps: readonly Step[] = [
  {
    ...{ name: 'the read of the config', standIn: table, operation: 'GetItem' },
    ...{ prepare: nothing, run: define, good: CHALLENGE },
  },
  {
    ...{ name: "the read of the tenant's secret", standIn: ssm, operation: 'GetParameter' },
    ...{ prepare: define, run: verify, good: CORRECT },
  },
  {
    ...{ name: 'AssumeRole', standIn: sts, operation: 'AssumeRole' },
    ...{ prepare: define, run: postAppend, good: DONE },
  },
  {
    ...{ name: 'AdminGetUser', standIn: cognito, operation: 'AdminGetUser' },
    ...{ prepare: preLogin, run: preLogin, good: { body: { identifier: USER } } },
  },
  {
    ...{ name: 'AdminSetUserMFAPreference, a write', standIn: cognito, operation: 'AdminSetUserMFAPreference' },
    ...{ prepare: preLogin, run: postAppend, good: DONE },
  },
]

for (const { name, standIn, operation, prepare, run, good } of steps) {
  const calls = () => standIn.calls.filter((call) => call.operation === operation).length

  for (const code of ['InvalidSignatureException', 'SignatureDoesNotMatch', 'RequestTimeTooSkewed']) {
    t.test(`${name}: refused twice by ${code}, it is not remembered: the next call is answered`, async (t) => {
      const file = await addTenant()
      await prepare(file)
      const before = calls()
      await standIn.setFault({ kind: 'unsigned', code, times: 2 }, operation)
      const failed = await run(file).catch(() => 'thrown')
      t.notMatch(failed, good)
      t.equal(calls() - before, 2, 'repeated once')
      t.match(await run(file), good)
      t.equal(calls() - before, 3)
    })

    t.test(`${name}: refused once by ${code}, it is signed again at once and answered`, async (t) => {
      const file = await addTenant()
      await prepare(file)
      const [before, at] = [calls(), clock.elapsed()]
      await standIn.setFault({ kind: 'unsigned', code, times: 1 }, operation)
      t.match(await run(file), good)
      t.equal(calls() - before, 2)
      t.equal(clock.elapsed(), at, 'without a pause')
    })
  }

  for (const [what, skewMs] of [
    ['an hour behind', HOUR],
    ['an hour ahead', -HOUR],
    ['six minutes behind', 6 * MINUTE],
  ] as const) {
    t.test(
      `${name}: with this machine's clock ${what} since just before it, it is answered, and so are the next`,
      async (t) => {
        const [file, other] = [await addTenant(), await addTenant()]
        await prepare(file)
        await prepare(other)
        const before = calls()
        identity.skewMs = skewMs
        t.match(await run(file), good)
        t.ok(calls() - before <= 2, 'repeated once at most')
        const later = calls()
        t.match(await run(other), good)
        // A client of Cognito has one tenant's credentials, and a clock of its own.
        t.ok(calls() - later <= (standIn === cognito ? 2 : 1), 'by the clock that was set')
        identity.skewMs = 0
        t.match(await run(await addTenant()), good, 'and when the clock is right again')
      },
    )
  }
}

t.test('a clock that drifts by six minutes an hour loses no login in eleven hours', async (t) => {
  const file = await addTenant()
  for (let hour = 0; hour < 11; hour++) {
    identity.skewMs = hour * 6 * MINUTE
    clock.advance(HOUR)
    t.match(await define(file), CHALLENGE)
    // What was old has been read again.
    t.match(await define(file), CHALLENGE)
    t.match(await preLogin(file), { statusCode: 200, body: { identifier: USER } })
    t.match(await verify(file), CORRECT)
  }
  identity.skewMs = 0
})

t.test("the operator's clients too: reads, and writes that must not be done twice", async (t) => {
  cognito.putPool(fullPool)
  const before = { ...process.env }
  t.teardown(() => {
    process.env = before
  })
  const call = () => createCall(20_000)
  for (const code of ['InvalidSignatureException', 'RequestTimeTooSkewed']) {
    Object.assign(process.env, stack.envFor(customerAdmin(fullPool.accountId)))
    const owner = createOperatorUpstreams({ region: 'eu-central-1', actionsAlias: 'actions' }, systemClock)
    const settings = owner.userPoolSettings(fullPool.userPoolId as TenantFile['userPoolId'], 'eu-central-1', null)
    const count = (operation: string) => cognito.calls.filter((one) => one.operation === operation).length
    for (const [operation, run] of [
      ['DescribeUserPool', () => settings.describe(call())],
      ['UpdateUserPool', () => settings.update({ UserPoolId: fullPool.userPoolId }, call())],
    ] as const) {
      const sent = count(operation)
      await cognito.setFault({ kind: 'unsigned', code, times: 1 }, operation)
      await run()
      t.equal(count(operation) - sent, 2)
    }
    await owner.close()

    Object.assign(process.env, stack.envFor(operator))
    const options = { region: 'eu-central-1', functionArn: FUNCTION_ARN, actionsAlias: 'actions' }
    const upstreams = createOperatorUpstreams(options, systemClock)
    await stack.lambda.setFault({ kind: 'unsigned', code, times: 1 })
    t.type(await upstreams.aliases.list(call()), Array)
    await stack.sts.setFault({ kind: 'unsigned', code, times: 1 })
    t.match(await upstreams.callerIdentity(call()), { arn: /operator/ })
    await upstreams.close()
  }
})

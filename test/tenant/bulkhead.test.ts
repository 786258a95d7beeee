import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { RecordedCall, StandIn } from '../../src/local/aws/server.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { verifyEvent } from '../fixtures/events.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const CALLS = 100
const UNDER_WAY = 16

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { corbado, cognito } = stack

async function addTenant(name: string, changes: Partial<TenantFile> = {}): Promise<TenantFile> {
  const account = name === 'bad' ? '200000000001' : '200000000002'
  const file = tenantFile({
    tenantId: name,
    userPoolId: `eu-central-1_${name}`,
    alias: `t-${name}`,
    aws: { accountId: account },
    corbado: { projectId: name === 'bad' ? 'pro-6001' : 'pro-6002' },
    limits: { verifyPerSecond: 1_000 },
    ...changes,
  })
  await gateway.addTenant(file)
  cognito.putUser(file.userPoolId, { username: USER })
  return file
}

const bad = await addTenant('bad')
const good = await addTenant('good')

/** Verifies one proof of a tenant's user and says what came of it. */
async function verify({ userPoolId, alias, corbado: { projectId } }: TenantFile, nonce: string): Promise<unknown> {
  const proof = await corbado.sign(projectId, USER)
  const requestId = `${alias}-${nonce}`
  const request = { privateChallengeParameters: { cognitoID: USER, nonce } }
  await gateway.trigger(verifyEvent(proof, request, { userPoolId }), { arn: hostedArn(alias), requestId })
  return (gateway.lines.find((line) => line.requestId === requestId) as Line).reason
}

async function preLogin({ userPoolId }: TenantFile, requestId: string): Promise<unknown> {
  await gateway.action({ action: 'pre-login', userPoolId, identifier: USER }, { requestId })
  const line = gateway.lines.find((one) => one.requestId === requestId) as Line
  return line.reason ?? line.outcome
}

/** Has one tenant's requests to a dependency wait for ever, in other words until `letGo`. */
async function hang(standIn: StandIn, operation: string, isTheirs: (call: RecordedCall) => boolean) {
  let letGo = () => {}
  const forever = new Promise<void>((resolve) => {
    letGo = resolve
  })
  await standIn.setFault({ kind: 'held', until: (call) => (isTheirs(call) ? forever : undefined) }, operation)
  return async () => {
    letGo()
    await standIn.setFault(undefined)
  }
}

/** Waits until a stand-in has seen so many calls of one tenant. */
async function untilSeen(standIn: StandIn, isTheirs: (call: RecordedCall) => boolean, count: number): Promise<void> {
  while (standIn.calls.filter(isTheirs).length < count) await setImmediate()
}

const countOf = (reasons: readonly unknown[], reason: string) => reasons.filter((one) => one === reason).length

t.test(
  'while the Backend API hangs for one tenant, at most 16 of its calls are under way, and another is verified',
  async (t) => {
    const isTheirs = ({ principal, operation }: RecordedCall) =>
      operation === 'verifySignedData' && principal === 'pro-6001'
    t.equal(await verify(bad, 'before'), 'verified')
    t.equal(await verify(good, 'before'), 'verified')
    const before = corbado.calls.filter(isTheirs).length
    const letGo = await hang(corbado, 'verifySignedData', isTheirs)
    await gateway.byHand(async () => {
      const waiting = Array.from({ length: CALLS }, (_, index) => verify(bad, `${index}`))
      await untilSeen(corbado, isTheirs, before + UNDER_WAY)
      t.equal(await verify(good, 'meanwhile'), 'verified')
      t.equal(corbado.calls.filter(isTheirs).length, before + UNDER_WAY, 'not one more was sent')
      clock.advance(6_000)
      const reasons = await Promise.all(waiting)
      t.equal(countOf(reasons, 'backend_timeout'), UNDER_WAY, 'those were sent')
      t.equal(countOf(reasons, 'backend_busy'), CALLS - UNDER_WAY, 'these never left, so their proofs are unspent')
    })
    await letGo()
    t.equal(await verify(bad, 'after'), 'verified', 'all places are free again')
  },
)

t.test(
  'while Cognito hangs for one pool, at most 16 of its calls are under way, and another user is found',
  async (t) => {
    const isTheirs = ({ principal, operation }: RecordedCall) =>
      operation === 'AdminGetUser' && (principal ?? '').includes(bad.aws.accountId)
    t.equal(await preLogin(bad, 'bad before'), 'found')
    t.equal(await preLogin(good, 'good before'), 'found')
    const before = cognito.calls.filter(isTheirs).length
    const letGo = await hang(cognito, 'AdminGetUser', isTheirs)
    await gateway.byHand(async () => {
      const waiting = Array.from({ length: CALLS }, (_, index) => preLogin(bad, `bad ${index}`))
      await untilSeen(cognito, isTheirs, before + UNDER_WAY)
      t.equal(await preLogin(good, 'good meanwhile'), 'found')
      t.equal(cognito.calls.filter(isTheirs).length, before + UNDER_WAY, 'not one more was sent')
      clock.advance(6_000)
      const reasons = await Promise.all(waiting)
      t.equal(countOf(reasons, 'cognito_timeout'), UNDER_WAY)
      t.equal(countOf(reasons, 'cognito_busy'), CALLS - UNDER_WAY)
    })
    await letGo()
    t.equal(await preLogin(bad, 'bad after'), 'found', 'all places are free again')
  },
)

t.test('a tenant may have another number of calls under way', async (t) => {
  const narrow = await addTenant('bad', { limits: { verifyPerSecond: 1_000, concurrentCalls: 2 } })
  await gateway.putConfig(narrow, 3)
  clock.advance(400_000)
  await verify(narrow, 'refresh')
  const isTheirs = ({ principal, operation }: RecordedCall) =>
    operation === 'verifySignedData' && principal === 'pro-6001'
  const before = corbado.calls.filter(isTheirs).length
  const letGo = await hang(corbado, 'verifySignedData', isTheirs)
  await gateway.byHand(async () => {
    const waiting = Array.from({ length: 10 }, (_, index) => verify(narrow, `narrow ${index}`))
    await untilSeen(corbado, isTheirs, before + 2)
    t.equal(await verify(good, 'beside the narrow one'), 'verified')
    t.equal(corbado.calls.filter(isTheirs).length, before + 2)
    clock.advance(6_000)
    t.equal(countOf(await Promise.all(waiting), 'backend_busy'), 8)
  })
  await letGo()
})

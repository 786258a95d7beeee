import t from 'tap'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { createNeighbours, hang, isAdminGetUserOf, isVerifyOf, untilSeen } from '../fixtures/neighbours.js'

const CALLS = 100
const UNDER_WAY = 16
/** Longer than a breaker's pause before it lets a call through. */
const PAUSE_MS = 2_400

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { corbado, cognito } = stack
const { addTenant, verify, preLogin } = createNeighbours(gateway)
const bad = await addTenant('bad')
const good = await addTenant('good')

const countOf = (lines: readonly Line[], reason: string) => lines.filter((one) => one.reason === reason).length

t.test(
  'while the Backend API hangs for one tenant, at most 16 of its calls are under way, and another is verified',
  async (t) => {
    const isTheirs = isVerifyOf('bad')
    t.match(await verify(bad, { nonce: 'before' }), { reason: 'verified' })
    t.match(await verify(good, { nonce: 'before' }), { reason: 'verified' })
    const before = corbado.calls.filter(isTheirs).length
    const letGo = await hang(corbado, 'verifySignedData', isTheirs)
    await gateway.byHand(async () => {
      const waiting = Array.from({ length: CALLS }, (_, index) => verify(bad, { nonce: `${index}` }))
      await untilSeen(corbado, isTheirs, before + UNDER_WAY)
      t.match(await verify(good, { nonce: 'meanwhile' }), { reason: 'verified' })
      t.equal(corbado.calls.filter(isTheirs).length, before + UNDER_WAY, 'not one more was sent')
      clock.advance(6_000)
      const lines = await Promise.all(waiting)
      t.equal(countOf(lines, 'backend_timeout'), UNDER_WAY, 'those were sent')
      t.equal(countOf(lines, 'backend_busy'), CALLS - UNDER_WAY, 'these never left, so their proofs are unspent')
    })
    await letGo()
    clock.advance(PAUSE_MS)
    t.match(await verify(bad, { nonce: 'after' }), { reason: 'verified' }, 'all places are free again')
  },
)

t.test(
  'while Cognito hangs for one pool, at most 16 of its calls are under way, and another user is found',
  async (t) => {
    const isTheirs = isAdminGetUserOf('bad')
    t.match(await preLogin(bad), { outcome: 'found' })
    t.match(await preLogin(good), { outcome: 'found' })
    const before = cognito.calls.filter(isTheirs).length
    const letGo = await hang(cognito, 'AdminGetUser', isTheirs)
    await gateway.byHand(async () => {
      const waiting = Array.from({ length: CALLS }, () => preLogin(bad))
      await untilSeen(cognito, isTheirs, before + UNDER_WAY)
      t.match(await preLogin(good), { outcome: 'found' })
      t.equal(cognito.calls.filter(isTheirs).length, before + UNDER_WAY, 'not one more was sent')
      clock.advance(6_000)
      const lines = await Promise.all(waiting)
      t.equal(countOf(lines, 'cognito_timeout'), UNDER_WAY)
      t.equal(countOf(lines, 'cognito_busy'), CALLS - UNDER_WAY)
    })
    await letGo()
    clock.advance(PAUSE_MS)
    t.match(await preLogin(bad), { outcome: 'found' }, 'all places are free again')
  },
)

t.test('a tenant may have another number of calls under way', async (t) => {
  const narrow = await addTenant('bad', { limits: { verifyPerSecond: 1_000, concurrentCalls: 2 } })
  await gateway.putConfig(narrow, 3)
  clock.advance(400_000)
  await verify(narrow, { nonce: 'refresh' })
  const isTheirs = isVerifyOf('bad')
  const before = corbado.calls.filter(isTheirs).length
  const letGo = await hang(corbado, 'verifySignedData', isTheirs)
  await gateway.byHand(async () => {
    const waiting = Array.from({ length: 10 }, (_, index) => verify(narrow, { nonce: `narrow ${index}` }))
    await untilSeen(corbado, isTheirs, before + 2)
    t.match(await verify(good, { nonce: 'beside the narrow one' }), { reason: 'verified' })
    t.equal(corbado.calls.filter(isTheirs).length, before + 2)
    clock.advance(6_000)
    t.equal(countOf(await Promise.all(waiting), 'backend_busy'), 8)
  })
  await letGo()
})

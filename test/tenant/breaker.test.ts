import t from 'tap'
import { startGateway } from '../fixtures/gateway.js'
import { createNeighbours, hang, isAdminGetUserOf, isVerifyOf, untilSeen } from '../fixtures/neighbours.js'

/** In a row, each after at least a second, and a breaker opens. */
const FAILURES = 5
/** No pause before the next call is let through is longer. */
const PAUSE_MS = 2_400

const gateway = await startGateway(t)
const { clock, stack } = gateway
const { corbado, cognito } = stack
const { addTenant, verify, preLogin } = createNeighbours(gateway)
const bad = await addTenant('bad')
const good = await addTenant('good')
const badCalls = () => corbado.calls.filter(isVerifyOf('bad')).length
const badLookUps = () => cognito.calls.filter(isAdminGetUserOf('bad')).length
let count = 0
const next = () => ({ nonce: `${++count}` })

t.test(
  'no refusal, throttle, verdict or quick 5xx of the Backend API opens a breaker, nor does what is not sent',
  async (t) => {
    for (const status of [400, 401, 403, 404, 429, 500, 503]) {
      await corbado.setFault({ kind: 'status', status }, 'verifySignedData')
      for (let one = 0; one < 2 * FAILURES; one += 1) t.not((await verify(bad, next())).reason, 'verified', `${status}`)
    }
    await corbado.setFault({ kind: 'reset' }, 'verifySignedData')
    for (let one = 0; one < 2 * FAILURES; one += 1) await verify(bad, next())
    await corbado.setFault({ kind: 'garbage' }, 'verifySignedData')
    for (let one = 0; one < 2 * FAILURES; one += 1) await verify(bad, next())
    await corbado.setFault(undefined)
    for (let one = 0; one < 2 * FAILURES; one += 1) await verify(bad, { ...next(), proof: 'no proof' })
    const foreign = await corbado.sign('pro-1', 'another user')
    for (let one = 0; one < 2 * FAILURES; one += 1) await verify(bad, { ...next(), proof: foreign })
    const line = await verify(bad, next())
    t.match(line, { reason: 'verified' })
    t.notOk('breakerOpen' in line)
  },
)

t.test('a call that had little time of its own says nothing against the Backend API, nor against a pool', async (t) => {
  const letVerify = await hang(corbado, 'verifySignedData', isVerifyOf('bad'))
  const letFind = await hang(cognito, 'AdminGetUser', isAdminGetUserOf('bad'))
  await gateway.byHand(async () => {
    for (let one = 0; one < 2 * FAILURES; one += 1) {
      const [calls, lookUps] = [badCalls(), badLookUps()]
      const waiting = [verify(bad, { ...next(), remainingMs: 900 }), preLogin(bad, { remainingMs: 900 })]
      await untilSeen(corbado, isVerifyOf('bad'), calls + 1)
      await untilSeen(cognito, isAdminGetUserOf('bad'), lookUps + 1)
      clock.advance(900)
      t.match(await Promise.all(waiting), [{ reason: 'backend_timeout' }, { reason: 'cognito_timeout' }])
    }
  })
  await letVerify()
  await letFind()
  t.match(await verify(bad, next()), { reason: 'verified' })
  t.match(await preLogin(bad), { outcome: 'found' })
})

t.test(
  'a Backend API that lets one tenant wait in vain again and again is not waited for by each next login',
  async (t) => {
    const letGo = await hang(corbado, 'verifySignedData', isVerifyOf('bad'))
    const unspent = { ...next(), proof: await corbado.sign('pro-6001', '7c9e6679-7425-40de-944b-e07fc1f90ae7') }
    await gateway.byHand(async () => {
      const before = badCalls()
      const waiting = Array.from({ length: FAILURES }, () => verify(bad, next()))
      await untilSeen(corbado, isVerifyOf('bad'), before + FAILURES)
      clock.advance(4_200)
      for (const line of await Promise.all(waiting))
        t.match(line, { reason: 'backend_timeout', breakerOpen: undefined })

      const start = clock.elapsed()
      for (let one = 0; one < 20; one += 1) {
        t.match(await verify(bad, one === 0 ? unspent : next()), { reason: 'backend_timeout', breakerOpen: true })
      }
      t.equal(clock.elapsed(), start, 'no time passed')
      t.equal(badCalls(), before + FAILURES, 'nothing was sent')
      t.match(await verify(good, next()), { reason: 'verified' }, 'another tenant has its own breaker')

      clock.advance(PAUSE_MS)
      const probe = verify(bad, next())
      await untilSeen(corbado, isVerifyOf('bad'), before + FAILURES + 1)
      clock.advance(4_199)
      t.match(await verify(bad, next()), { breakerOpen: true }, 'one call at a time, with all its time')
      clock.advance(1)
      t.match(await probe, { reason: 'backend_timeout', breakerOpen: undefined })
      t.match(await verify(bad, next()), { breakerOpen: true })
    })
    await letGo()
    clock.advance(PAUSE_MS)
    t.match(await verify(bad, next()), { reason: 'verified' }, 'one answer …')
    t.match(await verify(bad, unspent), { reason: 'verified' }, '… and all are sent; a refused proof was not spent')
  },
)

t.test('a verdict that is under way is never lost to a breaker that opens meanwhile', async (t) => {
  const letGo = await hang(corbado, 'verifySignedData', isVerifyOf('bad'))
  await gateway.byHand(async () => {
    const before = badCalls()
    const waiting = Array.from({ length: FAILURES }, () => verify(bad, { ...next(), remainingMs: 3_150 }))
    const underWay = Array.from({ length: 8 }, () => verify(bad, next()))
    await untilSeen(corbado, isVerifyOf('bad'), before + FAILURES + 8)
    clock.advance(3_000)
    for (const line of await Promise.all(waiting)) t.match(line, { reason: 'backend_timeout' })
    t.match(await verify(bad, next()), { breakerOpen: true })
    await letGo()
    for (const line of await Promise.all(underWay)) t.match(line, { reason: 'verified' })
    t.match(await verify(bad, next()), { reason: 'verified' }, 'and their answers close it')
  })
})

t.test('a pool that lets one tenant wait in vain again and again is not waited for by each next login', async (t) => {
  const letGo = await hang(cognito, 'AdminGetUser', isAdminGetUserOf('bad'))
  await gateway.byHand(async () => {
    const before = badLookUps()
    const waiting = Array.from({ length: FAILURES }, () => preLogin(bad))
    await untilSeen(cognito, isAdminGetUserOf('bad'), before + FAILURES)
    clock.advance(4_200)
    await Promise.all(waiting)
    const sent = badLookUps()
    for (let one = 0; one < 20; one += 1) t.match(await preLogin(bad), { reason: 'cognito_timeout', breakerOpen: true })
    t.equal(badLookUps(), sent)
    t.match(await preLogin(good), { outcome: 'found' })
  })
  await letGo()
  clock.advance(PAUSE_MS)
  t.match(await preLogin(bad), { outcome: 'found' })
  t.match(await preLogin(bad), { outcome: 'found' })
})

t.test('a user whom Cognito does not know, and one whom it may not show, open no breaker', async (t) => {
  await cognito.setFault({ kind: 'status', status: 429 }, 'AdminGetUser')
  for (let one = 0; one < 2 * FAILURES; one += 1) t.match(await preLogin(bad), { reason: 'cognito_throttled' })
  await cognito.setFault({ kind: 'status', status: 500 }, 'AdminGetUser')
  for (let one = 0; one < 2 * FAILURES; one += 1) t.match(await preLogin(bad), { reason: 'cognito_unavailable' })
  await cognito.setFault(undefined)
  t.match(await preLogin(bad), { outcome: 'found' })
})

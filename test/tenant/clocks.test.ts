import t from 'tap'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { withDefaults } from '../../src/tenant/config.js'
import { createTenantCredentials } from '../../src/tenant/credentials.js'
import { createCallers } from '../../src/tenant/own/callers.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { createEvent, defineEvent, OWN, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const HOUR = 3_600_000
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

const gateway = await startGateway(t)
const { clock, stack } = gateway
const file = tenantFile()
await gateway.addTenant(file)
stack.cognito.putUser(file.userPoolId, { username: USER })

const preLogin = () => gateway.action({ action: 'pre-login', userPoolId: file.userPoolId, identifier: USER })

for (const [direction, ms] of [
  ['back', -HOUR],
  ['forward', HOUR],
] as const) {
  t.test(
    `with the date set ${direction} by an hour, a tenant that is suspended is refused when its config is due`,
    async (t) => {
      await gateway.putConfig(file, clock.elapsed() + 10)
      clock.advance(400_000)
      t.match(await preLogin(), { statusCode: 200, body: { identifier: USER } })
      clock.step(ms)
      await gateway.putConfig({ ...file, status: 'suspended' }, clock.elapsed() + 11)
      t.match(await preLogin(), { statusCode: 200 }, 'the config is still fresh')
      clock.advance(60_000)
      // It serves once more while it is read again.
      await preLogin()
      t.match(await preLogin(), { statusCode: 403 })
    },
  )
}

t.test('a login is served with the date an hour away since any point of it, and rights are renewed once', async (t) => {
  const through = { arn: hostedArn(file.alias) }
  const trigger = async (event: object) => (await gateway.trigger(event, through)).response
  const ids = { userPoolId: file.userPoolId }
  const entry = { challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata: `${OWN}.x` }
  const proof = async () => verifyEvent(await stack.corbado.sign(file.corbado.projectId, USER), {}, ids)
  const points: readonly [name: string, run: () => Promise<unknown>, good: object][] = [
    ['pre-login', preLogin, { body: { identifier: USER } }],
    ['the first define', () => trigger(defineEvent([], {}, ids)), { challengeName: 'CUSTOM_CHALLENGE' }],
    ['create', () => trigger(createEvent([], ids)), { privateChallengeParameters: { cognitoID: USER } }],
    ['verify', async () => trigger(await proof()), { answerCorrect: true }],
    ['the last define', () => trigger(defineEvent([entry], {}, ids)), { issueTokens: true }],
  ]
  await gateway.putConfig(file, 100)
  clock.advance(400_000)
  const login = async (steps: (point: number) => void) => {
    for (const [point, [name, run, good]] of points.entries()) {
      steps(point)
      t.match(await run(), good, name)
    }
  }
  await login(() => undefined)
  const asked = stack.sts.calls.length
  for (const ms of [HOUR, -HOUR]) {
    for (const at of points.keys()) {
      await login((point) => {
        if (point === at) clock.step(ms)
      })
      clock.step(-ms)
    }
  }
  // The stand-ins go by the same date: an hour later the rights from before have expired for Cognito, once.
  t.equal(stack.sts.calls.length - asked, 1)
})

t.test(
  'no date of this machine or of STS costs an AssumeRole a call, or keeps credentials longer than they live',
  async (t) => {
    const config = withDefaults(file)
    const env = parseEnv(process.env)
    for (const skewMs of [-2 * HOUR, -HOUR, -60_000, 0, 60_000, HOUR, 24 * HOUR]) {
      const clock = createFrozenClock()
      let issued = 0
      const credentials = createTenantCredentials(
        env,
        async () => {
          issued += 1
          return {
            accessKeyId: 'id',
            secretAccessKey: 'key',
            sessionToken: 'token',
            expiration: new Date(clock.now() + HOUR + skewMs),
          }
        },
        clock,
      )
      const use = () => credentials.use(config, 'AdminGetUser', createCall(4_000, clock), async () => issued)
      for (let minute = 0; minute < 45; minute++) {
        t.equal(await use(), 1, `${skewMs} ms apart, minute ${minute}`)
        clock.advance(60_000)
      }
      clock.advance(15 * 60_000)
      t.equal(await use(), 2, `${skewMs} ms apart, an hour later`)
    }
  },
)

t.test('credentials that ended while the process was frozen are renewed, though it counted no time', async (t) => {
  clock.advance(400_000)
  t.match(await preLogin(), { statusCode: 200 })
  // Issued anew, and then the date alone goes on.
  clock.advance(HOUR)
  t.match(await preLogin(), { statusCode: 200 })
  const asked = stack.sts.calls.length
  clock.step(2 * HOUR)
  t.match(await preLogin(), { statusCode: 200, body: { identifier: USER } })
  t.equal(stack.sts.calls.length - asked, 1)
  clock.step(-2 * HOUR)
})

t.test('a request that was received stays received when the date is set', async (t) => {
  const clock = createFrozenClock()
  const callers = createCallers({
    ...{ env: parseEnv(process.env), clock, fetchParameter: async () => ({ value: '', version: 1 }) },
    ...{ isUsable: () => true, onSpoiled: () => {} },
  })
  t.equal(callers.isFirst('msg_1', 600_000), true)
  clock.step(HOUR)
  t.equal(callers.isFirst('msg_1', 600_000), false)
  clock.step(-2 * HOUR)
  t.equal(callers.isFirst('msg_1', 600_000), false)
  clock.advance(600_000)
  t.equal(callers.isFirst('msg_1', 600_000), true)
})

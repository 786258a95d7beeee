import t from 'tap'
import { buildApp } from '../../src/app.js'
import { parseEnv } from '../../src/env.js'
import { createHandler, lambdaInvocation } from '../../src/invocation.js'
import { gateway as role } from '../../src/local/accounts.js'
import { credentialVariables } from '../../src/local/aws/variables.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { createOutbox, mailCode, ownFunction } from '../../src/local/world/own-login.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { createLogger } from '../../src/plugins/logger.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { CLIENT_ID, startGateway } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

// A pool with a replica: Cognito calls the gateway of the region that a user's call comes to, so a login may begin at one and end
// at the other. Both read one table, as a global table gives it to both; what else each knows it has remembered for itself.

const first = await startGateway(t)
const { stack, clock } = first
const REGIONS = ['eu-central-1', 'eu-west-1'] as const
type Region = (typeof REGIONS)[number]
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const THEIRS = 'clientOfTheirOwn'

// Each region's stack gives its function the same rights there.
const policies = JSON.parse(JSON.stringify(role.policies).replaceAll(':eu-central-1:', ':*:'))
Object.assign(process.env, credentialVariables(stack.credentialsFor({ ...role, policies })))

/** The gateway of a region, with a memory and connections of its own. */
async function startRegion(region: Region) {
  const env = parseEnv({ LOG_LEVEL: 'trace', ...process.env, AWS_REGION: region })
  const upstreams = first.watch(createUpstreams(env, clock))
  const sink = createLogSink()
  const app = buildApp({
    ...{ env, upstreams, clock, logger: createLogger(env.logLevel, sink), invocationOf: lambdaInvocation },
  })
  const handler = await createHandler(app, clock)
  t.teardown(async () => {
    await app.close()
    await upstreams.close()
  })
  const send = async (event: Record<string, unknown>, { alias }: TenantFile, of: string = region) => {
    const context = {
      awsRequestId: 'request',
      invokedFunctionArn: hostedArn(alias).replace('eu-central-1', region),
      getRemainingTimeInMillis: () => 6_000,
    }
    const { response } = (await handler({ ...event, region: of }, context)) as { response: Record<string, unknown> }
    return response
  }
  return { send, take: sink.take, region }
}
const [home, away] = [await startRegion('eu-central-1'), await startRegion('eu-west-1')]
type Gateway = typeof home
const both: [from: Gateway, to: Gateway][] = [
  [home, away],
  [away, home],
]

let count = 0
async function tenant(more: Partial<Pick<TenantFile, 'login' | 'triggers' | 'actions'>> = {}) {
  count += 1
  const file = tenantFile({
    ...{ tenantId: `replica-${count}`, userPoolId: `eu-central-1_Replica${count}`, ...more },
    aws: { replicaRegions: ['eu-west-1'], externalId: `ext-${count}` },
  })
  await first.addTenant(file)
  stack.cognito.putUser(file.userPoolId, { username: USER })
  return file
}

/** The events of one login as Cognito sends them, each to the gateway that is named. */
function login(file: TenantFile, clientId = CLIENT_ID) {
  const session: object[] = []
  const more = { userPoolId: file.userPoolId, callerContext: { awsSdkVersion: 'x', clientId } }
  let challenge: Record<string, unknown> = {}
  return {
    session,
    define: (at: Gateway) => at.send(defineEvent(session, {}, more), file),
    async create(at: Gateway) {
      challenge = await at.send(createEvent(session, more), file)
      return challenge
    },
    verifyEvent: (answer: string) =>
      verifyEvent(answer, { privateChallengeParameters: challenge.privateChallengeParameters }, more),
    async verify(at: Gateway, answer: string) {
      const { answerCorrect } = await at.send(this.verifyEvent(answer), file)
      const { challengeMetadata = null } = challenge
      session.push({ challengeName: 'CUSTOM_CHALLENGE', challengeResult: answerCorrect === true, challengeMetadata })
      return answerCorrect
    },
  }
}
const prove = (file: TenantFile) => stack.corbado.sign(file.corbado.projectId, USER)
const issued = { issueTokens: true, failAuthentication: false }

t.test('a region that is not the tenant’s is refused by both', async (t) => {
  const file = await tenant()
  const event = defineEvent([], {}, { userPoolId: file.userPoolId })
  for (const at of [home, away]) await t.rejects(at.send(event, file, 'us-east-1'), at.region)
})

t.test('a login that begins in one region ends in the other, as one login, whichever step is where', async (t) => {
  for (const [from, to] of both) {
    for (let moved = 1; moved <= 3; moved += 1) {
      const file = await tenant()
      const at = (step: number) => (step < moved ? from : to)
      for (const gateway of [from, to]) gateway.take()
      const attempt = login(file)
      t.match(await attempt.define(at(0)), { challengeName: 'CUSTOM_CHALLENGE' })
      await attempt.create(at(1))
      t.equal(await attempt.verify(at(2), await prove(file)), true)
      t.match(await attempt.define(to), issued)
      const lines = [...from.take(), ...to.take()]
      const flows = new Set(lines.flatMap(({ flowId }) => flowId ?? []))
      t.equal(flows.size, 1, 'the lines of both name one login')
      t.strictSame([...new Set(lines.map(({ region }) => region))].sort(), [...REGIONS].sort())
    }
  }
})

t.test('wrong answers count wherever they were given', async (t) => {
  const file = await tenant()
  const attempt = login(file)
  for (const [from, to] of [both[0], both[1], both[0]] as typeof both) {
    t.match(await attempt.define(from), { challengeName: 'CUSTOM_CHALLENGE' })
    await attempt.create(to)
    t.equal(await attempt.verify(from, await stack.corbado.sign(file.corbado.projectId, 'someone-else')), false)
  }
  t.match(await attempt.define(away), { issueTokens: false, failAuthentication: true })
})

t.test(
  'a verdict is remembered where it was given: a repeated event in the other region goes to Corbado, which refuses',
  async (t) => {
    for (const [from, to] of both) {
      const file = await tenant()
      const attempt = login(file)
      await attempt.define(from)
      await attempt.create(from)
      const event = attempt.verifyEvent(await prove(file))
      const asked = stack.corbado.calls.length
      t.match(await from.send(event, file), { answerCorrect: true })
      t.match(await from.send(event, file), { answerCorrect: true }, 'Cognito’s own retry')
      t.equal(stack.corbado.calls.length - asked, 1)
      t.match(await to.send(event, file), { answerCorrect: false }, 'the proof is spent')
      t.equal(stack.corbado.calls.length - asked, 2)
    }
  },
)

t.test('each side has its own copy of the config, session and secret, and none of the other’s', async (t) => {
  const file = await tenant()
  const asked = { sts: stack.sts.calls.length, ssm: stack.ssm.calls.length }
  for (const at of [home, away]) {
    for (const _ of [1, 2]) {
      const attempt = login(file)
      await attempt.define(at)
      await attempt.create(at)
      t.equal(await attempt.verify(at, await prove(file)), true)
    }
  }
  t.equal(stack.ssm.calls.length - asked.ssm, 2, 'the secret once on each side')
  t.equal(stack.sts.calls.length - asked.sts, 0, 'a login needs no role')

  await first.putConfig({ ...file, status: 'passkeys-off' })
  clock.advance(60_001)
  await login(file).define(home)
  t.match(await login(file).define(home), { failAuthentication: true }, 'read again at home')
  const begun = login(file)
  t.match(await begun.define(away), { challengeName: 'CUSTOM_CHALLENGE' }, 'and here served while it is read again')
  await begun.create(away)
  t.equal(await begun.verify(home, await prove(file)), true, 'a login that began runs to its end on both')
  t.match(await begun.define(home), issued)
  t.match(await login(file).define(away), { failAuthentication: true })
})

/** A tenant whose function mails codes, at every app client but ours. */
async function withCodes(clientIds = [CLIENT_ID]) {
  const functionArn = `arn:aws:lambda:eu-central-1:111122223333:function:codes-${count}`
  const chain = { mode: 'chain', functionArn } as const
  const outbox = createOutbox()
  stack.lambda.putFunction({ functionArn, runner: inProcess(ownFunction(mailCode(outbox)), clock), aliases: [] })
  const triggers = { defineAuthChallenge: chain, createAuthChallenge: chain, verifyAuthChallengeResponse: chain }
  return { file: await tenant({ login: { clientIds }, triggers }), outbox }
}

t.test(
  'a login of the customer’s own function crosses regions too: both gateways invoke the one function',
  async (t) => {
    for (const [from, to] of both) {
      const { file, outbox } = await withCodes()
      const asked = stack.sts.calls.length
      const attempt = login(file, THEIRS)
      await attempt.define(from)
      await attempt.create(from)
      t.equal(await attempt.verify(to, outbox.last()), true)
      t.match(await attempt.define(to), { issueTokens: true })
      t.equal(stack.sts.calls.length - asked, 2, 'a session on each side')
    }
  },
)

t.test(
  'an app client that changes sides is seen by one region first, and in no case do tokens come of it',
  async (t) => {
    for (const [old, young] of both) {
      const { file, outbox } = await withCodes([CLIENT_ID, THEIRS])
      t.match(await login(file, THEIRS).define(old), { challengeName: 'CUSTOM_CHALLENGE' }, 'still Corbado’s there')
      await first.putConfig({ ...file, login: { clientIds: [CLIENT_ID] } })
      // Begun where it is the function's by now, it ends where it is still Corbado's.
      const theirs = login(file, THEIRS)
      await theirs.define(young)
      await theirs.create(young)
      t.equal(await theirs.verify(old, outbox.last()), false)
      t.match(await theirs.define(old), { issueTokens: false, failAuthentication: true })
      theirs.session.splice(0, 1, { ...(theirs.session[0] as object), challengeResult: true })
      t.match(await theirs.define(old), { issueTokens: false, failAuthentication: true }, 'nor a code that was right')
      // And the other way round: what the passkey proved, the function does not know.
      const ours = login(file, THEIRS)
      await ours.define(old)
      const { challengeMetadata } = await ours.create(old)
      t.match(String(challengeMetadata), new RegExp(`^${OWN}`))
      t.equal(await ours.verify(young, await prove(file)), false)
      t.match(await ours.define(young), { issueTokens: false })
      const proven = login(file, THEIRS)
      await proven.define(old)
      await proven.create(old)
      t.equal(await proven.verify(old, await prove(file)), true)
      const asked = stack.lambda.calls.length
      t.match(
        await proven.define(young),
        { issueTokens: false, failAuthentication: true },
        'nor a proof that was right',
      )
      t.equal(stack.lambda.calls.length, asked, 'the function is not asked')
    }
  },
)

t.test(
  'what a side knows of an app client’s other logins holds for its 60 s alone, and gives no claim on the other',
  async (t) => {
    for (const [knows, other] of both) {
      const clientIds = [CLIENT_ID]
      const file = await tenant({ login: { clientIds, claim: { name: 'corbado', clientIds } } })
      const put = (...ExplicitAuthFlows: ('ALLOW_CUSTOM_AUTH' | 'ALLOW_USER_PASSWORD_AUTH')[]) =>
        stack.cognito.putPool({
          ...{ userPoolId: file.userPoolId, accountId: file.aws.accountId, region: file.aws.region },
          ...{ lambdaConfig: {}, aliasAttributes: [] },
          clients: [
            {
              clientId: CLIENT_ID,
              preventUserExistenceErrors: true,
              allowCustomAuth: true,
              settings: { ExplicitAuthFlows },
            },
          ],
        })
      const event = triggerEvent('TokenGeneration_Authentication', {}, { userPoolId: file.userPoolId, version: '2' })
      const claims = async (at: Gateway) => JSON.stringify(await at.send(event, file)).includes('"amr":["passkey"]')
      put('ALLOW_CUSTOM_AUTH')
      t.equal(await claims(knows), true)
      put('ALLOW_CUSTOM_AUTH', 'ALLOW_USER_PASSWORD_AUTH')
      t.equal(await claims(other), false, 'which asks for itself')
      t.equal(await claims(knows), true, 'the docs say how long to wait')
      clock.advance(60_001)
      t.equal(await claims(knows), false)
    }
  },
)

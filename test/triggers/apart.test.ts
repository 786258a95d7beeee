import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { fieldsOf } from '../../src/fields.js'
import { PSEUDONYM_KEY_PARAMETER } from '../../src/local/accounts.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

// Two customers who use all of it, chained functions, the claim, post-login, connect tokens and made-up names, in one account and one process:
// nothing of one comes to the other, and nothing of either into a line. It is one world for all of that, so the file is long.

const gateway = await startGateway(t, { env: { PSEUDONYM_KEY_PARAMETER } })
const { stack, clock } = gateway
stack.ssm.put(PSEUDONYM_KEY_PARAMETER, 'a key of the pseudonyms that nobody can guess')
const container = await startContainer(t, gateway)
const ORIGIN = 'https://app.example.com'
const TIMES = 5

const canaries: string[] = []
const canary = (what: string) => {
  const value = `${what}-${randomUUID()}`
  canaries.push(value)
  return value
}

/** @param projectId of its own, if none is given */
async function newTenant(number: number, projectId = `pro-${4000 + number}`) {
  const userPoolId = `eu-central-1_Apart${number}`
  const [passkeys, codes] = [`apart${number}`, `apartcodes${number}`]
  const functionArn = `arn:aws:lambda:eu-central-1:111122223333:function:apart-${number}`
  const chain = { mode: 'chain', functionArn } as const
  const seen: Record<string, unknown>[] = []
  const secret = canary('of-the-function')
  stack.lambda.putFunction({
    functionArn,
    aliases: [],
    runner: inProcess(async (event) => {
      seen.push(event as Record<string, unknown>)
      return { ...(event as object), response: { of: number, secret } }
    }, clock),
  })
  const file = tenantFile({
    ...{ tenantId: `apart-${number}`, alias: `t-apart-${number}`, userPoolId },
    ...{ aws: { externalId: `ext-${number}` }, corbado: { projectId } },
    login: { clientIds: [passkeys], claim: { name: `apart${number}`, clientIds: [passkeys] } },
    actions: {
      preLogin: { unknownUser: 'decoy', acceptAttributeMatch: true },
      ...{ postAppend: { mfa: 'none' }, postLogin: { clientId: passkeys } },
    },
    limits: { listUsersPerSecond: 25 },
    triggers: {
      ...{ defineAuthChallenge: chain, createAuthChallenge: chain, verifyAuthChallengeResponse: chain },
      ...{ preSignUp: chain, userMigration: chain, customEmailSender: chain },
    },
    connectTokens: { clientIds: [passkeys], origins: [ORIGIN], types: ['passkey-list'] },
  })
  const settings = { ExplicitAuthFlows: ['ALLOW_CUSTOM_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const }
  const client = { preventUserExistenceErrors: true, allowCustomAuth: true }
  await gateway.addTenant(file, {
    clients: [
      { ...client, clientId: passkeys, settings: { ExplicitAuthFlows: [...settings.ExplicitAuthFlows] } },
      { ...client, clientId: codes },
    ],
    triggers: ['PreTokenGeneration'],
    apiSecret: `corbado1_of_${projectId}`,
  })
  /** Of one name in both pools: nothing but the pool tells them apart. */
  const [username, email] = ['7c9e6679-7425-40de-944b-e07fc1f90ae7', `ada-${number}@example.com`]
  stack.cognito.putUser(userPoolId, { username, attributes: { sub: username, email } })
  canaries.push(email)
  return { number, file, userPoolId, passkeys, codes, functionArn, seen, secret, username, email }
}
const tenants = [await newTenant(1), await newTenant(2)]
type Tenant = (typeof tenants)[number]

type Send = (event: object) => Promise<Record<string, unknown>>
/** Through the one door and the other. */
const sends: readonly Send[] = [
  (event) => gateway.trigger(event),
  async (event) => (await container.trigger(event)).body,
]

/** Everything of one tenant once, with what came back; an answer of the other's would show its number. */
const asks: ((tenant: Tenant, send: Send) => Promise<void>)[] = [
  ...['PreSignUp_SignUp', 'UserMigration_Authentication'].map(
    (source) =>
      async ({ userPoolId, number, secret }: Tenant, send: Send) => {
        const event = triggerEvent(source, { password: canary('password') }, { userPoolId })
        t.strictSame((await send(event)).response, { of: number, secret }, source)
      },
  ),
  ...[defineEvent([], {}), createEvent([]), verifyEvent(canary('code'), {})].map(
    (event) =>
      async ({ userPoolId, codes, number, secret }: Tenant, send: Send) => {
        const callerContext = { awsSdkVersion: 'x', clientId: codes }
        t.strictSame((await send({ ...event, userPoolId, callerContext })).response, { of: number, secret })
      },
  ),
  async ({ userPoolId }, send) => {
    const event = triggerEvent('CustomEmailSender_SignUp', { code: canary('sent-code') }, { userPoolId })
    t.strictSame(await send(event), event)
  },
]

/** A login by post-login, and a connect token for what it gave. */
async function wholeLogin({ file, userPoolId, passkeys, number, username }: Tenant) {
  const signedPasskeyData = await stack.corbado.sign(file.corbado.projectId, username)
  canaries.push(signedPasskeyData)
  const { statusCode, body } = await gateway.action({ action: 'post-login', userPoolId, signedPasskeyData })
  t.equal(statusCode, 200)
  const { IdToken, AccessToken, RefreshToken } = JSON.parse(String(body.session))
  canaries.push(IdToken, AccessToken, RefreshToken)
  const claims = decodeJwt(IdToken)
  t.match(claims, { aud: passkeys, iss: new RegExp(`${userPoolId}$`) })
  // With V1_0 the claim is a text.
  t.match(claims[`apart${number}`], /"amr":\["passkey"\]/)
  t.equal(claims[`apart${3 - number}`], undefined)
  return String(IdToken)
}

async function connect(of: Pick<Tenant, 'userPoolId'>, token: string) {
  const answer = await fetch(new URL(`/v1/pools/${of.userPoolId}/connect-tokens`, container.url), {
    method: 'POST',
    headers: { origin: ORIGIN, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'passkey-list' }),
  })
  const { connectToken } = fieldsOf(await answer.json())
  if (typeof connectToken === 'string') canaries.push(connectToken)
  return answer.status
}

t.test(
  'interleaved, each function gets the events of its own pool, and each pool the answers of its own function',
  async () => {
    const turns = Array.from({ length: TIMES }, () =>
      sends.flatMap((send) => asks.flatMap((ask) => tenants.map((tenant) => ask(tenant, send)))),
    ).flat()
    await Promise.all(turns)
    for (const { seen, userPoolId } of tenants) {
      const count = TIMES * asks.length * sends.length
      while (seen.length < count) await new Promise(setImmediate)
      t.equal(seen.length, count)
      t.ok(seen.every((event) => event.userPoolId === userPoolId))
    }
  },
)

t.test('a login and its claim are of one pool, and its token opens nothing at the other', async (t) => {
  const tokens = await Promise.all(tenants.map(wholeLogin))
  for (const [index, tenant] of tenants.entries()) {
    t.equal(await connect(tenant, tokens[1 - index] ?? ''), 401)
    t.equal(await connect(tenant, tokens[index] ?? ''), 200)
  }
  const [first, second] = tenants as [Tenant, Tenant]
  const proof = await stack.corbado.sign(first.file.corbado.projectId, first.username)
  const foreign = { action: 'post-login', userPoolId: second.userPoolId, signedPasskeyData: proof }
  t.match(await gateway.action(foreign), { statusCode: 401 }, 'a proof of the other project, of a user of that name')
})

t.test('connect tokens are asked for under the credential of the tenant whose user it is', async (t) => {
  for (const { file, userPoolId, username, passkeys } of tenants) {
    const before = stack.corbado.calls.length
    clock.advance(2_000)
    const proof = await stack.corbado.sign(file.corbado.projectId, username)
    canaries.push(proof)
    const { body } = await gateway.action({ action: 'post-login', userPoolId, signedPasskeyData: proof })
    const { IdToken } = JSON.parse(String(body.session))
    t.match(decodeJwt(IdToken), { aud: passkeys })
    t.equal(await connect({ userPoolId }, IdToken), 200)
    const calls = stack.corbado.calls.slice(before)
    t.strictSame(
      calls.map(({ operation, principal }) => [operation, principal]),
      [
        ['verifySignedData', file.corbado.projectId],
        ['connectTokens', file.corbado.projectId],
      ],
    )
  }
})

t.test('each pool makes up names of its own, and a user of the one is nobody at the other', async (t) => {
  const nobody = 'nobody@example.com'
  const preLogins = [
    (userPoolId: string, identifier: string) => gateway.action({ action: 'pre-login', userPoolId, identifier }),
    (userPoolId: string, identifier: string) => container.action({ action: 'pre-login', userPoolId, identifier }),
  ]
  const addresses = [nobody, ...tenants.map(({ email }) => email)]
  const told = new Map<string, Set<unknown>>()
  const ask = async ({ number, userPoolId }: Tenant, identifier: string, preLogin: (typeof preLogins)[number]) => {
    const { statusCode, body } = await preLogin(userPoolId, identifier)
    t.strictSame([statusCode, Object.keys(body)], [200, ['identifier']])
    const about = `${identifier} at ${number}`
    told.set(about, (told.get(about) ?? new Set()).add(body.identifier))
  }
  const before = stack.cognito.calls.length
  const turns = Array.from({ length: TIMES }, () =>
    preLogins.flatMap((one) => addresses.flatMap((address) => tenants.map((tenant) => ask(tenant, address, one)))),
  ).flat()
  await Promise.all(turns)
  const names = [...told].map(([about, all]) => {
    t.equal(all.size, 1, `${about}: the same through both doors, and each time`)
    return [about, String([...all][0])] as const
  })
  const [first, second] = tenants as [Tenant, Tenant]
  const own = tenants.map(({ email, number }) => `${email} at ${number}`)
  for (const [about, name] of names) {
    if (own.includes(about)) t.equal(name, first.username)
    else {
      t.match(name, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
      t.not(name, first.username, `${about}: nobody, though a user of this name is in both pools`)
      canaries.push(name)
    }
  }
  t.equal(new Set(names.map(([, name]) => name)).size, names.length - 1, 'every name that is made up is another')
  t.equal(second.username, first.username)
  const principals = stack.cognito.calls
    .slice(before)
    .map(({ principal, input }) => [String(principal).split('/').at(-1), fieldsOf(input).UserPoolId])
  for (const [principal, userPoolId] of principals) t.equal(principal, `corbado-${userPoolId}`)
  t.equal(principals.length, 2 * turns.length, 'the same two calls for everybody, with the rights of the own pool')
})

t.test('a proof that one pool’s post-login has spent opens nothing at another pool of the same project', async (t) => {
  const [first] = tenants as [Tenant, Tenant]
  const third = await newTenant(3, first.file.corbado.projectId)
  const { projectId } = first.file.corbado
  const logIn = ({ userPoolId }: Tenant, signedPasskeyData: string) =>
    gateway.action({ action: 'post-login', userPoolId, signedPasskeyData })
  for (const [one, other] of [
    [first, third],
    [third, first],
  ] as const) {
    const proof = await stack.corbado.sign(projectId, one.username)
    canaries.push(proof)
    t.match(await logIn(one, proof), { statusCode: 200 })
    t.match(await logIn(other, proof), { statusCode: 401 }, 'user and project alike, the pool is not')
    t.match(await logIn(one, proof), { statusCode: 401 }, 'nor at the same one again')
  }
})

t.test('through the other’s alias no function is asked and no claim is given', async (t) => {
  const [first, second] = tenants as [Tenant, Tenant]
  const { userPoolId, codes, passkeys } = first
  const through = { arn: hostedArn(second.file.alias) }
  const of = (clientId: string) => ({ userPoolId, callerContext: { awsSdkVersion: 'x', clientId } })
  const events = [
    ...['PreSignUp_SignUp', 'UserMigration_Authentication', 'CustomEmailSender_SignUp'].map((source) =>
      triggerEvent(source, {}, { userPoolId }),
    ),
    ...[defineEvent([], {}), createEvent([]), verifyEvent('code', {})].map((event) => ({ ...event, ...of(codes) })),
    triggerEvent('TokenGeneration_Authentication', {}, of(passkeys)),
  ]
  const seen = tenants.map((tenant) => tenant.seen.length)
  gateway.take()
  for (const event of events) {
    await t.rejects(gateway.trigger(event, through), { message: /^Sign-in with a passkey is not set up correctly\./ })
    const forwarded = await container.trigger(event, { alias: second.file.alias })
    t.match(forwarded, { statusCode: 403, body: { code: 'GW_ERR_TENANT_WRONG_ALIAS' } })
  }
  t.strictSame([...new Set(gateway.take().map(({ reason }) => reason))], ['tenant_wrong_alias'])
  t.strictSame(
    tenants.map((tenant) => tenant.seen.length),
    seen,
  )
})

t.test('an app client of the other’s pool has no claim, whoever names it', async (t) => {
  const [first, second] = tenants as [Tenant, Tenant]
  const { userPoolId } = first
  const callerContext = { awsSdkVersion: 'x', clientId: second.passkeys }
  const event = triggerEvent('TokenGeneration_Authentication', {}, { userPoolId, callerContext })
  t.strictSame(await gateway.trigger(event), event, 'in an event')
  const clientIds = [second.passkeys]
  const { triggers: _chained, ...file } = first.file
  const login = { clientIds, claim: { name: 'apart1', clientIds } }
  await gateway.putConfig({ ...file, login, actions: { postAppend: { mfa: 'none' } } })
  clock.advance(301_000)
  gateway.take()
  t.strictSame(await gateway.trigger(event), event, 'in a config: the pool of its own has none of that id')
  t.match(gateway.take(), [{ reason: 'claim_unproven', operation: 'DescribeUserPoolClient' }])
})

t.test('each session is of one tenant’s role, and names its pool or one function of its own', async (t) => {
  for (const { file, userPoolId, functionArn } of tenants) {
    const sessions = stack.sts.calls
      .map(({ input }) => fieldsOf(input))
      .filter(({ RoleSessionName }) => RoleSessionName === `corbado-${userPoolId}`)
    t.ok(sessions.length >= 2)
    for (const { RoleArn, ExternalId, Policy } of sessions) {
      t.strictSame([RoleArn, ExternalId], [file.aws.roleArn, file.aws.externalId])
      const [statement] = JSON.parse(String(Policy)).Statement
      t.match(statement.Resource, new RegExp(`${functionArn}$|:userpool/${userPoolId}$`))
    }
  }
})

t.test('a config that names the other’s function gets nothing of it: the role has no right to it', async (t) => {
  const [first, second] = tenants as [Tenant, Tenant]
  const preSignUp = { mode: 'chain', functionArn: second.functionArn } as const
  const before = second.seen.length
  await gateway.putConfig({ ...first.file, triggers: { preSignUp } })
  clock.advance(301_000)
  gateway.take()
  await t.rejects(gateway.trigger(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: first.userPoolId })), {
    message: /^This is not possible right now\. \(ref /,
  })
  t.match(gateway.take(), [{ outcome: 'fault', reason: 'chain_denied', tenantId: 'apart-1' }])
  t.equal(second.seen.length, before)
  t.ok(hostedArn(first.file.alias) !== hostedArn(second.file.alias))
})

t.test(
  'no line of either door has a password, a code, a proof, a token, an address or what a function said',
  async (t) => {
    const text = gateway.text() + container.text()
    t.ok(canaries.length > 40)
    t.strictSame(
      canaries.filter((one) => text.includes(one)),
      [],
    )
  },
)

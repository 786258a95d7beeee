import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t from 'tap'
import { useFastPowers } from '../../src/local/clients/big-integer.js'
import type { NewUser } from '../../src/local/cognito/index.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { type App, clients, type RealClient, type Stage, storedToken } from '../fixtures/clients.js'
import { startGateway } from '../fixtures/gateway.js'
import { stayOnLoopback } from '../fixtures/loopback.js'
import { tenantFile } from '../fixtures/tenants.js'
import { useFastAmplify } from './fixtures/amplify-powers.js'

const strangers = stayOnLoopback(t)
useFastPowers()
const gateway = await startGateway(t)
const { stack, clock } = gateway
/** Whatever must not be in a log line. */
const canaries: string[] = []

type Flow = 'passkey' | 'password-then-passkey'

let tenants = 0
/** A tenant with a pool of its own: two app clients, the second of which tells unknown users apart. */
async function newTenant(flow: Flow, maxAttempts: number, status: TenantFile['status'] = 'active') {
  const number = String(++tenants).padStart(4, '0')
  const projectId = `pro-${number}`
  const userPoolId = `eu-central-1_Clients${number}`
  const [web, legacy] = [`web${number}`, `legacy${number}`]
  const file = tenantFile({
    tenantId: `tenant-${number}`,
    customer: `tenant-${number}`,
    alias: `t-${number}`,
    userPoolId,
    status,
    login: { flow, maxAttempts },
    aws: { accountId: `11112222${number}` },
    corbado: { projectId, credentialParameter: `/corbado/gateway/${userPoolId}/backend-api` },
  })
  await gateway.addTenant(file, {
    aliasAttributes: ['email'],
    clients: [
      { clientId: web, preventUserExistenceErrors: true, allowCustomAuth: true },
      { clientId: legacy, preventUserExistenceErrors: false, allowCustomAuth: true },
    ],
  })
  function addUser() {
    const id = randomUUID()
    const user = {
      username: `user-${id}`,
      password: `pässwörd ${id}`,
      attributes: { sub: randomUUID(), email: `${id}@${number}.example`, email_verified: 'true' },
    } satisfies NewUser
    stack.cognito.putUser(userPoolId, user)
    canaries.push(user.password, user.attributes.email)
    return user
  }
  async function prove(username: string) {
    const proof = await stack.corbado.sign(projectId, username)
    canaries.push(proof)
    return proof
  }
  const options = { endpoint: stack.cognito.url, userPoolId, clientId: web }
  return {
    file,
    web,
    addUser,
    prove,
    /** What an app asks for in addition to the name. */
    passwordOf: ({ password }: { password: string }) => (flow === 'passkey' ? undefined : password),
    open: (client: RealClient) => client.open(options),
    openLegacy: (client: RealClient) => client.open({ ...options, clientId: legacy }),
  }
}
type Tenant = Awaited<ReturnType<typeof newTenant>>
type Person = ReturnType<Tenant['addUser']>

/** Outcome and reason of each trigger since the last time. */
const outcomes = () =>
  gateway.take().map(({ trigger, outcome, reason }) => [trigger, outcome, ...(reason === undefined ? [] : [reason])])
const DEFINE = 'define-auth-challenge'
const CREATE = 'create-auth-challenge'
const VERIFY = 'verify-auth-challenge-response'

const wrongLogin = { name: 'NotAuthorizedException', message: 'Incorrect username or password.' }

/** A call as the wire carries it: what becomes of a token once the client has thrown it away. */
async function call(operation: string, input: object): Promise<unknown> {
  const headers = { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` }
  const response = await fetch(stack.cognito.url, { method: 'POST', headers, body: JSON.stringify(input) })
  return response.json()
}

async function isSignedInAs(t: Tap, app: App, { username, attributes }: Person, clientId: string) {
  const { sub, email } = attributes
  t.strictSame(await app.currentUser(), { username, sub })
  t.match(await app.attributes(), { sub, email }, 'Cognito takes the access token for this user’s')
  const [access = '', id = ''] = [storedToken(app, 'accessToken'), storedToken(app, 'idToken')]
  t.match(decodeJwt(access), { token_use: 'access', client_id: clientId, username, sub })
  t.match(decodeJwt(id), { token_use: 'id', aud: clientId, 'cognito:username': username, sub, email })
}
async function isSignedOut(t: Tap, app: App) {
  t.equal(await app.currentUser(), undefined, 'no user is signed in')
  for (const kind of ['accessToken', 'idToken', 'refreshToken'] as const) t.equal(storedToken(app, kind), undefined)
}
type Tap = Pick<typeof t, 'equal' | 'match' | 'strictSame'>

const suites = [
  { flow: 'passkey', maxAttempts: 3, tenant: await newTenant('passkey', 3) },
  { flow: 'password-then-passkey', maxAttempts: 2, tenant: await newTenant('password-then-passkey', 2) },
] as const

t.test('the guard lets nothing but loopback through', async (t) => {
  await t.rejects(fetch('http://192.0.2.1:8080'))
  await t.rejects(fetch('https://cognito-idp.eu-central-1.amazonaws.com'))
  t.strictSame(strangers.splice(0), ['192.0.2.1:8080', 'cognito-idp.eu-central-1.amazonaws.com:443'])
})

t.test('aws-amplify signs in with a password by its own arithmetic, and by the numbers of OpenSSL', async (t) => {
  const { tenant } = suites[1]
  const person = tenant.addUser()
  const signIn = async () => {
    const app = tenant.open(clients.amplify)
    t.match(await app.signIn(person.username, person.password), { kind: 'challenge' })
    t.strictSame(await app.answer(await tenant.prove(person.username)), { kind: 'signed in' })
    await isSignedInAs(t, app, person, tenant.web)
    await app.signOut()
  }
  await signIn()
  const fastPowers = await useFastAmplify()
  await signIn()
  t.equal(fastPowers(), 3, 'which it uses from here on: they cost a tenth')
})

for (const client of Object.values(clients)) {
  for (const { flow, maxAttempts, tenant } of suites) {
    const { prove, addUser, passwordOf } = tenant

    t.test(`${client.name}, ${flow}: wrong passkeys run out, and a fresh login works`, async (t) => {
      const [person, other] = [addUser(), addUser()]
      const app = tenant.open(client)
      const signIn = () => app.signIn(person.username, passwordOf(person))
      t.match(await signIn(), { kind: 'challenge' })
      for (let attempt = 1; attempt < maxAttempts; attempt += 1) {
        t.match(await app.answer(await prove(other.username)), { kind: 'challenge' }, 'asked again, without an error')
      }
      gateway.take()
      await t.rejects(app.answer(await prove(other.username)), wrongLogin, 'in these words')
      t.strictSame(outcomes(), [
        [VERIFY, 'incorrect', 'user_mismatch'],
        [DEFINE, 'fail', 'attempts_exhausted'],
      ])
      await isSignedOut(t, app)

      const [unspent, before] = [await prove(person.username), stack.corbado.calls.length]
      await t.rejects(app.answer(unspent), { name: 'NotAuthorizedException' }, 'the right one comes too late')
      t.strictSame([outcomes(), stack.corbado.calls.length], [[], before], 'and is spent on nothing')
      t.match(await signIn(), { kind: 'challenge' })
      t.strictSame(await app.answer(unspent), { kind: 'signed in' })
      await isSignedInAs(t, app, person, tenant.web)
    })

    t.test(`${client.name}, ${flow}: an unknown user looks like a known one who fails`, async (t) => {
      const person = addUser()
      /** All that the app gets to see, with proofs for this name. */
      async function tryAll(typed: string, password: string | undefined, proven: string): Promise<unknown[]> {
        const app = tenant.open(client)
        const seen: unknown[] = []
        try {
          const begun = await app.signIn(typed, password)
          seen.push(begun.kind, begun.kind === 'challenge' && Object.keys(begun.parameters))
          for (;;) seen.push((await app.answer(await prove(proven))).kind)
        } catch (error) {
          seen.push(error instanceof Error && [error.name, error.message])
        }
        return seen
      }
      const refusal = [wrongLogin.name, wrongLogin.message]
      const [other, nobody] = [addUser(), `user-${randomUUID()}`]
      const wrongPassword = flow === 'passkey' ? undefined : `not ${person.password}`
      const known = await tryAll(person.username, wrongPassword, other.username)
      gateway.take()
      t.strictSame(await tryAll(nobody, passwordOf(person), nobody), known, 'whatever Corbado says of the name')
      if (flow === 'passkey') {
        t.strictSame(known, ['challenge', ['dummy', 'USERNAME'], 'challenge', 'challenge', refusal])
        const reasons = outcomes().flatMap(([trigger, , reason]) => (trigger === VERIFY ? [reason] : []))
        t.strictSame(reasons, ['user_not_found', 'user_not_found', 'user_not_found'])
      } else {
        t.strictSame(known, [refusal], 'at the password already')
        t.strictSame(outcomes(), [[DEFINE, 'challenge']])
      }
    })

    t.test(`${client.name}, ${flow}: an app client that tells users apart does so before any trigger`, async (t) => {
      const person = addUser()
      const app = tenant.openLegacy(client)
      gateway.take()
      await t.rejects(app.signIn(`user-${randomUUID()}`, passwordOf(person)), {
        name: 'UserNotFoundException',
        message: 'User does not exist.',
      })
      t.strictSame(outcomes(), [])
      await app.signIn(person.username, passwordOf(person))
      t.strictSame(await app.answer(await prove(person.username)), { kind: 'signed in' })
    })

    t.test(`${client.name}, ${flow}: a login that begins the other flow's way is refused`, async (t) => {
      const person = addUser()
      const app = tenant.open(client)
      gateway.take()
      const [password, reason] =
        flow === 'passkey' ? [person.password, 'foreign_challenge'] : [undefined, 'unexpected_challenge']
      await t.rejects(app.signIn(person.username, password), wrongLogin)
      t.strictSame(outcomes(), [[DEFINE, 'fail', reason]])
      await isSignedOut(t, app)
    })

    t.test(`${client.name}, ${flow}: what a trigger throws is shown as public text and reference`, async (t) => {
      const suspended = await newTenant(flow, maxAttempts, 'suspended')
      const person = suspended.addUser()
      const app = suspended.open(client)
      gateway.take()
      const shown = await app.signIn(person.username, passwordOf(person)).catch((error: unknown) => error)
      const [line, ...more] = gateway.take()
      t.match(line, { trigger: DEFINE, outcome: 'rejected', requestId: String })
      t.equal(more.length, 0)
      t.match(shown, {
        name: 'UserLambdaValidationException',
        message: `DefineAuthChallenge failed with error Sign-in with a passkey is not available right now. (ref ${line?.requestId}).`,
      })
      await isSignedOut(t, app)
    })

    t.test(`${client.name}, ${flow}: a tenant suspended during a login ends it with that text`, async (t) => {
      const paused = await newTenant(flow, maxAttempts)
      const person = paused.addUser()
      const app = paused.open(client)
      const signIn = () => app.signIn(person.username, passwordOf(person))
      await signIn()
      await gateway.putConfig({ ...paused.file, status: 'suspended' })
      clock.advance(61_000)
      gateway.take()
      const shown = await app.answer(await paused.prove(person.username)).catch((error: unknown) => error)
      const [verified, refused] = gateway.take()
      t.match(verified, { trigger: VERIFY, outcome: 'correct' }, 'served while the config is read again')
      t.match(shown, {
        name: 'UserLambdaValidationException',
        message: `DefineAuthChallenge failed with error Sign-in with a passkey is not available right now. (ref ${refused?.requestId}).`,
      })
      await isSignedOut(t, app)

      await gateway.putConfig(paused.file, 3)
      clock.advance(301_000)
      await signIn()
      t.strictSame(await app.answer(await paused.prove(person.username)), { kind: 'signed in' })
      await isSignedInAs(t, app, person, paused.web)
    })

    t.test(
      `${client.name}, ${flow}: while Corbado fails no user gets in, and the same proof is accepted once it is back`,
      async (t) => {
        const person = addUser()
        const app = tenant.open(client)
        await app.signIn(person.username, passwordOf(person))
        const proof = await prove(person.username)
        gateway.take()
        await stack.corbado.setFault({ kind: 'status', status: 503 })
        t.match(await app.answer(proof), { kind: 'challenge' })
        await stack.corbado.setFault(undefined)
        t.match(outcomes()[0], [VERIFY, 'incorrect', 'backend_unavailable'])
        t.strictSame(await app.answer(proof), { kind: 'signed in' })
      },
    )

    t.test(
      `${client.name}, ${flow}: after a wrong passkey the right one signs in, and signing out ends it`,
      async (t) => {
        const [person, other] = [addUser(), addUser()]
        const app = tenant.open(client)
        gateway.take()
        // Typed is an alias: what Corbado vouches for is the canonical name that Cognito answers with.
        const begun = await app.signIn(person.attributes.email, passwordOf(person))
        t.strictSame(begun, { kind: 'challenge', parameters: { dummy: 'dummy', USERNAME: person.username } })
        t.match(await app.answer(await prove(other.username)), begun, 'asked again')
        await isSignedOut(t, app)
        t.strictSame(await app.answer(await prove(person.username)), { kind: 'signed in' })
        t.strictSame(outcomes(), [
          ...(flow === 'passkey' ? [] : [[DEFINE, 'challenge']]),
          [DEFINE, 'challenge'],
          [CREATE, 'created'],
          [VERIFY, 'incorrect', 'user_mismatch'],
          [DEFINE, 'challenge'],
          [CREATE, 'created'],
          [VERIFY, 'correct', 'verified'],
          [DEFINE, 'tokens'],
        ])
        await isSignedInAs(t, app, person, tenant.web)

        const first = storedToken(app, 'accessToken')
        await app.renew()
        t.not(storedToken(app, 'accessToken'), first, 'the tokens can be renewed')
        await isSignedInAs(t, app, person, tenant.web)
        t.strictSame(outcomes(), [], 'without another login')

        const phone = tenant.open(client)
        await phone.signIn(person.username, passwordOf(person))
        await phone.answer(await prove(person.username))
        const [AccessToken, RefreshToken] = [storedToken(app, 'accessToken'), storedToken(app, 'refreshToken')]
        await app.signOut()
        await isSignedOut(t, app)
        const revoked = { __type: 'NotAuthorizedException', message: 'Access Token has been revoked' }
        t.match(await call('GetUser', { AccessToken: first }), revoked)
        t.match(await call('GetUser', { AccessToken }), revoked)
        const renewal = { __type: 'NotAuthorizedException', message: 'Refresh Token has been revoked' }
        t.match(await call('GetTokensFromRefreshToken', { ClientId: tenant.web, RefreshToken }), renewal)
        const AuthParameters = { REFRESH_TOKEN: RefreshToken }
        const refresh = { ClientId: tenant.web, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters }
        t.match(await call('InitiateAuth', refresh), renewal)
        await isSignedInAs(t, phone, person, tenant.web)
      },
    )

    t.test(`${client.name}, ${flow}: signing out everywhere ends the user's logins, and no other user's`, async (t) => {
      const [person, other] = [addUser(), addUser()]
      async function signedIn(who: Person) {
        const app = tenant.open(client)
        await app.signIn(who.username, passwordOf(who))
        await app.answer(await prove(who.username))
        return app
      }
      const [app, phone, stranger] = [await signedIn(person), await signedIn(person), await signedIn(other)]
      await app.signOutEverywhere()
      await isSignedOut(t, app)
      await t.rejects(phone.attributes(), { name: 'NotAuthorizedException', message: 'Access Token has been revoked' })
      await isSignedInAs(t, stranger, other, tenant.web)
      await isSignedInAs(t, await signedIn(person), person, tenant.web)
    })
  }

  t.test(`${client.name}: a wrong password is refused before the passkey is asked for`, async (t) => {
    const tenant = await newTenant('password-then-passkey', 3)
    const person = tenant.addUser()
    const app = tenant.open(client)
    gateway.take()
    await t.rejects(app.signIn(person.username, `${person.password}!`), wrongLogin)
    t.strictSame(outcomes(), [[DEFINE, 'challenge']], 'Define heard of SRP_A alone')
    t.match(await app.signIn(person.username, person.password), { kind: 'challenge' })
  })
}

t.test('logins of two tenants at once, in one process, stay apart', async (t) => {
  const pair = [await newTenant('passkey', 3), await newTenant('password-then-passkey', 2)]
  const before = stack.corbado.calls.length
  const seats = pair.flatMap((tenant, index) =>
    Array.from({ length: 4 }, () => ({
      tenant,
      rival: pair[1 - index] ?? tenant,
      person: tenant.addUser(),
      app: tenant.open(clients.identityJs),
    })),
  )
  gateway.take()
  const all = (act: (seat: (typeof seats)[number]) => Promise<Stage>) =>
    Promise.all(
      seats.map(async (seat, index) => {
        // Out of step, so that the tenants' calls mix.
        await sleep(index % 3)
        return act(seat)
      }),
    )
  const kinds = (stages: Stage[]) => [...new Set(stages.map(({ kind }) => kind))]
  t.strictSame(kinds(await all(({ app, person, tenant }) => app.signIn(person.username, tenant.passwordOf(person)))), [
    'challenge',
  ])
  const foreign = await all(async ({ app, person, rival }) => app.answer(await rival.prove(person.username)))
  t.strictSame(kinds(foreign), ['challenge'], 'a proof of the same name from the other tenant’s project is none')
  const right = await all(async ({ app, person, tenant }) => app.answer(await tenant.prove(person.username)))
  t.strictSame(kinds(right), ['signed in'])
  for (const { app, person, tenant } of seats) await isSignedInAs(t, app, person, tenant.web)

  const lines = gateway.take()
  for (const { file } of pair) {
    const own = lines.filter(({ tenantId }) => tenantId === file.tenantId)
    t.ok(own.every(({ userPoolId, alias }) => userPoolId === file.userPoolId && alias === file.alias))
    const reasons = own.flatMap(({ trigger, reason }) => (trigger === VERIFY ? [reason] : []))
    t.strictSame(reasons.sort(), [...Array(4).fill('verified'), ...Array(4).fill('wrong_project')])
  }
  t.equal(stack.corbado.calls.length - before, seats.length, 'the foreign proofs cost no call')

  const [leaving, ...staying] = seats
  await leaving?.app.signOut()
  for (const { app, person, tenant } of staying) await isSignedInAs(t, app, person, tenant.web)
})

t.test('none of all this left loopback, and no log line names a person, a password or a proof', async (t) => {
  t.strictSame(strangers, [])
  const text = gateway.text()
  t.ok(canaries.length > 100)
  t.strictSame(
    canaries.filter((canary) => text.includes(canary)),
    [],
  )
})

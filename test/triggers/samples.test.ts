import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Fields, fieldsOf } from '../../src/fields.js'
import { type LoginStage, startLogin } from '../../src/local/clients/login.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { createOutbox, mailCode, type Outbox, type OwnLogin, ownFunction } from '../../src/local/world/own-login.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'
import { codeAfterPassword, magicLink } from './fixtures/samples.js'

// What AWS's public samples do without passwords goes on at one app client of a pool, beside passkeys at another: all through
// the gateway's handler, with the embedded Cognito before it and the customer's function behind it.

const gateway = await startGateway(t)
const { stack, clock } = gateway
const canaries: string[] = []

let pools = 0
/** A pool with one app client for passkeys and one for its own login, and a user in it. */
async function setUp(own: (outbox: Outbox) => OwnLogin) {
  const number = ++pools
  const userPoolId = `eu-central-1_Sample${number}`
  const [passkeys, theirs] = [`passkeys${number}`, `own${number}`]
  const functionArn = `arn:aws:lambda:eu-central-1:111122223333:function:own-login-${number}`
  const chain = { mode: 'chain', functionArn } as const
  const outbox = createOutbox()
  stack.lambda.putFunction({ functionArn, runner: inProcess(ownFunction(own(outbox)), clock), aliases: [] })
  const file = tenantFile({
    tenantId: `sample-${number}`,
    userPoolId,
    login: { clientIds: [passkeys] },
    triggers: { defineAuthChallenge: chain, createAuthChallenge: chain, verifyAuthChallengeResponse: chain },
  })
  await gateway.addTenant(file, {
    clients: [passkeys, theirs].map((clientId) => ({
      ...{ clientId, preventUserExistenceErrors: true, allowCustomAuth: true },
    })),
  })
  const person = (name: string) => {
    const email = `${name}-${randomUUID()}@example.com`
    const attributes = { sub: randomUUID(), email, email_verified: 'true', phone_number: '+493023125017' }
    const user = { username: `${name}-${number}`, password: `Pässwörd-${randomUUID()}`, attributes }
    stack.cognito.putUser(userPoolId, user)
    canaries.push(email, user.password)
    return user
  }
  const [ada, bo] = [person('ada'), person('bo')]
  const login = (clientId: string, password?: string, username = ada.username) =>
    startLogin({ endpoint: stack.cognito.url, userPoolId, clientId, username, password })
  return {
    file,
    passkeys,
    theirs,
    outbox,
    ada,
    bo,
    login,
    prove: () => stack.corbado.sign(file.corbado.projectId, ada.username),
  }
}
type World = Awaited<ReturnType<typeof setUp>>

/** Answers a challenge; fails if none waits. */
async function answer(stage: LoginStage, text: string): Promise<LoginStage> {
  if (stage.kind !== 'challenge') throw new Error(stage.kind)
  canaries.push(text)
  return stage.answer(text)
}

/** Who decided what since the last time: `chained`, or what the gateway decided itself. */
const outcomes = () => gateway.take().map(({ outcome }) => outcome)
const theirs = (triggers: number) => Array(triggers).fill('chained')

/** A passkey login at the other app client, which must not hear of the pool's own login. */
async function passkeyWorks(t: Tap.Test, { login, passkeys, prove, outbox, ada }: World): Promise<void> {
  const before = outbox.sent.length
  gateway.take()
  t.match(await answer(await login(passkeys), await prove()), { kind: 'tokens', username: ada.username })
  t.strictSame(outcomes(), ['challenge', 'created', 'correct', 'tokens'])
  t.equal(outbox.sent.length, before, 'and nothing is sent')
}
declare namespace Tap {
  type Test = Pick<typeof t, 'match' | 'strictSame' | 'equal'>
}

/** The wire itself, for what no client's call has: metadata of single answers. */
async function call(operation: string, input: Fields): Promise<Fields> {
  const headers = { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` }
  const response = await fetch(stack.cognito.url, { method: 'POST', headers, body: JSON.stringify(input) })
  return fieldsOf(await response.json())
}

t.test(
  'a code by mail: three tries, then the end; beside it the passkey, and neither opens the other’s client',
  async (t) => {
    const world = await setUp(mailCode)
    const { login, theirs: own, passkeys, outbox, ada, prove } = world
    const first = await login(own)
    t.match(outbox.sent, [{ to: ada.attributes.email, text: /^\d{6}$/ }])
    t.match(await answer(first, outbox.last()), { kind: 'tokens', username: ada.username })
    t.strictSame(outcomes(), theirs(4))

    let stage = await login(own)
    for (const _ of [1, 2]) stage = await answer(stage, 'wrong!')
    t.equal(outbox.sent.length, 2, 'a second try is of the same code')
    t.match(await answer(stage, outbox.last()), { kind: 'tokens' })
    stage = await login(own)
    for (const _ of [1, 2, 3]) stage = await answer(stage, 'wrong!')
    t.match(stage, { kind: 'refused', error: 'NotAuthorizedException' })
    t.ok(outcomes().every((outcome) => outcome === 'chained'))
    await passkeyWorks(t, world)

    t.match(await answer(await login(own), await prove()), { kind: 'challenge' }, 'a proof is no code')
    t.match(await answer(await login(passkeys), outbox.last()), { kind: 'challenge' }, 'a code is no proof')
  },
)

t.test('a session begun at one client goes nowhere at the other', async (t) => {
  const { passkeys, theirs: own, outbox, ada, prove } = await setUp(mailCode)
  const begin = (ClientId: string) =>
    call('InitiateAuth', { ClientId, AuthFlow: 'CUSTOM_AUTH', AuthParameters: { USERNAME: ada.username } })
  const respond = (ClientId: string, { Session }: Fields, ANSWER: string) =>
    call('RespondToAuthChallenge', {
      ...{ ClientId, Session, ChallengeName: 'CUSTOM_CHALLENGE' },
      ChallengeResponses: { USERNAME: ada.username, ANSWER },
    })
  const [theirCode, ours] = [await begin(own), await begin(passkeys)]
  const proof = await prove()
  const refused = { __type: 'NotAuthorizedException' }
  t.match(await respond(own, ours, proof), refused)
  t.match(await respond(passkeys, theirCode, outbox.last()), refused)
  t.match(await respond(passkeys, theirCode, proof), refused)
  t.match(await respond(own, theirCode, outbox.last()), { AuthenticationResult: { AccessToken: String } })
  t.match(await respond(passkeys, ours, proof), { AuthenticationResult: { AccessToken: String } })
})

t.test('a link by mail: asked for, opened in another window, good once and for a quarter of an hour', async (t) => {
  gateway.take()
  const world = await setUp((outbox) => magicLink(outbox, clock))
  const { theirs: ClientId, outbox, ada, bo } = world
  /** How far a login of the link comes: asked how to go on, then for the link. */
  async function ask(ClientMetadata: Fields, USERNAME = ada.username) {
    const begun = await call('InitiateAuth', { ClientId, AuthFlow: 'CUSTOM_AUTH', AuthParameters: { USERNAME } })
    t.match(begun, { ChallengeParameters: { challenge: 'PROVIDE_AUTH_PARAMETERS' } })
    return respond(begun, '__dummy__', ClientMetadata, USERNAME)
  }
  function respond({ Session }: Fields, ANSWER: string, ClientMetadata: Fields, USERNAME = ada.username) {
    canaries.push(ANSWER)
    const ChallengeResponses = { USERNAME, ANSWER }
    const ChallengeName = 'CUSTOM_CHALLENGE'
    return call('RespondToAuthChallenge', { ClientId, Session, ChallengeName, ChallengeResponses, ClientMetadata })
  }
  const [sends, has] = [
    { signInMethod: 'MAGIC_LINK', alreadyHaveMagicLink: 'no' },
    { signInMethod: 'MAGIC_LINK', alreadyHaveMagicLink: 'yes' },
  ]
  const open = async (link: string, username?: string) => respond(await ask(has, username), link, has, username)
  const refused = { __type: 'NotAuthorizedException' }

  t.match(await ask({ signInMethod: 'FIDO2' }), refused, 'another method is the function’s to refuse')
  t.equal(outbox.sent.length, 0)
  t.match(await ask(sends), { ChallengeParameters: { challenge: 'MAGIC_LINK' } })
  t.match(outbox.sent, [{ to: ada.attributes.email }])
  const link = outbox.last()
  t.match(await open(link, bo.username), refused, 'not another user’s')
  t.match(await open(link), refused, 'and spent by that')
  await ask(sends)
  t.match(await open(outbox.last()), { AuthenticationResult: { AccessToken: String } })
  t.match(await open(outbox.last()), refused, 'once')
  await ask(sends)
  clock.advance(901_000)
  t.match(await open(outbox.last()), refused, 'and not for ever')
  t.ok(outcomes().every((outcome) => outcome === 'chained'))
  await passkeyWorks(t, world)
})

t.test(
  'a code after the password: Cognito checks the password, the function the code, and neither alone is enough',
  async (t) => {
    const world = await setUp(codeAfterPassword)
    const { login, theirs: own, passkeys, outbox, ada, prove } = world
    const asked = await login(own, ada.password)
    t.match(outbox.sent, [{ to: ada.attributes.phone_number, text: /^\d{6}$/ }])
    t.match(await answer(asked, outbox.last()), { kind: 'tokens', username: ada.username })
    t.strictSame(outcomes(), theirs(5))
    t.match(await answer(await login(own, ada.password), 'wrong!'), {
      kind: 'refused',
      error: 'NotAuthorizedException',
    })
    t.match(await login(own, `${ada.password}!`), { kind: 'refused', error: 'NotAuthorizedException' })
    t.match(await login(own), { kind: 'refused' }, 'a login without a password is none of the function’s')
    t.match(await login(passkeys, ada.password), { kind: 'refused' }, 'nor is one with a password Corbado’s')
    t.match(await answer(await login(own, ada.password), await prove()), { kind: 'refused' }, 'a proof is no code')
    await passkeyWorks(t, world)
  },
)

t.test('an unknown user gets what the function makes of it, and a passkey client no word of it', async (t) => {
  const world = await setUp(mailCode)
  const stage = await world.login(world.theirs, undefined, 'nobody-here')
  t.match(stage, { kind: 'challenge' })
  t.match(await answer(stage, world.outbox.last()), { kind: 'refused' }, 'Cognito gives no tokens for nobody')
  await passkeyWorks(t, world)
})

t.test('no line has an address, a code, a link, a password or a proof', async (t) => {
  const text = gateway.text()
  t.ok(canaries.length > 30)
  // Six digits may stand in a longer number by chance.
  const isIn = (canary: string) =>
    /^\d{6}$/.test(canary) ? new RegExp(`(?<![\\w.-])${canary}(?![\\w-])`).test(text) : text.includes(canary)
  t.strictSame(
    canaries.filter((canary) => canary !== 'wrong!' && canary !== '__dummy__' && isIn(canary)),
    [],
  )
})

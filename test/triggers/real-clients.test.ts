import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { inProcess } from '../../src/local/lambda/index.js'
import { createOutbox, mailCode, ownFunction } from '../../src/local/world/own-login.js'
import { clients, storedToken } from '../fixtures/clients.js'
import { startGateway } from '../fixtures/gateway.js'
import { stayOnLoopback } from '../fixtures/loopback.js'
import { tenantFile } from '../fixtures/tenants.js'

// One pool, two app clients: a passkey at one, a code by mail of the customer's own function at the other, with the two clients
// that apps use.

const strangers = stayOnLoopback(t)
const gateway = await startGateway(t)
const { stack, clock } = gateway
const outbox = createOutbox()
const functionArn = 'arn:aws:lambda:eu-central-1:111122223333:function:mailed-codes'
stack.lambda.putFunction({ functionArn, runner: inProcess(ownFunction(mailCode(outbox)), clock), aliases: [] })
const chain = { mode: 'chain', functionArn } as const
const [passkeys, codes] = ['passkeyclient0001', 'mailedcodes000001']
const file = tenantFile({
  userPoolId: 'eu-central-1_TwoClients',
  login: { clientIds: [passkeys] },
  triggers: { defineAuthChallenge: chain, createAuthChallenge: chain, verifyAuthChallengeResponse: chain },
})
const { userPoolId } = file
await gateway.addTenant(file, {
  aliasAttributes: ['email'],
  clients: [passkeys, codes].map((clientId) => ({ clientId, preventUserExistenceErrors: true, allowCustomAuth: true })),
})
const prove = (username: string) => stack.corbado.sign(file.corbado.projectId, username)

for (const client of Object.values(clients)) {
  t.test(`${client.name}: a user signs in with a code at one app client and a passkey at the other`, async (t) => {
    const email = `${randomUUID()}@example.com`
    const user = { username: randomUUID(), attributes: { sub: randomUUID(), email, email_verified: 'true' } }
    stack.cognito.putUser(userPoolId, user)
    const open = (clientId: string) => client.open({ endpoint: stack.cognito.url, userPoolId, clientId })
    const { username } = user

    const mailed = open(codes)
    t.match(await mailed.signIn(email), { kind: 'challenge', parameters: { email } })
    t.match(await mailed.answer('000'), { kind: 'challenge' }, 'asked again, without an error')
    t.strictSame(await mailed.answer(outbox.last()), { kind: 'signed in' })
    t.match(await mailed.currentUser(), { username, sub: user.attributes.sub })
    t.match(decodeJwt(storedToken(mailed, 'accessToken') ?? ''), { client_id: codes, username })
    t.ok(gateway.take().every(({ outcome }) => outcome === 'chained'))

    const app = open(passkeys)
    const begun = await app.signIn(email)
    t.strictSame(begun, { kind: 'challenge', parameters: { dummy: 'dummy', USERNAME: username } })
    t.match(await app.answer(outbox.last()), { kind: 'challenge' }, 'a code is no proof')
    t.strictSame(await app.answer(await prove(username)), { kind: 'signed in' })
    t.match(decodeJwt(storedToken(app, 'accessToken') ?? ''), { client_id: passkeys, username })
    t.notOk(gateway.take().some(({ outcome }) => outcome === 'chained'))

    t.match(await mailed.signIn(email).catch(() => mailed.signOut().then(() => mailed.signIn(email))), {
      kind: 'challenge',
    })
    await t.rejects(
      (async () => {
        for (const _ of [1, 2, 3]) await mailed.answer(await prove(username))
      })(),
      { name: 'NotAuthorizedException' },
      'a proof is no code, and three wrong ones are the end',
    )
  })
}

t.test('nothing left loopback, and no line has an address', async (t) => {
  t.strictSame(strangers, [])
  t.notMatch(gateway.text(), /@example\.com/)
})

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { CognitoIdentityProviderClient, InitiateAuthCommand } from '@aws-sdk/client-cognito-identity-provider'
import { SignJWT } from 'jose'
import t from 'tap'
import { FUNCTION_ARN } from '../../src/local/accounts.js'
import { startContainer } from '../fixtures/container.js'
import { startGateway } from '../fixtures/gateway.js'
import { pages } from '../fixtures/pages.js'
import { tenantFile } from '../fixtures/tenants.js'
import { makeKeyPair } from '../local/fixtures/key-pairs.js'

const gateway = await startGateway(t)
const { stack, clock } = gateway
const { cognito, corbado, ssm } = stack
const container = await startContainer(t, gateway)

const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const EMAIL = 'ada@acme.example'
const ORIGIN = 'https://app.acme.example'
const TYPES = ['passkey-append', 'passkey-list'] as const

let pools = 0
async function newTenant(more: Parameters<typeof tenantFile>[0] = {}) {
  pools += 1
  const [clientId, otherId] = [`tokens${pools}`, `others${pools}`]
  const file = tenantFile({
    ...{ userPoolId: `eu-central-1_Tokens${pools}`, tenantId: `tokens-${pools}`, alias: `t-tokens-${pools}` },
    ...{ aws: { externalId: `ext-${pools}` }, corbado: { projectId: `pro-${3000 + pools}` } },
    actions: { postAppend: { mfa: 'none' }, postLogin: { clientId } },
    connectTokens: { clientIds: [clientId], origins: [ORIGIN], types: [...TYPES] },
    ...more,
  })
  const clients = [clientId, otherId].map((id) => ({
    ...{ clientId: id, preventUserExistenceErrors: true, allowCustomAuth: true },
  }))
  await gateway.addTenant(file, { clients })
  cognito.putUser(file.userPoolId, { username: USER, attributes: { sub: USER, email: EMAIL } })
  cognito.putUser(file.userPoolId, { username: 'no-mail', attributes: { sub: 'no-mail' } })
  return { ...file, clientId, otherId }
}
type Tenant = Awaited<ReturnType<typeof newTenant>>

/** The tokens of a login with a passkey. */
async function tokensOf({ userPoolId, corbado: { projectId } }: Tenant, user = USER) {
  const signedPasskeyData = await corbado.sign(projectId, user)
  const { statusCode, body } = await gateway.action({ action: 'post-login', userPoolId, signedPasskeyData })
  assert.equal(statusCode, 200)
  return JSON.parse(String(body.session)) as { IdToken: string; AccessToken: string; RefreshToken: string }
}

/** The ID token that Cognito issues for a refresh token. */
async function renewed({ clientId }: Tenant, REFRESH_TOKEN: string): Promise<string> {
  const command = { AuthFlow: 'REFRESH_TOKEN_AUTH', ClientId: clientId, AuthParameters: { REFRESH_TOKEN } } as const
  const { AuthenticationResult } = await anyone.send(new InitiateAuthCommand(command))
  assert.ok(AuthenticationResult?.IdToken)
  return AuthenticationResult.IdToken
}
const anyone = new CognitoIdentityProviderClient({ endpoint: cognito.url, region: 'eu-central-1' })
t.teardown(() => anyone.destroy())

/** A token that nobody signed. */
function unsigned(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Record<string, unknown>
}
interface Asked {
  readonly method?: 'POST' | 'OPTIONS'
  readonly token?: string | undefined
  readonly origin?: string
  readonly body?: unknown
}

const doors: Record<string, (userPoolId: string, asked: Asked) => Promise<Answer>> = {
  async container(userPoolId, asked) {
    const answer = await fetch(new URL(`/v1/pools/${userPoolId}/connect-tokens`, container.url), init(asked))
    const text = await answer.text()
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: text ? JSON.parse(text) : {} }
  },
  async lambda(userPoolId, asked) {
    const { method, headers, body } = init(asked)
    const rawPath = `/stage/v1/pools/${userPoolId}/connect-tokens`
    const event = {
      ...{ version: '2.0', rawPath, rawQueryString: '', headers, isBase64Encoded: false, body },
      requestContext: { http: { method, path: rawPath } },
    }
    const context = { awsRequestId: randomUUID(), invokedFunctionArn: `${FUNCTION_ARN}:http` }
    const answer = (await gateway.handler(event, { ...context, getRemainingTimeInMillis: () => 6_000 })) as {
      statusCode: number
      headers: Record<string, unknown>
      body: string
    }
    return { status: answer.statusCode, headers: answer.headers, body: answer.body ? JSON.parse(answer.body) : {} }
  },
}

function init({ method = 'POST', token, origin = ORIGIN, body = { type: 'passkey-append' } }: Asked) {
  return {
    method,
    headers: {
      origin,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  }
}
const keySetReads = ({ length } = { length: 0 }) =>
  cognito.calls.slice(length).filter(({ operation }) => operation === 'jwks.json').length

for (const [door, ask] of Object.entries(doors)) {
  t.test(`${door}: a token that is none of this pool's, clients' or kind is refused, all alike`, async (t) => {
    const tenant = await newTenant()
    // As a browser does before it sends a token: from then on the pool is known.
    await ask(tenant.userPoolId, { method: 'OPTIONS' })
    const { IdToken, AccessToken, RefreshToken } = await tokensOf(tenant)
    clock.step(-7_200_000)
    const expired = await renewed(tenant, RefreshToken)
    clock.step(7_200_000)
    const other = await tokensOf(await newTenant())
    const [header = '', claims = '', signature = ''] = IdToken.split('.')
    const forgedClaims = Buffer.from(claims, 'base64url').toString().replace(USER, 'somebody')
    const { privateKey } = await makeKeyPair()
    const issuer = `https://cognito-idp.eu-central-1.amazonaws.com/${tenant.userPoolId}`
    const signed = (claims: object) =>
      new SignJWT({ token_use: 'id', aud: tenant.clientId, 'cognito:username': USER, ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'local-1' })
        .setIssuer(issuer)
        .setExpirationTime('1h')
        .sign(privateKey)
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'local-1' })).toString('base64url')
    const tokens: [what: string, token: string | undefined][] = [
      ['none', undefined],
      ['no token', 'x'],
      ['an access token', AccessToken],
      ["another pool's", other.IdToken],
      ['one that expired an hour ago', expired],
      ['a forged one', `${header}.${Buffer.from(forgedClaims).toString('base64url')}.${signature}`],
      ['one of another key', await signed({})],
      ['one without a signature', `${none}.${claims}.`],
      ['one that is too long', `${IdToken}${'a'.repeat(8_192)}`],
    ]
    const before = corbado.calls.length
    for (const [what, token] of tokens) {
      const answer = await ask(tenant.userPoolId, { token })
      const body = { code: 'GW_ERR_CONNECT_TOKEN_UNAUTHORIZED', message: String, requestId: String }
      t.match(answer, { status: 401, body, headers: { 'access-control-allow-origin': ORIGIN } }, what)
    }
    const wrongClient = await newTenant({
      connectTokens: { clientIds: ['another1'], origins: [ORIGIN], types: [...TYPES] },
    })
    const { IdToken: ofOther } = await tokensOf(wrongClient)
    t.match(await ask(wrongClient.userPoolId, { token: ofOther }), { status: 401 }, 'a client that is not named')
    const since = corbado.calls.slice(before).filter(({ operation }) => operation === 'connectTokens')
    t.strictSame(since, [], 'Corbado is asked for none')
  })

  t.test(`${door}: an ID token gets a connect token, for its own user`, async (t) => {
    corbado.calls.length = 0
    const tenant = await newTenant()
    for (const [user, displayName] of [
      [USER, EMAIL],
      ['no-mail', 'no-mail'],
    ] as const) {
      const { IdToken } = await tokensOf(tenant, user)
      gateway.take()
      container.take()
      const answer = await ask(tenant.userPoolId, { token: IdToken })
      t.equal(answer.status, 200)
      t.strictSame(Object.keys(answer.body).sort(), ['connectToken', 'expires'])
      t.match(answer.body.connectToken, /^ctk1_/)
      t.match(answer.headers, { 'access-control-allow-origin': ORIGIN, vary: /Origin/, 'cache-control': 'no-store' })
      t.notOk('access-control-allow-credentials' in answer.headers)
      const { input, principal } = corbado.calls.at(-1) ?? {}
      t.strictSame(input, { type: 'passkey-append', data: { identifier: user, displayName } })
      t.equal(principal, tenant.corbado.projectId)
      const [line] = [...gateway.take(), ...container.take()]
      t.match(line, { action: 'connect-tokens', outcome: 'issued', clientId: tenant.clientId, level: 'info' })
      const text = gateway.text() + container.text()
      for (const secret of [IdToken, String(answer.body.connectToken), EMAIL]) t.notOk(text.includes(secret))
    }
  })

  t.test(`${door}: only the tenant's types and origins, and 404 where it has none`, async (t) => {
    const tenant = await newTenant()
    const { IdToken: token } = await tokensOf(tenant)
    t.match(await ask(tenant.userPoolId, { token, body: { type: 'passkey-delete' } }), { status: 403 })
    t.match(await ask(tenant.userPoolId, { token, body: { type: 'passkey-login' } }), { status: 403 })
    t.match(await ask(tenant.userPoolId, { token, body: {} }), { status: 400 })
    const elsewhere = await ask(tenant.userPoolId, { token, origin: 'https://evil.example' })
    t.equal(elsewhere.status, 200, 'whoever has the token may ask; a browser does not show the answer to that page')
    t.notOk('access-control-allow-origin' in elsewhere.headers)
    const none = await newTenant({ connectTokens: undefined } as object)
    t.match(await ask(none.userPoolId, { token: unsigned({ iss: `https://cognito.example/${none.userPoolId}` }) }), {
      status: 404,
      body: { code: 'GW_ERR_CONNECT_TOKENS_NOT_CONFIGURED' },
    })
    const nobody = 'eu-central-1_Nobody001'
    t.match(await ask(nobody, { token }), { status: 401 }, 'a token of another pool says nothing of this one')
    const unknown = { status: 404, body: { code: 'GW_ERR_TENANT_UNKNOWN' } }
    t.match(await ask(nobody, { token: unsigned({ iss: `https://cognito.example/${nobody}` }) }), unknown)
    t.match(await ask(nobody, { token }), unknown, 'it is known now')
    t.match(await ask(none.userPoolId, { method: 'OPTIONS' }), { status: 404 })
  })

  t.test(`${door}: a preflight is answered for the tenant's origins alone`, async (t) => {
    const tenant = await newTenant()
    t.match(await ask(tenant.userPoolId, { method: 'OPTIONS' }), {
      status: 204,
      headers: {
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization, content-type',
      },
    })
    for (const origin of ['https://evil.example', `${ORIGIN}.evil.example`, 'null', `${ORIGIN}/`]) {
      const { status, headers } = await ask(tenant.userPoolId, { method: 'OPTIONS', origin })
      t.equal(status, 204)
      t.strictSame(
        Object.keys(headers).filter((name) => name.startsWith('access-control')),
        [],
        origin,
      )
    }
  })

  t.test(`${door}: one token a user and type in 2 s`, async (t) => {
    const tenant = await newTenant()
    const { IdToken: token } = await tokensOf(tenant)
    const { IdToken: another } = await tokensOf(tenant, 'no-mail')
    const of = (type: string, whose = token) => ask(tenant.userPoolId, { token: whose, body: { type } })
    t.equal((await of('passkey-append')).status, 200)
    t.match(await of('passkey-append'), { status: 429, body: { code: 'GW_ERR_CONNECT_TOKEN_LIMITED' } })
    t.equal((await of('passkey-list')).status, 200, 'another type')
    t.equal((await of('passkey-append', another)).status, 200, 'another user')
    clock.advance(1_999)
    t.equal((await of('passkey-append')).status, 429)
    clock.advance(1)
    t.equal((await of('passkey-append')).status, 200)
  })

  t.test(
    `${door}: the key set is read once for all, again for a new key, and served on while it cannot be`,
    async (t) => {
      const tenant = await newTenant()
      const { IdToken: token } = await tokensOf(tenant)
      const seen = { length: cognito.calls.length }
      const types = ['passkey-append', 'passkey-list'] as const
      await Promise.all([...types, ...types].map((type) => ask(tenant.userPoolId, { token, body: { type } })))
      t.equal(keySetReads(seen), 1, 'one load, however many wait')
      cognito.rotateKeys()
      clock.advance(2_000)
      const { IdToken: renewed } = await tokensOf(tenant)
      t.equal((await ask(tenant.userPoolId, { token: renewed })).status, 200, 'a key that is new')
      t.equal(keySetReads(seen), 2)
      const [, claims, signature] = token.split('.')
      const strange = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'strange' })).toString('base64url')
      for (const _time of [1, 2, 3]) {
        t.equal((await ask(tenant.userPoolId, { token: `${strange}.${claims}.${signature}` })).status, 401)
      }
      t.equal(keySetReads(seen), 2, 'keys that do not exist make nobody ask')
      clock.advance(60_000)
      await cognito.setFault({ kind: 'status', status: 500 }, 'jwks.json')
      const body = { code: 'GW_ERR_CONNECT_TOKEN_KEYS_UNAVAILABLE' }
      const unread = { status: 503, body }
      t.match(await ask(tenant.userPoolId, { token: `${strange}.${claims}.${signature}` }), unread, 'nobody knows')
      t.equal((await ask(tenant.userPoolId, { token: renewed })).status, 200, 'known keys serve on')
      cognito.rotateKeys()
      const { IdToken: latest } = await tokensOf(tenant)
      const said = { reason: 'connect_token_keys_unavailable', failed: 'cognito', operation: 'jwks.json' }
      // The container writes its line once the answer has left.
      const lastLine = () => (door === 'lambda' ? gateway.lines.at(-1) : said)
      t.match(await ask(tenant.userPoolId, { token: latest }), unread, 'a key that is new is not wrong')
      t.match(lastLine(), said, 'whoever reads the line knows what to ask')
      t.match(await ask(tenant.userPoolId, { token: latest }), unread)
      t.match(lastLine(), said, 'also where the failure is remembered')
      const fresh = await newTenant()
      const { IdToken: first } = await tokensOf(fresh)
      t.match(await ask(fresh.userPoolId, { token: first }), unread)
      for (const fault of [{ kind: 'garbage' }, { kind: 'hang' }] as const) {
        const another = await newTenant()
        const { IdToken: one } = await tokensOf(another)
        await cognito.setFault(fault, 'jwks.json')
        t.match(await ask(another.userPoolId, { token: one }), unread, fault.kind)
      }
      await cognito.setFault(undefined)
      clock.advance(6_000)
      t.equal((await ask(tenant.userPoolId, { token: latest })).status, 200, 'once the set can be read again')
    },
  )

  t.test(`${door}: what is no key set is not kept for one: once it can be read again, tokens are valid`, async (t) => {
    const answers = ['{}', '[]', '7', 'null', '{"keys":7}', '{"keys":[]}', '{"keys":[7]}', '{"Username":"x"}']
    for (const text of answers) {
      const tenant = await newTenant()
      const { IdToken: token } = await tokensOf(tenant)
      const say = (response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(text)
        return true
      }
      await cognito.setFault({ kind: 'say', say }, 'jwks.json')
      const body = { code: 'GW_ERR_CONNECT_TOKEN_KEYS_UNAVAILABLE' }
      t.match(await ask(tenant.userPoolId, { token }), { status: 503, body }, text)
      await cognito.setFault(undefined)
      clock.advance(6_000)
      t.equal((await ask(tenant.userPoolId, { token })).status, 200, text)
    }
  })

  t.test(`${door}: a key set that hangs is given up, and read again as soon as it answers`, async (t) => {
    const tenant = await newTenant()
    const { IdToken: token } = await tokensOf(tenant)
    const seen = { length: cognito.calls.length }
    await cognito.setFault({ kind: 'hang' }, 'jwks.json')
    const start = clock.elapsed()
    t.equal((await ask(tenant.userPoolId, { token })).status, 503)
    // A second and a half each, and two of them within the time of a request.
    t.equal(clock.elapsed() - start, 3_000)
    t.equal(keySetReads(seen), 2)
    await cognito.setFault(undefined)
    clock.advance(6_000)
    t.equal((await ask(tenant.userPoolId, { token })).status, 200)
    t.equal(clock.elapsed() - start, 9_000, 'it waits for no read of before')
  })

  t.test(`${door}: what Corbado says of it is a fault, and costs the user no place`, async (t) => {
    const rows = [
      [{ kind: 'status', status: 401 }, 502, 'backend_unauthorized'],
      [{ kind: 'status', status: 429 }, 503, 'backend_rate_limited'],
      [{ kind: 'status', status: 400 }, 502, 'backend_rejected'],
      [{ kind: 'status', status: 500 }, 503, 'backend_unavailable'],
      [{ kind: 'garbage' }, 502, 'backend_malformed'],
      [{ kind: 'hang' }, 504, 'backend_timeout'],
    ] as const
    for (const [fault, status, reason] of rows) {
      const tenant = await newTenant()
      const { IdToken: token } = await tokensOf(tenant)
      gateway.take()
      container.take()
      await corbado.setFault(fault, 'connectTokens')
      const answer = await ask(tenant.userPoolId, { token })
      await corbado.setFault(undefined)
      t.match(answer, { status, headers: { 'access-control-allow-origin': ORIGIN } }, reason)
      t.match([...gateway.take(), ...container.take()], [{ reason, outcome: 'fault', operation: 'connectTokens' }])
      t.equal((await ask(tenant.userPoolId, { token })).status, 200)
    }
    const missing = await newTenant()
    const { IdToken: token } = await tokensOf(missing)
    ssm.remove(missing.corbado.credentialParameter)
    clock.advance(300_000)
    const { status } = await ask(missing.userPoolId, { token })
    t.equal(status, 502)
  })
}

t.test('the function of CONNECT-TOKENS.md gets a token in place of a server of the customer', async (t) => {
  const tenant = await newTenant()
  const { IdToken } = await tokensOf(tenant)
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(pages.get('tenants/CONNECT-TOKENS.md') ?? '') ?? []
  t.ok(code.trim().split('\n').length <= 12)
  const made = code.replace(
    /^import .*$/m,
    `const fetchAuthSession = async () => (${JSON.stringify({ tokens: { idToken: IdToken } })})`,
  )
  const address = `${container.url.replace(/\/$/, '')}/v1/pools/${tenant.userPoolId}/connect-tokens`
  const module = made.replace(/'https:[^']*'/, JSON.stringify(address))
  const { getConnectToken } = await import(`data:text/javascript,${encodeURIComponent(module)}`)
  t.match(await getConnectToken('passkey-append'), /^ctk1_/)
  await t.rejects(getConnectToken('passkey-delete'))
})

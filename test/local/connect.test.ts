import { decodeJwt } from 'jose'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { fieldAt, textAt } from '../../src/fields.js'
import { createConnect } from '../../src/local/corbado/connect/index.js'
import { startCorbado } from '../../src/local/corbado/index.js'
import { createAuthenticator } from './fixtures/authenticator.js'

const ORIGIN = 'http://localhost:4509'
const [projectId, other] = ['pro-1111111111', 'pro-2222222222']
const apiSecret = 'corbado1_secret'
const username = '5b1f4a52-0d3c-4e63-9d0e-0f5f6e9a7c11'
const email = 'mara@example.com'

type Tap = Pick<typeof t, 'teardown'>
type Action = { action: string; userPoolId: string; identifier?: string; username?: string }
type Body = Record<string, unknown>

/** Pre-login that knows one address, as the gateway answers it. */
function known({ action, identifier }: Action): object {
  if (action !== 'pre-login') return { statusCode: 200, body: {} }
  if (identifier === email || identifier === username) return { statusCode: 200, body: { identifier: username } }
  const error = { return: true, code: 'user_not_found', message: 'There is no such account.' }
  return { statusCode: 200, body: { identifier: '', error } }
}

async function start(t: Tap, answer: (action: Action) => object | Promise<object> = known) {
  const clock = { ...systemClock, at: Date.now(), now: () => clock.at }
  const corbado = await startCorbado({ clock })
  t.teardown(() => corbado.stop())
  corbado.putProject({ projectId, apiSecret })
  corbado.putProject({ projectId: other, apiSecret })
  const actions: Action[] = []
  corbado.onFrontend(
    createConnect({
      ...{ clock, rpId: 'localhost', origins: [ORIGIN], frontendApiUrl: `${ORIGIN}/corbado` },
      projects: [projectId, other].map((id) => ({ projectId: id, userPoolId: `pool of ${id}`, rpName: 'Acme' })),
      takeConnectToken: corbado.takeConnectToken,
      sign: corbado.sign,
      callAction: async (payload) => {
        actions.push(payload)
        return answer(payload)
      },
    }),
  )

  async function post(path: string, body: object, headers: Record<string, string>) {
    const sent = { 'content-type': 'application/json', ...headers }
    const answered = await fetch(`${corbado.url}${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) })
    const text = await answered.text()
    return { status: answered.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
  }
  const basic = (id: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${apiSecret}`).toString('base64')}` })

  /** One page of a browser, which Corbado knows by the process that it was given. */
  function open(project = projectId) {
    let process: string | undefined
    const connect = (path: string, body: object = {}) =>
      post(`/v2/connect/${path}`, body, {
        'x-corbado-projectid': project,
        ...(process !== undefined && { 'x-corbado-process-id': process }),
      })
    return {
      connect,
      /** Begins what a page begins with. */
      async init(kind: 'login' | 'append' | 'manage') {
        const { body } = await connect(`${kind}/init`, { clientInformation: {}, flags: {} })
        process = textAt(body, 'token') ?? textAt(body, 'processID')
        return body
      },
    }
  }
  async function token(type: string, project = projectId) {
    const data = { identifier: username, displayName: email }
    return textAt((await post('/v2/connectTokens', { type, data }, basic(project))).body, 'secret') ?? ''
  }
  const verify = async (signedPasskeyData: string) =>
    (await post('/v2/passkey/verifySignedData', { signedPasskeyData, username }, basic(projectId))).body
  const authenticator = createAuthenticator(ORIGIN)

  /** Makes a passkey on a page. */
  async function append(page = open(), project = projectId) {
    await page.init('append')
    const { body } = await page.connect('append/start', { appendTokenValue: await token('passkey-append', project) })
    const attestationResponse = authenticator.create(textAt(body, 'attestationOptions') ?? '')
    return page.connect('append/finish', { attestationResponse, completionType: 'manual' })
  }
  return { clock, corbado, actions, open, token, verify, authenticator, append, post }
}

const options = (body: Body, name = 'assertionOptions') => textAt(body, name) ?? ''
const errorCode = (body: Body) => textAt(body, 'fallbackOperationError', 'error', 'code')

t.test('refuses what is of no project, no path or no process', async (t) => {
  const { open, post, corbado } = await start(t)
  t.match(await open('pro-9').connect('login/init'), { status: 404, body: { error: { type: 'not_found' } } })
  t.match(await open().connect('login/other'), { status: 404 })
  t.match(await fetch(`${corbado.url}/v2/connect/login/init`), { status: 405 })
  t.match(await post('/v2/connect/login/start', { identifier: email }, { 'x-corbado-projectid': projectId }), {
    status: 400,
    body: { error: { type: 'validation_error' } },
  })
  t.match(await open().connect('append/finish', { attestationResponse: '{}' }), { status: 400 })
})

t.test('refuses a connect token of another project or type, one that was used, and one that has ended', async (t) => {
  const { clock, open, token, append } = await start(t)
  const page = open()
  await page.init('append')
  const startWith = (appendTokenValue: string) => page.connect('append/start', { appendTokenValue })
  t.match(await startWith('ctk1_none'), { status: 400 })
  t.match(await startWith(await token('passkey-list')), { status: 400 })
  t.match(await startWith(await token('passkey-append', other)), { status: 400 })
  const once = await token('passkey-append')
  t.match(await startWith(once), { status: 200 })
  t.match(await startWith(once), { status: 400 })

  await append()
  await page.init('manage')
  const list = await token('passkey-list')
  const listWith = () => page.connect('manage/list', { connectToken: list })
  t.match(await listWith(), { status: 200 })
  t.match(await listWith(), { status: 200 }, 'the list asks again after each change')
  clock.at += 3_600_000
  await page.init('manage')
  t.match(await listWith(), { status: 400 })
})

t.test('refuses a new passkey that answers another challenge, or was made on another page', async (t) => {
  const { actions, open, token, authenticator } = await start(t)
  const page = open()
  await page.init('append')
  const begin = async () => {
    const { body } = await page.connect('append/start', { appendTokenValue: await token('passkey-append') })
    return options(body, 'attestationOptions')
  }
  const finish = (attestationResponse: string) => page.connect('append/finish', { attestationResponse })
  const earlier = authenticator.create(await begin())
  await begin()
  t.match(await finish(earlier), { status: 400, body: { error: { details: 'the passkey could not be checked' } } })
  const foreign = createAuthenticator('http://localhost:3000').create(await begin())
  t.match(await finish(foreign), { status: 400 })
  await begin()
  t.match(await finish('no response'), { status: 400 })
  t.strictSame(actions, [], 'nothing was added')
})

t.test('what pre-login says of a name is what the page is told', async (t) => {
  const says: Record<string, object | Error> = {
    silent: { statusCode: 200, body: { identifier: '', error: { return: false, code: 'account_disabled' } } },
    reset: { statusCode: 200, body: { identifier: '', error: { return: true, code: 'reset_required', payload: '' } } },
    fault: { statusCode: 502, body: { code: 'GW_ERR_UPSTREAM_FAILED' } },
    down: new Error('the gateway is down'),
    fresh: { statusCode: 200, body: { identifier: 'a user without a passkey' } },
  }
  const { open } = await start(t, (payload) => {
    const said = says[payload.identifier ?? ''] ?? known(payload)
    if (said instanceof Error) throw said
    return said
  })
  const page = open()
  await page.init('login')
  const startAs = async (identifier: string) => {
    const { status, body } = await page.connect('login/start', { identifier, source: 'text-field', loadedMs: 1 })
    t.equal(status, 200)
    t.equal(body.assertionOptions, '')
    return body.fallbackOperationError
  }
  t.strictSame(await startAs('nobody@example.com'), {
    initFallback: false,
    error: { code: 'user_not_found', message: 'There is no such account.' },
  })
  t.strictSame(await startAs('silent'), { initFallback: true })
  t.strictSame(await startAs('reset'), { initFallback: true, error: { code: 'reset_required', message: '' } })
  t.strictSame(await startAs('fault'), { initFallback: true, error: { code: 'unexpected_error', message: '' } })
  t.strictSame(await startAs('down'), { initFallback: true, error: { code: 'unexpected_error', message: '' } })
  t.strictSame(await startAs('fresh'), { initFallback: true })
})

t.test(
  'refuses a passkey kindly that it does not know, that is of another app, or whose signature is not for this login',
  async (t) => {
    const { open, append, authenticator } = await start(t)
    t.match(await append(open(other), other), { status: 200 })
    const [foreign] = authenticator.credentials
    await append()
    const page = open()
    const begin = async () => {
      await page.init('login')
      const { body } = await page.connect('login/start', { identifier: email, source: 'text-field', loadedMs: 1 })
      return options(body)
    }
    const finish = async (assertionResponse: string, isConditionalUI = false) => {
      const { status, body } = await page.connect('login/finish', { assertionResponse, isConditionalUI })
      t.equal(status, 200)
      t.equal(body.signedPasskeyData, '')
      t.equal(fieldAt(body, 'fallbackOperationError', 'initFallback'), true)
      return errorCode(body)
    }
    const stranger = createAuthenticator(ORIGIN)
    const made = JSON.stringify({ publicKey: { challenge: 'AAAA', rp: { id: 'localhost' }, user: { id: 'AAAA' } } })
    stranger.create(made)
    const { challenge } = JSON.parse(await begin()).publicKey
    const any = JSON.stringify({ publicKey: { challenge, rpId: 'localhost' } })
    t.equal(await finish(stranger.get(any)), 'cui_credential_deleted')
    const own = authenticator.get(await begin(), foreign ? { credential: foreign } : {})
    t.equal(await finish(own), 'cui_alternative_project_id')
    t.equal(await finish(authenticator.get(await begin(), { origin: 'http://localhost:3000' })), 'unexpected_error')
    const old = authenticator.get(await begin())
    await begin()
    t.equal(await finish(old), 'unexpected_error', 'of an earlier challenge')
  },
)

t.test('a passkey is made, used by name and by the suggestion of the field, listed and deleted', async (t) => {
  const { actions, open, token, verify, authenticator, append } = await start(t)
  t.match(await append(), {
    status: 200,
    body: { passkeyOperation: { operationType: 'append', identifierValue: email, identifierType: 'email' } },
  })
  t.strictSame(actions, [{ action: 'post-append', userPoolId: `pool of ${projectId}`, username }])
  const [credential] = authenticator.credentials
  t.equal(Buffer.from(credential?.userHandle ?? '', 'base64url').toString(), username, 'it bears the user name')

  const page = open()
  const init = await page.init('login')
  t.match(init, {
    loginAllowed: true,
    frontendApiUrl: `${ORIGIN}/corbado`,
    flags: { 'conditional-ui-allowed': 'true' },
  })
  const { body: started } = await page.connect('login/start', { identifier: email, source: 'text-field', loadedMs: 1 })
  t.strictSame(started.fallbackOperationError, { initFallback: false })
  const assertionResponse = authenticator.get(options(started))
  const { body } = await page.connect('login/finish', { assertionResponse, isConditionalUI: false })
  t.match(body, { session: '', passkeyOperation: { operationType: 'verify', identifierValue: email } })
  const proof = textAt(body, 'signedPasskeyData') ?? ''
  t.match(decodeJwt(proof), { iss: projectId, webauthnId: username, isCUI: false, credential: /^cre-\d+$/ })
  t.same(await verify(proof), { verificationResult: 'success' })
  t.same(await verify(proof), { verificationResult: 'invalid_challenge' }, 'a proof works once')

  const suggested = authenticator.get(options(init, 'conditionalUIChallenge'))
  const cui = () => page.connect('login/finish', { assertionResponse: suggested, isConditionalUI: true })
  const chosen = await cui()
  t.match(chosen.body, { passkeyOperation: { identifierValue: username, identifierType: 'username' } })
  t.match(decodeJwt(textAt(chosen.body, 'signedPasskeyData') ?? ''), { webauthnId: username, isCUI: true })
  t.equal(errorCode((await cui()).body), 'unexpected_error', 'a signature counts once')

  await page.init('manage')
  const list = async () => (await page.connect('manage/list', { connectToken: await token('passkey-list') })).body
  const listed = await list()
  t.match(listed, {
    rpID: 'localhost',
    userID: credential?.userHandle,
    passkeys: [{ id: /^cre-\d+$/, credentialID: credential?.id, transport: ['internal'], status: 'active' }],
  })
  const id = textAt((listed.passkeys as Body[])[0], 'id')
  const remove = async (credentialID: string | undefined) =>
    page.connect('manage/delete', { connectToken: await token('passkey-delete'), credentialID })
  t.match(await remove(credential?.id), { status: 404 }, "not by the authenticator's name of it")
  t.match(await remove(id), { status: 200, body: { credentialID: id } })
  t.strictSame((await list()).passkeys, [])
  await page.init('login')
  const { body: after } = await page.connect('login/start', { identifier: email, source: 'one-tap', loadedMs: 1 })
  t.strictSame(after.fallbackOperationError, { initFallback: true }, 'whose passkey is gone, gets the other way in')
})

t.test('a device that has one of the user makes no second; telemetry and a cleared process are taken', async (t) => {
  const { open, append, token } = await start(t)
  await append()
  await t.rejects(append(), { message: 'InvalidStateError' })
  const page = open()
  const { token: id } = (await page.init('login')) as { token: string }
  t.equal((await page.init('append')).processID, id, 'a browser goes on with its process')
  t.match(await page.connect('events', { eventType: 'login-error' }), { status: 204 })
  t.match(await page.connect('eventsLow', {}), { status: 204 })
  t.match(await page.connect('process/clear', { processId: id }), { status: 200, body: { processId: id } })
  t.match(await page.connect('append/start', { appendTokenValue: await token('passkey-append') }), { status: 400 })
})

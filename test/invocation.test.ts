import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, transform } from 'esbuild'
import fc from 'fast-check'
import t from 'tap'
import { aliasOf } from '../src/ids.js'
import { recognise } from '../src/invocation.js'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../src/local/accounts.js'
import { createCallerSecret, signedHeaders } from '../src/local/clients/caller.js'
import { hostedArn } from '../src/local/world/tenants.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from './fixtures/events.js'
import { startGateway } from './fixtures/gateway.js'
import { type HttpAnswer, isRefusal, refusesForged } from './fixtures/http/refuses-forged.js'
import { httpShapes } from './fixtures/http/shapes.js'
import { tenantFile } from './fixtures/tenants.js'

const ACTIONS_ARN = `${FUNCTION_ARN}:${ACTIONS_ALIAS}`
const POOL = 'eu-central-1_Acme00001'
const SECRETS = '/corbado/gateway/callers'
const preLogin = { action: 'pre-login', userPoolId: POOL, identifier: 'nobody@acme.example' }

t.test('a payload is what its keys say, a trigger before an action before HTTP', async (t) => {
  const kinds: [unknown, string][] = [
    [{ triggerSource: 'PreSignUp_SignUp', userPoolId: POOL }, 'trigger'],
    [{ triggerSource: 'PreSignUp_SignUp', userPoolId: POOL, action: 'pre-login', requestContext: {} }, 'trigger'],
    [{ triggerSource: 'PreSignUp_SignUp' }, 'unknown'],
    [{ triggerSource: 1, userPoolId: POOL }, 'unknown'],
    [{ action: 'pre-login' }, 'action'],
    [{ action: 'pre-login', requestContext: {} }, 'action'],
    [{ action: 1 }, 'unknown'],
    [{ requestContext: {} }, 'http'],
    [{ requestContext: null }, 'unknown'],
    [{ requestContext: 'x' }, 'unknown'],
    [{}, 'unknown'],
    [null, 'unknown'],
    ['PreSignUp_SignUp', 'unknown'],
    [[], 'unknown'],
  ]
  for (const [payload, kind] of kinds) t.equal(recognise(payload).kind, kind, JSON.stringify(payload))
})

t.test('the alias is the qualifier of the invoked ARN, and $LATEST is none', async (t) => {
  t.equal(aliasOf(`${FUNCTION_ARN}:t-acme`), 't-acme')
  t.equal(aliasOf(FUNCTION_ARN), undefined)
  t.equal(aliasOf(`${FUNCTION_ARN}:$LATEST`), undefined)
  t.equal(aliasOf(`${FUNCTION_ARN}:7`), '7')
})

t.test('the Lambda door', async (t) => {
  const gateway = await startGateway(t, { env: { CALLER_SECRETS_PARAMETER: SECRETS } })
  const secret = createCallerSecret()
  gateway.stack.ssm.put(SECRETS, secret)
  const acme = tenantFile()
  const globex = tenantFile({
    tenantId: 'globex',
    customer: 'globex',
    alias: 't-globex',
    userPoolId: 'eu-central-1_Globex001',
    aws: { accountId: '444455556666', externalId: 'external-id-of-globex' },
    corbado: { projectId: 'pro-2002' },
  })
  await gateway.addTenant(acme)
  await gateway.addTenant(globex)

  async function thrown(payload: object, options = {}) {
    gateway.take()
    try {
      await gateway.trigger(payload, options)
    } catch (error) {
      return { error: error as Error, lines: gateway.take() }
    }
    throw new Error('nothing was thrown')
  }

  t.test('throws GW_ERR_INVOCATION_UNKNOWN for anything that is neither trigger, action nor HTTP', async (t) => {
    for (const payload of [{}, { triggerSource: 'x' }, { Records: [] }]) {
      const { lines } = await thrown(payload)
      t.match(lines, [{ msg: 'invocation', err: { code: 'GW_ERR_INVOCATION_UNKNOWN' } }])
    }
  })

  t.test('throws a fresh error: public text, ref, no cause, no property, no frame of ours', async (t) => {
    const refusals = [
      {},
      triggerEvent('DefineAuthChallenge_Authentication', {}, { userPoolId: 'eu-central-1_Unknown1' }),
      triggerEvent('CustomEmailSender_SignUp', { code: 'secret-code' }),
      verifyEvent('x', { privateChallengeParameters: 'not an object' }),
    ]
    for (const payload of refusals) {
      const { error } = await thrown(payload, { requestId: 'req-1' })
      t.equal(Object.getPrototypeOf(error), Error.prototype)
      t.strictSame(Object.getOwnPropertyNames(error).sort(), ['message', 'stack'])
      t.match(error.message, /^[A-Z][^()]*\. \(ref req-1\)$|^.*[a-z.] \(ref req-1\)$/)
      t.equal(error.stack, `Error: ${error.message}`)
      t.notMatch(error.message, /acme|secret-code|arn:|Unknown1/i)
    }
  })

  t.test('answers a trigger with the very event that came in, but for response', async (t) => {
    const extra = {
      newKeyOfCognito: { deep: [1, null, { x: 'y' }] },
      request: {
        session: [],
        userAttributes: { sub: 's', 'custom:x': '' },
        clientMetadata: JSON.parse('{"__proto__":"p","constructor":{"prototype":1},"n":null,"t":"1"}'),
      },
    }
    const event: Record<string, unknown> = { ...defineEvent([]), ...extra }
    const before = JSON.stringify(event)
    const answer = await gateway.trigger(event)
    t.equal(JSON.stringify({ ...answer, response: event.response }), before, 'keys such as __proto__ included')
    t.equal(JSON.stringify(event), before, 'what came in was not edited')
    t.strictSame(answer.response, { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false })
  })

  t.test('does not coerce, fill in or remove anything in an event', async (t) => {
    const event = verifyEvent(null, { userNotFound: null, privateChallengeParameters: { cognitoID: 'u', n: 1 } })
    const answer = await gateway.trigger(event)
    t.strictSame(answer.request, event.request, 'challengeAnswer stays null')
    t.strictSame(answer.response, { answerCorrect: false })
  })

  t.test('serves an event of five megabytes', async (t) => {
    const event = triggerEvent('InboundFederation_ExternalProvider', { samlResponse: 'x'.repeat(5_000_000) })
    t.strictSame(await gateway.trigger(event), event)
  })

  t.test('refuses a trigger through another tenant’s alias, the actions alias, a version, or no alias', async (t) => {
    const cases: [string, string][] = [
      [hostedArn('t-globex'), 'GW_ERR_TENANT_WRONG_ALIAS'],
      [`${FUNCTION_ARN}:7`, 'GW_ERR_TENANT_WRONG_ALIAS'],
      [ACTIONS_ARN, 'GW_ERR_INVOCATION_WRONG_ALIAS'],
      [FUNCTION_ARN, 'GW_ERR_INVOCATION_UNQUALIFIED'],
      [`${FUNCTION_ARN}:$LATEST`, 'GW_ERR_INVOCATION_UNQUALIFIED'],
    ]
    const sources = ['DefineAuthChallenge_Authentication', 'PreSignUp_SignUp', 'Unheard_Of']
    for (const [arn, code] of cases) {
      for (const source of sources) {
        const { lines } = await thrown(triggerEvent(source, { session: [] }), { arn })
        t.match(lines, [{ err: { code }, reason: code.replace('GW_ERR_', '').toLowerCase() }], `${source} ${arn}`)
      }
    }
  })

  t.test('refuses an action through a tenant’s alias or no alias', async (t) => {
    const wrong = await gateway.action(preLogin, { arn: hostedArn('t-acme') })
    t.match(wrong, { statusCode: 403, body: { code: 'GW_ERR_INVOCATION_WRONG_ALIAS', requestId: String } })
    const none = await gateway.action(preLogin, { arn: FUNCTION_ARN })
    t.match(none, { statusCode: 403, body: { code: 'GW_ERR_INVOCATION_UNQUALIFIED' } })
  })

  t.test(
    'answers an action with a status and an object, and refuses bad payloads with the failing field',
    async (t) => {
      t.match(await gateway.action(preLogin), { statusCode: 200, body: { identifier: '', error: Object } })
      t.match(await gateway.action({ action: 'pre-login', userPoolId: POOL }), {
        statusCode: 400,
        body: { code: 'GW_ERR_REQUEST_INVALID', message: /identifier/ },
      })
      t.match(await gateway.action({ action: 'pre-login', identifier: 'x' }), {
        statusCode: 400,
        body: { code: 'GW_ERR_REQUEST_INVALID', message: /userPoolId/ },
      })
      for (const action of ['post-nothing', 'no-such', '../triggers/define-auth-challenge', '..', '', 'a/b?c#d']) {
        t.match(await gateway.action({ action, userPoolId: POOL, identifier: 'x', username: 'x' }), {
          statusCode: 404,
          body: { code: 'GW_ERR_ROUTE_UNKNOWN' },
        })
      }
    },
  )

  t.test('an HTTP request cannot pass for a direct invocation by header, path, query or body', (t) =>
    // Each through two or three of the fourteen shapes; hostile/forged.test.ts sends each through all.
    refusesForged(t, gateway, POOL, SECRETS, (shape, request) => (shape + request) % 5 === 0),
  )

  t.test('nor does an event from before the function that carries an invocation of its own', async (t) => {
    const direct = { kind: 'trigger', payload: defineEvent([]), alias: 't-acme', requestId: 'x', remainingMs: 5_000 }
    for (const [name, toEvent] of httpShapes) {
      const path = `/v1/pools/${POOL}/triggers/define-auth-challenge`
      const event = toEvent({ path, headers: {}, body: JSON.stringify(defineEvent([])) })
      for (const key of ['invocation', 'awsLambda', 'Symbol(invocation)', 'direct', '__proto__']) {
        const forged = JSON.parse(JSON.stringify({ ...event, FORGED: direct }).replace('FORGED', key))
        const answer = (await gateway.trigger(forged, { arn: hostedArn('t-acme') })) as HttpAnswer
        t.ok(isRefusal(answer), `${name}: ${key}`)
      }
    }
  })

  t.test('HTTP reaches what is open, and with a signature what is not', async (t) => {
    const path = `/v1/pools/${POOL}/triggers/define-auth-challenge`
    const body = JSON.stringify(defineEvent([]))
    for (const [name, toEvent] of httpShapes) {
      const signed = signedHeaders(secret, body, gateway.clock.now())
      const headers = { 'content-type': 'application/json', ...signed }
      const answer = await gateway.trigger(toEvent({ path, headers, body }), { arn: FUNCTION_ARN })
      t.match(answer, { statusCode: 200, body: /"CUSTOM_CHALLENGE"/ }, name)
    }
    for (const [name, toEvent] of httpShapes) {
      const health = { ...toEvent({ path: '/health/live', headers: {}, body: '' }), httpMethod: 'GET' }
      t.match(await gateway.trigger(health), { statusCode: 200, body: '{"status":"live"}' }, name)
    }
    const live = { version: '2.0', rawPath: '/health/live', requestContext: { http: { method: 'GET' } } }
    t.match(await gateway.trigger(live), { statusCode: 200 })
  })

  t.test('an HTTP answer has the shape that its source reads', async (t) => {
    const body = JSON.stringify(defineEvent([]))
    const path = `/v1/pools/${POOL}/triggers/define-auth-challenge`
    for (const [name, toEvent] of httpShapes) {
      for (const sent of [signedHeaders(secret, body, gateway.clock.now()), {}, undefined]) {
        const event = toEvent({ path, headers: { 'content-type': 'application/json', ...sent }, body })
        // No server would take this one, so the app never sees it.
        const odd = sent === undefined ? { httpMethod: 'NO SUCH' } : {}
        const answer = (await gateway.trigger({ ...event, ...odd }, { arn: FUNCTION_ARN })) as HttpAnswer
        const lists = name === 'load balancer with lists of values'
        const { headers, multiValueHeaders } = answer as { headers?: object; multiValueHeaders?: object }
        t.strictSame([headers === undefined, multiValueHeaders === undefined], [lists, !lists], name)
        const values = Object.values(headers ?? multiValueHeaders ?? {})
        t.ok(values.length > 0 && values.every((value) => Array.isArray(value) === lists), name)
        t.equal(answer.isBase64Encoded, false, name)
        t.equal(typeof answer.body, 'string', name)
      }
    }
  })

  t.test('a header that comes several times is joined, and none sets a prototype', async (t) => {
    const body = JSON.stringify(defineEvent([]))
    const path = `/v1/pools/${POOL}/triggers/define-auth-challenge`
    const signed = signedHeaders(secret, body, gateway.clock.now())
    for (const [name, toEvent] of httpShapes) {
      const event = toEvent({ path, headers: { 'content-type': 'application/json', ...signed }, body })
      const lists = JSON.parse('{"__proto__":["a","b"],"x-twice":["a","b"],"constructor":["a"]}')
      for (const more of [lists, { ...lists, 'webhook-id': ['a', signed['webhook-id'] ?? ''] }]) {
        const multiValueHeaders = { ...(event.multiValueHeaders as object), ...more }
        if ('webhook-id' in more) delete (multiValueHeaders as Record<string, unknown>)['Webhook-Id']
        const answer = (await gateway.trigger({ ...event, multiValueHeaders }, { arn: FUNCTION_ARN })) as HttpAnswer
        t.equal(answer.statusCode, 'webhook-id' in more ? 401 : 200, name)
      }
    }
  })

  t.test('whatever JSON comes in, the handler answers or throws a fresh error', async (t) => {
    const keys = fc.constantFrom('triggerSource', 'userPoolId', 'action', 'requestContext', 'request', 'region', 'x')
    const values = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(POOL, 'DefineAuthChallenge_Authentication', 'pre-login', '../..', '\ud800', '%2e%2e'),
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(keys, values), async (payload) => {
        try {
          await gateway.trigger(payload, { arn: hostedArn('t-acme') })
        } catch (error) {
          if (!(error instanceof Error) || !/\(ref [\w-]+\)$/.test(error.message)) throw error
          if (Object.getOwnPropertyNames(error).length !== 2) throw error
        }
      }),
      { numRuns: 300 },
    )
    t.pass('300 payloads')
  })

  t.test('an event is not refused for what merely goes into the log', async (t) => {
    for (const odd of [
      { callerContext: null },
      { callerContext: { clientId: null } },
      { userName: { x: 1 } },
      { region: 7 },
    ]) {
      for (const source of ['PreSignUp_SignUp', 'Later_Source']) {
        const event = { ...triggerEvent(source), ...odd }
        t.strictSame(await gateway.trigger(event), event)
      }
    }
    const { region: _none, ...without } = triggerEvent('PostConfirmation_ConfirmSignUp')
    t.strictSame(await gateway.trigger(without), without)
    const answer = await gateway.trigger({ ...defineEvent([]), callerContext: null })
    t.match(answer, { response: { challengeName: 'CUSTOM_CHALLENGE' } })
    t.match((await thrown({ ...defineEvent([]), region: null })).lines, [{ reason: 'tenant_unknown' }])
  })

  t.test('HTTP that no server would take is answered 400, not thrown', async (t) => {
    const elb = { elb: { targetGroupArn: 'a' } }
    const shapes = [
      { httpMethod: 'GET', path: '/health/live', queryStringParameters: { a: '%zz' }, requestContext: elb },
      { httpMethod: 'FOO', path: '/health/live', requestContext: {} },
    ]
    for (const shape of shapes) {
      const answer = (await gateway.trigger(shape)) as { statusCode: number; body: string }
      t.ok(answer.statusCode >= 400 && answer.statusCode < 500, String(answer.statusCode))
      t.match(JSON.parse(answer.body), { code: /^GW_ERR_/, message: String })
    }
    const odd = await gateway.action({ action: '\ud800', userPoolId: POOL, identifier: 'x' })
    t.match(odd, { statusCode: 404, body: { code: 'GW_ERR_ROUTE_UNKNOWN' } })
  })

  t.test('the closing line is written before the answer is there', async (t) => {
    gateway.take()
    await gateway.trigger(createEvent())
    t.equal(gateway.take().length, 1)
  })
})

t.test('the built bundle answers from its files alone, and its handler declares two parameters', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  cpSync('dist/lambda', folder, { recursive: true, filter: (name) => !name.endsWith('.map') })
  const script = `
    const { handler } = await import('./index.mjs')
    const event = ${JSON.stringify(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'not a pool id' }))}
    const context = { awsRequestId: 'r', invokedFunctionArn: '${hostedArn('t-x')}', getRemainingTimeInMillis: () => 5000 }
    console.error(JSON.stringify({ parameters: handler.length, answer: await handler(event, context) }))`
  const run = execFileSync(process.execPath, ['--input-type=module', '-e', `${script}`], {
    cwd: folder,
    env: { AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants', PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  })
  const [line] = run.trim().split('\n')
  t.match(JSON.parse(line ?? ''), { msg: 'trigger', outcome: 'unchanged', reason: 'tenant_unknown', level: 'warn' })
  const program = readdirSync(folder).find((name) => name.endsWith('.cjs')) ?? ''
  t.match(readFileSync(join(folder, program), 'utf8').slice(-200), `sourceMappingURL=${program}.map`)
})

const bare = { AWS_REGION: 'eu-central-1', TENANT_TABLE: 'tenants', PATH: process.env.PATH }

t.test(
  'the bundle waits for nothing while it loads: a host that loads handlers by require() can start it',
  async (t) => {
    // esbuild knows every form of it, and cannot make it CommonJS.
    const toCommonJs = (code: string) => transform(code, { format: 'cjs', logLevel: 'silent' })
    await t.rejects(toCommonJs('await 0'), /Top-level await/)
    await t.resolves(toCommonJs(readFileSync('dist/lambda/index.mjs', 'utf8')))
    const event = JSON.stringify(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'not a pool id' }))
    const load = process.features.require_module
      ? "Promise.resolve(require('./dist/lambda/index.mjs'))"
      : "import('./dist/lambda/index.mjs')"
    const script = `
    ${load}.then(async ({ handler }) => {
      const context = { awsRequestId: 'r', invokedFunctionArn: '${hostedArn('t-x')}', getRemainingTimeInMillis: () => 5000 }
      const both = await Promise.all([handler(${event}, context), handler(${event}, context)])
      console.error(JSON.stringify([handler.length, ...both.map(({ triggerSource }) => triggerSource)]))
    })`
    const { stderr, status } = spawnSync(process.execPath, ['-e', script], { env: bare, encoding: 'utf8' })
    t.equal(status, 0)
    t.match(stderr, /^\[2,"PreSignUp_SignUp","PreSignUp_SignUp"\]$/m, 'the first invocations wait for the start')
  },
)

t.test('a start that fails ends the environment, invoked or not, and answers nobody', async (t) => {
  const contents = `
    import { whenStarted } from './src/invocation.ts'
    const failing = new Promise((_, reject) => setTimeout(reject, 10, new Error('a plugin did not start')))
    const handler = whenStarted(failing)
    const told = (what) => process.stdout.write(what)
    if (process.argv[1] === 'invoked') handler({}, {}).then(() => told('answered'), () => told('rejected'))
    setTimeout(() => told('lived on'), 60_000)`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: '.' },
    ...{ bundle: true, write: false, platform: 'node', format: 'esm', packages: 'external' },
  })
  const code = outputFiles[0]?.text ?? ''
  for (const how of ['invoked', 'idle']) {
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', code, how], {
      encoding: 'utf8',
      timeout: 50_000,
    })
    t.match(run, { status: 1, stdout: '', stderr: /Error: a plugin did not start/ }, how)
  }
})

t.test('a wrong or missing setting stops the bundle’s start with one line that names it', async (t) => {
  const start = (env: Record<string, string>) => {
    try {
      execFileSync(process.execPath, ['dist/lambda/index.mjs'], {
        env: { PATH: process.env.PATH, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      })
    } catch (error) {
      return (error as { stderr: string }).stderr
    }
    return ''
  }
  const missing = 'TENANT_TABLE is not set: DynamoDB table of the tenant configs. [GW_ERR_ENV_INVALID]\n'
  t.equal(start({ AWS_REGION: 'eu-central-1' }), missing)
  const wrong = start({ AWS_REGION: 'eu-central-1', TENANT_TABLE: 'abc', TENANT_TTL_SECONDS: 'soon' })
  const secret = start({ AWS_REGION: 'eu-central-1', TENANT_TABLE: 'abc', CALLER_SECRETS_PARAMETER: 'whsec_c2VjcmV0' })
  t.match(secret, /^CALLER_SECRETS_PARAMETER must be an SSM parameter name/)
  t.notMatch(secret, 'whsec_', 'a secret in the place of its name is not printed')
  t.match(wrong, /^TENANT_TTL_SECONDS must be a whole number from 1 to 3600, but is "soon". \[GW_ERR_ENV_INVALID\]\n$/)
})

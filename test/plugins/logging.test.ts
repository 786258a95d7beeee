import { readFileSync } from 'node:fs'
import t from 'tap'
import { GATEWAY_VERSION } from '../../src/env.js'
import { Internal, TenantUnknown } from '../../src/errors.js'
import { PSEUDONYM_KEY_PARAMETER } from '../../src/local/accounts.js'
import { budgetMs } from '../../src/plugins/deadline.js'
import { LOG_FIELDS } from '../../src/plugins/log-line.js'
import { createLogger } from '../../src/plugins/logger.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

const POOL = 'eu-central-1_Acme00001'
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

function capture(level = 'trace') {
  let text = ''
  const logger = createLogger(level, {
    write(chunk: string) {
      text += chunk
    },
  })
  return { logger, text: () => text, last: () => JSON.parse(text.trim().split('\n').at(-1) ?? '') as Line }
}

t.test('the logger', async (t) => {
  t.test('drops every field that is not on the list, whichever code logs it', async (t) => {
    const { logger, last } = capture()
    logger.info({ tenantId: 'acme', req: { headers: { authorization: 'canary' } }, body: 'canary', foo: 1 }, 'trigger')
    t.strictSame(Object.keys(last()).sort(), ['level', 'msg', 'tenantId', 'time'])
  })

  t.test('drops bindings of child loggers', async (t) => {
    const { logger, text } = capture()
    logger.child({ tenantId: 'other', password: 'canary' }).info('ready')
    t.notMatch(text(), /canary|other/)
  })

  t.test('writes no message text that is not on the list', async (t) => {
    const { logger, text, last } = capture()
    logger.warn('user ada@acme.example typed canary')
    t.equal(last().msg, 'unlisted message')
    logger.error(new Error('canary'))
    logger.error({ err: new Error('canary') }, 'canary')
    logger.info('%s', 'canary')
    t.notMatch(text(), /canary|ada@/)
  })

  t.test(
    'writes of an error its code, and of an unexpected one the place that raised it, but never its message',
    async (t) => {
      const { logger, text, last } = capture()
      logger.error({ err: new TenantUnknown() }, 'trigger')
      t.strictSame(last().err, { code: 'GW_ERR_TENANT_UNKNOWN' })
      logger.error({ err: new Internal({ cause: new Error('canary') }) }, 'trigger')
      logger.error({ err: new TypeError('canary\n    at canary (canary:1:1)') }, 'trigger')
      t.match(last().err, { code: 'GW_ERR_INTERNAL', name: 'TypeError', at: [/^at .+logging\.test/] })
      logger.error({ err: 'canary' }, 'trigger')
      t.strictSame(last().err, { code: 'GW_ERR_INTERNAL' })
      t.notMatch(text(), 'canary')
    },
  )

  t.test('writes ISO time and the level by name', async (t) => {
    const { logger, last } = capture()
    logger.warn('ready')
    t.match(last(), { level: 'warn', time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
  })
})

t.test('the closing line', async (t) => {
  const gateway = await startGateway(t, { env: { PSEUDONYM_KEY_PARAMETER } })
  await gateway.addTenant(tenantFile())
  const attributes = { sub: USER, email: 'ada@acme.example', phone_number: '+4915112345678' }
  gateway.stack.cognito.putUser(POOL, { username: USER, attributes })
  const [first] = await linesOf(() => gateway.trigger(defineEvent([])))

  async function linesOf(run: () => Promise<unknown>): Promise<Line[]> {
    gateway.take()
    await run().catch(() => undefined)
    return gateway.take()
  }

  t.test('is one line an invocation, and says on the first that it was a cold start', async (t) => {
    t.match(first, {
      level: 'info',
      msg: 'trigger',
      tenantId: 'acme',
      customer: 'acme',
      userPoolId: POOL,
      region: 'eu-central-1',
      alias: 't-acme',
      trigger: 'define-auth-challenge',
      triggerSource: 'DefineAuthChallenge_Authentication',
      outcome: 'challenge',
      user: /^u_[\w-]{22}$/,
      clientId: 'client1234567890',
      requestId: String,
      durationMs: Number,
      upstream: { table: Number },
      coldStart: true,
      configVersion: 1,
      gatewayVersion: GATEWAY_VERSION,
    })
    const lines = await linesOf(() => gateway.trigger(defineEvent([])))
    t.match(lines, [{ coldStart: false, configStale: undefined, err: undefined, upstream: undefined }])
    t.equal(lines.length, 1)
  })

  t.test('has no field beyond the list', async (t) => {
    await linesOf(() => gateway.trigger({ a: 1 }))
    for (const line of gateway.lines) for (const field of Object.keys(line)) t.ok(field in LOG_FIELDS, field)
  })

  t.test('carries the login’s flowId from create on', async (t) => {
    const answer = await gateway.trigger(createEvent([]))
    const { challengeMetadata } = answer.response as { challengeMetadata: string }
    const flowId = challengeMetadata.slice(OWN.length + 1)
    t.equal(gateway.take().at(-1)?.flowId, flowId)
    const session = [{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata }]
    t.match(await linesOf(() => gateway.trigger(defineEvent(session))), [{ flowId, outcome: 'tokens' }])
  })

  t.test('joins verify to its login by the id that create handed on, and takes nothing else for one', async (t) => {
    const { response } = await gateway.trigger(createEvent([]))
    const { privateChallengeParameters } = response as { privateChallengeParameters: { flowId: string } }
    const lineFor = async (parameters: object) =>
      (await linesOf(() => gateway.trigger(verifyEvent('x', { privateChallengeParameters: parameters }))))[0]
    t.equal((await lineFor(privateChallengeParameters))?.flowId, privateChallengeParameters.flowId)
    for (const flowId of [undefined, null, 7, ['a'], '', 'ada@acme.example', `${'x'.repeat(22)}\n`, 'x'.repeat(23)]) {
      const line = await lineFor({ ...privateChallengeParameters, flowId })
      t.match(line, { reason: 'malformed_answer', flowId: undefined }, JSON.stringify(flowId))
    }
  })

  t.test('says of a second and later try of the passkey which one it is', async (t) => {
    const failed = { challengeName: 'CUSTOM_CHALLENGE', challengeResult: false, challengeMetadata: OWN }
    const attempts = async (event: object) => (await linesOf(() => gateway.trigger(event)))[0]?.attempt
    t.equal(await attempts(defineEvent([])), undefined)
    t.equal(await attempts(createEvent([])), undefined)
    t.equal(await attempts(defineEvent([failed])), 2)
    t.equal(await attempts(createEvent([failed, failed])), 3)
    t.equal(
      await attempts(defineEvent([failed, failed, { ...failed, challengeResult: true }])),
      3,
      'the third got tokens',
    )
    t.equal(await attempts(defineEvent([failed, failed, failed])), 3, 'the third was the last')
  })

  t.test('says how late a proof came that had expired', async (t) => {
    const proof = await gateway.stack.corbado.sign('pro-1001', USER)
    gateway.clock.advance(300_000 + 60_000 + 7_000)
    const [line] = await linesOf(() => gateway.trigger(verifyEvent(proof)))
    t.match(line, { reason: 'expired', lateMs: 67_000 })
  })

  t.test(
    'tells on define which SDK a client has, if Cognito names one, and nothing else that a client sent',
    async (t) => {
      const sdkOf = async (awsSdkVersion: unknown, event = defineEvent) => {
        const callerContext = { awsSdkVersion, clientId: 'client1234567890' }
        return (await linesOf(() => gateway.trigger(event([], {}, { callerContext }))))[0]?.clientSdk
      }
      t.equal(await sdkOf('aws-sdk-js-3.1169.0'), 'aws-sdk-js-3.1169.0')
      for (const other of ['ada@acme.example', 'Ada', 'aws-sdk-ada@acme.example', `aws-sdk-${'x'.repeat(41)}`, 7, null])
        t.equal(await sdkOf(other), undefined, String(other))
    },
  )

  t.test('says on define that the pool has no such user, since the client is not told', async (t) => {
    t.match(await linesOf(() => gateway.trigger(defineEvent([], { userNotFound: true }))), [{ userNotFound: true }])
    t.match(await linesOf(() => gateway.trigger(defineEvent([]))), [{ userNotFound: undefined }])
  })

  t.test('names by pseudonym everybody whom pre-login found, refused or not', async (t) => {
    const { cognito } = gateway.stack
    const find = (identifier: string) => gateway.action({ action: 'pre-login', userPoolId: POOL, identifier })
    const who: Record<string, { status?: string; enabled?: boolean }> = {
      account_disabled: { enabled: false },
      force_change_password: { status: 'FORCE_CHANGE_PASSWORD' },
      reset_required: { status: 'RESET_REQUIRED' },
      user_status_unhandled: { status: 'UNCONFIRMED' },
    }
    for (const [reason, more] of Object.entries(who)) {
      cognito.putUser(POOL, { username: reason, attributes: { sub: reason }, ...more })
      t.match(await linesOf(() => find(reason)), [{ outcome: 'refused', reason, user: /^u_/ }])
    }
    cognito.putUser(POOL, { username: 'by-mail', attributes: { sub: 'by-mail', email: 'eve@acme.example' } })
    const matched = { reason: 'attribute_match_only', user: /^u_/ }
    t.match(await linesOf(() => find('eve@acme.example')), [matched], 'also by an attribute')
    cognito.putUser(POOL, { username: 'too', attributes: { sub: 'too', email: 'eve@acme.example' } })
    const several = { reason: 'ambiguous_identifier', user: undefined }
    t.match(await linesOf(() => find('eve@acme.example')), [several], 'of several, nobody')
    t.match(await linesOf(() => find('nobody')), [{ reason: 'user_not_found', user: undefined }])
  })

  t.test('names door and process, the same for all lines of one', async (t) => {
    const [one, two] = [...(await linesOf(() => gateway.trigger(defineEvent([])))), ...gateway.lines]
    t.match(one, { door: 'lambda', instance: /^[\da-f]{8}$/, startMs: undefined })
    t.equal(one?.instance, two?.instance)
    t.equal(first?.instance, one?.instance)
    t.match(first, { coldStart: true, startMs: Number })
  })

  t.test(
    'shows the same pseudonym for a user whether Cognito or Corbado names it, and another in another pool',
    async (t) => {
      const [byTrigger] = await linesOf(() => gateway.trigger(defineEvent([])))
      const payload = { action: 'post-append', userPoolId: POOL, username: USER }
      const [byAction] = await linesOf(() => gateway.action(payload))
      t.match(byAction, { msg: 'action', action: 'post-append', outcome: 'factor_set', alias: 'actions' })
      t.equal(byAction?.user, byTrigger?.user)
      await gateway.addTenant(tenantFile({ tenantId: 'two', userPoolId: 'eu-central-1_Two000001', alias: 't-two' }))
      const elsewhere = defineEvent([], {}, { userPoolId: 'eu-central-1_Two000001' })
      const [other] = await linesOf(() => gateway.trigger(elsewhere))
      t.match(other, { tenantId: 'two', user: /^u_/ })
      t.not(other?.user, byTrigger?.user)
    },
  )

  t.test('names no user without a key that cannot be guessed, and one line says why', async (t) => {
    const { ssm } = gateway.stack
    const define = () => linesOf(() => gateway.trigger(defineEvent([])))
    const key = 'k'.repeat(32)
    const bad: Record<string, string | undefined> = {
      blank: ' \n ',
      short: 'x'.repeat(31),
      'short but for white space': `\n${'x'.repeat(31)}  \n`,
      missing: undefined,
    }
    for (const [what, text] of Object.entries(bad)) {
      if (text === undefined) ssm.remove(PSEUDONYM_KEY_PARAMETER)
      else ssm.put(PSEUDONYM_KEY_PARAMETER, text)
      gateway.clock.advance(300_000)
      const [warning, line, ...more] = await define()
      t.match(warning, { level: 'warn', msg: 'pseudonym key unusable' }, what)
      t.equal(warning?.upstreamErrorType, text === undefined ? 'ParameterNotFound' : undefined, what)
      t.match([line, more], [{ msg: 'trigger', outcome: 'challenge', user: undefined }, []], what)
      gateway.clock.advance(7_000)
      t.match(await define(), [{ msg: 'trigger', user: undefined }], `${what}: said once`)
      ssm.put(PSEUDONYM_KEY_PARAMETER, key)
      gateway.clock.advance(7_000)
      const [mended] = await define()
      t.match(mended?.user, /^u_[\w-]{22}$/, `${what}, put right: within 6 s`)
    }
    t.match(gateway.text(), /./)
    t.notMatch(gateway.text(), key)
  })

  t.test("tells which value of the tenant's secret served, and what was answered from memory", async (t) => {
    const file = tenantFile({ tenantId: 'seven', userPoolId: 'eu-central-1_Seven0001', alias: 't-seven' })
    await gateway.addTenant(file)
    const { ssm, corbado } = gateway.stack
    const { credentialParameter } = file.corbado
    const verify = async (nonce: string, proof?: string) => {
      const privateChallengeParameters = { cognitoID: USER, nonce }
      const answer = proof ?? (await corbado.sign('pro-1001', USER))
      const event = verifyEvent(answer, { privateChallengeParameters }, { userPoolId: file.userPoolId })
      return linesOf(() => gateway.trigger(event))
    }
    const proof = await corbado.sign('pro-1001', USER)
    const served = { reason: 'verified', secretVersion: 1 }
    t.match(await verify('one', proof), [{ ...served, remembered: undefined }])
    t.match(await verify('one', proof), [{ reason: 'verified', remembered: true }], 'Cognito asks again')
    ssm.put(credentialParameter, 'not a secret')
    gateway.clock.advance(300_000)
    const unusable = { reason: 'secret_malformed', secretVersion: 2 }
    t.match(await verify('two'), [{ ...unusable, remembered: undefined }])
    t.match(await verify('three'), [{ ...unusable, remembered: true }], 'and SSM is not asked again so soon')
    gateway.clock.advance(7_000)
    await ssm.setFault({ kind: 'status', status: 429 })
    ssm.remove(credentialParameter)
    t.match(await verify('four'), [{ reason: 'secret_throttled', failed: 'ssm', remembered: undefined }])
    t.match(await verify('five'), [{ reason: 'secret_throttled', remembered: true }])
    await ssm.setFault(undefined)
    gateway.clock.advance(7_000)
    t.match(await verify('six'), [{ reason: 'secret_missing', secretVersion: undefined }])
  })

  t.test('names the dependency that failed, with its own words for it', async (t) => {
    await gateway.stack.corbado.setFault({ kind: 'status', status: 503 })
    const proof = await gateway.stack.corbado.sign('pro-1001', USER)
    const [line] = await linesOf(() => gateway.trigger(verifyEvent(proof)))
    await gateway.stack.corbado.setFault(undefined)
    t.match(line, {
      level: 'error',
      outcome: 'incorrect',
      reason: 'backend_unavailable',
      upstream: { corbado: Number },
      failed: 'corbado',
      operation: 'verifySignedData',
      upstreamStatus: 503,
      upstreamRequestId: /^req-/,
    })
  })

  t.test('names the operation that failed, and none if all went well', async (t) => {
    const { table, sts, ssm, cognito, corbado } = gateway.stack
    const pool = { n: 0, userPoolId: '' }
    const fresh = async () => {
      pool.n += 1
      pool.userPoolId = `eu-central-1_Operation${pool.n}`
      await gateway.addTenant(tenantFile({ tenantId: `operation-${pool.n}`, userPoolId: pool.userPoolId }))
      gateway.stack.cognito.putUser(pool.userPoolId, { username: USER, attributes: { sub: USER } })
    }
    const define = () => gateway.trigger(defineEvent([], {}, { userPoolId: pool.userPoolId }))
    const verify = async () => {
      const proof = await corbado.sign('pro-1001', USER)
      return gateway.trigger(verifyEvent(proof, {}, { userPoolId: pool.userPoolId }))
    }
    const preLogin = (identifier = USER) => {
      return gateway.action({ action: 'pre-login', userPoolId: pool.userPoolId, identifier })
    }
    const postAppend = () => gateway.action({ action: 'post-append', userPoolId: pool.userPoolId, username: USER })
    const failing = [
      { standIn: table, operation: 'GetItem', failed: 'table', run: define },
      { standIn: ssm, operation: 'GetParameter', failed: 'ssm', run: verify },
      { standIn: corbado, operation: 'verifySignedData', failed: 'corbado', run: verify },
      { standIn: sts, operation: 'AssumeRole', failed: 'sts', run: preLogin },
      { standIn: cognito, operation: 'AdminGetUser', failed: 'cognito', run: preLogin },
      { standIn: cognito, operation: 'ListUsers', failed: 'cognito', run: () => preLogin('nobody@acme.example') },
      { standIn: cognito, operation: 'AdminSetUserMFAPreference', failed: 'cognito', run: postAppend },
    ]
    for (const fault of [{ kind: 'status', status: 500 }, { kind: 'hang' }] as const) {
      for (const { standIn, operation, failed, run } of failing) {
        await fresh()
        await standIn.setFault(fault, operation)
        const [line] = await linesOf(() => run().catch(() => undefined))
        await standIn.setFault(undefined)
        t.match(line, { failed, operation, level: 'error' }, `${operation} ${fault.kind}`)
      }
    }
    await fresh()
    t.match(await linesOf(verify), [{ reason: 'verified', failed: undefined, operation: undefined }])
    await cognito.setFault({ kind: 'unsigned', code: 'AccessDeniedException', times: 1 })
    for (const remembered of [undefined, true]) {
      const [line] = await linesOf(() => preLogin())
      t.match(line, { reason: 'role_permission_missing', failed: 'cognito', operation: 'AdminGetUser', remembered })
    }
  })

  t.test('is a warning for what an operator must wire or fix, an error for a fault', async (t) => {
    const unknown = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'eu-central-1_Unknown01' })
    t.match(await linesOf(() => gateway.trigger(unknown)), [{ level: 'warn', reason: 'tenant_unknown' }])
    t.match(await linesOf(() => gateway.trigger(triggerEvent('Later_Source'))), [
      { level: 'warn', reason: 'unknown_trigger' },
    ])
    await gateway.stack.table.setFault({ kind: 'status', status: 500 })
    const fresh = defineEvent([], {}, { userPoolId: 'eu-central-1_Unknown02' })
    t.match(await linesOf(() => gateway.trigger(fresh)), [
      { level: 'error', outcome: 'fault', reason: 'table_unavailable', err: { code: 'GW_ERR_UPSTREAM_UNAVAILABLE' } },
    ])
    await gateway.stack.table.setFault(undefined)
  })

  t.test('is not written for health checks', async (t) => {
    const live = { version: '2.0', rawPath: '/health/live', requestContext: { http: { method: 'GET' } } }
    t.strictSame(await linesOf(() => gateway.trigger(live)), [])
  })

  t.test('holds of hostile texts only what looks like an id', async (t) => {
    const hostile = triggerEvent(
      'x\n{"level":"error"}',
      {},
      { region: 'ada@acme.example', callerContext: { clientId: 'a b' } },
    )
    const [line] = await linesOf(() => gateway.trigger(hostile))
    t.match(line, { triggerSource: undefined, region: undefined, clientId: undefined })
  })
})

t.test('an answer leaves before Lambda, Cognito or a forwarder would stop waiting', async (t) => {
  const triggerDeadlineMs = 4_200
  t.equal(budgetMs({ triggerDeadlineMs }), 4_200)
  t.equal(budgetMs({ triggerDeadlineMs, remainingMs: 10_000 }), 4_200)
  t.equal(budgetMs({ triggerDeadlineMs, remainingMs: 3_000 }), 2_850, '150 ms are kept back')
  t.equal(budgetMs({ triggerDeadlineMs, remainingMs: 100 }), 500, 'at least half a second')
  t.equal(budgetMs({ triggerDeadlineMs, coldStartMs: 400 }), 4_200)
  t.equal(budgetMs({ triggerDeadlineMs, coldStartMs: 1_000 }), 3_700, 'Cognito’s five seconds include the cold start')
  t.equal(budgetMs({ triggerDeadlineMs, coldStartMs: 4_999 }), 500)
  t.equal(budgetMs({ triggerDeadlineMs, coldStartMs: 5_000 }), 4_200, 'made ready in advance: no caller waited')
  t.equal(budgetMs({ triggerDeadlineMs, coldStartMs: 1_000, remainingMs: 2_000 }), 1_850)
})

t.test('the version on the line is the package’s', async (t) => {
  t.equal(GATEWAY_VERSION, JSON.parse(readFileSync('package.json', 'utf8')).version)
})

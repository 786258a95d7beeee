import t from 'tap'
import type { TenantFile } from '../../src/tenant/config.js'
import { findTrigger } from '../../src/triggers/index.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { type Line, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

/** Every source (fact A12) other than custom auth and the senders, with what Cognito fills in for it. */
const passThrough: Record<string, { trigger: string; request?: object; response?: object; version?: string }> = {
  PreSignUp_SignUp: {
    trigger: 'pre-sign-up',
    request: { validationData: { invite: '7' } },
    response: { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false },
  },
  PreSignUp_AdminCreateUser: { trigger: 'pre-sign-up', request: { validationData: null } },
  PreSignUp_ExternalProvider: { trigger: 'pre-sign-up' },
  PostConfirmation_ConfirmSignUp: { trigger: 'post-confirmation' },
  PostConfirmation_ConfirmForgotPassword: { trigger: 'post-confirmation', request: { clientMetadata: { a: 'b' } } },
  PreAuthentication_Authentication: { trigger: 'pre-authentication', request: { userNotFound: true } },
  PostAuthentication_Authentication: { trigger: 'post-authentication', request: { newDeviceUsed: true } },
  TokenGeneration_HostedAuth: {
    trigger: 'pre-token-generation',
    request: { groupConfiguration: { groupsToOverride: ['a'], iamRolesToOverride: [], preferredRole: null } },
    response: { claimsOverrideDetails: null },
  },
  TokenGeneration_Authentication: {
    trigger: 'pre-token-generation',
    version: '2',
    request: { scopes: ['openid'] },
    response: { claimsAndScopeOverrideDetails: null },
  },
  TokenGeneration_NewPasswordChallenge: { trigger: 'pre-token-generation' },
  TokenGeneration_AuthenticateDevice: { trigger: 'pre-token-generation' },
  TokenGeneration_RefreshTokens: { trigger: 'pre-token-generation' },
  TokenGeneration_ClientCredentials: { trigger: 'pre-token-generation', version: '3' },
  UserMigration_Authentication: {
    trigger: 'user-migration',
    request: { password: 'correct horse', validationData: null },
    response: {
      userAttributes: null,
      finalUserStatus: null,
      messageAction: null,
      desiredDeliveryMediums: null,
      forceAliasCreation: null,
      enableSMSMFA: null,
    },
  },
  UserMigration_ForgotPassword: { trigger: 'user-migration' },
  CustomMessage_SignUp: {
    trigger: 'custom-message',
    request: { codeParameter: '{####}', linkParameter: '{##Click Here##}', usernameParameter: null },
    response: { smsMessage: null, emailMessage: null, emailSubject: null },
  },
  CustomMessage_AdminCreateUser: { trigger: 'custom-message', request: { usernameParameter: '{username}' } },
  CustomMessage_ResendCode: { trigger: 'custom-message' },
  CustomMessage_ForgotPassword: { trigger: 'custom-message' },
  CustomMessage_UpdateUserAttribute: { trigger: 'custom-message' },
  CustomMessage_VerifyUserAttribute: { trigger: 'custom-message' },
  CustomMessage_Authentication: { trigger: 'custom-message' },
  InboundFederation_ExternalProvider: {
    trigger: 'inbound-federation',
    request: {
      providerName: 'Okta',
      providerType: 'OIDC',
      attributes: {
        tokenResponse: { access_token: 'opaque-token' },
        idToken: { sub: '1' },
        userInfo: {},
        samlResponse: null,
      },
    },
    response: { userAttributesToMap: {} },
  },
}

const messages = [
  'SignUp',
  'ResendCode',
  'ForgotPassword',
  'UpdateUserAttribute',
  'VerifyUserAttribute',
  'AdminCreateUser',
  'Authentication',
]
const senders = [
  ...[...messages, 'AccountTakeOverNotification'].map((message) => `CustomEmailSender_${message}`),
  ...messages.flatMap((message) => [`CustomSMSSender_${message}`, `CustomSmsSender_${message}`]),
]

const custom = ['DefineAuthChallenge', 'CreateAuthChallenge', 'VerifyAuthChallengeResponse'] as const

const gateway = await startGateway(t)
const { stack, clock } = gateway

const statuses = ['active', 'passkeys-off', 'draft', 'suspended'] as const
const tenants: Record<string, TenantFile> = {}
for (const status of statuses) {
  const word = status.replace('-', '')
  const userPoolId = `eu-central-1_Is${word}`
  const aws = { replicaRegions: ['eu-west-1', 'us-east-1'] }
  const file = tenantFile({ userPoolId, tenantId: `is-${status}`, alias: `t-${status}`, status, aws })
  tenants[status] = file
  await gateway.addTenant(file, { apiSecret: 'corbado1_shared' })
}
const poolOf = (status: string) => tenants[status]?.userPoolId ?? 'eu-central-1_Nobody1'
const OF_NOBODY = { arn: 'arn:aws:lambda:eu-central-1:999900000001:function:corbado-cognito-gateway:t-active' }

/** The event on its way over the wire, and what came back, with the lines that were written. */
async function send(event: object, options = {}): Promise<{ sent: unknown; answer: unknown; lines: Line[] }> {
  const sent = JSON.parse(JSON.stringify(event))
  gateway.take()
  const answer = await gateway.trigger(JSON.parse(JSON.stringify(event)), options)
  return { sent, answer, lines: gateway.take() }
}

t.test('refuses custom senders, who would else lose every message, in both of AWS’s spellings', async (t) => {
  for (const status of ['active', 'passkeys-off']) {
    for (const source of senders) {
      gateway.take()
      const event = triggerEvent(
        source,
        { type: 'customEmailSenderRequestV1', code: 'AQICAHh' },
        { userPoolId: poolOf(status) },
      )
      await t.rejects(gateway.trigger(event), { message: /^This message cannot be sent\. \(ref [\w-]+\)$/ }, source)
      const trigger = source.startsWith('CustomEmail') ? 'custom-email-sender' : 'custom-sms-sender'
      t.match(gateway.take(), [
        { trigger, reason: 'trigger_sender_refused', err: { code: 'GW_ERR_TRIGGER_SENDER_REFUSED' } },
      ])
    }
  }
})

t.test('refuses a trigger through the alias of another tenant, even one that it would only pass through', async (t) => {
  const wrong = { message: /^Sign-in with a passkey is not set up correctly\. \(ref / }
  for (const source of [...Object.keys(passThrough), ...senders, 'Something_New']) {
    gateway.take()
    const event = triggerEvent(source, {}, { userPoolId: poolOf('passkeys-off') })
    await t.rejects(gateway.trigger(event, OF_NOBODY), wrong, source)
    t.match(gateway.take(), [{ level: 'warn', reason: 'tenant_wrong_alias' }])
  }
  await t.rejects(gateway.trigger(defineEvent([], {}, { userPoolId: poolOf('passkeys-off') }), OF_NOBODY), wrong)
})

t.test('passes every other trigger through, unchanged and with unknown keys', async (t) => {
  const userPoolId = poolOf('active')
  for (const [source, { trigger, request = {}, response = {}, version = '1' }] of Object.entries(passThrough)) {
    const event = triggerEvent(
      source,
      { ...request, added: { later: [1, null] } },
      { userPoolId, version, response, extra: [{}] },
    )
    const { sent, answer, lines } = await send(event)
    t.strictSame(answer, sent, source)
    t.match(
      lines,
      [{ level: 'info', msg: 'trigger', outcome: 'unchanged', trigger, triggerSource: source }],
      'one line',
    )
    t.notMatch(lines[0], { reason: String })
  }
  t.equal(stack.cognito.calls.length + stack.corbado.calls.length + stack.sts.calls.length, 0, 'and asks no dependency')
})

t.test('returns an event as it came if its response is missing, null or of another shape', async (t) => {
  for (const response of [undefined, null, [], 'x', 0, { nested: { deep: [null] } }]) {
    const { sent, answer } = await send(
      triggerEvent('PreSignUp_SignUp', {}, { userPoolId: poolOf('active'), response }),
    )
    t.strictSame(answer, sent)
  }
})

t.test('needs neither a user name nor a caller context, and no request', async (t) => {
  const { sent, answer } = await send({
    triggerSource: 'TokenGeneration_ClientCredentials',
    userPoolId: poolOf('active'),
    region: 'eu-central-1',
    userName: null,
  })
  t.strictSame(answer, sent)
})

t.test('returns unknown and misspelt sources unchanged, with a warning', async (t) => {
  const unknown = [
    'Something_New',
    'PreSignUps_SignUp',
    'PreSignUp ',
    '_',
    '',
    '_PreSignUp',
    'pre-sign-up',
    'DefineAuthChallenges_X',
  ]
  for (const source of [...unknown, 'PreSignUp-SignUp', '__proto__', 'constructor', 'toString', 'Define']) {
    const { sent, answer, lines } = await send(triggerEvent(source, {}, { userPoolId: poolOf('active') }))
    t.strictSame(answer, sent, source)
    t.match(lines, [{ level: 'warn', outcome: 'unchanged', reason: 'unknown_trigger', trigger: 'unknown' }], 'one line')
  }
})

t.test('knows a source by the part before the first underscore, whatever its case', (t) => {
  const names: Record<string, string> = {
    defineauthchallenge_x: 'define-auth-challenge',
    DEFINEAUTHCHALLENGE: 'define-auth-challenge',
    CreateAuthChallenge_: 'create-auth-challenge',
    VerifyAuthChallenge_Authentication: 'verify-auth-challenge-response',
    VerifyAuthChallengeResponse_Authentication: 'verify-auth-challenge-response',
    presignup_SignUp_Again: 'pre-sign-up',
    tokengeneration_RefreshTokens: 'pre-token-generation',
    CUSTOMSMSSENDER_SignUp: 'custom-sms-sender',
    INBOUNDFEDERATION_ExternalProvider: 'inbound-federation',
  }
  for (const [source, name] of Object.entries(names)) t.equal(findTrigger(source)?.name, name, source)
  for (const [source, { trigger }] of Object.entries(passThrough)) t.equal(findTrigger(source)?.name, trigger, source)
  t.equal(findTrigger('PreTokenGeneration_X'), undefined, 'the name in LambdaConfig is no source')
  t.end()
})

t.test('serves custom auth in whatever case and spelling', async (t) => {
  const userPoolId = poolOf('active')
  const named = (triggerSource: string, event: object) => ({ ...event, triggerSource, userPoolId })
  const own = [{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: true, challengeMetadata: OWN }]
  t.match(await gateway.trigger(named('DEFINEAUTHCHALLENGE_X', defineEvent(own))), { response: { issueTokens: true } })
  t.match(await gateway.trigger(named('createAuthChallenge', createEvent())), {
    response: { challengeMetadata: String },
  })
  const verify = named('VerifyAuthChallenge_Authentication', verifyEvent(''))
  t.strictSame((await gateway.trigger(verify)).response, { answerCorrect: false })
})

/* What is served, each status × kind of trigger. */

const PASS = ['PreSignUp_SignUp', 'InboundFederation_ExternalProvider', 'Something_New']
const begun = [{ challengeName: 'CUSTOM_CHALLENGE', challengeResult: false, challengeMetadata: OWN }]
const customEvents = (more: object, session: unknown = []) => [
  defineEvent(session, {}, more),
  createEvent(session, more),
  verifyEvent('x', {}, more),
]
const notSetUp = /^Sign-in with a passkey is not set up correctly\. \(ref [\w-]+\)$/
const notAvailable = /^Sign-in with a passkey is not available right now\. \(ref [\w-]+\)$/

t.test('active: custom auth is served', async (t) => {
  const [define, create, verify] = customEvents({ userPoolId: poolOf('active') })
  t.match((await send(define ?? {})).answer, { response: { challengeName: 'CUSTOM_CHALLENGE' } })
  t.match((await send(create ?? {})).answer, { response: { publicChallengeParameters: { dummy: 'dummy' } } })
  t.match((await send(verify ?? {})).answer, { response: { answerCorrect: false } })
})

t.test('passkeys-off: a new login fails, one already begun runs to its end', async (t) => {
  const more = { userPoolId: poolOf('passkeys-off') }
  const { answer, lines } = await send(defineEvent([], {}, more))
  t.match(answer, { response: { issueTokens: false, failAuthentication: true } })
  t.match(lines, [{ outcome: 'fail', reason: 'passkeys_off', tenantId: 'is-passkeys-off' }])
  const [define, create, verify] = customEvents(more, begun)
  t.match((await send(define ?? {})).answer, { response: { challengeName: 'CUSTOM_CHALLENGE' } })
  t.match((await send(create ?? {})).answer, { response: { challengeMetadata: String } })
  const proof = await stack.corbado.sign('pro-1001', '7c9e6679-7425-40de-944b-e07fc1f90ae7')
  const verified = await send(verifyEvent(proof, {}, { ...more }))
  t.match(verified.lines, [{ trigger: 'verify-auth-challenge-response', outcome: 'correct' }], 'Corbado judges')
  t.match((await send(verify ?? {})).answer, { response: { answerCorrect: false } })
  const accepted = [...begun, { ...begun[0], challengeResult: true }]
  t.match((await send(defineEvent(accepted, {}, more))).answer, { response: { issueTokens: true } })
})

const closed: [name: string, more: object, text: RegExp, reason: string, tenantId: string | undefined][] = [
  ['draft', { userPoolId: poolOf('draft') }, notSetUp, 'tenant_draft', 'is-draft'],
  ['suspended', { userPoolId: poolOf('suspended') }, notAvailable, 'tenant_suspended', 'is-suspended'],
  ['an unknown pool', { userPoolId: 'eu-central-1_Nobody2' }, notSetUp, 'tenant_unknown', undefined],
  [
    'something that is no pool id',
    { userPoolId: 'no pool, but a ../path?x=1#y%00' },
    notSetUp,
    'tenant_unknown',
    undefined,
  ],
  [
    'a pool id longer than any',
    { userPoolId: `eu-central-1_${'x'.repeat(200)}` },
    notSetUp,
    'tenant_unknown',
    undefined,
  ],
  ['an empty pool id', { userPoolId: '' }, notSetUp, 'tenant_unknown', undefined],
  ['a wrong region', { userPoolId: poolOf('active'), region: 'eu-central-2' }, notSetUp, 'tenant_unknown', undefined],
  [
    'a region in another case',
    { userPoolId: poolOf('active'), region: 'EU-CENTRAL-1' },
    notSetUp,
    'tenant_unknown',
    undefined,
  ],
  ['an empty region', { userPoolId: poolOf('active'), region: '' }, notSetUp, 'tenant_unknown', undefined],
]
for (const [name, more, text, reason, tenantId] of closed) {
  t.test(`${name}: custom auth and senders are thrown, all else comes back unchanged with one warning`, async (t) => {
    for (const event of [...customEvents(more), ...customEvents(more, begun)]) {
      gateway.take()
      await t.rejects(gateway.trigger(event), { message: text }, String((event as Line).triggerSource))
      t.match(gateway.take(), [{ level: 'warn', outcome: 'rejected', reason, tenantId }])
    }
    for (const source of senders)
      await t.rejects(gateway.trigger(triggerEvent(source, {}, more)), { message: text }, source)
    for (const source of [...Object.keys(passThrough), ...PASS]) {
      const { sent, answer, lines } = await send(triggerEvent(source, {}, more))
      t.strictSame(answer, sent, source)
      t.match(lines, [{ level: 'warn', outcome: 'unchanged', reason, tenantId }], 'one line')
      t.equal(lines.length, 1)
    }
  })
}

t.test('passkeys-off: all other triggers are unchanged, without a warning', async (t) => {
  for (const source of Object.keys(passThrough)) {
    const { sent, answer, lines } = await send(triggerEvent(source, {}, { userPoolId: poolOf('passkeys-off') }))
    t.strictSame(answer, sent, source)
    t.match(lines, [{ level: 'info', outcome: 'unchanged' }])
  }
})

t.test('serves a replica’s region like the primary one, by the event and not by the pool’s id', async (t) => {
  for (const region of ['eu-central-1', 'eu-west-1', 'us-east-1']) {
    const { answer, lines } = await send(defineEvent([], {}, { userPoolId: poolOf('active'), region }))
    t.match(answer, { region, response: { challengeName: 'CUSTOM_CHALLENGE' } })
    t.match(lines, [{ region, tenantId: 'is-active' }])
  }
  const aws = { region: 'us-west-2', replicaRegions: ['eu-west-1'] }
  const file = tenantFile({ userPoolId: 'eu-west-1_Moved', tenantId: 'moved', alias: 't-moved', aws })
  await gateway.addTenant(file)
  const moved = (region: string) => defineEvent([], {}, { userPoolId: file.userPoolId, region })
  t.match(await gateway.trigger(moved('us-west-2')), { response: { challengeName: 'CUSTOM_CHALLENGE' } })
  await t.rejects(
    gateway.trigger(moved('eu-central-1')),
    { message: notSetUp },
    'a region that the config does not name',
  )
})

t.test('a change of status holds when the config has expired, and not before', async (t) => {
  const file = tenantFile({ userPoolId: 'eu-central-1_Switch', tenantId: 'switch', alias: 't-switch' })
  await gateway.addTenant(file)
  const { userPoolId } = file
  const define = async () => (await gateway.trigger(defineEvent([], {}, { userPoolId }))).response
  t.match(await define(), { challengeName: 'CUSTOM_CHALLENGE' })
  await gateway.putConfig({ ...file, status: 'passkeys-off' })
  clock.advance(59_999)
  t.match(await define(), { challengeName: 'CUSTOM_CHALLENGE' }, 'younger than its TTL')
  clock.advance(1)
  await define()
  t.match(await define(), { failAuthentication: true }, 'read again')
  await gateway.putConfig({ ...file, status: 'suspended' }, 3)
  clock.advance(300_000)
  await t.rejects(define(), { message: notAvailable }, 'older than anything may be served')
})

t.test('a table that fails throws custom auth, and lets all else through with an error line', async (t) => {
  const file = tenantFile({ userPoolId: 'eu-central-1_Table', tenantId: 'table', alias: 't-table' })
  await gateway.addTenant(file)
  const { userPoolId } = file
  const faults = [{ kind: 'status', status: 500 }, { kind: 'hang' }, { kind: 'reset' }, { kind: 'garbage' }] as const
  for (const fault of faults) {
    await stack.table.setFault(fault)
    await t.rejects(gateway.trigger(defineEvent([], {}, { userPoolId })), { message: notAvailable }, fault.kind)
    const { sent, answer, lines } = await send(triggerEvent('PreSignUp_SignUp', {}, { userPoolId }))
    t.strictSame(answer, sent, fault.kind)
    t.match(lines, [{ level: 'error', outcome: 'unchanged', reason: /^table_/ }], 'one line')
    await stack.table.setFault(undefined)
  }
  t.match(await gateway.trigger(defineEvent([], {}, { userPoolId })), {
    response: { challengeName: 'CUSTOM_CHALLENGE' },
  })
})

t.test('a config that is not valid throws custom auth, and lets all else through', async (t) => {
  const file = tenantFile({ userPoolId: 'eu-central-1_Broken', tenantId: 'broken', alias: 't-broken' })
  await gateway.addTenant(file)
  const { userPoolId } = file
  await gateway.putConfig({ ...file, tenantId: 'Not A Slug' })
  await t.rejects(gateway.trigger(defineEvent([], {}, { userPoolId })), { message: notAvailable })
  const { sent, answer, lines } = await send(triggerEvent('CustomMessage_SignUp', {}, { userPoolId }))
  t.strictSame(answer, sent)
  t.match(lines, [{ level: 'error', outcome: 'unchanged', reason: 'tenant_config_invalid' }])
})

t.test('an unknown pool costs one look at the table in 30 s, whatever it sends', async (t) => {
  const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'eu-central-1_Nobody3' })
  const before = stack.table.calls.length
  for (const _again of [1, 2, 3]) await gateway.trigger(event)
  await t.rejects(gateway.trigger({ ...event, ...defineEvent([]), userPoolId: 'eu-central-1_Nobody3' }))
  t.equal(stack.table.calls.length, before + 1)
  clock.advance(29_999)
  await gateway.trigger(event)
  t.equal(stack.table.calls.length, before + 1)
  clock.advance(1)
  await gateway.trigger(event)
  t.equal(stack.table.calls.length, before + 2)
})

t.test('covers every trigger there is', async (t) => {
  const covered = new Set(
    [...Object.keys(passThrough), ...senders, ...custom].map((source) => findTrigger(source)?.name),
  )
  const { triggers } = await import('../../src/triggers/index.js')
  t.strictSame([...covered].sort(), triggers.map(({ name }) => name).sort())
})

t.test('no line of all these holds a password, a token, a code or an address', async (t) => {
  const text = gateway.text()
  for (const word of [
    'correct horse',
    'access_token',
    'opaque-token',
    'AQICAHh',
    'ada@',
    '7c9e6679',
    'invite',
    '####',
  ]) {
    t.notOk(text.includes(word), word)
  }
})

import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FUNCTION_ARN } from '../../src/local/accounts.js'
import type { Fault } from '../../src/local/aws/server.js'
import { type Handler, inProcess } from '../../src/local/lambda/index.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import type { Chain, TenantFile } from '../../src/tenant/config.js'
import { startContainer } from '../fixtures/container.js'
import { createEvent, defineEvent, OWN, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { CLIENT_ID, startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'

// Triggers that the customer's own function answers, through both doors.

const gateway = await startGateway(t)
const { stack, clock } = gateway
const container = await startContainer(t, gateway)
const THEIRS = 'client-of-their-own'

let count = 0
const arnOf = (name: string) => `arn:aws:lambda:eu-central-1:111122223333:function:${name}`
const chain = (functionArn: string, more: Partial<Chain> = {}): Chain => ({ mode: 'chain', functionArn, ...more })

/** A function of the customer's own account. */
function deploy(handler: Handler, aliases: readonly string[] = []): string {
  count += 1
  const functionArn = arnOf(`own-${count}`)
  stack.lambda.putFunction({ functionArn, runner: inProcess(handler, clock), aliases })
  return functionArn
}

async function tenant(triggers: TenantFile['triggers'], more: Parameters<typeof tenantFile>[0] = {}) {
  count += 1
  const userPoolId = `eu-central-1_Chain${String(count).padStart(4, '0')}`
  const file = tenantFile({ tenantId: `chain-${count}`, ...(triggers && { triggers }), ...more, userPoolId })
  await gateway.addTenant(file)
  return file
}

const custom = (functionArn: string) => ({
  defineAuthChallenge: chain(functionArn),
  createAuthChallenge: chain(functionArn),
  verifyAuthChallengeResponse: chain(functionArn),
})
const own = { clientIds: [CLIENT_ID] }
const byClient = (clientId: string) => ({ callerContext: { awsSdkVersion: 'aws-sdk-js-3.1169.0', clientId } })

/** Every trigger that can be chained, with an event of it. */
const TRIGGERS = {
  preSignUp: 'PreSignUp_SignUp',
  postConfirmation: 'PostConfirmation_ConfirmSignUp',
  preAuthentication: 'PreAuthentication_Authentication',
  postAuthentication: 'PostAuthentication_Authentication',
  preTokenGeneration: 'TokenGeneration_Authentication',
  customMessage: 'CustomMessage_SignUp',
  userMigration: 'UserMigration_Authentication',
  inboundFederation: 'InboundFederation_ExternalProvider',
} as const

t.test(
  'every trigger other than custom authentication can be answered by a function, through both doors',
  async (t) => {
    const seen: Record<string, unknown>[] = []
    const functionArn = deploy(async (event) => {
      seen.push(event as Record<string, unknown>)
      return { ...(event as object), userName: 'another', response: { answeredBy: 'their own' }, extra: true }
    })
    const file = await tenant(Object.fromEntries(Object.keys(TRIGGERS).map((name) => [name, chain(functionArn)])))
    for (const [name, source] of Object.entries(TRIGGERS)) {
      const event = triggerEvent(source, { secretOfCognito: name }, { userPoolId: file.userPoolId, unknownKey: [1] })
      gateway.take()
      const answer = await gateway.trigger(event)
      t.strictSame(
        answer,
        { ...event, response: { answeredBy: 'their own' } },
        `${name}: its response and nothing else`,
      )
      t.strictSame(seen.pop(), event, `${name}: the event as it came`)
      const route = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      const { statusCode, body } = await container.post(`/v1/pools/${file.userPoolId}/triggers/${route}`, event)
      t.equal(statusCode, 200)
      t.strictSame(body, answer, `${name}: the same over HTTP`)
      const [line] = gateway.take()
      t.match(line, { outcome: 'chained', chained: true, upstream: { lambda: Number } })
    }
    const sessions = stack.sts.calls.filter(({ input }) => JSON.stringify(input).includes(file.userPoolId))
    const policies = sessions.map(({ input }) => JSON.parse(String((input as { Policy?: string }).Policy)))
    t.match(policies, [{ Statement: [{ Action: 'lambda:InvokeFunction', Resource: functionArn }] }])
    t.equal(sessions.length, 2, 'one session for each process')
  },
)

t.test('a function is invoked whatever the tenant’s status is, and with it nothing of ours', async (t) => {
  for (const status of ['draft', 'suspended', 'passkeys-off'] as const) {
    const functionArn = deploy(async (event) => ({ ...(event as object), response: { by: status } }))
    const file = await tenant({ preSignUp: chain(functionArn), ...custom(functionArn) }, { status, login: own })
    const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
    t.match(await gateway.trigger(event), { response: { by: status } })
    const theirs = defineEvent([], {}, { userPoolId: file.userPoolId, ...byClient(THEIRS) })
    t.match(await gateway.trigger(theirs), { response: { by: status } })
    const ours = defineEvent([], {}, { userPoolId: file.userPoolId })
    if (status === 'passkeys-off') t.match(await gateway.trigger(ours), { response: { failAuthentication: true } })
    else await t.rejects(gateway.trigger(ours), `a login of ours is not served: ${status}`)
  }
})

t.test('what a function throws is the user’s text, word for word, and stands in no line', async (t) => {
  const functionArn = deploy(async () => {
    throw Object.assign(new Error('Only addresses of example.com may sign up.'), { name: 'NotWelcome' })
  })
  const file = await tenant({ preSignUp: chain(functionArn) })
  const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
  gateway.take()
  const thrown = await gateway.trigger(event).catch((error: Error) => error)
  t.match(thrown, { message: /^Only addresses of example\.com may sign up\.$/ })
  t.match(JSON.stringify(thrown), /is not logged/, "what Lambda's runtime logs of it")
  t.match(gateway.take(), [
    { outcome: 'rejected', reason: 'chain_threw', level: 'warn', upstreamErrorType: 'NotWelcome' },
  ])
  const { statusCode, body } = await container.post(`/v1/pools/${file.userPoolId}/triggers/pre-sign-up`, event)
  t.equal(statusCode, 422)
  t.match(body, { code: 'GW_ERR_CHAIN_THREW', message: 'Only addresses of example.com may sign up.' })
  t.notMatch(gateway.text(), /example\.com may sign up/)
  t.notMatch(container.text(), /example\.com may sign up/)
})

t.test(
  'the type of what a function throws is in the line as a word; only Lambda’s own types are faults of the call',
  async (t) => {
    const types = {
      NotWelcome: 'NotWelcome',
      'com.acme.signup.NotWelcome': 'NotWelcome',
      'acme.Refused': 'Refused',
      'Function<RuntimeError>': 'RuntimeError',
      'Runtime.Refused.Inner': 'Inner',
      'ada@acme.example': undefined,
      'Ada may not': undefined,
    }
    for (const [name, said] of Object.entries(types)) {
      const file = await tenant({
        preSignUp: chain(deploy(() => Promise.reject(Object.assign(new Error('Sorry.'), { name })))),
      })
      gateway.take()
      const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
      await t.rejects(gateway.trigger(event), { message: 'Sorry.' }, name)
      const [line] = gateway.take()
      t.match(line, { reason: 'chain_threw', chained: true }, name)
      t.equal(line?.upstreamErrorType, said, name)
    }
    for (const name of ['Runtime.ExitError', 'Function.ResponseSizeTooLarge', 'Extension.Crash', 'Sandbox.Timedout']) {
      const file = await tenant({
        preSignUp: chain(deploy(() => Promise.reject(Object.assign(new Error('Lambda.'), { name })))),
      })
      gateway.take()
      const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
      await t.rejects(gateway.trigger(event), { message: /not possible right now/ }, name)
      t.match(gateway.take(), [{ reason: /^chain_(failed|timeout)$/, upstreamErrorType: name }])
    }
  },
)

const faults: [reason: string, provoke: () => Promise<{ functionArn: string; heal?: () => unknown }>][] = [
  ['chain_threw', async () => ({ functionArn: deploy(async () => Promise.reject(new TypeError('x is undefined'))) })],
  ['chain_malformed', async () => ({ functionArn: deploy(async () => 'no event') })],
  [
    'chain_malformed',
    async () => ({ functionArn: deploy(async (event) => ({ ...(event as object), response: null })) }),
  ],
  ['chain_missing', async () => ({ functionArn: arnOf('never-deployed') })],
  ['chain_missing', async () => ({ functionArn: `${deploy(async (event) => event)}:nowhere` })],
  [
    'chain_throttled',
    async () => {
      await stack.lambda.setFault({ kind: 'status', status: 429 })
      return { functionArn: deploy(async (event) => event), heal: () => stack.lambda.setFault(undefined) }
    },
  ],
  [
    'chain_failed',
    async () => {
      await stack.lambda.setFault({ kind: 'status', status: 500 })
      return { functionArn: deploy(async (event) => event), heal: () => stack.lambda.setFault(undefined) }
    },
  ],
]

t.test('a fault of the function fails the trigger, or is ignored if the tenant says so', async (t) => {
  for (const [reason, provoke] of faults) {
    const { functionArn, heal } = await provoke()
    const file = await tenant({
      preSignUp: chain(functionArn),
      postConfirmation: chain(functionArn, { onFailure: 'ignore' }),
    })
    gateway.take()
    await t.rejects(gateway.trigger(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })))
    const outcome = reason === 'chain_threw' ? 'rejected' : 'fault'
    t.match(gateway.take(), [{ outcome, reason, chained: true }])
    const later = triggerEvent('PostConfirmation_ConfirmSignUp', {}, { userPoolId: file.userPoolId })
    t.strictSame(await gateway.trigger(later), later, `${reason}: as it came`)
    t.match(gateway.take(), [{ outcome: 'unchanged', reason, level: 'warn', chained: true }])
    await heal?.()
  }
})

t.test('a role that may not invoke the function is told, and not asked again for a minute', async (t) => {
  const functionArn = deploy(async (event) => event)
  const file = await tenant({ preSignUp: chain(functionArn) })
  const { roleArn, externalId } = file.aws
  stack.sts.putRole({
    roleArn: roleArn ?? '',
    trust: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: 'arn:aws:iam::999900001111:root' },
          Action: 'sts:AssumeRole',
          Condition: { StringEquals: { 'sts:ExternalId': externalId ?? '' } },
        },
      ],
    },
    policies: [],
  })
  const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
  for (let tries = 0; tries < 2; tries += 1) {
    await t.rejects(gateway.trigger(event), { message: /^This is not possible right now\. \(ref / })
  }
  t.match(gateway.take().slice(-2), [{ reason: 'chain_denied' }, { reason: 'chain_denied' }])
})

t.test('a function that never answers takes no longer than its time, and others are not kept waiting', async (t) => {
  let asked = () => {}
  const hanging = deploy(() => {
    asked()
    return new Promise(() => {})
  })
  const file = await tenant({ preSignUp: chain(hanging, { timeoutMs: 700 }) })
  const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
  gateway.take()
  const begun = new Promise<void>((resolve) => {
    asked = resolve
  })
  await gateway.byHand(async () => {
    const start = clock.elapsed()
    const running = gateway.trigger(event).then(
      () => 'answered',
      (error: Error) => error.message,
    )
    await begun
    for (let waited = 0; waited < 700; waited += 50) {
      clock.advance(50)
      await new Promise(setImmediate)
    }
    t.match(await running, /^This is not possible right now\. \(ref /)
    t.ok(clock.elapsed() - start <= 750)
  })
  t.match(gateway.take(), [{ outcome: 'fault', reason: 'chain_timeout', failed: 'lambda', operation: 'Invoke' }])
})

t.test('an event that has been through a gateway is not passed on again', async (t) => {
  const functionArn = deploy(async (event) => event)
  const file = await tenant({ preSignUp: chain(functionArn) })
  const event = triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId })
  const context = {
    awsRequestId: randomUUID(),
    invokedFunctionArn: hostedArn(file.alias),
    getRemainingTimeInMillis: () => 6_000,
    clientContext: { custom: { 'corbado-gateway-hops': 1 } },
  }
  gateway.take()
  await t.rejects(gateway.handler(event, context))
  t.match(gateway.take(), [{ outcome: 'fault', reason: 'chain_loop' }])
  const envelope = { invokedFunctionArn: hostedArn(file.alias), remainingMs: 5_000, hops: 1, event }
  const { statusCode, body } = await container.post(`/v1/pools/${file.userPoolId}/triggers/pre-sign-up`, envelope)
  t.match({ statusCode, body }, { statusCode: 502, body: { code: 'GW_ERR_CHAIN_FAILED' } })
})

t.test('the gateway says beside the event, never in it, that it passed it on', async (t) => {
  let context: unknown
  const functionArn = deploy(async (event, given) => {
    context = given.clientContext
    return event
  })
  const file = await tenant({ preSignUp: chain(functionArn) })
  await gateway.trigger(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId }))
  t.strictSame(context, { custom: { 'corbado-gateway-hops': 1 } })
})

t.test('a sender is handed the event, and delivery is its own', async (t) => {
  const delivered: unknown[] = []
  const functionArn = deploy(async (event) => {
    delivered.push(event)
    throw new Error('what comes of it, nobody waits for')
  })
  const file = await tenant({ customEmailSender: chain(functionArn), customSMSSender: chain(functionArn) })
  for (const source of ['CustomEmailSender_SignUp', 'CustomSMSSender_SignUp']) {
    const event = triggerEvent(source, { code: 'encrypted' }, { userPoolId: file.userPoolId })
    t.strictSame(await gateway.trigger(event), event)
    while (delivered.length === 0) await new Promise(setImmediate)
    t.strictSame(delivered.pop(), event)
  }
})

t.test('what a proxy says in the place of Lambda is not taken for an event that a sender was handed', async (t) => {
  const functionArn = deploy(async (event) => event)
  const file = await tenant({ customEmailSender: chain(functionArn) })
  const event = triggerEvent('CustomEmailSender_SignUp', { code: 'encrypted' }, { userPoolId: file.userPoolId })
  const half: Fault = {
    kind: 'say',
    say(response) {
      response.writeHead(200, { 'content-length': '99' }).write('<html>', () => response.socket?.destroy())
      return true
    },
  }
  for (const fault of [{ kind: 'garbage' } as const, half]) {
    await stack.lambda.setFault(fault, 'Invoke')
    gateway.take()
    await t.rejects(gateway.trigger(event), { message: /^This is not possible right now\. \(ref / })
    t.match(gateway.take(), [{ outcome: 'fault', reason: 'chain_failed', failed: 'lambda', operation: 'Invoke' }])
  }
  await stack.lambda.setFault(undefined)
  t.strictSame(await gateway.trigger(event), event)
})

t.test('a password that is migrated stands in no line', async (t) => {
  const functionArn = deploy(async (event) => ({
    ...(event as object),
    response: { userAttributes: { email: 'ada@acme.example' }, finalUserStatus: 'CONFIRMED' },
  }))
  const file = await tenant({ userMigration: chain(functionArn) })
  const password = `canary-${randomUUID()}`
  const event = triggerEvent('UserMigration_Authentication', { password }, { userPoolId: file.userPoolId })
  t.match(await gateway.trigger(event), { response: { finalUserStatus: 'CONFIRMED' } })
  t.notMatch(gateway.text(), new RegExp(password))
  t.notMatch(gateway.text(), /ada@acme/)
})

t.test('custom authentication is split by app client: each side decides of its own logins alone', async (t) => {
  const asked: string[] = []
  const functionArn = deploy(async (event) => {
    const { triggerSource } = event as { triggerSource: string }
    asked.push(triggerSource)
    return { ...(event as object), response: { decidedBy: 'function' } }
  })
  const file = await tenant(custom(functionArn), { login: own })
  const { userPoolId } = file
  for (const event of [defineEvent([], {}), createEvent([]), verifyEvent('answer', {})]) {
    t.match(await gateway.trigger({ ...event, userPoolId, ...byClient(THEIRS) }), {
      response: { decidedBy: 'function' },
    })
    const ours = await gateway.trigger({ ...event, userPoolId })
    t.notMatch(ours, { response: { decidedBy: 'function' } })
  }
  t.strictSame(asked, [
    'DefineAuthChallenge_Authentication',
    'CreateAuthChallenge_Authentication',
    'VerifyAuthChallengeResponse_Authentication',
  ])
})

t.test(
  'no session yields tokens of ours unless its last entry is our own accepted challenge, whoever’s entries it holds',
  async () => {
    const functionArn = deploy(async (event) => ({ ...(event as object), response: { issueTokens: true } }))
    const file = await tenant(custom(functionArn), { login: own })
    const entry = fc.record({
      challengeName: fc.constantFrom('CUSTOM_CHALLENGE', 'SRP_A', 'PASSWORD_VERIFIER', 'SMS_MFA'),
      challengeResult: fc.boolean(),
      challengeMetadata: fc.constantFrom(OWN, `${OWN}.${'a'.repeat(22)}`, 'CODE-123456', null),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 4 }), async (session) => {
        const { response } = await gateway.trigger(defineEvent(session, {}, { userPoolId: file.userPoolId }))
        if ((response as { issueTokens?: boolean }).issueTokens !== true) return true
        const last = session.at(-1)
        return (
          last?.challengeResult === true &&
          String(last.challengeMetadata).startsWith(OWN) &&
          session.every(({ challengeMetadata }) => String(challengeMetadata).startsWith(OWN))
        )
      }),
      { numRuns: 300 },
    )
  },
)

t.test('the commands refuse a chain to the gateway that their settings name', async (t) => {
  const { readConfigRules } = await import('../../src/operator/config-rules.js')
  const { parseTenantFile } = await import('../../src/tenant/config-rules.js')
  const file = {
    ...tenantFile({ aws: { accountId: FUNCTION_ARN.split(':')[4] ?? '' } }),
    triggers: { preSignUp: chain(FUNCTION_ARN) },
  }
  t.equal(parseTenantFile(file, readConfigRules({})).kind, 'valid')
  t.match(parseTenantFile(file, readConfigRules({ GATEWAY_FUNCTION_ARN: FUNCTION_ARN })), {
    kind: 'invalid',
    issues: [{ path: '/triggers/preSignUp/functionArn', message: /must not be the gateway itself/ }],
  })
})

t.test('the config refuses a chain that could not work', async (t) => {
  const { parseTenantFile } = await import('../../src/tenant/config-rules.js')
  const rules = {
    parameterPrefix: '/corbado/gateway',
    backendApiHosts: ['*.cloud.corbado.io'],
    selfHosted: false,
    actionsAlias: 'actions',
    gatewayFunctionArn: FUNCTION_ARN,
  }
  const issues = (triggers: unknown, login?: unknown) => {
    const parsed = parseTenantFile({ ...tenantFile(), triggers, ...(login !== undefined && { login }) }, rules)
    return parsed.kind === 'valid' ? [] : parsed.issues.map(({ path, message }) => `${path} ${message}`)
  }
  const arn = arnOf('own')
  t.strictSame(issues({ preSignUp: chain(arn), customSMSSender: chain(arn) }), [])
  t.strictSame(issues(custom(arn), own), [])
  t.match(issues({ defineAuthChallenge: chain(arn) }, own), [
    /createAuthChallenge is missing/,
    /verifyAuth\w+ is missing/,
  ])
  t.match(issues(custom(arn)), [/^\/login\/clientIds is missing/])
  t.match(issues({ preSignUp: chain(FUNCTION_ARN) }), [/must not be the gateway itself/])
  t.match(issues({ preSignUp: chain(arn.replace('111122223333', '444455556666')) }), [
    /must be a function of account 1111/,
  ])
  t.match(issues({ preSignUp: chain(arn.replace('eu-central-1', 'us-east-1')) }), [/in eu-central-1$/])
  t.match(issues({ userMigration: chain(arn, { onFailure: 'ignore' }) }), [/must be fail/])
  t.match(issues({ customEmailSender: 'pass-through' }), [/customEmailSender must be \{ mode: chain/])
  t.match(issues({ preSignUp: 'chain' }), [/preSignUp must be pass-through or \{ mode: chain/])
})

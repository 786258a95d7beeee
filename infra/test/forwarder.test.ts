import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { ACTIONS_ALIAS, CALLER_SECRETS_PARAMETER, FUNCTION_ARN } from '../../src/local/accounts.js'
import { createEnvironments } from '../../src/local/gateway/environments.js'
import { hostedArn } from '../../src/local/world/tenants.js'
import { LOG_FIELDS } from '../../src/plugins/log-line.js'
import { clients } from '../../test/fixtures/clients.js'
import { startContainer } from '../../test/fixtures/container.js'
import { createEvent, defineEvent, triggerEvent, verifyEvent } from '../../test/fixtures/events.js'
import { CLIENT_ID, startGateway } from '../../test/fixtures/gateway.js'
import { tenantFile } from '../../test/fixtures/tenants.js'
import { forwarderRole, newSecret, startForwarder } from './fixtures/forwarder.js'
import { undoAfter } from './fixtures/undo.js'

const BUNDLE = resolve('dist/forwarder/index.mjs')
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const EMAIL = 'ada@acme.example'

const t = undoAfter()
const gateway = await startGateway(t, {})
const { stack } = gateway
const tenant = tenantFile()
await gateway.addTenant(tenant)
stack.cognito.putUser(tenant.userPoolId, { username: USER, attributes: { sub: USER, email: EMAIL } })
const container = await startContainer(t, gateway)

const region = 'eu-central-1'
const { TENANT_TABLE: _none, ...forwarderEnv } = stack.envFor(forwarderRole)
const variables = { ...forwarderEnv, AWS_REGION: region, GATEWAY_URL: container.url, CALLER_SECRETS_PARAMETER }

/** The built bundle as the code of the function that Cognito calls. */
function deployBundle() {
  const printed: string[] = []
  const environments = createEnvironments({
    runtime: resolve('dist/runtime.mjs'),
    entry: BUNDLE,
    env: variables,
    onLine: (line) => printed.push(line),
  })
  t.teardown(environments.stop)
  const answers: unknown[] = []
  const runner: typeof environments.runner = async (payload, invocation) => {
    const answer = await environments.runner(payload, invocation)
    answers.push(answer)
    return answer
  }
  stack.deploy(runner, [tenant.alias, 't-other'])
  return { printed, answers }
}

test('a user signs in through the built forwarder and the container, and no line says who or with what', async () => {
  const { printed, answers } = deployBundle()
  const app = clients.identityJs.open({
    endpoint: stack.cognito.url,
    userPoolId: tenant.userPoolId,
    clientId: CLIENT_ID,
  })
  await app.signIn(USER)
  const wrong = 'not-a-proof-at-all'
  assert.equal((await app.answer(wrong)).kind, 'challenge', 'a wrong answer')
  const proof = await stack.corbado.sign('pro-1001', USER)
  assert.equal((await app.answer(proof)).kind, 'signed in')

  const names = ['define', 'create', 'verify', 'define', 'create', 'verify', 'define']
  const lines = printed.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    lines.map(({ trigger }) => String(trigger).split('-')[0]),
    names,
    'one line each',
  )
  for (const line of lines) {
    assert.deepEqual(
      Object.keys(line).filter((key) => !(key in LOG_FIELDS)),
      [],
    )
    const { level, outcome, alias, userPoolId, upstreamStatus } = line
    assert.deepEqual(
      { level, outcome, alias, userPoolId, upstreamStatus },
      { level: 'info', outcome: 'forwarded', alias: tenant.alias, userPoolId: tenant.userPoolId, upstreamStatus: 200 },
    )
  }
  assert.deepEqual(
    lines.map(({ coldStart }) => coldStart),
    [true, false, false, false, false, false, false],
  )
  const nonces = [...JSON.stringify(answers).matchAll(/"nonce":"([\w-]{22})"/g)].map(([_, nonce = '']) => nonce)
  assert.notEqual(nonces.length, 0)
  for (const canary of [USER, EMAIL, proof, wrong, 'whsec_', CLIENT_ID, ...nonces]) {
    assert.equal(printed.join('\n').includes(canary), false, canary.slice(0, 10))
  }
})

test('what Cognito shows of a refusal is one sentence and a reference', async () => {
  const { printed } = deployBundle()
  const { userPoolId, aws } = tenant
  const source = {
    sourceArn: `arn:aws:cognito-idp:${region}:${aws.accountId}:userpool/${userPoolId}`,
    sourceAccount: aws.accountId,
  }
  const code = 'AYADeCODE'
  const event = triggerEvent('CustomEmailSender_ForgotPassword', { code })
  const result = await stack.lambda.invokeAsCognito(hostedArn(tenant.alias), event, source)
  assert.match(JSON.stringify(result), /This message cannot be sent\. \(ref [\da-f-]{36}\)/)
  assert.equal(printed.join('\n').includes(code), false)
  assert.equal(printed.join('\n').includes(EMAIL), false)
})

test("what the customer's function throws comes to Cognito word for word, and stands in no line of either", async () => {
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const functionArn = `arn:aws:lambda:${region}:${tenant.aws.accountId}:function:own`
  const text = 'Only members may sign up: ada@club.example'
  const [code, password] = ['AYADeANOTHERCODE', 'the-password-of-ada']
  stack.lambda.putFunction({
    ...{ functionArn, aliases: [] },
    runner: async () => {
      throw new TypeError(text)
    },
  })
  const chain = { mode: 'chain', functionArn } as const
  const triggers = { preSignUp: chain, userMigration: chain, customSMSSender: chain }
  const file = tenantFile({ userPoolId: 'eu-central-1_Chained01', tenantId: 'chained', triggers })
  await gateway.addTenant(file)
  const of = { userPoolId: file.userPoolId }
  for (const source of ['PreSignUp_SignUp', 'UserMigration_Authentication']) {
    await assert.rejects(forwarder.send(triggerEvent(source, { password }, of)), (error: Error) => {
      assert.equal(error.message, text)
      assert.match(JSON.stringify(error), /is not logged/, "what Lambda's runtime logs of it")
      return true
    })
  }
  const sent = triggerEvent('CustomSMSSender_Authentication', { code }, of)
  assert.deepEqual(await forwarder.send(sent), sent)
  assert.deepEqual(
    forwarder.lines.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['rejected', 'chain_threw'],
      ['rejected', 'chain_threw'],
      ['forwarded', undefined],
    ],
  )
  const lines = JSON.stringify(forwarder.lines) + container.text()
  for (const canary of [text, 'ada@club.example', code, password]) assert.equal(lines.includes(canary), false, canary)
})

test('the alias rules hold through to the container', async () => {
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const event = defineEvent([])
  const wrong = [hostedArn('t-other'), `${FUNCTION_ARN}:${ACTIONS_ALIAS}`, FUNCTION_ARN, `${FUNCTION_ARN}:$LATEST`]
  const refusal = /^Error: Sign-in with a passkey is not set up correctly\. \(ref [\da-f-]{36}\)$/
  for (const arn of wrong) {
    await assert.rejects(forwarder.send(event, { arn }), refusal, arn)
    await assert.rejects(forwarder.send(triggerEvent('PreSignUp_SignUp'), { arn }), refusal, arn)
  }
  const reasons = ['tenant_wrong_alias', 'invocation_wrong_alias', 'invocation_unqualified', 'invocation_unqualified']
  assert.deepEqual(
    forwarder.lines.map(({ reason }) => reason),
    reasons.flatMap((reason) => [reason, reason]),
  )
  const answer = (await forwarder.send(event)) as { response: unknown }
  assert.deepEqual(answer.response, {
    challengeName: 'CUSTOM_CHALLENGE',
    issueTokens: false,
    failAuthentication: false,
  })
})

test('the same events get the same answers as from the function itself', async () => {
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const odd = JSON.parse(
    JSON.stringify(triggerEvent('PreSignUp_SignUp')).replace('{', '{"__proto__":{"a":1},"event":{},'),
  )
  const events = [
    defineEvent([]),
    defineEvent([{ challengeName: 'SRP_A', challengeResult: true }]),
    createEvent([]),
    verifyEvent('no proof'),
    odd,
    triggerEvent('UserMigration_Authentication', { password: 'p' }),
    triggerEvent('PreSignUp_SignUp', {}, { userPoolId: 'eu-central-1_Unknown01' }),
    triggerEvent('PreSignUp_SignUp', {}, { region: 'us-east-1' }),
    triggerEvent('Later_Source'),
  ]
  const steady = (answer: unknown) => JSON.stringify(answer).replace(/[\w-]{22}(?=")/g, 'random')
  for (const event of events) {
    const direct = await gateway.trigger(event, { arn: hostedArn(tenant.alias) })
    assert.equal(steady(await forwarder.send(event)), steady(direct), JSON.stringify(event).slice(0, 200))
  }
  const text = (error: unknown) => String(error).replace(/[\da-f-]{36}/, 'id')
  const refused = [
    defineEvent([], {}, { userPoolId: 'eu-central-1_Unknown01' }),
    defineEvent('none'),
    triggerEvent('CustomSMSSender_SignUp'),
  ]
  for (const event of refused) {
    const direct = await gateway.trigger(event, { arn: hostedArn(tenant.alias) }).catch(text)
    const forwarded = await forwarder.send(event).catch(text)
    // The door's text may name a field, the forwarder knows the sentence alone.
    assert.equal(String(forwarded).replace('…', ''), String(direct).replace(/(?<=not valid: ).*(?=\. \()/, ''))
  }
})

test('the deadline holds through both: a hanging Backend API is answered as incorrect before the forwarder gives up', async () => {
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  await forwarder.send(defineEvent([]))
  await stack.corbado.setFault({ kind: 'hang' })
  const proof = await stack.corbado.sign('pro-1001', USER)
  const start = gateway.clock.elapsed()
  const answer = (await forwarder.send(verifyEvent(proof), { remainingMs: 1_600 })) as { response: unknown }
  await stack.corbado.setFault(undefined)
  assert.deepEqual(answer.response, { answerCorrect: false })
  assert.equal(gateway.clock.elapsed() - start, 1_600 - 150 - 150, 'what Lambda had left, less the way back of each')
  assert.deepEqual([forwarder.lines[1]?.outcome, forwarder.lines[1]?.upstreamStatus], ['forwarded', 200])
})

test('secrets rotate without a refused login: container first, then forwarder', async () => {
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const send = () => forwarder.send(defineEvent([]))
  const old = stack.ssm
  const next = newSecret()
  await send()
  // An operator adds the new one below, puts it first, and takes the old one out; each is read when it is due.
  const before = await currentSecret()
  for (const text of [`${before}\n${next}`, `${next}\n${before}`, next]) {
    old.put(CALLER_SECRETS_PARAMETER, text)
    gateway.clock.advance(31_000)
    await send()
    const other = startForwarder(t, container.url, { clock: gateway.clock })
    await other.send(defineEvent([]))
  }
  assert.ok(forwarder.lines.every(({ outcome }) => outcome === 'forwarded'))
  old.put(CALLER_SECRETS_PARAMETER, before)
})

test('a wrong or missing setting stops the start with one line that names it', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ GATEWAY_URL: '' }, /^GATEWAY_URL is not set: .+\. \[GW_ERR_ENV_INVALID\]\n$/],
    [{ GATEWAY_URL: 'http://gateway.example.com' }, /^GATEWAY_URL must be an https origin/],
    [{ GATEWAY_URL: 'https://user:secret@gateway.example.com' }, /^GATEWAY_URL must be an https origin/],
    [{ GATEWAY_URL: 'https://gateway.example.com/v1' }, /^GATEWAY_URL must be an https origin/],
    [{ GATEWAY_URL: 'gateway' }, /^GATEWAY_URL must be an https origin/],
    [{ CALLER_SECRETS_PARAMETER: '' }, /^CALLER_SECRETS_PARAMETER is not set/],
    [{ CALLER_SECRETS_PARAMETER: 'whsec_abc' }, /^CALLER_SECRETS_PARAMETER must be an SSM parameter name/],
    [{ SECRET_TTL_SECONDS: '0' }, /^SECRET_TTL_SECONDS must be a whole number/],
    [{ AWS_REGION: 'here' }, /^AWS_REGION must be an AWS region/],
  ]
  for (const [changes, said] of cases) {
    const { status, stderr } = spawnSync(process.execPath, [BUNDLE], {
      env: { ...variables, ...changes },
      encoding: 'utf8',
    })
    assert.equal(status, 1)
    assert.match(stderr, said)
    assert.equal(stderr.trim().split('\n').length, 1)
    assert.doesNotMatch(stderr, /secret@|whsec_abc/)
  }
})

/** What the container fixture keeps in the parameter. */
async function currentSecret(): Promise<string> {
  const { createFetchParameter } = await import('../../src/upstreams/ssm.js')
  const { SSMClient } = await import('@aws-sdk/client-ssm')
  const { createCall } = await import('../../src/call.js')
  const fetchParameter = createFetchParameter(new SSMClient({ region }))
  return (await fetchParameter(CALLER_SECRETS_PARAMETER, createCall(1_000))).value
}

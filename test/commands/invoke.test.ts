import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { EXAMPLE_NAMES } from '../../src/commands/invoke/payload.js'
import { basicCredential, grantAlias, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import { tenantFile } from '../fixtures/tenants.js'
import { startOperator } from './fixtures/operator.js'

const { stack, run, setUp } = await startOperator(t)

const file = toLocal(tenantFile(), stack)
const { userPoolId } = file
const other = toLocal(
  tenantFile({
    tenantId: 'other',
    userPoolId: 'eu-central-1_Other0001',
    alias: 't-other',
    corbado: { projectId: 'pro-1002' },
  }),
  stack,
)
const never = async () => {
  throw new Error('the gateway in Lambda is not asked')
}
for (const one of [file, other]) {
  setUp(one)
  grantAlias(stack, one.alias, [one])
  await putTenantRecord(stack, one, one.userPoolId)
}
stack.deploy(never, [file.alias, other.alias])
stack.cognito.putUser(userPoolId, { username: 'ada', attributes: { phone_number: '+493023125017' } })

const now = () => new Date(systemClock.now()).toISOString()
const example = async (name: string) => JSON.parse((await run(`invoke --example ${name}`)).stdout)
/** Sends a payload, and answers what was printed as JSON. */
async function invoke(payload: object, words = '', env: Record<string, string | undefined> = {}) {
  const { code, stdout, stderr } = await run(`invoke -${words} --json`, {
    stdin: JSON.stringify(payload),
    now: now(),
    env,
  })
  return { code, stderr, ...(stdout && JSON.parse(stdout)) }
}
/** How a proof ends that no key has signed, with which nothing is used up. */
const UNSIGNED = `.${Buffer.alloc(256, 1).toString('base64url')}`
const written = () =>
  [...stack.cognito.calls, ...stack.corbado.calls].filter(
    ({ operation, input }) => /^(AdminSet|verify)/.test(operation) && !JSON.stringify(input).includes(UNSIGNED),
  ).length

t.test('refuses what it cannot read, and says how to get an event', async (t) => {
  const dir = t.testdir({ 'list.json': '[]', 'half.json': '{"a":' })
  const cases: [line: string, why: RegExp][] = [
    ['invoke', /name one file, or give --example/],
    [`invoke ${dir}/list.json --example verify`, /name one file, or give --example/],
    [`invoke ${dir}/none.json`, /none\.json cannot be read \(ENOENT\)/],
    [
      `invoke ${dir}/list.json`,
      /list\.json is not a JSON object; this prints one: corbado-gateway invoke --example verify\n/,
    ],
    [`invoke ${dir}/half.json`, /half\.json is not a JSON object/],
    ['invoke -', /what was piped in is not a JSON object/],
    ['invoke --example nothing', /Allowed choices are define, create, verify, pre-login, post-login, post-append/],
  ]
  for (const [line, why] of cases) {
    const { code, stdout, stderr } = await run(line)
    t.match({ code, stdout }, { code: 2, stdout: '' }, line)
    t.match(stderr, why, line)
  }
  t.match(await invoke({ action: 'pre-login' }, ' --tenant acne'), { code: 1, stderr: 'did you mean acme?' })
  for (const name of ['GATEWAY_FUNCTION_ARN', 'DOCTOR_ROLE_ARN']) {
    const refused = await invoke({ action: 'pre-login', identifier: 'ada' }, ' --tenant acme', { [name]: undefined })
    t.match(refused, { code: 2, stderr: `error: ${name} is not set` })
  }
})

t.test('an event of a pool that is no tenant’s fails as Cognito would tell it', async (t) => {
  const define = await example('define')
  const { code, stdout } = await run('invoke -', { stdin: JSON.stringify(define), now: now() })
  t.equal(code, 1)
  t.match(stdout, /^outcome {3}rejected\nreason {4}tenant_unknown\n/m)
  t.match(stdout, /^error {5}Sign-in with a passkey is not set up correctly\. \(ref [\da-f-]{36}\)\n/m)
  t.match(stdout, /^shown {5}to the user, by Cognito: "DefineAuthChallenge failed with error Sign-in .*\)\."\n/m)
  t.match(await invoke({ hello: 'world' }), { code: 1, ok: false, thrown: /^This invocation is not supported/ })
})

t.test('a tenant that is not served is refused here as it is there', async (t) => {
  const draft = toLocal(tenantFile({ tenantId: 'draft', userPoolId: 'eu-central-1_Draft0001', status: 'draft' }), stack)
  await putTenantRecord(stack, draft, draft.userPoolId)
  t.match(await invoke(await example('define'), ' --tenant draft'), { code: 1, ok: false, reason: 'tenant_draft' })
  const region = { ...(await example('define')), userPoolId, region: 'us-east-1' }
  t.match(await invoke(region), { code: 1, ok: false, thrown: String })
})

t.test('every example can be sent as it is, and says what the app decides, why, and what took how long', async (t) => {
  const expected: Record<string, object> = {
    define: { ok: true, decision: { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false }, outcome: 'challenge' },
    create: { ok: true, decision: { publicChallengeParameters: { dummy: 'dummy' } }, outcome: 'created' },
    verify: { ok: true, decision: { answerCorrect: true }, reason: 'verified', upstream: { ssm: Number } },
    'pre-login': { ok: true, decision: { statusCode: 200 }, reason: 'user_not_found', upstream: { sts: Number } },
    'post-login': { ok: false, decision: { statusCode: 404 }, reason: 'action_not_configured' },
    'post-append': { ok: false, decision: { statusCode: 404 }, reason: 'action_user_not_found' },
  }
  t.same(Object.keys(expected), EXAMPLE_NAMES)
  for (const [name, answer] of Object.entries(expected)) {
    const invoked = await invoke(await example(name), ' --tenant acme')
    t.match(invoked, { ...answer, durationMs: Number, configVersion: 1, stderr: '' }, name)
    t.match(invoked.upstream, { table: Number }, name)
    t.equal(invoked.code, invoked.ok ? 0 : 1, name)
    t.equal(invoked.alias, name.startsWith('p') ? 'actions' : 't-acme')
  }
})

t.test('reads the event from a file, about the tenant that it names or that --tenant names', async (t) => {
  const dir = t.testdir({ 'event.json': JSON.stringify({ ...(await example('define')), userPoolId }) })
  const event = join(dir, 'event.json')
  const fromElsewhere = { ...(await example('define')), region: 'us-east-1' }
  t.match(await invoke(fromElsewhere, ' --tenant acme'), { ok: true, outcome: 'challenge' })
  t.match(await run(`invoke ${event}`, { now: now() }), { code: 0, stdout: /^alias {5}t-acme\noutcome {3}challenge\n/ })
  t.match(await run(`invoke ${event} --tenant other`, { now: now() }), { code: 0, stdout: /^alias {5}t-other\n/ })
})

t.test('a dry run says what it left out, and leaves it out', async (t) => {
  const before = written()
  const proof = await stack.corbado.sign(file.corbado.projectId, 'ada')
  const { request, ...event } = await example('verify')
  const verify = {
    ...event,
    userPoolId,
    request: { ...request, challengeAnswer: proof, privateChallengeParameters: { cognitoID: 'ada', nonce: 'n' } },
  }
  const append = { action: 'post-append', userPoolId, username: 'ada' }
  t.match(await invoke(verify), {
    ok: true,
    proven: false,
    assumed: ['that Corbado says success of this proof'],
    notDone: [/^verifySignedData was not called/],
  })
  const shown = await run('invoke -', { stdin: JSON.stringify(verify), now: now() })
  t.match(shown.stdout, /^not proven it was assumed that Corbado says success of this proof\n/, 'first')
  t.match(await invoke(append), {
    ok: true,
    outcome: 'factor_set',
    notDone: [/^AdminSetUserMFAPreference .* factor sms/],
  })
  const { stdout } = await run('invoke -', { stdin: JSON.stringify(append), now: now() })
  t.match(
    stdout,
    /^not done {2}AdminSetUserMFAPreference was not called.*\n\nThis was a dry run; with --write it is done\.\n$/m,
  )
  t.equal(written(), before)
  t.same(stack.cognito.user(userPoolId, 'ada')?.mfa, [])

  t.match(await invoke(verify, ' --write'), { ok: true, proven: true, decision: { answerCorrect: true }, notDone: [] })
  t.match(await invoke(verify, ' --write'), {
    ok: true,
    decision: { answerCorrect: false },
    reason: 'invalid_challenge',
  })
  t.match(await invoke(append, ' --write'), { ok: true, notDone: [] })
  t.same(stack.cognito.user(userPoolId, 'ada')?.mfa, ['SMS_MFA'])
  t.equal(written(), before + 3)
})

t.test('customers’ roles are assumed as the doctor, with the gateway’s own session policy', async (t) => {
  const before = stack.sts.calls.length
  t.match(await invoke({ action: 'pre-login', identifier: 'ada' }, ' --tenant acme'), {
    ok: true,
    decision: { body: { identifier: 'ada' } },
  })
  const calls = stack.sts.calls
    .slice(before)
    .map(({ principal, input }) => [principal?.split('/')[1], Object(input).RoleArn])
  t.same(
    calls.map(([who]) => who),
    ['corbado-operator', 'corbado-gateway-doctor'],
  )
  t.match(Object(stack.sts.calls.at(-1)?.input).Policy, /AdminGetUser/)
})

t.test('a fault of a dependency is told with its reason, and no secret', async (t) => {
  stack.ssm.remove(file.corbado.credentialParameter)
  const verify = await invoke(await example('verify'), ' --tenant acme')
  t.match(verify, { code: 1, ok: false, decision: { answerCorrect: false }, reason: 'secret_missing' })
  setUp(file)
  stack.sts.deleteRole(file.aws.roleArn ?? '')
  const denied = await run('invoke - --tenant acme', {
    stdin: JSON.stringify({ action: 'post-append', username: 'ada' }),
    now: now(),
  })
  t.match(denied, { code: 1, stdout: /^reason {4}\w+\n/m })
  t.notMatch(denied.stdout, /corbado1_|ASIA/)
})

t.test('a wrong stored secret is found by a dry run, and nothing is told of a success that was not', async (t) => {
  const { credentialParameter, projectId } = file.corbado
  stack.ssm.put(credentialParameter, basicCredential(projectId, 'corbado1_old'))
  const proof = await stack.corbado.sign(file.corbado.projectId, 'ada')
  const { request, ...event } = await example('verify')
  const verify = {
    ...event,
    userPoolId,
    request: { ...request, challengeAnswer: proof, privateChallengeParameters: { cognitoID: 'ada', nonce: 'm' } },
  }
  t.match(await invoke(verify), {
    ok: false,
    proven: true,
    decision: { answerCorrect: false },
    reason: 'backend_unauthorized',
    notDone: [],
  })
})

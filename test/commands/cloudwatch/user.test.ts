import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOG_GROUP, onCall, operator, PSEUDONYM_KEY_PARAMETER } from '../../../src/local/accounts.js'
import { putTenantRecord, toLocal } from '../../../src/local/world/tenants.js'
import { createPseudonyms } from '../../../src/tenant/own/pseudonyms.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { startOperator } from '../fixtures/operator.js'
import { createPassingClock } from '../fixtures/passing-clock.js'

const NOW = '2026-11-30T03:00:00.000Z'
const clock = createPassingClock(NOW)
const { stack, run, setUp } = await startOperator(t, { clock, as: onCall })
const file = toLocal(tenantFile(), stack)
const { tenantId, userPoolId } = file
setUp(file)
await putTenantRecord(stack, file, userPoolId)

/** Found nowhere but in what is typed. */
const [EMAIL, NOBODY, SHARED] = ['canary-ada@example.com', 'canary-nobody@example.com', 'canary-shared@example.com']
stack.cognito.putUser(userPoolId, { username: 'ada', attributes: { email: EMAIL } })
for (const username of ['bob', 'eve']) stack.cognito.putUser(userPoolId, { username, attributes: { email: SHARED } })

const KEY = 'the key of the pseudonyms, long enough'
stack.ssm.put(PSEUDONYM_KEY_PARAMETER, `${KEY}\n`)
/** As the service itself makes it. */
async function pseudonymOf(username: string): Promise<string> {
  const pseudonyms = createPseudonyms({
    env: { pseudonymKeyParameter: 'any', secretTtlSeconds: 300 },
    fetchParameter: async () => ({ value: `${KEY}\n`, version: 1 }),
    clock,
    onSpoiled: () => undefined,
  })
  pseudonyms.prepare()
  await new Promise((resolve) => setImmediate(resolve))
  return pseudonyms.of(userPoolId as Parameters<typeof pseudonyms.of>[0], username) ?? ''
}
const user = await pseudonymOf('ada')
const line = (more: object) => ({
  at: Date.parse(NOW) - 60_000,
  message: JSON.stringify({
    time: new Date(Date.parse(NOW) - 60_000).toISOString(),
    tenantId,
    userPoolId,
    trigger: 'verify-auth-challenge-response',
    outcome: 'incorrect',
    reason: 'wrong_project',
    flowId: 'flow',
    ...more,
  }),
})
const lines = [
  line({ user }),
  line({ user: await pseudonymOf('bob'), flowId: 'flow-of-bob' }),
  line({ user, tenantId: 'other', userPoolId: 'eu-central-1_Other' }),
]
stack.cloudwatch.put(LOG_GROUP, lines)
const onTerminal = { clock, isTTY: true, env: { NO_COLOR: '1' } }
t.beforeEach(() => clock.begin())

t.test('what names nobody is refused, and not repeated', async (t) => {
  const refused = async (words: string, code: number, stderr: RegExp, env = {}) => {
    const answer = await run(words, { ...onTerminal, env: { ...onTerminal.env, ...env } })
    t.match(answer, { code, stderr }, words)
    t.notMatch(`${answer.stdout}${answer.stderr}`, /canary/, words)
  }
  await refused(`logs --user ${EMAIL}`, 2, /needs to know\s+the\s+tenant/)
  await refused(`logs --tenant none --user ${EMAIL}`, 1, /none/)
  await refused(`logs --tenant ${tenantId} --user ${NOBODY}`, 1, /knows\s+nobody of that name/)
  await refused(`logs --tenant ${tenantId} --user canary\u0007`, 1, /knows\s+nobody of that name/)
  await refused(`logs --tenant ${tenantId} --user ${'canary'.repeat(60)}`, 1, /knows\s+nobody of that name/)
  await refused(`explain ${tenantId} --user ${SHARED}`, 1, /several users of acme have this email/)
  await refused(`explain ${tenantId} --user ${EMAIL}`, 2, /PSEUDONYM_KEY_PARAMETER is not set/, {
    PSEUDONYM_KEY_PARAMETER: '',
  })
  await stack.cognito.setFault({ kind: 'status', status: 400 }, 'AdminGetUser')
  await refused(`logs --tenant ${tenantId} --user ${EMAIL}`, 1, /Cognito did not look the user up/)
  await stack.cognito.setFault(undefined)
  stack.ssm.put(PSEUDONYM_KEY_PARAMETER, 'short')
  await refused(`logs --tenant ${tenantId} --user ${EMAIL}`, 1, /holds no key of pseudonyms/)
  stack.ssm.put(PSEUDONYM_KEY_PARAMETER, `${KEY}\n`)
  await stack.ssm.setFault({ kind: 'status', status: 500 })
  await refused(`explain ${tenantId} --user ${EMAIL}`, 1, /ssm_unavailable.*--ref instead, or leave\s+--user\s+out/s)
  await stack.ssm.setFault(undefined)
})

t.test('what failed later in CloudWatch and says no user is told with the user that was asked for', async (t) => {
  const at = Date.parse(NOW) - 30_000
  const time = new Date(at).toISOString()
  stack.cloudwatch.put(LOG_GROUP, [{ ...line({ time, reason: 'backend_unauthorized', flowId: 'flow-2' }), at }])
  const told = await run(`explain ${tenantId} --user ${user}`, onTerminal)
  t.match(told.stdout, /After that 1 line of acme failed without a user on it/)
  stack.cloudwatch.clear(LOG_GROUP)
  stack.cloudwatch.put(LOG_GROUP, lines)
})

t.test('an e-mail address finds the lines of its user, in CloudWatch and in files', async (t) => {
  const flags = `--tenant ${tenantId} --user ${EMAIL}`
  const shown = await run(`logs ${flags}`, onTerminal)
  t.match(shown, { code: 0, stderr: /^1 line of/m })
  t.match(shown.stdout, user)
  const path = join(t.testdir({}), 'lines')
  writeFileSync(path, lines.map(({ message }) => message).join('\n'))
  t.equal((await run(`logs ${path} ${flags}`, onTerminal)).stdout, shown.stdout)
  t.equal((await run(`logs --pool ${userPoolId} --user ada`, onTerminal)).stdout, shown.stdout, 'so does the user name')
  t.equal((await run(`logs --tenant ${tenantId} --user ${user}`, onTerminal)).stdout, shown.stdout, 'and the pseudonym')
  const told = await run(`explain ${tenantId} --user ${EMAIL.toUpperCase()}`, onTerminal)
  t.match(told, { code: 1, stdout: /wrong_project/ })
  for (const { stdout, stderr } of [shown, told]) t.notMatch(`${stdout}${stderr}`, /canary/i)
  for (const { input } of stack.cloudwatch.calls)
    t.notMatch(JSON.stringify(input), /canary/i, 'CloudWatch hears nothing')
})

t.test('the customer sees the doctor, with rights on two calls', async (t) => {
  const asked = stack.sts.calls.filter(({ principal }) => principal?.includes('corbado-gateway-doctor'))
  t.ok(asked.length > 0)
  const { Policy = '' } = (asked.at(-1)?.input ?? {}) as { readonly Policy?: string }
  t.match(JSON.parse(Policy).Statement[0].Action, ['cognito-idp:AdminGetUser', 'cognito-idp:ListUsers'])
  t.equal(JSON.parse(Policy).Statement[0].Action.length, 2)
})

t.test('an operator who is not on call reads neither lines nor the key', async (t) => {
  const env = { ...onTerminal.env, ...stack.envFor(operator), PSEUDONYM_KEY_PARAMETER }
  const before = { ...process.env }
  Object.assign(process.env, stack.envFor(operator))
  t.teardown(() => Object.assign(process.env, before))
  t.match(await run('logs', { ...onTerminal, env }), {
    code: 1,
    stderr: /AccessDeniedException.*logs:FilterLogEvents/s,
  })
  t.match(await run(`logs --tenant ${tenantId} --user ${EMAIL}`, { ...onTerminal, env }), {
    code: 1,
    stderr: /AccessDeniedException.*ssm:GetParameter/s,
  })
})

/** Lines in CloudWatch that name no tenant: Lambda's own of what broke, and the forwarder's of what it could not hand on. */
import t from 'tap'
import { LOG_GROUP, onCall } from '../../../src/local/accounts.js'
import { startOperator } from '../fixtures/operator.js'
import { createPassingClock } from '../fixtures/passing-clock.js'

const BEGIN = Date.UTC(2026, 10, 30, 2, 10)
const FORWARDER = `${LOG_GROUP}-forwarder`
const POOL = 'eu-central-1_Acme00001'
const clock = createPassingClock('2026-11-30T03:00:00.000Z')
const { stack, run } = await startOperator(t, { clock, as: onCall })
const explain = (words: string) =>
  run(`explain acme ${words}`, {
    clock,
    isTTY: true,
    env: { NO_COLOR: '1', LOG_GROUPS: `${LOG_GROUP},${FORWARDER}` },
  })

/** A sentence as it was before the terminal wrapped it. */
const unwrapped = (text: string) => text.replaceAll(/\s+/g, ' ')

const closing = (seconds: number, fields: object) => {
  const at = BEGIN + seconds * 1_000
  const time = new Date(at).toISOString()
  return { at, message: JSON.stringify({ level: 'info', time, userPoolId: POOL, durationMs: 9, ...fields }) }
}
const own = { tenantId: 'acme', user: 'u_abcdefgh', clientId: 'client-1' }
const login = [
  closing(0, { ...own, action: 'pre-login', outcome: 'found', requestId: 'r-1' }),
  closing(1, { ...own, trigger: 'define-auth-challenge', outcome: 'challenge', requestId: 'r-2' }),
  closing(2, { ...own, trigger: 'create-auth-challenge', outcome: 'created', flowId: 'flow-1', requestId: 'r-3' }),
]
const LOST = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'
const FINE = '11111111-e9f4-11e8-9739-2dfe598c3fcd'
/** As Lambda writes it, when it is over. */
const report = (seconds: number, requestId: string, end = '') => ({
  at: BEGIN + seconds * 1_000,
  message: `REPORT RequestId: ${requestId}\tDuration: 5000.21 ms\tBilled Duration: 5000 ms\tMemory Size: 512 MB\tMax Memory Used: 99 MB\t${end}\n`,
})
const forwarded = (seconds: number, more: object) =>
  closing(seconds, {
    ...{ level: 'error', door: 'forwarder', trigger: 'verify-auth-challenge-response', outcome: 'fault' },
    ...{ reason: 'gateway_timeout', requestId: 'f-1', ...more },
  })

t.beforeEach(() => {
  for (const group of [LOG_GROUP, FORWARDER]) stack.cloudwatch.clear(group)
  stack.cloudwatch.put(LOG_GROUP, login)
  stack.cloudwatch.put(FORWARDER, [])
  stack.cloudwatch.calls.length = 0
  clock.begin()
})

for (const [end, said] of [
  ['Status: timeout', 'Lambda ended it at its time limit'],
  ['Status: error\tError Type: Runtime.OutOfMemory', 'it ran out of memory'],
  ['Status: error\tError Type: Runtime.ExitError', 'its process ended: a crash, or too little memory'],
] as const)
  t.test(`${end.replace('\t', ' ')} is a step of the login that it ended`, async (t) => {
    stack.cloudwatch.put(LOG_GROUP, [report(14, LOST, end), report(14, FINE)])
    const { code, stdout } = await explain('--flow flow-1')
    t.equal(code, 1)
    t.match(stdout, /^\+9\.0 s +invocation +unfinished/m, 'at its beginning')
    t.equal(stdout.match(/unfinished/g)?.length, 1, 'what ended well is none')
    t.ok(unwrapped(stdout).includes(`An invocation has no closing line: ${said}.`), stdout)
    t.match(unwrapped(stdout), /Lambda's lines name no tenant: it may be another's\./)

    const named = await explain(`--ref ${LOST}`)
    t.ok(unwrapped(named.stdout).includes(`An invocation has no closing line: ${said}.`), named.stdout)
    t.notMatch(unwrapped(named.stdout), /may be another's/, 'the ref says which it is')
  })

t.test('what Lambda ends at its limit is told once, though it writes of it twice', async (t) => {
  const at = BEGIN + 14_000
  const message = `${new Date(at).toISOString()} ${LOST} Task timed out after 5.00 seconds\n\n`
  stack.cloudwatch.put(LOG_GROUP, [{ at, message }, report(14, LOST, 'Status: timeout')])
  const { stdout } = await explain('--user u_abcdefgh')
  t.equal(stdout.match(/unfinished/g)?.length, 1)
  t.match(stdout, /^\+9\.0 s +invocation +unfinished timeout +5000 ms/m)
})

t.test('what the forwarder could not hand on is a step of a login of its pool, and of no other', async (t) => {
  stack.cloudwatch.put(FORWARDER, [forwarded(8, {})])
  const { code, stdout } = await explain('--flow flow-1')
  t.equal(code, 1)
  t.match(stdout, /gateway_timeout/)
  t.match(unwrapped(stdout), /The forwarder's lines name no user: it may be another's\./)
  stack.cloudwatch.clear(FORWARDER)
  stack.cloudwatch.put(FORWARDER, [
    forwarded(8, { userPoolId: 'eu-central-1_0ther0001' }),
    forwarded(8, { level: 'info', outcome: 'forwarded', reason: undefined }),
  ])
  t.notMatch((await explain('--flow flow-1')).stdout, /gateway_timeout/)
})

t.test('of more than a thousand that broke the rest is left out, which is said; no line of the login is', async (t) => {
  const idOf = (index: number) => `${String(index).padStart(8, '0')}-e9f4-11e8-9739-2dfe598c3fcd`
  const reports = Array.from({ length: 1_200 }, (_, index) => report(14, idOf(index), 'Status: timeout'))
  stack.cloudwatch.put(LOG_GROUP, reports)
  const { code, stdout, stderr } = await explain('--flow flow-1')
  t.equal(code, 1)
  t.match(stderr, /of invocations that broke only the first 1000 were read/)
  for (const step of ['pre-login', 'define-auth-challenge', 'create-auth-challenge'])
    t.match(stdout, new RegExp(`^\\+\\S+ s +${step}`, 'm'))
  t.equal(stack.cloudwatch.calls.filter(({ operation }) => operation === 'StartQuery').length, 3)
})

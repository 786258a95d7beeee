import t from 'tap'
import type { Line } from '../../../infra/forwarder/line.js'
import { startForwarder } from '../../../infra/test/fixtures/forwarder.js'
import { OUTCOMES, type Outcome } from '../../../src/reasons.js'
import { startContainer } from '../../fixtures/container.js'
import { createEvent, defineEvent, verifyEvent } from '../../fixtures/events.js'
import { startGateway } from '../../fixtures/gateway.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { cli } from '../fixtures/cli.js'

const BEGIN = Date.UTC(2026, 10, 30, 2, 10)
const POOL = 'eu-central-1_Acme00001'
const TRIGGERS = {
  define: 'define-auth-challenge',
  create: 'create-auth-challenge',
  verify: 'verify-auth-challenge-response',
} as const

const timeAt = (seconds: number) => new Date(BEGIN + 1_000 * seconds).toISOString()
const idOf = (number: number) => `0000000${number % 10}-0000-4000-8000-${String(number).padStart(12, '0')}`

/** A closing line of one user's login. */
function line(seconds: number, step: 'pre-login' | keyof typeof TRIGGERS, outcome: Outcome, more: object = {}): string {
  const own = step === 'pre-login' ? { action: step } : { trigger: TRIGGERS[step], clientId: 'client-1' }
  t.ok(OUTCOMES.includes(outcome))
  return JSON.stringify({
    ...{ level: 'info', time: timeAt(seconds), tenantId: 'acme', userPoolId: POOL, user: 'u_abcdefgh', durationMs: 9 },
    ...{ requestId: idOf(Math.round(seconds * 10)), ...own, outcome, ...more },
  })
}
const FLOW = { flowId: 'flow-1' }
const begun = [line(0, 'pre-login', 'found'), line(1, 'define', 'challenge')]
const asked = [...begun, line(1.2, 'create', 'created', FLOW)]
const verified = line(8, 'verify', 'correct', { reason: 'verified', ...FLOW })
const ended = line(8.2, 'define', 'tokens', FLOW)

const LOST = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'
const lambda = (seconds: number, text: string, requestId = LOST) =>
  `${timeAt(seconds)} ${text.replace('RequestId', `RequestId: ${requestId}`)}`
const START = 'START RequestId Version: 7'
const reportOf = (end: string) =>
  `REPORT RequestId\tDuration: 5000.21 ms\tBilled Duration: 5000 ms\tMemory Size: 512 MB\tMax Memory Used: 99 MB\t${end}`

const explain = (lines: readonly string[], ...flags: readonly string[]) =>
  cli(['explain', 'acme', ...flags], { stdin: lines.join('\n') })
const stepsIn = (stdout: string) => stdout.split('\n').filter((one) => one.startsWith('+'))

for (const [what, end, said] of [
  ['a timeout', 'Status: timeout', 'Lambda ended it at its time limit'],
  ['a lack of memory', 'Status: error\tError Type: Runtime.OutOfMemory', 'it ran out of memory'],
  ['a crash', 'Status: error\tError Type: Runtime.ExitError', 'its process ended: a crash, or too little memory'],
  [
    'a failed start',
    'Status: error\tError Type: Runtime.ImportModuleError',
    'the function did not start (Runtime.ImportModuleError)',
  ],
] as const) {
  t.test(`${what} is a step of the login that it ended, from Lambda's START and REPORT`, async (t) => {
    const own = [lambda(9, START), lambda(14, reportOf(end))]
    const { code, stdout } = await explain([...asked, ...own], '--user', 'u_abcdefgh')
    t.equal(code, 1)
    const steps = stepsIn(stdout)
    t.equal(steps.length, 4)
    t.match(steps[3], /^\+9\.0 s +invocation +unfinished \S+ +5000 ms/)
    t.ok(stdout.includes(`An invocation has no closing line: ${said}.`), stdout)
    t.match(stdout, /Lambda's lines name no tenant: it may be another's\./)
    t.match(stdout, /^who acts: us$/m)

    const named = await explain([...asked, ...own], '--ref', LOST)
    t.ok(named.stdout.includes(`An invocation has no closing line: ${said}.`), named.stdout)
    t.notMatch(named.stdout, /may be another's/, 'the ref says which it is')
  })
}

t.test("a user's logins are told apart: a first define is of the login that follows it", async (t) => {
  const second = { flowId: 'flow-2' }
  const next = [
    line(214.9, 'define', 'challenge'),
    line(215.2, 'create', 'created', second),
    line(220, 'verify', 'correct', { reason: 'verified', ...second }),
    line(220.2, 'define', 'tokens', second),
  ]
  const failed = line(8, 'verify', 'incorrect', { reason: 'expired', ...FLOW })
  const { stdout, code } = await explain([...asked, failed, ...next], '--flow', 'flow-2')
  t.equal(code, 0)
  t.match(
    stdout,
    /^2026-11-30T02:13:34Z {2}u_abcdefgh {2}flow-2\n/,
    'it begins with its first define, and no empty line',
  )
  t.equal(stepsIn(stdout).length, 4)
  const one = await explain([...asked, failed, ...next], '--flow', 'flow-1')
  t.equal(stepsIn(one.stdout).length, 4)
  t.notMatch(one.stdout, /\+214\.9/)
  // The user began again in another window before the first answer came.
  const crossed = await explain(
    [...asked, line(3, 'define', 'challenge'), line(3.2, 'create', 'created', second), verified, ended],
    '--flow',
    'flow-1',
  )
  t.match(crossed, { code: 0, stdout: /^The user is signed in\.$/m })
  t.equal(stepsIn(crossed.stdout).length, 5)
})

t.test('earlier logins that are left out can be had', async (t) => {
  const logins = Array.from({ length: 7 }, (_, i) => [
    line(100 * i, 'pre-login', 'found'),
    line(100 * i + 1, 'define', 'challenge'),
    line(100 * i + 2, 'create', 'created', { flowId: `flow-${i}` }),
  ]).flat()
  const { stdout } = await explain(logins, '--user', 'u_abcdefgh')
  const [, until = ''] = /2 earlier logins of this user left out: with --until (\S+) the latest/.exec(stdout) ?? []
  t.equal(until, '2026-11-30T02:13:20.000Z')
  const before = await explain(logins, '--user', 'u_abcdefgh', '--until', until)
  t.match(before.stdout, /flow-0[\s\S]*flow-1/)
  t.notMatch(before.stdout, /flow-2|left out/)
})

t.test('what failed after the last login, before anybody knew whose it was, is told with it', async (t) => {
  const paused = (seconds: number) => line(seconds, 'pre-login', 'refused', { reason: 'passkeys_off', user: undefined })
  const typo = line(500, 'pre-login', 'refused', { reason: 'user_not_found', user: undefined })
  const lines = [...asked, verified, ended, paused(300), paused(400), typo]
  const { code, stdout } = await explain(lines, '--user', 'u_abcdefgh')
  t.equal(code, 1)
  t.match(stdout, /^The user is signed in\.$/m)
  t.match(
    stdout,
    /^After that 2 logins of acme failed before anybody knew whose, the last at 2026-11-30T02:16:40Z: one may be/m,
  )
  t.match(
    stdout,
    /passkeys_off: The tenant is paused\..*\nwho acts: operator\ndo: corbado-gateway tenants resume acme$/m,
  )
  const json = JSON.parse((await explain(lines, '--user', 'u_abcdefgh', '--json')).stdout)
  t.match(json.later, { lines: 2, owner: 'operator', fix: 'corbado-gateway tenants resume acme' })
  t.match(await explain([paused(-9), ...asked, verified, ended, typo], '--user', 'u_abcdefgh'), { code: 0 })
  t.notMatch((await explain(lines, '--flow', 'flow-1')).stdout, /After that/)
})

t.test(
  'lines of a time without the pseudonym key are told after the last login: one may be of this user',
  async (t) => {
    const nobody = { user: undefined }
    const wrong = { reason: 'backend_unauthorized', level: 'error', flowId: 'flow-2', ...nobody }
    const failed = [
      line(300, 'define', 'challenge', nobody),
      line(301, 'create', 'created', { flowId: 'flow-2', ...nobody }),
      line(305, 'verify', 'incorrect', wrong),
      line(306, 'define', 'fail', { reason: 'attempts_exhausted', flowId: 'flow-2', ...nobody }),
      line(310, 'define', 'fault', { reason: 'table_unavailable', tenantId: undefined, level: 'error', ...nobody }),
    ]
    const lines = [...asked, verified, ended, ...failed]
    const { code, stdout } = await explain(lines, '--user', 'u_abcdefgh')
    t.equal(code, 1)
    t.match(
      stdout,
      /^After that 2 lines of acme failed without a user on them, the last at 2026-11-30T02:15:10Z: one may be/m,
    )
    t.match(stdout, /Lines written before the gateway has its pseudonym key carry none\. table_unavailable: /)
    t.match(stdout, /^see: corbado-gateway explain acme --at 2026-11-30T02:15:10Z$/m)
    const one = await explain([...asked, verified, ended, ...failed.slice(0, 4)], '--user', 'u_abcdefgh')
    t.match(one.stdout, /After that 1 line of acme failed without a user on it.*backend_unauthorized: /)
    t.match(one.stdout, new RegExp(`^see: corbado-gateway explain acme --ref ${idOf(3_050)}$`, 'm'))
    const others = line(320, 'verify', 'incorrect', { ...wrong, user: 'u_zyxwvuts' })
    t.match(await explain([...asked, verified, ended, others], '--user', 'u_abcdefgh'), { code: 0 }, "another user's")
    t.match(await explain(failed, '--user', 'u_abcdefgh'), {
      code: 1,
      stderr: /has that user: .*carry no user: name the login by --ref/,
    })
  },
)

t.test('also those that began within the same second', async (t) => {
  const logins = Array.from({ length: 13 }, (_, i) => [
    line(i / 10, 'pre-login', 'found'),
    line(i / 10 + 0.05, 'define', 'challenge', { flowId: `flow-${i}` }),
  ]).flat()
  const flows: string[] = []
  for (let until: string[] = [], pages = 3; pages > 0; pages -= 1) {
    const { stdout } = await explain(logins, '--user', 'u_abcdefgh', ...until)
    flows.unshift(...(stdout.match(/flow-\d+/g) ?? []))
    until = / --until \S+/.exec(stdout)?.[0].trim().split(' ') ?? []
    t.equal(until.length === 0, pages === 1)
  }
  t.same(
    flows,
    logins.slice(0, 13).map((_, i) => `flow-${i}`),
  )
})

t.test('on a narrow terminal the milliseconds of a dependency stay in one line', async (t) => {
  const upstream = { corbado: 1_234, cognito: 56 }
  const lines = [...asked, line(8, 'verify', 'incorrect', { reason: 'backend_unauthorized', upstream, ...FLOW })]
  const folder = t.testdir({ lines: lines.join('\n') })
  const { stdout } = await cli(['explain', 'acme', `${folder}/lines`, '--flow', 'flow-1'], {
    isTTY: true,
    env: { NO_COLOR: '1' },
  })
  t.match(stdout, /^ +corbado 1234 ms, cognito 56 ms$/m)
  t.ok(stdout.split('\n').every((one) => one.length <= 80))
})

t.test('an invocation that is still running when the lines end is told as that', async (t) => {
  const { stdout } = await explain([...asked, lambda(9, START)], '--flow', 'flow-1')
  t.match(stdout, /Lambda has no report of it: it still ran when these lines end/)
})

t.test("Lambda's lines without a time stand where the lines around them do", async (t) => {
  const bare = [lambda(9, START), lambda(14, reportOf('Status: timeout'))].map((text) => text.replace(/^\S+ /, ''))
  const { stdout } = await explain([...asked, ...bare], '--flow', 'flow-1')
  t.match(stepsIn(stdout)[3], /^\+1\.2 s +invocation +unfinished timeout/)
})

t.test('no invocation that has its closing line is told as broken, in whatever order lines come', async (t) => {
  const own = idOf(80)
  const lines = [...asked, lambda(7.9, START, own), verified, lambda(8.1, reportOf(''), own), ended]
  for (const order of [lines, [...lines].reverse(), [...lines.slice(3), ...lines.slice(0, 3)]]) {
    const { code, stdout } = await explain(order, '--flow', 'flow-1')
    t.equal(code, 0)
    t.equal(stepsIn(stdout).length, 5)
    t.notMatch(stdout, /unfinished/)
    const open = await explain(
      order.filter((text) => text !== ended && text !== verified),
      '--flow',
      'flow-1',
    )
    t.notMatch(open.stdout, /unfinished/, 'it ended well, and its line is elsewhere')
  }
})

t.test('what breaks long after the last step, or after the next login has begun, is of others', async (t) => {
  const broken = (seconds: number) => [lambda(seconds, START), lambda(seconds + 5, reportOf('Status: timeout'))]
  const late = await explain([...begun, ...broken(60)], '--user', 'u_abcdefgh')
  t.notMatch(late.stdout, /unfinished/, 'Cognito calls create at once')
  t.match(late.stdout, /CreateAuthChallenge was not called/)
  const again = [line(20, 'pre-login', 'found'), line(21, 'define', 'challenge')]
  const next = await explain([...asked, ...again, ...broken(22)], '--user', 'u_abcdefgh')
  const [first = '', second = ''] = next.stdout.split('\n\n').map((text) => text)
  t.notMatch(first, /unfinished/)
  t.match(second, /unfinished timeout/)
})

t.test('a verdict that is remembered, and a question that Cognito asks again, are one step', async (t) => {
  const slow = { durationMs: 4_300 }
  const lines = [
    line(0, 'pre-login', 'found'),
    line(1, 'define', 'challenge', slow),
    line(6, 'define', 'challenge', { durationMs: 10 }),
    // The first create's answer came too late, so that the second made another flow.
    line(7, 'create', 'created', { ...slow, flowId: 'flow-0' }),
    line(12, 'create', 'created', FLOW),
    line(20, 'verify', 'correct', { reason: 'verified', ...slow, ...FLOW }),
    line(25, 'verify', 'correct', { reason: 'verified', remembered: true, ...FLOW }),
    line(26, 'define', 'tokens', FLOW),
  ]
  const { code, stdout } = await explain(lines, '--user', 'u_abcdefgh')
  t.equal(code, 0)
  t.strictSame(
    stepsIn(stdout).map((text) => [text.split('  ')[0], /\(asked 2 times\)/.test(text)]),
    [
      ['+0.0 s', false],
      ['+6.0 s', true],
      ['+12.0 s', true],
      ['+20.0 s', true],
      ['+26.0 s', false],
    ],
  )
  t.match(stdout, /^The user is signed in\.$/m)
  const { logins } = JSON.parse((await explain(lines, '--user', 'u_abcdefgh', '--json')).stdout)
  t.equal(logins.length, 1)
  t.strictSame(
    logins[0].steps.map(({ tries }: { tries: number }) => tries),
    [1, 2, 2, 2, 1],
  )
})

t.test('a second passkey, and the defines of a login with a password, are steps of their own', async (t) => {
  const passwords = [line(1, 'define', 'challenge'), line(1.5, 'define', 'challenge'), line(2, 'define', 'challenge')]
  const wrong = (seconds: number) => line(seconds, 'verify', 'incorrect', { reason: 'expired', ...FLOW })
  const second = [line(9, 'define', 'challenge', FLOW), line(9.1, 'create', 'created', { attempt: 2, ...FLOW })]
  const lines = [...passwords, line(2.2, 'create', 'created', FLOW), wrong(8), ...second, wrong(15)]
  const { stdout } = await explain(lines, '--user', 'u_abcdefgh')
  t.equal(stepsIn(stdout).length, lines.length)
  t.notMatch(stdout, /asked/)
})

t.test('the lines of forwarder and container of one call are one step, found by the ref of either', async (t) => {
  const gateway = await startGateway(t)
  const { corbado } = gateway.stack
  const container = await startContainer(t, gateway)
  const forwarder = startForwarder(t, container.url, { clock: gateway.clock })
  const { alias } = tenantFile()
  await gateway.addTenant(tenantFile())
  const user = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
  const send = (event: object) => forwarder.send(event, { alias }).catch(() => undefined)
  await send(defineEvent([]))
  await send(createEvent([]))
  await send(verifyEvent(await corbado.sign('pro-1001', user)))
  const forwarded = forwarder.lines.length
  // A refusal has both doors' lines; after the change the next define meets it.
  await gateway.putConfig(tenantFile({ status: 'suspended' }))
  gateway.clock.advance(400_000)
  await send(defineEvent([]))
  const refused: Line = forwarder.lines.at(-1) ?? {}
  const own = container.take().find(({ reason }) => reason === 'tenant_suspended') ?? ({} as Line)
  t.match(refused, { outcome: 'rejected', reason: 'tenant_suspended', upstreamRequestId: own.requestId })
  t.not(refused.requestId, own.requestId)
  t.equal(forwarded, 3)

  const stamped = [own, refused].map((one) => JSON.stringify({ ...one, user: 'u_abcdefgh' }))
  for (const ref of [refused.requestId, own.requestId]) {
    const { stdout } = await explain(stamped, '--ref', String(ref))
    t.equal(stepsIn(stdout).length, 1, stdout)
    t.match(stepsIn(stdout)[0], /define-auth-challenge +rejected tenant_suspended .*with the forwarder \d+ ms/)
    t.match(stdout, /^do: corbado-gateway tenants resume acme$/m)
  }
})

t.test('what the forwarder alone can tell is a step too: no container has a line of the call', async (t) => {
  const failed = {
    ...{
      level: 'error',
      time: timeAt(9),
      userPoolId: POOL,
      trigger: TRIGGERS.verify,
      door: 'forwarder',
      msg: 'trigger',
    },
    ...{ outcome: 'fault', reason: 'gateway_timeout', requestId: LOST, durationMs: 4_600 },
  }
  const lines = [...asked, JSON.stringify(failed)]
  const near = await explain(lines, '--flow', 'flow-1')
  t.match(stepsIn(near.stdout)[3], /^\+9\.0 s +forwarder +fault gateway_timeout +4600 ms/)
  t.match(near.stdout.replaceAll(/\s+/g, ' '), /The forwarder's lines name no user: it may be another's\./)
  const named = await explain(lines, '--ref', LOST)
  t.equal(stepsIn(named.stdout).length, 1)
  t.match(named.stdout, /^gateway_timeout: /m)
  t.notMatch(named.stdout, /may be another's/)
  const other = JSON.stringify({ ...failed, userPoolId: 'eu-central-1_Other' })
  t.notMatch((await explain([...asked, other], '--flow', 'flow-1')).stdout, /gateway_timeout/, "another pool's")
})

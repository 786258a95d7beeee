import { join } from 'node:path'
import { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { runCli } from '../../src/commands/index.js'
import { cli } from './fixtures/cli.js'
import { frozenAt } from './fixtures/clock.js'

const line = (minute: number, more: object) =>
  JSON.stringify({
    level: 'info',
    time: `2026-11-30T02:${String(minute).padStart(2, '0')}:00.000Z`,
    tenantId: 'acme',
    customer: 'acme-gmbh',
    userPoolId: 'eu-central-1_Acme00001',
    trigger: 'verify-auth-challenge-response',
    outcome: 'correct',
    reason: 'verified',
    user: 'u_0123456789abcdef',
    clientId: 'web-client',
    requestId: `request-${minute}`,
    flowId: `flow-${minute}`,
    durationMs: 70,
    upstream: { corbado: 60 },
    gatewayVersion: '1.4.0',
    ...more,
  })
const lines = [
  line(1, {}),
  line(2, { outcome: 'incorrect', reason: 'backend_unauthorized', level: 'error', failed: 'corbado' }),
  line(3, { tenantId: 'globex', customer: 'globex', userPoolId: 'eu-central-1_Globex001', clientId: 'app-client' }),
  line(4, { trigger: undefined, action: 'pre-login', outcome: 'found', reason: undefined, user: 'u_fedcba9876543210' }),
  'START RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Version: 7',
  line(5, { gatewayVersion: '1.5.0' }),
]
const stdin = lines.join('\n')
const minutesOf = (stdout: string) => stdout.split('\n').flatMap((text) => /T02:(\d\d):/.exec(text)?.[1] ?? [])
const now = '2026-11-30T02:30:00Z'
const logs = (...words: string[]) => cli(['logs', ...words], { stdin, now })

t.test('what cannot be asked is refused with what to do', async (t) => {
  t.match(await logs('--last', 'all'), { code: 2, stderr: /--last "all" is no number of lines/ })
  t.match(await logs('--since', '10m', '--until', '20m'), { code: 2, stderr: /--since 10m is not before --until 20m/ })
  t.match(await logs('--level', 'loud'), { code: 2, stderr: /Allowed choices are info, warn, error/ })
  for (const [flag, name, meant] of [
    ['--reason', 'backend_unauthorised', 'backend_unauthorized'],
    ['--outcome', 'incorect', 'incorrect'],
    ['--tenant', 'acmee', 'acme'],
    ['--tenant', 'globx', 'globex'],
    ['--customer', 'acme-gmbj', 'acme-gmbh'],
    ['--pool', 'eu-central-1_Acme00002', 'eu-central-1_Acme00001 or eu-central-1_Globex001'],
    ['--client', 'web-clinet', 'web-client'],
    ['--release', '1.4.1', '1.4.0'],
    ['--step', 'pre-logn', 'pre-login'],
  ] as const)
    t.match(await logs(flag, name), {
      code: 2,
      stdout: '',
      stderr: new RegExp(`^error: ${flag} "${name}" is on no line: did you mean ${meant}\\?`, 'm'),
    })
  t.match(await logs('--customer', 'somebody'), {
    code: 0,
    stdout: '',
    stderr: /^note: no line that was read has what --customer names$/m,
  })
  t.match(await logs('--reason', 'x'), { code: 2, stderr: /corbado-gateway reasons lists all/ })
  t.match(await cli(['logs', '--since', '8m'], { now }), {
    code: 1,
    stderr: /nothing was piped in; for CloudWatch name the log group/,
  })
  t.match(await logs('--user', 'ada@example.com'), {
    code: 2,
    stderr: /needs to know the tenant: a user is one of its pool/,
  })
})

t.test('every flag keeps the lines that it names', async (t) => {
  const kept = async (words: string) => minutesOf((await logs(...words.split(' '))).stdout)
  for (const [words, minutes] of [
    ['--tenant globex', ['03']],
    ['--pool eu-central-1_Globex001', ['03']],
    ['--customer acme-gmbh --step pre-login', ['04']],
    ['--outcome incorrect', ['02']],
    ['--reason backend_unauthorized', ['02']],
    ['--level error', ['02']],
    ['--flow flow-1', ['01']],
    ['--ref request-5', ['05']],
    ['--client app', ['03']],
    ['--release 1.5.0', ['05']],
    ['--user u_fedcba9876543210', ['04']],
    ['--since 27m', ['03', '04', '05']],
    ['--until 02:03 --utc', ['01', '02']],
    ['--tenant nobody', []],
  ] as const)
    t.strictSame(await kept(words), minutes, words)
})

t.test('a line has its columns in one order, and the owner with the meaning if it is no good news', async (t) => {
  const { stdout, stderr, code } = await logs('--tenant', 'acme', '--until', '26m')
  t.equal(code, 0)
  t.strictSame(stdout.split('\n').slice(0, 2), [
    '2026-11-30T02:01:00.000Z  acme  verify-auth-challenge-response  correct verified  70 ms  corbado 60  u_0123456789abcdef  flow-1',
    '2026-11-30T02:02:00.000Z  acme  verify-auth-challenge-response  incorrect backend_unauthorized  70 ms  corbado 60  u_0123456789abcdef  flow-2  (operator: 401 or 403: the credential is wrong, expired, lacks `passkeys:verify`, or our address is not allowed.)',
  ])
  t.equal(
    stderr,
    "2 lines of 6 lines read, 1 of them not the gateway's, to 2026-11-30T02:04:00Z\n",
    'with the time that was understood',
  )
})

t.test(
  'what is left out, or is too long to read, is said, and makes the exit code 1 if nobody asked for it',
  async (t) => {
    const run = await logs('--last', '2')
    t.match(run, { code: 0, stderr: /3 earlier lines left out: --last 0 shows all/ }, 'two were asked for')
    const many = Array.from({ length: 201 }, (_, i) => line(1, { requestId: `request-${i}` })).join('\n')
    t.match(await cli(['logs'], { stdin: many, now }), { code: 1, stderr: /1 earlier line left out/ })
    t.strictSame(minutesOf(run.stdout), ['04', '05'], 'the latest are shown')
    t.strictSame(minutesOf((await logs('--last', '0')).stdout).length, 5)
    const dir = t.testdir({ long: `${'x'.repeat(3 * 1_048_576)}\n${lines[2]}\n` })
    t.match(await cli(['logs', join(dir, 'long')], { now }), {
      code: 1,
      stderr: /^1 line over 1 MiB could not be read$/m,
    })
  },
)

t.test('what has only a pool is of the tenant whose pool it is, wherever a line says so', async (t) => {
  const nameless = (minute: number, userPoolId = 'eu-central-1_Acme00001') =>
    line(minute, { tenantId: undefined, userPoolId, outcome: 'fault', reason: 'table_unavailable' })
  const stdin = [nameless(0), nameless(1, 'eu-central-1_Globex001'), ...lines, nameless(6)].join('\n')
  for (const last of ['0', '200']) {
    const { stdout } = await cli(['logs', '--tenant', 'acme', '--last', last], { stdin, now })
    t.strictSame(minutesOf(stdout), ['00', '01', '02', '04', '05', '06'], last)
    t.equal(stdout.match(/fault table_unavailable/g)?.length, 2, last)
  }
  const some = await cli(['logs', '--tenant', 'acme', '--reason', 'table_unavailable'], { stdin, now })
  t.strictSame(minutesOf(some.stdout), ['00', '06'], 'other flags count too')
  t.match(await cli(['logs', '--tenant', 'acme'], { stdin: nameless(0), now }), {
    stdout: '',
    stderr: /^note: lines with only a pool are left out, as none says whose it is: --pool eu-central-1_Acme00001$/m,
  })
})

t.test('an invocation that broke has no line of the gateway: --ref leads on to what tells of it', async (t) => {
  const ref = '8476a536-e9f4-11e8-9739-2dfe598c3fcd'
  const report = `REPORT RequestId: ${ref}\tDuration: 5000.21 ms\tBilled Duration: 5000 ms\tStatus: timeout`
  const broken = await cli(['logs', '--ref', ref], { stdin: [...lines, report].join('\n'), now })
  t.match(broken, { code: 0, stdout: '' })
  const see = `See: corbado-gateway explain <tenant> --ref ${ref}\n`
  t.ok(broken.stderr.includes(`Lambda ended it with timeout after 5000 ms. ${see}`), broken.stderr)
  const begun = await logs('--ref', ref, '--tenant', 'acme')
  t.match(begun.stderr, /Lambda began it, and says nothing of its end\. See: corbado-gateway explain acme --ref/)
  t.notMatch((await logs('--ref', 'request-5')).stderr, /Lambda/)
})

t.test('lines of several files, gzip among them, come in the order of time', async (t) => {
  const dir = t.testdir({ a: lines.slice(2).join('\n'), 'b.gz': gzipSync(lines.slice(0, 2).join('\n')) })
  const { stdout } = await cli(['logs', join(dir, 'a'), join(dir, 'b.gz')], { now })
  t.strictSame(minutesOf(stdout), ['01', '02', '03', '04', '05'])
})

t.test('as JSON it is the lines as they were, with what was left out', async (t) => {
  const answer = JSON.parse((await logs('--last', '1', '--json')).stdout)
  t.strictSame(answer, { kind: 'lines', lines: [JSON.parse(lines[5] ?? '')], left: 4, read: 6 })
})

t.test('colour and escapes are for terminals that take them, and none comes from a line', async (t) => {
  const evil = line(6, { user: 'u_\u001b[2Jabcdefgh', outcome: 'incorrect', reason: 'backend_unauthorized' })
  const plain = await cli(['logs', '-'], { stdin: evil, now })
  t.notOk(plain.stdout.includes('\u001b'))
  t.match(plain.stdout, /backend_unauthorized/)
  t.notMatch(plain.stdout, /\[2J/, 'what is no name is not shown')
})

t.test(
  'on a terminal a line that is too long goes on in an indented one, between its parts; elsewhere it is one',
  async (t) => {
    for (const columns of [80, 120]) {
      let shown = ''
      const output = { isTTY: true, columns, write: (text: string) => (shown += text) }
      const input = Object.assign(Readable.from([Buffer.from(stdin)]), { isTTY: false })
      await runCli(['logs', '-'], {
        stdin: input,
        stdout: output,
        stderr: output,
        env: {},
        clock: frozenAt(now),
        built: 'dist',
      })
      t.match(stripVTControlCharacters(shown), /^2026-11-30T02:01:00\.000Z {2}29 min ago {2}acme/)
      const rows = stripVTControlCharacters(shown).trimEnd().split('\n').slice(0, -1)
      t.ok(
        rows.every((row) => row.length <= columns),
        String(columns),
      )
      t.ok(rows.every((row) => /^(2026-| {2}\S)/.test(row)))
      const one = (await logs('-')).stdout.trimEnd()
      t.equal(
        rows
          .join('\n')
          .replaceAll(/\n {2}/g, '  ')
          .replaceAll(/\s+/g, ' ')
          .replaceAll(/ \d+ min ago/g, ''),
        one.replaceAll(/\s+/g, ' '),
        'nothing is lost',
      )
      t.equal(one.split('\n').length, 5)
    }
  },
)

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { systemClock } from '../../../src/call.js'
import { fieldsOf } from '../../../src/fields.js'
import type { DemoConfig, OutboxAnswer } from '../../../src/local/demo/api.js'
import { clients } from '../../fixtures/clients.js'
import { answerIn } from '../fixtures/answer.js'
import { type CliOptions, cli, tenantYaml } from '../fixtures/cli.js'

interface Step {
  readonly step: string
  readonly expected: string
  readonly outcome: string
  readonly ok: boolean
  readonly ms: number
  readonly triggers: { readonly trigger: string; readonly outcome: string; readonly ms: number }[]
}
interface Report {
  readonly tenants: { readonly tenantId: string; readonly flow: string; readonly steps: Step[] }[]
}
interface Teardown {
  teardown(undo: () => unknown): void
}

const temp = mkdtempSync(join(tmpdir(), 'start-test-'))
t.teardown(() => rmSync(temp, { recursive: true }))
process.env.TMPDIR = temp
// The AWS account of the person who runs this must play no part, and the AWS SDK may print its notices.
const { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: _, ...own } = process.env
const env = { ...own, AWS_PROFILE: 'none', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }

/** What is printed before anything is loaded. */
const STARTING = 'Starting the gateway on this machine, with stand-ins for all around it ...\n'

/** Runs the built program in a process of its own, as `npm start` does, for what only a process can show. */
function start(t: Teardown, ...argv: string[]) {
  const child = spawn(process.execPath, ['dist/cli.mjs', 'local', ...argv], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a terminal gives it.
    detached: true,
  })
  // The whole group: a test that fails half way leaves nothing running.
  t.teardown(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL')
  })
  const printed = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (printed.stdout += chunk))
  child.stderr.on('data', (chunk) => (printed.stderr += chunk))
  const closed = once(child, 'close')
  return {
    printed,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    stopReading: () => child.stdout.destroy(),
    killAll: (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal),
    async end() {
      const [code, signal] = await closed
      return { code, signal, ...printed }
    },
    /** Until the output holds a text. */
    async says(text: string) {
      while (!printed.stdout.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended without saying "${text}": ${JSON.stringify(printed)}`)
        await sleep(10)
      }
    },
  }
}

/** Runs the program in this process until its story is told. */
const tell = (words: readonly string[], options: CliOptions = {}) => cli(['local', ...words, '--once'], options)

/** What `dist` has of a program, each entry a link to it. */
const linkTo = (name: string) => t.fixture('symlink', resolve('dist', name))

const logFileOf = (stdout: string) => /log lines +(\S+)/.exec(stdout)?.[1] ?? ''

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(false)
    }).on('error', () => resolve(true))
  })
}

const ten = (base: number) => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => base + n)

/** The first of ten free ports, below those that the system gives to anybody. */
async function freeBase(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all(ten(base).map(isFree))
    if (free.every(Boolean)) return base
  }
}

t.test('reports wrong tenant files and starts nothing', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml().replace('sms', 'fax') })
  const { code, stdout } = await tell([dir, '--port', '0'])
  t.equal(code, 1)
  const [, issues = ''] = stdout.split(STARTING)
  t.match(issues, /^\S+acme\.yaml:19:5 {2}actions\.postAppend\.mfa {2}must be one of [^\n]+\n\n1 issue in 1 file\n$/)
})

t.test('refuses wrong usage', async (t) => {
  const cases = [
    [['--json'], 'error: --json needs --once\n', /^\{\n {2}"kind": "error",\n/],
    [
      ['--port', '80'],
      "error: option '--port <n>' argument '80' is invalid. It must be 0 or a number from 1024 to 65500.",
      /^$/,
    ],
    [
      ['nowhere'],
      'error: the folder nowhere cannot be read (ENOENT): run this in the folder that holds it, or name another\n',
      new RegExp(`^${STARTING}$`),
    ],
  ] as const
  for (const [argv, message, printed] of cases) {
    const { code, stdout, stderr } = await cli(['local', ...argv])
    t.equal(code, 2, message)
    t.match(stdout, printed)
    t.ok(stderr.startsWith(message), stderr)
  }
})

t.test('says what to do if the container door is not built', async (t) => {
  const built = t.testdir({ local: linkTo('local'), lambda: linkTo('lambda') })
  const { code, stdout, stderr } = await tell(['--port', '0'], { built })
  t.equal(code, 1)
  t.equal(stdout, STARTING)
  t.match(stderr, /^error: \S+\/server\.mjs is missing: npm run build makes it\n$/)
})

/** Starts on ports of which one is taken; the services that would have come before and after it are gone again. */
async function startBeside(t: Teardown, ordinal: number, argv: string[], options: CliOptions = {}) {
  const base = await freeBase()
  const taken = createServer().listen(base + ordinal, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const ended = await tell(['--port', String(base), ...argv], options)
  const left = await Promise.all(
    ten(base)
      .filter((port) => port !== base + ordinal)
      .map(isFree),
  )
  return { ...ended, base, port: base + ordinal, nothingLeft: left.every(Boolean) }
}

t.test('names the port that is taken, its service and what to do, and leaves nothing running', async (t) => {
  const { code, stdout, stderr, base, port, nothingLeft } = await startBeside(t, 1, [])
  t.equal(code, 1)
  t.equal(stdout, STARTING)
  const advice = `Stop what listens there, or choose another base: npm start -- --port ${base + 1_000}`
  t.equal(stderr, `error: Port ${port} (lambda stand-in) is taken. ${advice}\n`)
  t.ok(nothingLeft)
})

/** Terminals whose users want no colours. */
const COLOURLESS = [
  { isTTY: true, env: { NO_COLOR: '1' } },
  { isTTY: true, env: { TERM: 'dumb' } },
] as const

t.test('says the same of the port of the container door, which comes after the services', async (t) => {
  const { code, stdout, stderr, base, port, nothingLeft } = await startBeside(t, 8, ['--logs'], COLOURLESS[0])
  t.equal(code, 1)
  t.match(stdout, /\nGateway\n$/, 'the tenants were loaded meanwhile')
  t.match(stdout, /\n {2}\+ acme-shop \(\S+\)\n/, 'without colours')
  t.notMatch(stdout, '\u001b')
  const advice = `Stop what listens there, or choose another base: npm start -- --port ${base + 1_000}`
  const [bar, said = ''] = stderr.replaceAll(/\s+/g, ' ').split(/(?=error: )/)
  t.equal(said, `error: Port ${port} (container door) is taken. ${advice} `)
  t.notMatch(bar, /[{}]/, 'and no line of the door itself')
  t.ok(nothingLeft)
})

t.test('and of the port of the page, which comes last', async (t) => {
  const base = await freeBase()
  const taken = createServer().listen(base + 9, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { code, stderr } = await start(t, '--port', String(base)).end()
  t.equal(code, 1)
  t.match(stderr, `error: Port ${base + 9} (demo's page) is taken. Stop what listens there,`)
})

const triggersOf = (report: Report['tenants'][number] | undefined, name: string) =>
  report?.steps.find(({ step }) => step === name)?.triggers.map(({ trigger, outcome }) => `${trigger}: ${outcome}`)

t.test('signs a user of each tenant in, with the flow that it has, and prints it as JSON', async (t) => {
  const dir = t.testdir()
  for (const name of ['acme-shop.yaml', 'globex-bank.yaml', 'initech-portal.yaml'])
    cpSync(join('tenants', name), join(dir, name))
  const phone = '{ preLogin: { identifierAttribute: phone_number }, postAppend: { mfa: none } }'
  const others = {
    'phone.yaml': tenantYaml('phone')
      .replace('actions:\n  postAppend:\n    mfa: sms', `login: { maxAttempts: 1 }\nactions: ${phone}`)
      .replace('pro-1', 'pro-3'),
    'bearer.yaml': tenantYaml('bearer')
      .replace('mfa: sms', 'mfa: email')
      .replace('Scheme: basic', 'Scheme: bearer')
      .replace('pro-1', 'pro-4'),
    'asleep.yaml': tenantYaml('asleep').replace('status: active', 'status: suspended'),
  }
  for (const [name, text] of Object.entries(others)) writeFileSync(join(dir, name), text)

  const { code, stdout, stderr } = await tell([dir, '--port', '0', '--json'])
  t.equal(stderr, '')
  t.equal(code, 0)
  // Its form is that of the schema.
  const { tenants } = answerIn(stdout) as unknown as Report
  const reportOf = (id: string) => tenants.find(({ tenantId }) => tenantId === id)

  t.test('of every tenant that is served, and of no other', async (t) => {
    t.same(
      tenants.map(({ tenantId, flow }) => [tenantId, flow]),
      [
        ['acme-shop', 'passkey'],
        ['bearer', 'passkey'],
        ['globex-bank', 'password-then-passkey'],
        ['initech-portal', 'passkey'],
        ['phone', 'passkey'],
      ],
    )
  })

  t.test('with every step of the story, as expected', async (t) => {
    // Corbado fails for the last one, once the story is told.
    const incident = ['logins meanwhile', 'explain']
    const common = ['pre-login', 'passkey ceremony', 'answer with it', "another user's proof", 'proof used before']
    const ending = ['post-append: MFA', 'same through HTTP', 'log lines']
    for (const { tenantId, steps } of tenants) {
      for (const { step, expected, outcome, ok, ms } of steps) {
        t.ok(ok, `${tenantId}: ${step}: expected ${expected}, happened ${outcome}`)
        t.type(ms, 'number')
      }
      const names = steps.map(({ step }) => step)
      for (const name of [...common, ...ending]) t.ok(names.includes(name), name)
      t.strictSame(names.slice(-2), tenantId === 'phone' ? incident : ending.slice(-2))
    }
  })

  t.test('with the triggers that Cognito called', async (t) => {
    const acme = reportOf('acme-shop')
    t.same(triggersOf(acme, 'begin login'), ['define: CUSTOM_CHALLENGE', 'create: challenge parameters'])
    t.same(triggersOf(acme, 'answer with it'), ['verify: answerCorrect true', 'define: issueTokens'])
    t.same(triggersOf(reportOf('globex-bank'), 'password (SRP)'), [
      'define: PASSWORD_VERIFIER',
      'define: CUSTOM_CHALLENGE',
      'create: challenge parameters',
    ])
  })

  t.test('with the codes by mail that go on beside the passkeys of one tenant', async (t) => {
    const names = ['code by mail', 'passkey as a code', 'code as a passkey']
    const told = reportOf('initech-portal')?.steps.filter(({ step }) => names.includes(step))
    t.same(
      told?.map(({ step, outcome }) => [step, outcome]),
      [
        ['code by mail', 'tokens of this user'],
        ['passkey as a code', 'asked again'],
        ['code as a passkey', 'refused: malformed_answer'],
      ],
    )
    t.notOk(
      reportOf('acme-shop')?.steps.some(({ step }) => names.includes(step)),
      'and of no other',
    )
  })

  t.test('with the words of the tenant for a user whom it does not know', async (t) => {
    const told = (id: string, step = 'unknown e-mail') => reportOf(id)?.steps.find((one) => one.step === step)?.outcome
    t.equal(told('acme-shop'), 'user_not_found, told')
    t.equal(told('globex-bank'), 'user_not_found, not told')
    t.equal(told('phone', 'unknown phone number'), 'user_not_found, told')
  })

  t.test('and every define event of the Lambda door went through the container door too', async (t) => {
    for (const { steps } of tenants) {
      const again = steps.find(({ step }) => step === 'same through HTTP')?.outcome ?? ''
      const [, equal = '0', all = ''] = /^(\d+) of (\d+) define answers equal$/.exec(again) ?? []
      t.equal(equal, all)
      const before = steps.slice(
        0,
        steps.findIndex(({ step }) => step === 'same through HTTP'),
      )
      const defines = before.flatMap(({ triggers }) => triggers.filter(({ trigger }) => trigger === 'define'))
      t.equal(Number(all), defines.length)
    }
  })
})

/** A gateway to which every answer to a challenge gets lost on its way. */
const forgetful = `
import { handler as real } from ${JSON.stringify(resolve('dist/lambda/index.mjs'))}
export const handler = (event, context) => {
  const request = { ...event.request, challengeAnswer: 'lost' }
  return real(event.triggerSource?.startsWith('Verify') ? { ...event, request } : event, context)
}`

t.test('says what did not go as expected, and why; with --once the exit code is 1', async (t) => {
  const dir = t.testdir({
    tenants: { 'acme.yaml': tenantYaml() },
    built: { local: linkTo('local'), lambda: { 'index.mjs': forgetful }, 'server.mjs': linkTo('server.mjs') },
  })
  const { code, stdout, stderr } = await tell([join(dir, 'tenants'), '--port', '0'], {
    ...COLOURLESS[1],
    built: join(dir, 'built'),
  })
  t.equal(code, 1)
  t.equal(stderr, '')
  t.notMatch(stdout, '\u001b', 'no colours where none are wanted')
  const issues = [
    ['answer with it', 'tokens of this user', 'passkey asked for'],
    ["another user's proof", 'refused: user_mismatch', 'refused: malformed_answer'],
    ['proof used before', 'refused: invalid_challenge', 'refused: malformed_answer'],
    ['logins meanwhile', '8 refused: backend_unavailable', '8 refused: malformed_answer'],
    [
      'explain',
      'Corbado fails. Who acts: Corbado',
      'The answer is not a JWT, or over 16 KiB: the client sends something other than `signedPasskeyData`. Who acts: customer',
    ],
  ]
  const lines = issues.map(
    ([step, expected, happened]) => `  acme: ${step}\n    expected       ${expected}\n    what happened  ${happened}\n`,
  )
  t.equal(stdout.split('\n\n').at(-1), `5 of 13 steps did not go as expected:\n${lines.join('')}`)
  t.match(
    stdout,
    /\n {2}✗ another user's proof +refused: malformed_answer +\d+ ms\n {6}expected +refused: user_mismatch\n/,
  )
})

t.test('can be stopped in the middle of its story', async (t) => {
  const running = start(t, '--port', '0')
  await running.says('✓ pre-login')
  running.kill('SIGINT')
  const { code, stdout, stderr } = await running.end()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /\nstopped\n/)
  t.notMatch(stdout, '✗')
})

t.test('can be stopped while it is starting', async (t) => {
  const running = start(t, '--port', '0')
  await running.says('Services')
  running.kill('SIGINT')
  const { code, stdout, stderr } = await running.end()
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /\nstopped\n/)
  t.notMatch(stdout, '✓')
})

t.test('ends if its output is no longer read, as by head', async (t) => {
  const running = start(t, '--port', '0', '--once')
  await running.says(STARTING)
  running.stopReading()
  const { code, signal, stderr } = await running.end()
  t.same({ code, signal }, { code: 0, signal: null })
  t.equal(stderr, '')
})

/** Whether each of the ten ports from a base on is free. */
const freeAt = (base: number) => Promise.all(ten(base).map(isFree))
const all = (free: boolean) => Array.from({ length: 10 }, () => free)

t.test('with --logs, the lines go to stderr; SIGTERM ends it, and frees its ports', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml().replace('status: active', 'status: suspended') })
  const base = await freeBase()
  const running = start(t, dir, '--port', String(base), '--logs')
  await running.says('Ctrl-C stops it')
  t.same(await freeAt(base), all(false))
  running.kill('SIGTERM')
  const { code, stdout, stderr } = await running.end()
  t.equal(code, 0)
  t.match(stdout, /\nstopped\n/)
  t.match(stdout, 'acme  is suspended: no one signs in')
  t.notMatch(stdout, 'tail -f')
  t.same(await freeAt(base), all(true))
  const messages = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg)
  t.ok(messages.includes('ready'), 'those of the container door too')
})

t.test('stays up once its story is told', async (t) => {
  const base = await freeBase()
  const running = start(t, '--port', String(base))
  await running.says('tail -f')
  const { stdout } = running.printed
  const lines = suggestions(stdout)
  const lineFor = (word: string) => lines.find(({ why }) => why.startsWith(word))?.line ?? ''
  const run = (line: string) => promisify(execFile)('sh', ['-c', line], { env })

  t.test('told for people', async (t) => {
    t.match(stdout, /\nAll 39 steps went as expected\.\n/)
    t.notMatch(stdout, '✗')
    t.notMatch(stdout, '\u001b', 'no colour where no terminal is')
    t.match(stdout, /\n {2}✓ pre-login +globex-100417 +\d+ ms\n/)
    t.match(stdout, /\n {2}✓ pre-login +[\da-f-]{36} +\d+ ms\n {6}cold start +a new execution environment\n/)
    t.match(stdout, /\n {6}define +PASSWORD_VERIFIER +\d+ ms\n {6}define +CUSTOM_CHALLENGE +\d+ ms\n {6}create /)
    t.ok(stdout.startsWith(STARTING))
    const wide = stdout
      .replaceAll(temp, '/tmp')
      .split('\n')
      .filter((line) => line.length > 80)
    const commands = lines.map(({ line }) => line.replaceAll(temp, '/tmp')).filter((line) => line.length > 80)
    t.same(wide, commands, 'all fits a terminal, but for the commands that a person copies')
  })

  t.test('on the ports that it was given', async (t) => {
    const ports = [...stdout.matchAll(/^ {2}\w+ +http:\/\/127\.0\.0\.1:(\d+)/gm)].map(([, port]) => Number(port))
    t.same(ports, ten(base).slice(0, 9))
    t.same(await freeAt(base), all(false))
  })

  t.test('with the page of the demo on the last of them', async (t) => {
    const [, url = ''] = /^ {2}demo +(http:\/\/localhost:\d+) {2}/m.exec(stdout) ?? []
    t.equal(url, `http://localhost:${base + 9}`)
    t.match(await (await fetch(`${url}/config.json`)).json(), { tenants: { length: 3 } })
  })

  t.test('with lines to try next that work as they stand', async (t) => {
    t.equal(lines.length, 10)
    t.match(JSON.parse((await run(lineFor('Begin a login'))).stdout), { ChallengeName: 'CUSTOM_CHALLENGE' })
    const define = lineFor('What comes first in a login at acme-shop?')
    t.match(define, /^curl [^\n]+ -H 'webhook-signature: v1,/)
    for (const time of ['first', 'second']) {
      const { stdout } = await run(`${define} -w '%{http_code}'`)
      t.match(stdout, /"challengeName":"CUSTOM_CHALLENGE".*200$/, `pasted for the ${time} time`)
    }
    const forged = await run(`${define.replace('"session":[]', '"session":[{}]')} -w '%{http_code}'`)
    t.match(forged.stdout, /401$/, 'its signature is one of these bytes')
    t.same(JSON.parse((await run(lineFor('Ask the container'))).stdout), { status: 'ready' })
    const find = lineFor('Find a user of acme-shop')
    const path = `${awsCli(t)}:${process.env.PATH}`
    const asked = (line: string) => promisify(execFile)('sh', ['-c', line], { env: { ...env, PATH: path } })
    t.match(JSON.parse((await asked(find)).stdout), { statusCode: 200, body: { identifier: /^[\da-f-]{36}$/ } })
    await t.rejects(asked(find.replace('corbado.env', 'operator.env')), /AccessDeniedException/, 'not an operator')
    t.match(await run(lineFor('Check')), { stdout: '3 tenants are valid\n', stderr: '' })
    t.match(await run(lineFor('Compare')), { stdout: '3 untouched\n', stderr: '' })
    const broke = await run(lineFor('What broke')).catch((ended) => ended)
    t.match(broke, { code: 1, stdout: /^1\. Corbado fails\./m })
    t.match(broke.stdout, /^ {3}whom {6}initech-portal: 8 lines /m)
    t.match(broke.stdout, /^ {3}who acts {2}Corbado\n {3}do {8}tell Corbado since when/m)
    // Its story has logins that fail, as they must. Which five are the latest depends on how long each took.
    let explained = ''
    for (let until: string | undefined = '', asked = 0; until !== undefined; asked += 1) {
      if (asked === 10) throw new Error(`there is no end of it:\n${explained}`)
      const { stdout }: { stdout: string } = await run(lineFor('Explain').replace(/\)$/, `${until})`)).catch(
        (ended) => ended,
      )
      explained += stdout
      until = / --until \S+/.exec(stdout)?.[0]
    }
    t.match(explained, /define-auth-challenge +fail foreign_challenge/)
    t.match(explained, /^who acts: customer$/m)
    const countIn = (text = '') => text.match(/^after +step /gm)?.length ?? 0
    const [page, left] = /^[\s\S]*?^(\d+) earlier logins of this user/m.exec(explained) ?? []
    t.ok(countIn(page) >= 5, 'the latest, and those that began in the same millisecond')
    t.equal(countIn(page) + Number(left), countIn(explained), 'each login was shown once')
  })

  t.test('where the lines of CONNECT-TOKENS.md get a connect token for a signed-in user', async (t) => {
    const page = readFileSync('tenants/CONNECT-TOKENS.md', 'utf8')
    const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? []
    t.match(block, ':4508/', 'the port of the container door')
    const { stdout: answer } = await run(
      `. ${dirname(logFileOf(stdout))}/operator.env\n${block.replace(':4508/', `:${base + 8}/`)}`,
    )
    t.match(JSON.parse(answer), { connectToken: /./ })
  })

  t.test('where whoever makes a fault sees explain name it', async (t) => {
    const files = dirname(logFileOf(stdout))
    // The settings put the program on the path, where the first lines find it; the rest is run in this process.
    const typed = (line: string) => run(`. ${files}/operator.env; ${line}`).catch((ended) => ended)
    const settings = (await run(`. ${files}/operator.env; env -0`)).stdout.split('\0').filter(Boolean)
    Object.assign(process.env, Object.fromEntries(settings.map((line) => line.split(/=(.*)/s, 2))))
    const gateway = (words: string, stdin = '') =>
      cli(words.split(' '), { env: process.env, clock: systemClock, stdin })
    const explained = () => gateway('explain acme-shop --log-group /aws/lambda/corbado-cognito-gateway')
    const signIn = () =>
      cli(['local', 'sign-in', 'eu-central-1_Ac0meSh0p'], { env: { LOCAL_APPS: `${files}/apps.json` } })
    async function signsIn(times: number, code: number) {
      for (let time = 0; time < times; time += 1)
        t.match(await signIn(), { code, stdout: code === 0 ? /tokens of/ : /✗/ })
    }

    const { stdout: second } = await typed('corbado-gateway local credential acme-shop')
    t.match((await gateway('local credential acme-shop --keep-newest')).stdout, /has 1 API secret now/)
    await signsIn(8, 1)
    const revoked = await explained()
    t.match(revoked, { code: 1, stdout: /^1\. Corbado took the key back\./m })
    const [, line = ''] = /^ {3}do +(.*)$/m.exec(revoked.stdout) ?? []
    t.equal(line, 'corbado-gateway secret set acme-shop')
    t.match((await gateway(line.replace('corbado-gateway ', ''), second)).stdout, /stored as version 2/)
    // It was read a moment ago, and is read again half a minute later: each login until then costs more than the wait.
    while ((await signIn()).code !== 0) await sleep(5_000)

    // The gateway goes on with what it has in memory, and says so.
    t.match((await gateway('local fault table --as denied')).stdout, /goes on with what it has in memory/)
    await sleep(1_100)
    await signsIn(6, 0)
    t.match(await explained(), { code: 1, stdout: /The table fails, and tenants are served by the configs/ })
    await gateway('local fault table --as denied --cold')
    await signsIn(6, 1)
    const denied = await explained()
    t.match(denied, { code: 1, stdout: /lacks a permission on the table[\s\S]* {3}who acts {2}us/ })
    t.match(denied.stderr, /who changed what before that is not known: DynamoDB said AccessDeniedException/)
    t.match((await gateway('local fault clear')).stdout, /^ended:/)
    await signsIn(1, 0)
  })

  t.test(
    "with an app in which both of Cognito's clients sign in: by its own code at one app client, by passkey at another",
    async (t) => {
      const [, url = ''] = /^ {2}demo +(http:\/\/localhost:\d+) {2}/m.exec(stdout) ?? []
      const [, corbado = ''] = /^ {2}corbado +(http:\/\/127\.0\.0\.1:\d+)/im.exec(stdout) ?? []
      const read = async (path: string) => (await fetch(`${url}${path}`)).json()
      const { tenants } = (await read('/config.json')) as DemoConfig
      const app = tenants.find(({ ownCode }) => ownCode !== undefined)
      const [person] = app?.people ?? []
      if (!app?.ownCode || !person) throw new Error('no app has a code of its own')
      const ask = async (step: string, input: object) =>
        fieldsOf(
          await (await fetch(`${corbado}/local/login/${step}`, { method: 'POST', body: JSON.stringify(input) })).json(),
        )
      const { userPoolId, projectId, tenantId, ownCode } = app
      const started = await ask('start', { userPoolId, identifier: person.identifier })
      const username = String(fieldsOf(started.body).identifier)
      const lastCode = async () =>
        ((await read(`/outbox?tenantId=${tenantId}`)) as OutboxAnswer).messages[0]?.code ?? ''
      const lastProof = async () => String((await ask('finish', { projectId, username })).signedPasskeyData)
      const ways = [
        [ownCode.clientId, lastCode],
        [app.clientId, lastProof],
      ] as const
      for (const { name, open } of Object.values(clients)) {
        for (const [clientId, answer] of ways) {
          const opened = open({ endpoint: `${url}/cognito`, userPoolId, clientId })
          t.match(await opened.signIn(username), { kind: 'challenge' }, `${name} at ${clientId}`)
          t.match(await opened.answer(await answer()), { kind: 'signed in' }, `${name} at ${clientId}`)
          t.match(await opened.currentUser(), { username })
          await opened.signOut()
        }
      }
    },
  )

  t.test('of which one switches passkeys off, and one shows that the gateway follows', async (t) => {
    t.match(
      (await run(lineFor('Switch'))).stdout,
      /"active" -> "passkeys-off"\nversion 2 written by .*\n.*acme-shop.yaml: changed likewise\n/,
    )
    const login = lineFor('Begin a login')
    let answer = ''
    // The test's own timeout ends it if the gateway never follows.
    do answer = (await run(login)).stdout
    while (answer.includes('CUSTOM_CHALLENGE'))
    t.match(JSON.parse(answer), { __type: 'NotAuthorizedException' })

    const [command = '', ...argv] = lineFor('Watch').split(' ')
    const tail = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => tail.kill())
    let watched = ''
    for await (const chunk of tail.stdout) {
      watched += chunk
      if (watched.includes('"reason":"passkeys_off"')) break
    }
    t.match(watched, '"outcome":"fail","reason":"passkeys_off"')
  })

  t.test('until Ctrl-C, which in a terminal reaches every process at once', async (t) => {
    for (const name of ['mine.hand-over.md', 'tenants/draft.yaml']) {
      writeFileSync(join(dirname(logFileOf(running.printed.stdout)), name), 'a draft of my own')
    }
    running.killAll('SIGINT')
    const { code, stdout, stderr } = await running.end()
    t.equal(code, 0)
    t.equal(stderr, '')
    t.match(stdout, /\nstopped\ndeleted: .*; kept in .*: gateway\.log, mine\.hand-over\.md, tenants\/\n$/)
    t.same(await freeAt(base), all(true))
    const folder = resolve(dirname(logFileOf(stdout)))
    t.same(readdirSync(folder).sort(), ['gateway.log', 'mine.hand-over.md', 'tenants'], 'and what is not ours')
    t.same(readdirSync(join(folder, 'tenants')), ['draft.yaml'])
  })

  t.test('and logs nothing private of all this', async (t) => {
    const log = readFileSync(logFileOf(stdout), 'utf8')
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const served = lines.filter(({ msg }) => msg === 'trigger' || msg === 'action')
    t.ok(served.length > 30)
    for (const line of served)
      if (line.reason !== 'table_denied')
        t.match(line, { level: /^(info|warn|error)$/, tenantId: /^(acme-shop|globex-bank|initech-portal)$/ })
    const errors = served.filter(({ level }) => level === 'error')
    const why = errors.map(({ tenantId, reason }) => `${tenantId} ${reason}`)
    t.strictSame(
      [...new Set(why)].sort(),
      ['acme-shop backend_unauthorized', 'initech-portal backend_unavailable', 'undefined table_denied'],
      'of the faults that were made',
    )
    t.equal(why.filter((one) => one.startsWith('initech')).length, 8, 'those of the incident')
    t.ok(
      served.some(({ alias }) => alias === undefined) && served.some(({ alias }) => alias === 't-acme'),
      'both doors log into the same file',
    )
    const messages = lines.map(({ msg }) => msg)
    for (const msg of ['ready', 'stopped']) {
      t.equal(messages.filter((one) => one === msg).length, 1, "the container door's whole life is in it")
    }
    // Small letters too would be in some id, once in a while.
    t.notOk(log.includes('eyJ'), 'the beginning of a token')
    for (const word of ['@', 'lindqvist', '+49', 'corbado1_', 'whsec_', 'globex-1004', 'mara', 'password":']) {
      t.notOk(log.toLowerCase().includes(word.toLowerCase()), word)
    }
  })
})

/** A folder with an `aws` that does of the AWS CLI what the line needs, with the credentials of the environment alone. */
function awsCli(t: { testdir(files: Record<string, string>): string }): string {
  const script = `#!${process.execPath}
const { InvokeCommand, LambdaClient } = require(${JSON.stringify(resolve('node_modules/@aws-sdk/client-lambda'))})
const [service, operation, ...words] = process.argv.slice(2)
const option = (name) => words[words.indexOf(name) + 1]
if (service !== 'lambda' || operation !== 'invoke') throw new Error('unknown')
const Payload = require('node:fs').readFileSync(option('--payload').replace('fileb://', ''))
const input = { FunctionName: option('--function-name'), Payload }
new LambdaClient({}).send(new InvokeCommand(input)).then(({ Payload }) => process.stdout.write(Buffer.from(Payload)), (error) => {
  console.error(error.name)
  process.exit(254)
})
`
  const dir = t.testdir({ aws: script, 'package.json': '{}' })
  chmodSync(join(dir, 'aws'), 0o755)
  return resolve(dir)
}

/** The lines to try next, each with the words above it. */
function suggestions(stdout: string): { why: string; line: string }[] {
  const [, rest = ''] = stdout.split('in another terminal (or Git Bash):\n')
  return [...rest.matchAll(/^# (.+)\n(.+)$/gm)].map(([, why = '', line = '']) => ({ why, line }))
}

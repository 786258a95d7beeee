import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { tenantYaml } from '../operator/fixtures/cli.js'

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
// The account of whoever runs this must play no part.
const env = { ...process.env, TMPDIR: temp, AWS_PROFILE: 'none', AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }

/** Runs the built program on free ports, as `npm start` does on fixed ones. */
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

/** It takes a tenth of a second; a connection that held it up would take ten. */
const STOP_MS_MAX = 5_000

const logFileOf = (stdout: string) => /log lines +(\S+)/.exec(stdout)?.[1] ?? ''

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(false)
    }).on('error', () => resolve(true))
  })
}

t.test('signs a user of each example tenant in, with two different flows, and prints it as JSON', async (t) => {
  const { code, stdout, stderr } = await start(t, '--port', '0', '--once', '--json').end()
  t.equal(stderr, '')
  t.equal(code, 0)
  const { tenants }: Report = JSON.parse(stdout)
  t.same(
    tenants.map(({ tenantId, flow }) => [tenantId, flow]),
    [
      ['acme-shop', 'passkey'],
      ['globex-bank', 'password-then-passkey'],
    ],
  )
  for (const { tenantId, steps } of tenants) {
    for (const { step, expected, outcome, ok, ms } of steps) {
      t.ok(ok, `${tenantId}: ${step}: expected ${expected}, happened ${outcome}`)
      t.type(ms, 'number')
    }
  }
  const common = ['pre-login', 'passkey ceremony', 'answer with it', "somebody else's proof", 'proof used before']
  const ending = ['unknown e-mail', 'post-append: MFA', 'same through HTTP', 'log lines']
  for (const { steps } of tenants) {
    const names = steps.map(({ step }) => step)
    for (const name of [...common, ...ending]) t.ok(names.includes(name), name)
  }
  const [acme, globex] = tenants
  const triggersOf = (report: (typeof tenants)[number] | undefined, name: string) =>
    report?.steps.find(({ step }) => step === name)?.triggers.map(({ trigger, outcome }) => `${trigger}: ${outcome}`)
  t.same(triggersOf(acme, 'begin login'), ['define: CUSTOM_CHALLENGE', 'create: challenge parameters'])
  t.same(triggersOf(acme, 'answer with it'), ['verify: answerCorrect true', 'define: issueTokens'])
  t.same(triggersOf(globex, 'password (SRP)'), [
    'define: PASSWORD_VERIFIER',
    'define: CUSTOM_CHALLENGE',
    'create: challenge parameters',
  ])
  const told = (report: (typeof tenants)[number] | undefined) =>
    report?.steps.find(({ step }) => step === 'unknown e-mail')?.outcome
  t.equal(told(acme), 'user_not_found, told')
  t.equal(told(globex), 'user_not_found, not told')

  // Every define event of the Lambda door went through the container door too.
  for (const { steps } of tenants) {
    const again = steps.find(({ step }) => step === 'same through HTTP')?.outcome ?? ''
    const [, equal = '0', all = ''] = /^(\d+) of (\d+) define answers equal$/.exec(again) ?? []
    t.equal(equal, all)
    const defines = steps.flatMap(({ triggers }) => triggers.filter(({ trigger }) => trigger === 'define'))
    t.equal(Number(all), defines.length)
  }
})

t.test('tells the story for people, and logs nothing private of it', async (t) => {
  const { code, stdout, stderr } = await start(t, '--port', '0', '--once').end()
  t.equal(stderr, '')
  t.equal(code, 0)
  t.match(stdout, /\nAll 23 steps went as expected\.\n$/)
  t.notMatch(stdout, '✗')
  t.notMatch(stdout, '\u001b', 'no colour where no terminal is')
  t.match(stdout, /\n {2}✓ pre-login +the Cognito user name +globex-100417 +\d+ ms/)
  t.match(stdout, /\n {6}define +PASSWORD_VERIFIER +\d+ ms\n {6}define +CUSTOM_CHALLENGE +\d+ ms\n {6}create /)
  const steps = stdout.split('\n').filter((line) => line.includes(' ms'))
  t.ok(
    steps.every((line) => line.length <= 115),
    'fits a terminal',
  )

  const log = readFileSync(logFileOf(stdout), 'utf8')
  const lines = log.trim().split('\n')
  const served = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'trigger' || msg === 'action')
  t.ok(served.length > 30)
  for (const line of served) t.match(line, { level: /^(info|warn)$/, tenantId: /^(acme-shop|globex-bank)$/ })
  t.ok(
    served.some(({ alias }) => alias === undefined) && served.some(({ alias }) => alias === 't-acme'),
    'both doors log into the same file',
  )
  const messages = lines.map((line) => JSON.parse(line).msg)
  t.ok(messages.includes('ready') && messages.includes('stopped'), "the container door's whole life is in it")
  for (const word of ['@', 'lindqvist', '+49', 'eyJ', 'corbado1_', 'whsec_', 'globex-1004', 'mara', 'password":']) {
    t.notOk(log.toLowerCase().includes(word.toLowerCase()), word)
  }
})

t.test('makes up what other tenants need, too, and leaves out those that are not served', async (t) => {
  const phone = '{ preLogin: { identifierAttribute: phone_number }, postAppend: { mfa: none } }'
  const dir = t.testdir({
    'acme.yaml': tenantYaml().replace(
      'actions:\n  postAppend:\n    mfa: sms',
      `login: { maxAttempts: 1 }\nactions: ${phone}`,
    ),
    'b.yaml': tenantYaml('b')
      .replace('mfa: sms', 'mfa: email')
      .replace('Scheme: basic', 'Scheme: bearer')
      .replace('pro-1', 'pro-2'),
    'c.yaml': tenantYaml('c').replace('status: active', 'status: suspended'),
  })
  const { code, stdout } = await start(t, dir, '--port', '0', '--once', '--json').end()
  const { tenants }: Report = JSON.parse(stdout)
  t.same(
    tenants.flatMap(({ steps }) => steps.filter(({ ok }) => !ok)),
    [],
  )
  t.equal(code, 0)
  t.same(
    tenants.map(({ tenantId }) => tenantId),
    ['acme', 'b'],
  )
  t.match(tenants[0]?.steps.at(-4), { step: 'unknown phone number' })
})

t.test('says what went otherwise than expected, and why; with --once the exit code is 1', async (t) => {
  const dir = t.testdir({ 'acme.yaml': `${tenantYaml()}limits:\n  verifyPerSecond: 1\n` })
  const { code, stdout, stderr } = await start(t, dir, '--port', '0', '--once').end()
  t.equal(code, 1)
  t.equal(stderr, '')
  const issue = "acme: somebody else's proof: expected refused: user_mismatch, but: refused: verify_rate_limited"
  t.match(stdout, `of 11 steps went otherwise than expected:\n  ${issue}\n`)
  t.match(stdout, / {2}✗ somebody else's proof /)
})

t.test('reports wrong tenant files and starts nothing', async (t) => {
  const dir = t.testdir({ 'acme.yaml': tenantYaml().replace('sms', 'fax') })
  const { code, stdout } = await start(t, dir, '--port', '0', '--once').end()
  t.equal(code, 1)
  t.match(stdout, /^\S+acme\.yaml:19:5 {2}actions\.postAppend\.mfa {2}must be one of [^\n]+\n\n1 issue in 1 file\n$/)
})

t.test('refuses wrong usage', async (t) => {
  const cases = [
    [['--json'], 'error: --json needs --once\n'],
    [
      ['--port', '80'],
      "error: option '--port <n>' argument '80' is invalid. It must be 0 or a number from 1024 to 65500.",
    ],
    [['nowhere'], 'error: the folder nowhere cannot be read (ENOENT)\n'],
  ] as const
  for (const [argv, message] of cases) {
    const { code, stdout, stderr } = await start(t, ...argv).end()
    t.equal(code, 2, message)
    t.equal(stdout, '')
    t.ok(stderr.startsWith(message), stderr)
  }
})

/** The first of eight free ports, below those that the system gives to anybody. */
async function freeBase(): Promise<number> {
  for (;;) {
    const base = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((n) => isFree(base + n)))
    if (free.every(Boolean)) return base
  }
}

/** Starts on ports of which one is taken; the services that would have come before and after it are gone again. */
async function startBeside(t: Teardown, ordinal: number, ...argv: string[]) {
  const base = await freeBase()
  const taken = createServer().listen(base + ordinal, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const ended = await start(t, '--port', String(base), ...argv).end()
  const others = [0, 1, 2, 3, 4, 5, 6, 7].filter((n) => n !== ordinal)
  const left = await Promise.all(others.map((n) => isFree(base + n)))
  return { ...ended, base, port: base + ordinal, nothingLeft: left.every(Boolean) }
}

t.test('names the port that is taken, its service and what to do, and leaves nothing running', async (t) => {
  const { code, stdout, stderr, base, port, nothingLeft } = await startBeside(t, 1)
  t.equal(code, 1)
  t.equal(stdout, '')
  const advice = `Stop what listens there, or choose another base: npm start -- --port ${base + 1_000}`
  t.equal(stderr, `error: Port ${port} (lambda stand-in) is taken. ${advice}\n`)
  t.ok(nothingLeft)
})

t.test('says the same of the port of the container door, which comes after the services', async (t) => {
  const { code, stdout, stderr, base, port, nothingLeft } = await startBeside(t, 7, '--logs')
  t.equal(code, 1)
  t.equal(stdout, '')
  const advice = `Stop what listens there, or choose another base: npm start -- --port ${base + 1_000}`
  t.equal(stderr, `error: Port ${port} (container door) is taken. ${advice}\n`, 'one line, and none of the door itself')
  t.ok(nothingLeft)
})

t.test('says what to do where the container door is not built', async (t) => {
  const dir = t.testdir()
  cpSync('dist', join(dir, 'dist'), { recursive: true, filter: (path) => !path.includes('server.mjs') })
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'))
  const argv = [join(dir, 'dist/cli.mjs'), 'local', '--port', '0', '--once']
  const failure = await promisify(execFile)(process.execPath, argv, { env }).catch((error) => error)
  t.equal(failure.code, 1)
  t.equal(failure.stdout, '')
  t.match(failure.stderr, /^error: \S+dist\/server\.mjs is missing: npm run build makes it\n$/)
})

t.test('stays up until it is told to stop, and then frees its ports at once', async (t) => {
  for (const [signal, ...argv] of [['SIGINT'], ['SIGTERM', '--logs']] as const) {
    const running = start(t, '--port', '0', ...argv)
    await running.says('Ctrl-C stops it')
    const ports = [...running.printed.stdout.matchAll(/^ {2}\w+ +http:\/\/127\.0\.0\.1:(\d+)/gm)].map(([, port]) =>
      Number(port),
    )
    t.equal(ports.length, 8)
    t.same(
      await Promise.all(ports.map(isFree)),
      ports.map(() => false),
    )
    const at = Date.now()
    // Ctrl-C in a terminal reaches every process at once.
    if (signal === 'SIGINT') running.killAll(signal)
    else running.kill(signal)
    const { code, stdout, stderr } = await running.end()
    t.ok(Date.now() - at < STOP_MS_MAX, `${signal} took ${Date.now() - at} ms`)
    t.equal(code, 0, signal)
    t.match(stdout, /\nstopped\n$/)
    t.same(
      await Promise.all(ports.map(isFree)),
      ports.map(() => true),
    )
    const logs = signal === 'SIGINT' ? readFileSync(logFileOf(stdout), 'utf8') : stderr
    const messages = logs
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).msg)
    t.ok(messages.length > 30, '--logs puts the lines on stderr')
    t.ok(messages.every((msg) => typeof msg === 'string'))
    if (signal === 'SIGTERM') t.notMatch(stdout, 'tail -f')
    else t.equal(messages.filter((msg) => msg === 'stopped').length, 1, 'the container door ended by itself')
  }
})

t.test('can be stopped in the middle of its story', async (t) => {
  const running = start(t, '--port', '0')
  await running.says('✓ pre-login')
  const at = Date.now()
  running.kill('SIGINT')
  const { code, stdout, stderr } = await running.end()
  t.ok(Date.now() - at < STOP_MS_MAX)
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /\nstopped\n$/)
  t.notMatch(stdout, '✗')
})

t.test('prints lines to try next that work as they stand', async (t) => {
  const running = start(t, '--port', '0')
  await running.says('tail -f')
  const [, rest = ''] = running.printed.stdout.split('in another terminal:\n')
  const lines = [...rest.matchAll(/^# (.+)\n(.+)$/gm)].map(([, why = '', line = '']) => ({ why, line }))
  const lineFor = (word: string) => lines.find(({ why }) => why.startsWith(word))?.line ?? ''
  const run = (line: string) => promisify(execFile)('sh', ['-c', line], { env })
  t.equal(lines.length, 7)

  const login = lineFor('Begin a login')
  t.match(JSON.parse((await run(login)).stdout), { ChallengeName: 'CUSTOM_CHALLENGE' })
  const define = lineFor('What comes first in a login at acme-shop?')
  t.match(define, /^curl [^\n]+ -H 'webhook-signature: v1,/)
  for (const time of ['first', 'second']) {
    const { stdout } = await run(`${define} -w '%{http_code}'`)
    t.match(stdout, /"challengeName":"CUSTOM_CHALLENGE".*200$/, `pasted for the ${time} time`)
  }
  const forged = await run(`${define.replace('"session":[]', '"session":[{}]')} -w '%{http_code}'`)
  t.match(forged.stdout, /401$/, 'its signature is one of these bytes')
  t.same(JSON.parse((await run(lineFor('Ask the container'))).stdout), { status: 'ready' })
  t.match(await run(lineFor('Check')), { stdout: '2 tenants are valid\n', stderr: '' })
  t.match(await run(lineFor('Compare')), { stdout: '2 untouched\n', stderr: '' })
  t.match(
    (await run(lineFor('Switch'))).stdout,
    /"active" -> "passkeys-off"\nversion 2 written by .*\n.*acme-shop.yaml: changed likewise\n/,
  )
  let answer = ''
  for (const until = Date.now() + 10_000; Date.now() < until; await sleep(250)) {
    answer = (await run(login)).stdout
    if (!answer.includes('CUSTOM_CHALLENGE')) break
  }
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
  running.kill('SIGTERM')
  t.equal((await running.end()).code, 0)
  t.same(readdirSync(resolve(dirname(logFileOf(running.printed.stdout)))), ['gateway.log'], 'only the log stays')
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { stringify } from 'yaml'
import { runCli } from '../../../src/commands/index.js'
import { cli } from '../fixtures/cli.js'
import { createPausingClock } from '../fixtures/clock.js'
import { startDoctor } from '../fixtures/doctor.js'
import { LEAVES } from './fixtures/leaves.js'

const { env, healthy, heal } = await startDoctor(t)
const [program, built] = [resolve('dist/cli.mjs'), resolve('dist')]
process.chdir(t.testdir({}))
mkdirSync('tenants')
const snapshot = { userPoolId: healthy.userPoolId, region: healthy.aws.region, changed: {} }
writeFileSync('before.json', JSON.stringify(snapshot))
const setUp = () => writeFileSync('tenants/acme.yaml', stringify(heal()))
setUp()

/** What a terminal gets of a command that has nobody to ask; questions are for test/flows/terminal.test.ts. */
async function onTerminal(path: string, variables: Record<string, string>): Promise<string> {
  const { words, stdin = '' } = LEAVES[path] ?? { words: '' }
  let shown = ''
  const output = { isTTY: true, columns: 80, write: (more: string) => (shown += more) }
  const input = Object.assign(Readable.from([Buffer.from(stdin)]), { isTTY: false })
  const clock = createPausingClock()
  await runCli(wordsOf(path, words), {
    ...{ stdin: input, stdout: output, stderr: output, clock, built },
    env: { ...env, ...variables },
  })
  return shown
}

const wordsOf = (path: string, words: string) => [...path.split(' '), ...words.split(' ').filter((word) => word !== '')]
const escapesIn = (shown: string) => shown.split('\u001b').slice(1)

t.test('no command sends an escape to a terminal that knows none, or whose user wants none', async (t) => {
  await cli(['tenants', 'apply', 'tenants', '--yes'], { env, built })
  for (const variables of [{ TERM: 'dumb' }, { TERM: 'xterm', NO_COLOR: '1' }]) {
    for (const path of Object.keys(LEAVES)) {
      const shown = await onTerminal(path, variables)
      t.ok(shown.length > 0, path)
      t.strictSame(escapesIn(shown), [], `${JSON.stringify(variables)} ${path}`)
    }
  }
})

t.test('on any other terminal nothing but colours and the cursor is sent, whatever the command', async (t) => {
  setUp()
  let coloured = 0
  for (const path of Object.keys(LEAVES)) {
    const escapes = escapesIn(await onTerminal(path, { TERM: 'xterm' }))
    t.strictSame(
      escapes.filter((sequence) => !/^\[\d*(?:;\d+)*[A-KmG]/.test(sequence)),
      [],
      path,
    )
    coloured += escapes.some((sequence) => /^\[\d+m/.test(sequence)) ? 1 : 0
  }
  t.ok(coloured > 10, `${coloured} commands have colours`)
})

/** A process of its own, since what is tried is the process's own output. */
async function runWith(words: readonly string[], stdin: string, stdout: number | 'pipe') {
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...env, PATH: process.env.PATH, HOME: env.XDG_STATE_HOME },
    stdio: ['pipe', stdout, 'pipe'],
  })
  child.stdin?.on('error', () => undefined).end(stdin)
  // A reader that has gone before anything is written.
  child.stdout?.destroy()
  const [[code], stderr] = await Promise.all([once(child, 'close'), text(child.stderr as NodeJS.ReadableStream)])
  return { code, stderr }
}

t.test(
  'every command tells a full disk in one line with exit code 1, and a reader that has gone is no error',
  async (t) => {
    setUp()
    const full = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(full))
    const lost = 'error: the output could not be written (ENOSPC)\n'
    for (const [path, { words, stdin = '', asks }] of Object.entries(LEAVES)) {
      const help = [...path.split(' '), '--help']
      t.strictSame(await runWith(help, '', full), { code: 1, stderr: lost }, `${path} --help`)
      t.strictSame(await runWith(help, '', 'pipe'), { code: 0, stderr: '' }, `${path} --help`)
      if (asks) continue
      const line = [...path.split(' '), ...words.split(' ').filter((word) => word !== '')]
      const ended = await runWith(line, stdin, full)
      t.equal(ended.code, 1, path)
      t.ok(ended.stderr.includes(lost), path)
      t.notMatch((await runWith(line, stdin, 'pipe')).stderr, /EPIPE| at /, path)
    }
    // The answers of commands that ask something of AWS go the same way out.
    for (const line of ['tenants list', 'tenants show acme --json', 'doctor acme', 'aliases list']) {
      t.match(await runWith(line.split(' '), '', full), { code: 1, stderr: lost }, line)
      const { code, stderr } = await runWith(line.split(' '), '', 'pipe')
      t.equal(stderr, '', line)
      // What the doctor finds goes by how long its checks take.
      if (!line.startsWith('doctor')) t.equal(code, 0, line)
    }
  },
)

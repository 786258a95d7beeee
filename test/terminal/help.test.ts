import { execFileSync } from 'node:child_process'
import type { Command } from 'commander'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createProgram } from '../../src/commands/index.js'
import { exampleText } from '../../src/terminal/help.js'
import { cli } from '../commands/fixtures/cli.js'

const quiet = { write: () => true }
const io = { stdin: process.stdin, stdout: quiet, stderr: quiet, env: {}, built: 'dist', clock: systemClock }
const program = createProgram({ ...io, foundProblems: () => undefined })

const pathsOf = (command: Command, path: string[] = []): string[][] => [
  path,
  ...command.commands.flatMap((one) => pathsOf(one, [...path, one.name()])),
]

t.test('help before a command, or before its last word, is --help after it', async (t) => {
  for (const path of pathsOf(program)) {
    const expected = await cli([...path, '--help'])
    t.equal(expected.code, 0)
    t.strictSame(await cli(['help', ...path]), expected, path.join(' '))
    if (path.length > 1 && path[0] !== 'local') {
      t.strictSame(await cli([...path.slice(0, -1), 'help', ...path.slice(-1)]), expected, path.join(' '))
    }
  }
  const { stdout } = await cli(['tenants', '--help'])
  t.equal((await cli(['tenants', 'help'])).stdout, stdout)
  t.match(stdout, /\n {2}help \[command\.\.\.\] +Shows the help of a command, as --help does\.\n/)
})

t.test('help for a command that is none is wrong usage, and says which may be meant', async (t) => {
  t.strictSame(await cli(['help', 'tenant']), {
    code: 2,
    stdout: '',
    stderr: "error: unknown command 'tenant'\n(Did you mean tenants?)\nSee: corbado-gateway --help\n",
  })
  for (const argv of [
    ['help', 'tenants', 'aply'],
    ['tenants', 'help', 'aply'],
  ]) {
    const { code, stdout, stderr } = await cli(argv)
    t.match({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, "unknown command 'aply'\n(Did you mean apply?)\nSee: corbado-gateway tenants --help\n")
  }
  t.match(await cli(['help', 'tenants', 'schema', 'more']), { code: 2, stdout: '', stderr: "unknown command 'more'" })
  for (const argv of [
    ['help', '--loud'],
    ['help', 'tenants', 'schema', '--loud'],
  ]) {
    t.match(await cli(argv), { code: 2, stdout: '', stderr: "unknown option '--loud'" })
  }
})

t.test('a word is an argument if a command takes one, help too', async (t) => {
  t.match(await cli(['tenants', 'validate', 'help']), { code: 2, stderr: /\bhelp\b/ })
})

t.test('every help text fits a terminal of 80 columns', async (t) => {
  for (const path of pathsOf(program)) {
    const { stdout } = await cli([...path, '--help'])
    const long = stdout.split('\n').filter((line) => line.length > 80)
    t.strictSame(long, [], path.join(' '))
  }
})

t.test('a long example is one command in several lines', async (t) => {
  const words = ['--customer', 'acme', '--name', "'Acme  Shop'", '--link', '"$(echo 1 2)"', '--region', 'eu-central-1']
  const line = `printf '%s|' ${words.join(' ')} one two three`
  const folded = exampleText([line]).replace('\nExample:\n', '')
  t.ok(folded.includes(' \\\n    '))
  const sh = (script: string) => execFileSync('sh', ['-c', script], { encoding: 'utf8' })
  t.equal(sh(folded), sh(line))
})

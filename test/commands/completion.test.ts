import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { systemClock } from '../../src/call.js'
import { createProgram } from '../../src/commands/index.js'
import { cli } from './fixtures/cli.js'

const quiet = { write: () => true }
const io = { stdin: process.stdin, stdout: quiet, stderr: quiet, env: {}, built: 'dist', clock: systemClock }
const program = createProgram({ ...io, foundProblems: () => undefined })

const dir = t.testdir({ tenants: {}, 'two words': {}, 'event.json': '' })
const scripts: Record<string, string> = Object.fromEntries(
  await Promise.all(
    ['bash', 'zsh', 'fish'].map(async (shell) => [shell, (await cli(['completion', shell])).stdout] as const),
  ),
)
for (const [shell, script] of Object.entries(scripts)) writeFileSync(join(dir, `script.${shell}`), script)

/** What bash offers for the last of the words. */
function complete(...words: string[]): string[] {
  const script = `source script.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _corbado_gateway
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const argv = ['--norc', '-c', script, 'bash', 'corbado-gateway', ...words]
  const offered = execFileSync('bash', argv, { cwd: dir, encoding: 'utf8' }).split('\n').filter(Boolean)
  return offered.filter((word) => !word.startsWith('script.'))
}

t.test('bash completes every command and every option of it', async (t) => {
  const check = (command: Command, path: string[]): void => {
    const names = command.commands.map((one) => one.name())
    const offered = complete(...path, '')
    for (const name of names) t.ok(offered.includes(name), [...path, name].join(' '))
    const options = command.createHelp().visibleOptions(command)
    t.strictSame(
      complete(...path, '--'),
      options.map(({ long }) => long),
      path.join(' '),
    )
    for (const one of command.commands) check(one, [...path, one.name()])
  }
  check(program, [])
  t.strictSame(complete('ten'), ['tenants'])
  t.strictSame(complete('tenants', 'ro'), ['rollback'])
  t.strictSame(complete('help', 'tenants', 'ro'), ['rollback'], 'after help too')
  t.strictSame(complete('tenants', 'help', 'ro'), ['rollback'])
})

t.test('bash completes names of files and folders if a path is due, and the words of a choice', async (t) => {
  t.strictSame(complete('tenants', 'apply', '').sort(), ['tenants', 'two words'])
  t.strictSame(complete('tenants', 'apply', '--by', 'bob', 'tw'), ['two words'], "after an option's value")
  t.strictSame(complete('tenants', 'apply', '--by', ''), [], 'a name is no path')
  t.strictSame(complete('invoke', 'ev'), ['event.json'])
  t.strictSame(complete('onboard', '--dir', 'te'), ['tenants'])
  t.strictSame(complete('onboard', '--dir', '=', 'te'), ['tenants'], 'as bash splits --dir=te')
  t.strictSame(complete('tenants', 'show', ''), [])
  t.strictSame(complete('completion', ''), ['bash', 'zsh', 'fish'])
  t.strictSame(complete('local', 'sign-in', '--flow', 'passkey'), ['passkey'])
  t.ok(complete('wire', 'plan', 'eu-1_x', '--arn', 'arn', ':', 'aws', '--a').includes('--as'), 'after a colon')
  t.strictSame(complete('wire', 'plan', 'eu-1_x', '--arn', 'arn', ':'), [])
})

t.test('every shell that is installed reads its script, and each script has all commands and options', async (t) => {
  const check = (command: Command, path: string[]): void => {
    for (const { long = '' } of command.options) {
      t.ok(scripts.bash?.includes(long) && scripts.zsh?.includes(long), long)
      t.ok(scripts.fish?.includes(` -l ${long.slice(2)} `), long)
    }
    for (const one of command.commands) check(one, [...path, one.name()])
    if (path.length === 0) return
    t.ok(scripts.zsh?.includes(`\n${['_corbado-gateway', ...path].join('_')}() {`), path.join(' '))
    t.ok(scripts.fish?.includes(` -a ${path.at(-1)} -d '`), path.join(' '))
  }
  check(program, [])
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { error, status, stderr } = spawnSync(shell, ['-n', join(dir, `script.${shell}`)], { encoding: 'utf8' })
    t.ok(error ? 'code' in error && error.code === 'ENOENT' : status === 0, `${shell} ${stderr}`)
  }
})

t.test('prints JSON, says how to install it, and knows three shells', async (t) => {
  const { stdout } = await cli(['completion', 'fish', '--json'])
  t.strictSame(JSON.parse(stdout), { kind: 'completion', shell: 'fish', script: scripts.fish })
  t.match((await cli(['completion', '--help'])).stdout, 'source <(corbado-gateway completion bash)')
  t.match(await cli(['completion', 'tcsh']), { code: 2, stdout: '', stderr: /bash, zsh, fish/ })
  t.equal((await cli(['completion'])).code, 2)
})

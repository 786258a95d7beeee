import { cpSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import { npxLine, wireWords } from '../../src/operator/pool/line.js'
import { HOSTED_ARN, POOL, startCustomer } from './fixtures/customer.js'
import { installPackage, run } from './fixtures/installed.js'

/** What a person waits for when the package is fetched. */
const BYTES_MAX = 1_000_000

const [installed, { env }] = await Promise.all([installPackage(t), startCustomer(t)])
const { folder, files, bytes, cli } = installed
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
// Nothing of this process's own environment but the path: no variable of npm, no account.
const own = { PATH: process.env.PATH ?? '', HOME: folder }
const program = (args: readonly string[], more: Record<string, string> = {}) =>
  run(process.execPath, [cli, ...args], folder, { ...own, ...more })

t.test('holds the program and its papers: no source, no test, no map, no door of the service', async (t) => {
  const papers = ['LICENSE', 'README.md', 'package.json', 'dist/THIRD-PARTY-NOTICES.txt', 'tenants/schema.json']
  const others = files.filter((path) => !papers.includes(path) && !/^dist\/chunks\/[\w-]+\.mjs$/.test(path))
  t.strictSame(others, ['dist/cli.mjs'])
  for (const paper of papers) t.ok(files.includes(paper), paper)
  t.ok(bytes < BYTES_MAX, `${bytes} bytes packed`)
})

t.test('every file of code in it is reached from its program: what only a checkout runs stays there', async (t) => {
  const reached = new Set<string>()
  const reach = (path: string) => {
    if (reached.has(path) || !files.includes(path)) return
    reached.add(path)
    const text = readFileSync(join(folder, 'node_modules/@corbado/cognito-gateway', path), 'utf8')
    for (const [, name = ''] of text.matchAll(/"(\.[^"]*\.mjs)"/g)) reach(join(dirname(path), name))
  }
  reach('dist/cli.mjs')
  const code = files.filter((path) => path.endsWith('.mjs'))
  t.ok(code.length > 10, `${code.length} files`)
  t.strictSame(
    code.filter((path) => !reached.has(path)),
    [],
  )
  t.notMatch(readFileSync('dist/THIRD-PARTY-NOTICES.txt', 'utf8'), /otpauth/)
})

t.test('brings all that its code asks for, but for the stand-ins of local', async (t) => {
  const packageOf = (name: string) => name.replace(/^node:/, '').replace(/^((?:@[^/]+\/)?[^/]+)\/.*/, '$1')
  const known = new Set([...builtinModules, 'dynalite', 'amazon-cognito-identity-js'])
  for (const path of files.filter((name) => name.endsWith('.mjs'))) {
    const text = readFileSync(join(folder, 'node_modules/@corbado/cognito-gateway', path), 'utf8')
    const asked = [...text.matchAll(/(?:^|[;}\n])import(?:[\w$*{},\s]*?from)?"([^".][^"]*)"/g)].map(
      ([, name = '']) => name,
    )
    const missing = asked.filter((name) => !known.has(packageOf(name)))
    t.strictSame(missing, [], path)
  }
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  t.strictSame([dependencies, optionalDependencies, peerDependencies], [undefined, undefined, undefined])
})

t.test('repeats the licence of every package whose code it holds', async (t) => {
  const notices = readFileSync('dist/THIRD-PARTY-NOTICES.txt', 'utf8')
  for (const name of ['commander', 'yaml', 'undici', 'fastify', '@aws-sdk/client-cognito-identity-provider']) {
    t.match(notices, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((MIT|ISC|Apache-2.0)\\)$`, 'm'))
  }
  const nameless = notices.split('-'.repeat(80)).filter((part) => part.trim().split('\n').length < 4)
  t.strictSame(nameless, [], 'no package without the text of its licence')
})

t.test('local says in one line that it needs a checkout', async (t) => {
  const { code, stdout, stderr } = await program(['local', '--once', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(stdout), { kind: 'error', error: { exitCode: 1, message: /^local needs a checkout/ } })
  t.match(stderr, /^error: local needs a checkout of the gateway[^\n]*\n$/)
})

t.test('installed from nothing but the tarball, its program helps, checks files and plans', async (t) => {
  const help = await program(['--help'])
  t.match(help, { code: 0, stdout: /^Usage: corbado-gateway /, stderr: '' })
  cpSync('tenants', join(folder, 'tenants'), { recursive: true })
  t.match(await program(['tenants', 'validate']), { code: 0, stdout: '3 tenants are valid\n', stderr: '' })
  const plan = await program(wireWords('plan', POOL, { arn: HOSTED_ARN }), env)
  t.match(plan, { code: 0, stdout: `+ DefineAuthChallenge: "${HOSTED_ARN}"` })
  t.notMatch(plan.stderr, /error/i)
})

t.test('the npx line of a hand-over runs it as it is printed, offline, for the version that it names', async (t) => {
  const [npx = '', ...words] = npxLine(wireWords('plan', POOL, { arn: HOSTED_ARN })).split(' ')
  t.equal(words[0], `@corbado/cognito-gateway@${version}`)
  const ended = await run(npx, words, folder, { ...own, ...env, npm_config_offline: 'true' })
  t.match(ended, { code: 0, stdout: `+ VerifyAuthChallengeResponse: "${HOSTED_ARN}"` })
})

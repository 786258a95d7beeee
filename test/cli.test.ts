import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import t from 'tap'

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } }
const aws = { AWS_REGION: 'eu-central-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's', AWS_MAX_ATTEMPTS: '1' }
const env = { ...aws, TENANT_TABLE: 'tenants', AWS_ENDPOINT_URL: 'http://127.0.0.1:1', PATH: process.env.PATH }

/** Runs Node as if it were of another version. */
function node(version: string, argv: readonly string[], more: Record<string, string> = {}) {
  const preload = join(t.testdirName, `${version}.cjs`)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', preload, ...argv], {
    env: { ...env, ...more },
    encoding: 'utf8',
  })
  return { code: status, stdout, stderr }
}

const VERSIONS = ['12.22.12', '18.20.8', '20.18.3', '20.19.0', '22.0.0', '100.0.0']
t.testdir(
  Object.fromEntries(
    VERSIONS.map((version) => [
      `${version}.cjs`,
      `Object.defineProperty(process, 'version', { value: 'v${version}' })
Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`,
    ]),
  ),
)

t.test('an older Node than package.json says is refused in one line', async (t) => {
  const needed = engines.node.replace('>=', '')
  for (const version of ['12.22.12', '18.20.8', '20.18.3']) {
    t.strictSame(node(version, ['dist/cli.mjs', '--version']), {
      code: 2,
      stdout: '',
      stderr: `error: corbado-gateway needs Node.js ${needed} or newer; this is ${version}\n`,
    })
  }
  for (const version of [`${needed}.0`, '22.0.0', '100.0.0']) {
    t.match(node(version, ['dist/cli.mjs', '--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' }, version)
  }
})

t.test(
  'an older Node can read the door, and loads nothing but Node itself before the version is checked',
  async (t) => {
    const door = readFileSync('dist/cli.mjs', 'utf8')
    const old = { format: 'esm', target: 'node13.2' } as const
    t.equal((await transform(door, old)).code, (await transform(door, { format: 'esm', target: 'esnext' })).code)
    t.strictSame(
      [...door.matchAll(/^(?:import|export)\b[^(\n]*from ?['"]([^'"]+)/gm)].map(([, from]) => from),
      ['module'],
    )
    t.ok(door.split('\n').length < 60, 'a file that is read at a glance')
  },
)

t.test(
  'output to a full disk is told in one line with exit code 1; a reader that stops early is no error',
  async (t) => {
    const full = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(full))
    for (const words of [
      ['tenants', 'schema'],
      ['--help'],
      ['tenants', 'apply', '--help'],
      ['invoke', '--example', 'verify'],
    ]) {
      const { status, stderr } = spawnSync(process.execPath, ['dist/cli.mjs', ...words], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', full, 'pipe'],
      })
      t.strictSame(
        { status, stderr },
        { status: 1, stderr: 'error: the output could not be written (ENOSPC)\n' },
        words.join(' '),
      )
    }
    const early = '(node dist/cli.mjs tenants schema; echo $? >&2) | true'
    t.match(spawnSync('sh', ['-c', early], { env, encoding: 'utf8' }), { stdout: '', stderr: '0\n' })
  },
)

t.test('npm start says what it does before it builds anything, and goes on as local in the same process', (t) => {
  const folder = t.testdir({
    'start.mjs': readFileSync('start.mjs', 'utf8'),
    'build.mjs': "export const buildPrograms = async () => console.error('built')",
    dist: { 'cli.mjs': 'console.error(process.pid, ...process.argv.slice(2))' },
  })
  const { pid, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'start.mjs'), '--once'], {
    encoding: 'utf8',
  })
  t.strictSame({ stdout, stderr }, { stdout: '', stderr: `Building the gateway ...\nbuilt\n${pid} local --once\n` })
  t.end()
})

t.test("the AWS SDK's notice about Node 20 comes from no door, whatever its user's environment says", async (t) => {
  const client = `import { STSClient } from '@aws-sdk/client-sts'; new STSClient({}); await 0`
  const notice = /NodeVersionSupportWarning/
  t.match(node('20.19.0', ['--input-type=module', '-e', client]).stderr, notice, 'the SDK has one')
  const no = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'false' }
  const list = node('20.19.0', ['dist/cli.mjs', 'tenants', 'list'], no)
  t.match(list, { code: 1, stdout: '', stderr: /^error: [^\n]+\n$/ }, 'one line, and it is ours')
  const event = { triggerSource: 'PreSignUp_SignUp', userPoolId: 'not a pool id', request: {}, response: {} }
  const lambda = `const { handler } = await import('./dist/lambda/index.mjs')
    await handler(${JSON.stringify(event)}, { awsRequestId: 'r', getRemainingTimeInMillis: () => 5000 }).catch(() => {})`
  t.equal(node('20.19.0', ['--input-type=module', '-e', lambda], no).stderr, '')
  t.equal(node('20.19.0', ['dist/server.mjs'], { ...no, HOST: '192.0.2.1' }).stderr.split('\n').length, 2)
})

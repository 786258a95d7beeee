import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { SETTINGS } from '../src/env.js'
import { CALLER_SECRETS_PARAMETER } from '../src/local/accounts.js'
import { createCallerSecret, signedHeaders } from '../src/local/clients/caller.js'
import { startStack } from '../src/local/stack.js'
import { putTenantRecord, setUpTenant, toLocal } from '../src/local/world/tenants.js'
import { defineEvent } from './fixtures/events.js'
import { CLIENT_ID } from './fixtures/gateway.js'
import { instructionOf, parseDockerfile, parseDockerignore } from './fixtures/image/dockerfile.js'
import { type BuiltStage, buildImage, contextFiles, listTree } from './fixtures/image/index.js'
import { tenantFile } from './fixtures/tenants.js'

/** The runtime of the deployed Lambda function; both doors run on the same. */
const DEPLOYED_NODE = '24'

const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'))
const final = stages.at(-1)
if (!final) throw new Error('the Dockerfile has no stage')
const isIgnored = parseDockerignore(readFileSync('.dockerignore', 'utf8'))

const temp = mkdtempSync(join(tmpdir(), 'image-test-'))
t.teardown(() => {
  for (const path of readdirSync(temp, { recursive: true, encoding: 'utf8' })) makeWritable(join(temp, path))
  rmSync(temp, { recursive: true })
})

function makeWritable(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) chmodSync(path, 0o755)
}

/** Node as the image finds it: by PATH, with nothing of this process's own environment. */
const PATH = dirname(process.execPath)
const nobody = { uid: 65_534, gid: 65_534 }
const user = rightsOfNobody()

/** Only root may become another user, and `nobody` must be able to reach the node of this machine. */
function rightsOfNobody(): Partial<typeof nobody> {
  try {
    execFileSync('node', ['--version'], { ...nobody, env: { PATH }, stdio: 'ignore' })
    return nobody
  } catch {
    return {}
  }
}

t.test('every stage is of the Node that is deployed, pinned by its major version', async (t) => {
  t.equal(stages.length, 2)
  for (const { from } of stages) t.match(from, new RegExp(`^node:${DEPLOYED_NODE}-(slim|alpine)$`))
})

t.test('the image runs as a user without rights, who owns no file of it', async (t) => {
  const { rest } = instructionOf(final, 'USER')
  t.equal(rest, 'node')
  for (const { name, flags } of final.instructions) if (name === 'COPY') t.equal(flags.chown, undefined)
})

t.test('signals reach the process, and the port is the default one', async (t) => {
  t.ok(instructionOf(final, 'CMD').exec, 'no shell in between')
  t.equal(instructionOf(final, 'STOPSIGNAL').rest, 'SIGTERM')
  t.equal(instructionOf(final, 'EXPOSE').rest, SETTINGS.port.default)
})

t.test('the build sees the code of the container door and what describes its packages, nothing else', async (t) => {
  for (const path of [
    '.env',
    '.git/config',
    '.local/operator.env',
    'node_modules/fastify/package.json',
    'dist/server.mjs',
    'tenants/acme-shop.yaml',
    'test/container.test.ts',
    'src/local/stack.ts',
    'src/commands/index.ts',
    'srcs/a.ts',
  ]) {
    t.ok(isIgnored(path), path)
  }
  const files = contextFiles({ context: '.', isIgnored })
  t.ok(files.includes('src/server.ts') && files.includes('src/tenant/config.ts'))
  t.strictSame(
    files.filter((path) => !path.startsWith('src/')),
    ['.npmrc', 'build.mjs', 'package-lock.json', 'package.json', 'tsconfig.json'],
  )
  // A room that the bundle reads nothing of is left out, whenever it came into the house.
  const { inputs } = JSON.parse(readFileSync('dist/server.meta.json', 'utf8')) as { inputs: Record<string, unknown> }
  const roomOf = (path: string) => path.split('/').slice(0, 2).join('/')
  const rooms = new Set(Object.keys(inputs).map(roomOf))
  t.strictSame(
    files.filter((path) => path.startsWith('src/') && !rooms.has(roomOf(path))),
    [],
  )
})

/** Carried out once, for all tests below. */
const image = buildImage(stages, {
  context: '.',
  isIgnored,
  into: temp,
}).then((built) => {
  const stage = built.at(-1)
  if (!stage) throw new Error('nothing was built')
  // As in the image: all of it belongs to root, and nothing can be written.
  for (const path of listTree(stage.workdir)) chmodSync(join(stage.workdir, path.path), 0o444)
  chmodSync(stage.workdir, 0o555)
  chmodSync(temp, 0o755)
  return stage
})
// Each test that needs it sees its failure.
image.catch(() => undefined)

t.test('its steps in a clean folder leave one file and its map', async (t) => {
  const { workdir, env } = await image
  t.strictSame(
    listTree(workdir).map(({ path }) => path),
    ['server.mjs', 'server.mjs.map'],
  )
  t.strictSame(env, { NODE_ENV: 'production', UV_THREADPOOL_SIZE: '64', RES_OPTIONS: 'timeout:1' })

  const map = JSON.parse(readFileSync(join(workdir, 'server.mjs.map'), 'utf8')) as { sources: string[] }
  t.ok(map.sources.some((source) => source.endsWith('src/server.ts')))
  t.strictSame(
    map.sources.filter((source) =>
      /(^|\/)(src\/(local|operator|cli)|test)\//.test(source.replace(/.*node_modules/, '')),
    ),
    [],
    'no code of the embedded stack, of the command line or of tests is in it',
  )
  const used = new Set(map.sources.flatMap((source) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []))
  t.ok(used.has('fastify'))
  const wanted = packagesOf(contextFiles({ context: '.', isIgnored }).filter((path) => path.endsWith('.ts')))
  t.ok(wanted.has('fastify') && !wanted.has('tap') && !wanted.has('dynalite') && !wanted.has('commander'))
  t.strictSame(
    [...used].filter((name) => !wanted.has(name)),
    [],
    'and no package but those that the code of the service asks for, and what they need',
  )
})

/** The packages that files import, and by package-lock.json all that these need. */
function packagesOf(files: readonly string[]): Set<string> {
  type Locked = Record<string, { dependencies?: object; peerDependencies?: object; optionalDependencies?: object }>
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Locked }
  const imported = files.flatMap((file) => [
    ...readFileSync(file, 'utf8').matchAll(/(?:from |import\()'((?:@[^/']+\/)?[^./'][^/']*)/g),
  ])
  const wanted = new Set(imported.map(([, name = '']) => name))
  for (const name of wanted) {
    for (const [path, locked] of Object.entries(packages)) {
      if (!path.endsWith(`node_modules/${name}`)) continue
      const { dependencies, peerDependencies, optionalDependencies } = locked
      for (const next of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }))
        wanted.add(next)
    }
  }
  return wanted
}

/** Starts a command of the image in its working directory, with the image's variables and no others. */
function startInImage(
  { workdir, env }: BuiltStage,
  exec: readonly string[] = [],
  settings: Record<string, string> = {},
) {
  // Docker sets HOME from the user's entry. tap would slip a variable into an environment given to spawn.
  const variables = Object.entries({ PATH, HOME: '/home/node', ...env, ...settings })
  return spawn('/usr/bin/env', ['-i', ...variables.map((pair) => pair.join('=')), ...exec], {
    cwd: workdir,
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close')
  return code
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

t.test('without its settings it ends at once, with a line that names the first one', async (t) => {
  const child = startInImage(await image, instructionOf(final, 'CMD').exec)
  const [stderr, code] = await Promise.all([text(child.stderr), exitCodeOf(child)])
  t.equal(code, 1)
  t.match(stderr, /^TENANT_TABLE is not set: [^\n]+\n$/)
})

t.test(
  'serves from a tree that it cannot write, as a user without rights, and leaves when it is told to',
  async (t) => {
    t.comment(`node ${process.version}; the image has ${DEPLOYED_NODE}`)
    if (user.uid === undefined) t.comment('not root: run as the user of the tests')
    const built = await image
    const before = listTree(built.workdir)

    const stack = await startStack()
    t.teardown(stack.stop)
    const tenant = tenantFile()
    const clients = [{ clientId: CLIENT_ID, preventUserExistenceErrors: true, allowCustomAuth: true }]
    setUpTenant(stack, tenant, { apiSecret: 'corbado1_image', clients })
    await putTenantRecord(stack, toLocal(tenant, stack), tenant.userPoolId)
    const secret = createCallerSecret()
    stack.ssm.put(CALLER_SECRETS_PARAMETER, secret)

    const PORT = String(await freePort())
    const settings = { ...stack.gatewayEnv, CALLER_SECRETS_PARAMETER, PORT }
    const child = startInImage(built, instructionOf(final, 'CMD').exec, settings)
    t.teardown(() => child.kill('SIGKILL'))
    const printed = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (printed.stdout += chunk))
    child.stderr.on('data', (chunk) => (printed.stderr += chunk))
    const ended = exitCodeOf(child)
    while (!printed.stdout.includes('"ready"')) {
      if (child.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(printed)}`)
      await sleep(10)
    }
    if (user.uid !== undefined && process.platform === 'linux') {
      t.match(readFileSync(`/proc/${child.pid}/status`, 'utf8'), /^Uid:\t65534\t65534\t65534\t65534$/m)
    }

    const url = `http://127.0.0.1:${PORT}`
    const get = async (path: string) => {
      const answer = await fetch(`${url}${path}`)
      return { status: answer.status, body: await answer.json() }
    }
    t.strictSame(await get('/health/live'), { status: 200, body: { status: 'live' } })
    t.strictSame(await get('/health/ready'), { status: 200, body: { status: 'ready' } })

    const body = JSON.stringify(defineEvent([]))
    const post = async (headers: Record<string, string>) => {
      const answer = await fetch(`${url}/v1/pools/${tenant.userPoolId}/triggers/define-auth-challenge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      return { status: answer.status, body: await answer.json() }
    }
    t.match(await post({}), { status: 401, body: { code: 'GW_ERR_CALLER_UNSIGNED' } })
    const answer = await post(signedHeaders(secret, body, Date.now()))
    t.strictSame(answer, {
      status: 200,
      body: {
        ...defineEvent([]),
        response: { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false },
      },
    })

    const healthCheck = () => exitCodeOf(startInImage(built, instructionOf(final, 'HEALTHCHECK').exec, settings))
    t.equal(await healthCheck(), 0, 'the health check passes while it is up')
    child.kill(instructionOf(final, 'STOPSIGNAL').rest as NodeJS.Signals)
    t.equal(await ended, 0)
    t.equal(await healthCheck(), 1, 'and fails when it is gone')

    t.equal(printed.stderr, '')
    for (const line of printed.stdout.trim().split('\n')) t.type(JSON.parse(line).msg, 'string')
    t.strictSame(listTree(built.workdir), before, 'the tree is as it was')
  },
)

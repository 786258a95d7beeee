import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { OPERATOR_VARIABLES } from '../../../src/local/accounts.js'
import { cli } from '../fixtures/cli.js'
import { LEAVES, leafPaths } from './fixtures/leaves.js'

const folder = t.testdir({})
cpSync('tenants', join(folder, 'tenants'), { recursive: true })
const built = resolve('dist')
process.chdir(folder)
const snapshot = { userPoolId: 'eu-central-1_Acme00001', region: 'eu-central-1', changed: {} }
writeFileSync('before.json', JSON.stringify(snapshot))

/** Words that no message may hold: what stands before the @ of a proxy's address. */
const SECRET = 's3cret'
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'x'.repeat(40) }

/** A proxy that makes no tunnel; answers its `host:port`. */
async function startRefusing(status: number): Promise<string> {
  const server = createServer()
  server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => undefined)
    socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Where nothing listens. */
async function findClosed(): Promise<string> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

/** Runs a command in a network whose only way out is a proxy; the SDK reads the process's own environment. */
async function runBehind(line: string, stdin: string, variables: Record<string, string>) {
  for (const name of Object.keys(process.env)) if (/^(AWS_|https?_proxy$)/i.test(name)) delete process.env[name]
  const aws = { AWS_REGION: 'eu-central-1', AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: 'none', HOME: folder }
  const env = { ...OPERATOR_VARIABLES, TENANT_TABLE: 'tenants-table', ...aws, ...variables }
  for (const [name, value] of Object.entries(env)) if (/^AWS_|^HOME$/.test(name)) process.env[name] = value
  return cli(line.split(' ').filter(Boolean), { env, stdin, built })
}

const [badGateway, unauthorized, forbidden, dead] = [
  await startRefusing(502),
  await startRefusing(407),
  await startRefusing(403),
  await findClosed(),
]

t.test('every command is among those that are tried', async (t) => {
  const tried = Object.keys(LEAVES)
  t.strictSame(
    leafPaths().filter((path) => !path.startsWith('local ')),
    tried.filter((path) => path !== 'local'),
  )
})

const WAYS = [
  [
    '502',
    badGateway,
    `ada:${SECRET}@`,
    'it does not reach this host itself: ask who runs it, or name the host in NO_PROXY',
  ],
  ['407', unauthorized, '', 'it wants a name and a password: http://name:password@host:port in HTTPS_PROXY'],
  [
    '407',
    unauthorized,
    `ada:${SECRET}@`,
    'it does not take the name and password in HTTPS_PROXY (percent-encode their special characters)',
  ],
  ['403', forbidden, `ada:${SECRET}@`, 'it does not allow this host: ask who runs it, or name the host in NO_PROXY'],
] as const

for (const [path, { words, stdin = '', asks }] of Object.entries(LEAVES)) {
  if (!asks) continue
  t.test(`${path} names the proxy that is in its way, what it said, and what to do`, async (t) => {
    for (const [status, address, user, advice] of WAYS) {
      const { code, stdout, stderr } = await runBehind(`${path} ${words}`, stdin, {
        ...KEYS,
        HTTPS_PROXY: `http://${user}${address}`,
      })
      t.strictSame({ code, stdout }, { code: 1, stdout: '' }, stderr)
      const said = `the proxy http://${address} answered ${status} to CONNECT `
      const line =
        /^error: [a-z]+_unavailable: (.* CONNECT )[\w.-]+\.amazonaws\.com:443 \[GW_ERR_UPSTREAM_UNAVAILABLE\]: (.*)\n$/
      t.strictSame(line.exec(stderr)?.slice(1), [said, advice], stderr)
    }
    const { code, stderr } = await runBehind(`${path} ${words}`, stdin, {
      ...KEYS,
      HTTPS_PROXY: `http://ada:${SECRET}@${dead}`,
    })
    t.equal(code, 1)
    t.match(stderr, `the proxy http://${dead} could not be used: connect ECONNREFUSED ${dead} [`)
    t.match(stderr, ']: is HTTPS_PROXY right, and does the proxy run? A host that needs none goes into NO_PROXY\n')
    t.notMatch(stderr, SECRET)
  })
}

/** Profiles whose credentials come over the network. */
const sessionName = 'corbado'
const PROFILES = `[profile base]
aws_access_key_id = ${KEYS.AWS_ACCESS_KEY_ID}
aws_secret_access_key = ${KEYS.AWS_SECRET_ACCESS_KEY}
[profile role]
role_arn = arn:aws:iam::999900000001:role/operator
source_profile = base
region = eu-central-1
[profile sso]
sso_session = ${sessionName}
sso_account_id = 999900000001
sso_role_name = operator
[sso-session ${sessionName}]
sso_start_url = https://corbado.awsapps.example/start
sso_region = eu-central-1
`
writeFileSync('config', PROFILES)
mkdirSync('.aws/sso/cache', { recursive: true })
const tokenFile = `.aws/sso/cache/${createHash('sha1').update(sessionName).digest('hex')}.json`
writeFileSync(tokenFile, JSON.stringify({ accessToken: 'token', expiresAt: '2099-01-01T00:00:00Z' }))

for (const [profile, host] of [
  ['role', 'sts.eu-central-1.amazonaws.com'],
  ['sso', 'portal.sso.eu-central-1.amazonaws.com'],
] as const) {
  t.test(`a source of credentials behind a proxy is told so by every command: ${profile}`, async (t) => {
    const none = `error: no AWS credentials of the profile "${profile}": the proxy http://`
    for (const [path, { words, stdin = '', asks }] of Object.entries(LEAVES)) {
      if (!asks) continue
      const run = (address: string) =>
        runBehind(`${path} ${words}`, stdin, {
          ...{ AWS_CONFIG_FILE: 'config', AWS_PROFILE: profile, HTTPS_PROXY: `http://ada:${SECRET}@${address}` },
        })
      const refused = await run(badGateway)
      t.strictSame({ code: refused.code, stdout: refused.stdout }, { code: 1, stdout: '' })
      t.equal(
        refused.stderr,
        `${none}${badGateway} answered 502 to CONNECT ${host}:443: it does not reach this host itself: ask who runs it, or name the host in NO_PROXY\n`,
      )
      const closed = await run(dead)
      t.equal(
        closed.stderr,
        `${none}${dead} could not be used: connect ECONNREFUSED ${dead}: is HTTPS_PROXY right, and does the proxy run? A host that needs none goes into NO_PROXY\n`,
        path,
      )
    }
  })
}

t.test('what is asked in vain, or by nobody, is told in one line by every command, with what to do', async (t) => {
  const none = 'no AWS credentials here: sign in (aws sso login, aws configure), or name a profile in AWS_PROFILE'
  const unset = 'no AWS credentials of the profile "ghost": there is no such profile, or it holds none'
  for (const [path, { words, stdin = '', asks }] of Object.entries(LEAVES)) {
    if (!asks) continue
    const run = (variables: Record<string, string>) => runBehind(`${path} ${words}`, stdin, variables)
    const [nobody, ghost, stopped] = [
      await run({}),
      await run({ AWS_PROFILE: 'ghost', AWS_CONFIG_FILE: 'config' }),
      await run({ ...KEYS, AWS_ENDPOINT_URL: `http://${dead}` }),
    ]
    t.strictSame(nobody, { code: 1, stdout: '', stderr: `error: ${none}\n` }, path)
    t.equal(ghost.stderr, `error: ${unset}; aws configure list-profiles names those there are\n`, path)
    t.match(stopped, { code: 1, stdout: '' })
    t.match(
      stopped.stderr,
      /^error: [a-z]+_unavailable: [^\n]*ECONNREFUSED[^\n]* \[GW_ERR_UPSTREAM_UNAVAILABLE\]: is npm start running\?\n$/,
      path,
    )
  }
})

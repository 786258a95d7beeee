import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import { createCall, systemClock } from '../../src/call.js'
import { runCli } from '../../src/commands/index.js'
import { operator, TABLE_NAME } from '../../src/local/accounts.js'
import { putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import { createOperatorUpstreams } from '../../src/upstreams/operator.js'
import { verifyEvent } from '../fixtures/events.js'
import { startGateway } from '../fixtures/gateway.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli } from './fixtures/cli.js'

const gateway = await startGateway(t)
const { stack } = gateway
const file = tenantFile({ tenantId: 'acme', customer: 'acme-co' })
await gateway.addTenant(file)
const bearer = tenantFile({
  tenantId: 'bearer',
  userPoolId: 'eu-central-1_Bearer001',
  corbado: { projectId: 'pro-2002', credentialScheme: 'bearer' },
})
await gateway.addTenant(bearer)
const { credentialParameter } = file.corbado
/** What is said before a credential is asked for. */
const HEAD = /^table .*\n {2}as .*\nacme \(\S+\),\s+\S+:\s+version\s+\d+\s+by\s[\s\S]*\sago\n$/

// One login as the gateway: what it asks the SDK for afterwards, it asks with the credentials that it has by then.
const person = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const { projectId } = file.corbado
let logins = 0
async function logIn() {
  logins += 1
  const nonce = { cognitoID: person, nonce: `nonce-${logins}` }
  const answer = verifyEvent(await stack.corbado.sign(projectId, person), { privateChallengeParameters: nonce })
  const { response } = await gateway.trigger({ ...answer, userPoolId: file.userPoolId })
  return (response as { answerCorrect: boolean }).answerCorrect
}
t.ok(await logIn())

const env = stack.envFor(operator)
Object.assign(process.env, env)
const upstreams = createOperatorUpstreams({ region: 'eu-central-1', actionsAlias: 'actions' }, systemClock)
t.teardown(() => upstreams.close())
const stored = async (name = credentialParameter) => (await upstreams.fetchParameter(name, createCall(5_000))).value
const puts = () => stack.ssm.calls.filter(({ operation }) => operation === 'PutParameter').length

const set = (stdin: string, line = 'acme', more: Record<string, string | undefined> = {}) =>
  cli(['secret', 'set', ...line.split(' ')], { env: { ...env, ...more }, stdin })
/** A proxy that makes no tunnel, as `host:port`. */
const refusingServer = createServer().on('connect', (_request, socket: Socket) => {
  socket.on('error', () => undefined)
  socket.end('HTTP/1.1 502 No\r\n\r\n')
})
refusingServer.listen(0, '127.0.0.1')
await once(refusingServer, 'listening')
t.teardown(() => refusingServer.close())
const refusing = `127.0.0.1:${(refusingServer.address() as AddressInfo).port}`
const base64 = (text: string) => Buffer.from(text).toString('base64')
const SECRET = 'corbado1_s3cr3tOfAcme'
// What Corbado accepts, which is asked before anything is stored.
stack.corbado.putProject({ projectId, apiSecret: SECRET, furtherSecrets: [`${SECRET}2`] })

t.test('refuses what the gateway could not use, says why, and repeats no part of it', async (t) => {
  const before = await stored()
  const cases: [name: string, given: string, why: RegExp][] = [
    ['nothing', '', /nothing was given/],
    ['a line end alone', '\n', /nothing was given/],
    ['two line ends', `pro-1001:${SECRET}\n\n`, /spaces, line breaks/],
    ['a space before', ` pro-1001:${SECRET}`, /spaces, line breaks/],
    ['two lines', `pro-1001:${SECRET}\npro-1001:${SECRET}`, /spaces, line breaks/],
    ['another file', 'x'.repeat(100_000), /longer than 4096/],
    ['the API secret alone', SECRET, /is the API secret alone: give projectID:apiSecret/],
    ['base64 of the API secret alone', base64(SECRET), /neither projectID:apiSecret nor base64/],
    ['neither', 'hunter2hunter2', /neither projectID:apiSecret nor base64/],
    ['no secret', 'pro-1001:', /does not begin as Corbado's do/],
    ['a secret that is none of Corbado', `pro-1001:s3cr3tOfAcme`, /does not begin as Corbado's do/],
    ["another tenant's", `pro-2002:${SECRET}`, /it is of project pro-2002, but the tenant's is pro-1001/],
    ["another tenant's as base64", base64(`pro-2002:${SECRET}`), /it is of project pro-2002/],
    [
      'base64 of a text with a line end, as echo makes it',
      base64(`pro-1001:${SECRET}\n`),
      /base64 of a text that ends with a line break, as echo writes it: use printf %s/,
    ],
    [
      'base64 in lines',
      `${base64(`pro-1001:${SECRET}`).slice(0, 20)}\n${base64(`pro-1001:${SECRET}`).slice(20)}\n`,
      /base64 that was broken into lines: make it with base64 -w0/,
    ],
    ['a byte order mark', `\ufeffpro-1001:${SECRET}`, /begins with a byte order mark \(BOM\)/],
    [
      'base64 of a byte order mark',
      base64(`\ufeffpro-1001:${SECRET}`),
      /base64 of a text that begins with a byte order mark/,
    ],
    ['quotes', `"pro-1001:${SECRET}"\n`, /stands in quotes: give it without them/],
    ['base64 of quotes', base64(`'pro-1001:${SECRET}'`), /base64 of a text that stands in quotes/],
    ['base64 twice', base64(base64(`pro-1001:${SECRET}`)), /neither/],
  ]
  for (const [name, given, why] of cases) {
    const { code, stdout, stderr } = await set(given)
    t.equal(code, 1, name)
    t.match(stdout, HEAD, name)
    t.match(stderr, /^error: the credential was not stored: /, name)
    t.match(stderr, why, name)
    t.notMatch(stderr, /s3cr3t|hunter2|xxxx/, name)
  }
  const basic = await set(base64(`pro-2002:${SECRET}`), 'bearer')
  t.match(basic, { code: 1, stderr: 'it is base64 of projectID:apiSecret, but credentialScheme is bearer' })
  t.match(await set(`pro-2002:${SECRET}`, 'bearer'), { code: 1, stderr: 'characters that no bearer key has' })
  t.equal(await stored(), before)
  t.equal(puts(), 0)
})

t.test('refuses a tenant that is nowhere, and one whose parameter is outside of its place', async (t) => {
  t.match(await set(`pro-1001:${SECRET}`, 'acne'), {
    code: 1,
    stderr:
      'error: no tenant, pool or customer in the table is called "acne": did you mean acme?; no valid file of tenants is of that name either\n',
  })
  t.match(await set(`pro-1001:${SECRET}`, 'acme', { PARAMETER_PREFIX: '/elsewhere' }), {
    code: 1,
    stderr: /^error: the record of acme .* corbado.credentialParameter must be a parameter name under \/elsewhere\//,
  })
  t.match(await set(`pro-1001:${SECRET}`, 'acme', { TENANT_TABLE: '' }), { code: 2, stderr: 'TENANT_TABLE' })
  t.equal(puts(), 0)
})

t.test('says in one line what SSM answered, without the secret', async (t) => {
  await stack.ssm.setFault({ kind: 'status', status: 500 }, 'PutParameter')
  const { code, stderr } = await set(`pro-1001:${SECRET}`)
  await stack.ssm.setFault(undefined)
  t.equal(code, 1)
  t.match(stderr, /^error: ssm_unavailable: .*\[GW_ERR_UPSTREAM_UNAVAILABLE.*\]\n$/)
  t.notMatch(stderr, /s3cr3t/)
  t.notMatch(stderr, base64(`pro-1001:${SECRET}`))
})

t.test('stores what the gateway reads, whichever form was given, and prints none of it', async (t) => {
  const value = base64(`pro-1001:${SECRET}`)
  const cases: [given: string, taken: string][] = [
    [`pro-1001:${SECRET}`, 'projectID:apiSecret, stored as base64 of it'],
    [`${value}\n`, 'base64 of projectID:apiSecret'],
    [`pro-1001:${SECRET}\r\n`, 'projectID:apiSecret, stored as base64 of it'],
    [value.replace(/=+$/, ''), 'base64 of projectID:apiSecret'],
  ]
  for (const [index, [given, taken]] of cases.entries()) {
    stack.ssm.remove(credentialParameter)
    const word = ['acme', 'acme-co', file.userPoolId, 'acme'][index]
    const { code, stdout, stderr } = await set(given, word)
    t.equal(code, 0)
    t.equal(stderr, '')
    t.equal(
      stdout,
      `table ${TABLE_NAME} in eu-central-1 of account 999900000001\n  as ${operator.arn}\nacme (${file.userPoolId}), ${credentialParameter}: not stored yet\ntaken as ${taken}\nstored as version 1 of ${credentialParameter}\nCorbado accepts it; all else: corbado-gateway doctor acme\n`,
    )
    t.equal(await stored(), value)
  }
  const { stdout } = await set(value, 'acme --json')
  t.same(JSON.parse(stdout), {
    tenantId: 'acme',
    userPoolId: file.userPoolId,
    parameter: credentialParameter,
    version: 2,
    place: { table: TABLE_NAME, region: 'eu-central-1', accountId: '999900000001', as: operator.arn },
    was: JSON.parse(stdout).was,
    taken: 'base64 of projectID:apiSecret',
    kind: 'secret',
    tried: true,
  })
  t.match(JSON.parse(stdout).was, { version: 1, updatedAt: String, updatedBy: String })
  stack.corbado.putProject({ projectId: 'pro-2002', bearerKey: 'cbk_v1.Some-Key~1' })
  t.match(await set('cbk_v1.Some-Key~1\n', 'bearer'), { code: 0, stdout: 'taken as bearer key\n' })
  t.equal(await stored(bearer.corbado.credentialParameter), 'cbk_v1.Some-Key~1')
})

t.test('stores the credential even if STS does not say as whom', async (t) => {
  await stack.sts.setFault({ kind: 'status', status: 500 }, 'GetCallerIdentity')
  const { code, stdout } = await set(`pro-1001:${SECRET}`)
  await stack.sts.setFault(undefined)
  t.equal(code, 0)
  t.match(stdout, /^stored as version \d+ of \S+\nCorbado accepts it/m)
})

t.test(
  "a secret is encrypted with the key that the settings name, and with the account's own if they name none",
  async (t) => {
    const keyOfLast = () =>
      (
        stack.ssm.calls.findLast(({ operation }) => operation === 'PutParameter')?.input as
          | { KeyId?: string }
          | undefined
      )?.KeyId
    t.equal((await set(`pro-1001:${SECRET}`)).code, 0)
    t.equal(keyOfLast(), undefined)
    const key = 'arn:aws:kms:eu-central-1:999900000001:key/1234abcd-12ab-34cd-56ef-1234567890ab'
    t.equal((await set(`pro-1001:${SECRET}`, 'acme', { PARAMETER_KEY_ID: key })).code, 0)
    t.equal(keyOfLast(), key)
    const wrong = await set(`pro-1001:${SECRET}`, 'acme', { PARAMETER_KEY_ID: 'my key' })
    t.match(wrong, { code: 2, stderr: /PARAMETER_KEY_ID must be/ })
  },
)

t.test('takes a tenant that only a file knows yet, and says in what table and file disagree', async (t) => {
  const draft = tenantFile({
    tenantId: 'new',
    customer: 'acme-co',
    userPoolId: 'eu-central-1_New000001',
    status: 'draft',
  })
  const other = { ...file, corbado: { ...file.corbado, projectId: 'pro-7' } }
  const dir = t.testdir({
    'new.yaml': stringify(toLocal(draft, stack)),
    'acme.yaml': stringify(toLocal(other, stack)),
    'broken.yaml': 'a: [',
  })
  for (const word of ['new', draft.userPoolId]) {
    t.match(await set(`pro-1001:${SECRET}`, `${word} --dir ${dir}`), { code: 0, stderr: '' })
  }
  t.equal(await stored(draft.corbado.credentialParameter), base64(`pro-1001:${SECRET}`))
  t.match(await set(`pro-7:${SECRET}`, `acme --dir ${dir}`), {
    code: 1,
    stderr: `note: the file of acme in ${dir} says something else under corbado than the table; the table counts\n`,
  })
})

/** A terminal on which a person types; remembers whether keys were unechoed. */
async function type(...keys: string[]) {
  const modes: boolean[] = []
  const setRawMode = (raw: boolean) => modes.push(raw)
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode })
  const printed = { stdout: '', stderr: '' }
  const output = (name: keyof typeof printed) => ({
    isTTY: true,
    write(text: string) {
      printed[name] += text
      if (text.endsWith('): '))
        void (async () => {
          for (const key of keys) {
            stdin.write(key)
            await setImmediate()
          }
        })()
    },
  })
  const io = { stdin, stdout: output('stdout'), stderr: output('stderr'), env, clock: systemClock, built: 'dist' }
  const code = await runCli(['secret', 'set', 'acme'], io)
  return { code, ...printed, modes }
}

t.test('a prompt shows nothing of what is typed, and can be broken off', async (t) => {
  const typed = await type(...`pro-1001:${SECRET}x`, '\u007f', '\r')
  t.match(typed, { code: 0, modes: [true, false] })
  t.equal(typed.stderr, 'Backend API credential of acme (pro-1001): \n')
  t.notMatch(typed.stdout, /s3cr3t/)
  t.equal(await stored(), base64(`pro-1001:${SECRET}`))
  const before = puts()
  const pasted = await type(`pro-1001:${SECRET}2\rrest`)
  t.match(pasted, { code: 0 })
  t.equal(await stored(), base64(`pro-1001:${SECRET}2`))
  const stopped = await type('pro-1001:corb', '\u0003')
  t.match(stopped, { code: 1, stdout: HEAD, modes: [true, false] })
  t.match(stopped.stderr, 'broken off: nothing was written\n')
  t.equal(puts(), before + 1)
})

t.test(
  'a secret is rotated without a failed login, even if the operator does not wait before the old one goes',
  async (t) => {
    const before = stack.corbado.calls.filter(({ principal }) => principal === undefined).length
    const secrets = ['corbado1_first', 'corbado1_second', 'corbado1_third'] as const
    stack.corbado.putProject({ projectId, apiSecret: secrets[0] })
    t.match(await set(`${projectId}:${secrets[0]}`), { code: 0 })
    gateway.clock.advance(300_001)
    t.ok(await logIn(), 'the old one works')

    stack.corbado.putProject({ projectId, apiSecret: secrets[0], furtherSecrets: [secrets[1]] })
    t.match(await set(`${projectId}:${secrets[1]}`), { code: 0 })
    t.ok(await logIn(), 'a process that still has the old one')
    const refusals = () => stack.corbado.calls.filter(({ principal }) => principal === undefined).length - before
    t.equal(refusals(), 0)
    gateway.clock.advance(300_001)
    t.ok(await logIn(), 'a process that has read the new one')
    stack.corbado.rotateSecret(projectId, secrets[1])
    t.ok(await logIn(), 'the old one is gone')
    t.equal(refusals(), 0, 'an operator who waits as the help says sees no refusal')

    // In a hurry: the old one goes as soon as the new one is stored.
    stack.corbado.putProject({ projectId, apiSecret: secrets[1], furtherSecrets: [secrets[2]] })
    t.match(await set(`${projectId}:${secrets[2]}`), { code: 0 })
    stack.corbado.rotateSecret(projectId, secrets[2])
    t.same(await Promise.all(Array.from({ length: 8 }, logIn)), Array(8).fill(true))
    t.ok(refusals() > 0)
  },
)

t.test('a credential is tried at Corbado before it is stored, and with --no-check stored untried', async (t) => {
  const own = 'corbado1_n3w'
  stack.corbado.putProject({ projectId, apiSecret: SECRET })
  const before = puts()
  const tried = await set(`${projectId}:${own}`)
  t.match(tried, {
    code: 1,
    stdout: HEAD,
    stderr: /^error: the credential was not stored: Corbado .* answered HTTP 401 .*it does not accept it\. If the key/,
  })
  stack.corbado.answerWith({ status: 404, body: {} })
  t.match(await set(`${projectId}:${SECRET}`), {
    code: 1,
    stderr: /answered HTTP 404.*it does not know pro-1001, or is not the Backend API\n$/,
  })
  stack.corbado.answerWith({ status: 500, body: {} })
  t.match(await set(`${projectId}:${SECRET}`), {
    code: 1,
    stderr: /it could not be tried, Corbado .*\. To store it untried: --no-check\n$/,
  })
  stack.corbado.answerWith(undefined)
  for (const [url, variables, said] of [
    ['http://127.0.0.1:9', {}, 'was not reached: connect ECONNREFUSED 127.0.0.1:9: is npm start running?'],
    [
      'https://backendapi.cloud.corbado.io',
      { HTTPS_PROXY: 'http://ada:s3cret@127.0.0.1:9' },
      'was not reached: the proxy http://127.0.0.1:9 could not be used: connect ECONNREFUSED 127.0.0.1:9: is HTTPS_PROXY right, and does the proxy run? A host that needs none goes into NO_PROXY',
    ],
    [
      'https://backendapi.cloud.corbado.io',
      { HTTPS_PROXY: `http://ada:s3cret@${refusing}` },
      `was not reached: the proxy http://${refusing} answered 502 to CONNECT backendapi.cloud.corbado.io:443: it does not reach this host itself: ask who runs it, or name the host in NO_PROXY`,
    ],
  ] as const) {
    await putTenantRecord(stack, { ...file, corbado: { ...file.corbado, backendApiUrl: url } }, file.userPoolId)
    const hosts = { BACKEND_API_HOSTS: `127.0.0.1,${new URL(url).hostname}` }
    const { code, stderr } = await set(`${projectId}:${SECRET}`, 'acme', { ...hosts, ...variables })
    t.equal(code, 1)
    const stored = 'the credential was not stored: it could not be tried, '
    const ended = said.endsWith('?') ? said : `${said}.`
    t.equal(stderr, `error: ${stored}Corbado (${url}) ${ended} To store it untried: --no-check\n`)
  }
  await putTenantRecord(stack, toLocal(file, stack), file.userPoolId)
  t.equal(puts(), before)
  const unchecked = await set(`${projectId}:${own}`, 'acme --no-check')
  t.match(unchecked, { code: 0, stdout: 'Whether Corbado accepts it: corbado-gateway doctor acme\n' })
  t.equal(await stored(), base64(`${projectId}:${own}`))
})

t.test("with --client the secret of post-login's app client is stored where the gateway reads it", async (t) => {
  const parameter = `/corbado/gateway/${file.userPoolId}/client-secret`
  const clientSecret = 'c4naryThatCognitoMade'
  const give = (stdin: string, flags = '') => set(stdin, `acme --client${flags}`)
  const before = puts()
  const without = await give(clientSecret)
  t.match(without, { code: 1, stdout: '', stderr: /^error: acme has no actions\.postLogin, and .*tenants apply\n$/ })
  const put = (postLogin: object) => {
    const local = toLocal(file, stack)
    const actions = { ...local.actions, postLogin: { clientId: 'server1', ...postLogin } }
    return putTenantRecord(stack, { ...local, actions }, file.userPoolId)
  }
  t.teardown(() => putTenantRecord(stack, toLocal(file, stack), file.userPoolId))
  await put({})
  const unnamed = await give(clientSecret)
  t.match(unnamed, { code: 1, stderr: 'actions.postLogin of acme has no clientSecretParameter' })
  t.match(
    unnamed.stderr,
    `If server1 has one, write clientSecretParameter: ${parameter} in the tenant's file, then: corb`,
  )

  await put({ clientSecretParameter: parameter })
  for (const [given, why] of [
    ['', /nothing was given/],
    [`"${clientSecret}"`, /stands in quotes/],
    [`\ufeff${clientSecret}`, /byte order mark/],
    ['server1\n', /it is the app client's id, not its secret/],
    [SECRET, /it is Corbado's API secret, .*: store that one without --client/],
    [`${projectId}:${SECRET}`, /it is Corbado's API secret/],
    [` ${clientSecret}`, /it is longer, or holds other characters, than any secret of an app client/],
    ['x'.repeat(65), /it is longer/],
  ] as const) {
    const { code, stdout, stderr } = await give(given)
    t.equal(code, 1, given)
    t.match(stderr, /^error: the secret was not stored: /)
    t.match(stderr, why)
    t.notMatch(stdout + stderr, /c4nary|s3cr3t/)
  }
  t.match(await give(clientSecret, ' --no-check'), { code: 2, stderr: '--no-check is for the Backend API credential' })
  t.equal(puts(), before)

  const first = await give(`${clientSecret}\n`)
  t.strictSame([first.code, first.stderr], [0, ''])
  t.equal(
    first.stdout,
    `table ${TABLE_NAME} in eu-central-1 of account 999900000001\n  as ${operator.arn}\nacme (${file.userPoolId}), ${parameter}: not stored yet\ntaken as secret of the app client\nstored as version 1 of ${parameter}\nWhether Cognito accepts it: corbado-gateway doctor acme\n`,
  )
  t.equal(await stored(parameter), clientSecret)
  const json = JSON.parse((await give(`${clientSecret}2`, ' --json')).stdout)
  t.match(json, { kind: 'secret', parameter, version: 2, was: { version: 1 }, taken: String, tried: false })
  t.notMatch(JSON.stringify(json), 'c4nary')
  t.match(stack.ssm.calls.findLast(({ operation }) => operation === 'PutParameter')?.input, { Type: 'SecureString' })
})

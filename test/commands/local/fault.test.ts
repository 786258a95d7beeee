import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExplicitAuthFlowsType } from '@aws-sdk/client-cognito-identity-provider'
import t from 'tap'
import { operator } from '../../../src/local/accounts.js'
import { APPS_VARIABLE } from '../../../src/local/clients/apps.js'
import { DEPENDENCIES, FAULT_KINDS } from '../../../src/local/faults.js'
import { startAdmin } from '../../../src/local/world/admin.js'
import { toLocal } from '../../../src/local/world/tenants.js'
import { CLIENT_ID, startGateway } from '../../fixtures/gateway.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { answerIn } from '../fixtures/answer.js'
import { cli } from '../fixtures/cli.js'

const gateway = await startGateway(t)
const { stack, clock } = gateway
let retired = 0
const admin = await startAdmin(stack, () => {
  retired += 1
})
t.teardown(admin.stop)
stack.corbado.onAction((payload) => gateway.action(payload) as Promise<object>)

/** One for each dependency, of which the gateway knows nothing yet, and a neighbour. */
const names = [...DEPENDENCIES, 'neighbour', 'other', 'rotated']
const password = 'Passw0rd-of-ada'
const apps = await Promise.all(
  names.map(async (tenantId, index) => {
    const file = toLocal(
      tenantFile({
        tenantId,
        customer: tenantId,
        userPoolId: `eu-central-1_${tenantId}01`,
        aws: { accountId: `11112222333${index}`, externalId: `ext-${tenantId}` },
        corbado: { projectId: `pro-10${index}` },
      }),
      stack,
    )
    const clientId = `${CLIENT_ID}${index}`
    const ExplicitAuthFlows: ExplicitAuthFlowsType[] = ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_PASSWORD_AUTH']
    const clients = [
      { clientId, preventUserExistenceErrors: true, allowCustomAuth: true, settings: { ExplicitAuthFlows } },
    ]
    await gateway.addTenant(file, { clients })
    const { userPoolId, corbado } = file
    stack.cognito.putUser(userPoolId, { username: 'ada', password, attributes: { email: 'ada@acme.example' } })
    const users = [{ identifier: 'ada', password }]
    const { projectId, credentialScheme } = corbado
    return { tenantId, userPoolId, clientId, projectId, credentialScheme, flow: 'passkey', users }
  }),
)
const dir = t.testdir({})
/** The file of a running stack, with some of it changed. */
function env(more: object = {}) {
  const file = join(dir, `${Math.random()}.json`)
  const own = { cognito: stack.cognito.url, corbado: stack.corbado.url, admin: admin.url, apps }
  writeFileSync(file, JSON.stringify({ ...own, ...more }))
  return { [APPS_VARIABLE]: file }
}
const right = { ...env(), ...stack.envFor(operator) }
const run = (line: string, stdin = '') => cli(line.split(' '), { env: right, stdin })
const fault = (line: string) => run(`local fault ${line}`)
const signIn = (tenantId: string, more = '') => run(`local sign-in eu-central-1_${tenantId}01${more}`)

t.test('refuses what it does not know, and names what it does', async (t) => {
  const cases: [line: string, said: RegExp][] = [
    ['stss', /The gateway depends on table, ssm, sts, cognito, corbado\. Did you mean sts\?/],
    ['lambda', /The gateway depends on table, ssm, sts, cognito, corbado\.\n/],
    ['sts --as broken', /Allowed choices are error, hang, throttled, denied/],
    ['sts --for 5', /It must be a number with s, m or h, such as 30s or 5m, and at most 12h/],
    ['sts --for 0m', /It must be a number/],
    ['sts --for 13h', /It must be a number/],
    [
      'sts --tenant neighbor',
      /^error: the embedded stack has no tenant neighbor: did you mean neighbour\? There are table/,
    ],
    ['clear stss', /Did you mean sts\?/],
    ['', /missing required argument 'dependency'/],
  ]
  for (const [line, said] of cases) {
    t.match(await cli(['local', 'fault', ...line.split(' ').filter(Boolean)], { env: right }), {
      code: 2,
      stdout: '',
      stderr: said,
    })
  }
  t.match(await run('local credential nobody'), { code: 2, stderr: /has no tenant nobody/ })
  t.match(await fault('list'), { code: 0, stdout: 'nothing fails\n' })
})

t.test('reaches a stack that runs on this machine, and no other', async (t) => {
  const list = (own: Record<string, string>) => cli(['local', 'fault', 'list'], { env: own })
  t.match(await list({}), { code: 2, stderr: /LOCAL_APPS is not set/ })
  t.match(await list({ [APPS_VARIABLE]: join(dir, 'no') }), { code: 1, stderr: /npm start has ended/ })
  t.match(await list(env({ admin: 'http://127.0.0.1:9' })), {
    code: 1,
    stderr: /^error: the embedded stack does not answer: npm start has ended\n$/,
  })
  t.match(await list(env({ admin: 'https://admin.example' })), { code: 2, stderr: /which is not on this machine/ })
  const guessed = admin.url.replace(/\w+$/, 'guessed')
  t.match(await list(env({ admin: guessed })), { code: 1, stderr: /answered 404/ }, 'without its word it tells nothing')
})

t.test('one tenant fails for a time, its neighbour does not, and after that time it works again', async (t) => {
  for (const dependency of DEPENDENCIES) {
    const until = new Date(clock.now() + 120_000).toISOString()
    const begun = await fault(`${dependency} --tenant ${dependency} --for 2m`)
    t.equal(
      begun.stdout,
      `${dependency} answers with status 500, for ${dependency} alone, until ${until}
the gateway goes on with what it has in memory; --cold takes that away
see: corbado-gateway local sign-in eu-central-1_${dependency}01
end it: corbado-gateway local fault clear ${dependency}
`,
    )
    t.match(await signIn(dependency), { code: 1, stdout: /✗/ }, dependency)
    t.match(await signIn('neighbour'), { code: 0, stdout: /tokens of ada/ }, `${dependency}: its neighbour`)
    t.match(answerIn((await fault('list --json')).stdout), {
      kind: 'local-faults',
      faults: [{ dependency, kind: 'error', tenantId: dependency, until }],
    })
    clock.advance(120_000)
    t.match(await signIn(dependency), { code: 0, stdout: /tokens of ada/ }, `${dependency}: it has ended`)
    t.match(await fault('list'), { stdout: 'nothing fails\n' })
  }
})

t.test('every kind of fault stops a login, of a tenant or of all, until it is ended', async (t) => {
  for (const kind of FAULT_KINDS) {
    t.match(await fault(`corbado --as ${kind}`), { code: 0, stdout: /^corbado [^,]+, until / })
    t.match(await signIn('other'), { code: 1, stdout: /✓ pre-login.*✗ answer with it/s }, kind)
    t.match(await fault('clear'), { code: 0, stdout: /^ended:\n.*\ncorbado +\w+ +all +\d/ })
    clock.advance(60_000)
    t.match(await signIn('other'), { code: 0 }, `${kind} is over`)
  }
  t.match(await fault('clear corbado'), { code: 0, stdout: 'there was no fault\n' })
})

t.test("what the users' apps ask themselves is served", async (t) => {
  await fault('cognito --as denied')
  t.match(await signIn('other', ' --flow password'), { code: 0 })
  t.match(await signIn('other'), { code: 1, stdout: /✗ pre-login/ })
  await fault('clear cognito')
})

t.test(
  'DynamoDB is the table, a later fault takes the place of the former, and a tenant’s own counts first',
  async (t) => {
    const faults = async () => answerIn((await fault('list --json')).stdout).faults
    await fault('dynamodb --as hang')
    await fault('table --as throttled --for 1h')
    await fault('table --as denied --tenant other')
    t.match(await faults(), [{ kind: 'denied', tenantId: 'other' }, { kind: 'throttled' }])
    t.equal(((await faults()) as object[]).length, 2)
    t.match(answerIn((await fault('clear table --json')).stdout).faults, [{}, {}])
    t.equal(retired, 0)
    t.match(await fault('ssm --cold --for 1s'), { stdout: /nothing in memory/ })
    t.equal(retired, 1)
    await fault('clear')
  },
)

t.test('a second credential is made and stored, and the first one deleted, without a failed login', async (t) => {
  t.match(await signIn('rotated'), { code: 0 })
  // The gateway has its credentials by now; the command is to find an operator's.
  Object.assign(process.env, stack.envFor(operator))
  const made = await run('local credential rotated')
  t.match(made, { code: 0, stderr: /^note: pro-10\d has 2 API secrets now\n$/ })
  t.match(await signIn('rotated'), { code: 0 }, 'the first one works')
  t.match(await run('secret set rotated', made.stdout), { code: 0, stdout: /stored as version 2/ })
  clock.advance(300_000)
  t.match(await signIn('rotated'), { code: 0 })
  const kept = await run('local credential rotated --keep-newest --json')
  t.match(answerIn(kept.stdout), { kind: 'local-credential', tenantId: 'rotated', secrets: 1 })
  t.match(await signIn('rotated'), { code: 0 }, 'the second one works alone')
  const first = `${apps.find(({ tenantId }) => tenantId === 'rotated')?.projectId}:corbado1_rotated`
  t.match(await run('secret set rotated', first), { code: 1, stderr: /it does not accept it/ })
  t.match(answerIn((await run('local credential rotated --json')).stdout), { secrets: 2, credential: /^\w+=*$/ })
})

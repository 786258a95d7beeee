/**
 * The whole way of an incident: a user cannot log in, two commands name the cause, who acts and what to do, that is done as it is
 * printed, and the next login succeeds. Lines are in CloudWatch; none of them was written by hand but Lambda's own.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  UpdateUserPoolClientCommand,
  UpdateUserPoolCommand,
} from '@aws-sdk/client-cognito-identity-provider'
import { split } from 'shlex'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { Clock } from '../../../src/call.js'
import {
  customerAdmin,
  doctor,
  gateway as gatewayRole,
  LOG_GROUP,
  onCall,
  PSEUDONYM_KEY_PARAMETER,
  roleArnOf,
} from '../../../src/local/accounts.js'
import type { Principal } from '../../../src/local/aws/identity.js'
import { type SignIn, signIn } from '../../../src/local/clients/sign-in.js'
import { inProcess, type Runner } from '../../../src/local/lambda/index.js'
import { toLocal } from '../../../src/local/world/tenants.js'
import { describeCustomerRole, USUAL_FEATURES } from '../../../src/operator/role/role.js'
import type { TenantFile } from '../../../src/tenant/config.js'
import { cli } from '../../commands/fixtures/cli.js'
import { startGateway } from '../../fixtures/gateway.js'
import { tenantFile } from '../../fixtures/tenants.js'
import { commandsIn } from '../fixtures/advice.js'

const MINUTE_MS = 60_000
const REGION = 'eu-central-1'
/** So long a gateway may serve with a config or a secret that it has (src/env.ts). */
const KEPT_MS = 6 * MINUTE_MS

let skewMs = 0
const gateway = await startGateway(t, {
  env: { PSEUDONYM_KEY_PARAMETER },
  logLevel: 'info',
  skewMs: () => skewMs,
})
const { stack, clock } = gateway
stack.corbado.onAction((payload) => gateway.action(payload) as Promise<object>)

/** Lines as the gateway's process would have sent them, each a moment after the one before. */
/** The last line's: an error that a user sees shows it. */
let lastRef = ''

function ship(): void {
  for (const line of gateway.take()) {
    clock.advance(100)
    const at = clock.now()
    lastRef = String(line.requestId)
    stack.cloudwatch.put(LOG_GROUP, [{ at, message: JSON.stringify({ ...line, time: new Date(at).toISOString() }) }])
  }
}

/** The memory of the function. With less than it needs, the invocation that checks a proof ends as Lambda ends it. */
let memoryMb = 512
const NEEDED_MB = 200
const served = inProcess(gateway.handler, clock)
const runner: Runner = async (payload, invocation) => {
  const { triggerSource = '' } = payload as { triggerSource?: string }
  if (memoryMb >= NEEDED_MB || !triggerSource.startsWith('Verify')) return served(payload, invocation)
  ship()
  clock.advance(900)
  const report = `REPORT RequestId: ${invocation.awsRequestId}\tDuration: 800.21 ms\tBilled Duration: 801 ms\tMemory Size: ${memoryMb} MB\tMax Memory Used: ${memoryMb} MB\tStatus: error\tError Type: Runtime.OutOfMemory\n`
  stack.cloudwatch.put(LOG_GROUP, [{ at: clock.now(), message: report }])
  throw Object.assign(new Error('Runtime exited with error: signal: killed'), { name: 'Runtime.OutOfMemory' })
}

/** Longer than any pause of a command, and shorter than any limit of a call. */
const PAUSE_MS_MAX = 2_000

/** Pauses of a command pass at once; what AWS is given for an answer never ends. */
const commandClock: Clock = {
  ...clock,
  after(ms, run) {
    if (ms > PAUSE_MS_MAX) return () => undefined
    const soon = setImmediate(() => {
      clock.advance(ms)
      run()
    })
    return () => clearImmediate(soon)
  },
}

const root = process.cwd()
const folder = t.testdir({ state: {}, tenants: {} })
process.chdir(folder)
t.teardown(() => process.chdir(root))

/** Runs a command line as it stands, on a terminal whose user says yes. */
async function typed(line: string, { stdin = 'y\n', as = onCall }: { stdin?: string; as?: Principal } = {}) {
  const words = split(line.replace(/^npx @corbado\/cognito-gateway@\S+/, 'corbado-gateway')).slice(1)
  const before = { ...process.env }
  const env = { ...stack.envFor(as), XDG_STATE_HOME: `${folder}/state`, NO_COLOR: '1' }
  Object.assign(process.env, env)
  try {
    const asks = !words.includes('--log-group') && words[0] !== 'doctor' && words[0] !== 'secret'
    return await cli(words, { env, clock: commandClock, stdin, isTTY: asks })
  } finally {
    Object.assign(process.env, before)
  }
}

interface Place {
  readonly file: TenantFile
  readonly app: SignIn['app']
  /** The same pool's other app, which goes on. */
  readonly other: SignIn['app']
  readonly secret: string
  readonly admin: Principal
}

let places = 0
const aliases: string[] = []
/** A tenant with two apps and three users. */
async function createPlace(tenantId: string): Promise<Place> {
  places += 1
  const file = toLocal(
    tenantFile({
      tenantId,
      ...{ customer: tenantId, displayName: tenantId, alias: `t-${tenantId}` },
      userPoolId: `eu-central-1_${tenantId.replaceAll('-', '')}` as TenantFile['userPoolId'],
      actions: { postAppend: { mfa: 'none' } },
      aws: { accountId: `1111222233${30 + places}`, externalId: `ext-${tenantId}` },
      corbado: { projectId: `pro-${200 + places}` },
    }),
    stack,
  )
  const { userPoolId, corbado } = file
  const clients = ['web', 'phone'].map((name) => ({
    ...{ clientId: `${name}${places}of${tenantId.replaceAll('-', '')}`, clientName: name },
    ...{ preventUserExistenceErrors: true, allowCustomAuth: true },
  }))
  await gateway.addTenant(file, { clients, aliasAttributes: ['email'] })
  aliases.push(file.alias)
  stack.deploy(runner, aliases)
  const users = ['ada', 'bo', 'cy'].map((name) => {
    const email = `${name}@${tenantId}.example`
    stack.cognito.putUser(userPoolId, {
      username: `${name}-of-${tenantId}`,
      attributes: { email, email_verified: 'true' },
    })
    return { identifier: email, password: '' }
  })
  writeFileSync(`tenants/${tenantId}.yaml`, stringify(file))
  const { projectId, credentialScheme } = corbado
  const appOf = (index: number) => ({
    ...{ tenantId, userPoolId, projectId, credentialScheme, users, flow: 'passkey' as const },
    clientId: clients[index]?.clientId ?? '',
  })
  const { accountId } = file.aws
  return { file, app: appOf(0), other: appOf(1), secret: `corbado1_${tenantId}`, admin: customerAdmin(accountId) }
}

let logins = 0
/** A user logs in, and some of a minute passes. */
async function logIn(app: SignIn['app'], user = app.users[logins % 3] ?? app.users[0]) {
  if (user === undefined) throw new Error('an app has users')
  logins += 1
  const addresses = { cognito: stack.cognito.url, corbado: stack.corbado.url, admin: '', apps: [] }
  const report = await signIn({ ...addresses, app, user, flow: 'passkey' })
  ship()
  clock.advance(20_000)
  return report
}

/** The sentence of a finding of the doctor that failed, what to do, and the policy that it speaks of. */
function failedIn(printed: string, check: string): { fix: string; policy: string } {
  const lines = printed.split('\n')
  const at = lines.findIndex((line) => line.includes(`✗ ${check} `))
  const [fix = '', policy = ''] = lines.slice(at + 1).map((line) => line.trim())
  return { fix: at < 0 ? `${check} is not in: ${printed}` : fix, policy }
}

/** Runs the doctor as it was printed, and answers what it says of a check. */
async function asked(t: Test, line: string, check: string) {
  t.match(line, /^corbado-gateway doctor \S+$/)
  const { fix, policy } = failedIn((await typed(line)).stdout, check)
  t.match(fix, /^customer: /, check)
  return { fix, policy }
}

const cognitoAs = (as: Principal) =>
  new CognitoIdentityProviderClient({
    region: REGION,
    endpoint: stack.cognito.url,
    credentials: stack.credentialsFor(as),
  })

/** Takes a function out of a slot, as a customer's deployment does that does not know of it. */
async function detach({ file: { userPoolId }, admin }: Place, slot: string): Promise<void> {
  const client = cognitoAs(admin)
  const { UserPool = {} } = await client.send(new DescribeUserPoolCommand({ UserPoolId: userPoolId }))
  const { LambdaConfig, AutoVerifiedAttributes, MfaConfiguration } = UserPool
  await client.send(
    new UpdateUserPoolCommand({
      ...{ UserPoolId: userPoolId, AutoVerifiedAttributes, MfaConfiguration },
      LambdaConfig: { ...LambdaConfig, [slot]: undefined },
    }),
  )
  client.destroy()
}

interface Story {
  readonly name: string
  /** All tenants have it. */
  readonly everywhere?: true
  /** Logins before it, of each app. */
  readonly before?: number
  /** Logins that fail, until who is on call looks. */
  readonly failing?: number
  readonly breakIt: (place: Place, t: Test) => unknown
  /** What `explain` of the tenant says. */
  readonly cause: RegExp
  readonly owner: string
  readonly fix: RegExp
  /** What `explain` of a user says. */
  readonly login: RegExp
  /** The pool cannot be asked who that is: the login is named by the ref that the user saw. */
  readonly byRef?: RegExp
  /** Does what was printed. */
  readonly fixIt: (t: Test, place: Place, printed: string) => unknown
}

const stories: Story[] = [
  {
    name: 'a secret is rotated wrongly',
    breakIt({ file: { corbado } }) {
      stack.ssm.put(corbado.credentialParameter, Buffer.from(`${corbado.projectId}:corbado1_typo`).toString('base64'))
      clock.advance(KEPT_MS)
    },
    cause: /^A wrong secret was stored\./,
    owner: 'operator',
    fix: /^corbado-gateway secret set rotated$/,
    login: /backend_unauthorized: 401 or 403/,
    async fixIt(t, { secret, file }, printed) {
      const stdin = `${file.corbado.projectId}:${secret}\n`
      t.match(await typed(printed, { stdin }), { code: 0, stdout: /stored as version 3/ })
    },
  },
  {
    name: 'Corbado takes the key back',
    breakIt: ({ file: { corbado } }) => stack.corbado.rotateSecret(corbado.projectId, 'corbado1_newest'),
    cause: /^Corbado took the key back\./,
    owner: 'Corbado',
    fix: /^corbado-gateway secret set revoked$/,
    login: /backend_unauthorized: 401 or 403/,
    async fixIt(t, { file: { corbado } }, printed) {
      const stdin = `${corbado.projectId}:corbado1_newest\n`
      t.match(await typed(printed, { stdin }), { code: 0, stdout: /stored as version 2/ })
    },
  },
  {
    name: 'a trust is edited',
    breakIt({ file }) {
      const { roleArn, permissions } = roleOf(file)
      const other = { Effect: 'Allow', Principal: { AWS: file.aws.accountId }, Action: 'sts:AssumeRole' } as const
      stack.sts.putRole({ roleArn, trust: { Version: '2012-10-17', Statement: [other] }, policies: [permissions] })
      // So long the gateway has credentials of the role.
      clock.advance(61 * MINUTE_MS)
    },
    cause: /^The role was deleted, or its trust policy edited\./,
    owner: 'customer',
    fix: /^corbado-gateway doctor trusted$/,
    login: /sts_denied: The trust policy/,
    byRef: /the role of trusted does not let us in \(sts_denied\), so its pool cannot be asked who that is/,
    async fixIt(t, { file }, printed) {
      const { fix, policy } = await asked(t, printed, 'role-assumable')
      const { roleArn, permissions } = roleOf(file)
      t.match(fix, `create ${roleArn} by step 1 of the hand-over, or give it the trust from there`)
      stack.sts.putRole({ roleArn, trust: JSON.parse(policy), policies: [permissions] })
    },
  },
  {
    name: 'a trigger is detached',
    before: 12,
    failing: 40,
    breakIt: (place) => detach(place, 'CreateAuthChallenge'),
    cause: /^Users are found, and no login begins: one of the three triggers of the pool no longer calls us/,
    owner: 'customer',
    fix: /^corbado-gateway doctor detached$/,
    login: /The user was found, and no login began/,
    async fixIt(t, { admin, file }, printed) {
      const { fix } = await asked(t, printed, 'triggers')
      const [plan = '', apply = ''] = commandsIn(fix)
      t.match([plan, apply], [/^npx .* wire plan /, /^npx .* wire apply /])
      t.match(await typed(plan, { as: admin }), { stdout: /CreateAuthChallenge/ })
      t.match(await typed(apply, { as: admin }), { code: 0 })
      t.match(await typed(`corbado-gateway doctor ${file.tenantId}`), { stdout: /✓ triggers / })
    },
  },
  {
    name: 'an app client loses custom auth',
    before: 15,
    failing: 54,
    async breakIt({ file: { userPoolId }, app: { clientId }, admin }) {
      const client = cognitoAs(admin)
      const ExplicitAuthFlows = ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const
      const input = { UserPoolId: userPoolId, ClientId: clientId, PreventUserExistenceErrors: 'ENABLED' as const }
      await client.send(new UpdateUserPoolClientCommand({ ...input, ExplicitAuthFlows: [...ExplicitAuthFlows] }))
      client.destroy()
    },
    cause: /^The app client web\d+oflostflow begins no login, others of the pool go on: it lost ALLOW_CUSTOM_AUTH/,
    owner: 'customer',
    fix: /^corbado-gateway explain lost-flow --probe$/,
    login: /The user was found, and no login began/,
    async fixIt(t, { admin, app }, printed) {
      const { stdout } = await typed(`${printed} --log-group ${LOG_GROUP}`)
      t.match(stdout, `The app client ${app.clientId} lost ALLOW_CUSTOM_AUTH.`)
      t.match(factIn(stdout, 'who acts'), 'customer')
      t.match(await typed(factIn(stdout, 'do'), { as: admin }), { code: 0 })
    },
  },
  {
    name: 'a tenant is paused',
    async breakIt({ file: { tenantId } }, t) {
      t.equal((await typed(`corbado-gateway tenants pause ${tenantId} --by bob`)).code, 0)
      clock.advance(KEPT_MS)
    },
    cause: /^The tenant is paused\./,
    owner: 'operator',
    fix: /^corbado-gateway tenants resume paused$/,
    login: /passkeys_off: The tenant is paused/,
    fixIt: async (t, _place, printed) => t.match(await typed(printed), { code: 0 }),
  },
  {
    name: "the gateway's clock is ahead",
    everywhere: true,
    breakIt() {
      skewMs = 10 * MINUTE_MS
    },
    cause: /^Our own clock is wrong\./,
    owner: 'us',
    fix: /^set the clock of the machines on which the gateway runs/,
    login: /expired: The proof expired/,
    fixIt() {
      skewMs = 0
    },
  },
  {
    name: 'Corbado is down',
    everywhere: true,
    breakIt: () => stack.corbado.setFault({ kind: 'status', status: 503 }, 'verifySignedData'),
    cause: /^Corbado fails\./,
    owner: 'Corbado',
    fix: /^tell Corbado since when, and see its status page; logins go on by themselves once it answers$/,
    login: /backend_unavailable: 5xx or no connection/,
    fixIt: () => stack.corbado.setFault(undefined),
  },
  {
    name: 'Corbado cannot be reached',
    everywhere: true,
    breakIt: () => stack.corbado.setFault({ kind: 'reset' }, 'verifySignedData'),
    cause: /^Our network fails\./,
    owner: 'us',
    fix: /^see whether the Backend API can be reached from where the gateway runs/,
    login: /backend_unavailable: 5xx or no connection/,
    fixIt: () => stack.corbado.setFault(undefined),
  },
  {
    name: 'a wrong project is applied',
    async breakIt({ file }, t) {
      const wrong = { ...file, corbado: { ...file.corbado, projectId: 'pro-999' } }
      writeFileSync(`tenants/${file.tenantId}.yaml`, stringify(wrong))
      const applied = await typed(`corbado-gateway tenants apply tenants --only ${file.tenantId} --by bob --yes`)
      t.equal(applied.code, 0, applied.stderr)
      clock.advance(KEPT_MS)
    },
    cause: /^The tenant's config changed\./,
    owner: 'operator',
    fix: /^corbado-gateway tenants rollback wrong-project --to 1$/,
    login: /wrong_project: The proof belongs to another Corbado project/,
    fixIt: async (t, _place, printed) => t.match(await typed(printed), { code: 0, stdout: /written/ }),
  },
  {
    name: 'the function has too little memory',
    breakIt() {
      memoryMb = 128
    },
    cause: /^Invocations end without a line of the gateway: it ran out of memory\.$/,
    owner: 'us',
    fix: /^raise function\.memoryMb in the config of infra\/, and deploy it/,
    login: /An invocation has no closing line: it ran out of memory\./,
    fixIt() {
      memoryMb = 512
    },
  },
]

const ids = [
  'rotated',
  'revoked',
  'trusted',
  'detached',
  'lost-flow',
  'paused',
  'skewed',
  'corbado-down',
  'corbado-away',
  'wrong-project',
  'starved',
]

function roleOf({ userPoolId, aws }: TenantFile) {
  const { accountId, region, roleArn, externalId } = aws
  const { permissions } = describeCustomerRole({
    ...{ userPoolId, accountId, region, externalId: externalId ?? '', features: USUAL_FEATURES },
    ...{ gatewayRoleArn: roleArnOf(gatewayRole), doctorRoleArn: roleArnOf(doctor) },
  })
  return { roleArn: roleArn ?? '', permissions }
}

/** A fact of the first cause, or of the one login, by its name. */
const factIn = (stdout: string, name: string) =>
  new RegExp(`^(?: {3}${name} +|${name}: )(.*)$`, 'm').exec(stdout)?.[1] ?? ''

const neighbours = [await createPlace('neighbour-one'), await createPlace('neighbour-two')]
mkdirSync('state', { recursive: true })

for (const [index, story] of stories.entries()) {
  t.test(
    `${story.name}: the login fails, explain says what to do, and once it is done the login succeeds`,
    async (t) => {
      const { everywhere = false, before = 6, failing = everywhere ? 6 : 9 } = story
      stack.cloudwatch.clear(LOG_GROUP)
      // Lines are counted by the minute: each story begins with one.
      clock.advance(MINUTE_MS - (clock.now() % MINUTE_MS))
      const place = await createPlace(ids[index] ?? '')
      const { app, other, file } = place
      const all = everywhere ? [app, ...neighbours.map((neighbour) => neighbour.app)] : [app]
      for (let login = 0; login < before; login += 1)
        for (const one of login % 3 === 0 && !everywhere ? [app, other] : all)
          t.match(await logIn(one), { signedIn: true })

      await story.breakIt(place, t)
      const [ada] = app.users
      for (let login = 0; login < failing; login += 1) {
        for (const one of all)
          t.match(await logIn(one, login === failing - 1 ? one.users[0] : undefined), { signedIn: false })
        if (story.name.startsWith('an app client')) t.match(await logIn(other), { signedIn: true })
      }

      const { tenantId } = file
      const broken = await typed(`corbado-gateway explain ${tenantId} --log-group ${LOG_GROUP}`)
      t.equal(broken.code, 1)
      const [, cause = ''] = /^1\. (.*)$/m.exec(broken.stdout) ?? []
      t.match(cause, story.cause, broken.stdout)
      t.equal(factIn(broken.stdout, 'who acts'), story.owner, broken.stdout)
      const printed = factIn(broken.stdout, 'do')
      t.match(printed, story.fix, broken.stdout)
      const explainLogin = (which: string) =>
        typed(`corbado-gateway explain ${tenantId} ${which} --log-group ${LOG_GROUP}`)
      const ofUser = await explainLogin(`--user ${ada?.identifier}`)
      if (story.byRef) t.match(ofUser, { code: 1, stderr: story.byRef })
      const login = story.byRef ? await explainLogin(`--ref ${lastRef}`) : ofUser
      t.match(login, { code: 1, stdout: story.login })
      t.notMatch(`${broken.stdout}${ofUser.stdout}${ofUser.stderr}`, '@', 'whom the customer named is not repeated')

      await story.fixIt(t, place, printed)
      clock.advance(KEPT_MS)
      t.match(await logIn(app), { signedIn: true })
    },
  )
}

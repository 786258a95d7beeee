import { readFileSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { GetResourcePolicyCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { split } from 'shlex'
import t, { type Test } from 'tap'
import { customerAdmin, doctor, FUNCTION_ARN, gateway, operator, roleArnOf } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import type { PolicyDocument, Statement } from '../../src/local/aws/policy.js'
import type { UserPool } from '../../src/local/cognito/index.js'
import { aliasPolicyText } from '../../src/operator/aliases/policy.js'
import { CUSTOM_AUTH_SLOTS } from '../../src/operator/pool/triggers.js'
import { describeCustomerRole, FEATURE_NAMES } from '../../src/operator/role/role.js'
import { cli } from '../commands/fixtures/cli.js'
import { createPausingClock } from '../commands/fixtures/clock.js'
import { startOperator } from '../commands/fixtures/operator.js'
import { adviceSites, commandsIn, type Site } from './fixtures/advice.js'

/*
 * Every command line that the operator's commands can print is run here as it was printed. The places in the code that can
 * print one are counted: whoever adds one has to follow it.
 */

const { stack, env } = await startOperator(t)
const neverInvoked = async () => {
  throw new Error('no login in this test')
}
stack.deploy(neverInvoked, [])
const root = process.cwd()
const sites = adviceSites()

const accountId = '111122223333'
/** Whose credentials a customer's line is typed with. */
let customerAccount = accountId
const region = 'eu-central-1'
const projectId = 'pro-1'
const secret = `${projectId}:corbado1_right`
const clientSecret = 'madeByCognito'
stack.corbado.putProject({ projectId, apiSecret: 'corbado1_right' })
const arnOf = (alias: string) => `${FUNCTION_ARN}:${alias}`
const poolArn = (userPoolId: string, account = accountId) =>
  `arn:aws:cognito-idp:${region}:${account}:userpool/${userPoolId}`

const followed = new Set<Site>()

interface Ran {
  readonly code: number
  readonly printed: string
}

/** Runs a line as it stands: the customer's with the customer's rights, the operator's with an operator's. */
async function typed(
  line: string,
  more: { stdin?: string; env?: Record<string, string>; as?: Principal } = {},
): Promise<Ran> {
  const [program = '', ...words] = split(line.replace(/^npx @corbado\/cognito-gateway@\S+/, 'npx'))
  if (program === 'aws') return awsLambda(words)
  const who: Principal = program === 'npx' ? customerAdmin(customerAccount) : (more.as ?? operator)
  const mine = { ...stack.envFor(who), XDG_STATE_HOME: `${process.cwd()}/state` }
  Object.assign(process.env, mine)
  const stored = words.includes('--client') ? clientSecret : secret
  const stdin = more.stdin ?? (words[0] === 'secret' ? `${stored}\n` : '')
  const ran = await cli(words, { env: { ...env, ...mine, ...more.env }, clock: createPausingClock(), stdin })
  return { code: ran.code, printed: `${ran.stdout}${ran.stderr}` }
}

/** What the AWS CLI does, by the same SDK's call. */
async function awsLambda([service, operation, option, ResourceArn]: readonly string[]): Promise<Ran> {
  if (service !== 'lambda' || operation !== 'get-resource-policy' || option !== '--resource-arn') {
    throw new Error(`no such call here: ${service} ${operation} ${option}`)
  }
  const client = new LambdaClient({ region, endpoint: stack.lambda.url, credentials: stack.credentialsFor(operator) })
  const { Policy } = await client.send(new GetResourcePolicyCommand({ ResourceArn })).finally(() => client.destroy())
  return { code: 0, printed: String(Policy) }
}

/** Runs what a site put into a text, word for word, and answers what that printed. Exit code 0 is expected unless said. */
async function follow(
  t: Test,
  site: Site,
  printed: string,
  { code = 0, ...more }: { code?: number; env?: Record<string, string>; as?: Principal } = {},
): Promise<string> {
  const [, words = ''] = site.split(/: (.*)/s)
  const begins =
    words === 'npx' ? 'npx ' : `${words.startsWith('aws') ? '' : 'corbado-gateway '}${words.replace(/ <.*/, ' ')}`
  const line = commandsIn(printed).find((one) => one.startsWith(begins))
  if (line === undefined) {
    t.fail(`${site} is not in: ${printed}`)
    return ''
  }
  t.ok(sites.includes(site), `${site} is a place in the code`)
  const ran = await typed(line, more)
  t.equal(ran.code, code, `${line}\n${ran.printed}`)
  followed.add(site)
  return ran.printed
}

let count = 0
/** The file of a new tenant, with a pool and an alias of its own. */
function draft(changes: { tenantId?: string; userPoolId?: string; region?: string; alias?: string } = {}) {
  const tenantId = changes.tenantId ?? `tenant-${++count}`
  const userPoolId = changes.userPoolId ?? `${region}_${tenantId.replaceAll('-', '')}`
  const yaml = `tenantId: ${tenantId}
customer: acme
displayName: Acme
userPoolId: ${userPoolId}
status: draft
alias: ${changes.alias ?? `a-${tenantId}`}
aws:
  accountId: "${accountId}"
  region: ${changes.region ?? region}
  roleArn: arn:aws:iam::${accountId}:role/corbado/corbado-${userPoolId}
  externalId: ext-acme
corbado:
  projectId: ${projectId}
  backendApiUrl: ${stack.corbado.url}
  credentialParameter: /corbado/gateway/${userPoolId}/backend-api
  credentialScheme: basic
actions:
  postAppend:
    mfa: none
`
  return { tenantId, userPoolId, alias: changes.alias ?? `a-${tenantId}`, yaml, file: `tenants/${tenantId}.yaml` }
}

function createRole(userPoolId: string, externalId = 'ext-acme', accountId = customerAccount): void {
  const roleArn = `arn:aws:iam::${accountId}:role/corbado/corbado-${userPoolId}`
  const { trust, permissions } = describeCustomerRole({
    ...{ userPoolId, accountId, region, externalId, features: FEATURE_NAMES },
    gatewayRoleArn: roleArnOf(gateway),
    doctorRoleArn: roleArnOf(doctor),
  })
  stack.sts.putRole({ roleArn, trust, policies: [permissions] })
}

function createPool(userPoolId: string, more: Partial<UserPool> = {}): void {
  stack.cognito.putPool({
    ...{ userPoolId, accountId: customerAccount, region, lambdaConfig: {} },
    clients: [{ clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true }],
    aliasAttributes: ['email'],
    fixed: { UsernameConfiguration: { CaseSensitive: false } },
    settings: { AutoVerifiedAttributes: ['email'] },
    ...more,
  })
}

/** A folder of its own, in which the commands of a test are typed. */
async function inFolder(t: Test, ...files: ReturnType<typeof draft>[]) {
  const dir = t.testdir({ tenants: {} })
  process.chdir(dir)
  t.teardown(() => process.chdir(root))
  for (const { file, yaml } of files) await writeFile(file, yaml)
}

/** A draft in the table, whose customer has done all but the wiring. */
async function applied(t: Test): Promise<ReturnType<typeof draft>> {
  const one = draft()
  await inFolder(t, one)
  createPool(one.userPoolId)
  createRole(one.userPoolId)
  await typed('corbado-gateway tenants apply --yes')
  return one
}

/** And one that is live. */
async function live(t: Test): Promise<ReturnType<typeof draft>> {
  const one = await applied(t)
  await typed(`corbado-gateway secret set ${one.tenantId}`)
  await typed(`corbado-gateway aliases grant ${one.tenantId}`)
  await typed(`npx @corbado/cognito-gateway@0.1.0 wire apply ${one.userPoolId} --arn ${arnOf(one.alias)} --yes`)
  const { code, printed } = await typed(`corbado-gateway tenants activate ${one.tenantId}`)
  if (code !== 0) throw new Error(printed)
  return one
}

t.test('an empty table, a file that waits, a word that nobody has, a file that is broken', async (t) => {
  const one = draft({ tenantId: 'waiting' })
  await inFolder(t, one)
  const empty = await typed('corbado-gateway tenants show somebody')
  await follow(t, 'operator/records/find.ts: tenants apply', empty.printed, { code: 1 })
  const noAlias = await typed('corbado-gateway aliases list')
  await follow(t, 'commands/aliases/list.ts: aliases check', noAlias.printed)
  const waiting = await typed('corbado-gateway tenants show waiting')
  const planned = await follow(t, 'operator/unapplied.ts: tenants apply', waiting.printed, { code: 1 })
  await follow(t, 'commands/tenants/report.ts: tenants apply', planned)
  t.equal((await typed('corbado-gateway tenants show waiting')).code, 0)
  const nobody = await typed('corbado-gateway tenants show qqqqqqqq')
  t.match(await follow(t, 'operator/records/find.ts: tenants list', nobody.printed), 'waiting')

  await writeFile('tenants/broken.yaml', 'a: [')
  const broken = await typed('corbado-gateway secret set broken')
  t.match(await follow(t, 'commands/secret/set.ts: tenants validate', broken.printed, { code: 1 }), 'broken.yaml:1')
  await rm('tenants/broken.yaml')
  await writeFile(one.file, 'a: [')
  const suspended = await typed('corbado-gateway tenants suspend waiting --yes')
  t.match(await follow(t, 'operator/files/edit.ts: tenants validate', suspended.printed, { code: 1 }), 'waiting.yaml:1')

  const example = await typed('corbado-gateway invoke -', { stdin: '[]' })
  t.match(await follow(t, 'commands/invoke/payload.ts: invoke', example.printed), '"triggerSource"')
})

t.test('from onboard to a live tenant and back, by what is printed and the hand-over alone', async (t) => {
  await inFolder(t)
  customerAccount = '222233334444'
  t.teardown(() => {
    customerAccount = accountId
  })
  const userPoolId = `${region}_Fr0mStart`
  createPool(userPoolId)
  const onboarded = await typed(
    `corbado-gateway onboard --customer start --tenant-id start --account ${customerAccount} --pool ${userPoolId} --project ${projectId} ` +
      `--backend-api-url ${stack.corbado.url} --features pre-login,checks`,
  )
  t.equal(onboarded.code, 0, onboarded.printed)
  const { externalId } =
    /externalId: (?<externalId>\S+)/.exec(await readFile('tenants/start.yaml', 'utf8'))?.groups ?? {}
  const stored = await follow(t, 'commands/onboard/report.ts: secret set', onboarded.printed)
  await follow(t, 'commands/onboard/report.ts: tenants apply', onboarded.printed)
  await follow(t, 'commands/onboard/report.ts: aliases grant', onboarded.printed)
  createRole(userPoolId, externalId)
  await follow(t, 'commands/secret/set.ts: doctor', stored, { code: 1 })

  const page = await readFile('start.hand-over.md', 'utf8')
  const [plan = '', apply = '', client = '', undo = ''] = commandsIn(page).filter((line) => line.startsWith('npx '))
  const planned = await typed(plan)
  t.equal(planned.code, 0)
  await follow(t, 'commands/wire/plan.ts: npx', planned.printed, { code: 1 })
  const shown = await typed(apply)
  t.equal(shown.code, 1, 'nobody was asked')
  const written = await follow(t, 'commands/wire/apply.ts: npx', shown.printed)
  const snapshot = undo.split(' ').at(-1) ?? ''
  t.equal((await typed(`${undo} --yes`)).code, 0, snapshot)
  followed.add('commands/onboard/hand-over/index.ts: npx')
  await rm(snapshot)
  t.equal((await typed(`${apply} --yes`)).code, 0)
  t.match(await typed(client.replace('CLIENT_ID', 'web')), { code: 0, printed: 'Nothing to do.' })

  await follow(t, 'commands/onboard/report.ts: doctor', onboarded.printed)
  t.match(
    await follow(t, 'commands/onboard/report.ts: tenants activate', onboarded.printed),
    'status: "draft" -> "active"',
  )

  // The file is edited and not applied: the page of the table is made, and what makes it that of the file is named.
  await writeFile(
    'tenants/start.yaml',
    (await readFile('tenants/start.yaml', 'utf8')).replace(/^displayName: .*$/m, 'displayName: Another'),
  )
  const again = await typed('corbado-gateway onboard --again start')
  t.match(again, { code: 0, printed: 'says otherwise than the table (displayName)' })
  t.match(await follow(t, 'commands/onboard/again.ts: tenants apply', again.printed), '"Start" -> "Another"')
  t.notMatch((await typed('corbado-gateway onboard --again start')).printed, 'says otherwise')
  t.match(await readFile('start.hand-over.md', 'utf8'), '# Passkeys for Another')

  const suspend = await typed('corbado-gateway tenants suspend start')
  t.match(await follow(t, 'commands/tenants/status.ts: tenants <name>', suspend.printed), '"active" -> "suspended"')
  const rollback = await typed('corbado-gateway tenants rollback start')
  t.match(
    await follow(t, 'commands/tenants/rollback.ts: tenants rollback', rollback.printed),
    '"suspended" -> "active"',
  )

  const active = await typed('corbado-gateway tenants remove start')
  t.match(active, { code: 1, printed: 'start is active' })
  t.match(
    await follow(t, 'commands/tenants/remove.ts: tenants pause', active.printed),
    'status: "active" -> "passkeys-off"',
  )
  // Suspended meanwhile, and resumed: it is paused still, and what ends that is told.
  await typed('corbado-gateway tenants suspend start --yes')
  const resumed = await typed('corbado-gateway tenants resume start')
  t.match(
    await follow(t, 'commands/tenants/status.ts: tenants resume', resumed.printed),
    'status: "passkeys-off" -> "active"',
  )
  await typed('corbado-gateway tenants pause start')
  const wired = await typed('corbado-gateway tenants remove start')
  t.match(await follow(t, 'commands/tenants/remove.ts: wire undo', wired.printed), 'Takes back the triggers')
  const back = await follow(t, 'commands/wire/report.ts: npx', written, { code: 1 })
  t.equal(await follow(t, 'commands/wire/undo.ts: npx', back).then((text) => text.includes('Written.')), true)
  const confirm = await typed('corbado-gateway tenants remove start')
  const removed = await follow(t, 'commands/tenants/remove.ts: tenants remove', confirm.printed)
  t.match(await follow(t, 'commands/tenants/remove.ts: tenants history', removed), 'removed')
  t.match(
    await follow(t, 'commands/tenants/remove.ts: aliases revoke', removed),
    `- t-1: ${poolArn(userPoolId, customerAccount)}`,
  )
})

t.test('a draft that was suspended, resumed or rolled back goes live as it is told', async (t) => {
  const one = await live(t)
  const other = await applied(t)
  const name = other.tenantId
  const refused = await typed(`corbado-gateway tenants resume ${name}`)
  t.match(refused.printed, 'a draft goes live by')
  await typed(`corbado-gateway secret set ${name}`)
  await typed(`corbado-gateway aliases grant ${name}`)
  await typed(`npx @corbado/cognito-gateway@0.1.0 wire apply ${other.userPoolId} --arn ${arnOf(other.alias)} --yes`)
  await typed(`corbado-gateway tenants suspend ${name} --yes`)
  const resumed = await typed(`corbado-gateway tenants resume ${name}`)
  t.match(await follow(t, 'commands/tenants/status.ts: tenants activate', resumed.printed), '"draft" -> "active"')
  const plan = await typed('corbado-gateway tenants plan')
  t.match(plan.printed, `- ${one.tenantId} (`)
  // The pool still calls the gateway: that is what keeps it.
  await follow(t, 'commands/tenants/report.ts: tenants remove', plan.printed, { code: 1 })

  await writeFile(other.file, readFileSync(other.file, 'utf8').replace('status: active', 'status: passkeys-off'))
  const kept = await typed('corbado-gateway tenants plan')
  t.match(await follow(t, 'commands/tenants/report.ts: tenants <verb>', kept.printed), '"active" -> "passkeys-off"')

  // Taken out and brought back, it is a draft, whatever its old versions were.
  createPool(other.userPoolId)
  await typed(`corbado-gateway tenants remove ${name} --confirm ${name}`)
  await writeFile(other.file, other.yaml)
  await typed(`corbado-gateway tenants apply --only ${name} --yes`)
  await typed(
    `npx @corbado/cognito-gateway@0.1.0 wire apply ${other.userPoolId} --arn ${arnOf(other.alias)} --snapshot again.json --yes`,
  )
  const back = await typed(`corbado-gateway tenants rollback ${name} --to 4`)
  t.match(back.printed, 'its status stays draft')
  t.match(await follow(t, 'commands/tenants/rollback.ts: tenants activate', back.printed), '"draft" -> "active"')
})

t.test('whoever paused in the wrong folder is told what changes the file, and that does', async (t) => {
  const one = await live(t)
  const cwd = process.cwd()
  await mkdir('elsewhere')
  process.chdir('elsewhere')
  const paused = await typed(`corbado-gateway tenants pause ${one.tenantId}`)
  process.chdir(cwd)
  t.match(readFileSync(one.file, 'utf8'), 'status: active')
  await follow(t, 'commands/tenants/status.ts: tenants <name>', paused.printed)
  t.match(readFileSync(one.file, 'utf8'), 'status: passkeys-off')
})

t.test('the doctor is followed until it has nothing more to say', async (t) => {
  const one = await applied(t)
  const doctorSays = async () => (await typed(`corbado-gateway doctor ${one.tenantId}`)).printed
  await follow(t, 'operator/doctor/checks/gateway.ts: aliases grant', await doctorSays())
  await follow(t, 'operator/doctor/checks/corbado.ts: secret set', await doctorSays())
  const planned = await follow(t, 'operator/doctor/checks/pool/triggers.ts: npx', await doctorSays())
  const shown = await follow(t, 'commands/wire/plan.ts: npx', planned, { code: 1 })
  await follow(t, 'commands/wire/apply.ts: npx', shown)
  t.equal((await typed(`corbado-gateway doctor ${one.tenantId}`)).code, 0)

  const odd: Statement = {
    ...{ Sid: 'odd', Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: arnOf(one.alias) },
    Principal: { AWS: '444455556666' },
  }
  const [own] = (JSON.parse(aliasPolicyText(arnOf(one.alias), [poolArn(one.userPoolId)])) as PolicyDocument).Statement
  stack.lambda.putPolicy(arnOf(one.alias), { Version: '2012-10-17', Statement: own ? [own, odd] : [odd] })
  await follow(t, 'operator/doctor/checks/gateway.ts: aliases clean', await doctorSays())
  t.equal((await typed(`corbado-gateway doctor ${one.tenantId}`)).code, 0)

  // post-login through an app client with a secret, which the file does not know at first.
  const postLogin = (more = '') => `    mfa: none\n  postLogin:\n    clientId: web\n${more}`
  createPool(one.userPoolId, {
    clients: [{ clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true, clientSecret }],
    lambdaConfig: Object.fromEntries(CUSTOM_AUTH_SLOTS.map((slot) => [slot, arnOf(one.alias)])),
  })
  await writeFile(one.file, one.yaml.replace('    mfa: none\n', postLogin()))
  await typed('corbado-gateway tenants apply --yes')
  const unnamed = await doctorSays()
  const [, line = ''] = /add (clientSecretParameter: \S+) to actions\.postLogin/.exec(unnamed) ?? []
  await writeFile(one.file, one.yaml.replace('    mfa: none\n', postLogin(`    ${line}\n`)))
  await follow(t, 'operator/doctor/checks/finding.ts: tenants apply', unnamed, { code: 1 })
  await typed('corbado-gateway tenants apply --yes')
  t.match(
    await follow(t, 'operator/doctor/checks/client-secret.ts: secret set', await doctorSays()),
    'client-secret\nWhether Cognito accepts it: corbado-gateway doctor',
  )
  t.match(await doctorSays(), /✓ client-secret /)

  // A factor that the pool has not: the file is corrected, and applied again as it is said.
  await writeFile(one.file, one.yaml.replace('mfa: none', 'mfa: sms'))
  await typed('corbado-gateway tenants apply --yes')
  const wrong = await doctorSays()
  t.match(wrong, 'operator: set actions.postAppend.mfa to another factor or none')
  await writeFile(one.file, one.yaml)
  const offered = await follow(t, 'operator/doctor/checks/finding.ts: tenants apply', wrong, { code: 1 })
  await follow(t, 'commands/tenants/report.ts: tenants apply', offered)
  t.equal((await typed(`corbado-gateway doctor ${one.tenantId}`)).code, 0)
})

t.test('a pool id that is wrong is corrected by the lines that doctor and apply print', async (t) => {
  const wrong = draft()
  const right = { ...wrong, yaml: wrong.yaml.replaceAll(wrong.userPoolId, `${wrong.userPoolId}x`) }
  await inFolder(t, wrong)
  createRole(wrong.userPoolId)
  createPool(`${wrong.userPoolId}x`)
  await typed('corbado-gateway tenants apply --yes')
  const said = await typed(`corbado-gateway doctor ${wrong.tenantId}`)
  t.match(said.printed, 'if the pool id is wrong, write the right one into the file')
  await writeFile(wrong.file, right.yaml)
  // Before the old one is out, the new one is refused, with the line that comes first.
  const clash = await follow(t, 'operator/doctor/checks/patient.ts: tenants apply', said.printed, { code: 1 })
  const offered = await follow(t, 'operator/files/clashes.ts: tenants remove', clash, { code: 1 })
  t.equal(offered, await follow(t, 'operator/doctor/checks/patient.ts: tenants remove', said.printed, { code: 1 }))
  await follow(t, 'commands/tenants/remove.ts: tenants remove', offered)
  const planned = await follow(t, 'operator/doctor/checks/patient.ts: tenants apply', said.printed, { code: 1 })
  await follow(t, 'commands/tenants/report.ts: tenants apply', planned)
  t.match(await typed(`corbado-gateway tenants show ${wrong.tenantId}`), { code: 0, printed: `${wrong.userPoolId}x` })
})

t.test('a pool of another region is examined with all the settings of that region, as it is said', async (t) => {
  const far = draft({ tenantId: 'far', userPoolId: 'eu-west-1_Far', region: 'eu-west-1' })
  await inFolder(t, far)
  await typed('corbado-gateway tenants apply --yes')
  const { printed } = await typed('corbado-gateway doctor far')
  t.match(printed, 'with AWS_REGION eu-west-1 and with TENANT_TABLE and GATEWAY_FUNCTION_ARN of that region: corbado')
  const as = JSON.parse(JSON.stringify(operator).replaceAll(region, 'eu-west-1')) as Principal
  const alone = await typed('corbado-gateway doctor far', { as, env: { AWS_REGION: 'eu-west-1' } })
  t.match(alone, { code: 2, printed: 'GATEWAY_FUNCTION_ARN must be of the region' }, 'AWS_REGION alone is not enough')
  const there = {
    AWS_REGION: 'eu-west-1',
    TENANT_TABLE: env.TENANT_TABLE ?? '',
    GATEWAY_FUNCTION_ARN: FUNCTION_ARN.replace(region, 'eu-west-1'),
  }
  const examined = await follow(t, 'operator/doctor/checks/config.ts: doctor', printed, { code: 1, as, env: there })
  t.match(examined, '✓ config ')
})

t.test('wire: what is in use, what a tool manages, and what this version does not know', async (t) => {
  await inFolder(t)
  const wire = (verb: string, userPoolId: string, more = '') =>
    typed(`npx @corbado/cognito-gateway@0.1.0 wire ${verb} ${userPoolId} --arn ${arnOf('t-1')}${more}`)
  const taken = `${region}_Taken`
  const old = `arn:aws:lambda:${region}:${accountId}:function:own`
  createPool(taken, { lambdaConfig: { DefineAuthChallenge: old } })
  const planned = await wire('plan', taken)
  t.equal(planned.code, 1)
  const replacing = await follow(t, 'commands/wire/plan.ts: npx', planned.printed)
  t.match(replacing, `~ DefineAuthChallenge: "${old}" -> `)
  const refused = await wire('apply', taken)
  const shown = await follow(t, 'commands/wire/apply.ts: npx', refused.printed, { code: 1 })
  await follow(t, 'commands/wire/apply.ts: npx', shown)

  const closed = `${region}_Closed`
  createPool(closed, { clients: [{ clientId: 'old', preventUserExistenceErrors: true, allowCustomAuth: false }] })
  const warned = await wire('plan', closed)
  const asked = await follow(
    t,
    'commands/wire/warnings.ts: npx',
    warned.printed.split('If they are to: ').at(-1) ?? '',
    {
      code: 1,
    },
  )
  t.match(await follow(t, 'commands/wire/client/index.ts: npx', asked), 'the app client differs in nothing but this.')
  t.notMatch((await wire('plan', closed)).printed, 'app client', 'nothing is left to warn of')

  const managed = `${region}_Managed`
  createPool(managed, { settings: { AutoVerifiedAttributes: ['email'], UserPoolTags: { ManagedBy: 'terraform' } } })
  const stopped = await wire('apply', managed, ' --yes')
  t.match(await follow(t, 'commands/wire/apply.ts: npx', stopped.printed), 'lambda_config {')

  const newer = `${region}_Newer`
  createPool(newer, { fixed: { Later2027: { Mode: 'on' } } } as unknown as Partial<UserPool>)
  const unknown = await wire('plan', newer)
  t.equal(unknown.code, 1)
  t.match(await follow(t, 'commands/wire/unknown.ts: npx', unknown.printed), 'LambdaConfig:')
})

t.test('aliases: every line that check, grant, revoke and clean print', async (t) => {
  const one = await applied(t)
  const { alias, userPoolId, tenantId } = one
  const missing = await typed('corbado-gateway aliases check')
  await follow(
    t,
    'commands/aliases/check.ts: aliases grant',
    missing.printed
      .split('\n')
      .filter((line) => line.includes(tenantId))
      .join('\n'),
  )

  const ownStatement = (pools: readonly string[]) =>
    (
      JSON.parse(
        aliasPolicyText(
          arnOf(alias),
          pools.map((pool) => poolArn(pool)),
        ),
      ) as PolicyDocument
    ).Statement
  const put = (...Statement: Statement[]) => stack.lambda.putPolicy(arnOf(alias), { Version: '2012-10-17', Statement })
  const odd: Statement = {
    ...{ Sid: 'odd', Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: arnOf(alias) },
    Principal: { AWS: '444455556666' },
  }
  // A pool that is no tenant, beside what others wrote.
  put(...ownStatement([userPoolId, `${region}_Gone`]), odd)
  const check = async () => {
    const { printed } = await typed('corbado-gateway aliases check')
    return printed
  }
  const ofGone = (printed: string) =>
    printed
      .split('\n')
      .filter((line) => /_Gone/.test(line))
      .join('\n')
  const left = await follow(t, 'commands/aliases/check.ts: aliases revoke', ofGone(await check()))
  const cleaning = await follow(t, 'commands/aliases/report.ts: aliases clean', left, { code: 1 })
  await follow(t, 'commands/aliases/clean.ts: aliases clean', cleaning)
  put(...ownStatement([userPoolId]), odd)
  await follow(t, 'commands/aliases/check.ts: aliases clean', await check())

  const [simple] = ownStatement([userPoolId])
  put({ ...simple, Action: ['lambda:InvokeFunction', 'lambda:GetFunction'] } as Statement)
  const named = await typed(`corbado-gateway aliases revoke ${tenantId} --yes`)
  t.equal(named.code, 1)
  await follow(t, 'commands/aliases/revoke.ts: aliases clean', named.printed)
  const asked = await typed(`corbado-gateway aliases revoke ${tenantId}`)
  await follow(t, 'commands/aliases/revoke.ts: aliases revoke', asked.printed)

  const elsewhere = poolArn(userPoolId).replace(accountId, '444455556666')
  stack.lambda.putPolicy(arnOf(alias), JSON.parse(aliasPolicyText(arnOf(alias), [elsewhere])) as PolicyDocument)
  const moved = await typed(`corbado-gateway aliases grant ${tenantId}`)
  t.match(
    await follow(t, 'commands/aliases/grant.ts: aliases grant', moved.printed),
    `+ ${alias}: ${poolArn(userPoolId)}`,
  )

  // Its record is torn: what applies its file again is named.
  const { putTenantRecord } = await import('../../src/local/world/tenants.js')
  await putTenantRecord(stack, { tenantId, alias }, userPoolId)
  const torn = await follow(t, 'commands/aliases/check.ts: tenants apply', await check(), { code: 1 })
  await follow(t, 'commands/tenants/report.ts: tenants apply', torn)
})

t.test('a policy that cannot be read is looked at as it is said, and left alone', async (t) => {
  const one = await applied(t)
  await typed(`corbado-gateway aliases grant ${one.tenantId}`)
  const torn = '{"Statement":'
  await stack.lambda.setFault(
    {
      kind: 'say',
      say(response) {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ Policy: torn, RevisionId: '1' }))
        return true
      },
    },
    'GetResourcePolicy',
  )
  t.teardown(() => stack.lambda.setFault(undefined))
  for (const [site, line] of [
    ['commands/aliases/check.ts: aws lambda get-resource-policy', 'aliases check'],
    ['commands/aliases/edit.ts: aws lambda get-resource-policy', `aliases grant ${one.tenantId} --yes`],
    ['commands/aliases/edit.ts: aws lambda get-resource-policy', `aliases revoke ${one.tenantId} --yes`],
    ['commands/aliases/edit.ts: aws lambda get-resource-policy', `aliases clean ${one.alias} --yes`],
    ['operator/doctor/checks/gateway.ts: aws lambda get-resource-policy', `doctor ${one.tenantId}`],
  ] as const) {
    const { code, printed } = await typed(`corbado-gateway ${line}`)
    t.equal(code, 1, line)
    t.equal(await follow(t, site, printed), torn)
  }
})

t.test('every place that can print a command line was followed, here or where it is said', async (t) => {
  process.chdir(root)
  /** Followed by a story of its own, or not a line to be typed. */
  const ELSEWHERE: Readonly<Record<Site, string>> = {
    'operator/watch/notice.ts: explain <whose>': 'test/operator/watch/function.test.ts',
  }
  /** An example of a help text: test/commands/every/typed.test.ts reads those. */
  const EXAMPLES: readonly Site[] = ['commands/wire/options.ts: wire <verb>']
  for (const [site, test] of Object.entries(ELSEWHERE)) {
    const words = site.split(': ')[1] ?? ''
    t.match(readFileSync(test, 'utf8'), words.split(' ').at(-1), site)
  }
  t.strictSame(
    sites.filter((site) => !followed.has(site) && !(site in ELSEWHERE) && !EXAMPLES.includes(site)),
    [],
  )
})

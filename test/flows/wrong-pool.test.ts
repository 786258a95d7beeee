import { readFile, writeFile } from 'node:fs/promises'
import { split } from 'shlex'
import t from 'tap'
import { customerAdmin, doctor, gateway, operator, roleArnOf } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { describeCustomerRole, FEATURE_NAMES } from '../../src/operator/role/role.js'
import { cli, tenantYaml } from '../commands/fixtures/cli.js'
import { createPausingClock } from '../commands/fixtures/clock.js'
import { startOperator } from '../commands/fixtures/operator.js'

/*
 * A pool id that is wrong, found late. Nobody here knows more than what the commands print: each command that an output
 * names is run as it stands, until the tenant is live or gone.
 */

const { stack, env } = await startOperator(t)
stack.deploy(async () => {
  throw new Error('no login in this test')
}, ['t-other'])

const accountId = '111122223333'
const [wrong, right] = ['eu-central-1_Wr0ng', 'eu-central-1_R1ght']
const secret = 'pro-1:corbado1_northwind'
stack.corbado.putProject({ projectId: 'pro-1', apiSecret: 'corbado1_northwind' })

const yamlOf = (userPoolId: string) =>
  tenantYaml('northwind')
    .replaceAll('eu-central-1_northwind', userPoolId)
    .replace('https://backendapi.cloud.corbado.io', stack.corbado.url)
    .replace('alias: t-acme', 'alias: t-north')
    .replace('mfa: sms', 'mfa: none')
    .replace('status: active', 'status: draft')

/** As the customer does by step 1 of a hand-over, which names the pool that Corbado was told. */
function createRole(userPoolId: string): void {
  const roleArn = `arn:aws:iam::${accountId}:role/corbado/corbado-${userPoolId}`
  const { trust, permissions } = describeCustomerRole({
    ...{ userPoolId, accountId, region: 'eu-central-1', externalId: 'ext-acme', features: FEATURE_NAMES },
    gatewayRoleArn: roleArnOf(gateway),
    doctorRoleArn: roleArnOf(doctor),
  })
  stack.sts.putRole({ roleArn, trust, policies: [permissions] })
}

/** The customer's pool, which nobody has wired. */
function createPool(userPoolId: string): void {
  stack.cognito.putPool({
    userPoolId,
    accountId,
    region: 'eu-central-1',
    lambdaConfig: {},
    clients: [{ clientId: 'web', preventUserExistenceErrors: true, allowCustomAuth: true }],
    aliasAttributes: ['email'],
    fixed: { UsernameConfiguration: { CaseSensitive: false } },
    settings: { AutoVerifiedAttributes: ['email'] },
  })
}

/** The command lines that a text names, each once, in its order. */
function commandsIn(text: string): string[] {
  const lines = [
    ...text.matchAll(/\b((?:npx @corbado\/cognito-gateway@\S+|corbado-gateway) .+?)(?=, then|, or |; |\)|\n|$)/g),
  ]
  return [
    ...new Set(lines.map(([, line = '']) => line.trim().replace(/ (shows what there was|brings it live\.)$/, ''))),
  ]
}

/** Runs a line as it stands: the customer's with the customer's rights, the operator's with an operator's. */
async function typed(line: string) {
  const [, ...words] = split(line.replace(/^npx @corbado\/cognito-gateway@\S+/, 'corbado-gateway'))
  const who: Principal = line.startsWith('npx') ? customerAdmin(accountId) : operator
  const mine = { ...stack.envFor(who), XDG_STATE_HOME: `${process.cwd()}/state` }
  Object.assign(process.env, mine)
  const stdin = words[0] === 'secret' ? `${secret}\n` : ''
  const ran = await cli(words, { env: { ...env, ...mine }, clock: createPausingClock(), stdin })
  return { ...ran, printed: `${ran.stdout}${ran.stderr}` }
}

/** Runs a line, and after it what its output offers as the same with a yes. */
async function followed(line: string): Promise<string> {
  const { printed } = await typed(line)
  const offered = /Nothing was (?:written|removed)\. To (?:write|remove) it:\s+(.+)\n/.exec(printed)
  return offered?.[1] ? `${printed}${(await typed(offered[1])).printed}` : printed
}

/** What of a test is needed here. */
interface Test {
  testdir(files: Record<string, Record<string, string>>): string
  match(found: unknown, wanted: unknown): boolean
  fail(message: string): boolean
}

async function begin(t: Test, userPoolId: string) {
  process.chdir(t.testdir({ tenants: { 'northwind.yaml': yamlOf(userPoolId) } }))
  const applied = await followed('corbado-gateway tenants apply')
  if (!applied.includes('1 added')) throw new Error(applied)
}

const findingOf = (printed: string, check: string) =>
  new RegExp(`[✗–] ${check} [^\\n]*\\n((?: {6}.*\\n)*)`).exec(printed)?.[1] ?? ''

/** Follows the doctor until it has nothing more to say, and then what brings a draft live. */
async function untilLive(t: Test): Promise<void> {
  for (let rounds = 1; ; rounds++) {
    const { code, printed } = await typed('corbado-gateway doctor northwind')
    if (code === 0) break
    if (rounds > 6) {
      t.fail(printed)
      return
    }
    if (/customer: create .* by step 1 of the hand-over/.test(printed)) createRole(right)
    for (const line of commandsIn(printed)) await followed(line)
  }
  t.match(await followed('corbado-gateway tenants activate northwind'), '~ status: "draft" -> "active"')
  t.match(await readFile('tenants/northwind.yaml', 'utf8'), /userPoolId: eu-central-1_R1ght\n.*status: active/s)
}

t.test('what the doctor says of a pool that does not exist leads to a live tenant of the right pool', async (t) => {
  await begin(t, wrong)
  createRole(wrong)
  createPool(right)
  const { code, printed } = await typed('corbado-gateway doctor northwind')
  t.equal(code, 1)
  const advice = findingOf(printed, 'pool')
  t.match(advice, 'if the pool id is wrong, write the right one into the file (userPoolId, aws.roleArn, corbado.cred')
  // As it says: first the file, then the commands.
  await writeFile('tenants/northwind.yaml', yamlOf(right))
  const [apply, remove, ...more] = commandsIn(advice)
  t.strictSame([apply, remove, more], ['corbado-gateway tenants apply', 'corbado-gateway tenants remove northwind', []])

  const removed = await followed(remove ?? '')
  t.match(removed, `there is no such pool in eu-central-1 of account ${accountId}: nothing calls the gateway`)
  t.match(removed, 'northwind.yaml is not of this user pool: no file is deleted\n')
  t.match(removed, 'northwind.yaml is not of this user pool: no file was deleted\n')
  for (const line of commandsIn(removed).slice(-1)) t.match(await followed(line), 'there is nothing to take away')
  t.match(await followed(apply ?? ''), '1 added')
  await untilLive(t)
  t.match(await followed('corbado-gateway tenants remove northwind'), 'northwind is active')
  t.match(await followed('corbado-gateway tenants pause northwind'), '"active" -> "passkeys-off"')
  t.match(await followed('corbado-gateway tenants remove northwind'), 'still call the gateway')
})

t.test('whoever corrects the pool id and applies is told what comes first, and that works too', async (t) => {
  // The tenant of the test before is taken out: its customer takes the triggers off.
  createPool(right)
  t.match(await followed('corbado-gateway tenants remove northwind'), 'removed; ')
  await begin(t, wrong)
  await writeFile('tenants/northwind.yaml', yamlOf(right))
  const refused = await typed('corbado-gateway tenants apply')
  t.equal(refused.code, 1)
  t.match(
    refused.printed,
    'is already used in the table, by user pool eu-central-1_Wr0ng: another pool is another tenant',
  )
  const [remove] = commandsIn(refused.printed)
  t.equal(remove, 'corbado-gateway tenants remove northwind')
  t.match(await followed(remove ?? ''), 'removed; ')
  t.match(await followed('corbado-gateway tenants apply'), '1 added')
  await untilLive(t)
})

t.test('a pool that nobody can look into is taken out by the line that the refusal prints', async (t) => {
  process.chdir(
    t.testdir({
      tenants: { 'blind.yaml': yamlOf('eu-central-1_Bl1nd').replace('tenantId: northwind', 'tenantId: blind') },
    }),
  )
  t.match(await followed('corbado-gateway tenants apply'), '1 added')
  const refused = await typed('corbado-gateway tenants remove blind')
  t.match(refused, {
    code: 1,
    printed: 'it is not known whether triggers of eu-central-1_Bl1nd still call the gateway',
  })
  const [line] = commandsIn(refused.printed)
  t.match(await typed(line ?? ''), { code: 0, printed: 'removed; ' })
  t.match(await typed('corbado-gateway tenants show blind'), { code: 1 })
})

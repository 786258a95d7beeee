import t from 'tap'
import { createCall, systemClock } from '../../../src/call.js'
import { withPast } from '../../../src/commands/explain/past.js'
import { probed } from '../../../src/commands/explain/probe.js'
import { doctor, gateway, roleArnOf } from '../../../src/local/accounts.js'
import type { Diagnosis } from '../../../src/operator/causes/diagnose.js'
import { describeCustomerRole, type Feature, USUAL_FEATURES } from '../../../src/operator/role/role.js'
import { type Reason, rowOf } from '../../../src/reasons.js'
import type { TenantFile } from '../../../src/tenant/config.js'
import { KINDS } from '../../fixtures/oncall/incidents.js'
import { createRandom } from '../../fixtures/oncall/random.js'
import { createWorld, generate } from '../../fixtures/oncall/traffic.js'
import { cli } from '../fixtures/cli.js'
import { client, neverInvoked, startDoctor } from '../fixtures/doctor.js'

const { stack, run, deps, healthy, heal, poolWith } = await startDoctor(t)
const { userPoolId, tenantId } = healthy
const { roleArn, accountId } = healthy.aws
const { table } = deps.upstreams
const call = () => createCall(30_000)

/** Lines of an incident, and when it began; the tenant that has it is the one of the stack. */
function plant(kind: string, seed: number) {
  const random = createRandom(seed)
  const world = createWorld(random, 8, 150)
  const planted = (KINDS[kind] as (typeof KINDS)[string])(world, random)
  const own = world.tenants.find((tenant) => tenant.tenantId === planted.tenant)
  const texts: string[] = []
  let first = ''
  generate(world, 4, planted.incident, (_, fields) => {
    first ||= String(fields.time)
    const { region } = healthy.aws
    const isOwn = fields.tenantId === own?.tenantId
    texts.push(JSON.stringify(isOwn ? { ...fields, tenantId, userPoolId, region } : fields))
  })
  const began = Math.floor(Date.parse(first) / 60_000) * 60_000 + planted.onset * 60_000
  return { stdin: texts.join('\n'), began, clients: own?.clients ?? [] }
}

/** Versions of the tenant as the table has them, the last as the current one. */
async function record(versions: readonly { readonly config: object; readonly at: number; readonly by: string }[]) {
  for (const { version } of await table.listVersions(userPoolId, call())) t.ok(version > 0)
  for (const [index, { config, at, by }] of versions.entries()) {
    const isLast = index === versions.length - 1
    const version = index + 1
    const one = { userPoolId, record: 'config', version, updatedAt: new Date(at).toISOString(), updatedBy: by, config }
    const before = await table.fetchConfigNow(userPoolId, call())
    if (isLast) t.ok(await table.putConfig(one, before?.version, call()))
    else await table.keepVersion(one, call())
  }
}

const HOUR_MS = 3_600_000

interface Told {
  readonly cause: string
  readonly owner: string
  readonly fix?: string
  readonly probe?: string
  readonly confidence: string
  readonly alike: readonly unknown[]
  readonly changes: readonly { what: string; version: string; at: string; by?: string; fields?: string[] }[]
}

async function explain(stdin: string, flags = ''): Promise<Told> {
  // App clients are read one after another, with a pause between.
  const { stdout, stderr } = await run(`explain ${tenantId} --json${flags}`, { stdin, clock: systemClock })
  const { causes } = JSON.parse(stdout) as { causes: Told[] }
  t.equal(causes.length, 1, `${stdout} ${stderr}`)
  return causes[0] as Told
}

t.test('a probe without its settings, or of one login, is refused before lines are read', async (t) => {
  t.match(await cli(['explain', tenantId, 'none', '--probe']), { code: 2, stderr: /GATEWAY_FUNCTION_ARN is not set/ })
  t.match(await run(`explain ${tenantId} none --probe --ref x`), { code: 2, stderr: /--probe is of what broke/ })
})

t.test('where lines show no cause, the probe says what the doctor finds', async (t) => {
  heal()
  await record([{ config: healthy, at: Date.now() - 9 * HOUR_MS, by: 'alice' }])
  stack.sts.deleteRole(roleArn ?? '')
  const stdin = JSON.stringify({
    ...{ time: '2026-11-30T02:00:00Z', tenantId, userPoolId, action: 'pre-login', outcome: 'found' },
  })
  const run1 = await run(`explain ${tenantId} --probe`, { stdin, clock: systemClock })
  t.match(run1, { code: 1, stdout: /The doctor: role-assumable failed\. / })
  const answer = JSON.parse((await run(`explain ${tenantId} --probe --json`, { stdin, clock: systemClock })).stdout)
  t.match(answer, { causes: [], doctor: [{ check: 'role-assumable' }] })
  heal()
  const sound = await run(`explain ${tenantId} --probe`, { stdin, clock: systemClock })
  t.match(sound.stdout, /The doctor finds nothing wrong now\.|The doctor: /)
})

t.test(
  'STS says the same of a wrong ExternalId, a role that is gone and an edited trust: the probe tells',
  async (t) => {
    const { stdin, began } = plant('role deleted', 3)
    const wrong = { ...healthy, aws: { ...healthy.aws, externalId: 'external-id-of-another' } }
    heal()
    // Long before, so that lines and history alone cannot tell.
    await record([
      { config: healthy, at: began - 90 * HOUR_MS, by: 'alice' },
      { config: wrong, at: began - 9 * HOUR_MS, by: 'bob' },
    ])
    const before = await explain(stdin)
    t.equal(before.probe, undefined)
    const ours = await explain(stdin, ' --probe')
    t.match(ours.cause, /^Our config names another role or ExternalId .* version 1 .*aws\.externalId/)
    t.match(ours, { owner: 'operator', fix: `corbado-gateway tenants rollback ${tenantId} --to 1`, confidence: 'high' })
    t.strictSame(ours.alike, [])

    const planted: Record<string, () => void> = {
      'a role that is gone': () => stack.sts.deleteRole(roleArn ?? ''),
      'an edited trust': () => {
        const other = { Effect: 'Allow', Principal: { AWS: accountId }, Action: 'sts:AssumeRole' } as const
        const trust = { Version: '2012-10-17' as const, Statement: [other] }
        stack.sts.putRole({ roleArn: roleArn ?? '', trust, policies: [] })
      },
    }
    for (const [what, plantIt] of Object.entries(planted)) {
      heal()
      await record([
        { config: wrong, at: began - 90 * HOUR_MS, by: 'alice' },
        { config: healthy, at: began - 9 * HOUR_MS, by: 'bob' },
      ])
      plantIt()
      const theirs = await explain(stdin, ' --probe')
      t.match(theirs, { owner: 'customer', confidence: 'high', probe: 'the check role-assumable failed' }, what)
      t.match(theirs.fix, new RegExp(`^create ${roleArn}`), what)
    }
  },
)

t.test(
  'no define after a user was found: triggers that were detached, or an app client that lost the flow',
  async (t) => {
    const { stdin, began } = plant('triggers detached', 5)
    heal()
    await record([{ config: healthy, at: began - 9 * HOUR_MS, by: 'alice' }])
    poolWith({ lambdaConfig: {} })
    const detached = await explain(stdin, ' --probe')
    t.match(detached, { owner: 'customer', probe: 'the check triggers failed' })
    t.match(detached.cause, /DefineAuthChallenge is empty/)
    t.match(detached.fix, /wire plan/)

    poolWith({ clients: [{ ...client, allowCustomAuth: false }] })
    const lost = await explain(stdin, ' --probe')
    t.match(lost, { owner: 'customer', probe: 'the check app-clients failed' })
    t.match(lost.fix, /^add ALLOW_CUSTOM_AUTH/)

    poolWith({})
    const well = await explain(stdin, ' --probe')
    t.match(well.probe, /^nothing is wrong there now: config, alias, invoke-permission, triggers, app-clients$/)
    t.not(well.confidence, undefined)
  },
)

t.test('one app client is silent: it lost the flow, or its application is down', async (t) => {
  const { stdin, began, clients } = plant('one client lost custom auth', 7)
  t.ok(clients.length > 1)
  heal()
  await record([{ config: healthy, at: began - 9 * HOUR_MS, by: 'alice' }])
  const of = (lost: boolean) => {
    const made = clients.map((clientId, index) => ({ ...client, clientId, allowCustomAuth: !(lost && index === 0) }))
    poolWith({ clients: made })
  }
  of(true)
  const lost = await explain(stdin, ' --probe')
  t.match(lost, { cause: `The app client ${clients[0]} lost ALLOW_CUSTOM_AUTH.`, owner: 'customer' })
  of(false)
  const down = await explain(stdin, ' --probe')
  t.match(down.cause, /allows custom authentication and begins no login: its application is down/)
})

/** What the probe makes of a reason alone, with the tenant as it is now. */
async function probeOf(reason: Reason, file: TenantFile): Promise<Diagnosis> {
  const { owner, means, fix, alike = [] } = rowOf(reason)
  const finding = { what: { kind: 'reason', cell: { reason } } }
  const diagnosis = { finding, owner, cause: means, fix, alike, changes: [], confidence: 'medium' }
  const record = { userPoolId, record: 'config', version: 1, updatedAt: '', updatedBy: 'alice', config: file }
  return probed(diagnosis as unknown as Diagnosis, { record, versions: [] }, { ...deps, clock: systemClock })
}

/** The tenant's role with other permissions than it should have. */
function permit(file: TenantFile, features: readonly Feature[], functionArns: readonly string[] = []): void {
  const { trust, permissions } = describeCustomerRole({
    ...{ userPoolId, accountId, region: file.aws.region, externalId: file.aws.externalId ?? '' },
    ...{ features, functionArns, gatewayRoleArn: roleArnOf(gateway), doctorRoleArn: roleArnOf(doctor) },
  })
  stack.sts.putRole({ roleArn: roleArn ?? '', trust, policies: [permissions] })
}

t.test(
  'a chained function that may not be invoked: the role is gone, or lacks the right, or nothing is wrong',
  async (t) => {
    const functionArn = `arn:aws:lambda:eu-central-1:${accountId}:function:theirs`
    const file: TenantFile = { ...healthy, triggers: { preSignUp: { mode: 'chain', functionArn } } }
    heal(file)
    stack.sts.deleteRole(roleArn ?? '')
    const gone = await probeOf('chain_denied', file)
    t.match(gone, { owner: 'customer', confidence: 'high', probe: 'the check role-assumable failed' })
    permit(file, USUAL_FEATURES)
    const denied = await probeOf('chain_denied', file)
    t.match(denied, {
      owner: 'customer',
      probe: 'the check chained-functions failed',
      cause: `may not invoke ${functionArn}`,
    })
    t.match(denied.fix, /^put the function's ARN into the role's stack/)
    permit(file, USUAL_FEATURES, [functionArn])
    const missing = await probeOf('chain_missing', file)
    t.match(missing, { owner: 'operator', cause: `There is no function ${functionArn}.`, confidence: 'high' })
    t.match(missing.fix, /^ask the customer for the function's ARN, correct triggers .*tenants apply$/)
    stack.lambda.putFunction({ functionArn, runner: neverInvoked, aliases: [] })
    for (const reason of ['chain_denied', 'chain_missing'] as const) {
      t.match((await probeOf(reason, file)).probe, /^nothing is wrong there now: .*chained-functions$/, reason)
    }
  },
)

t.test('a claim that is not proven: the role lacks a right, or the app client is open to other logins', async (t) => {
  const file: TenantFile = { ...healthy, login: { claim: { name: 'corbado', clientIds: [client.clientId] } } }
  heal(file)
  permit(file, ['pre-login', 'post-append'])
  const denied = await probeOf('claim_unproven', file)
  t.match(denied, { owner: 'customer', probe: 'the check may-read-client failed', cause: 'DescribeUserPoolClient' })
  heal(file)
  const ExplicitAuthFlows = ['ALLOW_CUSTOM_AUTH', 'ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'] as const
  poolWith({ clients: [{ ...client, settings: { ExplicitAuthFlows: [...ExplicitAuthFlows] } }] })
  const open = await probeOf('claim_unproven', file)
  t.match(open, { owner: 'customer', confidence: 'high', probe: 'the check app-clients warns', alike: [] })
  t.match(open.cause, /^Tokens of web \(web\) never have the claim/)
  poolWith({})
  t.match((await probeOf('claim_unproven', file)).probe, /^nothing is wrong there now: .*, app-clients$/)
})

t.test(
  'a login through a foreign client: one that allows custom authentication is named, if there is one',
  async (t) => {
    const file: TenantFile = { ...healthy, login: { clientIds: [client.clientId] } }
    heal(file)
    poolWith({ clients: [client, { ...client, clientId: 'other' }] })
    const open = await probeOf('foreign_client', file)
    t.match(open, { owner: 'customer', probe: 'the check foreign-clients warns', cause: 'through other (other) fails' })
    t.match(open.fix, /^switch ALLOW_CUSTOM_AUTH off at other \(other\) .*; or operator: add it to login\.clientIds/)
    poolWith({})
    t.match((await probeOf('foreign_client', file)).probe, /^nothing is wrong there now: foreign-clients$/)
  },
)

t.test(
  "post-login that is refused: triggers that are not ours, an app client without the flow, a client's secret",
  async (t) => {
    const parameter = `/corbado/gateway/${userPoolId}/client-secret`
    const postLogin = { clientId: client.clientId, clientSecretParameter: parameter }
    const file: TenantFile = { ...healthy, actions: { ...healthy.actions, postLogin } }
    const clientSecret = 'madeByCognito'
    heal(file)
    poolWith({ lambdaConfig: {}, clients: [{ ...client, clientSecret }] })
    t.match(await probeOf('action_refused', file), { owner: 'customer', probe: 'the check triggers failed' })
    const other = { ...client, clientId: 'other' }
    poolWith({ clients: [{ ...client, allowCustomAuth: false, clientSecret }, other] })
    const closed = await probeOf('action_refused', file)
    t.match(closed, { owner: 'customer', probe: 'the check app-clients failed', fix: /^add ALLOW_CUSTOM_AUTH/ })

    poolWith({ clients: [{ ...client, clientSecret }] })
    stack.ssm.put(parameter, 'another')
    const wrong = await probeOf('client_secret_refused', file)
    t.match(wrong, { owner: 'operator', probe: 'the check client-secret warns' })
    t.equal(wrong.fix, `corbado-gateway secret set ${tenantId} --client`)
    stack.ssm.remove(parameter)
    t.match(await probeOf('secret_missing', file), { owner: 'operator', probe: 'the check client-secret failed' })
    stack.ssm.put(parameter, clientSecret)
    t.match((await probeOf('action_refused', file)).probe, /^nothing is wrong there now: triggers, /)
  },
)

t.test(
  'who changed what before it began is told, if there are settings for the table; else nothing is said',
  async (t) => {
    const { stdin, began } = plant('role deleted', 3)
    const changed = { ...healthy, aws: { ...healthy.aws, externalId: 'external-id-of-another' } }
    heal()
    await record([
      { config: healthy, at: began - 90 * HOUR_MS, by: 'alice' },
      { config: changed, at: began - 60_000, by: 'bob' },
    ])
    const told = await explain(stdin)
    const at = `${new Date(began - 60_000).toISOString().slice(0, 19)}Z`
    t.strictSame(told.changes, [{ what: 'config', version: '2', at, by: 'bob', fields: ['aws.externalId'] }])
    const { stdout, stderr } = await run(`explain ${tenantId}`, { stdin })
    t.ok(stdout.includes(`changed   config 2 at ${at} by bob (aws.externalId)`), stdout)
    t.notOk(stdout.includes('external-id-of-another'), 'an ExternalId is not printed')
    t.equal(stderr, '')

    const silent = await cli(['explain', tenantId], { stdin })
    t.equal(silent.stderr, '')
    t.notMatch(silent.stdout, /changed/)

    await stack.table.setFault({ kind: 'status', status: 400 })
    const failing = await run(`explain ${tenantId}`, { stdin })
    await stack.table.setFault(undefined)
    t.match(failing.stderr, /^note: who changed what before that is not known: /)
    t.equal(failing.stdout, silent.stdout, 'and all else is told')
  },
)

t.test('a version that lines saw is told with its author, and what was long before is left out', async (t) => {
  const minute = 30_000_000
  const at = (ms: number) => new Date(minute * 60_000 + ms).toISOString()
  const version = (number: number, updatedAt: string, status: string) => ({
    ...{ userPoolId, record: `v${number}`, version: number, updatedAt, updatedBy: `author ${number}` },
    config: { ...healthy, status },
  })
  const diagnosis = { finding: { from: minute }, changes: [{ what: 'config', version: '3', at: 1 }] } as unknown
  const record = { ...version(3, at(-120_000), 'passkeys-off'), record: 'config' }
  const versions = [version(1, at(-9 * HOUR_MS), 'draft'), version(2, at(-8 * HOUR_MS), 'active')]
  const secret = {
    what: 'secret',
    field: 'corbado.credentialParameter',
    parameter: '/p',
    versions: [
      { version: 8, updatedAt: at(-300_000), updatedBy: 'arn:aws:sts::1:assumed-role/operator/carol' },
      { version: 7, updatedAt: at(-9 * HOUR_MS), updatedBy: 'arn:aws:iam::1:user/dave' },
    ],
  } as const
  const client = {
    what: 'client secret',
    field: 'actions.postLogin.clientSecretParameter',
    parameter: '/c',
    versions: [{ version: 2, updatedAt: at(-200_000), updatedBy: 'arn:aws:iam::1:user/erin' }],
  } as const
  const { changes } = withPast(diagnosis as Diagnosis, { record, versions }, [secret, client])
  t.match(changes, [
    { what: 'secret', version: '8', by: 'operator/carol' },
    { what: 'client secret', version: '2', by: 'erin' },
    { what: 'config', version: '3', by: 'author 3', fields: ['status'], at: Date.parse(at(-120_000)) },
  ])
  t.equal(changes.length, 3)
})

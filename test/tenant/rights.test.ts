import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import t from 'tap'
import { buildApp } from '../../src/app.js'
import { createCall } from '../../src/call.js'
import { parseEnv } from '../../src/env.js'
import type { UserPoolId } from '../../src/ids.js'
import { createHandler, lambdaInvocation } from '../../src/invocation.js'
import { ACTIONS_ALIAS } from '../../src/local/accounts.js'
import type { IssuedCredentials } from '../../src/local/aws/identity.js'
import type { Fault, StandIn } from '../../src/local/aws/server.js'
import { basicCredential, hostedArn, putTenantRecord, toLocal } from '../../src/local/world/tenants.js'
import { createLogger } from '../../src/plugins/logger.js'
import type { TenantFile } from '../../src/tenant/config.js'
import { createTenantRegistry } from '../../src/tenant/registry.js'
import { createUpstreams } from '../../src/upstreams/index.js'
import { createFrozenClock } from '../fixtures/clock.js'
import { defineEvent, triggerEvent, verifyEvent } from '../fixtures/events.js'
import { type Line, startGateway, type Teardown, untilWaiting } from '../fixtures/gateway.js'
import { createLogSink } from '../fixtures/log-sink.js'
import { tenantFile } from '../fixtures/tenants.js'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
const USER = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

/** The other ends of all connections that a server of this process accepted. */
const accepted = new Set<Socket>()
subscribe('net.server.socket', (message) => void accepted.add((message as { socket: Socket }).socket))

const clock = createFrozenClock()
const gateway = await startGateway(t, { clock })
const { stack } = gateway
const { table, sts, ssm, cognito, corbado, identity } = stack

// These tests live through days; the gateway's own credentials would not.
const own = identity.find(process.env.AWS_ACCESS_KEY_ID ?? '')
if (own) Object.assign(own, { expiresAt: Number.POSITIVE_INFINITY })

/** Credentials in the order of their issue, so that a test can let them expire before their time. */
const issued: IssuedCredentials[] = []
const { issue } = identity
Object.assign(identity, {
  issue(...given: Parameters<typeof issue>) {
    const credentials = issue(...given)
    issued.push(credentials)
    return credentials
  },
})

let count = 0
type Changes = Parameters<typeof tenantFile>[0]

/** Of all tenants but those that must not share it: making the keys of a project takes a tenth of a second. */
const PROJECT = 'pro-5001'

/** A tenant that nothing was ever asked for. */
function freshFile(changes: Changes = {}): TenantFile {
  count += 1
  const accountId = String(100_000_000_000 + count)
  return tenantFile({
    tenantId: `tenant-${count}`,
    userPoolId: `eu-central-1_Rights${count}`,
    alias: `t-${count}`,
    ...changes,
    aws: { accountId, externalId: `external-id-${count}`, ...changes.aws },
    corbado: { projectId: PROJECT, ...changes.corbado },
  })
}

async function addTenant(changes: Changes = {}): Promise<TenantFile> {
  const file = freshFile(changes)
  await gateway.addTenant(file)
  cognito.putUser(file.userPoolId, { username: USER, attributes: { email: 'ada@acme.example' } })
  return file
}

const arnOf = ({ alias }: TenantFile) => ({ arn: hostedArn(alias) })

/** Takes the record out of the table, which no principal of the stack may do. */
async function removeRecord({ userPoolId }: TenantFile): Promise<void> {
  const allowed = { Effect: 'Allow' as const, Action: 'dynamodb:DeleteItem', Resource: '*' }
  const credentials = stack.credentialsFor({
    arn: 'arn:aws:iam::999900000001:role/test',
    accountId: '999900000001',
    policies: [{ Version: '2012-10-17', Statement: [allowed] }],
  })
  const client = new DynamoDBClient({ endpoint: table.url, region: 'eu-central-1', credentials })
  const Key = { userPoolId: { S: userPoolId }, record: { S: 'config' } }
  await client.send(new DeleteItemCommand({ TableName: table.tableName, Key }))
  client.destroy()
}

/** Needs nothing but the config. */
const define = (file: TenantFile) =>
  gateway.trigger(defineEvent([], {}, { userPoolId: file.userPoolId, region: file.aws.region }), arnOf(file))
const preSignUp = (file: TenantFile) =>
  gateway.trigger(triggerEvent('PreSignUp_SignUp', {}, { userPoolId: file.userPoolId }), arnOf(file))
/** Needs the config and the tenant role. */
const preLogin = ({ userPoolId }: TenantFile, identifier = USER) =>
  gateway.action({ action: 'pre-login', userPoolId, identifier })
const postAppend = ({ userPoolId }: TenantFile) => gateway.action({ action: 'post-append', userPoolId, username: USER })
/** Needs the config, the secret and Corbado. */
async function verify(file: TenantFile): Promise<unknown> {
  const proof = await corbado.sign(file.corbado.projectId, USER)
  const { response } = await gateway.trigger(verifyEvent(proof, {}, { userPoolId: file.userPoolId }), arnOf(file))
  return response
}

/** What came of an invocation: the answer or the thrown text, and the closing line. */
async function outcome<T>(run: () => Promise<T>): Promise<{ answer?: T; thrown?: string; line: Line }> {
  gateway.take()
  const result = await run().then(
    (answer) => ({ answer }),
    (error: Error) => ({ thrown: error.message }),
  )
  const line = gateway.take().at(-1)
  if (!line) throw new Error('There is no closing line.')
  return { ...result, line }
}
const lineOf = async (run: () => Promise<unknown>) => (await outcome(run)).line

/** Number of calls that `run` costs a stand-in; of one operation, and of one tenant if the input tells. */
async function costs(standIn: StandIn, run: () => Promise<unknown>, operation?: string): Promise<number> {
  const before = standIn.calls.length
  await run()
  return standIn.calls.slice(before).filter((call) => call.operation === (operation ?? call.operation)).length
}

async function withFault(standIn: StandIn, fault: Fault, run: () => Promise<void>): Promise<void> {
  await standIn.setFault(fault)
  try {
    await run()
  } finally {
    await standIn.setFault(undefined)
  }
}

const PUBLIC = 'Sign-in with a passkey is not available right now.'
const found = { statusCode: 200, body: { identifier: USER } }
const untyped = { statusCode: 200, body: { identifier: '', error: { return: true, code: 'untyped', message: PUBLIC } } }
const brokenTable = /^table_(unavailable|timeout)$/
const outages: readonly Fault[] = [
  { kind: 'status', status: 500 },
  { kind: 'refuse' },
  { kind: 'hang' },
  { kind: 'garbage' },
]

t.test('config', async (t) => {
  t.test('an unknown pool costs one GetItem in 30 s, and comes alive afterwards', async (t) => {
    const file = freshFile()
    t.equal(await costs(table, async () => t.rejects(define(file), /not set up correctly\. \(ref /)), 1)
    await gateway.addTenant(file)
    clock.advance(30 * SECOND - 1)
    t.equal(await costs(table, async () => t.rejects(define(file))), 0)
    t.equal((await lineOf(() => define(file))).reason, 'tenant_unknown')
    clock.advance(1)
    t.equal(await costs(table, async () => t.match(await define(file), { response: { failAuthentication: false } })), 1)
  })

  t.test('many callers of an unknown pool cost one GetItem', async (t) => {
    const file = freshFile()
    const all = () => Promise.allSettled(Array.from({ length: 20 }, () => define(file)))
    t.equal(await costs(table, all), 1)
  })

  t.test('what cannot be a pool id is refused without a look at the table', async (t) => {
    for (const userPoolId of ['', 'eu-central-1', `eu-central-1_${'a'.repeat(43)}`, 'eu-central-1_A/../B']) {
      const ask = () => gateway.trigger(defineEvent([], {}, { userPoolId }), { arn: hostedArn('t-none') })
      t.equal(await costs(table, async () => t.rejects(ask())), 0)
    }
  })

  t.test('a flood of unknown pools is bounded in memory and takes no place of a tenant', async (t) => {
    const tenant = await addTenant()
    const asked: string[] = []
    const env = parseEnv(process.env)
    const upstreams = createUpstreams(env, clock)
    const registry = createTenantRegistry(
      env,
      {
        async fetchConfig(userPoolId, call) {
          asked.push(userPoolId)
          return userPoolId === tenant.userPoolId ? upstreams.table.fetchConfig(userPoolId, call) : undefined
        },
      },
      clock,
    )
    const resolve = async (userPoolId: string) => registry.resolve(userPoolId as UserPoolId, createCall(SECOND, clock))
    const asks = async (userPoolId: string, known: boolean) => {
      const before = asked.length
      t.equal((await resolve(userPoolId)) !== undefined, known)
      return asked.length - before
    }
    t.equal(await asks(tenant.userPoolId, true), 1)
    for (let i = 0; i < 1_000; i++) await resolve(`eu-central-1_Flood${i}`)
    t.equal(await asks('eu-central-1_Flood0', false), 0, 'a thousand are remembered')
    await resolve('eu-central-1_Flood1000')
    t.equal(await asks(tenant.userPoolId, true), 0, 'the tenant is still known')
    t.equal(await asks('eu-central-1_Flood1', false), 1, 'the stranger asked for longest ago is forgotten')
    await upstreams.close()
  })

  t.test('a config younger than its TTL is served without the table; older, while one refresh runs', async (t) => {
    const file = await addTenant({ login: { maxAttempts: 1 } })
    t.equal((await lineOf(() => define(file))).configVersion, 1)
    await gateway.putConfig({ ...file, status: 'passkeys-off' }, 2)
    clock.advance(60 * SECOND - 1)
    t.equal(await costs(table, async () => t.equal((await lineOf(() => define(file))).configVersion, 1)), 0)
    clock.advance(1)
    const line = await lineOf(() => define(file))
    t.match(line, { configVersion: 1, outcome: 'challenge' })
    t.notOk('configStale' in line)
    // The refresh was settled before the answer left: the next call neither asks nor waits.
    t.equal(
      await costs(table, async () =>
        t.match(await lineOf(() => define(file)), { configVersion: 2, reason: 'passkeys_off' }),
      ),
      0,
    )
  })

  t.test('the refresh is settled before the answer leaves, since Lambda freezes the environment with it', async (t) => {
    const file = await addTenant()
    await define(file)
    await gateway.putConfig(file, 2)
    clock.advance(60 * SECOND)
    await withFault(table, { kind: 'slow', ms: 100 }, async () => {
      t.equal((await lineOf(() => define(file))).configVersion, 1)
    })
    t.equal(await costs(table, async () => t.equal((await lineOf(() => define(file))).configVersion, 2)), 0)
  })

  t.test('many callers of an old config cost one refresh', async (t) => {
    const file = await addTenant()
    await define(file)
    for (const age of [60, 300]) {
      clock.advance(age * SECOND)
      t.equal(await costs(table, () => Promise.all(Array.from({ length: 20 }, () => define(file)))), 1)
    }
  })

  t.test('a config older than its stale time makes the call wait for the new one', async (t) => {
    const file = await addTenant()
    for (const [ageMs, version] of [
      [300 * SECOND - 1, 1],
      [300 * SECOND, 2],
    ] as const) {
      await gateway.putConfig(file, 1)
      clock.advance(300 * SECOND)
      t.equal((await lineOf(() => define(file))).configVersion, 1)
      await gateway.putConfig(file, 2)
      clock.advance(ageMs)
      t.equal((await lineOf(() => define(file))).configVersion, version, `${ageMs} ms old`)
    }
  })

  t.test('a tenant that was taken away is unknown once its config expires', async (t) => {
    const file = await addTenant()
    await define(file)
    await removeRecord(file)
    clock.advance(60 * SECOND)
    await define(file)
    t.equal((await lineOf(() => define(file))).reason, 'tenant_unknown')
    t.equal(await costs(table, async () => t.rejects(define(file))), 0, 'and remembered as unknown')
  })

  for (const fault of outages) {
    t.test(`while the table fails (${fault.kind}) a known tenant is served and the line says so`, async (t) => {
      const file = await addTenant()
      await define(file)
      await withFault(table, fault, async () => {
        clock.advance(300 * SECOND)
        const { answer, line } = await outcome(() => define(file))
        t.match(answer, { response: { challengeName: 'CUSTOM_CHALLENGE' } })
        t.match(line, { configStale: true, configVersion: 1, level: 'info', tenantId: file.tenantId })
        t.type((line.upstream as Record<string, number>).table, 'number')
        clock.advance(5 * SECOND - 1)
        t.equal(await costs(table, async () => t.equal((await lineOf(() => define(file))).configStale, true)), 0)
      })
      await gateway.putConfig(file, 2)
      clock.advance(1)
      const healed = await lineOf(() => define(file))
      t.equal(healed.configVersion, 2)
      t.notOk('configStale' in healed)
    })

    t.test(
      `while the table fails (${fault.kind}) a pool that is not known yet fails closed, and is not taken for unknown`,
      async (t) => {
        const file = await addTenant()
        await withFault(table, fault, async () => {
          const { thrown, line } = await outcome(() => define(file))
          t.match(thrown, /^Sign-in with a passkey is not available right now\. \(ref [\w-]+\)$/)
          t.match(line, { level: 'error', outcome: 'fault' })
          t.match(line.reason, fault.kind === 'garbage' ? 'table_malformed' : brokenTable)
          t.strictSame((await outcome(() => preLogin(file))).answer, untyped)
          const event = await preSignUp(file)
          t.strictSame(event.response, {}, "the customer's sign-up goes on")
        })
        t.match(await define(file), { response: { challengeName: 'CUSTOM_CHALLENGE' } })
      },
    )
  }

  t.test('a failing table is outlived for 24 hours and not a millisecond longer', async (t) => {
    const file = await addTenant()
    await define(file)
    await withFault(table, { kind: 'refuse' }, async () => {
      clock.advance(24 * HOUR - 1)
      t.match(await lineOf(() => define(file)), { configStale: true, outcome: 'challenge' })
      clock.advance(1)
      const { thrown, line } = await outcome(() => define(file))
      t.match(thrown, PUBLIC)
      t.match(line, { outcome: 'fault', reason: brokenTable })
    })
  })

  t.test(
    'a record that is not valid refuses that tenant, names no detail and is looked at again after 5 s',
    async (t) => {
      const other = await addTenant()
      const invalid: [string, (file: TenantFile) => unknown][] = [
        ['an unknown key', (file) => ({ ...file, extra: 1 })],
        ["another tenant's role", (file) => ({ ...file, aws: { ...file.aws, roleArn: other.aws.roleArn } })],
        ["another pool's config", () => toLocal(other, stack)],
        [
          'a host that is not allowed',
          (file) => ({ ...file, corbado: { ...file.corbado, backendApiUrl: 'https://evil.example' } }),
        ],
        ['no object', () => 'config'],
        ['nothing', () => null],
      ]
      for (const [what, change] of invalid) {
        const file = await addTenant()
        await putTenantRecord(stack, change(toLocal(file, stack)), file.userPoolId)
        const { thrown, line } = await outcome(() => define(file))
        t.match(thrown, PUBLIC, what)
        t.match(line, {
          level: 'error',
          reason: 'tenant_config_invalid',
          err: { code: 'GW_ERR_TENANT_CONFIG_INVALID' },
        })
        t.notOk('tenantId' in line)
        t.strictSame((await preSignUp(file)).response, {})
        await gateway.putConfig(file)
        clock.advance(5 * SECOND - 1)
        t.equal(await costs(table, async () => t.rejects(define(file))), 0)
        clock.advance(1)
        t.match(await define(file), { response: { challengeName: 'CUSTOM_CHALLENGE' } }, `${what}, fixed`)
      }
    },
  )

  t.test(
    'a record that becomes invalid takes the place of the good one, which only a failing table would keep',
    async (t) => {
      const file = await addTenant()
      await define(file)
      await putTenantRecord(stack, { ...file, extra: 1 }, file.userPoolId)
      clock.advance(300 * SECOND)
      t.match(await lineOf(() => define(file)), { reason: 'tenant_config_invalid' })
    },
  )
})

const poolArn = ({ aws, userPoolId }: TenantFile) =>
  `arn:aws:cognito-idp:${aws.region}:${aws.accountId}:userpool/${userPoolId}`
/** Changes what the tenant's role may do, as a customer would; sessions that exist follow. */
function permit(file: TenantFile, actions: readonly string[]): void {
  const [Principal, Condition] = [
    { AWS: 'arn:aws:iam::999900000001:root' },
    { StringEquals: { 'sts:ExternalId': file.aws.externalId ?? '' } },
  ]
  sts.putRole({
    roleArn: file.aws.roleArn ?? '',
    trust: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }],
    },
    policies: actions.map((Action) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action, Resource: poolArn(file) }],
    })),
  })
}

t.test('tenant role', async (t) => {
  const assumed = () => sts.calls.filter(({ operation }) => operation === 'AssumeRole')
  type Input = Record<string, string>
  const lastInput = () => (assumed().at(-1)?.input ?? {}) as Input

  t.test(
    'a role that does not trust us costs one AssumeRole in about 5 s, and the user sees no word of AWS',
    async (t) => {
      const file = await addTenant()
      sts.deleteRole(file.aws.roleArn ?? '')
      const { answer, line } = await outcome(() => preLogin(file))
      t.strictSame(answer, untyped)
      t.match(line, {
        outcome: 'refused',
        reason: 'sts_denied',
        level: 'error',
        upstreamStatus: 403,
        upstreamErrorType: 'AccessDenied',
      })
      t.equal(await costs(sts, () => preLogin(file)), 0)
      clock.advance(4 * SECOND - 1)
      t.equal(await costs(sts, () => preLogin(file)), 0)
      clock.advance(2 * SECOND + 1)
      t.equal(await costs(sts, () => preLogin(file)), 1, 'after 5 s and a fifth it is asked again')
    },
  )

  t.test('a wrong ExternalId is refused like a missing role', async (t) => {
    const file = await addTenant()
    await gateway.putConfig({ ...file, aws: { ...file.aws, externalId: 'not-the-one' } })
    const { answer, line } = await outcome(() => preLogin(file))
    t.strictSame(answer, untyped)
    t.equal(line.reason, 'sts_denied')
    t.equal(lastInput().ExternalId, 'not-the-one')
  })

  t.test('a failing STS is asked once for many callers, once in about 5 s, and per tenant', async (t) => {
    const [a, b] = [await addTenant(), await addTenant()]
    // One operation's failure costs up to two requests: the SDK repeats it once.
    await withFault(sts, { kind: 'status', status: 400 }, async () => {
      t.equal(await costs(sts, () => Promise.all(Array.from({ length: 20 }, () => preLogin(a)))), 1)
      t.equal(await costs(sts, () => preLogin(a)), 0)
      t.equal(await costs(sts, () => preLogin(b)), 1, "one tenant's failure is not another's")
    })
    clock.advance(6 * SECOND)
    t.match(await preLogin(a), found)
  })

  t.test(
    "AssumeRole carries the tenant's ExternalId and a session policy for the operations in use on its pool",
    async (t) => {
      const file = await addTenant()
      t.match(await preLogin(file), found)
      const { Policy = '', ...input } = lastInput()
      t.match(input, {
        RoleArn: file.aws.roleArn,
        ExternalId: file.aws.externalId,
        RoleSessionName: `corbado-${file.userPoolId}`,
        DurationSeconds: '3600',
      })
      t.ok(Policy.length <= 2_048)
      t.strictSame(JSON.parse(Policy), {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['cognito-idp:AdminGetUser', 'cognito-idp:ListUsers', 'cognito-idp:AdminSetUserMFAPreference'],
            Resource: `arn:aws:cognito-idp:eu-central-1:${file.aws.accountId}:userpool/${file.userPoolId}`,
          },
        ],
      })
      t.equal(
        cognito.calls.at(-1)?.principal,
        `arn:aws:sts::${file.aws.accountId}:assumed-role/corbado-${file.userPoolId}/corbado-${file.userPoolId}`,
      )
    },
  )

  t.test('an operation that the config does not use is not in the session policy', async (t) => {
    const file = await addTenant({ actions: { postAppend: { mfa: 'none' } } })
    await preLogin(file)
    const { Statement } = JSON.parse(lastInput().Policy ?? '{}')
    t.strictSame(Statement[0].Action, ['cognito-idp:AdminGetUser', 'cognito-idp:ListUsers'])
  })

  t.test("the session policy stays in the pool's own partition and region", async (t) => {
    const accountId = '110000000001'
    const userPoolId = 'us-gov-west-1_Gov'
    const file = await addTenant({
      userPoolId,
      aws: {
        accountId,
        region: 'us-gov-west-1',
        roleArn: `arn:aws-us-gov:iam::${accountId}:role/corbado/corbado-${userPoolId}`,
      },
    })
    await preLogin(file)
    const { Statement } = JSON.parse(lastInput().Policy ?? '{}')
    t.equal(Statement[0].Resource, `arn:aws-us-gov:cognito-idp:us-gov-west-1:${accountId}:userpool/${userPoolId}`)
  })

  t.test('the longest pool id fits into session name and policy', async (t) => {
    const file = await addTenant({ userPoolId: `eu-central-1_${'a'.repeat(42)}` })
    t.match(await preLogin(file), found)
    t.ok((lastInput().RoleSessionName ?? '').length <= 64)
    t.ok((lastInput().Policy ?? '').length <= 2_048)
  })

  t.test('many callers at once cost one AssumeRole', async (t) => {
    const file = await addTenant()
    const all = async () => {
      for (const answer of await Promise.all(Array.from({ length: 20 }, () => preLogin(file)))) t.match(answer, found)
    }
    t.equal(await costs(sts, all), 1)
    t.equal(await costs(sts, all), 0)
  })

  t.test('two tenants in turns never meet under the same credentials', async (t) => {
    const [a, b] = [await addTenant(), await addTenant()]
    const before = cognito.calls.length
    await Promise.all([a, b, a, b, a, b].map((file) => preLogin(file)))
    for (const { principal, input } of cognito.calls.slice(before)) {
      t.match(principal, (input as { UserPoolId: string }).UserPoolId)
    }
  })

  t.test('credentials are never used again once the config names another ExternalId or other operations', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    const none = { ...file, actions: { postAppend: { mfa: 'none' as const } } }
    await gateway.putConfig(none)
    clock.advance(300 * SECOND)
    t.equal(await costs(sts, () => preLogin(file)), 1, 'fewer operations')
    await gateway.putConfig({ ...none, aws: { ...file.aws, externalId: 'another-one' } })
    clock.advance(300 * SECOND)
    t.strictSame((await outcome(() => preLogin(file))).answer, untyped, 'the trust does not accept this one')
  })

  t.test('credentials serve without STS until ten minutes before they expire', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    clock.advance(50 * 60 * SECOND - 1)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 0)
  })

  t.test('credentials are renewed beside the answer at the latest five minutes before they expire', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    const first = issued.at(-1)
    clock.advance(55 * 60 * SECOND)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 1)
    t.not(issued.at(-1), first)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 0)
    // Past the life of the first ones: only the new ones can have served.
    clock.advance(6 * 60 * SECOND)
    t.match(await preLogin(file), found)
  })

  t.test('tenants that came together do not renew together', async (t) => {
    const files: TenantFile[] = []
    for (let i = 0; i < 20; i++) files.push(await addTenant())
    await Promise.all(files.map((file) => preLogin(file)))
    clock.advance(52.5 * 60 * SECOND)
    const renewed = await costs(sts, () => Promise.all(files.map((file) => preLogin(file))))
    t.ok(renewed > 0 && renewed < 20, `${renewed} of 20 after half of the spread`)
  })

  t.test('while STS fails, credentials serve until a minute before they expire and not longer', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    await withFault(sts, { kind: 'status', status: 500 }, async () => {
      // Expiration is in whole seconds, so the edge lies within this one.
      clock.advance(59 * 60 * SECOND - SECOND)
      t.match(await preLogin(file), found)
      clock.advance(SECOND)
      const { answer, line } = await outcome(() => preLogin(file))
      t.strictSame(answer, untyped)
      t.match(line.reason, /^sts_(unavailable|timeout)$/)
    })
  })

  /** Lets what the tenant was given last expire at once, whatever its Expiration said. */
  const cutShort = () => Object.assign(issued.at(-1) ?? {}, { expiresAt: 0 })

  t.test('credentials that AWS calls expired are fetched once more, and the call is repeated', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    cutShort()
    clock.advance(30 * SECOND)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 1)
  })

  t.test('credentials that AWS no longer knows are fetched once more', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    identity.revoke(file.aws.roleArn ?? '')
    clock.advance(30 * SECOND)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 1)
  })

  t.test('they are fetched again at most once a tenant in 30 s', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    cutShort()
    clock.advance(30 * SECOND)
    t.match(await preLogin(file), found)
    cutShort()
    clock.advance(30 * SECOND - 1)
    t.equal(await costs(sts, async () => t.strictSame((await outcome(() => preLogin(file))).answer, untyped)), 0)
    clock.advance(1)
    t.equal(await costs(sts, async () => t.match(await preLogin(file), found)), 1)
  })

  t.test('many callers whose credentials expired cost one AssumeRole', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    cutShort()
    clock.advance(30 * SECOND)
    const all = async () => {
      for (const answer of await Promise.all(Array.from({ length: 10 }, () => preLogin(file)))) t.match(answer, found)
    }
    t.equal(await costs(sts, all), 1)
  })

  t.test('a caller who hears late that the credentials expired does not throw away the new ones', async (t) => {
    const file = await addTenant()
    await preLogin(file)
    cutShort()
    clock.advance(30 * SECOND)
    const both = async () => {
      await cognito.setFault({ kind: 'slow', ms: 150 })
      const late = preLogin(file)
      await untilWaiting(cognito)
      await cognito.setFault(undefined)
      t.match(await preLogin(file), found)
      clock.advance(150)
      t.match(await late, found)
    }
    t.equal(await costs(sts, () => gateway.byHand(both)), 1)
  })

  const every = ['cognito-idp:AdminGetUser', 'cognito-idp:ListUsers', 'cognito-idp:AdminSetUserMFAPreference']

  t.test('a permission that fresh credentials lack is a reason of its own and not tried again for 60 s', async (t) => {
    const file = await addTenant()
    permit(file, [])
    const first = async () => {
      const { answer, line } = await outcome(() => preLogin(file))
      t.strictSame(answer, untyped)
      t.match(line, { reason: 'role_permission_missing', level: 'error', upstreamErrorType: 'AccessDeniedException' })
    }
    t.equal(await costs(sts, first), 1, 'fresh credentials are not fetched again')
    permit(file, every)
    clock.advance(60 * SECOND - 1)
    const second = async () => t.equal((await lineOf(() => preLogin(file))).reason, 'role_permission_missing')
    t.equal(await costs(cognito, second), 0)
    clock.advance(1)
    t.equal(await costs(cognito, async () => t.match(await preLogin(file), found)), 1)
  })

  t.test(
    'older credentials that are denied are fetched once more before the permission counts as missing',
    async (t) => {
      const file = await addTenant()
      await preLogin(file)
      permit(file, [])
      clock.advance(30 * SECOND)
      const denied = async () => t.equal((await lineOf(() => preLogin(file))).reason, 'role_permission_missing')
      const before = cognito.calls.length
      t.equal(await costs(sts, denied), 1)
      t.equal(cognito.calls.length - before, 2)
    },
  )

  t.test('one missing permission does not stop what the role may do', async (t) => {
    const file = await addTenant()
    permit(file, ['cognito-idp:AdminGetUser'])
    t.equal((await lineOf(() => preLogin(file, 'nobody'))).reason, 'role_permission_missing')
    t.match(await preLogin(file), found)
    const { answer, line } = await outcome(() => postAppend(file))
    t.match(answer, { statusCode: 502, body: { code: 'GW_ERR_UPSTREAM_DENIED', message: PUBLIC } })
    t.equal(line.reason, 'role_permission_missing')
  })
})

t.test('secret of the Backend API', async (t) => {
  const correct = { answerCorrect: true }
  const incorrect = { answerCorrect: false }
  const parameterOf = ({ corbado }: TenantFile) => corbado.credentialParameter
  /** Verifies and gives the reason; checks that only `verified` is correct. */
  async function reason(file: TenantFile): Promise<unknown> {
    const { answer, line } = await outcome(() => verify(file))
    t.strictSame(answer, line.reason === 'verified' ? correct : incorrect)
    return line.reason
  }

  t.test('a parameter that is not there, or unreadable, refuses without a call to Corbado', async (t) => {
    const file = await addTenant()
    const id = file.corbado.projectId
    const values = [
      undefined,
      'not base64 at all',
      'bm8tY29sb24=',
      Buffer.from(`${id}:`).toString('base64'),
      Buffer.from(':secret').toString('base64'),
      `${id}:secret`,
      ' ',
    ]
    for (const value of values) {
      if (value === undefined) ssm.remove(parameterOf(file))
      else ssm.put(parameterOf(file), value)
      clock.advance(300 * SECOND)
      t.equal(
        await costs(corbado, async () =>
          t.equal(await reason(file), value === undefined ? 'secret_missing' : 'secret_malformed', String(value)),
        ),
        0,
      )
    }
  })

  t.test("another project's credential is refused without a call to Corbado", async (t) => {
    const [file, other] = [await addTenant(), await addTenant({ corbado: { projectId: 'pro-5002' } })]
    ssm.put(parameterOf(file), basicCredential(other.corbado.projectId, `corbado1_${other.tenantId}`))
    t.equal(await costs(corbado, async () => t.equal(await reason(file), 'secret_wrong_project')), 0)
  })

  t.test('a bearer key that cannot stand in a header is refused', async (t) => {
    for (const key of ['two words', 'line\nbreak', 'ключ', '']) {
      const file = await addTenant({ corbado: { credentialScheme: 'bearer' } })
      ssm.put(parameterOf(file), key)
      t.equal(await costs(corbado, async () => t.equal(await reason(file), 'secret_malformed')), 0)
    }
  })

  t.test('a missing parameter costs one GetParameter in about 5 s', async (t) => {
    const file = await addTenant()
    ssm.remove(parameterOf(file))
    t.equal(await costs(ssm, () => verify(file)), 1)
    ssm.put(parameterOf(file), basicCredential(file.corbado.projectId, `corbado1_${file.tenantId}`))
    clock.advance(4 * SECOND - 1)
    t.equal(await costs(ssm, async () => t.equal(await reason(file), 'secret_missing')), 0)
    clock.advance(2 * SECOND + 1)
    t.equal(await costs(ssm, async () => t.equal(await reason(file), 'verified')), 1)
  })

  t.test('a failed GetParameter is remembered for about 5 s, and shared by all who wait', async (t) => {
    const file = await addTenant()
    await withFault(ssm, { kind: 'status', status: 400 }, async () => {
      const all = () => Promise.all(Array.from({ length: 10 }, () => verify(file)))
      t.equal(await costs(ssm, all), 1)
      clock.advance(4 * SECOND - 1)
      t.equal(await costs(ssm, async () => t.equal(await reason(file), 'secret_unavailable')), 0)
    })
    clock.advance(2 * SECOND + 1)
    t.equal(await reason(file), 'verified')
  })

  t.test('a secret is read decrypted, once for many callers, and kept for its TTL', async (t) => {
    const file = await addTenant()
    t.equal(await costs(ssm, () => Promise.all(Array.from({ length: 10 }, () => verify(file)))), 1)
    t.match(ssm.calls.at(-1)?.input, { Name: parameterOf(file), WithDecryption: true })
    clock.advance(300 * SECOND - 1)
    t.equal(await costs(ssm, async () => t.equal(await reason(file), 'verified')), 0)
    clock.advance(1)
    t.equal(await costs(ssm, async () => t.equal(await reason(file), 'verified')), 1)
  })

  t.test('a line break after the secret does no harm: people paste', async (t) => {
    const file = await addTenant()
    ssm.put(parameterOf(file), `${basicCredential(file.corbado.projectId, `corbado1_${file.tenantId}`)}\n`)
    t.equal(await reason(file), 'verified')
  })

  t.test('a bearer key is sent as it is', async (t) => {
    const file = await addTenant({ corbado: { credentialScheme: 'bearer' } })
    t.equal(await reason(file), 'verified')
    t.equal(corbado.calls.at(-1)?.principal, file.corbado.projectId)
  })

  t.test("each tenant's calls carry its own project's credential", async (t) => {
    const files = [await addTenant(), await addTenant({ corbado: { projectId: 'pro-5002' } })]
    const before = corbado.calls.length
    await Promise.all([...files, ...files, ...files].map(verify))
    const callers = corbado.calls.slice(before).map(({ principal }) => principal)
    t.strictSame(callers.sort(), files.flatMap(({ corbado }) => Array(3).fill(corbado.projectId)).sort())
  })

  for (const fault of outages) {
    t.test(`while SSM fails (${fault.kind}) the last known good secret serves`, async (t) => {
      const file = await addTenant()
      await verify(file)
      await withFault(ssm, fault, async () => {
        clock.advance(300 * SECOND)
        t.equal(await reason(file), 'verified')
        clock.advance(4 * SECOND - 1)
        t.equal(await costs(ssm, async () => t.equal(await reason(file), 'verified')), 0, 'SSM is left alone')
      })
    })
  }

  t.test('a failing SSM is outlived for 24 hours and not a millisecond longer', async (t) => {
    const file = await addTenant()
    await verify(file)
    await withFault(ssm, { kind: 'refuse' }, async () => {
      clock.advance(24 * HOUR - 1)
      t.equal(await reason(file), 'verified')
      clock.advance(1)
      t.equal(await reason(file), 'secret_unavailable')
    })
  })

  t.test('a parameter that was taken away is no fault of SSM: the secret stops working with its TTL', async (t) => {
    const file = await addTenant()
    await verify(file)
    ssm.remove(parameterOf(file))
    clock.advance(300 * SECOND - 1)
    t.equal(await reason(file), 'verified')
    clock.advance(1)
    t.equal(await reason(file), 'secret_missing')
  })

  function rotate(file: TenantFile, secret: string, inSsm = true): void {
    corbado.rotateSecret(file.corbado.projectId, secret)
    if (inSsm) ssm.put(parameterOf(file), basicCredential(file.corbado.projectId, secret))
  }

  t.test('a 401 re-reads the secret and repeats the call with the new one: a rotation is no outage', async (t) => {
    const file = await addTenant()
    await verify(file)
    rotate(file, 'corbado1_second')
    const before = ssm.calls.length
    t.equal(await costs(corbado, async () => t.equal(await reason(file), 'verified')), 2)
    t.equal(ssm.calls.length - before, 1)
    t.equal(await costs(corbado, async () => t.equal(await reason(file), 'verified')), 1)
  })

  t.test('a 401 does not repeat the call if the value is the same, and re-reads once in 30 s', async (t) => {
    const file = await addTenant()
    await verify(file)
    rotate(file, 'corbado1_second', false)
    const refused = async () => {
      const { answer, line } = await outcome(() => verify(file))
      t.strictSame(answer, incorrect)
      t.match(line, {
        reason: 'backend_unauthorized',
        upstreamStatus: 401,
        upstreamErrorType: 'login_error',
        upstreamRequestId: /^req-\d+$/,
      })
    }
    const spend = async () => {
      const before = { ssm: ssm.calls.length, corbado: corbado.calls.length }
      await refused()
      return { ssm: ssm.calls.length - before.ssm, corbado: corbado.calls.length - before.corbado }
    }
    t.strictSame(await spend(), { ssm: 1, corbado: 1 })
    clock.advance(30 * SECOND - 1)
    t.strictSame(await spend(), { ssm: 0, corbado: 1 })
    clock.advance(1)
    t.strictSame(await spend(), { ssm: 1, corbado: 1 })
    rotate(file, 'corbado1_third')
    clock.advance(30 * SECOND)
    t.equal(await reason(file), 'verified')
  })

  t.test('many logins that meet a 401 at once cost one re-read, and all are verified', async (t) => {
    const file = await addTenant()
    await verify(file)
    rotate(file, 'corbado1_second')
    const all = async () => {
      for (const answer of await Promise.all(Array.from({ length: 10 }, () => verify(file))))
        t.strictSame(answer, correct)
    }
    t.equal(await costs(ssm, all), 1)
  })

  t.test('a 401 while SSM fails leaves the old secret in place and repeats nothing', async (t) => {
    const file = await addTenant()
    await verify(file)
    rotate(file, 'corbado1_second', false)
    await withFault(ssm, { kind: 'refuse' }, async () => {
      t.equal(await costs(corbado, async () => t.equal(await reason(file), 'backend_unauthorized')), 1)
    })
    rotate(file, `corbado1_${file.tenantId}`, false)
    t.equal(await reason(file), 'verified', 'the old one is still known')
  })

  t.test('a 403 re-reads nothing: the credential is right, the right is missing', async (t) => {
    const file = await addTenant()
    await verify(file)
    await withFault(corbado, { kind: 'status', status: 403 }, async () => {
      t.equal(await costs(ssm, async () => t.equal(await reason(file), 'backend_unauthorized')), 0)
    })
  })
})

/** Another environment of the function, with a memory and connections of its own. */
async function startEnvironment(t: Teardown) {
  const env = parseEnv({ LOG_LEVEL: 'trace', ...process.env })
  const upstreams = gateway.watch(createUpstreams(env, clock))
  const sink = createLogSink()
  const logger = createLogger(env.logLevel, sink)
  const app = buildApp({ env, upstreams, clock, logger, invocationOf: lambdaInvocation })
  const handler = await createHandler(app, clock)
  t.teardown(async () => {
    await app.close()
    await upstreams.close()
  })
  const invoke = (payload: object, alias: string) =>
    handler(payload, {
      awsRequestId: 'request',
      invokedFunctionArn: hostedArn(alias),
      getRemainingTimeInMillis: () => 6_000,
    })
  return { invoke, take: sink.take }
}

t.test('an environment that was frozen for an hour', async (t) => {
  const standIns = [table, ssm, sts, cognito, corbado]
  const operations = ['GetItem', 'GetParameter', 'AssumeRole', 'AdminGetUser', 'verifySignedData']
  const freezes: Record<string, (socket: Socket) => void> = {
    'whose connections were closed meanwhile': (socket) => socket.destroy(),
    // A side that forgot a connection answers what still comes on it with a reset, and reads nothing.
    'whose connections were forgotten meanwhile, unseen': (socket) =>
      socket.removeAllListeners('data').on('data', () => socket.resetAndDestroy()),
  }
  for (const [how, lose] of Object.entries(freezes)) {
    t.test(`${how}, serves at once and asks each source once more`, async (t) => {
      const environment = await startEnvironment(t)
      const file = await addTenant()
      const { userPoolId, alias } = file
      const attributes = { email: 'ada@acme.example', phone_number: '+4989123456' }
      cognito.putUser(userPoolId, { username: USER, attributes })

      /** All three, one after the other as an environment gets them; says what was asked, and over what. */
      async function serveThree(factor: string) {
        const before = standIns.map(({ calls }) => calls.length)
        const event = verifyEvent(await corbado.sign(PROJECT, USER), {}, { userPoolId })
        t.match(await environment.invoke(event, alias), { response: { answerCorrect: true } })
        const preLogin = { action: 'pre-login', userPoolId, identifier: USER }
        t.match(await environment.invoke(preLogin, ACTIONS_ALIAS), found)
        const postAppend = { action: 'post-append', userPoolId, username: USER }
        t.strictSame(await environment.invoke(postAppend, ACTIONS_ALIAS), { statusCode: 200, body: {} })
        t.match(environment.take(), [
          { outcome: 'correct', level: 'info' },
          { outcome: 'found', level: 'info' },
          { outcome: factor, level: 'info' },
        ])
        const calls = standIns.map((standIn, i) => standIn.calls.slice(before[i]))
        const counts = calls.map((some, i) => some.filter(({ operation }) => operation === operations[i]).length)
        t.strictSame(counts, [1, 1, 1, 2, 1], operations.join(', '))
        return calls.map((some) => new Set(some.map(({ connection }) => connection)))
      }

      const kept = await serveThree('factor_set')
      clock.advance(3_601 * SECOND)
      const ports = standIns.map(({ port }) => port)
      // Nothing of the process runs between this and the next event.
      for (const socket of accepted) if (ports.includes(socket.localPort ?? 0)) lose(socket)
      const fresh = await serveThree('unchanged')
      for (const [i, connections] of fresh.entries()) {
        t.strictSame([connections.size, kept[i]?.size], [1, 1], `one connection to ${standIns[i]?.name}`)
        t.notOk(
          [...connections].some((one) => kept[i]?.has(one)),
          `a new one to ${standIns[i]?.name}`,
        )
      }
    })
  }
})

/** What is broken of a tenant, and how often its source may be asked. */
interface Broken {
  readonly what: string
  breakIt(file: TenantFile): void
  readonly ask: 'pre-login' | 'verify'
  readonly reason: string
  readonly source: 'AssumeRole' | 'GetParameter'
  /** Calls that it takes to find out. */
  readonly first: number
  /** Between two calls from then on, in seconds. */
  readonly every: readonly [least: number, most: number]
  readonly runSeconds: number
}

/** A failure is remembered for 5 s, give or take a fifth. */
const ABOUT_5 = [4, 6] as const
const brokens: readonly Broken[] = [
  {
    what: 'a role that does not trust us',
    breakIt: ({ aws }) => sts.deleteRole(aws.roleArn ?? ''),
    ...{ ask: 'pre-login', reason: 'sts_denied', source: 'AssumeRole', first: 1, every: ABOUT_5, runSeconds: 30 },
  },
  {
    what: 'a role that lacks a permission',
    breakIt: (file) => permit(file, []),
    ...{ ask: 'pre-login', reason: 'role_permission_missing', source: 'AssumeRole', first: 1 },
    ...{ every: [60, 60], runSeconds: 61 },
  },
  {
    what: 'a parameter that is not there',
    breakIt: ({ corbado }) => ssm.remove(corbado.credentialParameter),
    ...{ ask: 'verify', reason: 'secret_missing', source: 'GetParameter', first: 1 },
    ...{ every: ABOUT_5, runSeconds: 30 },
  },
  {
    what: 'a secret that Corbado refuses',
    breakIt: ({ corbado }) => ssm.put(corbado.credentialParameter, basicCredential(PROJECT, 'corbado1_wrong')),
    // The first 401 has it read again at once.
    ...{ ask: 'verify', reason: 'backend_unauthorized', source: 'GetParameter', first: 2 },
    ...{ every: [30, 30], runSeconds: 31 },
  },
  {
    what: "another project's secret",
    breakIt: ({ corbado }) => ssm.put(corbado.credentialParameter, basicCredential('pro-5002', 'corbado1_other')),
    ...{ ask: 'verify', reason: 'secret_wrong_project', source: 'GetParameter', first: 1 },
    ...{ every: ABOUT_5, runSeconds: 30 },
  },
]

t.test('a broken tenant that is called ten times a second', async (t) => {
  const TICK_MS = 500
  const IN_A_TICK = 5

  /** An answer without what is random in it. */
  async function answerOf({ userPoolId, alias }: TenantFile, ask: Broken['ask'], proof: string): Promise<string> {
    if (ask === 'pre-login') {
      return JSON.stringify((await gateway.action({ action: 'pre-login', userPoolId, identifier: USER })).body)
    }
    count += 1
    const privateChallengeParameters = { cognitoID: USER, nonce: `nonce-${count}` }
    const event = verifyEvent(proof, { privateChallengeParameters }, { userPoolId })
    return JSON.stringify((await gateway.trigger(event, { arn: hostedArn(alias) })).response)
  }

  const served = { 'pre-login': JSON.stringify(found.body), verify: '{"answerCorrect":true}' }
  const refused = { 'pre-login': JSON.stringify(untyped.body), verify: '{"answerCorrect":false}' }

  for (const { what, breakIt, ask, reason, source, first, every, runSeconds } of brokens) {
    const [least, most] = every
    t.test(
      `with ${what} costs ${first} ${source}, then one in ${least} s at most; its neighbour is served`,
      async (t) => {
        const broken = await addTenant()
        const neighbour = await addTenant({ corbado: { projectId: 'pro-5002' } })
        breakIt(broken)
        const standIn = source === 'AssumeRole' ? sts : ssm
        const [before, startedAt] = [standIn.calls.length, clock.now()]
        const proof = await corbado.sign(PROJECT, USER)
        const answers = { broken: new Set<string>(), neighbour: new Set<string>() }
        gateway.take()
        for (let ms = 0; ms < runSeconds * SECOND; ms += TICK_MS) {
          const others = answerOf(neighbour, ask, await corbado.sign('pro-5002', USER))
          const own = Array.from({ length: IN_A_TICK }, () => answerOf(broken, ask, proof))
          for (const answer of await Promise.all(own)) answers.broken.add(answer)
          answers.neighbour.add(await others)
          clock.advance(TICK_MS)
        }
        t.strictSame([...answers.broken], [refused[ask]])
        t.strictSame([...answers.neighbour], [served[ask]])
        const reasons = gateway.take().flatMap((line) => (line.tenantId === broken.tenantId ? [line.reason] : []))
        t.equal(reasons.length, (runSeconds * SECOND * IN_A_TICK) / TICK_MS)
        t.strictSame([...new Set(reasons)], [reason])

        const callsOf = ({ aws, corbado }: TenantFile) =>
          standIn.calls.slice(before).filter(({ operation, input }) => {
            const { RoleArn, Name } = input as { RoleArn?: string; Name?: string }
            return operation === source && (RoleArn === aws.roleArn || Name === corbado.credentialParameter)
          })
        t.equal(callsOf(neighbour).length, 1)
        const seconds = callsOf(broken).map(({ at }) => (at - startedAt) / SECOND)
        t.strictSame(seconds.slice(0, first), Array(first).fill(0), 'to find out')
        const later = seconds.slice(first)
        for (const [i, at] of later.entries()) {
          const gap = at - (later[i - 1] ?? 0)
          t.ok(gap >= least && gap <= most + TICK_MS / SECOND, `${gap} s after the one before`)
        }
        t.ok(later.length >= Math.floor((runSeconds - 1) / most), `${later.length} more in ${runSeconds} s`)
      },
    )
  }
})

t.test('no line holds a secret, whatever went wrong above', async (t) => {
  const text = gateway.text()
  t.notMatch(text, /corbado1_/)
  t.notMatch(text, /Basic |Bearer |AQICAH/)
  for (const { secretAccessKey, sessionToken } of issued) {
    t.notOk(text.includes(secretAccessKey) || text.includes(sessionToken))
  }
})

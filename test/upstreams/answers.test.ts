import { marshall } from '@aws-sdk/util-dynamodb'
import t from 'tap'
import { type Call, createCall, systemClock } from '../../src/call.js'
import type { UpstreamError } from '../../src/errors.js'
import type { UserPoolId } from '../../src/ids.js'
import { ACTIONS_ALIAS, FUNCTION_ARN } from '../../src/local/accounts.js'
import { saidInFull, saidOf } from '../../src/operator/attempt.js'
import { failureOf } from '../../src/terminal/failure.js'
import { createOperatorUpstreams, type OperatorUpstreams } from '../../src/upstreams/operator.js'
import { startLiar } from '../fixtures/liar.js'
import { stayOnLoopback } from '../fixtures/loopback.js'

const strangers = stayOnLoopback(t)
const { answer } = await startLiar(t)
const region = 'eu-central-1'
const [pool, other] = ['eu-central-1_Acme00001', 'eu-central-1_Other0001'] as UserPoolId[]
if (!pool) throw new Error('no pool')
const place = { region, tenantTable: 'tenants', functionArn: FUNCTION_ARN, actionsAlias: ACTIONS_ALIAS }
const upstreams = createOperatorUpstreams(place, systemClock)
t.teardown(() => upstreams.close())
const settings = upstreams.userPoolSettings(pool, region, null)
const call = () => createCall(20_000)
const roleArn = 'arn:aws:iam::111122223333:role/corbado/corbado-acme'

async function faultOf(work: Promise<unknown>): Promise<UpstreamError> {
  try {
    const value = await work
    throw new Error(`no fault, but ${JSON.stringify(value)}`)
  } catch (error) {
    return error as UpstreamError
  }
}

const item = (fields: object) => ({ Item: marshall({ version: 1, record: 'config', config: {}, ...fields }) })
const assumed = (arn: string) =>
  `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
  <Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
  <AssumedRoleUser><AssumedRoleId>x</AssumedRoleId><Arn>${arn}</Arn></AssumedRoleUser>
  </AssumeRoleResult></AssumeRoleResponse>`
const client = { ClientId: 'web', ClientName: 'web' }

/** What is asked, an answer about something else, and one about what was asked. */
const cases: Record<string, [ask: (call: Call) => Promise<unknown>, lie: object | string, truth: object | string]> = {
  DescribeUserPool: [(c) => settings.describe(c), { UserPool: { Id: other } }, { UserPool: { Id: pool } }],
  'DescribeUserPoolClient, another pool': [
    (c) => settings.describeClient('web', c),
    { UserPoolClient: { ...client, UserPoolId: other } },
    { UserPoolClient: { ...client, UserPoolId: pool } },
  ],
  'DescribeUserPoolClient, another client': [
    (c) => settings.describeClient('web', c),
    { UserPoolClient: { ...client, ClientId: 'mobile', UserPoolId: pool } },
    { UserPoolClient: { ...client, UserPoolId: pool } },
  ],
  ListUserPoolClients: [
    (c) => settings.listClients(c),
    { UserPoolClients: [{ ...client, UserPoolId: other }] },
    { UserPoolClients: [{ ...client, UserPoolId: pool }] },
  ],
  'GetItem, another pool': [
    (c) => upstreams.table.fetchConfig(pool, c),
    item({ userPoolId: other }),
    item({ userPoolId: pool }),
  ],
  'GetItem, another record': [
    (c) => upstreams.table.fetchConfigNow(pool, c),
    item({ userPoolId: pool, record: 'v1' }),
    item({ userPoolId: pool }),
  ],
  Query: [
    (c) => upstreams.table.listVersions(pool, c),
    { Items: [item({ userPoolId: other, record: 'v1' }).Item] },
    { Items: [item({ userPoolId: pool, record: 'v1' }).Item] },
  ],
  'AssumeRole, another role': [
    (c) => upstreams.assumeRole({ roleArn, sessionName: 'corbado-x' }, c),
    assumed('arn:aws:sts::111122223333:assumed-role/corbado-other/corbado-x'),
    assumed('arn:aws:sts::111122223333:assumed-role/corbado-acme/corbado-x'),
  ],
  'AssumeRole, another account': [
    (c) => upstreams.assumeRole({ roleArn, sessionName: 'corbado-x' }, c),
    assumed('arn:aws:sts::444455556666:assumed-role/corbado-acme/corbado-x'),
    assumed('arn:aws:sts::111122223333:assumed-role/corbado-acme/corbado-x'),
  ],
  GetParameter: [
    (c) => upstreams.fetchParameter('/corbado/gateway/a', c),
    { Parameter: { Name: '/corbado/gateway/b', Value: 'x' } },
    { Parameter: { Name: '/corbado/gateway/a', Value: 'x' } },
  ],
  GetAlias: [
    (c) => upstreams.aliases.create('t-1', c),
    { AliasArn: `${FUNCTION_ARN}:other`, FunctionVersion: '1' },
    { AliasArn: `${FUNCTION_ARN}:${ACTIONS_ALIAS}`, FunctionVersion: '1' },
  ],
}

for (const [operation, [ask, lie, truth]] of Object.entries(cases)) {
  t.test(`${operation}: an answer about something else than was asked for is refused, not used`, async (t) => {
    answer(200, lie)
    const fault = await faultOf(ask(call()))
    t.match(fault, { kind: 'malformed', code: 'GW_ERR_UPSTREAM_MALFORMED', facts: { errorType: undefined } })
    t.match(saidOf(fault), /'s answer could not be read \(its answer is about .+, not about .+\)$/)
    answer(200, truth)
    await t.resolves(ask(call()))
  })
}

const asks: Record<string, [ask: (upstreams: OperatorUpstreams) => Promise<unknown>, name: string, language: string]> =
  {
    lambda: [({ aliases }) => aliases.list(call()), 'Lambda', 'JSON'],
    sts: [({ assumeRole }) => assumeRole({ roleArn, sessionName: 'corbado-x' }, call()), 'STS', 'XML'],
    ssm: [({ fetchParameter }) => fetchParameter('/a', call()), 'SSM', 'JSON'],
    table: [({ table }) => table.fetchConfig(pool, call()), 'DynamoDB', 'JSON'],
    cognito: [() => settings.describe(call()), 'Cognito', 'JSON'],
    cloudformation: [({ findStack }) => findStack(pool, call()), 'CloudFormation', 'XML'],
  }

for (const [upstream, [ask, name, language]] of Object.entries(asks)) {
  t.test(`${upstream}: what a proxy puts in place of an answer is not taken for AWS's word`, async (t) => {
    for (const status of [403, 404]) {
      answer(status, 'Blocked by your company')
      const fault = await faultOf(ask(upstreams))
      t.match(fault, { kind: 'malformed', reason: `${upstream}_malformed` })
      t.equal(fault.facts.errorType, undefined, 'only a name that a dependency sent is one')
      const said = `answered ${status} with something that is no ${language} (a proxy?)`
      t.equal(saidOf(fault), `${name}'s answer could not be read (${said})`)
      t.equal(saidInFull(fault), said)
      t.equal(failureOf(fault)?.line, `${upstream}_malformed: ${said} [GW_ERR_UPSTREAM_MALFORMED]`)
    }
  })
}

t.test('all stayed on loopback', async (t) => t.strictSame(strangers, []))

t.test('an answer with values of another type cannot be read: it is none of the gateway’s own faults', async (t) => {
  const users = upstreams.userPool(pool, region, null)
  const user = { Username: 'ada', UserStatus: 'CONFIRMED', Enabled: true }
  const find = (c: Call) => users.fetchUser('ada', c)
  const list = (c: Call) => users.fetchUsers('email = "a"', undefined, c)
  const read = (c: Call) => upstreams.fetchParameter('/corbado/gateway/a', c)
  const odd: [what: string, ask: (call: Call) => Promise<unknown>, said: object, reason: string][] = [
    ['a name that is an object', find, { ...user, Username: { a: 1 } }, 'cognito_malformed'],
    ['attributes that are a number', find, { ...user, UserAttributes: 7 }, 'cognito_malformed'],
    ['factors that are a text', find, { ...user, MFAOptions: 'x' }, 'cognito_malformed'],
    ['users that are an object', list, { Users: { a: [] } }, 'cognito_malformed'],
    ['a user that is a number', list, { Users: [7] }, 'cognito_malformed'],
    ['a user without a name', list, { Users: [{ ...user, Username: undefined }] }, 'cognito_malformed'],
    [
      'a value that is an object',
      read,
      { Parameter: { Name: '/corbado/gateway/a', Value: { a: 1 } } },
      'ssm_malformed',
    ],
  ]
  for (const [what, ask, said, reason] of odd) {
    answer(200, said)
    const asked = call()
    t.match(await faultOf(ask(asked)), { reason }, what)
    // Parameters are read for a cache, whose callers say what they asked for.
    if (ask !== read)
      t.match(asked.observed.last, { failed: 'cognito', operation: ask === find ? 'AdminGetUser' : 'ListUsers' }, what)
  }
  answer(200, user)
  t.match(await find(call()), { username: 'ada' })
})

import t from 'tap'
import { createCall, systemClock } from '../../src/call.js'
import { isUpstreamError } from '../../src/errors.js'
import type { UserPoolId } from '../../src/ids.js'
import { ACTIONS_ALIAS, customerAdmin, FUNCTION_ARN, OPERATOR_VARIABLES, operator } from '../../src/local/accounts.js'
import type { Principal } from '../../src/local/aws/identity.js'
import { inProcess } from '../../src/local/lambda/index.js'
import { startStack } from '../../src/local/stack.js'
import { createOperatorUpstreams, type OperatorUpstreams } from '../../src/upstreams/operator.js'
import { everySetting, everyTrigger, fullPool } from '../fixtures/full-pool.js'

const stack = await startStack()
t.teardown(stack.stop)
const { lambda, cognito, sts, ssm } = stack
stack.deploy(
  inProcess(async (event) => event),
  ['acme'],
)
cognito.putPool(fullPool)

const [region, userPoolId] = ['eu-central-1', fullPool.userPoolId as UserPoolId]
const options = {
  region,
  tenantTable: 'corbado-gateway-tenants',
  functionArn: FUNCTION_ARN,
  actionsAlias: ACTIONS_ALIAS,
}

/** Opens the operator's side under the given credentials; the SDK reads who that is with the first call. */
async function as<T>(principal: Principal, use: (upstreams: OperatorUpstreams) => Promise<T>): Promise<T> {
  const before = { ...process.env }
  Object.assign(process.env, stack.envFor(principal))
  const upstreams = createOperatorUpstreams(options, systemClock)
  try {
    return await use(upstreams)
  } finally {
    await upstreams.close()
    process.env = before
  }
}
const call = () => createCall(20_000)
const admin = customerAdmin(fullPool.accountId)
const rejected = (errorType: string) => ({ code: /^GW_ERR_UPSTREAM_/, facts: { errorType } })

t.test('what a command’s settings do not name is refused by the name of the setting', async (t) => {
  const upstreams = createOperatorUpstreams({ region, actionsAlias: ACTIONS_ALIAS }, systemClock)
  t.teardown(upstreams.close)
  t.throws(() => upstreams.aliases, { code: 'GW_ERR_ENV_INVALID', message: /^GATEWAY_FUNCTION_ARN is not set/ })
  t.throws(() => upstreams.table, { code: 'GW_ERR_ENV_INVALID', message: /^TENANT_TABLE is not set/ })
})

t.test('aliases', async (t) => {
  const policyOf = (alias: string, Sid = 'a') =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid,
          Effect: 'Allow',
          Principal: { Service: 'cognito-idp.amazonaws.com' },
          Action: 'lambda:InvokeFunction',
          Resource: `${FUNCTION_ARN}:${alias}`,
          Condition: { StringEquals: { 'AWS:SourceAccount': '111122223333' } },
        },
      ],
    })

  await t.test('a caller without the right is told so as our own error, and AWS’s name of it is kept', async (t) => {
    await as(admin, async ({ aliases }) => {
      const one = call()
      const error = await aliases.list(one).catch((error: unknown) => error)
      t.ok(isUpstreamError(error) && error.kind === 'denied' && error.upstream === 'lambda')
      t.match(one.observed, { last: { errorType: 'AccessDeniedException', status: 403 } })
      t.ok(Number(one.observed.upstream.lambda) >= 0)
    })
  })

  await t.test('a policy too long, or changed since it was read, is an outcome and writes nothing', (t) =>
    as(operator, async ({ aliases }) => {
      t.equal(await aliases.putPolicy('acme', policyOf('acme'), undefined, call()), 'written')
      const read = await aliases.fetchPolicy('acme', call())
      t.equal(read?.policy, policyOf('acme'))
      t.equal(
        await aliases.putPolicy('acme', policyOf('acme', 'x'.repeat(20_480)), read?.revisionId, call()),
        'too-long',
      )
      t.equal(await aliases.putPolicy('acme', policyOf('acme', 'b'), read?.revisionId, call()), 'written')
      t.equal(await aliases.putPolicy('acme', policyOf('acme', 'c'), read?.revisionId, call()), 'changed-meanwhile')
      const now = await aliases.fetchPolicy('acme', call())
      t.equal(now?.policy, policyOf('acme', 'b'))
      t.equal(await aliases.deletePolicy('acme', read?.revisionId ?? '', call()), 'changed-meanwhile')
      t.equal(await aliases.deletePolicy('acme', now?.revisionId ?? '', call()), 'written')
      t.equal(await aliases.fetchPolicy('acme', call()), undefined)
    }),
  )

  await t.test('any other refusal of a policy is an error', (t) =>
    as(operator, async ({ aliases }) => {
      const wrong = policyOf('other')
      await t.rejects(aliases.putPolicy('acme', wrong, undefined, call()), rejected('InvalidParameterValueException'))
    }),
  )

  await t.test('an alias without a policy has none, and an alias that exists is not made again', (t) =>
    as(operator, async ({ aliases }) => {
      await aliases.create('fresh', call())
      await aliases.create('fresh', call())
      t.equal(await aliases.fetchPolicy('fresh', call()), undefined)
      t.match(lambda.calls.filter(({ operation }) => operation === 'CreateAlias').at(-1)?.input, {
        Name: 'fresh',
        FunctionVersion: '1',
      })
    }),
  )

  await t.test('without the actions alias there is no version to make another of', async (t) => {
    Object.assign(process.env, stack.envFor(operator))
    const upstreams = createOperatorUpstreams({ ...options, actionsAlias: 'nowhere' }, systemClock)
    t.teardown(upstreams.close)
    await t.rejects(upstreams.aliases.create('x', call()), rejected('ResourceNotFoundException'))
  })

  await t.test('all of them are listed, over all pages', (t) =>
    as(operator, async ({ aliases }) => {
      for (let i = 0; i < 51; i += 1) await aliases.create(`group-${i}`, call())
      const names = await aliases.list(call())
      t.equal(new Set(names).size, 54)
      t.ok(names.includes('group-50') && names.includes(ACTIONS_ALIAS))
    }),
  )
})

t.test('a pool as its owner sees it', async (t) => {
  const settingsOf = ({ userPoolSettings }: OperatorUpstreams) => userPoolSettings(userPoolId, region, null)

  await t.test('a pool that is not there, or a change that came between, is AWS’s own word', (t) =>
    as(admin, async (upstreams) => {
      const nowhere = upstreams.userPoolSettings('eu-central-1_Nowhere01' as UserPoolId, region, null)
      await t.rejects(nowhere.describe(call()), rejected('ResourceNotFoundException'))
      cognito.setConcurrentUpdates(userPoolId, 1)
      const update = settingsOf(upstreams).update({ UserPoolId: userPoolId }, call())
      await t.rejects(update, rejected('ConcurrentModificationException'))
    }),
  )

  await t.test('a write whose answer is a fault is not sent again: the first may have been done', (t) =>
    as(admin, async (upstreams) => {
      await cognito.setFault({ kind: 'status', status: 500 }, 'UpdateUserPool')
      const updates = () => cognito.calls.filter(({ operation }) => operation === 'UpdateUserPool').length
      const before = updates()
      await t.rejects(settingsOf(upstreams).update({ UserPoolId: userPoolId }, call()), {
        code: 'GW_ERR_UPSTREAM_UNAVAILABLE',
      })
      t.equal(updates(), before + 1)
      await cognito.setFault(undefined)
    }),
  )

  await t.test('is read whole and written whole', (t) =>
    as(admin, async (upstreams) => {
      const pool = settingsOf(upstreams)
      const before = await pool.describe(call())
      const LambdaConfig = { ...everyTrigger, DefineAuthChallenge: `${FUNCTION_ARN}:acme` }
      await pool.update({ UserPoolId: userPoolId, ...everySetting, LambdaConfig }, call())
      const after = await pool.describe(call())
      t.strictSame(after.LambdaConfig, LambdaConfig)
      t.strictSame(
        { ...after, LambdaConfig: 0, LastModifiedDate: 0 },
        { ...before, LambdaConfig: 0, LastModifiedDate: 0 },
      )
      t.match(await pool.fetchMfaConfig(call()), { SoftwareTokenMfaConfiguration: { Enabled: true } })
    }),
  )

  await t.test('lists all app clients, over all pages', (t) =>
    as(admin, async (upstreams) => {
      const flags = { preventUserExistenceErrors: true, allowCustomAuth: true }
      const clients = Array.from({ length: 130 }, (_, i) => ({ clientId: `c${i}`, clientName: `app ${i}`, ...flags }))
      cognito.putPool({ ...fullPool, clients })
      const pool = settingsOf(upstreams)
      const listed = await pool.listClients(call())
      t.strictSame(
        listed,
        clients.map(({ clientId, clientName }) => ({ clientId, clientName })),
      )
      t.match(await pool.describeClient('c129', call()), { ClientName: 'app 129' })
    }),
  )
})

t.test('roles are assumed with the process’s own credentials, or with those of another role', async (t) => {
  const roleArn = `arn:aws:iam::${fullPool.accountId}:role/corbado/corbado-${userPoolId}`
  const Condition = { StringEquals: { 'sts:ExternalId': 'ext-1' } }
  const allow = { Effect: 'Allow', Action: 'cognito-idp:DescribeUserPool', Resource: '*' } as const
  const Principal = { AWS: 'arn:aws:iam::999900000001:root' }
  sts.putRole({
    roleArn,
    trust: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', Condition }] },
    policies: [{ Version: '2012-10-17', Statement: [allow] }],
  })
  await as(operator, async (upstreams) => {
    const { DOCTOR_ROLE_ARN } = OPERATOR_VARIABLES
    t.match(await upstreams.callerIdentity(call()), { accountId: '999900000001', arn: operator.arn })
    const session = { roleArn, sessionName: 'doctor' }
    await t.rejects(upstreams.assumeRole({ ...session, externalId: 'ext-1' }, call()), rejected('AccessDenied'))
    const doctor = await upstreams.assumeRole({ roleArn: DOCTOR_ROLE_ARN, sessionName: 'doctor' }, call())
    await t.rejects(upstreams.assumeRoleAs(doctor, session, call()), rejected('AccessDenied'))
    t.notMatch(sts.calls.at(-1)?.input, { ExternalId: String }, 'none is sent')
    await t.rejects(upstreams.assumeRoleAs(doctor, { ...session, externalId: 'no' }, call()), rejected('AccessDenied'))

    const sessionPolicy = JSON.stringify({ Version: '2012-10-17', Statement: [{ ...allow, Resource: 'arn:aws:x' }] })
    const narrow = await upstreams.assumeRoleAs(doctor, { ...session, externalId: 'ext-1', sessionPolicy }, call())
    const wide = await upstreams.assumeRoleAs(doctor, { ...session, externalId: 'ext-1' }, call())
    const byRole = (credentials: typeof wide) => upstreams.userPoolSettings(userPoolId, region, credentials)
    t.equal((await byRole(wide).describe(call())).Id, userPoolId)
    await t.rejects(byRole(narrow).describe(call()), rejected('AccessDeniedException'))
    await t.rejects(byRole(wide).listClients(call()), rejected('AccessDeniedException'))
    await t.rejects(
      upstreams.userPoolSettings(userPoolId, region, null).describe(call()),
      rejected('AccessDeniedException'),
    )
    const pool = upstreams.userPool(userPoolId, region, wide)
    await t.rejects(pool.fetchUser('nobody', call()), rejected('AccessDeniedException'))
  })
})

t.test('a secret is stored once, overwritten only when told to, and read back', async (t) => {
  const name = `/corbado/gateway/${userPoolId}/backend`
  const secret = { name, type: 'SecureString', overwrite: false } as const
  await as(operator, async ({ putParameter, fetchParameter }) => {
    t.strictSame(await putParameter({ ...secret, value: 'one' }, call()), { version: 1 })
    await t.rejects(putParameter({ ...secret, value: 'two' }, call()), rejected('ParameterAlreadyExists'))
    t.strictSame(await putParameter({ ...secret, value: 'two', overwrite: true }, call()), { version: 2 })
    t.strictSame(await fetchParameter(name, call()), { value: 'two', version: 2 })
  })
})

t.test('an operator far away waits longer than a login may, and not for ever', async (t) => {
  await as(operator, async ({ fetchParameter, callerIdentity, aliases }) => {
    await ssm.setFault({ kind: 'slow', ms: 700 })
    t.match(await fetchParameter(`/corbado/gateway/${userPoolId}/backend`, call()), { value: 'two' })
    await ssm.setFault(undefined)
    const timedOut = { code: 'GW_ERR_UPSTREAM_TIMEOUT' }
    for (const standIn of [sts, lambda]) await standIn.setFault({ kind: 'hang' })
    await t.rejects(callerIdentity(createCall(300)), timedOut)
    await t.rejects(aliases.list(createCall(300)), timedOut)
    for (const standIn of [sts, lambda]) await standIn.setFault(undefined)
  })
})

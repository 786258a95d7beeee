import t from 'tap'
import { FUNCTION_ARN, OPERATOR_VARIABLES, operator } from '../../src/local/accounts.js'
import { useNoAccount } from '../../src/local/aws/variables.js'
import { type Stack, startStack } from '../../src/local/stack.js'
import { hostedArn, putTenantRecord } from '../../src/local/world/tenants.js'
import { stayOnLoopback } from '../fixtures/loopback.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli as run } from './fixtures/cli.js'

const strangers = stayOnLoopback(t)
const older = ['lambda:GetPolicy', 'lambda:AddPermission', 'lambda:RemovePermission']
const mayOlder = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: older, Resource: `${FUNCTION_ARN}:*` }],
} as const
const principal = { ...operator, policies: [...operator.policies, mayOlder] }
const tenantOf = (tenantId: string, accountId = '111122223333') =>
  tenantFile({ tenantId, alias: 't-1', userPoolId: `eu-central-1_${tenantId}`, aws: { accountId } })
const poolArn = (tenantId: string, accountId = '111122223333') =>
  `arn:aws:cognito-idp:eu-central-1:${accountId}:userpool/eu-central-1_${tenantId}`
const NOTE = /^note: this endpoint does not know Lambda's calls on whole resource policies/m

/** An operator at an endpoint that does not know the newer calls. */
async function setUp(t: { teardown(fn: () => unknown): unknown }, tenants: readonly ReturnType<typeof tenantFile>[]) {
  const stack = await startStack()
  t.teardown(() => stack.stop())
  stack.deploy(async () => ({}), ['t-1'])
  for (const tenant of tenants) await putTenantRecord(stack, tenant, tenant.userPoolId)
  stack.lambda.forgetWholePolicies(true)
  const env = { ...stack.envFor(principal), ...OPERATOR_VARIABLES }
  useNoAccount(env)
  return { stack, cli: (...argv: string[]) => run(['aliases', ...argv], { env }) }
}

const asked = ({ lambda }: Stack, operation: string) =>
  lambda.calls.filter((call) => call.operation === operation).length
const invoked = ({ lambda }: Stack, tenantId: string, accountId = '111122223333') =>
  lambda.invokeAsCognito(hostedArn('t-1'), {}, { sourceArn: poolArn(tenantId, accountId), sourceAccount: accountId })

t.test('where the calls on whole policies are unknown, grant and revoke use the older ones, and say so', async (t) => {
  const { stack, cli } = await setUp(t, [tenantOf('acme'), tenantOf('globex', '444455556666')])
  t.match(await cli('list'), { code: 0, stderr: NOTE })
  const first = await cli('grant', 'acme')
  t.match(first, { code: 0, stderr: NOTE })
  t.match(first.stdout, `+ t-1: ${poolArn('acme')}`)
  t.match(JSON.parse((await cli('grant', 'globex', '--json')).stdout), {
    written: true,
    aliases: [{ removed: [], faults: [] }],
  })
  t.match(await cli('grant', 'acme'), { code: 0, stdout: /acme was let in already/ })
  t.equal(asked(stack, 'AddPermission'), 2, 'one statement a pool, and none twice')
  t.match(await cli('check'), { code: 0, stdout: /nothing to fix/ })
  t.match(await invoked(stack, 'acme'), { payload: {} })
  t.match(await invoked(stack, 'globex', '444455556666'), { payload: {} })

  t.match(await cli('revoke', 'acme', '--yes'), { code: 0, stderr: NOTE })
  t.notMatch(await invoked(stack, 'acme'), { payload: {} })
  t.match(await invoked(stack, 'globex', '444455556666'), { payload: {} }, 'its neighbour stays let in')
  t.match(await cli('revoke', 'globex', '--yes'), { code: 0 })
  t.equal(asked(stack, 'RemovePermission'), 2)
  t.match(await cli('check'), { code: 1, stdout: /acme/ })
})

t.test('a pool that moves to another account has its old statement replaced', async (t) => {
  const { stack, cli } = await setUp(t, [tenantOf('acme')])
  await cli('grant', 'acme')
  await putTenantRecord(stack, tenantOf('acme', '444455556666'), 'eu-central-1_acme')
  t.match(await cli('grant', 'acme', '--yes'), { code: 0, stdout: /- t-1: \S+:111122223333:/ })
  t.notMatch(await invoked(stack, 'acme'), { payload: {} })
  t.match(await invoked(stack, 'acme', '444455556666'), { payload: {} })
})

t.test('an alias without room for another statement is full', async (t) => {
  const many = Array.from({ length: 70 }, (_, i) => tenantOf(`pool${i}`))
  const { cli } = await setUp(t, many)
  const runs = []
  for (const { tenantId } of many) {
    const granted = await cli('grant', tenantId)
    runs.push(granted)
    if (granted.code !== 0) break
  }
  const last = runs.at(-1)
  t.match(last, { code: 1, stderr: /^error: the policy of t-1 has no room for this pool/ })
  t.ok(runs.length > 40, `${runs.length - 1} statements`)
})

t.test('where they are known, the older calls are not used', async (t) => {
  const { stack, cli } = await setUp(t, [tenantOf('acme')])
  stack.lambda.forgetWholePolicies(false)
  const granted = await cli('grant', 'acme')
  t.match(granted, { code: 0, stderr: '' })
  for (const operation of ['GetPolicy', 'AddPermission', 'RemovePermission']) t.equal(asked(stack, operation), 0)
})

t.test('a refusal of the newer calls is a refusal, and not a reason for the older ones', async (t) => {
  const { stack, cli } = await setUp(t, [tenantOf('acme')])
  stack.lambda.forgetWholePolicies(false)
  for (const status of [403, 500]) {
    await stack.lambda.setFault({ kind: 'status', status }, 'GetResourcePolicy')
    t.match(await cli('grant', 'acme'), { code: 1 })
  }
  await stack.lambda.setFault(undefined)
  t.equal(asked(stack, 'GetPolicy'), 0)
  t.strictSame(strangers, [])
})

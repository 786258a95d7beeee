import type { ServerResponse } from 'node:http'
import * as fc from 'fast-check'
import t from 'tap'
import { editAlias } from '../../src/commands/aliases/edit.js'
import { ACTIONS_ALIAS, FUNCTION_ARN, operator } from '../../src/local/accounts.js'
import type { PolicyDocument, Statement } from '../../src/local/aws/identity.js'
import { useNoAccount } from '../../src/local/aws/variables.js'
import { type Stack, startStack } from '../../src/local/stack.js'
import { putTenantRecord } from '../../src/local/world/tenants.js'
import { type AliasUse, planAlias } from '../../src/operator/aliases/choose.js'
import {
  type AliasPolicy,
  aliasPolicyBytes,
  aliasPolicyText,
  POLICY_BYTES_MAX,
  readAliasPolicy,
} from '../../src/operator/aliases/policy.js'
import type { FunctionAliases } from '../../src/upstreams/operator.js'
import { tenantFile } from '../fixtures/tenants.js'
import { cli as runCli } from './fixtures/cli.js'
import { createPausingClock, type PausingClock } from './fixtures/clock.js'

const region = 'eu-central-1'
/** What every command on aliases says first: what it speaks of, and as whom. */
const HEAD = /^table \S+ in eu-central-1 of account 999900000001\n {2}as arn:\S+\n/
const arnOf = (alias: string) => `${FUNCTION_ARN}:${alias}`
const poolArn = (userPoolId: string, accountId = '111122223333', at = region) =>
  `arn:aws:cognito-idp:${at}:${accountId}:userpool/${userPoolId}`

// Planner.

/** Pools with ids, accounts and regions of any length that AWS allows, the longest most of the time. */
const pools = fc
  .array(
    fc.record({
      suffix: fc.oneof(
        { weight: 4, arbitrary: fc.constant(40) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) },
      ),
      account: fc.integer({ min: 0, max: 999_999_999_999 }),
      region: fc.constantFrom('us-gov-east-1', 'ap-northeast-1', 'eu-central-1', 'us-east-1'),
    }),
    { minLength: 1, maxLength: 400 },
  )
  .map((all) =>
    all.map(({ suffix, account, region: at }, index) => {
      const id = `${at}_${String(index).padStart(suffix, 'a')}`.slice(0, 55)
      return { userPoolId: id, arn: poolArn(id, String(account).padStart(12, '0'), at) }
    }),
  )

const longFunction = `arn:aws-us-gov:lambda:us-gov-east-1:999900000001:function:${'g'.repeat(64)}`

t.test(
  'the planner never fills an alias over the limit, opens one only when no other has room, and puts no pool twice',
  async () => {
    fc.assert(
      fc.property(pools, (all) => {
        const uses = new Map<string, string[]>()
        const list = (): AliasUse[] => [...uses].map(([alias, poolArns]) => ({ alias, poolArns }))
        const fits = (alias: string, more: string) =>
          aliasPolicyBytes(`${longFunction}:${alias}`, [...(uses.get(alias) ?? []), more]) <= POLICY_BYTES_MAX
        for (const { arn } of all) {
          const { alias, isNew } = planAlias(list(), arn, longFunction)
          if (isNew !== !uses.has(alias)) return false
          if (isNew && [...uses.keys()].some((open) => fits(open, arn))) return false
          uses.set(alias, [...(uses.get(alias) ?? []), arn])
          if (aliasPolicyBytes(`${longFunction}:${alias}`, uses.get(alias) ?? []) > POLICY_BYTES_MAX) return false
          // Planned again, it stays where it is.
          if (planAlias(list(), arn, longFunction).alias !== alias) return false
        }
        const granted = [...uses.values()].flat()
        return granted.length === new Set(granted).size && granted.length === all.length
      }),
      { numRuns: 8 },
    )
  },
)

t.test('the planner fills an alias to the last byte, and not one further', async (t) => {
  const functionArn = (length: number) => `arn:aws:lambda:${region}:999900000001:function:${'g'.repeat(length)}`
  const next = poolArn(`${region}_last`)
  const poolArns: string[] = []
  const bytes = (length: number) => aliasPolicyBytes(`${functionArn(length)}:t-1`, [...poolArns, next])
  while (bytes(1) + 120 <= POLICY_BYTES_MAX)
    poolArns.push(poolArn(`${region}_${String(poolArns.length).padStart(4, '0')}`))
  const exact = POLICY_BYTES_MAX - bytes(0)
  t.equal(bytes(exact), 20_480)
  t.equal(planAlias([{ alias: 't-1', poolArns }], next, functionArn(exact)).alias, 't-1')
  t.equal(planAlias([{ alias: 't-1', poolArns }], next, functionArn(exact + 1)).alias, 't-2')
})

t.test('the planner leaves aliases of other names and those with foreign statements alone', async (t) => {
  const pool = poolArn('eu-central-1_New')
  const used = [poolArn('eu-central-1_Old')]
  t.strictSame(planAlias([], pool, FUNCTION_ARN), { alias: 't-1', isNew: true })
  t.strictSame(planAlias([{ alias: 't-acme', poolArns: used }], pool, FUNCTION_ARN), { alias: 't-1', isNew: true })
  const closed = [{ alias: 't-1', poolArns: used, closed: true }]
  t.strictSame(planAlias(closed, pool, FUNCTION_ARN), { alias: 't-2', isNew: true })
  t.strictSame(
    planAlias(
      [
        { alias: 't-10', poolArns: [] },
        { alias: 't-9', poolArns: [] },
      ],
      pool,
      FUNCTION_ARN,
    ),
    {
      alias: 't-9',
      isNew: false,
    },
  )
  t.strictSame(planAlias([{ alias: 't-acme', poolArns: [pool] }], pool, FUNCTION_ARN), {
    alias: 't-acme',
    isNew: false,
  })
})

// Reading policies.

const ours = (...arns: string[]): PolicyDocument => JSON.parse(aliasPolicyText(arnOf('t-1'), arns))

t.test('a policy is read back as it was written, in whatever order its pools came', async (t) => {
  const arns = [poolArn('eu-central-1_B'), poolArn('eu-central-1_A', '444455556666')]
  const text = aliasPolicyText(arnOf('t-1'), arns)
  const read = readAliasPolicy(arnOf('t-1'), text)
  t.strictSame(read.poolArns, [...arns].sort())
  t.strictSame(read.faults, [])
  t.equal(read.bytes, text.length)
  t.equal(text, aliasPolicyText(arnOf('t-1'), [...arns, ...arns].reverse()))
})

t.test('whatever an alias policy should not hold is told apart', async (t) => {
  const [statement] = ours(poolArn('eu-central-1_A')).Statement
  const condition = (source: unknown, account: unknown = '111122223333') => ({
    Condition: { ArnLike: { 'AWS:SourceArn': source }, StringEquals: { 'AWS:SourceAccount': account } },
  })
  const cases: [kind: string, change: Record<string, unknown>][] = [
    ['account-principal', { Principal: { AWS: 'arn:aws:iam::111122223333:root' } }],
    ['account-principal', { Principal: { AWS: '111122223333', Service: 'cognito-idp.amazonaws.com' } }],
    ['account-principal', { Principal: '*' }],
    ['foreign-statement', { Principal: { Service: 'events.amazonaws.com' } }],
    ['foreign-statement', { Principal: undefined, NotPrincipal: { AWS: '1' } }],
    ['foreign-statement', { Effect: 'Deny' }],
    ['foreign-statement', { Action: 'lambda:*' }],
    ['foreign-statement', { Action: ['lambda:InvokeFunction', 'lambda:UpdateFunctionCode'] }],
    ['foreign-statement', { Resource: arnOf('t-2') }],
    ['inexact-arn', condition('arn:aws:cognito-idp:eu-central-1:111122223333:userpool/*')],
    ['inexact-arn', condition('arn:aws:cognito-idp:eu-central-1:*:userpool/eu-central-1_A')],
    ['inexact-arn', { Condition: { StringEquals: { 'AWS:SourceAccount': '111122223333' } } }],
    ['wrong-accounts', condition(poolArn('eu-central-1_A'), '444455556666')],
    ['wrong-accounts', condition(poolArn('eu-central-1_A'), ['111122223333', '444455556666'])],
    ['wrong-accounts', { Condition: { ArnLike: { 'AWS:SourceArn': poolArn('eu-central-1_A') } } }],
    ['foreign-statement', { Condition: { ...condition('x').Condition, Bool: { 'aws:SecureTransport': 'true' } } }],
  ]
  for (const [kind, change] of cases) {
    const policy = { Version: '2012-10-17', Statement: [{ ...statement, ...change }] }
    const { faults } = readAliasPolicy(arnOf('t-1'), JSON.stringify(policy))
    t.ok(
      faults.some((fault) => fault.kind === kind),
      `${kind}: ${JSON.stringify(change)}`,
    )
  }
  t.equal(readAliasPolicy(arnOf('t-1'), 'nonsense').faults[0]?.kind, 'unreadable')
})

t.test('a statement of AddPermission that lets in one exact pool is no fault', async (t) => {
  const { Statement } = ours(poolArn('eu-central-1_A'))
  const added = Statement.map((one) => ({
    ...one,
    Sid: 'by-hand',
    Condition: {
      StringEquals: { 'AWS:SourceAccount': '111122223333' },
      ArnLike: { 'aws:SourceArn': poolArn('eu-central-1_A') },
    },
  }))
  const { poolArns, faults } = readAliasPolicy(arnOf('t-1'), JSON.stringify({ Statement: added }))
  t.strictSame(faults, [])
  t.strictSame(poolArns, [poolArn('eu-central-1_A')])
})

// Commands.

const tenantOf = (tenantId: string, alias: string, accountId = '111122223333') =>
  tenantFile({ tenantId, alias, userPoolId: `${region}_${tenantId}`, aws: { accountId } })

/** A stack of its own for one test, with these tenants in the table and these aliases beside the actions alias. */
async function setUp(
  t: { teardown(fn: () => unknown): unknown },
  tenants: readonly ReturnType<typeof tenantFile>[],
  aliases: readonly string[] = ['t-1'],
) {
  const stack = await startStack()
  t.teardown(() => stack.stop())
  stack.deploy(async () => ({}), aliases)
  for (const tenant of tenants) await putTenantRecord(stack, tenant, tenant.userPoolId)
  const env = stack.envFor(operator)
  useNoAccount(env)
  const cli = (...argv: string[]) => runCli(argv, { env })
  return { stack, env, cli, policy: (alias: string) => policyOf(stack, alias) }
}

async function policyOf(stack: Stack, alias: string) {
  const { LambdaClient, GetResourcePolicyCommand } = await import('@aws-sdk/client-lambda')
  const client = new LambdaClient({ region, endpoint: stack.lambda.url, credentials: stack.credentialsFor(operator) })
  try {
    const { Policy } = await client.send(new GetResourcePolicyCommand({ ResourceArn: arnOf(alias) }))
    return readAliasPolicy(arnOf(alias), Policy)
  } catch {
    return undefined
  } finally {
    client.destroy()
  }
}

t.test(
  'a command without the setting that names the function, or with one of another region, is refused',
  async (t) => {
    for (const argv of [['list'], ['check'], ['grant', 'acme'], ['revoke', 'acme']]) {
      const env = { TENANT_TABLE: 'tenants', AWS_REGION: region }
      const { code, stderr } = await runCli(['aliases', ...argv], { env })
      t.equal(code, 2)
      t.match(stderr, /GATEWAY_FUNCTION_ARN is not set/)
      const other = await runCli(['aliases', ...argv], {
        env: { ...env, AWS_REGION: 'us-east-1', GATEWAY_FUNCTION_ARN: FUNCTION_ARN },
      })
      t.equal(other.code, 2)
      t.match(other.stderr, /must be of the region in AWS_REGION \(us-east-1\)/)
    }
  },
)

t.test('grant makes the alias, lets in the one pool, and then its neighbours of the alias', async (t) => {
  const { cli, policy, stack } = await setUp(t, [tenantOf('acme', 't-7'), tenantOf('globex', 't-7', '444455556666')])
  const first = await cli('aliases', 'grant', 'acme')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, `+ t-7: ${poolArn(`${region}_acme`)}`)
  t.match(first.stdout, `hosted ARN: ${arnOf('t-7')}`)
  const second = await cli('aliases', 'grant', `${region}_globex`, '--json')
  t.equal(second.code, 0, second.stderr)
  t.match(JSON.parse(second.stdout), {
    kind: 'aliases-change',
    written: true,
    place: { table: String, region, accountId: '999900000001', as: String },
    aliases: [{ alias: 't-7', removed: [], faults: [] }],
  })
  t.strictSame((await policy('t-7'))?.poolArns, [
    poolArn(`${region}_acme`),
    poolArn(`${region}_globex`, '444455556666'),
  ])
  const writes = () => stack.lambda.calls.filter(({ operation }) => operation === 'PutResourcePolicy').length
  const before = writes()
  t.match((await cli('aliases', 'grant', 'acme')).stdout, /acme was let in already/)
  t.equal(writes(), before, 'what is granted is not written again')
  t.equal((await cli('aliases', 'check')).code, 0)
})

t.test(
  'grant refuses a pool of another region, a customer with several pools, and a name that does not exist',
  async (t) => {
    const elsewhere = tenantFile({
      tenantId: 'far',
      customer: 'far',
      userPoolId: 'us-east-1_far',
      aws: { region: 'us-east-1', roleArn: 'arn:aws:iam::111122223333:role/corbado/corbado-us-east-1_far' },
    })
    const { cli } = await setUp(t, [tenantOf('one', 't-1'), tenantOf('two', 't-1'), elsewhere])
    const far = await cli('aliases', 'grant', 'far')
    t.equal(far.code, 1)
    t.match(far.stderr, /has no pool in eu-central-1/)
    const customer = await cli('aliases', 'grant', 'acme')
    t.equal(customer.code, 2)
    t.match(customer.stderr, /one \(eu-central-1_one\) or two/)
    t.equal((await cli('aliases', 'grant', 'nobody')).code, 1)
  },
)

t.test('a replica of a pool is let in under the ARN that it has in this region', async (t) => {
  const tenant = tenantFile({
    tenantId: 'replicated',
    alias: 't-1',
    userPoolId: 'us-east-1_Main',
    aws: { region: 'us-east-1', replicaRegions: [region] },
  })
  const { cli, policy } = await setUp(t, [tenant])
  t.equal((await cli('aliases', 'grant', 'replicated')).code, 0)
  t.strictSame((await policy('t-1'))?.poolArns, [poolArn('us-east-1_Main')])
})

t.test('a full alias takes no further pool, and says what to do', async (t) => {
  const { cli, stack, policy } = await setUp(t, [tenantOf('acme', 't-1')])
  const acme = poolArn(`${region}_acme`)
  const arns: string[] = []
  while (aliasPolicyBytes(arnOf('t-1'), [...arns, acme]) <= POLICY_BYTES_MAX) {
    arns.push(poolArn(`${region}_${String(arns.length).padStart(4, '0')}`))
  }
  stack.lambda.putPolicy(arnOf('t-1'), ours(...arns))
  const { code, stderr } = await cli('aliases', 'grant', 'acme')
  t.equal(code, 1)
  t.match(stderr, /has no room for this pool .*another alias/)
  t.notOk((await policy('t-1'))?.poolArns.includes(acme))
  stack.lambda.putPolicy(arnOf('t-1'), ours(...arns.slice(1)))
  t.equal((await cli('aliases', 'grant', 'acme')).code, 0, 'the last one that fits is let in')
  t.ok((await policy('t-1'))?.poolArns.includes(acme))
})

const byHand: Statement = {
  Sid: 'by-hand',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::444455556666:root' },
  Action: 'lambda:InvokeFunction',
  Resource: arnOf('t-1'),
}

/** The statements of a policy as they stand. */
async function statementsOf(stack: Stack, alias: string): Promise<readonly Statement[]> {
  const { LambdaClient, GetResourcePolicyCommand } = await import('@aws-sdk/client-lambda')
  const client = new LambdaClient({ region, endpoint: stack.lambda.url, credentials: stack.credentialsFor(operator) })
  try {
    const { Policy = '' } = await client.send(new GetResourcePolicyCommand({ ResourceArn: arnOf(alias) }))
    return JSON.parse(Policy).Statement
  } finally {
    client.destroy()
  }
}

t.test(
  'grant and revoke change the pool that they name and nothing else: what others wrote stays as it is',
  async (t) => {
    const { cli, stack, policy } = await setUp(t, [tenantOf('acme', 't-1'), tenantOf('globex', 't-1')])
    const [simple] = ours(poolArn(`${region}_other`)).Statement as [Statement]
    const wider = { ...simple, Sid: 'wider', Action: ['lambda:InvokeFunction', 'lambda:GetFunction'] }
    // One of ours that somebody changed: it keeps our name.
    const wrongAccount: Statement = {
      ...simple,
      Condition: { ...simple.Condition, StringEquals: { 'AWS:SourceAccount': '999988887777' } },
    }
    const denied: Statement = {
      ...ours(poolArn(`${region}_denied`)).Statement[0],
      Sid: 'no',
      Effect: 'Deny',
    } as Statement
    const others = [byHand, wider, wrongAccount, denied]
    stack.lambda.putPolicy(arnOf('t-1'), { Version: '2012-10-17', Statement: others })
    const granted = await cli('aliases', 'grant', 'acme')
    t.equal(granted.code, 0, 'nothing is lost, so nothing has to be agreed to')
    t.match(
      granted.stdout,
      `+ t-1: ${poolArn(`${region}_acme`)}\n= t-1: statement by-hand names arn:aws:iam::444455556666:root`,
    )
    t.match(granted.stdout, '  ! others wrote that, and it stays; to take it out: corbado-gateway aliases clean t-1\n')
    const [own, ...rest] = await statementsOf(stack, 't-1')
    t.match(own, { Sid: 'CognitoUserPools2', Condition: { ArnLike: { 'AWS:SourceArn': [poolArn(`${region}_acme`)] } } })
    t.strictSame(rest, others)
    t.equal((await cli('aliases', 'grant', 'globex', '--yes')).code, 0)
    t.strictSame((await policy('t-1'))?.ownArns, [poolArn(`${region}_acme`), poolArn(`${region}_globex`)])
    t.strictSame((await statementsOf(stack, 't-1')).slice(1), others)

    const revoked = JSON.parse((await cli('aliases', 'revoke', 'acme', '--yes', '--json')).stdout)
    t.match(revoked.aliases, [{ removed: [poolArn(`${region}_acme`)], faults: [], left: { length: 4 } }])
    t.strictSame((await policy('t-1'))?.ownArns, [poolArn(`${region}_globex`)])
    t.strictSame((await statementsOf(stack, 't-1')).slice(1), others)
    t.equal((await cli('aliases', 'revoke', 'globex', '--yes')).code, 0)
    t.strictSame(await statementsOf(stack, 't-1'), others, 'and nothing of ours is left')
  },
)

t.test('a pool that others let in too is not revoked by halves: what comes first is named, and works', async (t) => {
  const { cli, stack, policy } = await setUp(t, [tenantOf('acme', 't-1')])
  const [simple] = ours(poolArn(`${region}_acme`), poolArn(`${region}_other`)).Statement as [Statement]
  const wider = { ...simple, Sid: 'wider', Action: ['lambda:InvokeFunction', 'lambda:GetFunction'] }
  stack.lambda.putPolicy(arnOf('t-1'), { Version: '2012-10-17', Statement: [wider] })
  const refused = await cli('aliases', 'revoke', 'acme', '--yes')
  t.equal(refused.code, 1)
  t.match(refused.stderr, `t-1 names ${region}_acme in what others wrote into its policy too: nothing was written.`)
  t.strictSame(await statementsOf(stack, 't-1'), [wider])
  const first = /corbado-gateway (aliases clean .*)\n/.exec(refused.stderr)?.[1] ?? ''
  t.equal((await cli(...first.split(' '))).code, 0, first)
  t.equal((await cli('aliases', 'revoke', 'acme', '--yes')).code, 0)
  t.match(await policy('t-1'), { poolArns: [poolArn(`${region}_other`)], faults: [] })
})

t.test('a policy that cannot be read is left alone by every command', async (t) => {
  const { cli, stack } = await setUp(t, [tenantOf('acme', 't-1')])
  const writes = () =>
    stack.lambda.calls.filter(({ operation }) => /^(Put|Delete)ResourcePolicy$/.test(operation)).length
  const before = writes()
  const say = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ Policy: '{"Statement":', RevisionId: '1' }))
    return true
  }
  await stack.lambda.setFault({ kind: 'say', say }, 'GetResourcePolicy')
  for (const words of [
    ['grant', 'acme', '--yes'],
    ['revoke', 'acme', '--yes'],
    ['clean', 't-1', '--yes'],
  ]) {
    t.match(
      await cli('aliases', ...words),
      { code: 1, stderr: /nothing was written\. Look at it: aws lambda get-resource-policy --resource-arn arn:/ },
      words.join(' '),
    )
  }
  t.equal(writes(), before)
})

t.test('grant leaves the actions alias alone, whose policy lets in the caller of Corbado', async (t) => {
  const { env, stack } = await setUp(t, [tenantOf('acme', 'corbado')], ['corbado'])
  const theirs = ours(poolArn(`${region}_any`))
  stack.lambda.putPolicy(arnOf('corbado'), theirs)
  const { code, stderr } = await runCli(['aliases', 'grant', 'acme', '--yes'], {
    env: { ...env, ACTIONS_ALIAS: 'corbado' },
  })
  t.equal(code, 1)
  t.match(stderr, /acme names the actions alias corbado/)
  t.strictSame((await policyOf(stack, 'corbado'))?.poolArns, [poolArn(`${region}_any`)])
})

t.test('pools that a foreign statement lets in stay let in by clean; what it denies is not let in', async (t) => {
  const { cli, stack, policy } = await setUp(t, [tenantOf('acme', 't-1')])
  const other = poolArn(`${region}_other`)
  const [simple] = ours(other).Statement as [Statement]
  const wider = { ...simple, Action: ['lambda:InvokeFunction', 'lambda:GetFunction'] }
  const denied = { ...ours(poolArn(`${region}_denied`)).Statement[0], Effect: 'Deny' } as Statement
  stack.lambda.putPolicy(arnOf('t-1'), { Version: '2012-10-17', Statement: [wider, denied] })
  t.equal((await cli('aliases', 'grant', 'acme')).code, 0)
  t.equal((await cli('aliases', 'clean', 't-1', '--yes')).code, 0)
  t.strictSame(await statementsOf(stack, 't-1'), ours(poolArn(`${region}_acme`), other).Statement)
  t.strictSame((await policy('t-1'))?.poolArns, [poolArn(`${region}_acme`), other])
})

t.test('two first grants of an alias at once let in both pools', async (t) => {
  const { stack, policy } = await setUp(t, [])
  const { createOperatorUpstreams } = await import('../../src/upstreams/operator.js')
  const upstreams = createOperatorUpstreams(
    { region, functionArn: FUNCTION_ARN, actionsAlias: ACTIONS_ALIAS },
    stack.clock,
  )
  t.teardown(() => upstreams.close())
  let overwritten = false
  const aliases: FunctionAliases = {
    ...upstreams.aliases,
    async putPolicy(...request) {
      const outcome = await upstreams.aliases.putPolicy(...request)
      // The other who read "no policy" writes last.
      if (!overwritten) stack.lambda.putPolicy(arnOf('t-1'), ours(poolArn(`${region}_rival`)))
      overwritten = true
      return outcome
    },
  }
  const acme = poolArn(`${region}_acme`)
  const edit = { alias: 't-1', aliasArn: arnOf('t-1'), pools: ({ ownArns }: AliasPolicy) => [...ownArns, acme] }
  t.match(await editAlias(aliases, edit), { written: true })
  t.strictSame((await policy('t-1'))?.poolArns, [acme, poolArn(`${region}_rival`)])
})

t.test('a policy that is changed meanwhile is read again; one that never rests is left as it is', async (t) => {
  const { stack, policy } = await setUp(t, [])
  const { createOperatorUpstreams } = await import('../../src/upstreams/operator.js')
  const options = { region, functionArn: FUNCTION_ARN, actionsAlias: ACTIONS_ALIAS }
  const upstreams = createOperatorUpstreams(options, stack.clock)
  t.teardown(() => upstreams.close())
  const old = poolArn(`${region}_old`)
  const acme = poolArn(`${region}_acme`)
  const pools = ({ ownArns }: AliasPolicy) => [...ownArns, acme]
  /** Lets acme in while another operator writes the policy first, so many times. */
  const editAgainst = (times: number, other = (count: number) => ours(old, poolArn(`${region}_new${count}`))) => {
    stack.lambda.putPolicy(arnOf('t-1'), ours(old))
    let count = 0
    const aliases: FunctionAliases = {
      ...upstreams.aliases,
      putPolicy(...request) {
        if (count < times) stack.lambda.putPolicy(arnOf('t-1'), other(++count))
        return upstreams.aliases.putPolicy(...request)
      },
    }
    return editAlias(aliases, { alias: 't-1', aliasArn: arnOf('t-1'), pools })
  }
  t.match(await editAgainst(2), { written: true })
  t.strictSame((await policy('t-1'))?.poolArns, [acme, poolArn(`${region}_new2`), old])
  await t.rejects(editAgainst(3), { message: /changed by others 3 times/ })
  t.strictSame((await policy('t-1'))?.poolArns, [poolArn(`${region}_new3`), old])
  const foreign = { ...ours(old).Statement[0], Principal: { AWS: '444455556666' } } as Statement
  const [own] = ours(old).Statement
  const withForeign = () => ({ Version: '2012-10-17' as const, Statement: own ? [own, foreign] : [] })
  t.match(await editAgainst(1, withForeign), { written: true })
  t.match(await policy('t-1'), { ownArns: [acme, old], others: [foreign] }, 'what another wrote meanwhile stays')
  stack.lambda.putPolicy(arnOf('t-1'), withForeign())
  const clean = { alias: 't-1', aliasArn: arnOf('t-1'), loses: [], pools: ({ poolArns }: AliasPolicy) => poolArns }
  await t.rejects(editAlias(upstreams.aliases, clean), { message: /not the one that was shown/ })
  t.equal((await policy('t-1'))?.faults.length, 1)
})

t.test('revoke shows what it would take away, does it with --yes, and leaves the others in', async (t) => {
  const { cli, policy, stack, env } = await setUp(t, [tenantOf('acme', 't-1'), tenantOf('globex', 't-1')])
  for (const tenant of ['acme', 'globex']) await cli('aliases', 'grant', tenant)
  const shown = await cli('aliases', 'revoke', 'acme')
  t.equal(shown.code, 1, 'no person was asked')
  t.match(shown.stdout, `- t-1: ${poolArn(`${region}_acme`)}`)
  t.match(shown.stdout, /is active: passkey logins fail/)
  t.equal((await policy('t-1'))?.poolArns.length, 2)
  const no = await runCli(['aliases', 'revoke', 'acme'], { env, isTTY: true, stdin: 'n\n' })
  t.match(no.stdout, /Nothing was written/)
  t.equal((await policy('t-1'))?.poolArns.length, 2)
  t.equal((await cli('aliases', 'revoke', 'acme', '--yes')).code, 0)
  t.strictSame((await policy('t-1'))?.poolArns, [poolArn(`${region}_globex`)])
  t.match((await cli('aliases', 'revoke', 'acme', '--yes')).stdout, /nothing to take away/)
  const last = await cli('aliases', 'revoke', 'globex', '--yes')
  t.equal(last.code, 0, last.stderr)
  t.equal(await policy('t-1'), undefined, 'a policy that lets no caller in is none')
  t.ok(stack.lambda.calls.some(({ operation }) => operation === 'DeleteResourcePolicy'))
  const actions = await cli('aliases', 'revoke', 'acme', '--alias', ACTIONS_ALIAS)
  t.equal(actions.code, 2)
})

t.test('list tells pools and bytes of every alias but the actions alias', async (t) => {
  const { cli } = await setUp(t, [tenantOf('acme', 't-2')], ['t-1', 't-2', 't-10'])
  await cli('aliases', 'grant', 'acme')
  const { stdout } = await cli('aliases', 'list')
  const used = aliasPolicyBytes(arnOf('t-2'), [poolArn(`${region}_acme`)])
  t.match(stdout, HEAD)
  t.strictSame(
    stdout
      .trimEnd()
      .split('\n')
      .slice(2)
      .map((line) => line.trim().split(/\s\s+/)),
    [
      ['alias', 'pools', 'bytes used', 'bytes left'],
      ['t-1', '0', '0', '20,480'],
      ['t-2', '1', String(used), (20_480 - used).toLocaleString('en')],
      ['t-10', '0', '0', '20,480'],
    ],
  )
  const json = JSON.parse((await cli('aliases', 'list', '--json')).stdout)
  t.match(json.aliases[1], { alias: 't-2', arn: arnOf('t-2'), bytesUsed: used, bytesLeft: 20_480 - used })
})

t.test('check finds every disagreement, and the commands that it names fix them all', async (t) => {
  const { cli, stack } = await setUp(
    t,
    [
      tenantOf('missing', 't-1'),
      tenantOf('noalias', 't-9'),
      tenantOf('moved', 't-2'),
      tenantOf('fine', 't-1'),
      tenantOf('account', 't-2', '444455556666'),
    ],
    ['t-1', 't-2', 't-3'],
  )
  const id = (name: string) => `${region}_${name}`
  const foreign = { Effect: 'Allow', Action: 'lambda:InvokeFunction' } as const
  const [fine] = ours(poolArn(id('fine')), poolArn(id('moved')), poolArn(id('gone'))).Statement
  stack.lambda.putPolicy(arnOf('t-1'), {
    Version: '2012-10-17',
    Statement: [
      ...(fine ? [fine] : []),
      { ...foreign, Sid: 'x', Principal: { AWS: '555566667777' }, Resource: arnOf('t-1') },
    ],
  })
  const t2 = aliasPolicyText(arnOf('t-2'), [poolArn(id('moved')), poolArn(id('account'), '111122223333')])
  stack.lambda.putPolicy(arnOf('t-2'), JSON.parse(t2))
  const [open] = (JSON.parse(aliasPolicyText(arnOf('t-3'), [])) as PolicyDocument).Statement
  const everyPool = { ArnLike: { 'AWS:SourceArn': 'arn:aws:cognito-idp:*:*:userpool/*' } }
  stack.lambda.putPolicy(arnOf('t-3'), {
    Version: '2012-10-17',
    Statement: open ? [{ ...open, Condition: everyPool }] : [],
  })

  const { code, stdout } = await cli('aliases', 'check', '--json')
  t.equal(code, 1)
  const { findings } = JSON.parse(stdout) as { findings: { kind: string; alias: string; what: string; fix: string }[] }
  t.strictSame(findings.map(({ kind, alias }) => `${kind} ${alias}`).sort(), [
    'account-principal t-1',
    'inexact-arn t-3',
    'no-alias t-9',
    'not-granted t-1',
    'not-granted t-2',
    'not-in-table t-1',
    'other-alias t-1',
    'other-pool t-2',
  ])
  const text = await cli('aliases', 'check')
  t.equal(text.code, 1)
  t.match(text.stdout, HEAD)
  for (const { what, fix } of findings) t.ok(text.stdout.includes(what) && text.stdout.includes(fix), what)

  for (const line of findings.flatMap(({ fix }) => fix.split(', then '))) {
    const [, ...words] = line.split(' ')
    t.equal((await cli(...words)).code, 0, line)
  }
  const after = await cli('aliases', 'check')
  t.equal(after.code, 0, after.stdout)
})

t.test(
  'a pool whose config cannot be read is still a customer’s: check names it, and no command that would shut it out',
  async (t) => {
    const { cli, stack } = await setUp(t, [tenantOf('newer', 't-1'), tenantOf('torn', 't-2')], ['t-1', 't-2', 't-3'])
    for (const tenant of ['newer', 'torn']) await cli('aliases', 'grant', tenant)
    // As a later version of this program may write it, and as no operator should.
    await putTenantRecord(stack, { ...tenantOf('newer', 't-1'), invented: 'later' }, `${region}_newer`)
    await putTenantRecord(stack, null, `${region}_torn`)
    await putTenantRecord(stack, {}, `${region}_elsewhere`)
    const odd = {
      Sid: 'x',
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Principal: { AWS: '555566667777' },
    } as const
    const [own] = ours(poolArn(`${region}_newer`)).Statement
    const Statement = [...(own ? [own] : []), { ...odd, Resource: arnOf('t-1') }]
    stack.lambda.putPolicy(arnOf('t-1'), { Version: '2012-10-17', Statement })

    const { code, stdout } = await cli('aliases', 'check', '--json')
    t.equal(code, 1)
    t.notMatch(stdout, 'aliases revoke')
    t.notMatch(stdout, 'delete-resource-policy')
    const { findings } = JSON.parse(stdout) as {
      findings: { kind: string; alias: string; what: string; fix: string }[]
    }
    t.strictSame(findings.map(({ kind, alias, what }) => `${kind} ${alias}: ${what}`).sort(), [
      'account-principal t-1: statement x names 555566667777, who could speak for every pool behind it',
      `unreadable-config -: ${region}_elsewhere (${region}_elsewhere) is let in nowhere, and its config is not one that this version can read`,
      `unreadable-config t-1: newer (${region}_newer) is let in through t-1, and its config is not one that this version can read`,
      `unreadable-config t-2: ${region}_torn (${region}_torn) is let in through t-2, and its config is not one that this version can read`,
    ])
    for (const { fix, kind } of findings.filter(({ kind }) => kind === 'unreadable-config'))
      t.match(fix, /^check with the version that wrote the config, .*; revoke nothing before$/, kind)
    t.equal((await cli('aliases', 'clean', 't-1', '--yes')).code, 0)
    t.match(await policyOf(stack, 't-1'), { poolArns: [poolArn(`${region}_newer`)], faults: [] }, 'still let in')
  },
)

t.test('what others wrote is taken out of a policy by itself: nobody is let in or out by that', async (t) => {
  // Two tenants of the alias: only one of them is let in, and the mend must not let in the other.
  const { cli, stack } = await setUp(t, [tenantOf('absent', 't-1'), tenantOf('acme', 't-1')])
  const [own] = ours(poolArn(`${region}_acme`)).Statement
  stack.lambda.putPolicy(arnOf('t-1'), { Version: '2012-10-17', Statement: own ? [own, byHand] : [] })
  const { findings } = JSON.parse((await cli('aliases', 'check', '--json')).stdout) as {
    findings: { kind: string; fix: string }[]
  }
  const { fix = '' } = findings.find(({ kind }) => kind === 'account-principal') ?? {}
  t.equal(fix, 'corbado-gateway aliases clean t-1 --yes')
  const shown = await cli('aliases', 'clean', 't-1')
  t.match(shown, {
    code: 1,
    stdout:
      /^table .* in eu-central-1 of account 999900000001\n {2}as arn:\S+\n- t-1: statement by-hand names arn.*\n\nNothing was written\. To write it:\n.*clean t-1 --yes\n$/,
  })
  t.equal((await cli(...fix.split(' ').slice(1))).code, 0)
  t.match(await policyOf(stack, 't-1'), { poolArns: [poolArn(`${region}_acme`)], faults: [] })
  t.match(await cli('aliases', 'clean', 't-1'), { code: 0, stdout: 't-1: there is nothing to take out\n' })
  t.match(await cli('aliases', 'clean', ACTIONS_ALIAS), { code: 1, stderr: 'is the actions alias' })
})

t.test('list waits while Lambda says that it is asked too much, and goes on; for a minute at most', async (t) => {
  const { env, stack } = await setUp(t, [])
  const throttled = { kind: 'status', status: 429 } as const
  await stack.lambda.setFault(throttled, 'GetResourcePolicy')
  const clock = createPausingClock(() => stack.lambda.setFault(undefined))
  const { code, stderr } = await runCli(['aliases', 'list'], { env, clock })
  t.equal(code, 0, stderr)
  t.equal(clock.pauses.length, 1)
  t.match(stderr, 'note: Lambda is asked more than it allows: waiting, and going on when it can\n')

  await stack.lambda.setFault(throttled, 'GetResourcePolicy')
  const endless = createPausingClock()
  t.match(await runCli(['aliases', 'list'], { env, clock: endless }), { code: 1, stderr: 'lambda_throttled' })
  t.ok(endless.elapsed() >= 60_000 && endless.elapsed() < 62_000, 'a minute in which nothing was served')
})

t.test('a write that Lambda throttles is waited for and made once; for a minute at most', async (t) => {
  const { env, stack, policy } = await setUp(t, [tenantOf('acme', 't-1')])
  const throttled = { kind: 'status', status: 429 } as const
  const grant = (clock: PausingClock) => runCli(['aliases', 'grant', 'acme'], { env, clock })
  const puts = () => stack.lambda.calls.filter(({ operation }) => operation === 'PutResourcePolicy').length
  await stack.lambda.setFault(throttled, 'PutResourcePolicy')
  const endless = createPausingClock()
  t.match(await grant(endless), { code: 1, stderr: 'lambda_throttled' })
  t.ok(endless.elapsed() >= 60_000 && endless.elapsed() < 62_000)
  t.equal(await policy('t-1'), undefined, 'nothing was written')

  const before = puts()
  let pauses = 0
  const clock = createPausingClock(() => (++pauses === 3 ? stack.lambda.setFault(undefined) : undefined))
  const { code, stderr } = await grant(clock)
  t.equal(code, 0, stderr)
  t.match(stderr, 'note: Lambda is asked more than it allows: waiting, and going on when it can\n')
  t.equal(clock.pauses.length, 3)
  t.equal(puts() - before, 4)
  t.strictSame((await policy('t-1'))?.poolArns, [poolArn(`${region}_acme`)])
})

t.test('check says so if the actions alias lets Cognito in', async (t) => {
  const { cli, stack } = await setUp(t, [])
  t.equal((await cli('aliases', 'check')).code, 0)
  stack.lambda.putPolicy(
    arnOf(ACTIONS_ALIAS),
    JSON.parse(aliasPolicyText(arnOf(ACTIONS_ALIAS), [poolArn('eu-central-1_A')])),
  )
  const { code, stdout } = await cli('aliases', 'check')
  t.equal(code, 1)
  t.match(stdout, /cognito-on-actions {2}actions: lets Cognito in/)
})

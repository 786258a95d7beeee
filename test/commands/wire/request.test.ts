import type { LambdaConfigType, UserPoolType } from '@aws-sdk/client-cognito-identity-provider'
import * as sdk from '@aws-sdk/client-cognito-identity-provider'
import fc from 'fast-check'
import t from 'tap'
import { changedTriggers, planUndo, planWiring } from '../../../src/commands/wire/changes.js'
import { managementOf, triggersFor } from '../../../src/commands/wire/managed.js'
import { POOL_FIELDS, poolDifferences, poolUpdate } from '../../../src/commands/wire/request.js'
import { updatePool } from '../../../src/local/cognito/owner.js'
import type { PoolSettings } from '../../../src/local/cognito/pool/pools.js'
import { describePool } from '../../../src/local/cognito/pool/settings.js'
import { CUSTOM_AUTH_SLOTS, OTHER_SLOTS, slotArn } from '../../../src/operator/pool/triggers.js'
import { everySetting, everyTrigger, fullPool } from '../../fixtures/full-pool.js'

const hosted = 'arn:aws:lambda:eu-central-1:999900000001:function:corbado-cognito-gateway:t-acme'
const allSlots = [...CUSTOM_AUTH_SLOTS, ...OTHER_SLOTS]

/** The names of a structure's members, in the SDK's own schema. */
function members(schema: unknown): string[] {
  return [...(schema as readonly [number, string, string, number, readonly string[]])[4]]
}

const byKind = (kind: string) =>
  Object.entries(POOL_FIELDS)
    .filter(([, field]) => field.kind === kind)
    .map(([name, field]) => ('as' in field && field.as) || name)
    .sort()

t.test('the table has every field that the installed SDK knows, and sends back all that can be sent', async (t) => {
  t.same(Object.keys(POOL_FIELDS).sort(), members(sdk.UserPoolType$).sort())
  t.same([...byKind('sent-back'), ...byKind('changed')].sort(), members(sdk.UpdateUserPoolRequest$).sort())
  const created = new Set(members(sdk.CreateUserPoolRequest$))
  for (const name of byKind('immutable')) t.ok(created.has(name === 'SchemaAttributes' ? 'Schema' : name), name)
  for (const name of byKind('describe-only')) t.notOk(created.has(name), name)
})

t.test('what is sent back has the same shape in the answer and in the request, at every depth', async (t) => {
  const shapeOf = (schema: unknown, member: string) => {
    const [, , , , names, shapes] = schema as readonly [number, string, string, number, string[], unknown[]]
    const shape = shapes[names.indexOf(member)]
    // A shape is itself, or behind a function, or beside traits that only say how it is sent.
    const bare = typeof shape === 'function' ? shape() : shape
    return Array.isArray(bare) && Array.isArray(bare[0]) ? bare[0] : bare
  }
  for (const [name, field] of Object.entries(POOL_FIELDS)) {
    if (field.kind !== 'sent-back' && field.kind !== 'changed') continue
    const sent = ('as' in field && field.as) || name
    t.equal(shapeOf(sdk.UserPoolType$, name), shapeOf(sdk.UpdateUserPoolRequest$, sent), name)
  }
})

t.test('every name in LambdaConfig is a slot, another name of one, or belongs to the custom senders', async (t) => {
  const others = ['PreTokenGenerationConfig', 'CustomSMSSender', 'CustomEmailSender', 'KMSKeyID']
  t.same([...allSlots, ...others].sort(), members(sdk.LambdaConfigType$).sort())
})

t.test('nothing but the triggers changes in a pool with everything set', async (t) => {
  const before = describePool(fullPool, 3) as unknown as UserPoolType
  const lambdaConfig = changedTriggers(before, planWiring(before, hosted, allSlots, replaceAll(before)).changes)
  const input = poolUpdate(before, lambdaConfig)
  const { UnusedAccountValidityDays: _, ...admin } = before.AdminCreateUserConfig ?? {}
  t.same(input, {
    UserPoolId: fullPool.userPoolId,
    PoolName: 'acme-users',
    ...everySetting,
    AdminCreateUserConfig: admin,
    LambdaConfig: lambdaConfig,
  })
  t.equal(before.AdminCreateUserConfig?.UnusedAccountValidityDays, 2, 'the old name was answered and not sent back')
  for (const slot of allSlots) t.equal(slotArn(lambdaConfig, slot), hosted, slot)
  const { CustomSMSSender, CustomEmailSender, KMSKeyID } = everyTrigger
  t.match(lambdaConfig, { CustomSMSSender, CustomEmailSender, KMSKeyID })
  t.match(lambdaConfig, { PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: hosted } })
})

t.test('whatever a pool has set survives, and undo brings its triggers back', async (t) => {
  const settings = fc
    .record(Object.fromEntries(Object.entries(everySetting).map(([name, value]) => [name, fc.constant(value)])), {
      requiredKeys: [],
    })
    .map((chosen): PoolSettings => consistent(chosen))
  const triggers = fc
    .record(Object.fromEntries(Object.entries(everyTrigger).map(([name, value]) => [name, fc.constant(value)])), {
      requiredKeys: [],
    })
    .map((chosen: LambdaConfigType) => {
      const sender = chosen.CustomSMSSender ?? chosen.CustomEmailSender
      return sender ? { ...chosen, KMSKeyID: everyTrigger.KMSKeyID } : chosen
    })
  fc.assert(
    fc.property(settings, triggers, fc.subarray(allSlots), (settings, lambdaConfig, slots) => {
      const pool = { ...fullPool, settings, lambdaConfig }
      const before = described(pool)
      const { changes } = planWiring(before, hosted, slots, replaceAll(before))
      const wanted = changedTriggers(before, changes)
      const wired = updatePool(pool, wire(poolUpdate(before, wanted)), 1)
      const after = described(wired)
      if (poolDifferences(before, wanted, after).length > 0) return false
      if (slots.some((slot) => slotArn(after.LambdaConfig, slot) !== hosted)) return false

      const undo = planUndo(after, changes)
      const back = changedTriggers(after, undo.changes)
      const unwired = described(updatePool(wired, wire(poolUpdate(after, back)), 2))
      return undo.taken.length === 0 && poolDifferences(before, before.LambdaConfig ?? {}, unwired).length === 0
    }),
  )
  t.pass()
})

t.test('names every setting that an update would lose, whichever it is', async (t) => {
  const before = described(fullPool)
  const differencesWithout = (...names: readonly string[]) => {
    const rest = Object.fromEntries(Object.entries(everySetting).filter(([name]) => !names.includes(name)))
    return poolDifferences(before, everyTrigger, described({ ...fullPool, settings: rest }))
  }
  // Four settings of which each tells what the others do: they can only be lost together.
  const messages = Object.keys(everySetting).filter((name) => /Verification(Message|Subject)/.test(name))
  t.equal(messages.length, 4)
  t.same(differencesWithout(...messages).sort(), messages.sort())
  for (const name of Object.keys(everySetting)) if (!messages.includes(name)) t.same(differencesWithout(name), [name])
  for (const name of Object.keys(everyTrigger) as (keyof LambdaConfigType)[]) {
    const { [name]: _, ...lambdaConfig } = everyTrigger
    const differences = poolDifferences(before, everyTrigger, { ...before, LambdaConfig: lambdaConfig })
    // The newer name of its slot says the same.
    t.same(differences, name === 'PreTokenGeneration' ? [] : [`LambdaConfig.${name}`], name)
  }
  t.same(poolDifferences(before, everyTrigger, { ...before, UsernameAttributes: ['email'] }), ['UsernameAttributes'])
  t.same(
    poolDifferences(before, everyTrigger, { ...before, LastModifiedDate: new Date(9), EstimatedNumberOfUsers: 7 }),
    [],
  )
})

t.test('what comes back in another order, or empty instead of absent, is no difference', async (t) => {
  const before: UserPoolType = { AutoVerifiedAttributes: ['email', 'phone_number'], LambdaConfig: {} }
  const after: UserPoolType = {
    AutoVerifiedAttributes: ['phone_number', 'email'],
    UserPoolTags: {},
    AliasAttributes: [],
  }
  t.same(poolDifferences(before, {}, after), [])
  t.same(
    poolDifferences({ ...before, UserPoolTags: { 'aws:x': '1', a: 'b' } }, {}, { ...after, UserPoolTags: { a: 'b' } }),
    [],
  )
  const V1 = { PreTokenGenerationConfig: { LambdaVersion: 'V1_0', LambdaArn: hosted } } as const
  t.same(
    poolDifferences(
      before,
      { PreTokenGeneration: hosted },
      { ...after, LambdaConfig: { PreTokenGeneration: hosted, ...V1 } },
    ),
    [],
  )
})

t.test('does not send what Cognito would refuse or take for something else', async (t) => {
  const sent = (pool: UserPoolType) => {
    const { UserPoolId: _, LambdaConfig: __, ...rest } = poolUpdate(pool, {})
    return rest
  }
  t.same(sent({ AdminCreateUserConfig: { UnusedAccountValidityDays: 3 } }), {
    AdminCreateUserConfig: { UnusedAccountValidityDays: 3 },
  })
  const lifetime = { Policies: { PasswordPolicy: { TemporaryPasswordValidityDays: 3 } } }
  t.same(sent({ ...lifetime, AdminCreateUserConfig: { UnusedAccountValidityDays: 3 } }), lifetime)
  t.same(sent({ UserPoolAddOns: {} as never, DeviceConfiguration: {}, SmsConfiguration: {}, UserPoolTags: {} }), {})
  t.same(sent({ AccountRecoverySetting: { RecoveryMechanisms: [] } }), {})
  t.same(sent({ AutoVerifiedAttributes: [] }), { AutoVerifiedAttributes: [] })
  t.same(sent({ UserPoolTags: { 'aws:cloudformation:stack-name': 'users', team: 'a' } }), {
    UserPoolTags: { team: 'a' },
  })
  const acr = { LEVEL_1: { AcrValue: 'urn:1' } }
  const dcr = { EnableStatus: 'Disabled' } as const
  const plan = { AcrConfiguration: acr, DcrConfiguration: dcr, UserPoolTier: 'ESSENTIALS' } as const
  t.same(sent(plan), plan)
  t.same(sent({ ...plan, UserPoolTier: 'LITE' }), { UserPoolTier: 'LITE' })
  t.same(sent({ DcrConfiguration: { OpenDcrEnabled: false } }), {}, 'without a state it would be turned on')
})

t.test('a slot in use is let go only for exactly what it holds', async (t) => {
  const pool = {
    LambdaConfig: { DefineAuthChallenge: 'arn:mine', CreateAuthChallenge: hosted, PreSignUp: 'arn:other' },
  }
  const plan = (replace = {}) => planWiring(pool, hosted, CUSTOM_AUTH_SLOTS, replace)
  const verify = { slot: 'VerifyAuthChallengeResponse', from: undefined, to: hosted }
  t.same(plan(), {
    changes: [verify],
    taken: [{ slot: 'DefineAuthChallenge', holds: 'arn:mine', expected: undefined }],
    chained: [],
  })
  t.same(plan({ DefineAuthChallenge: 'arn:mine:1' }).taken, [
    { slot: 'DefineAuthChallenge', holds: 'arn:mine', expected: 'arn:mine:1' },
  ])
  t.same(plan({ DefineAuthChallenge: 'arn:mine' }), {
    changes: [{ slot: 'DefineAuthChallenge', from: 'arn:mine', to: hosted }, verify],
    taken: [],
    chained: [],
  })
})

t.test('undo touches only what it changed, and leaves what is back already', async (t) => {
  const changes = [
    { slot: 'DefineAuthChallenge', from: 'arn:mine', to: hosted },
    { slot: 'CreateAuthChallenge', from: undefined, to: hosted },
    { slot: 'PreTokenGeneration', from: undefined, to: hosted },
  ] as const
  const pool = {
    LambdaConfig: {
      DefineAuthChallenge: hosted,
      PreSignUp: hosted,
      PreTokenGeneration: hosted,
      PreTokenGenerationConfig: { LambdaVersion: 'V1_0', LambdaArn: hosted },
    },
  } as const
  const plan = planUndo(pool, changes)
  t.same(plan.taken, [])
  t.same(changedTriggers(pool, plan.changes), { DefineAuthChallenge: 'arn:mine', PreSignUp: hosted })
})

t.test('finds the tool that manages a pool in the tags that teams and tools use', async (t) => {
  const tool = (tags: Record<string, string>) => managementOf(tags)?.tool
  t.same(managementOf({ team: 'a', 'aws:cloudformation:stack-name': 'users' }), {
    tool: 'cloudformation',
    tag: 'aws:cloudformation:stack-name=users',
  })
  for (const [key, value] of [
    ['Terraform', 'true'],
    ['terraform', 'yes'],
    ['ManagedBy', 'terraform'],
    ['managed-by', 'Terraform Cloud'],
    ['managed_by', 'opentofu'],
    ['IaC', 'terraform'],
    ['created-by', 'terraform'],
  ] as const) {
    t.equal(tool({ [key]: value }), 'terraform', `${key}=${value}`)
  }
  for (const tags of [{}, { terraform: 'false' }, { ManagedBy: 'platform-team' }, { team: 'terraform' }, { iac: '' }]) {
    t.equal(tool(tags), undefined, JSON.stringify(tags))
  }
  t.equal(managementOf(undefined), undefined)
})

t.test('prints the whole set of triggers as CloudFormation and Terraform write them', async (t) => {
  const config = {
    DefineAuthChallenge: hosted,
    CustomSMSSender: { LambdaVersion: 'V1_0', LambdaArn: 'arn:sms' },
    KMSKeyID: 'arn:key',
    PreTokenGenerationConfig: { LambdaVersion: 'V2_0', LambdaArn: 'arn:tokens' },
  } as const
  t.equal(
    triggersFor('cloudformation', config),
    `LambdaConfig:
  DefineAuthChallenge: ${hosted}
  CustomSMSSender:
    LambdaVersion: V1_0
    LambdaArn: arn:sms
  KMSKeyID: arn:key
  PreTokenGenerationConfig:
    LambdaVersion: V2_0
    LambdaArn: arn:tokens
`,
  )
  t.equal(
    triggersFor('terraform', config),
    `lambda_config {
  define_auth_challenge = "${hosted}"
  kms_key_id            = "arn:key"

  custom_sms_sender {
    lambda_version = "V1_0"
    lambda_arn     = "arn:sms"
  }

  pre_token_generation_config {
    lambda_version = "V2_0"
    lambda_arn     = "arn:tokens"
  }
}
`,
  )
  t.equal(
    triggersFor('terraform', { InboundFederation: { LambdaVersion: 'V1_0', LambdaArn: 'a' } }).split('\n')[1],
    '  inbound_federation {',
  )
})

function described(pool: Parameters<typeof describePool>[0]): UserPoolType {
  // As the wire carries it: what is undefined is absent. Times do not matter here.
  return JSON.parse(JSON.stringify(describePool(pool, 0))) as UserPoolType
}

function wire(input: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(input)) as Record<string, unknown>
}

function replaceAll({ LambdaConfig }: UserPoolType) {
  return Object.fromEntries(allSlots.map((slot) => [slot, slotArn(LambdaConfig, slot)]))
}

/** Cognito has rules between settings, and no pool can break them. */
function consistent(settings: PoolSettings): PoolSettings {
  const { UserAttributeUpdateSettings, AutoVerifiedAttributes, ...rest } = settings
  return {
    ...rest,
    ...(AutoVerifiedAttributes && { AutoVerifiedAttributes }),
    ...(AutoVerifiedAttributes && UserAttributeUpdateSettings && { UserAttributeUpdateSettings }),
  }
}

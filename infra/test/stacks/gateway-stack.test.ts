import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Stack } from 'aws-cdk-lib'
import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions'
import { SETTINGS } from '../../../src/env.js'
import * as local from '../../../src/local/accounts.js'
import { OPERATOR_SETTINGS, readOperatorSettings } from '../../../src/operator/settings.js'
import { LOG_FIELDS } from '../../../src/plugins/log-line.js'
import { reasons, rowOf } from '../../../src/reasons.js'
import { lineMetricsOf } from '../../lib/watch/line-metrics.js'
import { QUERIES } from '../../lib/watch/queries.js'
import { tablesIn } from '../fixtures/pages.js'
import { app, bundleWith, example, hostedWith, type Json, stackOf, synth } from '../fixtures/synth.js'

const NAME = 'CorbadoGateway-eu-central-1'
const all = synth(example('hosted'))
const template = stackOf(all, NAME)
const region = (changes: Json) => stackOf(synth(hostedWith(changes)), NAME)

const properties = (from: Template, type: string): Json[] =>
  Object.values(from.findResources(type)).map((one) => one.Properties)

test('the table cannot be lost, and is paid by request', () => {
  region({ deletionProtection: true }).hasResource('AWS::DynamoDB::GlobalTable', {
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      TableName: local.TABLE_NAME,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'userPoolId', KeyType: 'HASH' },
        { AttributeName: 'record', KeyType: 'RANGE' },
      ],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: [
        {
          Region: 'eu-central-1',
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          SSESpecification: { KMSMasterKeyId: Match.anyValue() },
        },
      ],
    },
  })
  const keys = Object.values(template.findResources('AWS::KMS::Key'))
  assert.equal(keys.length, 2)
  for (const { Properties, DeletionPolicy } of keys) {
    assert.equal(Properties.EnableKeyRotation, true)
    assert.equal(DeletionPolicy, 'RetainExceptOnCreate')
  }
})

test('a first deployment that fails leaves nothing behind that its repetition would find in the way', () => {
  const [{ Replicas }] = properties(template, 'AWS::DynamoDB::GlobalTable') as [{ Replicas: Json[] }]
  assert.deepEqual(
    Replicas.map(({ DeletionProtectionEnabled }) => DeletionProtectionEnabled),
    [false],
  )
  // What Retain keeps goes with what it belongs to: a version with its function.
  const named = ['Name', 'TableName', 'BucketName', 'LogGroupName', 'FunctionName', 'RoleName', 'AliasName', 'RuleName']
  for (const one of Object.values(all)) {
    for (const [id, { Type, DeletionPolicy, Properties = {} }] of Object.entries<Json>(one.toJSON().Resources)) {
      if (Type === 'AWS::Lambda::Version') continue
      const taken = named.some((name) => typeof (Properties as Json)[name] === 'string')
      if (taken) assert.notEqual(DeletionPolicy, 'Retain', id)
    }
  }
})

test('a replica is protected like the table, with the key of its own region; its stack makes no table', () => {
  const own = (example('hosted').regions as Record<string, Json>)['eu-central-1'] as Json
  const keyArn = 'arn:aws:kms:eu-west-1:999900000001:key/0a1b'
  const regions = {
    'eu-central-1': { ...own, deletionProtection: true, table: { replicaKeyArns: { 'eu-west-1': keyArn } } },
    'eu-west-1': { ...own, table: 'replica' },
  }
  const both = synth(example('hosted', { regions }))
  stackOf(both, NAME).hasResourceProperties('AWS::DynamoDB::GlobalTable', {
    Replicas: Match.arrayWith([
      Match.objectLike({
        Region: 'eu-west-1',
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        SSESpecification: { KMSMasterKeyId: keyArn },
      }),
    ]),
  })
  const second = stackOf(both, 'CorbadoGateway-eu-west-1')
  second.resourceCountIs('AWS::DynamoDB::GlobalTable', 0)
  second.resourceCountIs('AWS::KMS::Key', 2)
  second.resourceCountIs('AWS::IAM::Role', 0)
  second.hasResourceProperties('AWS::Lambda::Function', { Role: local.OPERATOR_VARIABLES.GATEWAY_ROLE_ARN })
})

test('the function is the built bundle, ends when Cognito gives up, and leaves log lines as they are', () => {
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: local.FUNCTION_ARN.split(':')[6],
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Handler: 'index.handler',
    Timeout: 5,
    MemorySize: 1024,
    ReservedConcurrentExecutions: 900,
    LoggingConfig: { LogFormat: 'Text', LogGroup: Match.anyValue() },
    VpcConfig: Match.absent(),
    Environment: {
      Variables: {
        TENANT_TABLE: local.TABLE_NAME,
        SELF_HOSTED: 'false',
        ALLOW_UNQUALIFIED: 'false',
        PSEUDONYM_KEY_PARAMETER: local.PSEUDONYM_KEY_PARAMETER,
        NODE_OPTIONS: '--max-old-space-size=921',
        UV_THREADPOOL_SIZE: '64',
        RES_OPTIONS: 'timeout:1',
      },
    },
  })
  // The only functions are ours: no custom resource, no provider framework.
  template.resourceCountIs('AWS::Lambda::Function', 1)
  const subnetIds = ['subnet-0a1b2c3d', 'subnet-1a1b2c3d']
  const securityGroupIds = ['sg-0a1b2c3d']
  region({ network: { subnetIds, securityGroupIds } }).hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: { SubnetIds: subnetIds, SecurityGroupIds: securityGroupIds },
  })
})

test('every alias points at the new version, which outlives the next deployment', () => {
  const names = properties(template, 'AWS::Lambda::Alias').map(({ Name }) => Name)
  assert.deepEqual(names.sort(), ['actions', 't-1', 't-2', 't-acme', 't-globex'])
  template.allResourcesProperties('AWS::Lambda::Alias', {
    FunctionVersion: { 'Fn::GetAtt': [Match.stringLikeRegexp('CurrentVersion'), 'Version'] },
    RoutingConfig: Match.absent(),
  })
  template.hasResource('AWS::Lambda::Version', { DeletionPolicy: 'Retain' })
})

test('a canary gives the new version its share of every alias; a share of nought is the way back', () => {
  const weights = (newVersionWeight: number) => region({ release: { stableVersion: '12', newVersionWeight } })
  const canary = weights(0.1)
  canary.resourceCountIs('AWS::Lambda::Alias', 5)
  canary.allResourcesProperties('AWS::Lambda::Alias', {
    FunctionVersion: '12',
    RoutingConfig: {
      AdditionalVersionWeights: [{ FunctionVersion: { 'Fn::GetAtt': Match.anyValue() }, FunctionWeight: 0.1 }],
    },
  })
  weights(0).allResourcesProperties('AWS::Lambda::Alias', { FunctionVersion: '12', RoutingConfig: Match.absent() })
})

/** A metric filter as line-metrics.ts has it. */
function filterOf({ FilterPattern, MetricTransformations }: Json) {
  const [transformation] = MetricTransformations as [Record<string, string> & { Dimensions: Record<string, string>[] }]
  const { MetricName, MetricValue, MetricNamespace, Dimensions } = transformation
  assert.equal(MetricNamespace, 'Corbado/CognitoGateway')
  const dimensions = Object.fromEntries(Dimensions.map(({ Key = '', Value }) => [Key, Value]))
  return { metricName: MetricName, pattern: FilterPattern, value: MetricValue, dimensions }
}

test('lines are kept as long as configured and indexed by what people search for', () => {
  template.hasResourceProperties('AWS::Logs::LogGroup', {
    RetentionInDays: 90,
    FieldIndexPolicies: [{ Fields: ['tenantId', 'reason', 'requestId', 'flowId'] }],
  })
  const filters = properties(template, 'AWS::Logs::MetricFilter').map(filterOf)
  assert.deepEqual(
    filters,
    lineMetricsOf('gateway').map(({ id: _, ...metric }) => metric),
  )
  assert.ok(filters.length <= 100, 'as many as a log may have')
  const rules = properties(template, 'AWS::CloudWatch::InsightRule').map(({ RuleBody }) => JSON.parse(String(RuleBody)))
  assert.equal(rules.length, 2)
  for (const { Contribution, LogGroupNames } of rules) {
    assert.deepEqual(Contribution.Keys, ['$.tenantId'])
    assert.deepEqual(LogGroupNames, ['/aws/lambda/corbado-cognito-gateway'])
  }
})

test('saved queries name only fields that lines have', () => {
  template.resourceCountIs('AWS::Logs::QueryDefinition', Object.keys(QUERIES).length)
  const known = new Set([...Object.keys(LOG_FIELDS), '@timestamp', '@message', 'lines', 'faults', 'starts'])
  const computed = new Set(['p50', 'p99', 'longest'])
  const words = new Set(
    'filterIndex filter fields sort desc asc limit stats count sum max pct by as bin ispresent'.split(' '),
  )
  const own = ['tenants', 'users', 'first', 'last', 'p10', 'p90', 'minute', 'count_distinct', 'min', 'in', 'and']
  for (const word of own) computed.add(word)
  for (const [name, { text }] of Object.entries(QUERIES)) {
    assert.ok(text.length < 10_000, `${name}: CloudWatch takes no longer one`)
    const used = text.replace(/"[^"]*"/g, '').match(/@?[a-zA-Z]\w*/g) ?? []
    const strange = used.filter((word) => !known.has(word) && !computed.has(word) && !words.has(word))
    assert.deepEqual(
      [...new Set(strange)].filter((word) => !['h', 'm', 'strcontains', 'code', 'at'].includes(word)),
      [],
      name,
    )
  }
})

test('every reason that rings or has look-alikes has a query, by all that the catalogue says tells them apart', () => {
  const has = reasons.filter((reason) => rowOf(reason).alarm || rowOf(reason).alike)
  assert.ok(has.length > 30)
  for (const reason of has) {
    const { text } = QUERIES[`reason/${reason}`] ?? { text: '' }
    assert.match(text, new RegExp(`^filterIndex reason = "${reason}"$`, 'm'))
    const by = (/ by (.*)$/m.exec(text)?.[1] ?? '').split(', ')
    assert.equal(by[0], 'tenantId')
    const told = (rowOf(reason).alike ?? []).flatMap(({ tell }) =>
      [...tell.matchAll(/`(\w+)`/g)].map(([, word]) => word),
    )
    // Each has a value of its own on nearly every line.
    const uncounted = ['flowId', 'userPoolId', 'upstream']
    for (const field of told.filter((word = '') => word in LOG_FIELDS && !uncounted.includes(word)))
      assert.ok(by.includes(field ?? '') || text.includes(`pct(${field}, `), `${reason} by ${field}: ${text}`)
  }
  const ofOwners = Object.entries(QUERIES).filter(([name]) => name.startsWith('owner/'))
  const named = ofOwners.flatMap(([, { text }]) => [...text.matchAll(/"(\w+)"/g)].map(([, word]) => word))
  for (const reason of reasons)
    assert.equal(named.filter((word) => word === reason).length, rowOf(reason).owner === 'end user' ? 0 : 1, reason)
})

test('ON-CALL.md lists every saved query with what it shows, and no other', () => {
  const [rows = []] = tablesIn(page, ['query', 'shows'])
  assert.deepEqual(
    rows,
    Object.entries(QUERIES).map(([name, { doc }]) => [`\`${name}\``, doc]),
  )
  const names = properties(template, 'AWS::Logs::QueryDefinition').map(({ Name }) => Name)
  assert.deepEqual(
    names.sort(),
    Object.keys(QUERIES)
      .map((name) => `corbado-cognito-gateway/${name}`)
      .sort(),
  )
})

const page = readFileSync('ON-CALL.md', 'utf8')
const alarmed = reasons.flatMap((reason) => {
  const { alarm, owner } = rowOf(reason)
  return alarm ? [{ reason, owner, ...alarm }] : []
})

test('alarms: errors, throttles, p99 near the deadline, concurrency, and faults by reason', () => {
  const alarms = properties(template, 'AWS::CloudWatch::Alarm')
  const named = (id: string) => alarms.find(({ AlarmName }) => AlarmName === `corbado-cognito-gateway-${id}`) ?? {}
  assert.equal(alarms.length, 5 + alarmed.length)
  for (const { AlarmActions, TreatMissingData, AlarmName } of alarms) {
    assert.deepEqual(AlarmActions, ['arn:aws:sns:eu-central-1:999900000001:on-call'])
    assert.equal(TreatMissingData, AlarmName === 'corbado-cognito-gateway-Silence' ? 'breaching' : 'notBreaching')
  }
  assert.equal(named('SlowestHundredth').Threshold, 3780)
  assert.equal(named('SlowestHundredth').ExtendedStatistic, 'p99')
  assert.equal(named('Throttles').Threshold, 1)
  assert.equal(named('Concurrency').Threshold, 720)
  assert.match(JSON.stringify(named('Errors').Metrics), /100 \* errors \/ invocations/)
  for (const { reason, from, look, owner } of alarmed) {
    const { Threshold, Dimensions, ...rest } = named(`Faults-${reason}`)
    const AlarmDescription = String(rest.AlarmDescription)
    assert.deepEqual({ Threshold, Dimensions }, { Threshold: from, Dimensions: [{ Name: 'Reason', Value: reason }] })
    for (const word of [reason, `of ${owner}.`, look, `Query: reason/${reason}.`])
      assert.ok(AlarmDescription.includes(word), AlarmDescription)
    const [, section = ''] = /infra\/ON-CALL\.md#(\S+)$/.exec(AlarmDescription) ?? []
    assert.match(page.toLowerCase(), new RegExp(`^## ${section.replaceAll('-', ' ')}$`, 'm'), 'the runbook has it')
  }
  const slower = region({ settings: { [SETTINGS.triggerDeadlineMs.name]: '3000' } })
  slower.hasResourceProperties('AWS::CloudWatch::Alarm', { ExtendedStatistic: 'p99', Threshold: 2700 })
})

test('five minutes without an invocation ring, no data above all; a config says how many, and 0 is none', () => {
  const silence = (changed: Json) =>
    properties(
      region({ function: { memoryMb: 1024, reservedConcurrency: 900, logRetentionDays: 90, ...changed } }),
      'AWS::CloudWatch::Alarm',
    ).find(({ AlarmName }) => AlarmName === 'corbado-cognito-gateway-Silence')
  const { AlarmDescription, ...alarm } = silence({}) ?? {}
  const expected = {
    ...{ Namespace: 'AWS/Lambda', MetricName: 'Invocations', Statistic: 'Sum', Period: 60, Threshold: 1 },
    ...{ EvaluationPeriods: 5, ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'breaching' },
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(alarm[name], value, name)
  assert.match(String(AlarmDescription), /Query: silence\. See infra\/ON-CALL\.md#silence$/)
  assert.match(page, /^## Silence$/m)
  assert.ok(QUERIES.silence)
  assert.equal(silence({ silenceMinutes: 90 })?.EvaluationPeriods, 90)
  assert.equal(silence({ silenceMinutes: 0 }), undefined)
  assert.throws(() => silence({ silenceMinutes: 1_441 }), /silenceMinutes/)
})

test('ON-CALL.md names every alarm with the number from which on it rings and where to look, and no other', () => {
  const [rows = []] = tablesIn(page, ['alarm', 'rings at', 'look at'])
  const own = ['`Errors`', '`Throttles`', '`SlowestHundredth`', '`Concurrency`', '`Silence`']
  assert.deepEqual(
    rows.slice(0, own.length).map(([alarm]) => alarm),
    own,
  )
  assert.deepEqual(
    rows.slice(own.length),
    alarmed.map(({ reason, from, look }) => [`\`Faults-${reason}\``, String(from), look]),
  )
})

test('the dashboard shows the deadline, faults by reason, versions, and the tenants with the most of it', () => {
  const [dashboard = {}] = properties(template, 'AWS::CloudWatch::Dashboard')
  const text = JSON.stringify(dashboard)
  for (const word of ['deadline', 'Faults', 'ExecutedVersion', 'corbado-cognito-gateway-top-tenants-faults']) {
    assert.match(text, new RegExp(word))
  }
})

test("outputs are the operator's settings, in the form that the commands take", () => {
  const outputs = Object.values(all).flatMap((one) => Object.values(one.toJSON().Outputs as Record<string, Json>))
  const names = outputs.map(({ Description }) => Description)
  // Whom a hand-over names, and what it says of the lines, stands in no stack of this app alone.
  const { handOverContact, logRetentionDays, ...ofStacks } = OPERATOR_SETTINGS
  for (const { name } of Object.values(ofStacks)) assert.ok(names.includes(name), name)
  for (const { name } of [handOverContact, logRetentionDays]) assert.ok(!names.includes(name), name)
  const value = (name: string) => outputs.find(({ Description }) => Description === name)?.Value
  const functionArn = String(value('GATEWAY_FUNCTION_ARN'))
  assert.equal(functionArn, local.FUNCTION_ARN)
  assert.equal(readOperatorSettings({ GATEWAY_FUNCTION_ARN: functionArn }).gatewayFunctionArn, functionArn)
  const global = stackOf(all, 'CorbadoGatewayGlobal')
  for (const arn of [local.OPERATOR_VARIABLES.GATEWAY_ROLE_ARN, local.OPERATOR_VARIABLES.DOCTOR_ROLE_ARN]) {
    global.hasResourceProperties('AWS::IAM::Role', { RoleName: arn.split('/')[1] })
  }
})

test('of the template bucket, strangers can read the template and nothing else', () => {
  const [policy = {}] = properties(stackOf(all, 'CorbadoGatewayGlobal'), 'AWS::S3::BucketPolicy')
  const { Statement } = policy.PolicyDocument as { Statement: Json[] }
  const allowed = Statement.filter(({ Effect }) => Effect === 'Allow')
  assert.equal(allowed.length, 1)
  assert.equal(allowed[0]?.Action, 's3:GetObject')
  assert.match(JSON.stringify(allowed[0]?.Resource), /"\/role\.template\.json"/)
  assert.ok(
    Statement.some(({ Effect, Condition }) => Effect === 'Deny' && /SecureTransport/.test(JSON.stringify(Condition))),
  )
})

test('a function whose bundle holds nothing compiled for it is warned of', () => {
  const warnings = (name: string) => {
    const stack = app(example('hosted'), bundleWith(name)).node.findChild(NAME) as Stack
    return Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('cold starts take twice as long'))
  }
  const name = (cpu: string, oldMb: number) =>
    `program.cjs.${cpu}.13.6.233.10-node.27.expose-gc.max-old-space-size=${oldMb}.bin`
  // The example's function has 1,024 MB.
  assert.equal(warnings(name('arm64', 921)).length, 0)
  for (const wrong of [name('x64', 921), name('arm64', 461), 'program.cjs'])
    assert.equal(warnings(wrong).length, 1, wrong)
})

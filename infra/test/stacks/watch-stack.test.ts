import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Match } from 'aws-cdk-lib/assertions'
import * as local from '../../../src/local/accounts.js'
import type { PolicyDocument, Principal } from '../../../src/local/aws/identity.js'
import { readWatchSettings } from '../../../src/operator/watch/settings.js'
import { policiesIn, rightsOf } from '../fixtures/policies.js'
import { type Call, checkRights } from '../fixtures/rights.js'
import { example, hostedWith, type Json, stackOf, synth } from '../fixtures/synth.js'

const place = { account: local.GATEWAY_ACCOUNT, region: local.REGION }
const NAME = `CorbadoGatewayWatch-${place.region}`
const templates = synth(hostedWith({ watch: { hours: 6 } }))
const template = stackOf(templates, NAME)
const TABLE_KEY = `arn:aws:kms:${place.region}:${place.account}:key/of-the-table`

const properties = (type: string): Json[] => Object.values(template.findResources(type)).map((one) => one.Properties)
const policies = policiesIn(template, place)
  .inline('Role')
  .map((policy): PolicyDocument => {
    return JSON.parse(
      JSON.stringify(policy).replaceAll(/\{"Fn::ImportValue":"[^"]*TableKey[^"]*"\}/g, `"${TABLE_KEY}"`),
    )
  })
const watcher: Principal = { ...local.watcher, policies }

test('it is off unless the config says so, and needs somebody to tell', () => {
  assert.ok(!Object.keys(synth(example('hosted'))).some((name) => name.startsWith('CorbadoGatewayWatch')))
  const { alarmTopicName: _, ...untold } = hostedWith({ watch: { hours: 6 } })
  assert.throws(() => synth(untold), /\/regions\/eu-central-1\/watch needs \/alarmTopicName/)
  for (const hours of [1, 25]) assert.throws(() => synth(hostedWith({ watch: { hours } })), /watch\/hours/)
})

test('a rule invokes it every five minutes; it has four, and a look that failed is not repeated', () => {
  template.hasResourceProperties('AWS::Events::Rule', {
    ScheduleExpression: 'rate(5 minutes)',
    State: 'ENABLED',
    Targets: [Match.objectLike({ RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 0 } })],
  })
  template.hasResourceProperties('AWS::Lambda::Function', {
    FunctionName: 'corbado-cognito-gateway-watch',
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Timeout: 240,
    LoggingConfig: { LogFormat: 'Text', LogGroup: Match.anyValue() },
  })
  template.resourceCountIs('AWS::Lambda::Function', 1)
  template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 300,
  })
  const [permission = {}] = properties('AWS::Lambda::Permission')
  assert.equal(permission.Principal, 'events.amazonaws.com')
  assert.ok(permission.SourceArn, 'of the rule alone')
})

test('its environment is what it reads, and holds no state', () => {
  const [own = {}] = properties('AWS::Lambda::Function')
  const variables = (own.Environment as { Variables: Record<string, string> }).Variables
  const settings = readWatchSettings({ ...variables, AWS_REGION: place.region })
  assert.deepEqual(settings, {
    region: place.region,
    tenantTable: local.TABLE_NAME,
    logGroups: local.LOG_GROUP,
    topicArn: local.TOPIC_ARN,
    hours: '6',
  })
  assert.deepEqual(Object.keys(variables).sort(), ['ALARM_TOPIC_ARN', 'LOG_GROUPS', 'TENANT_TABLE', 'WATCH_HOURS'])
})

const arn = (service: string, rest: string) => `arn:aws:${service}:${place.region}:${place.account}:${rest}`
const table = arn('dynamodb', `table/${local.TABLE_NAME}`)
const lines = arn('logs', `log-group:${local.LOG_GROUP}:log-stream:`)
const own = { 'dynamodb:LeadingKeys': 'watch' }
const pool = { 'dynamodb:LeadingKeys': 'eu-central-1_Ac0meSh0p' }
const viaTable = { 'kms:ViaService': `dynamodb.${place.region}.amazonaws.com` }

test('it counts lines, keeps its own records and tells the topic of the alarms, and can do nothing beside that', () => {
  const stream = arn('logs', 'log-group:/aws/lambda/corbado-cognito-gateway-watch:log-stream:2026/11/22/[1]0a')
  const allowed: Call[] = [
    ['logs:StartQuery', lines],
    ['logs:GetQueryResults', '*'],
    ['dynamodb:Query', table, own],
    ['dynamodb:PutItem', table, own],
    ['kms:Decrypt', TABLE_KEY, viaTable],
    ['sns:Publish', local.TOPIC_ARN],
    ['logs:PutLogEvents', stream],
  ]
  const denied: Call[] = [
    // A config is under its pool: it can neither be read nor written.
    ['dynamodb:Query', table, pool],
    ['dynamodb:PutItem', table, pool],
    ...['GetItem', 'BatchGetItem', 'Scan', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'DeleteTable'].flatMap(
      (name): Call[] => [
        [`dynamodb:${name}`, table],
        [`dynamodb:${name}`, table, own],
      ],
    ),
    ['dynamodb:Query', `${table}/index/any`, own],
    ['dynamodb:PutItem', arn('dynamodb', 'table/other'), own],
    ['kms:Decrypt', TABLE_KEY],
    ['kms:Decrypt', arn('kms', 'key/of-the-parameters'), viaTable],
    ['kms:CreateGrant', TABLE_KEY, viaTable],
    // Counts name no user; the lines do.
    ['logs:FilterLogEvents', lines],
    ['logs:GetLogEvents', lines],
    ['logs:PutLogEvents', lines],
    ['logs:StartQuery', arn('logs', 'log-group:/aws/lambda/other:log-stream:')],
    ['sns:Publish', arn('sns', 'other')],
    ['sns:Subscribe', local.TOPIC_ARN],
    ['sts:AssumeRole', local.OPERATOR_VARIABLES.DOCTOR_ROLE_ARN],
    ['sts:AssumeRole', 'arn:aws:iam::111122223333:role/corbado/corbado-x', { 'sts:ExternalId': 'x' }],
    ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway/eu-central-1_Ac0meSh0p/backend-api')],
    ['ssm:GetParameter', arn('ssm', 'parameter/corbado/gateway/pseudonym-key')],
    ['lambda:InvokeFunction', `${local.FUNCTION_ARN}:t-1`],
  ]
  checkRights(watcher, allowed, denied)
  const ours = (given: readonly PolicyDocument[]) =>
    rightsOf(given).filter((right) => !/^Allow (kms:|logs:(Start|Create|Put))/.test(right))
  assert.deepEqual(ours(policies), ours(local.watcher.policies), 'the embedded stack gives it the same')
})

test('three looks in a row that failed or did not happen ring, no data above all', () => {
  const [alarm = {}, ...others] = properties('AWS::CloudWatch::Alarm')
  assert.equal(others.length, 0)
  const expected = {
    AlarmName: 'corbado-cognito-gateway-watch-Still',
    ...{ EvaluationPeriods: 3, Threshold: 1, ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'breaching' },
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(alarm[name], value, name)
  assert.deepEqual(alarm.AlarmActions, [local.TOPIC_ARN])
  const metrics = alarm.Metrics as { MetricStat?: { Period: number; Metric: { MetricName: string } } }[]
  const stats = metrics.flatMap(({ MetricStat }) => MetricStat ?? [])
  assert.deepEqual(stats.map(({ Metric }) => Metric.MetricName).sort(), ['Errors', 'Invocations'])
  for (const { Period } of stats) assert.equal(Period, 300)
  assert.match(String(alarm.AlarmDescription), /15 minutes.*See infra\/ON-CALL\.md#watch$/)
  assert.match(readFileSync('ON-CALL.md', 'utf8'), /^## Watch$/m)
})

import { RemovalPolicy } from 'aws-cdk-lib'
import { CfnInsightRule } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnQueryDefinition, FieldIndexPolicy, FilterPattern, LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { LOG_FIELDS } from '../../src/plugins/log-line.js'
import { LOG_GROUP, NAMES } from './names.js'
import { QUERIES } from './queries.js'

type LogField = keyof typeof LOG_FIELDS

/** Fields by which single lines are looked for; a query that names one reads no line without it. */
export const INDEXED: readonly LogField[] = ['tenantId', 'reason', 'requestId', 'flowId']

/** Metric of lines at level error, one value of its dimension `Reason` for each reason. */
export const FAULTS = { namespace: 'Corbado/CognitoGateway', metricName: 'Faults', dimension: 'Reason' } as const

/** Rankings of tenants, each counting the lines that pass its filters. */
export const TOP_TENANTS = {
  lines: { name: `${NAMES.function}-top-tenants`, title: 'Tenants with the most invocations', filters: [] },
  faults: {
    name: `${NAMES.function}-top-tenants-faults`,
    title: 'Tenants with the most faults',
    filters: [{ Match: '$.level', In: ['error'] }],
  },
} as const

/** The log group of the function, and all that CloudWatch makes of its lines: indexes, metric, rankings, saved queries. */
export function createGatewayLog(scope: Construct, retentionDays: number): LogGroup {
  const log = new LogGroup(scope, 'Log', {
    logGroupName: LOG_GROUP,
    retention: retentionDays,
    removalPolicy: RemovalPolicy.RETAIN,
    fieldIndexPolicies: [new FieldIndexPolicy({ fields: [...INDEXED] })],
  })
  // Not by outcome: a proof that could not be verified is `incorrect`, and pre-login answers a fault as `refused`.
  log.addMetricFilter('Faults', {
    metricNamespace: FAULTS.namespace,
    metricName: FAULTS.metricName,
    filterPattern: FilterPattern.literal('{ $.level = "error" && $.reason = "*" }'),
    metricValue: '1',
    dimensions: { [FAULTS.dimension]: '$.reason' },
  })
  for (const [id, { name, filters }] of Object.entries(TOP_TENANTS)) createRanking(scope, log, id, name, filters)
  for (const [name, { text }] of Object.entries(QUERIES)) {
    new CfnQueryDefinition(scope, `Query-${name}`, {
      name: `${NAMES.function}/${name}`,
      queryString: text,
      logGroupNames: [log.logGroupName],
    })
  }
  return log
}

function createRanking(
  scope: Construct,
  log: LogGroup,
  id: string,
  ruleName: string,
  Filters: readonly object[],
): void {
  const body = {
    Schema: { Name: 'CloudWatchLogRule', Version: 1 },
    LogGroupNames: [LOG_GROUP],
    LogFormat: 'JSON',
    Contribution: { Keys: ['$.tenantId'], Filters },
    AggregateOn: 'Count',
  }
  const rule = new CfnInsightRule(scope, `TopTenants-${id}`, {
    ruleName,
    ruleState: 'ENABLED',
    ruleBody: JSON.stringify(body),
  })
  rule.node.addDependency(log)
}

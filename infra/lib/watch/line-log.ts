import { FieldIndexPolicy, FilterPattern, LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { LOG_FIELDS } from '../../../src/plugins/log-line.js'
import { OUTLIVES } from '../names.js'
import { FAULTS, lineMetricsOf } from './line-metrics.js'

type LogField = keyof typeof LOG_FIELDS

/** Fields by which single lines are looked for; a query that names one reads no line without it. */
export const INDEXED: readonly LogField[] = ['tenantId', 'reason', 'requestId', 'flowId']

export interface LineLogOptions {
  readonly logGroupName: string
  readonly retentionDays: number
  readonly writer: 'gateway' | 'forwarder'
}

/** A log group of the gateway's lines: indexed, and counted into the same metrics, so that alarms cover every writer. */
export function createLineLog(scope: Construct, id: string, options: LineLogOptions): LogGroup {
  const { logGroupName, retentionDays, writer } = options
  const log = new LogGroup(scope, id, {
    logGroupName,
    retention: retentionDays,
    removalPolicy: OUTLIVES,
    fieldIndexPolicies: [new FieldIndexPolicy({ fields: [...INDEXED] })],
  })
  for (const metric of lineMetricsOf(writer))
    log.addMetricFilter(metric.id, {
      metricNamespace: FAULTS.namespace,
      metricName: metric.metricName,
      filterPattern: FilterPattern.literal(metric.pattern),
      metricValue: metric.value,
      dimensions: metric.dimensions,
    })
  return log
}

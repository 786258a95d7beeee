import { FieldIndexPolicy, FilterPattern, LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { LOG_FIELDS } from '../../../src/plugins/log-line.js'
import { OUTLIVES } from '../names.js'

type LogField = keyof typeof LOG_FIELDS

/** Fields by which single lines are looked for; a query that names one reads no line without it. */
export const INDEXED: readonly LogField[] = ['tenantId', 'reason', 'requestId', 'flowId']

/** Metric of lines at level error, one value of its dimension `Reason` for each reason. */
export const FAULTS = { namespace: 'Corbado/CognitoGateway', metricName: 'Faults', dimension: 'Reason' } as const

export interface LineLogOptions {
  readonly logGroupName: string
  readonly retentionDays: number
}

/** A log group of the gateway's lines: indexed, and counted into one metric, so that its alarms cover every writer. */
export function createLineLog(scope: Construct, id: string, { logGroupName, retentionDays }: LineLogOptions): LogGroup {
  const log = new LogGroup(scope, id, {
    logGroupName,
    retention: retentionDays,
    removalPolicy: OUTLIVES,
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
  return log
}

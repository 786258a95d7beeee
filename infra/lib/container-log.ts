import { RemovalPolicy } from 'aws-cdk-lib'
import { FieldIndexPolicy, FilterPattern, LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { CONTAINER_NAMES } from './container-names.js'
import { FAULTS, INDEXED } from './gateway-log.js'

/** The containers' lines: indexed as the function's are, and counted into the same metric, so that its alarms hold. */
export function createContainerLog(scope: Construct, retentionDays: number): LogGroup {
  const log = new LogGroup(scope, 'Log', {
    logGroupName: CONTAINER_NAMES.taskLog,
    retention: retentionDays,
    removalPolicy: RemovalPolicy.RETAIN,
    fieldIndexPolicies: [new FieldIndexPolicy({ fields: [...INDEXED] })],
  })
  log.addMetricFilter('Faults', {
    metricNamespace: FAULTS.namespace,
    metricName: FAULTS.metricName,
    filterPattern: FilterPattern.literal('{ $.level = "error" && $.reason = "*" }'),
    metricValue: '1',
    dimensions: { [FAULTS.dimension]: '$.reason' },
  })
  return log
}

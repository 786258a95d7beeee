import { Duration } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { type Reason, reasons, rowOf, sectionsOf } from '../../../src/reasons.js'
import { CONTAINER_NAMES, NAMES } from '../names.js'
import { FAULTS } from './line-metrics.js'
import { reasonQueryName } from './queries.js'

export interface AlarmsOptions {
  readonly deadlineMs: number
  readonly reservedConcurrency: number
  readonly topicArn: string | undefined
  /** After so many minutes without an invocation the service counts as silent; 0: never. */
  readonly silenceMinutes: number
  /** Are there containers too? Then either function may be the one that is called. */
  readonly hasForwarder: boolean
}

interface Watch {
  readonly id: string
  readonly what: string
  readonly metric: IMetric
  readonly from: number
  /** Of five periods, so many must be over. */
  readonly periods: number
}

/** After so many minutes without any invocation, somebody must look: the nights of many customers are no silence. */
export const SILENCE_MINUTES = 5

const [ONE, FIVE] = [Duration.minutes(1), Duration.minutes(5)]

/** Alarms of one function; without a topic they are only seen. */
export function createAlarms(scope: Construct, gateway: LambdaFunction, options: AlarmsOptions): void {
  const topic = options.topicArn === undefined ? undefined : Topic.fromTopicArn(scope, 'Topic', options.topicArn)
  for (const watch of [...functionWatches(gateway, options), ...reasonWatches()]) createAlarm(scope, watch, topic)
  if (options.silenceMinutes > 0) createSilenceAlarm(scope, gateway, options, topic)
}

function functionWatches(gateway: LambdaFunction, { deadlineMs, reservedConcurrency }: AlarmsOptions): Watch[] {
  const errorRate = new MathExpression({
    // A suspended tenant's logins are errors too: the share counts, and from some errors on.
    expression: 'IF(errors >= 5, 100 * errors / invocations, 0)',
    usingMetrics: {
      errors: gateway.metricErrors({ period: FIVE }),
      invocations: gateway.metricInvocations({ period: FIVE }),
    },
    period: FIVE,
  })
  const nearDeadlineMs = Math.round(0.9 * deadlineMs)
  const mostRunning = Math.floor(0.8 * reservedConcurrency)
  return [
    { id: 'Errors', what: 'over 1 % of invocations fail', metric: errorRate, from: 1, periods: 2 },
    { id: 'Throttles', what: 'refused', metric: gateway.metricThrottles({ period: ONE }), from: 1, periods: 1 },
    {
      id: 'SlowestHundredth',
      what: `p99 is over 0.9 of the deadline of ${deadlineMs} ms`,
      metric: gateway.metricDuration({ period: ONE, statistic: 'p99' }),
      from: nearDeadlineMs,
      periods: 3,
    },
    {
      id: 'Concurrency',
      what: 'over 0.8 of the reserved concurrency is in use',
      metric: gateway.metric('ConcurrentExecutions', { period: ONE, statistic: 'Maximum' }),
      from: mostRunning,
      periods: 3,
    },
  ]
}

function reasonWatches(): Watch[] {
  const { namespace, metricName, dimension } = FAULTS
  return reasons.flatMap((reason) => {
    const { alarm, owner } = rowOf(reason)
    if (!alarm) return []
    const { from, look } = alarm
    const dimensionsMap = { [dimension]: reason }
    const metric = new Metric({ namespace, metricName, dimensionsMap, statistic: 'Sum', period: FIVE })
    const what = `${from} or more lines with reason ${reason}, of ${owner}. Look at: ${look}. Query: ${reasonQueryName(reason)}. See ${runbookOf(reason)}`
    return [{ id: `Faults-${reason}`, what, metric, from, periods: 1 }]
  })
}

/** Where the page for the person on call says what a reason means. */
function runbookOf(reason: Reason): string {
  return `infra/ON-CALL.md#${sectionsOf(reason)[0]?.replaceAll(' ', '-')}`
}

function createAlarm(scope: Construct, { id, what, metric, from, periods }: Watch, topic: ITopic | undefined): void {
  const alarm = new Alarm(scope, `Alarm-${id}`, {
    alarmName: `${NAMES.function}-${id}`,
    alarmDescription: `${NAMES.function}: ${what}`,
    metric,
    threshold: from,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: periods === 1 ? 1 : 5,
    datapointsToAlarm: periods,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  })
  if (topic) alarm.addAlarmAction(new SnsAction(topic))
}

/** Rings when nothing is invoked. The alarms of faults count lines, and then there are none: to this one, no data is the fault. */
function createSilenceAlarm(
  scope: Construct,
  gateway: LambdaFunction,
  { silenceMinutes, hasForwarder }: AlarmsOptions,
  topic: ITopic | undefined,
): void {
  const invocations = gateway.metricInvocations({ period: ONE })
  const metric = hasForwarder
    ? new MathExpression({
        expression: 'FILL(gateway, 0) + FILL(forwarder, 0)',
        usingMetrics: {
          gateway: invocations,
          forwarder: new Metric({
            namespace: 'AWS/Lambda',
            metricName: 'Invocations',
            dimensionsMap: { FunctionName: CONTAINER_NAMES.forwarder },
            statistic: 'Sum',
            period: ONE,
          }),
        },
        period: ONE,
      })
    : invocations
  const alarm = new Alarm(scope, 'Alarm-Silence', {
    alarmName: `${NAMES.function}-Silence`,
    alarmDescription: `${NAMES.function}: no invocation for ${silenceMinutes} minutes, of us. Query: silence. See infra/ON-CALL.md#silence`,
    metric,
    threshold: 1,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: silenceMinutes,
    treatMissingData: TreatMissingData.BREACHING,
  })
  if (topic) alarm.addAlarmAction(new SnsAction(topic))
}

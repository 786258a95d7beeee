import { Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { HttpCodeTarget } from 'aws-cdk-lib/aws-elasticloadbalancingv2'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { NAMES } from '../names.js'
import type { Balancer } from './balancer.js'

export interface ContainerAlarmsOptions extends Balancer {
  readonly forwarder: LambdaFunction
  readonly service: FargateService
  readonly deadlineMs: number
  readonly leastTasks: number
  readonly topicArn: string | undefined
}

interface Watch {
  readonly what: string
  readonly metric: IMetric
  readonly threshold: number
  readonly below?: true
}

const period = Duration.minutes(1)

/**
 * Alarms of what containers add; the reasons in their lines are counted with the function's.
 * @returns the one that also ends a deployment
 */
export function createContainerAlarms(scope: Construct, options: ContainerAlarmsOptions): { readonly faults: Alarm } {
  const topic = options.topicArn === undefined ? undefined : Topic.fromTopicArn(scope, 'Topic', options.topicArn)
  const createAlarm = (id: string, { what, metric, threshold, below }: Watch): Alarm => {
    const alarm = new Alarm(scope, `Alarm-${id}`, {
      alarmName: `${NAMES.function}-containers-${id}`,
      alarmDescription: `${NAMES.function}, containers: ${what}`,
      ...{ metric, threshold, evaluationPeriods: 5, datapointsToAlarm: 3 },
      comparisonOperator: below
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: below ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    })
    if (topic) alarm.addAlarmAction(new SnsAction(topic))
    return alarm
  }
  const { Faults, ...others } = watches(options)
  for (const [id, watch] of Object.entries(others)) createAlarm(id, watch)
  return { faults: createAlarm('Faults', Faults) }
}

function watches(options: ContainerAlarmsOptions) {
  const { forwarder, service, balancer, targets, deadlineMs, leastTasks } = options
  return {
    // A refused login is an error of the forwarder too; single ones are everyday.
    ForwarderErrors: { what: 'ten logins a minute fail', metric: forwarder.metricErrors({ period }), threshold: 10 },
    ForwarderThrottles: {
      what: 'the forwarder is refused',
      metric: forwarder.metricThrottles({ period }),
      threshold: 1,
    },
    ForwarderSlowest: {
      what: `p99 of the forwarder is over 0.9 of the deadline of ${deadlineMs} ms`,
      metric: forwarder.metricDuration({ period, statistic: 'p99' }),
      threshold: Math.round(0.9 * deadlineMs),
    },
    Healthy: {
      what: `fewer than ${leastTasks} containers are ready`,
      metric: targets.metrics.healthyHostCount({ period, statistic: 'Minimum' }),
      threshold: leastTasks,
      below: true,
    },
    Faults: {
      what: 'containers answer with faults',
      metric: targets.metrics.httpCodeTarget(HttpCodeTarget.TARGET_5XX_COUNT, { period }),
      threshold: 10,
    },
    Unreachable: {
      what: 'the load balancer finds no container',
      metric: balancer.metrics.targetConnectionErrorCount({ period }),
      threshold: 5,
    },
    Cpu: {
      what: 'more CPU is used than scaling keeps free',
      metric: service.metricCpuUtilization({ period }),
      threshold: 85,
    },
  } satisfies Record<string, Watch>
}

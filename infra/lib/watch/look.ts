import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import type { IRole } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'
import { GATEWAY_VERSION } from '../../../src/env.js'
import { NAMES, WATCH_LOG_GROUP } from '../names.js'

/** Between two looks. */
const EVERY = Duration.minutes(5)
/** A look is over before the next one begins: two at once would tell the same twice. */
const TIMEOUT = Duration.minutes(4)
/** After so many looks in a row that failed or did not happen, somebody is told. */
const LOOKS_MISSED = 3
/** A hundred thousand rows, as many as a query answers, and what they are folded into. */
const MEMORY_MB = 1_024

export interface LookOptions {
  /** Folder with the built `index.mjs`. */
  readonly bundle: string
  readonly role: IRole
  readonly variables: Readonly<Record<string, string>>
  readonly retentionDays: number
  readonly topicArn: string
}

/** The function that looks at the lines every five minutes, the rule that invokes it, and the alarm that rings if it does not. */
export function createLook(scope: Construct, options: LookOptions): LambdaFunction {
  const { bundle, role, variables, retentionDays, topicArn } = options
  const look = new LambdaFunction(scope, 'Look', {
    functionName: NAMES.watchFunction,
    description: `Watches the lines of the Corbado passkey gateway ${GATEWAY_VERSION}`,
    ...{ runtime: Runtime.NODEJS_24_X, architecture: Architecture.ARM_64 },
    ...{ code: Code.fromAsset(bundle, { exclude: ['*.map'] }), handler: 'index.handler' },
    role,
    timeout: TIMEOUT,
    memorySize: MEMORY_MB,
    environment: { ...variables },
    logGroup: new LogGroup(scope, 'Log', {
      logGroupName: WATCH_LOG_GROUP,
      retention: retentionDays,
      // What it said is of no use without it.
      removalPolicy: RemovalPolicy.DESTROY,
    }),
    loggingFormat: LoggingFormat.TEXT,
    // A look that failed is made good by the next one.
    ...{ retryAttempts: 0, maxEventAge: EVERY },
  })
  new Rule(scope, 'EveryFiveMinutes', {
    ruleName: NAMES.watchFunction,
    description: 'Has the lines of the Corbado passkey gateway looked at',
    schedule: Schedule.rate(EVERY),
    targets: [new LambdaTarget(look, { retryAttempts: 0, maxEventAge: EVERY })],
  })
  createStillAlarm(scope, look, topicArn)
  return look
}

/** Rings when no look has come to its end for a quarter of an hour; no data is the fault. */
function createStillAlarm(scope: Construct, look: LambdaFunction, topicArn: string): void {
  const alarm = new Alarm(scope, 'Alarm-Still', {
    alarmName: `${NAMES.watchFunction}-Still`,
    alarmDescription: `${NAMES.watchFunction}: nothing has looked at the lines for ${LOOKS_MISSED * EVERY.toMinutes()} minutes, of us. See infra/ON-CALL.md#watch`,
    metric: new MathExpression({
      expression: 'FILL(looks, 0) - FILL(failed, 0)',
      usingMetrics: {
        looks: look.metricInvocations({ period: EVERY, statistic: 'Sum' }),
        failed: look.metricErrors({ period: EVERY, statistic: 'Sum' }),
      },
      period: EVERY,
      label: 'looks that came to their end',
    }),
    threshold: 1,
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: LOOKS_MISSED,
    treatMissingData: TreatMissingData.BREACHING,
  })
  alarm.addAlarmAction(new SnsAction(Topic.fromTopicArn(scope, 'Topic', topicArn)))
}

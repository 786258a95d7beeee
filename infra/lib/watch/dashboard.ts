import { Duration } from 'aws-cdk-lib'
import { Dashboard, GraphWidget, type IMetric, type IWidget, MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { NAMES } from '../names.js'
import { FAULTS } from './line-metrics.js'
import { TOP_TENANTS } from './log.js'

const period = Duration.minutes(1)
const HALF = 12

export interface DashboardOptions {
  readonly region: string
  readonly deadlineMs: number
  readonly reservedConcurrency: number
}

/** What the person on call looks at first. */
export function createDashboard(scope: Construct, gateway: LambdaFunction, options: DashboardOptions): void {
  const { region, deadlineMs, reservedConcurrency } = options
  const graph = (title: string, left: IMetric[], more = {}) =>
    new GraphWidget({ title, left, width: HALF, period, ...more })
  new Dashboard(scope, 'Dashboard', {
    dashboardName: `${NAMES.function}-${region}`,
    widgets: [
      [
        graph('Invocations', [gateway.metricInvocations(), gateway.metricErrors(), gateway.metricThrottles()]),
        graph(
          'Milliseconds',
          ['p50', 'p99'].map((statistic) => gateway.metricDuration({ statistic })),
          {
            leftAnnotations: [{ value: deadlineMs, label: 'deadline' }],
          },
        ),
      ],
      [
        graph('Faults by reason', [
          search(`{${FAULTS.namespace},${FAULTS.dimension}} MetricName="${FAULTS.metricName}"`),
        ]),
        graph('Environments', [gateway.metric('ConcurrentExecutions', { statistic: 'Maximum' })], {
          leftAnnotations: [{ value: reservedConcurrency, label: 'reserved' }],
        }),
      ],
      [
        graph('Lines by step and outcome', [search(`{${FAULTS.namespace},Outcome,Step} MetricName="Invocations"`)]),
        graph('p99 by step, milliseconds', [search(`{${FAULTS.namespace},Step} MetricName="Duration"`, 'p99')]),
      ],
      [
        graph('Invocations by alias and version', [byVersion('Invocations')]),
        graph('Errors by alias and version', [byVersion('Errors')]),
      ],
      Object.values(TOP_TENANTS).map(({ name, title }) => ranking(title, name, region)),
    ],
  })
}

const byVersion = (metric: string) =>
  search(`{AWS/Lambda,ExecutedVersion,FunctionName,Resource} FunctionName="${NAMES.function}" MetricName="${metric}"`)

const search = (query: string, statistic = 'Sum') =>
  new MathExpression({
    expression: `SEARCH('${query}', '${statistic}', ${period.toSeconds()})`,
    usingMetrics: {},
    period,
    label: '',
  })

/** A Contributor Insights graph, which CDK has no widget for. */
function ranking(title: string, ruleName: string, region: string): IWidget {
  let [x, y] = [0, 0]
  return {
    width: HALF,
    height: 6,
    position(toX, toY) {
      ;[x, y] = [toX, toY]
    },
    toJson: () => [
      {
        type: 'metric',
        ...{ width: HALF, height: 6, x, y },
        properties: {
          title,
          region,
          period: period.toSeconds(),
          insightRule: { ruleName, maxContributorCount: 10, orderBy: 'Sum' },
          view: 'timeSeries',
          legend: { position: 'right' },
        },
      },
    ],
  }
}

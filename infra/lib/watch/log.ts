import { CfnInsightRule } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnQueryDefinition, type LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { ContainerConfig } from '../config/container.js'
import { CONTAINER_NAMES, LOG_GROUP, NAMES } from '../names.js'
import { createLineLog } from './line-log.js'
import { QUERIES } from './queries.js'

/** Rankings of tenants by lines that pass the filters. The forwarder's lines name no tenant, so none counts twice. */
export const TOP_TENANTS = {
  lines: { name: `${NAMES.function}-top-tenants`, title: 'Tenants with the most invocations', filters: [] },
  faults: {
    name: `${NAMES.function}-top-tenants-faults`,
    title: 'Tenants with the most faults',
    filters: [{ Match: '$.level', In: ['error'] }],
  },
} as const

export interface GatewayLogOptions {
  readonly retentionDays: number
  /** Undefined if the region has none. Their log groups are made here, since queries and rankings name them all. */
  readonly containers: ContainerConfig | undefined
}

/**
 * The log group of the function, those of containers and forwarder, and all that CloudWatch makes of their lines:
 * indexes, metric, rankings, saved queries.
 * @returns the function's
 */
export function createGatewayLog(scope: Construct, { retentionDays, containers }: GatewayLogOptions): LogGroup {
  const log = createLineLog(scope, 'Log', { logGroupName: LOG_GROUP, retentionDays, writer: 'gateway' })
  const logs = containers ? [log, ...createContainerLogs(scope, containers)] : [log]
  for (const [id, { name, filters }] of Object.entries(TOP_TENANTS)) createRanking(scope, logs, id, name, filters)
  for (const [name, { text }] of Object.entries(QUERIES)) {
    new CfnQueryDefinition(scope, `Query-${name.replace('/', '-')}`, {
      name: `${NAMES.function}/${name}`,
      queryString: text,
      logGroupNames: logs.map(({ logGroupName }) => logGroupName),
    })
  }
  return log
}

function createContainerLogs(scope: Construct, { task, forwarder }: ContainerConfig): LogGroup[] {
  const { taskLog, forwarderLog } = CONTAINER_NAMES
  return [
    createLineLog(scope, 'ContainerLog', {
      logGroupName: taskLog,
      retentionDays: task.logRetentionDays,
      writer: 'gateway',
    }),
    createLineLog(scope, 'ForwarderLog', {
      logGroupName: forwarderLog,
      retentionDays: forwarder.logRetentionDays,
      writer: 'forwarder',
    }),
  ]
}

function createRanking(
  scope: Construct,
  logs: readonly LogGroup[],
  id: string,
  ruleName: string,
  Filters: readonly object[],
): void {
  const { taskLog, forwarderLog } = CONTAINER_NAMES
  const body = {
    Schema: { Name: 'CloudWatchLogRule', Version: 1 },
    // By their names: a reference has no place in a text.
    LogGroupNames: [LOG_GROUP, taskLog, forwarderLog].slice(0, logs.length),
    LogFormat: 'JSON',
    Contribution: { Keys: ['$.tenantId'], Filters },
    AggregateOn: 'Count',
  }
  const rule = new CfnInsightRule(scope, `TopTenants-${id}`, {
    ruleName,
    ruleState: 'ENABLED',
    ruleBody: JSON.stringify(body),
  })
  rule.node.addDependency(...logs)
}

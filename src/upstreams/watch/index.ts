import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SNSClient } from '@aws-sdk/client-sns'
import type { Clock } from '../../call.js'
import { type CloudWatchLogs, createCloudWatchLogs } from '../cloudwatch.js'
import { RequestHandler } from '../connections/requests.js'
import { createPatience } from '../patience.js'
import { createStates, type States } from '../table.js'
import { createPublish, type Publish } from './topic.js'

export type { Message } from './topic.js'

/** Everything outside the function that watches. */
export interface WatchUpstreams {
  readonly logs: CloudWatchLogs
  readonly states: States
  readonly publish: Publish
  close(): void
}

export interface WatchUpstreamsOptions {
  readonly region: string
  readonly tenantTable: string
  readonly topicArn: string
}

/** Its clients: of three services and no more. If one says that it is asked too much, it is waited for. */
export function createWatchUpstreams(
  { region, tenantTable, topicArn }: WatchUpstreamsOptions,
  clock: Clock,
): WatchUpstreams {
  const requestHandler = new RequestHandler(clock, {})
  // `callAws` repeats what may be sent again.
  const base = { region, maxAttempts: 1, requestHandler } as const
  const patience = createPatience({ clock, onWait: () => undefined })
  const own = patience.of({ publish: createPublish(new SNSClient(base), topicArn) })
  return {
    ...own,
    logs: patience.of(createCloudWatchLogs(new CloudWatchLogsClient(base))),
    states: patience.of(createStates(new DynamoDBClient(base), tenantTable)),
    close: () => requestHandler.destroy(),
  }
}

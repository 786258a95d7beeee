import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  GetQueryResultsCommand,
  StartQueryCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import type { Call } from '../call.js'
import { upstreamError } from '../errors.js'
import { callAws } from './aws-call.js'

/** A line as CloudWatch has it. */
export interface LogEvent {
  readonly id: string
  /** When it was written, in milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

/** Which lines of a log group are searched. */
export interface LogSearch {
  readonly group: string
  /** Milliseconds since 1970, both included. */
  readonly from: number
  readonly to: number
  /** A filter pattern; all lines if left out. */
  readonly pattern?: string | undefined
  /** The newest first; the oldest if left out. */
  readonly newestFirst?: boolean
  /** Of the page before. */
  readonly token?: string | undefined
}

/** Part of what a search found. It may be empty although more follows: only without a token is the search at its end. */
export interface LogPage {
  readonly events: readonly LogEvent[]
  readonly token?: string | undefined
}

/** The values of a row by the names of its columns; what is empty is missing. */
export type QueryRow = ReadonlyMap<string, string>

/** Part of a query's rows; more follow while there is a token. */
export interface QueryPage {
  readonly status: 'running' | 'complete' | 'failed'
  readonly rows: readonly QueryRow[]
  readonly token?: string | undefined
}

/** The calls to CloudWatch Logs; they need `logs:FilterLogEvents`, `logs:StartQuery` and `logs:GetQueryResults`. */
export interface CloudWatchLogs {
  /** One page of the lines that a search finds. */
  search(search: LogSearch, call: Call): Promise<LogPage>
  /**
   * Starts a query of Logs Insights.
   * @returns its id
   */
  startQuery(
    query: { readonly groups: readonly string[]; readonly text: string; readonly from: number; readonly to: number },
    call: Call,
  ): Promise<string>
  /** One page of what a query has found so far. */
  fetchRows(queryId: string, token: string | undefined, call: Call): Promise<QueryPage>
}

/** Asks with the client's credentials. */
export function createCloudWatchLogs(client: CloudWatchLogsClient): CloudWatchLogs {
  return {
    async search({ group, from, to, pattern, newestFirst = false, token }, call) {
      const command = new FilterLogEventsCommand({
        logGroupName: group,
        startTime: from,
        endTime: to,
        ...(pattern && { filterPattern: pattern }),
        ...(token === undefined ? newestFirst && { startFromHead: false } : { nextToken: token }),
      })
      const answer = await callAws('cloudwatch', call, undefined, (options) => client.send(command, options))
      const events = (answer.events ?? []).map(({ eventId, timestamp, message }) => {
        if (eventId === undefined || timestamp === undefined || message === undefined)
          throw upstreamError('cloudwatch', 'malformed')
        return { id: eventId, at: timestamp, text: message.trimEnd() }
      })
      return { events, token: answer.nextToken }
    },
    async startQuery({ groups, text, from, to }, call) {
      const command = new StartQueryCommand({
        logGroupNames: [...groups],
        queryString: text,
        startTime: Math.floor(from / 1_000),
        endTime: Math.floor(to / 1_000),
      })
      const send = (options: object) => client.send(command, options).catch(waitForOthers)
      const { queryId } = await callAws('cloudwatch', call, undefined, send)
      if (queryId === undefined) throw upstreamError('cloudwatch', 'malformed')
      return queryId
    },
    async fetchRows(queryId, token, call) {
      const command = new GetQueryResultsCommand({ queryId, ...(token !== undefined && { nextToken: token }) })
      const answer = await callAws('cloudwatch', call, undefined, (options) => client.send(command, options))
      const rows = (answer.results ?? []).map(
        (row) => new Map(row.map(({ field = '', value = '' }): [string, string] => [field, value])),
      )
      return { status: statusOf(answer.status), rows, token: answer.nextToken }
    },
  }
}

function statusOf(status: string | undefined): QueryPage['status'] {
  if (status === 'Complete') return 'complete'
  return status === 'Scheduled' || status === 'Running' ? 'running' : 'failed'
}

/** The account runs as many queries as it may at once. Others will end soon, so it counts as asking too fast. */
function waitForOthers(error: Error): never {
  throw error.name === 'LimitExceededException' ? Object.assign(error, { name: 'TooManyRequestsException' }) : error
}

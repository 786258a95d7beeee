import { randomBytes, randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../call.js'
import { fieldsOf, textAt, textsOf } from '../../fields.js'
import { allows, deniedText, type Identity, type Principal } from '../aws/identity.js'
import { awsJsonAnswer, awsJsonError, awsJsonFault, awsJsonOperation } from '../aws/json.js'
import { type StandIn, startStandIn, type WireAnswer, type WireRequest } from '../aws/server.js'
import { MalformedQuery } from './expression.js'
import { createLogGroup, type Direction, type LogEvent, type LogGroup, type NewEvent } from './groups.js'
import { type Answered, parseQuery, ROWS_MAX, type Running } from './insights.js'
import { createPattern, InvalidPattern } from './pattern.js'

/** Calls a second of an account in a region (the quotas of CloudWatch Logs; fact A50). */
const FILTER_CALLS: Readonly<Record<string, number>> = { 'eu-central-1': 5, 'us-east-1': 25 }
const FILTER_CALLS_ELSEWHERE = 10
const QUERY_CALLS = 10
const QUERIES_MAX = 100
/** Of one answer (fact A47). */
const PAGE_EVENTS = 10_000
const PAGE_BYTES = 1_048_576
/** So many events are looked at for one answer: fewer of those are asked for, and it is part full, or empty. */
const PAGE_SCANNED = 10_000
/** So many events a query looks at before other calls have their turn. */
const EVENTS_AT_ONCE = 10_000
const PATTERN_LENGTH_MAX = 1_024
const QUERY_LENGTH_MAX = 10_000
const GROUPS_MAX = 50
const TOKEN_MS = 24 * 3_600_000
/** From then on the newest may come first. */
const NEWEST_FROM = Date.UTC(2024, 0, 1)

interface Search {
  readonly group: string
  readonly pattern: string | undefined
  readonly from: number
  readonly to: number
  readonly direction: Direction
  readonly after: LogEvent | undefined
  readonly expiresAt: number
}

interface Query {
  readonly begin: () => Running
  /** From its first answer on. */
  running?: Running
  answered?: Answered | undefined
  /** Answers in which it still runs. */
  waits: number
}

export interface CloudWatchLogsStandIn extends StandIn {
  /** Makes a log group, if there is none, and writes lines into it. */
  put(group: string, events: readonly NewEvent[], stream?: string): void
  /** Empties a log group. */
  clear(group: string): void
  /** From now on no token of before is known. */
  forgetTokens(): void
  /** How many answers say that a query still runs, before one has what it found; 1 at first. */
  queryWaits: number
}

const invalid = (message: string) => awsJsonError('InvalidParameterException', message)
const missing = () => awsJsonError('ResourceNotFoundException', 'The specified log group does not exist.')
const throttled = () => awsJsonError('ThrottlingException', 'Rate exceeded')
const stillRuns = () =>
  awsJsonAnswer({ status: 'Running', results: [], statistics: { recordsMatched: 0, recordsScanned: 0 } })

/** A query of a million events must not keep the calls waiting that ask how far it is. */
async function carryOut(query: Query): Promise<void> {
  while (query.answered === undefined) {
    await setImmediate()
    query.answered = query.running?.advance(EVENTS_AT_ONCE)
  }
}

/** Counts calls within the last second. */
function createQuota(clock: Clock) {
  let served: number[] = []
  return (calls: number): boolean => {
    const now = clock.elapsed()
    served = served.filter((at) => at > now - 1_000)
    if (served.length >= calls) return false
    served.push(now)
    return true
  }
}

/**
 * Starts what the command line asks of CloudWatch Logs, for the log groups of one account: FilterLogEvents, and the queries of
 * Logs Insights. As strict with its quotas as AWS, by the injected clock.
 */
export async function startCloudWatchLogs(options: {
  readonly clock: Clock
  readonly identity: Identity
  readonly accountId: string
  readonly port?: number | undefined
}): Promise<CloudWatchLogsStandIn> {
  const { clock, identity, accountId } = options
  const groups = new Map<string, LogGroup>()
  const searches = new Map<string, Search>()
  const queries = new Map<string, Query>()
  const quotas = { filter: createQuota(clock), start: createQuota(clock), results: createQuota(clock) }

  function filterLogEvents(region: string, input: Readonly<Record<string, unknown>>): WireAnswer {
    if (!quotas.filter(FILTER_CALLS[region] ?? FILTER_CALLS_ELSEWHERE)) return throttled()
    const { nextToken, limit = PAGE_EVENTS } = input
    const search = nextToken === undefined ? newSearch(input) : searches.get(String(nextToken))
    if (search === undefined || ('expiresAt' in search && search.expiresAt <= clock.now()))
      return invalid('The specified nextToken is invalid.')
    if ('status' in search) return search
    if (!(Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= PAGE_EVENTS))
      return invalid(`1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint`)
    const { group, pattern, from, to, direction, after } = search
    if (group !== nameOf(input)) return invalid('The specified nextToken is invalid.')
    const isWanted = createPattern(pattern)
    const events: object[] = []
    let [scanned, bytes, last] = [0, 0, after]
    let more = false
    for (const event of groups.get(group)?.walk(from, to, direction, after) ?? []) {
      const { ordinal: _, ...shown } = event
      const size = event.message.length + 26
      if (scanned >= PAGE_SCANNED || events.length >= Number(limit) || bytes + size > PAGE_BYTES) {
        more = true
        break
      }
      scanned += 1
      last = event
      if (!isWanted(event.message)) continue
      events.push(shown)
      bytes += size
    }
    const token = more ? remember({ ...search, after: last }) : undefined
    return awsJsonAnswer({ events, searchedLogStreams: [], ...(token !== undefined && { nextToken: token }) })
  }

  function newSearch(input: Readonly<Record<string, unknown>>): Search | WireAnswer {
    const { filterPattern, startTime = 0, endTime = Number.MAX_SAFE_INTEGER, startFromHead = true } = input
    const group = nameOf(input)
    const pattern = filterPattern === undefined ? undefined : String(filterPattern)
    if (!groups.has(group)) return missing()
    if ((pattern?.length ?? 0) > PATTERN_LENGTH_MAX) return invalid('filterPattern is too long')
    if (!Number.isInteger(startTime) || !Number.isInteger(endTime) || Number(startTime) > Number(endTime))
      return invalid('startTime must be less than or equal to endTime')
    if (startFromHead === false && Number(startTime) < NEWEST_FROM)
      return invalid('startFromHead=false is supported only with a startTime on or after 2024-01-01T00:00:00Z')
    const direction = startFromHead === false ? 'newest' : 'oldest'
    const [from, to, expiresAt] = [Number(startTime), Number(endTime), 0]
    return { group, pattern, from, to, direction, after: undefined, expiresAt: expiresAt + clock.now() + TOKEN_MS }
  }

  function remember(search: Search): string {
    const token = randomBytes(48).toString('base64')
    searches.set(token, search)
    return token
  }

  function startQuery(input: Readonly<Record<string, unknown>>): WireAnswer {
    if (!quotas.start(QUERY_CALLS)) return throttled()
    const { startTime, endTime, queryString, limit } = input
    const names = namesOf(input)
    if (names.length === 0 || names.length > GROUPS_MAX) return invalid('Exactly one of the log group parameters')
    if (names.some((name) => !groups.has(name))) return missing()
    if (!Number.isInteger(startTime) || !Number.isInteger(endTime) || Number(startTime) > Number(endTime))
      return invalid('End time should be greater than or equal to start time')
    if (limit !== undefined && !(Number(limit) >= 1 && Number(limit) <= ROWS_MAX)) return invalid('limit')
    const text = String(queryString)
    if (text.length > QUERY_LENGTH_MAX) return invalid('queryString is too long')
    const running = [...queries.values()].filter(({ waits }) => waits > 0).length
    if (running >= QUERIES_MAX)
      return awsJsonError('LimitExceededException', 'You have reached the maximum number of concurrent queries.')
    const query = parseQuery(text)
    // Seconds, both ends included.
    const [from, to] = [Number(startTime) * 1_000, Number(endTime) * 1_000 + 999]
    const events = names.flatMap((name) => groups.get(name)?.between(from, to) ?? [])
    const queryId = randomUUID()
    const begin = () => query(events, limit === undefined ? undefined : Number(limit))
    queries.set(queryId, { begin, waits: self.queryWaits })
    return awsJsonAnswer({ queryId })
  }

  function getQueryResults(input: Readonly<Record<string, unknown>>): WireAnswer {
    if (!quotas.results(QUERY_CALLS)) return throttled()
    const query = queries.get(String(input.queryId))
    if (query === undefined) return awsJsonError('ResourceNotFoundException', 'The specified query does not exist.')
    if (query.waits > 0) {
      query.waits -= 1
      return stillRuns()
    }
    if (query.running === undefined) {
      query.running = query.begin()
      query.answered = query.running.advance(EVENTS_AT_ONCE)
      carryOut(query)
    }
    if (query.answered === undefined) return stillRuns()
    const { rows, matched } = query.answered
    const offset = Number(input.nextToken ?? 0)
    const page = rows.slice(offset, offset + Number(input.maxItems ?? PAGE_EVENTS))
    const next = offset + page.length
    return awsJsonAnswer({
      status: 'Complete',
      results: page,
      statistics: { recordsMatched: matched },
      ...(next < rows.length && { nextToken: String(next) }),
    })
  }

  /** Rights on a log group are rights on `<its ARN>:*`; a query's results are of no log group. */
  function refusalOf(principal: Principal, region: string, operation: string, input: unknown): WireAnswer | undefined {
    const names = operation === 'GetQueryResults' ? [] : namesOf(fieldsOf(input))
    const arns = names.map((name) => `arn:aws:logs:${region}:${principal.accountId}:log-group:${name}:log-stream:`)
    const action = `logs:${operation}`
    const refused = (arns.length > 0 ? arns : ['*']).find((arn) => !allows(principal, action, arn))
    if (refused === undefined) return undefined
    return awsJsonError('AccessDeniedException', deniedText(principal.arn, action, refused, 'identity-based'))
  }

  function handle({ principal, region = '', body }: WireRequest, operation: string): WireAnswer {
    const input: Record<string, unknown> = JSON.parse(body.toString())
    if (!principal) return awsJsonError('UnrecognizedClientException')
    const refusal = refusalOf(principal, region, operation, input)
    if (refusal) return refusal
    if (principal.accountId !== accountId) return missing()
    try {
      if (operation === 'FilterLogEvents') return filterLogEvents(region, input)
      if (operation === 'StartQuery') return startQuery(input)
      if (operation === 'GetQueryResults') return getQueryResults(input)
    } catch (error) {
      if (error instanceof InvalidPattern) return invalid('Invalid filter pattern')
      if (error instanceof MalformedQuery) return awsJsonError('MalformedQueryException', error.message)
      throw error
    }
    return awsJsonError('UnknownOperationException')
  }

  const standIn = await startStandIn({
    name: 'cloudwatch',
    service: 'logs',
    clock,
    identity,
    port: options.port,
    operationOf: awsJsonOperation,
    faultAnswer: awsJsonFault,
    handle,
  })
  const self: CloudWatchLogsStandIn = {
    ...standIn,
    queryWaits: 1,
    put(name, events, stream = '2026/11/30/[1]0123456789abcdef0123456789abcdef') {
      const group = groups.get(name) ?? createLogGroup()
      groups.set(name, group)
      group.put(stream, events, clock.now())
    },
    clear: (name) => groups.get(name)?.clear(),
    forgetTokens: () => searches.clear(),
  }
  return self
}

function namesOf(input: Readonly<Record<string, unknown>>): string[] {
  const one = textAt(input, 'logGroupName') ?? textAt(input, 'logGroupIdentifier')
  return one === undefined ? [...textsOf(input.logGroupNames), ...textsOf(input.logGroupIdentifiers)] : [one]
}

const nameOf = (input: Readonly<Record<string, unknown>>) => namesOf(input)[0] ?? ''

import type { Clock } from '../../call.js'
import { NotPossible } from '../../terminal/failure.js'
import type { CloudWatchLogs, LogEvent, QueryRow } from '../../upstreams/operator.js'
import type { PatientCall } from '../../upstreams/patience.js'
import { readRows } from './insights.js'
import { type LambdaLine, parseLine } from './line.js'
import type { Interval } from './select.js'
import type { Asked, LineSource, Nameless, Take } from './source.js'
import { spanText } from './when.js'
import { conditionOf, isPlain, patternOf, type Where } from './where.js'

/** Answers to one search: at five calls a second, which all share, it has taken a minute by then. */
const PAGES_MAX = 300
/** How far the time of an event may be from that on its line. */
const MARGIN_MS = 60_000
/** Rows that a query may have (fact A49). */
const ROWS_MAX = 100_000
/** Lines of a login, and of its user around it. */
const QUERIED_LINES_MAX = 10_000
/** Lines around it that name no tenant. */
const NAMELESS_MAX = 1_000
/** What failed and says no user: the latest of it is enough. */
const REFUSED_MAX = 100
/** Between two looks at a query that runs, and the longest that one may. */
const LOOK_MS = 500
const QUERY_MS_MAX = 300_000

export interface CloudWatchOptions {
  readonly logs: CloudWatchLogs
  readonly groups: readonly string[]
  readonly clock: Clock
  /** A new one for each request. */
  readonly call: () => PatientCall
}

/** What a query came to. */
export interface QueryAnswer {
  readonly rows: readonly QueryRow[]
  /** It has as many rows as it may have: there are others. */
  readonly cut: boolean
}

/** Asks Logs Insights. */
export type AskInsights = (text: string, interval: Interval, rowsMax?: number) => Promise<QueryAnswer>

/** Lines in CloudWatch, and what else can be asked of it. */
export interface CloudWatchSource extends LineSource {
  readonly ask: AskInsights
  /** Adds a note. */
  readonly tell: (note: string) => void
}

/**
 * Opens log groups, whose lines come in one order.
 */
export function createCloudWatchSource(options: CloudWatchOptions): CloudWatchSource {
  const counts = { lines: 0, tooLong: 0, others: 0 }
  const notes = new Set<string>()
  const ask: AskInsights = (text, interval, rowsMax = ROWS_MAX) => askInsights(options, text, interval, rowsMax)

  /** The events of one group, page after page. */
  async function* eventsOf(group: string, range: Interval, pattern: string, newestFirst: boolean) {
    let token: string | undefined
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const page = await options.logs.search({ group, ...range, pattern, newestFirst, token }, options.call())
      yield* page.events
      token = page.token
      if (token === undefined) return
    }
    notes.add(
      `${group} was read in part: after ${PAGES_MAX} answers there was more. Name less with --since and --until`,
    )
  }

  async function search(take: Take, where: Where, interval: Interval, newestFirst: boolean): Promise<void> {
    const range = widened(interval)
    const groups = options.groups.map((group) => eventsOf(group, range, patternOf(where), newestFirst))
    for await (const event of merged(groups, newestFirst)) if (give(take, event.text, event.at) === false) return
  }

  function give(take: Take, text: string, at?: number, takeLambda: (line: LambdaLine) => void = () => {}): unknown {
    counts.lines += 1
    const line = parseLine(text)
    if (line?.kind === 'line') return take(line, text)
    counts.others += 1
    if (line?.kind === 'lambda') takeLambda({ ...line, at: line.at ?? begunAt(line, at) })
    return undefined
  }

  async function query(take: Take, where: Where, interval: Interval): Promise<void> {
    const text = `filter ${conditionOf(where)}
| fields @message
| sort @timestamp asc
| limit ${QUERIED_LINES_MAX}`
    const { rows, cut } = await ask(text, widened(interval), QUERIED_LINES_MAX)
    if (cut) notes.add(`only the first ${QUERIED_LINES_MAX} lines were read. Name less with --since and --until`)
    for (const row of rows) if (give(take, row.get('@message') ?? '') === false) return
  }

  /** A query of its own: in an outage there are many, and none of the login's may be left out for them. */
  async function queryNameless(
    take: Take,
    nameless: Nameless,
    interval: Interval,
    takeLambda: (line: LambdaLine) => void,
  ): Promise<void> {
    const condition = namelessCondition(nameless)
    if (condition === undefined) return
    const text = `filter ${condition}
| fields @timestamp, @message
| sort @timestamp asc
| limit ${NAMELESS_MAX}`
    const { rows, cut } = await ask(text, widened(interval), NAMELESS_MAX)
    if (cut)
      notes.add(
        `of invocations that broke only the first ${NAMELESS_MAX} were read: corbado-gateway explain --all says more`,
      )
    for (const row of rows)
      give(
        take,
        (row.get('@message') ?? '').trimEnd(),
        Date.parse(`${row.get('@timestamp')?.replace(' ', 'T')}Z`),
        takeLambda,
      )
  }

  /** The latest first: an outage has many, and they say the same. */
  async function queryRefused(take: Take, pools: ReadonlySet<string>, interval: Interval): Promise<void> {
    const named = [...pools].filter(isPlain).map((pool) => `userPoolId = "${pool}"`)
    if (named.length === 0 || interval.from >= interval.to) return
    const text = `filter outcome in ["refused", "incorrect", "rejected", "fault"] and not ispresent(user) and (${named.join(' or ')})
| fields @message
| sort @timestamp desc
| limit ${REFUSED_MAX}`
    const { rows } = await ask(text, interval, REFUSED_MAX)
    for (const row of rows) give(take, row.get('@message') ?? '')
  }

  return {
    counts,
    notes,
    ask,
    tell: (note) => void notes.add(note),
    async each(take, _isWanted, asked: Asked = {}, takeLambda = () => {}) {
      Object.assign(counts, { lines: 0, tooLong: 0, others: 0 })
      const { where = [], interval, newestFirst = false, few = false, nameless, refused } = asked
      if (interval === undefined) throw new Error('a log group has no first and no last line')
      await (few ? query(take, where, interval) : search(take, where, interval, newestFirst))
      if (nameless !== undefined) await queryNameless(take, nameless, interval, takeLambda)
      if (refused !== undefined) await queryRefused(take, refused.pools, refused.interval)
    },
  }
}

/** The interval that the events of an interval's lines are in. */
const widened = ({ from, to }: Interval): Interval => ({ from: from - MARGIN_MS, to: to + MARGIN_MS })

/** When an invocation began; Lambda reports it at its end. */
const begunAt = ({ durationMs = 0 }: LambdaLine, at: number | undefined) =>
  at === undefined || Number.isNaN(at) ? undefined : at - durationMs

/** How Lambda words what did not end well. */
const BROKEN = 'not ispresent(outcome) and @message like /Status: (timeout|error)|Task timed out after/'

/** The condition of lines that name no tenant; nothing if none can be asked for. */
function namelessCondition({ ref, pools }: Nameless): string | undefined {
  if (ref !== undefined) return isPlain(ref) ? `not ispresent(outcome) and strcontains(@message, "${ref}")` : undefined
  const named = [...(pools ?? [])].filter(isPlain).map((pool) => `userPoolId = "${pool}"`)
  if (named.length === 0) return `(${BROKEN})`
  return `(${BROKEN}) or (door = "forwarder" and outcome != "forwarded" and (${named.join(' or ')}))`
}

/** Events of several groups in one order. */
async function* merged(groups: readonly AsyncGenerator<LogEvent>[], newestFirst: boolean): AsyncGenerator<LogEvent> {
  const heads: { readonly event: LogEvent; readonly group: AsyncGenerator<LogEvent> }[] = []
  const draw = async (group: AsyncGenerator<LogEvent>) => {
    const { value: event, done } = await group.next()
    if (done !== true) heads.push({ event, group })
  }
  for (const group of groups) await draw(group)
  for (;;) {
    heads.sort((a, b) => (newestFirst ? b.event.at - a.event.at : a.event.at - b.event.at))
    const first = heads.shift()
    if (first === undefined) return
    yield first.event
    await draw(first.group)
  }
}

async function askInsights(
  { logs, groups, clock, call }: CloudWatchOptions,
  text: string,
  { from, to }: Interval,
  rowsMax: number,
): Promise<QueryAnswer> {
  const queryId = await logs.startQuery({ groups, text, from, to: to - 1 }, call())
  const looks = { lookMs: LOOK_MS, longestMs: QUERY_MS_MAX, clock }
  const read = await readRows((token) => logs.fetchRows(queryId, token, call()), looks)
  if (read.kind === 'failed') throw new NotPossible('CloudWatch could not answer a query: try again, with less time')
  if (read.kind === 'late')
    throw new NotPossible(`CloudWatch did not answer a query in ${spanText(QUERY_MS_MAX)}: ask for less time`)
  return { rows: read.rows, cut: read.rows.length >= rowsMax }
}

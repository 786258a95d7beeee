import { isFields } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import { createReader, type Expression, MalformedQuery, type Reader, timeText, type Value } from './expression.js'
import type { LogEvent } from './groups.js'

/** Rows without a limit in the query, and the most that may be asked for. */
const ROWS = 10_000
export const ROWS_MAX = 100_000

type Row = Map<string, Value>
type Rows = Iterable<Row>

/** What a query came to. */
export interface Answered {
  readonly rows: readonly (readonly { readonly field: string; readonly value: string }[])[]
  readonly matched: number
}

interface Aggregate {
  readonly name: string
  /** One collector for each group. */
  readonly create: () => { take(read: Reader): void; end(): Value }
}

/**
 * Reads a query of the commands that the gateway's own have: filterIndex, filter, fields, stats, sort, limit.
 * @throws MalformedQuery for everything else
 */
export function parseQuery(text: string): (events: Iterable<LogEvent>, limit?: number) => Answered {
  const commands = splitCommands(text).map(parseCommand)
  const counted = commands.some(({ kind }) => kind === 'stats')
  return (events, limit = ROWS) => {
    let rows: Rows = recordsOf(events)
    let matched = 0
    const counting = function* (all: Rows): Generator<Row> {
      for (const row of all) {
        matched += 1
        yield row
      }
    }
    let filtering = true
    let most = limit
    for (const { kind, run, count } of commands) {
      if (filtering && kind !== 'filter') {
        rows = counting(rows)
        filtering = false
      }
      if (kind === 'limit') most = count ?? most
      rows = run(rows)
    }
    const shown: Row[] = []
    for (const row of filtering ? counting(rows) : rows) {
      if (shown.length >= Math.min(most, ROWS_MAX)) continue
      shown.push(row)
    }
    const columns = counted ? undefined : columnsOf(commands)
    return { rows: shown.map((row) => cellsOf(row, columns)), matched }
  }
}

interface Command {
  readonly kind: 'filter' | 'fields' | 'stats' | 'sort' | 'limit'
  readonly run: (rows: Rows) => Rows
  readonly columns?: readonly string[]
  readonly count?: number
}

/** At bars outside quotes and regular expressions. */
function splitCommands(text: string): string[] {
  const commands = text.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\blike\s+\/(?:[^/\\\n]|\\.)+\/|[^|])+/g) ?? []
  if (commands.length === 0) throw new MalformedQuery('empty query')
  return commands.map((one) => one.trim())
}

function parseCommand(text: string): Command {
  const [, name = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(text) ?? []
  if (name === 'filter' || name === 'filterIndex') return parseFilter(rest)
  if (name === 'fields') return parseFields(rest)
  if (name === 'stats') return parseStats(rest)
  if (name === 'sort') return parseSort(rest)
  if (name === 'limit' && /^\d+$/.test(rest)) return { kind: 'limit', count: Number(rest), run: take(Number(rest)) }
  throw new MalformedQuery(`unexpected symbol found ${name} at line 1 and position 1`)
}

const take = (count: number) =>
  function* (rows: Rows): Generator<Row> {
    let left = count
    for (const row of rows) {
      if (left <= 0) return
      left -= 1
      yield row
    }
  }

function parseFilter(text: string): Command {
  const reader = createReader(text)
  const { of } = reader.expression()
  if (!reader.ended()) reader.fail()
  return {
    kind: 'filter',
    *run(rows) {
      for (const row of rows) {
        const value = of((field) => row.get(field))
        if (value !== undefined && value !== 0) yield row
      }
    },
  }
}

/** An expression, and the name that it is given. */
function named(reader: ReturnType<typeof createReader>): Expression & { readonly name: string } {
  const expression = reader.expression()
  return { ...expression, name: reader.takes('as') ? reader.take().text : expression.text }
}

function parseFields(text: string): Command {
  const reader = createReader(text)
  const made = [named(reader)]
  while (reader.takes(',')) made.push(named(reader))
  if (!reader.ended()) reader.fail()
  return {
    kind: 'fields',
    columns: made.map(({ name }) => name),
    *run(rows) {
      for (const row of rows) {
        for (const { name, of } of made)
          row.set(
            name,
            of((field) => row.get(field)),
          )
        yield row
      }
    },
  }
}

function parseStats(text: string): Command {
  const reader = createReader(text)
  const aggregates = [parseAggregate(reader)]
  while (reader.takes(',')) aggregates.push(parseAggregate(reader))
  const keys: (Expression & { readonly name: string })[] = []
  if (reader.takes('by')) {
    do keys.push(named(reader))
    while (reader.takes(','))
  }
  if (!reader.ended()) reader.fail()
  return { kind: 'stats', run: (rows) => group(rows, keys, aggregates) }
}

function* group(
  rows: Rows,
  keys: readonly (Expression & { readonly name: string })[],
  aggregates: readonly Aggregate[],
): Generator<Row> {
  const groups = new Map<string, { readonly key: readonly Value[]; of: readonly ReturnType<Aggregate['create']>[] }>()
  for (const row of rows) {
    const read: Reader = (field) => row.get(field)
    const key = keys.map(({ of }) => of(read))
    const text = key.join('\u0000')
    let known = groups.get(text)
    if (known === undefined) {
      known = { key, of: aggregates.map(({ create }) => create()) }
      groups.set(text, known)
    }
    for (const one of known.of) one.take(read)
  }
  for (const { key, of } of groups.values())
    yield new Map<string, Value>([
      ...keys.map(({ name }, index): [string, Value] => [name, key[index]]),
      ...aggregates.map(({ name }, index): [string, Value] => [name, of[index]?.end()]),
    ])
}

function parseAggregate(reader: ReturnType<typeof createReader>): Aggregate {
  const of = reader.take().text.toLowerCase()
  reader.must('(')
  const all = reader.takes('*') !== undefined
  const value = all ? undefined : reader.expression()
  const share = reader.takes(',') ? Number(reader.take().text) : 50
  reader.must(')')
  const text = `${of}(${value?.text ?? '*'}${of === 'pct' ? `, ${share}` : ''})`
  const name = reader.takes('as') ? reader.take().text : text
  const read1 = (read: Reader) => (value === undefined ? 1 : value.of(read))
  return { name, create: createCollector(of, read1, share) ?? reader.fail() }
}

function createCollector(name: string, read1: (read: Reader) => Value, share: number): Aggregate['create'] | undefined {
  const overNumbers = (end: (values: readonly number[]) => Value) => () => {
    const values: number[] = []
    return {
      take(read: Reader) {
        const value = read1(read)
        if (value !== undefined && !Number.isNaN(Number(value))) values.push(Number(value))
      },
      end: () => end(values),
    }
  }
  const reduced = (reduce: (a: number, b: number) => number, start?: number) => () => {
    let result = start
    return {
      take(read: Reader) {
        const value = read1(read)
        if (value === undefined || Number.isNaN(Number(value))) return
        result = result === undefined ? Number(value) : reduce(result, Number(value))
      },
      end: (): Value => result,
    }
  }
  if (name === 'count')
    return () => {
      let count = 0
      return {
        take(read) {
          if (read1(read) !== undefined) count += 1
        },
        end: () => count,
      }
    }
  if (name === 'count_distinct')
    return () => {
      const values = new Set<Value>()
      return {
        take(read) {
          const value = read1(read)
          if (value !== undefined) values.add(value)
        },
        end: () => values.size,
      }
    }
  if (name === 'sum') return reduced((a, b) => a + b, 0)
  if (name === 'min') return reduced(Math.min)
  if (name === 'max') return reduced(Math.max)
  if (name === 'avg') return overNumbers((values) => values.reduce((sum, one) => sum + one, 0) / values.length)
  if (name !== 'pct') return undefined
  return overNumbers((values) => {
    const sorted = [...values].sort((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)]
  })
}

function parseSort(text: string): Command {
  const by = text.split(',').map((one) => {
    const [, field = '', direction] = /^\s*([@\w.()*]+)(?:\s+(asc|desc))?\s*$/.exec(one) ?? []
    if (field === '') throw new MalformedQuery(`unexpected symbol found in sort ${one}`)
    return { field, sign: direction === 'desc' ? -1 : 1 }
  })
  const compare = (a: Value, b: Value) => {
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
    if (typeof a === 'number' && typeof b === 'number') return a - b
    return String(a) < String(b) ? -1 : Number(String(a) > String(b))
  }
  return {
    kind: 'sort',
    run: (rows) =>
      [...rows].sort((a, b) => {
        for (const { field, sign } of by) {
          const order = sign * compare(a.get(field), b.get(field))
          if (order !== 0) return order
        }
        return 0
      }),
  }
}

/** Events with the fields that Insights finds in them: those of a JSON line, with dots, and its own, which begin with @. */
function* recordsOf(events: Iterable<LogEvent>): Generator<Row> {
  for (const { message, timestamp, ingestionTime, logStreamName, eventId } of events) {
    const row: Row = new Map<string, Value>()
    const fields = message.startsWith('{') ? parseJson(message) : undefined
    if (isFields(fields)) flatten(fields, '', row)
    row.set('@timestamp', timestamp)
    row.set('@ingestionTime', ingestionTime)
    row.set('@message', message)
    row.set('@logStream', logStreamName)
    row.set('@ptr', eventId)
    yield row
  }
}

function flatten(fields: Readonly<Record<string, unknown>>, prefix: string, row: Row): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue
    if (isFields(value)) flatten(value, `${prefix}${name}.`, row)
    // Insights has no booleans.
    else if (typeof value === 'boolean') row.set(prefix + name, Number(value))
    else if (typeof value === 'number') row.set(prefix + name, value)
    else row.set(prefix + name, String(value))
  }
}

function columnsOf(commands: readonly Command[]): readonly string[] {
  const chosen = commands.flatMap(({ columns = [] }) => columns)
  return [...new Set([...(chosen.length > 0 ? chosen : ['@timestamp', '@message']), '@ptr'])]
}

/** A row as it is answered: every value a text, and none where there is nothing. */
function cellsOf(row: Row, columns: readonly string[] | undefined) {
  return (columns ?? [...row.keys()]).flatMap((field) => {
    const value = row.get(field)
    if (value === undefined) return []
    const isTime = field === '@timestamp' || field === '@ingestionTime'
    return [{ field, value: isTime ? timeText(Number(value)) : String(value) }]
  })
}

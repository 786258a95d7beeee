import { isFields } from '../../fields.js'
import { parseJson } from '../aws/json.js'
import { createReader, type Expression, MalformedQuery, type Reader, timeText, type Value } from './expression.js'
import type { LogEvent } from './groups.js'

/** Rows without a limit in the query, and the most that may be asked for. */
const ROWS = 10_000
export const ROWS_MAX = 100_000

type Row = Map<string, Value>

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

/** A query that runs. */
export interface Running {
  /** Looks at so many further events, at most; the answer once it has looked at all. */
  advance(count: number): Answered | undefined
}

/**
 * Reads a query of the commands that the gateway's own have: filterIndex, filter, fields, stats, sort, limit.
 * @throws MalformedQuery for everything else
 */
export function parseQuery(text: string): (events: readonly LogEvent[], limit?: number) => Running {
  const commands = splitCommands(text).map(parseCommand)
  const counted = commands.some(({ kind }) => kind === 'stats')
  const columns = counted ? undefined : columnsOf(commands)
  return (events, limit = ROWS) => {
    const most = Math.min(commands.findLast(({ count }) => count !== undefined)?.count ?? limit, ROWS_MAX)
    const shown: Row[] = []
    const last: Stage = { take: (row) => void (shown.length < most && shown.push(row)), end: () => undefined }
    let matched = 0
    const counting = (next: Stage): Stage => ({
      take(row) {
        matched += 1
        next.take(row)
      },
      end: next.end,
    })
    // What the filters before any other command let through has matched.
    const others = commands.findIndex(({ kind }) => kind !== 'filter')
    const filters = others < 0 ? commands.length : others
    const stages = [...commands.slice(0, filters).map(({ begin }) => begin), counting]
    const first = [...stages, ...commands.slice(filters).map(({ begin }) => begin)].reduceRight(
      (next, begin) => begin(next),
      last,
    )
    let looked = 0
    return {
      advance(count) {
        for (const end = Math.min(looked + count, events.length); looked < end; looked += 1) {
          const event = events[looked]
          if (event) first.take(recordOf(event))
        }
        if (looked < events.length) return undefined
        first.end()
        return { rows: shown.map((row) => cellsOf(row, columns)), matched }
      },
    }
  }
}

/** Takes rows one by one, and hands on what comes of them; some only once no more come. */
interface Stage {
  take(row: Row): void
  end(): void
}

interface Command {
  readonly kind: 'filter' | 'fields' | 'stats' | 'sort' | 'limit'
  begin(next: Stage): Stage
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
  if (name === 'limit' && /^\d+$/.test(rest)) return parseLimit(Number(rest))
  throw new MalformedQuery(`unexpected symbol found ${name} at line 1 and position 1`)
}

const parseLimit = (count: number): Command => ({
  kind: 'limit',
  count,
  begin(next) {
    let left = count
    return {
      take(row) {
        if (left > 0) next.take(row)
        left -= 1
      },
      end: () => next.end(),
    }
  },
})

function parseFilter(text: string): Command {
  const reader = createReader(text)
  const { of } = reader.expression()
  if (!reader.ended()) reader.fail()
  return {
    kind: 'filter',
    begin: (next) => ({
      take(row) {
        const value = of((field) => row.get(field))
        if (value !== undefined && value !== 0) next.take(row)
      },
      end: () => next.end(),
    }),
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
    begin: (next) => ({
      take(row) {
        for (const { name, of } of made)
          row.set(
            name,
            of((field) => row.get(field)),
          )
        next.take(row)
      },
      end: () => next.end(),
    }),
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
  return { kind: 'stats', begin: (next) => group(keys, aggregates, next) }
}

function group(
  keys: readonly (Expression & { readonly name: string })[],
  aggregates: readonly Aggregate[],
  next: Stage,
): Stage {
  const groups = new Map<string, { readonly key: readonly Value[]; of: readonly ReturnType<Aggregate['create']>[] }>()
  return {
    take(row) {
      const read: Reader = (field) => row.get(field)
      const key = keys.map(({ of }) => of(read))
      const text = key.join('\u0000')
      let known = groups.get(text)
      if (known === undefined) {
        known = { key, of: aggregates.map(({ create }) => create()) }
        groups.set(text, known)
      }
      for (const one of known.of) one.take(read)
    },
    end() {
      for (const { key, of } of groups.values())
        next.take(
          new Map<string, Value>([
            ...keys.map(({ name }, index): [string, Value] => [name, key[index]]),
            ...aggregates.map(({ name }, index): [string, Value] => [name, of[index]?.end()]),
          ]),
        )
      next.end()
    },
  }
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
  const inOrder = (a: Row, b: Row) => {
    for (const { field, sign } of by) {
      const order = sign * compare(a.get(field), b.get(field))
      if (order !== 0) return order
    }
    return 0
  }
  return {
    kind: 'sort',
    begin(next) {
      const rows: Row[] = []
      return {
        take: (row) => void rows.push(row),
        end() {
          for (const row of rows.sort(inOrder)) next.take(row)
          next.end()
        },
      }
    },
  }
}

/** An event with the fields that Insights finds in it: those of a JSON line, with dots, and its own, which begin with @. */
function recordOf({ message, timestamp, ingestionTime, logStreamName, eventId }: LogEvent): Row {
  const row: Row = new Map<string, Value>()
  const fields = message.startsWith('{') ? parseJson(message) : undefined
  if (isFields(fields)) flatten(fields, '', row)
  row.set('@timestamp', timestamp)
  row.set('@ingestionTime', ingestionTime)
  row.set('@message', message)
  row.set('@logStream', logStreamName)
  row.set('@ptr', eventId)
  return row
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

/** What CloudWatch says of a query that it cannot read. */
export class MalformedQuery extends Error {}

export type Value = string | number | undefined

/** A field's value in one record; names have dots where objects are within one another. */
export type Reader = (field: string) => Value

export interface Expression {
  /** As it is written: the name of a column that has no other. */
  readonly text: string
  readonly of: (read: Reader) => Value
}

const TOKEN =
  /\s*(?:(?<=\blike\s+)(\/(?:[^/\\]|\\.)+\/)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)(?![\w.])|`([^`]+)`|([@A-Za-z_][\w.@]*)|(!=|<=|>=|[()=<>+\-*/,[\]])|(\d+[a-z]+))/y

interface Token {
  readonly kind: 'regexp' | 'text' | 'number' | 'name' | 'sign' | 'period'
  readonly text: string
  readonly from: number
  readonly to: number
}

const numberOf = (value: Value) => (value === undefined || value === '' ? Number.NaN : Number(value))
const truth = (value: Value) => value !== undefined && value !== 0 && value !== '' && value !== '0'
const known = (value: number): Value => (Number.isNaN(value) ? undefined : value)

const PERIODS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  d: 86_400_000,
}

/** Functions of values; `bin` is one of its own, as it takes a period. */
const FUNCTIONS: Readonly<Record<string, (...values: Value[]) => Value>> = {
  floor: (value) => known(Math.floor(numberOf(value))),
  ceil: (value) => known(Math.ceil(numberOf(value))),
  abs: (value) => known(Math.abs(numberOf(value))),
  least: (...values) => known(Math.min(...values.map(numberOf))),
  greatest: (...values) => known(Math.max(...values.map(numberOf))),
  ispresent: (value) => Number(value !== undefined),
  strcontains: (value, part) => Number(value !== undefined && String(value).includes(String(part))),
  substr: (value, start, length) =>
    value === undefined
      ? undefined
      : String(value).slice(Number(start), length === undefined ? undefined : Number(start) + Number(length)),
  tomillis: (value) => known(numberOf(value)),
  coalesce: (...values) => values.find((value) => value !== undefined),
}

/** Reads the expressions of one command; each call takes what comes next. */
export function createReader(text: string) {
  const tokens = tokensOf(text)
  let at = 0

  const fail = (): never => {
    throw new MalformedQuery(`unexpected symbol found ${tokens[at]?.text ?? 'end'} in ${text}`)
  }
  const take = (): Token => {
    const token = tokens[at] ?? fail()
    at += 1
    return token
  }
  const word = () => (tokens[at]?.kind === 'name' ? tokens[at]?.text.toLowerCase() : undefined)
  const takes = (...wanted: readonly string[]) => {
    const token = tokens[at]
    const is = token && ['name', 'sign'].includes(token.kind) && wanted.includes(token.text.toLowerCase())
    if (is) at += 1
    return is === true ? token.text.toLowerCase() : undefined
  }
  const must = (wanted: string) => takes(wanted) ?? fail()

  function either(): Expression['of'] {
    let left = both()
    while (takes('or')) {
      const [a, b] = [left, both()]
      left = (read) => Number(truth(a(read)) || truth(b(read)))
    }
    return left
  }

  function both(): Expression['of'] {
    let left = negated()
    while (takes('and')) {
      const [a, b] = [left, negated()]
      left = (read) => Number(truth(a(read)) && truth(b(read)))
    }
    return left
  }

  function negated(): Expression['of'] {
    if (!takes('not')) return compared()
    const inner = negated()
    return (read) => Number(!truth(inner(read)))
  }

  function compared(): Expression['of'] {
    const left = added()
    if (takes('in')) {
      const values = list()
      return (read) => {
        const value = left(read)
        return Number(values.some((one) => isSame(value, one(read))))
      }
    }
    if (takes('like')) {
      const token = take()
      const like =
        token.kind === 'regexp'
          ? new RegExp(token.text.slice(1, -1))
          : { test: (value: string) => value.includes(unquoted(token.text)) }
      return (read) => Number(like.test(String(left(read) ?? '')))
    }
    const sign = takes('=', '!=', '<', '<=', '>', '>=')
    if (sign === undefined) return left
    const right = added()
    return (read) => Number(isTrue(left(read), sign, right(read)))
  }

  function list(): Expression['of'][] {
    must('[')
    const values = [added()]
    while (takes(',')) values.push(added())
    must(']')
    return values
  }

  function added(): Expression['of'] {
    let left = multiplied()
    for (let sign = takes('+', '-'); sign; sign = takes('+', '-')) {
      const [a, b, plus] = [left, multiplied(), sign === '+']
      left = (read) => known(numberOf(a(read)) + (plus ? 1 : -1) * numberOf(b(read)))
    }
    return left
  }

  function multiplied(): Expression['of'] {
    let left = single()
    for (let sign = takes('*', '/'); sign; sign = takes('*', '/')) {
      const [a, b, times] = [left, single(), sign === '*']
      left = (read) => known(times ? numberOf(a(read)) * numberOf(b(read)) : numberOf(a(read)) / numberOf(b(read)))
    }
    return left
  }

  function single(): Expression['of'] {
    if (takes('(')) {
      const inner = either()
      must(')')
      return inner
    }
    const { kind, text: own } = take()
    if (kind === 'number') return () => Number(own)
    if (kind === 'text') return () => unquoted(own)
    if (kind !== 'name') return fail()
    if (!takes('(')) return (read) => read(own)
    if (own.toLowerCase() === 'bin') return bin()
    const of = FUNCTIONS[own.toLowerCase()] ?? fail()
    const args: Expression['of'][] = []
    while (!takes(')')) {
      args.push(either())
      takes(',')
    }
    return (read) => of(...args.map((arg) => arg(read)))
  }

  function bin(): Expression['of'] {
    const [, count, unit] = /^(\d+)([a-z]+)$/.exec(take().text) ?? fail()
    must(')')
    const ms = Number(count) * (PERIODS_MS[unit?.replace(/s$/, '') || 's'] ?? fail())
    return (read) => {
      const at = read('@timestamp')
      return at === undefined ? undefined : timeText(Math.floor(Number(at) / ms) * ms)
    }
  }

  function expression(): Expression {
    const from = tokens[at]?.from ?? 0
    const of = either()
    return { of, text: text.slice(from, tokens[at - 1]?.to ?? from).trim() }
  }

  return { expression, takes, must, word, take, fail, ended: () => at >= tokens.length }
}

function isSame(a: Value, b: Value): boolean {
  if (a === undefined || b === undefined) return false
  return typeof a === 'number' || typeof b === 'number' ? Number(a) === Number(b) : a === b
}

function isTrue(a: Value, sign: string, b: Value): boolean {
  if (sign === '=') return isSame(a, b)
  // What is missing is not equal to anything.
  if (sign === '!=') return !isSame(a, b)
  const [x, y] = [numberOf(a), numberOf(b)]
  if (sign === '<') return x < y
  if (sign === '>') return x > y
  return sign === '<=' ? x <= y : x >= y
}

const unquoted = (text: string) => text.slice(1, -1).replaceAll(/\\(.)/g, '$1')

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex
    const found = TOKEN.exec(text)
    if (!found) throw new MalformedQuery(`unexpected symbol found at ${from} in ${text}`)
    const [, regexp, quoted, number, ticked, name, sign, period] = found
    const place = { from, to: TOKEN.lastIndex }
    if (regexp !== undefined) tokens.push({ kind: 'regexp', text: regexp, ...place })
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted, ...place })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, ...place })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, ...place })
    else if (period !== undefined) tokens.push({ kind: 'period', text: period, ...place })
    else tokens.push({ kind: 'name', text: ticked ?? name ?? '', ...place })
  }
  return tokens
}

/** A time as Insights shows it, `2026-11-30 02:10:00.000`. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 23)
}

import { fieldAt } from '../../fields.js'
import { parseJson } from '../aws/json.js'

/** What CloudWatch says of a pattern that it does not take. */
export class InvalidPattern extends Error {}

type Test = (message: string) => boolean
type FieldsTest = (fields: unknown) => boolean

const TOKEN = /\s*(?:(&&|\|\||!=|<=|>=|[()=<>])|(\$(?:\.[\w-]+)+)|"((?:[^"\\]|\\.)*)"|([\w.*+/:-]+))/y

interface Token {
  readonly kind: 'sign' | 'path' | 'text' | 'bare'
  readonly text: string
}

/**
 * Reads a filter pattern: words that all have to be in a line, `?words` of which one has to be, or `{ … }` over the fields of a
 * JSON line, with =, !=, &&, || and parentheses; a text may begin or end with `*`.
 * @throws InvalidPattern for what CloudWatch has, and this has not
 */
export function createPattern(pattern: string | undefined): Test {
  const text = pattern?.trim() ?? ''
  if (text === '') return () => true
  if (text.startsWith('{') && text.endsWith('}')) {
    const test = parseFields(text.slice(1, -1))
    return (message) => {
      const fields = message.startsWith('{') ? parseJson(message) : undefined
      return fields !== undefined && test(fields)
    }
  }
  return createWords(text)
}

function createWords(text: string): Test {
  const words = [...text.matchAll(/(\??)(?:"((?:[^"\\]|\\.)*)"|([\w.:@/-]+))/g)].map(([, any, quoted, bare]) => ({
    any: any !== '',
    word: quoted === undefined ? (bare ?? '') : unescaped(quoted),
  }))
  if (words.length === 0 || /[{}[\]]/.test(text.replaceAll(/"(?:[^"\\]|\\.)*"/g, ''))) throw new InvalidPattern(text)
  const all = words.filter(({ any }) => !any)
  const some = words.filter(({ any }) => any)
  return (message) =>
    all.every(({ word }) => message.includes(word)) &&
    (some.length === 0 || some.some(({ word }) => message.includes(word)))
}

const unescaped = (text: string) => text.replaceAll(/\\(.)/g, '$1')

function parseFields(text: string): FieldsTest {
  const tokens = tokensOf(text)
  let at = 0
  const next = () => tokens[at]
  const take = (): Token => {
    const token = tokens[at]
    if (token === undefined) throw new InvalidPattern(text)
    at += 1
    return token
  }
  const takes = (sign: string) => {
    const token = next()
    if (token?.kind !== 'sign' || token.text !== sign) return false
    at += 1
    return true
  }

  function either(): FieldsTest {
    const tests = [both()]
    while (takes('||')) tests.push(both())
    return tests.length === 1 ? (tests[0] as FieldsTest) : (fields) => tests.some((test) => test(fields))
  }

  function both(): FieldsTest {
    const tests = [one()]
    while (takes('&&')) tests.push(one())
    return tests.length === 1 ? (tests[0] as FieldsTest) : (fields) => tests.every((test) => test(fields))
  }

  function one(): FieldsTest {
    if (takes('(')) {
      const inner = either()
      if (!takes(')')) throw new InvalidPattern(text)
      return inner
    }
    const [path, sign, value] = [take(), take(), take()]
    if (path.kind !== 'path' || sign.kind !== 'sign' || value.kind === 'sign' || value.kind === 'path')
      throw new InvalidPattern(text)
    return compare(path.text.split('.').slice(1), sign.text, value)
  }

  const test = either()
  if (next() !== undefined) throw new InvalidPattern(text)
  return test
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text)
    if (!found) throw new InvalidPattern(text)
    const [, sign, path, quoted, bare] = found
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
    else if (path !== undefined) tokens.push({ kind: 'path', text: path })
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: unescaped(quoted) })
    else tokens.push({ kind: 'bare', text: bare ?? '' })
  }
  return tokens
}

function compare(path: readonly string[], sign: string, { kind, text }: Token): FieldsTest {
  if (kind === 'bare' && /^-?\d+(\.\d+)?$/.test(text)) return compareNumber(path, sign, Number(text))
  const wanted = new RegExp(`^${text.split('*').map(escaped).join('.*')}$`, 's')
  const textOf = (fields: unknown) => {
    const value = fieldAt(fields, ...path)
    return value === undefined || value === null ? undefined : String(value)
  }
  if (sign === '=') return (fields) => wanted.test(textOf(fields) ?? '\0')
  if (sign === '!=') return (fields) => !wanted.test(textOf(fields) ?? '\0')
  throw new InvalidPattern(text)
}

function compareNumber(path: readonly string[], sign: string, wanted: number): FieldsTest {
  const tests: Readonly<Record<string, (value: number) => boolean>> = {
    '=': (value) => value === wanted,
    '!=': (value) => value !== wanted,
    '<': (value) => value < wanted,
    '>': (value) => value > wanted,
    '<=': (value) => value <= wanted,
    '>=': (value) => value >= wanted,
  }
  const test = tests[sign]
  if (test === undefined) throw new InvalidPattern(sign)
  return (fields) => {
    const value = fieldAt(fields, ...path)
    return typeof value === 'number' && test(value)
  }
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

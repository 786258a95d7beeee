import { isDeepStrictEqual } from 'node:util'
import { type Document, isScalar, parseDocument, type Scalar, stringify } from 'yaml'
import { parseYamlFile } from './yaml.js'

/** A field that is to have another value; undefined takes it out. */
export interface YamlFieldEdit {
  readonly path: readonly string[]
  readonly to: unknown
}

/**
 * Changes fields of a YAML document. If values only replace values, all other bytes stay. If fields come or go, the whole
 * document is written again: its comments stay, its line breaks may not. The result is read again: it says what it said
 * before, with these edits, and nothing else.
 * @param text of a document without errors
 * @returns undefined if no way of writing leads there
 */
export function editYaml(text: string, edits: readonly YamlFieldEdit[]): string | undefined {
  const wanted = edited(parseYamlFile(text).value, edits)
  for (const write of WAYS) {
    const written = write(text, edits)
    if (written === undefined) continue
    const { value, problems } = parseYamlFile(written)
    if (problems.length === 0 && isDeepStrictEqual(value, wanted)) return written
  }
  return undefined
}

type Write = (text: string, edits: readonly YamlFieldEdit[]) => string | undefined

/** The one that changes the least comes first. Some plain texts need quotes where they stand between braces. */
const WAYS: readonly Write[] = [
  (text, edits) => replaceInPlace(text, edits, (node) => node.type),
  (text, edits) => replaceInPlace(text, edits, () => 'QUOTE_DOUBLE'),
  (text, edits) => writeWhole(text, edits, false),
  (text, edits) => writeWhole(text, edits, true),
]

function replaceInPlace(
  text: string,
  edits: readonly YamlFieldEdit[],
  quotes: (node: Scalar) => Scalar['type'],
): string | undefined {
  const document = parseDocument(text)
  const replaced = edits.flatMap(({ path, to }) => replacement(document.getIn(path, true), to, quotes) ?? [])
  return replaced.length === edits.length ? splice(text, replaced) : undefined
}

/** The library throws if a field is to be put under something that is no section, or a value has no form in YAML. */
function writeWhole(text: string, edits: readonly YamlFieldEdit[], quoted: boolean): string | undefined {
  const document = parseDocument(text)
  try {
    for (const { path, to } of edits) {
      setField(document, path, to)
      const node = document.getIn(path, true)
      // In a form that the field had, such as `|`, a value of spaces alone cannot be written.
      if (quoted && isScalar(node)) node.type = 'QUOTE_DOUBLE'
    }
    return document.toString({ lineWidth: 0, flowCollectionPadding: text.includes('[ ') })
  } catch {
    return undefined
  }
}

/** The content with the edits: what the edited text must say. */
function edited(content: unknown, edits: readonly YamlFieldEdit[]): unknown {
  return edits.reduce((value, { path, to }) => withField(value, path, to), content)
}

function withField(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined || (value === undefined && to === undefined)) return to
  const fields = new Map(Object.entries(value ?? {}))
  const inner = withField(fields.get(key), rest, to)
  if (inner === undefined) fields.delete(key)
  else fields.set(key, inner)
  return Object.fromEntries(fields)
}

interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The same place with another value; undefined if that needs more than one line. */
function replacement(node: unknown, to: unknown, quotes: (node: Scalar) => Scalar['type']): Replacement | undefined {
  if (!isScalar(node) || !node.range || to === undefined || (typeof to === 'object' && to !== null)) return undefined
  if (node.type !== 'PLAIN' && node.type !== 'QUOTE_DOUBLE' && node.type !== 'QUOTE_SINGLE') return undefined
  const [start, end] = node.range
  const text = inQuotes(quotes(node), to)
  return text.includes('\n') || start === end ? undefined : { start, end, text }
}

function inQuotes(type: Scalar['type'], to: unknown): string {
  const options = typeof to !== 'string' || type === 'PLAIN' ? {} : ({ defaultStringType: type ?? 'PLAIN' } as const)
  return stringify(to, { lineWidth: 0, ...options }).trimEnd()
}

function splice(text: string, replacements: readonly Replacement[]): string {
  const fromTheEnd = [...replacements].sort((a, b) => b.start - a.start)
  return fromTheEnd.reduce((done, { start, end, text: value }) => done.slice(0, start) + value + done.slice(end), text)
}

function setField(document: Document, path: readonly string[], to: unknown): void {
  if (to !== undefined) document.setIn(path, to)
  else if (document.hasIn(path)) document.deleteIn(path)
}

import { type Document, isScalar, parseDocument, type Scalar, stringify } from 'yaml'

/** A field that is to have another value; undefined takes it out. */
export interface YamlFieldEdit {
  readonly path: readonly string[]
  readonly to: unknown
}

/**
 * Changes fields of a YAML document. Where values only take the place of values, all other bytes stay; fields that come or
 * go let the document be written anew: its comments stay, its line breaks may not.
 * @param text of a document without errors
 */
export function editYaml(text: string, edits: readonly YamlFieldEdit[]): string {
  const document = parseDocument(text)
  const replaced = edits.map(({ path, to }) => replacement(document.getIn(path, true), to))
  const inPlace = replaced.flatMap((one) => one ?? [])
  if (inPlace.length === edits.length) return splice(text, inPlace)
  for (const { path, to } of edits) setField(document, path, to)
  return document.toString({ lineWidth: 0, flowCollectionPadding: text.includes('[ ') })
}

interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The same place with another value in the same kind of quotes; undefined where that needs more than one line. */
function replacement(node: unknown, to: unknown): Replacement | undefined {
  if (!isScalar(node) || !node.range || to === undefined || (typeof to === 'object' && to !== null)) return undefined
  if (node.type !== 'PLAIN' && node.type !== 'QUOTE_DOUBLE' && node.type !== 'QUOTE_SINGLE') return undefined
  const [start, end] = node.range
  const text = inQuotesOf(node, to)
  return text.includes('\n') || start === end ? undefined : { start, end, text }
}

function inQuotesOf({ type }: Scalar, to: unknown): string {
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

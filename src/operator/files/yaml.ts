import {
  Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit as visitNodes,
} from 'yaml'
import { isObeyed } from '../../terminal/clean.js'

/** A place in a file, both counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What is at a path (a JSON pointer) of a YAML file. */
interface YamlPlace extends Position {
  /** The text of a number or a boolean as it was written; undefined for anything else. */
  readonly unquoted: string | undefined
}

/** Something that YAML allows, or not, and that a tenant file must not hold. */
interface YamlProblem extends Position {
  readonly path: string
  readonly message: string
}

export interface YamlFile {
  /** The content; undefined if there are problems. */
  readonly value: unknown
  readonly problems: readonly YamlProblem[]
  /** Where a path is; if it is missing, where its nearest parent is. */
  locate(path: string): YamlPlace
}

/**
 * A value as YAML on a terminal. A text with line breaks or control characters stands in double quotes on one line, where
 * each of them can be written out and still means itself.
 */
export function yamlText(value: unknown): string {
  const document = new Document(value)
  visitNodes(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && isObeyed(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0, doubleQuotedAsJSON: true })
}

/** One broken line can make errors of all that follow. */
const SYNTAX_ERRORS_MAX = 10

/**
 * Parses one YAML 1.2 document. Tags, merge keys, aliases and fields given twice, through which a file could say something
 * else than it seems to, are problems. Places are looked up in the text again: those of thousands of files would fill the
 * memory, and few are ever asked for.
 */
export function parseYamlFile(text: string): YamlFile {
  const { value, problems } = readYaml(text)
  return { value, problems, locate: (path) => readYaml(text).locate(path) }
}

function readYaml(text: string): YamlFile {
  const lines = new LineCounter()
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The walk below names the field that is given twice.
    uniqueKeys: false,
    prettyErrors: false,
    // `silent` would also keep quiet about a second document in the file.
    logLevel: 'error',
  })
  const { places, problems } = walkYaml(document.contents)
  const syntax = [...document.errors, ...document.warnings]
    // The walk names the field, if it can.
    .filter(({ code }) => code !== 'TAG_RESOLVE_FAILED' || problems.length === 0)
    .slice(0, SYNTAX_ERRORS_MAX)
    .map(({ code, message, pos }) => ({ path: '', offset: pos[0], message: syntaxMessage(code, message) }))
  const all = [...syntax, ...problems].map(({ path, offset, message }) => ({ path, message, ...position(offset) }))
  return {
    value: all.length === 0 ? document.toJS() : undefined,
    problems: all,
    locate(path) {
      const known = places.get(nearest(path, places))
      return { ...position(known?.offset ?? 0), unquoted: known && places.has(path) ? known.unquoted : undefined }
    },
  }
}

function syntaxMessage(code: string, message: string): string {
  if (code === 'NON_STRING_KEY') return 'must have plain text as keys'
  if (code === 'MULTIPLE_DOCS') return 'must hold one document: remove the --- and what follows'
  return `is not valid YAML: ${message.split('\n')[0]}`
}

/** The longest beginning of a path that is a path itself. */
function nearest(path: string, places: ReadonlyMap<string, unknown>): string {
  let known = path
  while (known !== '' && !places.has(known)) known = known.slice(0, known.lastIndexOf('/'))
  return known
}

interface Found {
  readonly path: string
  readonly offset: number
  readonly message: string
}

/** All paths of a document with their places, and what we refuse of what YAML allows. */
interface WalkedYaml {
  readonly places: Map<string, { readonly offset: number; readonly unquoted: string | undefined }>
  readonly problems: Found[]
}

/** Visits every node; a field is where its key is. */
function walkYaml(contents: unknown): WalkedYaml {
  const walked: WalkedYaml = { places: new Map(), problems: [] }
  visit(contents, '', isNode(contents) ? startOf(contents) : 0, walked)
  return walked
}

function visit(node: unknown, path: string, offset: number, walked: WalkedYaml): void {
  const refuse = (message: string) => walked.problems.push({ path, offset, message })
  walked.places.set(path, { offset, unquoted: unquotedText(node) })
  if (isAlias(node)) refuse(`must not be an alias: write out what *${node.source} stands for`)
  if (!isScalar(node) && !isCollection(node)) return
  if (node.tag !== undefined) refuse('must have no tag')
  if (isSeq(node))
    node.items.forEach((item, index) => {
      visit(item, `${path}/${index}`, isNode(item) ? startOf(item) : offset, walked)
    })
  if (isMap(node)) for (const pair of node.items) visitPair(pair, path, offset, walked)
}

function visitPair({ key, value }: Pair, parent: string, parentOffset: number, walked: WalkedYaml): void {
  const name = isScalar(key) ? String(key.value) : ''
  const path = `${parent}/${name}`
  const offset = isNode(key) ? startOf(key) : parentOffset
  if (name === '<<') walked.problems.push({ path, offset, message: 'must not be a merge key: write the fields out' })
  if (walked.places.has(path)) walked.problems.push({ path, offset, message: 'is given twice' })
  if (!isScalar(key) || key.tag !== undefined) visit(key, path, offset, walked)
  visit(value, path, offset, walked)
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}

function unquotedText(node: unknown): string | undefined {
  if (!isScalar(node) || node.type !== 'PLAIN') return undefined
  return typeof node.value === 'number' || typeof node.value === 'boolean' ? node.source : undefined
}

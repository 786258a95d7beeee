import { isAlias, isCollection, isMap, isNode, isScalar, isSeq, type Node, type Pair } from 'yaml'

interface Found {
  readonly path: string
  readonly offset: number
  readonly message: string
}

/** All paths of a document with their places, and what we refuse of what YAML allows. */
export interface WalkedYaml {
  readonly places: Map<string, { readonly offset: number; readonly unquoted: string | undefined }>
  readonly problems: Found[]
}

/** Visits every node; a field is where its key is. */
export function walkYaml(contents: unknown): WalkedYaml {
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

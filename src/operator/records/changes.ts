import { isDeepStrictEqual } from 'node:util'
import { fieldAt, fieldsOf, isFields } from '../../fields.js'
import { inLine } from '../../terminal/clean.js'
import type { Paint } from '../../terminal/io.js'

/** One field that differs; `from` or `to` is absent if the field is. */
export interface FieldChange {
  /** Names joined by dots; empty if the whole config is meant. */
  readonly field: string
  readonly from?: unknown
  readonly to?: unknown
}

/**
 * AWS does not treat an ExternalId as a secret, but customers do, and a reader of plans needs to know only that it changed.
 * So no command prints it.
 */
const UNPRINTED = new Set(['aws.externalId'])

/** Says in what two configs differ, field by field. Either may be anything. */
export function changesOf(from: unknown, to: unknown): FieldChange[] {
  const [before, after] = [leaves(from), leaves(to)]
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => !isDeepStrictEqual(before.get(field), after.get(field)))
    .map((field) => ({
      field,
      ...(before.has(field) && { from: before.get(field) }),
      ...(after.has(field) && { to: after.get(field) }),
    }))
}

/** Every value that is not an object with fields, by its name; a list is one value. */
function leaves(value: unknown, field = ''): Map<string, unknown> {
  const nested = isFields(value) ? Object.entries(value) : []
  if (nested.length === 0) return new Map([[field, value]])
  return new Map(nested.flatMap(([key, inner]) => [...leaves(inner, field === '' ? key : `${field}.${key}`)]))
}

/** One line for a person. */
export function changeText(change: FieldChange, paint: Paint): string {
  const { field } = change
  const name = inLine(field) || '(all of it)'
  const shown = (value: unknown) => (UNPRINTED.has(field) ? '(not shown)' : JSON.stringify(value))
  if (!('from' in change)) return `${paint('green', '+')} ${name}: ${shown(change.to)}`
  if (!('to' in change)) return `${paint('red', '-')} ${name}: ${shown(change.from)}`
  const values = UNPRINTED.has(field) ? '(changed)' : `${shown(change.from)} -> ${shown(change.to)}`
  return `${paint('yellow', '~')} ${name}: ${values}`
}

/** What `--json` prints of changes. */
export function changesJson(changes: readonly FieldChange[]): FieldChange[] {
  return changes.map((change) => (UNPRINTED.has(change.field) ? { field: change.field } : change))
}

/** A config as it may be printed. */
export function printable(config: unknown): unknown {
  if (typeof fieldAt(config, 'aws', 'externalId') !== 'string') return config
  return { ...fieldsOf(config), aws: { ...fieldsOf(fieldAt(config, 'aws')), externalId: '(not shown)' } }
}

/** Values of unknown shape, such as parsed JSON, read without trusting them. */
export type Fields = Readonly<Record<string, unknown>>

/** Does the value have named fields? A list has none. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value's fields by name, or a list's items by index; empty for anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

/** What a value holds at a path of names; undefined if one of them is missing. */
export function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (isFields(inner) ? inner[name] : undefined), value)
}

/** The text at a path of names; undefined if it is missing, empty or no text. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = fieldAt(value, ...path)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** The texts in a value that is one text or a list of them; whatever else it holds is left out. */
export function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

/** The name of a field as people read it, e.g. `aws.roleArn` for the JSON pointer `/aws/roleArn`; empty for the whole. */
export function fieldName(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.')
}

/** Deepest nesting of lists and objects: more than any event has, and far less than JSON.stringify can write. */
export const LEVELS_MAX = 500

/** Is a value nested more deeply than {@link LEVELS_MAX}? */
export function isTooDeep(value: unknown): boolean {
  let inside = [value].filter(isNested)
  for (let level = 0; inside.length > 0; level += 1) {
    if (level === LEVELS_MAX) return true
    inside = inside.flatMap((one) => Object.values(one).filter(isNested))
  }
  return false
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
